"""Which sign is shown, given all frames so far: the forward recursion of a hidden Markov model.

States are the recogniser's labels and one more, "between signs". A sign is left at a constant rate, so that a frame
that says something else is not believed at once, and the frames' own rate does not matter. L. R. Rabiner, A tutorial
on hidden Markov models (1989), §III A, in continuous time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fingerspell.live.spelling.settings import SpellingSettings

Floats = NDArray[np.float64]

_LOWEST = 1e-3  # of a probability: one wrong frame must not rule a sign out
_LONGEST_LOOK = 0.2  # seconds that one frame may speak for, however slow the camera


class SignFilter:
    """Belief over the labels and "between signs", which is the last state.

    Args:
        labels: how many labels the recogniser has.
        settings: looks, changes and between are used.

    Attributes:
        belief: (labels + 1,) float64, adds up to 1.
    """

    def __init__(self, labels: int, settings: SpellingSettings) -> None:
        self._settings = settings
        self._labels = labels
        self.belief: Floats = np.zeros(labels + 1)
        self.reset()

    def reset(self) -> None:
        """Nothing has been seen: between signs."""
        self.belief[:] = 0
        self.belief[-1] = 1

    def step(self, elapsed: float, probabilities: Floats) -> None:
        """Take in a frame.

        Args:
            elapsed: seconds since the frame before.
            probabilities: (labels,) of this frame.
        """
        leave = 1 - np.exp(-self._settings.changes * elapsed)
        spread = (1 - self.belief) / self._labels  # where those go that leave the other states
        expected = self.belief * (1 - leave) + leave * spread
        look = self._settings.looks * min(elapsed, _LONGEST_LOOK)
        likelihood = np.append(np.maximum(probabilities, _LOWEST), self._settings.between) ** look
        belief = expected * likelihood
        self.belief = belief / belief.sum()
