"""Photos that nearly match, found in time and memory that grow with the number of photos, never with its square.

Two sets of candidates are compared. Neighbours in time: each photo with the next `IN_TIME` of its class's
numbering. Neighbours in content: `TABLES` times, 64 of the 256 hash bits are drawn, the photos are sorted by
those bits, and each is compared with the next `IN_TABLE` in that order. So a photo meets at most
`IN_TIME + TABLES · IN_TABLE` = 136 others after it, however many there are.

What the bound costs, against comparing all pairs of real photos: 1,088 of 1,089 pairs of one label in 5,220 frames
of one recording a class are found, and 1,800 of 1,806 in 1,440 crowded frames before one wall; no photo
that has a twin goes without one. (Neighbours in time alone find 96% and 71% of the pairs.) Pairs are missed where
more than a handful of photos are alike at once: their number is then a lower bound, as is the number of photos that
cross a split, since the twins that were found may by chance all lie on the same side of it.

Between two sets, of which one must not be seen through the other, no pair may be missed: `nearest_twins` compares all
of them, as products of matrices (one thread: 1,500 with 20,000 in 0.4 s, 26,000 with 87,000 in 22 s).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.progress import Progress, silent
from fingerspell.lab.data.fingerprint import (
    HASH_BYTES,
    SAME_SHOT,
    SAME_SHOT_OTHER_LABEL,
    Nearness,
    colour_distance,
    hash_distance,
)

IN_TIME = 8
TABLES = 16
IN_TABLE = 8
_ROWS = 128  # of one set at once: against 100,000 others their table is 51 MB
_KEY_BITS = 64
_SEED = 20_240_229  # any: which bits a table draws must only be the same each time


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows that nearly match; each pair once, `first` < `second`, sorted.

    Attributes:
        first: (P,) row numbers.
        second: (P,) row numbers.
        bits: (P,) hash bits that differ.
        colour: (P,) colour distance, levels of 0–255.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    bits: NDArray[np.uint16]
    colour: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.first)


def near_pairs(
    prints: NDArray[np.uint8],
    labels: NDArray[np.intp],
    order: NDArray[np.intp],
    progress: Progress = silent,
) -> Pairs:
    """Find pairs of photos that nearly match.

    Args:
        prints: (N, 224) uint8, see `fingerprint.fingerprints`.
        labels: (N,) a number for each photo's label; photos of different labels must be closer to count.
        order: (N,) the rows in the order of recording (see `recordings.recording_order`).
        progress: called after each table.
    """
    batches = [_in_time(prints, labels, order)]
    draw = np.random.Generator(np.random.PCG64(_SEED))
    bits = np.unpackbits(prints[:, :HASH_BYTES], axis=1)  # (N, 256)
    for table in range(TABLES):
        chosen = draw.permutation(bits.shape[1])[:_KEY_BITS]
        key = np.packbits(bits[:, chosen], axis=1)
        row = np.lexsort(key.T[::-1])  # by the first byte, then the second, …
        batches.append(_along(prints, labels, row, IN_TABLE))
        progress("comparing photos", table + 1, TABLES)
    return _distinct(prints, np.concatenate(batches))


def _in_time(prints: NDArray[np.uint8], labels: NDArray[np.intp], order: NDArray[np.intp]) -> NDArray[np.int64]:
    return _along(prints, labels, order, IN_TIME)


def _along(
    prints: NDArray[np.uint8], labels: NDArray[np.intp], order: NDArray[np.intp], reach: int
) -> NDArray[np.int64]:
    """Codes (first · N + second) of the near pairs among rows at most `reach` apart in `order`."""
    total = len(prints)
    found = [np.empty(0, dtype=np.int64)]
    for step in range(1, min(reach, total - 1) + 1):
        first = np.minimum(order[:-step], order[step:])
        second = np.maximum(order[:-step], order[step:])
        near = _near(prints, labels, first, second)
        found.append(first[near].astype(np.int64) * total + second[near])
    return np.unique(np.concatenate(found))


def _near(
    prints: NDArray[np.uint8], labels: NDArray[np.intp], first: NDArray[np.intp], second: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Which of the candidate pairs are near, by the rule for their labels."""
    shape = hash_distance(prints, first, second)
    possible = np.flatnonzero(shape <= SAME_SHOT.bits)  # the looser of the two rules
    left, right = first[possible], second[possible]
    colour, shift = colour_distance(prints, left, right)
    same = labels[left] == labels[right]

    def passes(rule: Nearness) -> NDArray[np.bool_]:
        passed: NDArray[np.bool_] = (shape[possible] <= rule.bits) & (colour <= rule.colour) & (shift <= rule.shift)
        return passed

    kept: NDArray[np.intp] = possible[np.where(same, passes(SAME_SHOT), passes(SAME_SHOT_OTHER_LABEL))]
    return kept


def _distinct(prints: NDArray[np.uint8], codes: NDArray[np.int64]) -> Pairs:
    codes = np.unique(codes)
    total = max(len(prints), 1)
    first, second = (codes // total).astype(np.intp), (codes % total).astype(np.intp)
    return Pairs(first, second, hash_distance(prints, first, second), colour_distance(prints, first, second)[0])


def nearest_twins(
    prints: NDArray[np.uint8],
    labels: NDArray[np.intp],
    others: NDArray[np.uint8],
    other_labels: NDArray[np.intp],
    progress: Progress = silent,
) -> NDArray[np.intp]:
    """For each photo of one set the photo of another set that nearly matches it best.

    Args:
        prints: (N, 224) uint8, see `fingerprint.fingerprints`.
        labels: (N,) a number for each photo's label; photos of different labels must be closer to count.
        others: (M, 224) uint8, of photos brought to the same shape in the same way.
        other_labels: (M,) in the same numbers.
        progress: called now and then.

    Returns:
        (N,) positions in `others`, or -1 where none nearly matches.
    """
    twins = np.full(len(prints), -1, dtype=np.intp)
    both, both_labels = np.concatenate([prints, others]), np.concatenate([labels, other_labels])
    ahead = _signs(others).T
    for start in range(0, len(prints), _ROWS):
        # signs that agree add 1, others take 1 away: sums of 256 such are exact in float32
        agree = _signs(prints[start : start + _ROWS]) @ ahead
        first, second = np.nonzero(agree >= 8 * HASH_BYTES - 2 * SAME_SHOT.bits)
        first, second = first + start, second + len(prints)
        near = _near(both, both_labels, first, second)
        first, second = first[near], second[near]
        shape, (colour, _) = hash_distance(both, first, second), colour_distance(both, first, second)
        farthest_first = np.lexsort((-colour, -shape.astype(np.int64)))  # of several values the last stays
        twins[first[farthest_first]] = second[farthest_first] - len(prints)
        progress("comparing with what is held out", min(start + _ROWS, len(prints)), len(prints))
    return twins


def _signs(prints: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, 256) hash bits as ±1."""
    bits = np.unpackbits(prints[:, :HASH_BYTES], axis=1)
    return np.where(bits, np.float32(1), np.float32(-1))
