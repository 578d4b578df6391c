"""An affine map of a photo with linear interpolation, as `scipy.ndimage.affine_transform(order=1)` does it.

Coordinates are (row, column) in pixels, whole numbers at the centres of pixels. Coordinates and weights are double
precision, as in SciPy: with less, a flat area of level 100 comes out as 99.99999, and cutting it off gives 99.

What lies beyond the outermost pixel centres follows from the fill: `nearest` repeats the edge, `reflect` mirrors the
photo with its edge pixels repeated (d c b a | a b c d), `wrap` begins again. As in SciPy, `wrap` has a period of
size − 1, so that the first and the last pixel share a place, and `constant` gives its value for anything beyond the
outermost centres, without blending into it.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Fill = Literal["nearest", "constant", "reflect", "wrap"]
FILLS: tuple[Fill, ...] = get_args(Fill)

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


def affine_map(
    photo: NDArray[np.uint8] | NDArray[np.float32],
    matrix: Floats,
    offset: Floats,
    fill: Fill = "nearest",
    cval: float = 0.0,
) -> NDArray[np.float32]:
    """The photo whose pixel at (row, column) is the given one's value at matrix · (row, column) + offset.

    Args:
        photo: (h, w, channels), any values.
        matrix: (2, 2), from places of the result to places of the photo.
        offset: (2,), added to these, in pixels.
        fill: what lies beyond the photo.
        cval: the value there, for `constant`.

    Returns:
        (h, w, channels) float32.
    """
    height, width, channels = photo.shape
    y, x = np.arange(height, dtype=np.float64), np.arange(width, dtype=np.float64)
    # added up in SciPy's order: where `wrap` jumps, the last bit decides
    rows, columns = ((o + y * m[0])[:, None] + (x * m[1])[None, :] for m, o in zip(matrix, offset, strict=True))
    corners = _corners(_inward(rows, height, fill), _inward(columns, width, fill))
    result = np.empty((height, width, channels), dtype=np.float32)
    for channel in range(channels):  # a plane at a time: gathering single numbers is quicker than gathering pixels
        plane = photo[:, :, channel].astype(np.float64).ravel()
        result[:, :, channel] = _weighted(plane, corners)
    if fill == "constant":
        inside = (rows >= 0) & (rows <= height - 1) & (columns >= 0) & (columns <= width - 1)
        result[~inside] = cval
    return result


def _inward(places: Floats, size: int, fill: Fill) -> Floats:
    """Places along one axis, brought to where their value is found: within (−1, size)."""
    last = size - 1
    if fill in ("nearest", "constant") or size == 1:
        return np.clip(places, 0, last)
    if fill == "wrap":
        before = places + last * (np.floor(-places / last) + 1)
        return np.where(places < 0, before, np.where(places > last, places - last * np.floor(places / last), places))
    # in SciPy's own steps, so that not even the last bits differ
    period = 2 * size
    before = np.where(places < -period, places + period * np.floor(-places / period), places)
    before = np.where(before < -size, before + period, -before - 1)
    after = places - period * np.floor(places / period)
    after = np.where(after >= size, period - after - 1, after)
    return np.where(places < 0, before, np.where(places > last, after, places))


def _corners(rows: Floats, columns: Floats) -> list[tuple[Places, Floats]]:
    """The four pixels around each place, as (positions in a plane, weights), both (h, w).

    Beside a folded or repeated edge the neighbour is the edge pixel itself.
    """
    height, width = rows.shape
    top, left = np.floor(rows), np.floor(columns)
    below, right = rows - top, columns - left
    first_row, first_column = top.astype(np.intp), left.astype(np.intp)
    row_starts = [np.clip(first_row + step, 0, height - 1) * width for step in (0, 1)]
    column_places = [np.clip(first_column + step, 0, width - 1) for step in (0, 1)]
    return [
        (row_starts[down] + column_places[along], vertical * horizontal)
        for down, vertical in enumerate((1 - below, below))
        for along, horizontal in enumerate((1 - right, right))
    ]


def _weighted(plane: Floats, corners: list[tuple[Places, Floats]]) -> Floats:
    """(h, w): the weighted sum of four pixels of a flattened plane."""
    (places, weights), *others = corners
    total = plane.take(places, mode="clip")  # nothing is out of range; 'clip' only saves the check
    total *= weights
    for places, weights in others:
        part = plane.take(places, mode="clip")
        part *= weights
        total += part
    return total
