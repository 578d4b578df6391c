"""One photo changed as Keras's ImageDataGenerator changes it, compiled: `affine` and `keras_augment` to the bit.

Nothing may be added in another order, fused or left out here: a level of 99.99999 is cut off to 99.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fingerspell.lab.kernels import kernel


@kernel
def map_nearest(photo: Any, matrix: Any, offset: Any, padded: Any, out: Any) -> None:
    """`affine.affine_map` with the fill `nearest`, for whole levels.

    Args:
        photo: (h, w, 3) uint8.
        matrix: (2, 2) float64, in (row, column).
        offset: (2,) float64.
        padded: room for 3·(h + 1)·(w + 1) float32.
        out: (h, w, 3) float32, the result.
    """
    height, width, _ = photo.shape
    _pad(photo, padded)
    right, below = np.empty(width), np.empty(width)
    places = np.empty(width, np.int32)
    for y in range(height):
        row_part, column_part = offset[0] + y * matrix[0, 0], offset[1] + y * matrix[1, 0]
        # two loops: this one works on several places at a time, the gathering below cannot
        for x in range(width):
            row = min(max(row_part + x * matrix[0, 1], 0.0), np.float64(height - 1))
            column = min(max(column_part + x * matrix[1, 1], 0.0), np.float64(width - 1))
            top, left = np.int32(row), np.int32(column)
            below[x], right[x] = row - np.float64(top), column - np.float64(left)
            places[x] = (top * np.int32(width + 1) + left) * np.int32(3)
        _gather(padded, width, places, right, below, out[y])


@kernel
def _pad(photo: Any, padded: Any) -> None:
    """Levels as numbers, with the last row and column repeated: every pixel then has a neighbour to blend with."""
    height, width, _ = photo.shape
    flat = photo.reshape(-1)
    for row in range(height + 1):
        source = flat[min(row, height - 1) * 3 * width : (min(row, height - 1) + 1) * 3 * width]
        line = padded[row * 3 * (width + 1) : (row + 1) * 3 * (width + 1)]
        for k in range(3 * width):
            line[k] = np.float32(source[k])
        for c in range(3):
            line[3 * width + c] = np.float32(source[3 * width - 3 + c])


@kernel
def _gather(padded: Any, width: int, places: Any, right: Any, below: Any, out: Any) -> None:
    """One row of places: four pixels each, weighted and added up in the order of `affine`."""
    down, pixel = np.uint64(3 * (width + 1)), np.uint64(3)
    for x in range(len(places)):
        at = np.uint64(np.uint32(places[x]))
        under = at + down
        upper, before = 1.0 - below[x], 1.0 - right[x]
        w1, w2, w3, w4 = upper * before, upper * right[x], below[x] * before, below[x] * right[x]
        for c in range(3):
            k = np.uint64(c)
            total = np.float64(padded[at + k]) * w1
            total += np.float64(padded[at + k + pixel]) * w2
            total += np.float64(padded[under + k]) * w3
            total += np.float64(padded[under + k + pixel]) * w4
            out[x, c] = np.float32(total)


@kernel
def change_some(
    photos: Any, rows: Any, changes: Any, average: Any, spread: Any, first: int, last: int, out: Any
) -> None:
    """Photos first to last − 1 of a batch: map, channel shift, mirror, brightness; then scaled and normalised.

    Args:
        photos: (rows, h, w, 3) uint8.
        rows: (N,) which of them.
        changes: `keras_cpu._Changes` of these N photos.
        average: (3,) float32, taken away once levels are scaled to 0–1.
        spread: (3,) float32, divided by then.
        first: place in the batch.
        last: likewise, the one after the last.
        out: (N, h, w, 3) float32, the result.
    """
    height, width = photos.shape[1:3]
    photo = np.empty((height, width, 3), np.float32)
    padded = np.empty(3 * (height + 1) * (width + 1), np.float32)
    for n in range(first, last):
        if changes.mapped[n]:
            map_nearest(photos[rows[n]], changes.matrix[n], changes.offset[n], padded, photo)
        else:
            photo[:] = photos[rows[n]]
        if changes.shifted[n]:
            _shift_channels(photo, changes.shift[n])
        if changes.brightened[n]:
            _look_up(photo, changes.brightness[n])
        _normalise(photo, changes.mirrored[n], average, spread, out[n])


@kernel
def _shift_channels(photo: Any, shift: Any) -> None:
    """Add levels, kept within the photo's own range."""
    flat = photo.reshape(-1)
    low = high = flat[0]
    for k in range(len(flat)):
        low, high = min(low, flat[k]), max(high, flat[k])
    for k in range(len(flat)):
        flat[k] = min(max(flat[k] + shift, low), high)


@kernel
def _look_up(photo: Any, brightness: Any) -> None:
    """What brightness makes of each level, cut off to a whole one."""
    flat = photo.reshape(-1)
    for k in range(len(flat)):
        flat[k] = brightness[np.uint64(np.int32(flat[k]))]


@kernel
def _normalise(photo: Any, mirrored: bool, average: Any, spread: Any, out: Any) -> None:
    """Levels to 0–1, then (value − average) / spread; mirrored where it was drawn."""
    rows, columns, _ = photo.shape
    level = np.float32(1 / 255)
    for row in range(rows):
        line, result = photo[row], out[row]
        for x in range(columns):
            place = columns - 1 - x if mirrored else x
            for c in range(3):
                result[x, c] = (line[place, c] * level - average[c]) / spread[c]
