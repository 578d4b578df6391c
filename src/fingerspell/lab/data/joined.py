"""Rows of several packed arrays under one numbering, read without copying any of the arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class JoinedPixels:
    """Arrays of photos of one size, one after the other; rows are gathered from where they lie.

    Args:
        parts: at least one array (rows, h, w, 3) uint8; h and w are the same in all.
    """

    def __init__(self, parts: Sequence[NDArray[np.uint8]]) -> None:
        self._parts = tuple(parts)
        self._starts = starts_of(self._parts)

    def __getitem__(self, rows: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Photos (N, h, w, 3) uint8 at rows (N,), counted over all parts in their order."""
        found = np.empty((len(rows), *self._parts[0].shape[1:]), dtype=np.uint8)
        part_of = np.searchsorted(self._starts, rows, side="right") - 1
        for part in np.unique(part_of):
            its = part_of == part
            found[its] = self._parts[part][rows[its] - self._starts[part]]
        return found


Pixels = NDArray[np.uint8] | JoinedPixels
"""Anything that gives photos (N, h, w, 3) uint8 for an array of N row numbers."""


def starts_of(parts: Sequence[NDArray[np.uint8]]) -> NDArray[np.int64]:
    """The number that the first row of each part has once they are joined: (len(parts),)."""
    return np.cumsum([0, *(len(part) for part in parts[:-1])], dtype=np.int64)


def joined(parts: Sequence[NDArray[np.uint8]]) -> Pixels:
    """The parts under one numbering; a single one is given back as it is, so that nothing stands in its way."""
    return parts[0] if len(parts) == 1 else JoinedPixels(parts)
