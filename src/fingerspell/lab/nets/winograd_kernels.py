"""Winograd's transforms of 3×3 convolutions, 4×4 results at a time: F(4×4, 3×3) at the points 0, ±1, ±2 and ∞.

Maps are (N, h, w, C), as channels-last tensors lie in memory. A row of tiles is four rows of results; rows of tiles are
counted through all photos. A kernel takes some rows of tiles, down first and then across, or back. Each result has a
loop of its own, with few arrays in it: such loops are turned into vector instructions.

Lavin & Gray, "Fast algorithms for convolutional neural networks" (2016), section 4.3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fingerspell.lab.kernels import quick_kernel

Floats = NDArray[np.float32]
TILE = 4
"""Results of a tile, each way."""
PATCH = 6
"""Places of the maps that they follow from, each way."""
_2, _4, _5, _8 = np.float32(2), np.float32(4), np.float32(5), np.float32(8)  # a plain 2 would make doubles
_BLOCK = 1024
"""Numbers of a line that are worked on together: six lines of them stay in the first cache."""


@quick_kernel
def _patches_down(
    d0: Floats, d1: Floats, d2: Floats, d3: Floats, d4: Floats, d5: Floats,
    t0: Floats, t1: Floats, t2: Floats, t3: Floats, t4: Floats, t5: Floats,
) -> None:  # fmt: skip
    """Bᵀ down six lines of maps."""
    for i in range(len(t0)):
        t0[i] = _4 * d0[i] - _5 * d2[i] + d4[i]
    for i in range(len(t0)):
        t1[i] = (d4[i] - _4 * d2[i]) + (d3[i] - _4 * d1[i])
    for i in range(len(t0)):
        t2[i] = (d4[i] - _4 * d2[i]) - (d3[i] - _4 * d1[i])
    for i in range(len(t0)):
        t3[i] = (d4[i] - d2[i]) + _2 * (d3[i] - d1[i])
    for i in range(len(t0)):
        t4[i] = (d4[i] - d2[i]) - _2 * (d3[i] - d1[i])
    for i in range(len(t0)):
        t5[i] = _4 * d1[i] - _5 * d3[i] + d5[i]


@quick_kernel
def _patches_across(line: Floats, planes: Floats, at: int, tiles: int) -> None:
    """Bᵀ along a line (places, C), for each tile into six planes (tiles, C)."""
    out = planes[0]
    for tile in range(tiles):
        for c in range(out.shape[1]):
            out[at + tile, c] = _4 * line[4 * tile, c] - _5 * line[4 * tile + 2, c] + line[4 * tile + 4, c]
    out = planes[1]
    for tile in range(tiles):
        for c in range(out.shape[1]):
            out[at + tile, c] = (line[4 * tile + 4, c] - _4 * line[4 * tile + 2, c]) + (
                line[4 * tile + 3, c] - _4 * line[4 * tile + 1, c]
            )
    out = planes[2]
    for tile in range(tiles):
        for c in range(out.shape[1]):
            out[at + tile, c] = (line[4 * tile + 4, c] - _4 * line[4 * tile + 2, c]) - (
                line[4 * tile + 3, c] - _4 * line[4 * tile + 1, c]
            )
    out = planes[3]
    for tile in range(tiles):
        for c in range(out.shape[1]):
            out[at + tile, c] = (line[4 * tile + 4, c] - line[4 * tile + 2, c]) + _2 * (
                line[4 * tile + 3, c] - line[4 * tile + 1, c]
            )
    out = planes[4]
    for tile in range(tiles):
        for c in range(out.shape[1]):
            out[at + tile, c] = (line[4 * tile + 4, c] - line[4 * tile + 2, c]) - _2 * (
                line[4 * tile + 3, c] - line[4 * tile + 1, c]
            )
    out = planes[5]
    for tile in range(tiles):
        for c in range(out.shape[1]):
            out[at + tile, c] = _4 * line[4 * tile + 1, c] - _5 * line[4 * tile + 3, c] + line[4 * tile + 5, c]


@quick_kernel
def _results_across(planes: Floats, line: Floats, at: int, tiles: int) -> None:
    """Aᵀ of six planes (tiles, C), into a line (places, C)."""
    m0, m1, m2, m3, m4, m5 = planes[0], planes[1], planes[2], planes[3], planes[4], planes[5]
    for tile in range(tiles):
        for c in range(line.shape[1]):
            line[4 * tile, c] = (
                m0[at + tile, c] + m1[at + tile, c] + m2[at + tile, c] + m3[at + tile, c] + m4[at + tile, c]
            )
    for tile in range(tiles):
        for c in range(line.shape[1]):
            line[4 * tile + 1, c] = (m1[at + tile, c] - m2[at + tile, c]) + _2 * (m3[at + tile, c] - m4[at + tile, c])
    for tile in range(tiles):
        for c in range(line.shape[1]):
            line[4 * tile + 2, c] = (m1[at + tile, c] + m2[at + tile, c]) + _4 * (m3[at + tile, c] + m4[at + tile, c])
    for tile in range(tiles):
        for c in range(line.shape[1]):
            line[4 * tile + 3, c] = (
                (m1[at + tile, c] - m2[at + tile, c]) + _8 * (m3[at + tile, c] - m4[at + tile, c]) + m5[at + tile, c]
            )


@quick_kernel
def _results_down(
    d0: Floats, d1: Floats, d2: Floats, d3: Floats, d4: Floats, d5: Floats,
    t0: Floats, t1: Floats, t2: Floats, t3: Floats,
    bias: Floats,
) -> None:  # fmt: skip
    """Aᵀ down six lines, and the bias."""
    for i in range(len(t0)):
        t0[i] = d0[i] + d1[i] + d2[i] + d3[i] + d4[i] + bias[i]
    for i in range(len(t0)):
        t1[i] = (d1[i] - d2[i]) + _2 * (d3[i] - d4[i]) + bias[i]
    for i in range(len(t0)):
        t2[i] = (d1[i] + d2[i]) + _4 * (d3[i] + d4[i]) + bias[i]
    for i in range(len(t0)):
        t3[i] = (d1[i] - d2[i]) + _8 * (d3[i] - d4[i]) + d5[i] + bias[i]


@quick_kernel
def _slopes_down(
    d0: Floats, d1: Floats, d2: Floats, d3: Floats,
    t0: Floats, t1: Floats, t2: Floats, t3: Floats, t4: Floats, t5: Floats,
) -> None:  # fmt: skip
    """A down four lines of slopes."""
    for i in range(len(t0)):
        t0[i] = d0[i]
    for i in range(len(t0)):
        t1[i] = (d0[i] + d2[i]) + (d1[i] + d3[i])
    for i in range(len(t0)):
        t2[i] = (d0[i] + d2[i]) - (d1[i] + d3[i])
    for i in range(len(t0)):
        t3[i] = (d0[i] + _4 * d2[i]) + (_2 * d1[i] + _8 * d3[i])
    for i in range(len(t0)):
        t4[i] = (d0[i] + _4 * d2[i]) - (_2 * d1[i] + _8 * d3[i])
    for i in range(len(t0)):
        t5[i] = d3[i]


@quick_kernel
def _slopes_across(line: Floats, planes: Floats, at: int, tiles: int) -> None:
    """A along a line (places, C), for each tile into six planes (tiles, C)."""
    out = planes[0]
    for tile in range(tiles):
        for c in range(out.shape[1]):
            out[at + tile, c] = line[4 * tile, c]
    out = planes[1]
    for tile in range(tiles):
        for c in range(out.shape[1]):
            out[at + tile, c] = (line[4 * tile, c] + line[4 * tile + 2, c]) + (
                line[4 * tile + 1, c] + line[4 * tile + 3, c]
            )
    out = planes[2]
    for tile in range(tiles):
        for c in range(out.shape[1]):
            out[at + tile, c] = (line[4 * tile, c] + line[4 * tile + 2, c]) - (
                line[4 * tile + 1, c] + line[4 * tile + 3, c]
            )
    out = planes[3]
    for tile in range(tiles):
        for c in range(out.shape[1]):
            out[at + tile, c] = (line[4 * tile, c] + _4 * line[4 * tile + 2, c]) + (
                _2 * line[4 * tile + 1, c] + _8 * line[4 * tile + 3, c]
            )
    out = planes[4]
    for tile in range(tiles):
        for c in range(out.shape[1]):
            out[at + tile, c] = (line[4 * tile, c] + _4 * line[4 * tile + 2, c]) - (
                _2 * line[4 * tile + 1, c] + _8 * line[4 * tile + 3, c]
            )
    out = planes[5]
    for tile in range(tiles):
        for c in range(out.shape[1]):
            out[at + tile, c] = line[4 * tile + 3, c]


@quick_kernel
def spread_maps(maps: Floats, pad: int, down: int, across: int, first: int, last: int, out: Floats) -> None:
    """Bᵀ·d·B of the patches d of the rows of tiles `first` to `last`, into `out` (36, tiles, C)."""
    height, width, channels = maps.shape[1:]
    band = np.zeros((PATCH, TILE * across + 2, channels), np.float32)
    lines = band.reshape(PATCH, -1)
    nothing = np.zeros(width * channels, np.float32)
    left = pad * channels
    right = min(left + width * channels, lines.shape[1])
    reach = right - left
    for row in range(first, last):
        top = TILE * (row % down) - pad
        flat = maps[row // down].reshape(height, width * channels)
        d0 = (flat[top] if 0 <= top < height else nothing)[:reach]
        d1 = (flat[top + 1] if 0 <= top + 1 < height else nothing)[:reach]
        d2 = (flat[top + 2] if 0 <= top + 2 < height else nothing)[:reach]
        d3 = (flat[top + 3] if 0 <= top + 3 < height else nothing)[:reach]
        d4 = (flat[top + 4] if 0 <= top + 4 < height else nothing)[:reach]
        d5 = (flat[top + 5] if 0 <= top + 5 < height else nothing)[:reach]
        t0, t1, t2 = lines[0, left:right], lines[1, left:right], lines[2, left:right]
        t3, t4, t5 = lines[3, left:right], lines[4, left:right], lines[5, left:right]
        _patches_down(d0, d1, d2, d3, d4, d5, t0, t1, t2, t3, t4, t5)
        for k in range(PATCH):
            _patches_across(band[k], out[PATCH * k : PATCH * k + PATCH], (row - first) * across, across)


@quick_kernel
def gather_maps(products: Floats, bias: Floats, down: int, across: int, first: int, last: int, out: Floats) -> None:
    """Aᵀ·m·A + bias of the products m (36, tiles, C) of the rows of tiles `first` to `last`, into maps `out`."""
    height, width, channels = out.shape[1:]
    band = np.empty((PATCH, TILE * across, channels), np.float32)
    lines = band.reshape(PATCH, -1)
    reach = width * channels
    offsets = np.empty(reach, np.float32)
    for x in range(width):
        offsets[x * channels : (x + 1) * channels] = bias
    beyond = np.empty((TILE, reach), np.float32)  # for results below the last row
    d0, d1, d2 = lines[0, :reach], lines[1, :reach], lines[2, :reach]
    d3, d4, d5 = lines[3, :reach], lines[4, :reach], lines[5, :reach]
    for row in range(first, last):
        for k in range(PATCH):
            _results_across(products[PATCH * k : PATCH * k + PATCH], band[k], (row - first) * across, across)
        top = TILE * (row % down)
        flat = out[row // down].reshape(height, reach)
        t1 = flat[top + 1] if top + 1 < height else beyond[1]
        t2 = flat[top + 2] if top + 2 < height else beyond[2]
        t3 = flat[top + 3] if top + 3 < height else beyond[3]
        _results_down(d0, d1, d2, d3, d4, d5, flat[top], t1, t2, t3, offsets)


@quick_kernel
def spread_slopes(slopes: Floats, down: int, across: int, first: int, last: int, out: Floats) -> None:
    """A·y·Aᵀ of the slopes y at the results of the rows of tiles `first` to `last`, into `out` (36, tiles, C)."""
    height, width, channels = slopes.shape[1:]
    band = np.zeros((PATCH, TILE * across, channels), np.float32)
    lines = band.reshape(PATCH, -1)
    reach = width * channels
    nothing = np.zeros(reach, np.float32)
    t0, t1, t2 = lines[0, :reach], lines[1, :reach], lines[2, :reach]
    t3, t4, t5 = lines[3, :reach], lines[4, :reach], lines[5, :reach]
    for row in range(first, last):
        top = TILE * (row % down)
        flat = slopes[row // down].reshape(height, reach)
        d1 = flat[top + 1] if top + 1 < height else nothing
        d2 = flat[top + 2] if top + 2 < height else nothing
        d3 = flat[top + 3] if top + 3 < height else nothing
        _slopes_down(flat[top], d1, d2, d3, t0, t1, t2, t3, t4, t5)
        for k in range(PATCH):
            _slopes_across(band[k], out[PATCH * k : PATCH * k + PATCH], (row - first) * across, across)
