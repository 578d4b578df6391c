"""The largest of 2×2 places, above a floor, in one pass over the maps forward and one backward.

Maps are (N, h, w, C) as channels-last tensors lie in memory, as whole numbers of the same bits: int32 of float32, int16
of bfloat16. Read as sign and magnitude these are ordered as the numbers are. NaN is the largest of all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fingerspell.lab.kernels import kernel

NOWHERE = 4
"""Instead of a place among the four: none lies above the floor."""

Bits = NDArray[np.int32] | NDArray[np.int16]


@kernel
def pool(
    maps: Bits, largest: Any, infinite: Any, floor: Any, out: Bits, places: NDArray[np.uint8], first: int, last: int
) -> None:
    """The largest of each 2×2 and where it was, 0–3 by rows (the first of equals), for rows `first` to `last` of `out`.

    Args:
        maps: (N, h, w, C).
        largest: the largest integer of the maps' kind: all bits but the sign.
        infinite: the bits of +∞.
        floor: 0 for a ReLU behind the pool: what is not above it becomes 0 and lies `NOWHERE`. For none −`largest`.
        out: (N, h/2, w/2, C).
        places: the same shape.
        first: of the N · h/2 rows of places.
        last: not included.
    """
    height, width, channels = out.shape[1:]
    order, at = np.empty(channels, maps.dtype), np.empty(channels, np.uint8)
    for row in range(first, last):
        n, y = row // height, row % height
        for x in range(width):
            order[:] = floor
            at[:] = NOWHERE
            made, lie = out[n, y, x], places[n, y, x]
            made[:] = 0
            for place in range(4):
                given = maps[n, 2 * y + place // 2, 2 * x + place % 2]
                for c in range(channels):
                    bits = given[c]
                    size = bits & largest
                    above = largest if size > infinite else (bits if bits >= 0 else -size)
                    better = above > order[c]
                    order[c] = above if better else order[c]
                    at[c] = place if better else at[c]
                    made[c] = bits if better else made[c]
            for c in range(channels):
                lie[c] = at[c]


@kernel
def pool_backward(slopes: Bits, places: NDArray[np.uint8], out: Bits, first: int, last: int) -> None:
    """Each slope to the place that was largest, 0 elsewhere, for rows `first` to `last` of `slopes`."""
    height, width, channels = slopes.shape[1:]
    for row in range(first, last):
        n, y = row // height, row % height
        for x in range(width):
            for place in range(4):
                made = out[n, 2 * y + place // 2, 2 * x + place % 2]
                for c in range(channels):
                    made[c] = slopes[n, y, x, c] if places[n, y, x, c] == place else 0
