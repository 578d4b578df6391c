"""Training of the finder: frames follow from (seed, step), so a killed run goes on with the same frames."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fingerspell.core.errors import TrainingError
from fingerspell.core.progress import Progress, silent
from fingerspell.lab.finder.frames import Composed, Stock, compose
from fingerspell.lab.finder.loss import loss, targets
from fingerspell.lab.finder.net import FinderNet
from fingerspell.lab.recipe import CosineSettings
from fingerspell.lab.training.average import WeightAverage
from fingerspell.lab.training.checkpoint import load_checkpoint, save_checkpoint
from fingerspell.lab.training.optimizer import build_optimizer, set_learning_rate
from fingerspell.lab.training.schedule import Cosine

SIZES = ((160, 224), (128, 224), (192, 192), (224, 160), (128, 128))
"""Heights and widths that batches have: those of 4:3, 16:9, square and upright frames, and of a window to follow in."""
_OFTEN = (0.35, 0.2, 0.15, 0.1, 0.2)
_WARM, _KEPT = 0.04, 0.998  # share of the steps in which the rate rises; of the mean weights, kept at each step


@dataclass(frozen=True)
class Settings:
    """Of a training.

    Attributes:
        steps: how many.
        batch: frames a step.
        rate: highest learning rate.
        decay: of weights.
        seed: of weights and frames.
    """

    steps: int = 4000
    batch: int = 24
    rate: float = 2.5e-3
    decay: float = 0.02
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Trained:
    """What a training has come to.

    Attributes:
        net: with the mean of its weights over the last steps, ready to be judged.
        step: steps taken.
        finished: whether these were all.
        seconds: spent in this call.
    """

    net: FinderNet
    step: int
    finished: bool
    seconds: float


def frames_of(stock: Stock, settings: Settings, step: int) -> list[Composed]:
    """The frames of one step, all of one size."""
    rng = np.random.Generator(np.random.PCG64([settings.seed, step]))
    height, width = SIZES[int(rng.choice(len(SIZES), p=_OFTEN))]
    return [compose(rng, stock, height, width) for _ in range(settings.batch)]


def train(
    stock: Stock,
    settings: Settings,
    checkpoint: Path,
    *,
    progress: Progress = silent,
    stop: Callable[[], str | None] = lambda: None,
    every: float = 30.0,
    tell: Callable[[dict[str, float]], None] = lambda entry: None,
) -> Trained:
    """Train, or go on where the checkpoint stands.

    Args:
        stock: what frames are composed of.
        settings: of the training; a checkpoint of other settings is refused.
        checkpoint: replaced now and then, and at the end.
        progress: told of steps.
        stop: asked at each step; a reason ends the work, and what was learnt is kept.
        every: seconds between checkpoints.
        tell: told of the mean losses every 50 steps.

    Raises:
        TrainingError: the checkpoint is damaged or of other settings, or the loss is no number any more.
    """
    torch.manual_seed(settings.seed)
    net = FinderNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = build_optimizer("adamw", net, settings.rate, settings.decay)
    average, schedule, step = WeightAverage.of(net, _KEPT), _schedule(settings), 0
    if checkpoint.exists():
        state = load_checkpoint(checkpoint, net, optimizer, average)
        _require_same(checkpoint, state.get("finder", {}), settings)
        step = int(state["step"])

    def save() -> None:
        save_checkpoint(checkpoint, net, optimizer, average, {"step": step, "finder": asdict(settings)})

    started = saved = time.monotonic()
    sums = np.zeros(3)
    while step < settings.steps and stop() is None:
        set_learning_rate(optimizer, schedule.rate(step))
        sums += [*_step(net, optimizer, stock, settings, step), 1]
        step += 1
        average.follow(net)
        progress("learning to find hands", step, settings.steps)
        if step % 50 == 0:
            tell({"step": step, "heat": sums[0] / sums[2], "edges": sums[1] / sums[2]})
            sums[:] = 0
        if time.monotonic() - saved > every:
            save()
            saved = time.monotonic()
    save()
    average.put_into(net)
    return Trained(net.eval(), step, step >= settings.steps, time.monotonic() - started)


def photos_of(frames: list[NDArray[np.uint8]]) -> Tensor:
    """Frames of one size → (N, 3, h, w) float32 of 0–1."""
    photos = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)  # (N, 3, h, w), channels last in memory
    return photos.to(torch.float32) / 255


def _step(
    net: FinderNet, optimizer: torch.optim.Optimizer, stock: Stock, settings: Settings, step: int
) -> tuple[float, float]:
    frames = frames_of(stock, settings, step)
    height, width = frames[0].pixels.shape[:2]
    heat, edges, weight = targets([frame.boxes for frame in frames], height, width)
    net.train()
    with torch.autocast("cpu", torch.bfloat16):
        found = net(photos_of([frame.pixels for frame in frames]))
    first, second = loss(found.float(), heat, edges, weight)
    total = first + second
    if not bool(torch.isfinite(total)):
        raise TrainingError(f"the loss is no number any more at step {step}", remedy="begin again with another --seed")
    optimizer.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    optimizer.step()
    return float(first.detach()), float(second.detach())


def _schedule(settings: Settings) -> Cosine:
    """Rises in the beginning, then falls as a cosine to a hundredth; counted in steps instead of epochs."""
    return Cosine(settings.rate, CosineSettings(warmup=settings.steps * _WARM), 1, settings.steps)


def _require_same(path: Path, before: dict[str, Any], settings: Settings) -> None:
    other = {name: value for name, value in asdict(settings).items() if before.get(name) != value}
    if other:
        raise TrainingError(
            f"{path} was begun with {', '.join(f'{name} {before.get(name)}' for name in other)}",
            expected=", ".join(f"{name} {value}" for name, value in other.items()),
            remedy="go on with the same settings, or delete it to begin again",
        )
