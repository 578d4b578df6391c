"""Learning rates: constant, reduced on a plateau (as Keras), cyclic (Smith 2017), cosine with warm-up."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from fingerspell.lab.recipe import CosineSettings, CyclicSettings, PlateauSettings, Recipe
from fingerspell.lab.training.stopping import exceeds


class Schedule(Protocol):
    """What the loop asks a schedule."""

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0 over the whole run."""
        ...

    def end_epoch(self, val_loss: float) -> None:
        """Take in the validation loss of an epoch."""
        ...

    def state(self) -> dict[str, Any]:
        """What changes while it works, JSON-ready."""
        ...

    def load(self, state: dict[str, Any]) -> None:
        """Put back what `state` gave."""
        ...


@dataclass
class Constant:
    """One rate throughout."""

    learning_rate: float

    def rate(self, step: int) -> float:
        """The same for every step."""
        return self.learning_rate

    def end_epoch(self, val_loss: float) -> None:
        """Nothing changes."""

    def state(self) -> dict[str, Any]:
        """Nothing to keep."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Nothing to put back."""


@dataclass
class Plateau:
    """ReduceLROnPlateau, decision for decision as Keras 3.16: the rate of an epoch is logged before any change, a
    reduction sets `wait` to zero and starts the cooldown, and nothing is reduced below the floor. Losses and
    rates are compared as 32-bit floats, as there."""

    learning_rate: float
    settings: PlateauSettings
    best: float | None = None
    wait: int = 0
    cooldown: int = 0

    def rate(self, step: int) -> float:
        """The rate as reduced so far."""
        return self.learning_rate

    def end_epoch(self, val_loss: float) -> None:
        """Reduce the rate if val_loss has not fallen for long enough."""
        if self.cooldown > 0:
            self.cooldown -= 1
            self.wait = 0
        if self.best is None or exceeds(self.best, val_loss + self.settings.min_delta):
            self.best, self.wait = val_loss, 0
        elif self.cooldown <= 0:
            self.wait += 1
            if self.wait >= self.settings.patience and exceeds(self.learning_rate, self.settings.floor):
                kept = float(np.float32(self.learning_rate))  # what Keras's variable holds of it
                self.learning_rate = max(kept * self.settings.factor, self.settings.floor)
                self.cooldown, self.wait = self.settings.cooldown, 0

    def state(self) -> dict[str, Any]:
        """Rate, best, wait and cooldown."""
        values = asdict(self)
        del values["settings"]
        return values

    def load(self, state: dict[str, Any]) -> None:
        """Put back what `state` gave."""
        for name, value in state.items():
            setattr(self, name, value)


@dataclass
class Cyclic:
    """Smith, "Cyclical Learning Rates" (2017): cycle = ⌊1 + i/2s⌋, x = |i/s − 2·cycle + 1|,
    rate = base + (top − base)·max(0, 1 − x)·scale."""

    settings: CyclicSettings
    steps_per_epoch: int

    def rate(self, step: int) -> float:
        """The rate of a step; `exp_range` shrinks by γ each step, `triangular2` halves each cycle."""
        half = self.settings.half_cycle * self.steps_per_epoch
        cycle = math.floor(1 + step / (2 * half))
        x = abs(step / half - 2 * cycle + 1)
        scale = {"triangular": 1.0, "triangular2": 0.5 ** (cycle - 1), "exp_range": self.settings.gamma**step}
        reach = self.settings.top - self.settings.base
        return self.settings.base + reach * max(0.0, 1 - x) * scale[self.settings.shape]

    def end_epoch(self, val_loss: float) -> None:
        """Nothing changes."""

    def state(self) -> dict[str, Any]:
        """Nothing to keep: the rate follows from the step."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Nothing to put back."""


@dataclass
class Cosine(Constant):
    """Linear warm-up, then half a cosine (Loshchilov & Hutter 2017) down to a fraction of the rate."""

    settings: CosineSettings
    steps_per_epoch: int
    epochs: int

    def rate(self, step: int) -> float:
        """The rate of a step."""
        warmup = self.settings.warmup * self.steps_per_epoch
        if step < warmup:
            return self.learning_rate * (step + 1) / (warmup + 1)
        through = min(1.0, (step - warmup) / max(1.0, self.epochs * self.steps_per_epoch - warmup))
        floor = self.settings.floor
        return self.learning_rate * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * through)))


def build_schedule(recipe: Recipe, steps_per_epoch: int) -> Schedule:
    """The schedule that a recipe asks for."""
    learning_rate = recipe.training.learning_rate
    if recipe.plateau is not None:
        return Plateau(learning_rate, recipe.plateau)
    if recipe.cyclic is not None:
        return Cyclic(recipe.cyclic, steps_per_epoch)
    if recipe.cosine is not None:
        return Cosine(learning_rate, recipe.cosine, steps_per_epoch, recipe.training.epochs)
    return Constant(learning_rate)
