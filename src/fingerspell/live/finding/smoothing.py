"""A number over time without its tremble: the 1€ filter (G. Casiez, N. Roussel and D. Vogel, CHI 2012).

The faster the number changes, the less it is smoothed: still things rest, moving ones do not lag.
"""

from __future__ import annotations

import math


class OneEuro:
    """Smooths one number.

    Args:
        still: cutoff in hertz for a number that does not change.
        quick: by how many hertz the cutoff rises, for each unit a second that the number changes.
    """

    def __init__(self, still: float, quick: float) -> None:
        self._still = still
        self._quick = quick
        self._value: float | None = None
        self._speed = 0.0

    def step(self, value: float, elapsed: float, unit: float = 1.0) -> float:
        """Take in the next value.

        Args:
            value: finite.
            elapsed: seconds since the one before; 0 or less repeats the last answer.
            unit: what a change is measured in, above 0.

        Returns:
            The smoothed value; the first is itself.
        """
        if self._value is None:
            self._value = value
            return value
        if elapsed <= 0:
            return self._value
        speed = (value - self._value) / elapsed
        self._speed += _share(1.0, elapsed) * (speed - self._speed)
        cutoff = self._still + self._quick * abs(self._speed) / unit
        self._value += _share(cutoff, elapsed) * (value - self._value)
        return self._value

    def reset(self) -> None:
        """Begin anew."""
        self._value, self._speed = None, 0.0


def _share(cutoff: float, elapsed: float) -> float:
    """How much of the way to the new value is gone."""
    return 1 / (1 + 1 / (math.tau * cutoff * elapsed))
