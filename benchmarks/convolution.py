"""3×3 convolutions in a training step: Winograd's way (`lab.nets.winograd`) beside PyTorch's, layer by layer.

    python benchmarks/convolution.py [--rounds 7]

Milliseconds forward and for all three slopes, batches of 32, channels-last, float32; both take turns in one process,
median of the rounds. `times` is how many times as fast Winograd's way is for both together; `taken` whether a training
takes it (where it is large enough). `error` is the largest difference of a result from double precision, in standard
deviations of the results: ours, and PyTorch's, on the first two photos. One JSON line last.
"""

from __future__ import annotations

import argparse
import time
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

import fingerspell.lab  # noqa: F401 - the allocator, before torch works
from fingerspell.lab.nets import winograd
from measuring import finish, table

BATCH = 32
LAYERS = (
    # of v4, of v1 (conv3), then smaller ones: channels in, out, side
    (32, 32, 200), (32, 64, 100), (64, 64, 100), (64, 128, 50), (128, 128, 50), (64, 128, 48),
    (16, 16, 200), (32, 32, 64), (64, 64, 32), (64, 64, 16), (128, 128, 16), (256, 256, 16),
)  # fmt: skip


def layers(inputs: int, outputs: int) -> tuple[nn.Conv2d, nn.Conv2d]:
    """The same weights as ours and as PyTorch's."""
    torch.manual_seed(0)
    ours = winograd.Conv2d(inputs, outputs, 3, padding=1).to(memory_format=torch.channels_last)
    theirs = nn.Conv2d(inputs, outputs, 3, padding=1).to(memory_format=torch.channels_last)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def timed(layer: nn.Conv2d, maps: Tensor, slopes: Tensor) -> tuple[float, float]:
    """Milliseconds forward, and backward."""
    start = time.perf_counter()
    made = layer(maps)
    between = time.perf_counter()
    torch.autograd.grad(made, (maps, layer.weight, layer.bias), slopes)
    return 1000 * (between - start), 1000 * (time.perf_counter() - between)


def error(layer: nn.Conv2d, maps: Tensor, exact: Tensor) -> float:
    """The largest difference of its results, in standard deviations of what they should be."""
    return float((layer(maps).detach().double() - exact).abs().max() / exact.std())


def measured(inputs: int, outputs: int, side: int, rounds: int) -> dict[str, Any]:
    """One layer."""
    last = torch.channels_last
    maps = torch.randn(BATCH, inputs, side, side).contiguous(memory_format=last).requires_grad_()
    slopes = torch.randn(BATCH, outputs, side, side).contiguous(memory_format=last)
    ours, theirs = layers(inputs, outputs)
    made = ours(maps)
    taken = made.grad_fn is not None and made.grad_fn.name().startswith("_Winograd")
    limits = winograd._FEW, winograd._LARGE, winograd._MUCH
    winograd._FEW, winograd._LARGE, winograd._MUCH = 0, 4, 0  # whatever the size
    try:
        for layer in (ours, theirs):
            timed(layer, maps, slopes)
        both = [(timed(ours, maps, slopes), timed(theirs, maps, slopes)) for _ in range(rounds)]
        two = maps[:2].detach().contiguous(memory_format=last)
        with torch.no_grad():
            exact = nn.functional.conv2d(two.double(), ours.weight.double(), ours.bias.double(), padding=1)
        errors = [error(layer, two, exact) for layer in (ours, theirs)]
    finally:
        winograd._FEW, winograd._LARGE, winograd._MUCH = limits
    return {
        "layer": f"{inputs}→{outputs} at {side}²",
        "ours": [median(its[0][k] for its in both) for k in (0, 1)],
        "theirs": [median(its[1][k] for its in both) for k in (0, 1)],
        "times": median(sum(theirs) / sum(ours) for ours, theirs in both),
        "taken": taken,
        "errors": errors,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    found = [measured(*layer, given.rounds) for layer in LAYERS]
    rows = [
        (
            its["layer"], *(" / ".join(f"{each:.0f}" for each in its[who]) for who in ("ours", "theirs")),
            f"{its['times']:.2f}", "yes" if its["taken"] else "no", " / ".join(f"{each:.0e}" for each in its["errors"]),
        )
        for its in found
    ]  # fmt: skip
    print(table(("layer", "Winograd, ms", "PyTorch, ms", "times", "taken", "error"), rows))
    finish("convolution", {"layers": found})


if __name__ == "__main__":
    main()
