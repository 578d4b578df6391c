"""How far each letter can be relied on: a mark that even few photos cannot make better than it is."""

from __future__ import annotations

import math
from typing import Literal

from fingerspell.core.errors import DataError

Mark = Literal["good", "fair", "weak", "unknown"]

GOOD = 0.80
"""From this lower bound of the share recognised a letter is good."""
FAIR = 0.60
"""From this one it is fair; below it is weak."""

_Z = 1.959963984540054  # of a normal distribution: 95% lie within


def wilson(right: int, photos: int) -> tuple[float, float]:
    """The 95% interval of a share, after Wilson (1927); both ends in 0–1.

    Raises:
        DataError: no photos, or more right than there are.
    """
    if not 0 <= right <= photos or photos < 1:
        raise DataError(f"{right} of {photos} photos cannot be a share", expected="at least one photo")
    share, square = right / photos, _Z**2 / photos
    middle = (share + square / 2) / (1 + square)
    reach = _Z / (1 + square) * math.sqrt(share * (1 - share) / photos + square / (4 * photos))
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def mark_of(right: int, photos: int) -> Mark:
    """The mark of a letter of which `right` of `photos` photos were recognised."""
    if photos == 0:
        return "unknown"
    low, _ = wilson(right, photos)
    return "good" if low >= GOOD else "fair" if low >= FAIR else "weak"
