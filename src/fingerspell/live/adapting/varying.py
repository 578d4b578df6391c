"""A photo and mild variations of it: framed a little otherwise, lit a little otherwise.

Whole pixels and whole numbers only, so that the page's TypeScript (web/src/personal/varying.ts) makes the same ones.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Variation(NamedTuple):
    """A window in percent of the photo's width and height, and its light in percent; beyond the edge, pixels repeat."""

    left: int
    top: int
    size: int
    light: int


VARIATIONS = (
    Variation(0, 0, 90, 112),
    Variation(10, 10, 90, 88),
    Variation(-12, 0, 112, 94),
    Variation(0, -12, 112, 106),
)


def varied(photo: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The photo, then one of each of `VARIATIONS`: (H, W, 3) uint8 → such arrays of about that size."""
    return [photo, *(_vary(photo, variation) for variation in VARIATIONS)]


def _vary(photo: NDArray[np.uint8], variation: Variation) -> NDArray[np.uint8]:
    height, width = photo.shape[:2]
    rows = _places(height, variation.top, variation.size)
    columns = _places(width, variation.left, variation.size)
    lit = (photo[rows[:, None], columns].astype(np.int32) * variation.light + 50) // 100
    return np.minimum(lit, 255).astype(np.uint8)


def _places(length: int, start: int, size: int) -> NDArray[np.int64]:
    """Which pixels of an axis a window takes: whole numbers within the axis."""
    first = (length * start + 50) // 100
    count = max(1, (length * size + 50) // 100)
    return np.clip(np.arange(first, first + count), 0, length - 1)
