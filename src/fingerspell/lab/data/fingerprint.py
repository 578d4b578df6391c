"""A short fingerprint of a photo, by which the same shot is known again: 224 bytes, comparable with a few operations.

A fingerprint is a 16×16 difference hash of the grey photo (256 bits: is a cell brighter than its left neighbour?)
followed by the mean colour of 8×8 cells. Two distances are taken between fingerprints: how many hash bits differ
(shape), and the root mean square difference of the cells once each channel's overall difference is taken off
(colour, in levels of 0–255); that overall difference is bounded separately, so that a slow change of exposure does
not hide a twin.

Measured on 5,220 real frames of one recording a class (29 classes, 200×200, three lightings), about every 16th of
the recording; percentiles 5 / 50 / 95, and how many pairs pass `SAME_SHOT` and `SAME_RECORDING`:

    pairs                               hash bits         colour             same shot  recording
    frames 1 apart, same class            6 /  13 /  26   0.8 /  2.3 /  6.6    76%        100%
    frames 2 apart, same class            8 /  18 /  37   1.1 /  3.6 / 13.3    48%         99%
    frames 3–4 apart, same class          9 /  25 /  54   1.3 /  6.8 / 21.7    27%         93%
    frames 5–8 apart, same class         11 /  33 /  68   2.0 / 10.0 / 31.6    15%         79%
    frames 17–40 apart, same class       25 /  56 / 101   6.4 / 24.0 / 63.5     1%         37%
    frames over 200 apart, same class    56 / 113 / 144    21 /   56 /   94     0%          4%
    different classes                    60 / 111 / 143    25 /   56 /   94     0%          2%

`SAME_SHOT` (20 bits, 5 levels) was chosen by looking at pairs near the limit: a person calls them the same shot.
Of all 13.2 million pairs of different classes 15 pass it too: small or dark hands before the same wall (U and V,
S and X), whose few fingers are lost in 256 bits; the closest differ by 14 bits and 1.7 levels. Photos of different
labels are therefore compared by `SAME_SHOT_OTHER_LABEL` (10 bits, 3 levels): none of the 13.2 million passes, nor any
of 17.6 million pairs of three other collections. Of copies of every 23rd frame, saved again as JPEG of quality 92 or
75, reduced to 64×64, or brightened by 5 levels, these pass:

    rule                    quality 92   quality 75   64×64   5 levels brighter
    SAME_SHOT                  100%          99%       100%          97%
    SAME_SHOT_OTHER_LABEL       95%          82%        94%          89%

Limits: a mirrored, turned, cropped or strongly shifted copy has another fingerprint; a photo of a plain wall has
hash bits that follow the sensor's noise, so two such photos may be missed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import DataError

HASH_SIDE = 16
CELLS = 8
HASH_BYTES = HASH_SIDE * HASH_SIDE // 8
WIDTH = HASH_BYTES + CELLS * CELLS * 3
"""Bytes of a fingerprint."""

_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_BITS_SET = np.array([bin(value).count("1") for value in range(1 << 16)], dtype=np.uint8)
_AT_ONCE = 1 << 14  # pairs compared in one piece: 16,384 rows of 192 float32 are 12 MB


@dataclass(frozen=True, slots=True)
class Nearness:
    """How close two fingerprints must be.

    Attributes:
        bits: at most so many of 256 hash bits differ.
        colour: at most so large a root mean square difference of the cells, levels of 0–255.
        shift: at most so large a difference of a channel's mean over the photo, levels of 0–255.
    """

    bits: int
    colour: float
    shift: float


SAME_SHOT = Nearness(bits=20, colour=5.0, shift=16.0)
"""Photos of one label that a person would call the same shot."""

SAME_SHOT_OTHER_LABEL = Nearness(bits=10, colour=3.0, shift=8.0)
"""The same for photos of different labels, where the same wall behind another letter must not count."""

SAME_RECORDING = Nearness(bits=64, colour=20.0, shift=32.0)
"""Neighbours in number that one recording would give: the same place and light, the hand moved on a little."""


def fingerprints(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fingerprints of photos that are already decoded.

    Args:
        pixels: (N, h, w, 3) uint8 RGB, h and w at least 32. Compare only prints of photos that were brought to
            the same shape in the same way.

    Returns:
        (N, 224) uint8, `WIDTH` bytes a photo.

    Raises:
        DataError: another shape or type, or photos smaller than 32×32.
    """
    if pixels.ndim != 4 or pixels.shape[3] != 3 or pixels.dtype != np.uint8 or min(pixels.shape[1:3]) < 32:
        raise DataError(
            f"fingerprints cannot be taken of {pixels.dtype} values of shape {pixels.shape}",
            expected="uint8 of shape (N, h, w, 3), h and w at least 32",
        )
    prints = np.empty((len(pixels), WIDTH), dtype=np.uint8)
    for start in range(0, len(pixels), 256):
        prints[start : start + 256] = _prints_of(pixels[start : start + 256].astype(np.float32))
    return prints


def _prints_of(photos: NDArray[np.float32]) -> NDArray[np.uint8]:
    grey = _cell_means(photos @ _GREY, HASH_SIDE, HASH_SIDE + 1)  # (N, 16, 17)
    brighter = grey[:, :, 1:] > grey[:, :, :-1]
    bits = np.packbits(brighter.reshape(len(photos), -1), axis=1)
    cells = [_cell_means(photos[..., channel], CELLS, CELLS) for channel in range(3)]
    colour = np.rint(np.stack(cells, axis=-1)).astype(np.uint8).reshape(len(photos), -1)  # (N, 8·8·3)
    return np.concatenate([bits, colour], axis=1)


def _cell_means(values: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """(N, h, w) → (N, rows, columns): means over cells of equal size, pixels on a border shared between them."""
    down = _area_weights(values.shape[1], rows)
    along = _area_weights(values.shape[2], columns)
    return np.asarray(down @ values @ along.T, dtype=np.float32)


def _area_weights(size: int, out: int) -> NDArray[np.float32]:
    edges = np.linspace(0, size, out + 1)
    pixels = np.arange(size)
    overlap: NDArray[np.float64] = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights = np.maximum(overlap, 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def hash_distance(prints: NDArray[np.uint8], first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.uint16]:
    """How many of 256 hash bits differ, for pairs of rows of `prints`: (P,) uint16."""
    words = np.ascontiguousarray(prints[:, :HASH_BYTES]).view(np.uint16)  # (N, 16)
    found = np.empty(len(first), dtype=np.uint16)
    for start in range(0, len(first), _AT_ONCE):
        piece = slice(start, start + _AT_ONCE)
        found[piece] = _BITS_SET[words[first[piece]] ^ words[second[piece]]].sum(axis=1)
    return found


def colour_distance(
    prints: NDArray[np.uint8], first: NDArray[np.intp], second: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colour distance and shift for pairs of rows of `prints`: two arrays (P,) float32, levels of 0–255.

    The shift is the largest difference of a channel's mean; the distance is what differs once it is taken off.
    """
    distance = np.empty(len(first), dtype=np.float32)
    shift = np.empty(len(first), dtype=np.float32)
    colour = prints[:, HASH_BYTES:]
    for start in range(0, len(first), _AT_ONCE):
        piece = slice(start, start + _AT_ONCE)
        apart = colour[first[piece]].astype(np.float32) - colour[second[piece]]
        apart = apart.reshape(-1, CELLS * CELLS, 3)
        mean = apart.mean(axis=1, keepdims=True)
        distance[piece] = np.sqrt(((apart - mean) ** 2).mean(axis=(1, 2)))
        shift[piece] = np.abs(mean).max(axis=(1, 2))
    return distance, shift


def are_near(
    prints: NDArray[np.uint8], first: NDArray[np.intp], second: NDArray[np.intp], nearness: Nearness
) -> NDArray[np.bool_]:
    """Which pairs of rows of `prints` are as close as `nearness` asks: (P,) bool."""
    near = hash_distance(prints, first, second) <= nearness.bits
    candidates = np.flatnonzero(near)  # the colours are compared only where the shapes agree
    distance, shift = colour_distance(prints, first[candidates], second[candidates])
    near[candidates] = (distance <= nearness.colour) & (shift <= nearness.shift)
    return near
