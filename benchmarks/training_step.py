"""A training step of the notebook's networks: ours against Keras, on a batch that stays in memory.

    python benchmarks/training_step.py [v1 v4 …] [--rounds 5] [--side 200] [--batch 32]

Rows: ours in float32 and in bfloat16; Keras 3 on TensorFlow as installed, and with the C library's allocator set up as
`fingerspell train` does; Keras 3 on torch. The others need `make bench-peers`. All work in turn, one at a time.

`times` is how many times as fast ours in float32 is as that row: the median of the rounds' ratios, and their range. `of
peak` is the share of the machine's fastest measured convolution that the network's own multiply-adds (three times the
forward ones) make up. First the losses of four steps from the same weights without dropout are compared.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from made_photos import made_photos
from measuring import FIXED, PEERS_PYTHON, Contender, against, contend, finish, note, serve, table

NETWORKS = ("v1", "v2", "v3", "v4", "v5")
STEP_KERAS = Path(__file__).resolve().parent / "peers" / "step_keras.py"
OURS, OURS_BF16 = "ours, float32", "ours, bfloat16"


def ours(given: argparse.Namespace) -> None:
    """This process is a contender: steps as `fingerspell train` takes them."""
    from fingerspell.lab.allocator import keep_large_blocks

    keep_large_blocks()
    import numpy as np
    import torch
    import torch.nn.functional as F

    from fingerspell.lab.keras_model.weights import read_keras_model
    from fingerspell.lab.nets.registry import build, multiply_adds
    from fingerspell.lab.training.optimizer import build_optimizer

    torch.manual_seed(0)
    net = build(f"notebook-{given.contender}", 29, given.side, given.side).to(memory_format=torch.channels_last)
    operations = 2 * multiply_adds(net, given.side, given.side)
    if given.agree is not None:
        net.load_state_dict(read_keras_model(given.agree).state)
        for layer in net.modules():
            if isinstance(layer, torch.nn.Dropout | torch.nn.Dropout2d):
                layer.p = 0.0
    net.train()
    photos = torch.from_numpy(made_photos(given.batch, given.side)).permute(0, 3, 1, 2)
    labels = torch.from_numpy(np.random.default_rng(0).integers(0, 29, given.batch))
    optimizer = build_optimizer("adam", net, 0.001, 0.0)

    def steps(count: int) -> list[float]:
        losses = []
        for _ in range(count):
            with torch.autocast("cpu", torch.bfloat16, enabled=given.precision == "bfloat16"):
                logits = net(photos)
            loss = F.cross_entropy(logits.float(), labels) + net.l2_penalty()
            losses.append(float(loss.item()))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        return losses

    def work() -> dict[str, Any]:
        start = time.perf_counter()
        steps(given.steps)
        return {"seconds": time.perf_counter() - start, "units": given.steps * given.batch}

    if given.agree is not None:
        serve(dict, losses=steps(4))
        return
    steps(3)
    serve(work, operations=operations)


def peak(_given: argparse.Namespace) -> None:
    """This process measures what the machine can do: the fastest of some convolutions and matrix products."""
    import torch
    import torch.nn.functional as F

    kinds = {"float32": torch.float32, "bfloat16": torch.bfloat16}

    def rate(kind: torch.dtype) -> float:
        best = 0.0
        for channels, side in ((64, 64), (128, 50), (256, 28)):
            maps = torch.rand(32, channels, side, side).to(kind).contiguous(memory_format=torch.channels_last)
            kernel = torch.rand(channels, channels, 3, 3).to(kind).contiguous(memory_format=torch.channels_last)
            best = max(
                best, 2 * 9 * channels**2 * 32 * side**2 / fastest(lambda m=maps, k=kernel: F.conv2d(m, k, padding=1))
            )
        left = torch.rand(2048, 2048).to(kind)
        return max(best, 2 * 2048**3 / fastest(lambda: left @ left))

    def fastest(do: Any) -> float:
        taken = []
        with torch.no_grad():
            for _ in range(6):
                start = time.perf_counter()
                do()
                taken.append(time.perf_counter() - start)
        return min(taken)

    def work() -> dict[str, Any]:
        rates = {name: rate(kind) for name, kind in kinds.items()}
        return {"seconds": 1.0, "units": rates["float32"], "rates": rates}

    serve(work)


def compare(network: str, given: argparse.Namespace) -> dict[str, Any]:
    """All rows for one network; prints its table."""
    common = [network, "--side", str(given.side), "--batch", str(given.batch)]
    mine = [sys.executable, __file__, "--contender", *common]
    keras = [str(PEERS_PYTHON), str(STEP_KERAS), *common]
    losses, fixed = agreement(mine, keras), {"GLIBC_TUNABLES": FIXED}
    rows = [
        Contender(OURS, [*mine, "--precision", "float32"]),
        Contender(OURS_BF16, [*mine, "--precision", "bfloat16"]),
        Contender("Keras on TensorFlow, as installed", keras),
        Contender("Keras on TensorFlow, allocator fixed", keras, fixed),
        Contender("Keras on torch, allocator fixed", keras, {**fixed, "KERAS_BACKEND": "torch"}),
    ]
    machine = Contender("peak", [sys.executable, __file__, "--contender", "peak"])
    contend([*rows, machine], given.rounds)
    peaks = {kind: max(said["rates"][kind] for said in machine.rounds) for kind in ("float32", "bfloat16")}
    print(f"\n{network}, batches of {given.batch}, {given.side}×{given.side}")
    print(
        table(
            ("", "photos/s", "ms a step", "times", "of peak", "memory GB"), [_row(row, rows[0], peaks) for row in rows]
        )
    )
    print(f"losses of four steps from the same weights: {json.dumps(losses)}", flush=True)
    shown = [row.summary | ({"times": against(rows[0], row)} if row.rounds else {}) for row in rows]
    return {"network": network, "rows": shown, "peak_flops": peaks, "losses": losses}


def _row(row: Contender, first: Contender, peaks: dict[str, float]) -> tuple[str, ...]:
    if not row.rounds:
        return (row.name, row.ready.get("error", "–"), "–", "–", "–", "–")
    said = row.summary
    rate = said["per_second"]
    share = "–"
    if "operations" in said:
        kind = "bfloat16" if row.name == OURS_BF16 else "float32"
        share = f"{3 * said['operations'] * rate / peaks[kind]:.0%}"
    batch = row.rounds[0]["units"] / 2
    spread = f"{rate:.1f} ({said['low']:.1f}–{said['high']:.1f})"
    return (
        row.name,
        spread,
        f"{1000 * batch / rate:.0f}",
        against(first, row),
        share,
        f"{said['peak_mib'] / 1024:.1f}",
    )


def agreement(mine: list[str], keras: list[str]) -> dict[str, Any]:
    """The losses of four steps without dropout from Keras's fresh weights: Keras's, and ours."""
    if not PEERS_PYTHON.exists():
        return {}
    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder) / "fresh.keras")
        theirs, own = Contender("Keras", [*keras, "--agree", model]), Contender("ours", [*mine, "--agree", model])
        contend([theirs], 0)
        contend([own], 0)
    return {row.name: row.ready.get("losses", row.ready.get("error")) for row in (theirs, own)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help="of v1 v2 v3 v4 v5; all without any")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", type=int, default=200)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=2, help=argparse.SUPPRESS)
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--precision", default="float32", help=argparse.SUPPRESS)
    parser.add_argument("--agree", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.contender == "peak":
        peak(given)
    elif given.contender:
        ours(given)
    else:
        unknown = sorted(set(given.networks) - set(NETWORKS))
        if unknown:
            parser.error(f"unknown network {', '.join(unknown)}: choose from {', '.join(NETWORKS)}")
        note("each row is a process of its own; they work in turn")
        finish("training_step", {"networks": [compare(name, given) for name in given.networks or NETWORKS]})


if __name__ == "__main__":
    main()
