"""Apply Keras's draws to packed photos, compiled: `keras_augment.apply` to the bit, and normalised on the way.

For whole levels and the fill `nearest`, as photo caches and the notebook have them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fingerspell.lab.augment_cpu import UNCHANGED, Normal, Workers, shared_out, whole_levels
from fingerspell.lab.keras_augment import KerasDraw, brightness_of_levels, sampling_map
from fingerspell.lab.keras_kernels import change_some

Floats = NDArray[np.float32]
Switches = NDArray[np.bool_]


class _Changes(NamedTuple):
    """Draws as the compiled code takes them: a switch for each change, and what it needs."""

    mapped: Switches
    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]
    shifted: Switches
    shift: Floats
    mirrored: Switches
    brightened: Switches
    brightness: Floats


def change(
    photos: NDArray[np.uint8],
    rows: NDArray[np.int64],
    draws: Sequence[KerasDraw],
    normal: Normal = UNCHANGED,
    workers: Workers | None = None,
) -> Floats:
    """Change some packed photos as drawn, and normalise them.

    Args:
        photos: (rows, h, w, 3) levels in one piece, as a photo cache maps them.
        rows: (N,) which of them.
        draws: parameters of these N photos.
        normal: what is done to the values, 0–1, at the end.
        workers: who works; by default the calling thread does. The result is the same.

    Returns:
        (N, h, w, 3) float32.

    Raises:
        DataError: a row that is not there, or photos that are not (rows, h, w, 3) levels in one piece.
    """
    photos, rows = whole_levels(photos, rows)
    out = np.empty((len(rows), *photos.shape[1:]), np.float32)
    changes = _changes(draws, *photos.shape[1:3])
    shared_out(lambda first, last: change_some(photos, rows, changes, *normal.arrays, first, last, out), rows, workers)
    return out


def _changes(draws: Sequence[KerasDraw], height: int, width: int) -> _Changes:
    count = len(draws)
    maps = [sampling_map(drawn, height, width) for drawn in draws]
    matrix, offset, brightness = np.zeros((count, 2, 2)), np.zeros((count, 2)), np.zeros((count, 256), np.float32)
    for place, (where, drawn) in enumerate(zip(maps, draws, strict=True)):
        if where is not None:
            matrix[place], offset[place] = where
        if drawn.brightness is not None:
            brightness[place] = brightness_of_levels(drawn.brightness)
    return _Changes(
        np.array([where is not None for where in maps], np.bool_),
        matrix,
        offset,
        np.array([drawn.channel_shift_intensity is not None for drawn in draws], np.bool_),
        np.array([drawn.channel_shift_intensity or 0 for drawn in draws], np.float32),
        np.array([drawn.flip_horizontal for drawn in draws], np.bool_),
        np.array([drawn.brightness is not None for drawn in draws], np.bool_),
        brightness,
    )
