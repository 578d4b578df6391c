"""The steps that change one photo, compiled: each does what its namesake in `lab.augment_torch` does to a batch.

A photo is an array (h, w, 3) float32, 0–1, that a step changes in place. What belongs to one photo alone (a factor of
1, a shift of 0) leaves its step out, so a photo's bits follow from its own draws, whatever else is in the batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fingerspell.lab.kernels import kernel, quick_kernel

_ONE, _NONE = np.float32(1), np.float32(0)
_LEVEL = np.float32(1 / 255)
_RED, _NEXT = np.uint64(3), np.uint64(1)  # unsigned: places counted from the end need no check then
_GOLDEN, _FIRST, _SECOND = (np.uint64(word) for word in (0x1E3779B97F4A7C15, 0x3F58476D1CE4E5B9, 0x14D049BB133111EB))
_HALF_WAY, _MOSTLY, _LAST = np.uint64(29), np.uint64(32), np.uint64(40)
_TWO, _HALF, _QUARTER = np.float32(2), np.float32(0.5), np.float32(0.25)
_UNIT = np.float32(2.0**-23)
_LOG2_E2 = np.float32(2 / np.log(2))
_ROOT_HALF = np.int32(0x3F3504F3)  # the bits of √½
_LN_2 = np.float32(np.log(2))


@quick_kernel
def warp(photo: Any, matrix: Any, fine: int, padded: Any, fine_row: Any, out: Any) -> None:
    """The photo (h, w, 3) uint8 under its map, into `out` (H, W, 3).

    Args:
        photo: levels.
        matrix: (2, 3) as in `Draws`, in half-sides from the centre.
        fine: 2 to sample four places for each pixel, else 1.
        padded: room for 3·(h + 1)·(w + 1) numbers.
        fine_row: room for fine·W · 3 numbers.
        out: the result.
    """
    height, width, _ = photo.shape
    rows, columns, _ = out.shape
    _pad(photo, padded)
    places = np.empty(fine * columns, np.int32)
    right = np.empty(fine * columns, np.float32)
    below = np.empty(fine * columns, np.float32)
    for row in range(rows):
        line = out[row]
        if fine == 1:
            _look(matrix, row, rows, height, width, places, right, below)
            _gather(padded, width, places, right, below, line)
            continue
        line[:] = _NONE
        for part in range(2):
            _look(matrix, 2 * row + part, 2 * rows, height, width, places, right, below)
            _gather(padded, width, places, right, below, fine_row)
            for i in range(columns):
                for c in range(3):
                    line[i, c] += (fine_row[2 * i, c] + fine_row[2 * i + 1, c]) * _QUARTER


@quick_kernel
def _look(matrix: Any, row: int, rows: int, height: int, width: int, places: Any, right: Any, below: Any) -> None:
    """Where the pixels of a row look: places in the padded photo, and how far to the right of them and below.

    A loop of its own: it works on many places at a time, which gathering what lies there cannot.
    """
    # half-sides from the centre → pixels, whole numbers at the centres of pixels, as affine_grid and grid_sample do
    half_w, half_h = np.float32(width) / _TWO, np.float32(height) / _TWO
    count = np.float32(len(places))
    step_x, step_y = half_w * matrix[0, 0] * _TWO / count, half_h * matrix[1, 0] * _TWO / count
    x, y = _ONE / count - _ONE, np.float32(2 * row + 1) / np.float32(rows) - _ONE
    start_x = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] + _ONE) * half_w - _HALF
    start_y = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] + _ONE) * half_h - _HALF
    for i in range(len(places)):
        at_x = min(max(np.float32(i) * step_x + start_x, _NONE), np.float32(width - 1))
        at_y = min(max(np.float32(i) * step_y + start_y, _NONE), np.float32(height - 1))
        left, top = np.int32(at_x), np.int32(at_y)
        right[i], below[i] = at_x - np.float32(left), at_y - np.float32(top)
        places[i] = (top * np.int32(width + 1) + left) * np.int32(3)


@quick_kernel
def _pad(photo: Any, padded: Any) -> None:
    """Levels as fractions, with the last row and column repeated: every pixel then has a neighbour to blend with."""
    height, width, _ = photo.shape
    flat = photo.reshape(-1)
    for row in range(height + 1):
        source = flat[min(row, height - 1) * 3 * width : (min(row, height - 1) + 1) * 3 * width]
        line = padded[row * 3 * (width + 1) : (row + 1) * 3 * (width + 1)]
        for k in range(3 * width):
            line[k] = np.float32(source[k]) * _LEVEL
        for c in range(3):
            line[3 * width + c] = np.float32(source[3 * width - 3 + c]) * _LEVEL


@quick_kernel
def _gather(padded: Any, width: int, places: Any, right: Any, below: Any, out: Any) -> None:
    """One row of places: four pixels each, weighted."""
    down = np.uint64(3 * (width + 1))
    for i in range(len(places)):
        at = np.uint64(np.uint32(places[i]))
        under = at + down
        both = right[i] * below[i]
        beside, beneath = right[i] - both, below[i] - both
        here = _ONE - right[i] - beneath
        for c in range(3):
            k = np.uint64(c)
            out[i, c] = (
                here * padded[at + k]
                + beside * padded[at + k + _RED]
                + beneath * padded[under + k]
                + both * padded[under + k + _RED]
            )


@kernel
def scale(photo: Any, out: Any) -> None:
    """Levels (h, w, 3) uint8 as fractions, into `out`."""
    source, result = photo.reshape(-1), out.reshape(-1)
    for k in range(len(source)):
        result[k] = np.float32(source[k]) * _LEVEL


@quick_kernel
def mean(photo: Any) -> Any:
    """Of all of its values, in single precision; rows are added up by themselves first."""
    rows = photo.shape[0]
    total = np.float64(0)
    for row in range(rows):
        line, part = photo[row].reshape(-1), _NONE
        for k in range(len(line)):
            part += line[k]
        total += part
    return np.float32(total / photo.size)


@kernel
def shift_channels(photo: Any, shift: Any) -> None:
    """Add one value, kept within the photo's own range."""
    flat = photo.reshape(-1)
    low = high = flat[0]
    for k in range(len(flat)):
        low, high = min(low, flat[k]), max(high, flat[k])
    for k in range(len(flat)):
        flat[k] = max(min(flat[k] + shift, high), low)


@quick_kernel
def bend(photo: Any, gamma: Any) -> None:
    """Raise each value to a power: 2^(gamma · log2 value), by series good to 1e-6, on many values at a time."""
    flat = photo.reshape(-1)
    for k in range(len(flat)):
        value = min(max(flat[k], np.float32(1e-30)), _ONE)
        bits = np.int32(np.float32(value).view(np.int32) - _ROOT_HALF)  # the mantissa then lies in [√½, √2)
        exponent = np.int32(bits >> np.int32(23))
        fraction = np.int32((bits & np.int32(0x7FFFFF)) + _ROOT_HALF).view(np.float32)
        s = (fraction - _ONE) / (fraction + _ONE)
        q = s * s
        series = _ONE + q * (
            np.float32(1 / 3) + q * (np.float32(1 / 5) + q * (np.float32(1 / 7) + q * np.float32(1 / 9)))
        )
        power = max(gamma * (np.float32(exponent) + _LOG2_E2 * s * series), np.float32(-120))
        whole = np.floor(power + _HALF)
        r = (power - whole) * _LN_2
        tail = np.float32(1 / 24) + r * (np.float32(1 / 120) + r * np.float32(1 / 720))
        near = _ONE + r * (_ONE + r * (np.float32(0.5) + r * (np.float32(1 / 6) + r * tail)))
        flat[k] = near * np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)


@quick_kernel
def light(photo: Any, contrast: Any, saturation: Any, gain: Any, gradient: Any) -> None:
    """Contrast, saturation, colour and brightness (`gain` of each channel) and gradient, then cut off at 0 and 1."""
    rows, columns, _ = photo.shape
    middle = mean(photo) if contrast != _ONE else _NONE
    keep = middle * (_ONE - contrast)
    step_x, step_y = _TWO / np.float32(max(columns - 1, 1)), _TWO / np.float32(max(rows - 1, 1))
    grey_part = (_ONE - saturation) / np.float32(3)
    for row in range(rows):
        line = photo[row]
        base = _ONE + gradient[1] * (np.float32(row) * step_y - _ONE)
        for i in range(columns):
            r, g, b = (line[i, 0] * contrast + keep, line[i, 1] * contrast + keep, line[i, 2] * contrast + keep)
            grey = (r + g + b) * grey_part
            falloff = max(base + gradient[0] * (np.float32(i) * step_x - _ONE), _NONE)
            line[i, 0] = min(max((r * saturation + grey) * gain[0] * falloff, _NONE), _ONE)
            line[i, 1] = min(max((g * saturation + grey) * gain[1] * falloff, _NONE), _ONE)
            line[i, 2] = min(max((b * saturation + grey) * gain[2] * falloff, _NONE), _ONE)


@quick_kernel
def gain_only(photo: Any, gain: Any) -> None:
    """`light` where only colour and brightness change."""
    rows, columns, _ = photo.shape
    for row in range(rows):
        line = photo[row]
        for i in range(columns):
            for c in range(3):
                line[i, c] = min(max(line[i, c] * gain[c], _NONE), _ONE)


@quick_kernel
def soften(photo: Any, weight: Any, soft: Any) -> None:
    """Blend with the photo averaged twice over 3×3 pixels; beyond the edge the edge is repeated.

    Averaging along rows and along columns can change places, so it goes twice along and then twice down.

    Args:
        photo: changed in place.
        weight: of the averaged photo.
        soft: room for a photo of the same size.
    """
    rows, columns, _ = photo.shape
    width = 3 * columns  # as flat rows, so that many values are added at a time
    line = np.empty(width + 6, np.float32)
    total = np.empty(width, np.float32)
    for row in range(rows):
        line[3 : width + 3] = photo[row].reshape(-1)
        for _ in range(2):
            for c in range(3):
                line[c], line[width + 3 + c] = line[3 + c], line[width + c]
            for k in range(width):
                total[k] = line[k] + line[k + 3] + line[k + 6]
            line[3 : width + 3] = total
        soft[row].reshape(-1)[:] = total
    share = np.float32(1 / 81)
    for row in range(rows):
        total[:] = _NONE
        for step in range(-1, 2):
            middle = min(max(row + step, 0), rows - 1)
            above = soft[max(middle - 1, 0)].reshape(-1)
            here, under = soft[middle].reshape(-1), soft[min(middle + 1, rows - 1)].reshape(-1)
            for k in range(width):
                total[k] += above[k] + here[k] + under[k]
        source = photo[row].reshape(-1)
        for k in range(width):
            source[k] += (total[k] * share - source[k]) * weight


@kernel
def finish(photo: Any, box: Any, box_colour: Any, noise: Any, key: Any, average: Any, spread: Any, out: Any) -> None:
    """Cover the box, add noise, cut off at 0 and 1, and normalise into `out`: (value − average) / spread."""
    rows, columns, _ = photo.shape
    for row in range(rows):
        line = photo[row]
        y = (np.float32(row) + _HALF) / np.float32(rows)
        if box[2] > box[0] and box[1] <= y < box[3]:
            for i in range(columns):
                x = (np.float32(i) + _HALF) / np.float32(columns)
                if box[0] <= x < box[2]:
                    for c in range(3):
                        line[i, c] = box_colour[c]
        if noise != _NONE:
            for c in range(3):
                _add_noise(line, c, np.uint64((c * rows + row) * columns), key, noise)
        result = out[row]
        for i in range(columns):
            for c in range(3):
                result[i, c] = (line[i, c] - average[c]) / spread[c]


@kernel
def _add_noise(line: Any, channel: int, first: Any, key: Any, noise: Any) -> None:
    """The same hash of key and place as `augment._noise`, added to one channel of a row, and cut off."""
    start = (key >> _NEXT) + first * _GOLDEN
    for i in range(len(line)):
        word = start + np.uint64(i) * _GOLDEN
        word = (word ^ (word >> _HALF_WAY)) * _FIRST
        word = (word ^ (word >> _MOSTLY)) * _SECOND
        unit = np.float32(np.int32(word >> _LAST)) * _UNIT - _ONE
        line[i, channel] = min(max(line[i, channel] + unit * noise, _NONE), _ONE)


@kernel
def change_some(
    photos: Any, rows: Any, changes: Any, average: Any, spread: Any, first: int, last: int, out: Any
) -> None:
    """Photos first to last − 1 of a batch. The room that a photo needs is taken once for all of them."""
    height, width = photos.shape[1:3]
    photo = np.empty(out.shape[1:], np.float32)
    soft = np.empty(out.shape[1:], np.float32)
    padded = np.empty(3 * (height + 1) * (width + 1), np.float32)
    fine_row = np.empty((changes.fine * out.shape[2], 3), np.float32)
    for n in range(first, last):
        if changes.warped:
            warp(photos[rows[n]], changes.matrix[n], changes.fine, padded, fine_row, photo)
        else:
            scale(photos[rows[n]], photo)
        if changes.channel_shift[n] != 0:
            shift_channels(photo, changes.channel_shift[n])
        if changes.gamma[n] != _ONE:
            bend(photo, changes.gamma[n])
        gain, gradient = changes.gain[n], changes.gradient[n]
        if changes.contrast[n] != _ONE or changes.saturation[n] != _ONE or gradient[0] != 0 or gradient[1] != 0:
            light(photo, changes.contrast[n], changes.saturation[n], gain, gradient)
        elif gain[0] != _ONE or gain[1] != _ONE or gain[2] != _ONE:
            gain_only(photo, gain)
        if changes.blur[n] != 0:
            soften(photo, changes.blur[n], soft)
        box, colour = changes.box[n], changes.box_colour[n]
        finish(photo, box, colour, changes.noise[n], changes.keys[n], average, spread, out[n])
