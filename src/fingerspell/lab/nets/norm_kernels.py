"""Batch norm with a ReLU before or behind it, in two passes over the maps forward and two backward.

Maps come as rows: (N·h·w, C), as channels-last tensors lie in memory. Sums are taken over `ROWS` rows at a time in
single precision and those sums in double, so that they neither drift nor depend on how many threads share the work.

`before` and `behind` are the floors of the two ReLUs: 0, or −∞ for none. NaN goes through every one of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fingerspell.lab.kernels import quick_kernel

ROWS = 128
"""Rows of one sum in single precision."""

Floats = NDArray[np.float32]


@quick_kernel
def sums(
    maps: Floats, before: np.float32, pivot: Floats, first: int, last: int, total: Floats, squares: Floats
) -> None:
    """Σ(x − pivot) and Σ(x − pivot)² of blocks `first` to `last` of rows, into (blocks, C) arrays."""
    channels = maps.shape[1]
    for block in range(first, last):
        some, square = total[block], squares[block]
        some[:] = 0
        square[:] = 0
        for i in range(block * ROWS, min(block * ROWS + ROWS, maps.shape[0])):
            for c in range(channels):
                x = maps[i, c]
                value = (before if x < before else x) - pivot[c]
                some[c] += value
                square[c] += value * value


@quick_kernel
def normalise(
    maps: Floats, before: np.float32, behind: np.float32, scale: Floats, offset: Floats, out: Floats,
    first: int, last: int,
) -> None:  # fmt: skip
    """max(max(x, before) · scale + offset, behind) of rows `first` to `last`."""
    channels = maps.shape[1]
    for i in range(first, last):
        for c in range(channels):
            x = maps[i, c]
            value = (before if x < before else x) * scale[c] + offset[c]
            out[i, c] = behind if value < behind else value


@quick_kernel
def backward_sums(
    maps: Floats, slopes: Floats, before: np.float32, behind: np.float32, scale: Floats, offset: Floats,
    pivot: Floats, first: int, last: int, total: Floats, products: Floats,
) -> None:  # fmt: skip
    """Σg and Σg·(x − pivot) of blocks of rows; g is the slope where the ReLU behind lets it through."""
    channels = maps.shape[1]
    for block in range(first, last):
        some, product = total[block], products[block]
        some[:] = 0
        product[:] = 0
        for i in range(block * ROWS, min(block * ROWS + ROWS, maps.shape[0])):
            for c in range(channels):
                x = maps[i, c]
                value = before if x < before else x
                slope = np.float32(0) if value * scale[c] + offset[c] <= behind else slopes[i, c]
                some[c] += slope
                product[c] += slope * (value - pivot[c])


@quick_kernel
def backward(
    maps: Floats, slopes: Floats, before: np.float32, behind: np.float32, scale: Floats, offset: Floats,
    along: Floats, constant: Floats, out: Floats, first: int, last: int,
) -> None:  # fmt: skip
    """scale · g + along · x + constant of rows `first` to `last`, 0 where the ReLU before lets nothing through."""
    channels = maps.shape[1]
    for i in range(first, last):
        for c in range(channels):
            x = maps[i, c]
            value = before if x < before else x
            slope = np.float32(0) if value * scale[c] + offset[c] <= behind else slopes[i, c]
            slope = scale[c] * slope + along[c] * value + constant[c]
            out[i, c] = np.float32(0) if x <= before else slope
