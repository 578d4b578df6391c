"""Early stopping, decision for decision as Keras's callback (`keras/src/callbacks/early_stopping.py`, 3.16)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def exceeds(value: float, other: float) -> bool:
    """Whether value > other as 32-bit floats, as Keras's callbacks compare: smaller differences are ties.

    NaN exceeds nothing, and nothing exceeds NaN.
    """
    with np.errstate(over="ignore"):
        return bool(np.float32(value) > np.float32(other))


@dataclass
class EarlyStopping:
    """Watches val_accuracy.

    Attributes:
        patience: epochs without improvement before training stops; None never stops, but still finds the best.
        min_delta: an improvement must exceed the best by more than this.
        last: the last epoch counts as the best, whatever it scores. Not Keras's.
        best: the best value so far.
        best_epoch: where it was, counted from 0; −1 before the first epoch.
        wait: epochs since.
    """

    patience: int | None
    min_delta: float = 0.0
    last: bool = False
    best: float | None = None
    best_epoch: int = -1
    wait: int = 0

    def update(self, epoch: int, value: float) -> tuple[bool, bool]:
        """Take in an epoch's value. Returns (improved, stop).

        The first epoch always counts as an improvement, and a NaN there is never improved on; `wait` is raised before
        it is compared with the patience; stopping needs an epoch above 0.
        """
        self.wait += 1
        if self.last or self.best is None or exceeds(value - abs(self.min_delta), self.best):
            self.best, self.best_epoch, self.wait = value, epoch, 0
            return True, False
        return False, self.patience is not None and self.wait >= self.patience and epoch > 0
