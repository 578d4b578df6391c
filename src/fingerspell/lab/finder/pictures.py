"""Whole photos of a hand, or of none, as a camera took them: learnt from beside the composed frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fingerspell.core.progress import Progress, silent
from fingerspell.lab.finder.cutouts import plausible
from fingerspell.lab.finder.teacher import Taught

SIDE = 160
"""Pixels of a picture's side."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Photos with the box of their hand.

    Attributes:
        pixels: (n, SIDE, SIDE, 3) uint8 RGB.
        boxes: (n, 4) float32, left, top, right, bottom in pixels; NaN where there is no hand.
    """

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.pixels)


def pictures_of(sources: Sequence[Taught], *, progress: Progress = silent) -> Pictures:
    """The photos that are known: with a hand that the detector saw well, or of `nothing` and without one.

    A sign in which the detector saw nothing is left out: it shows a hand, but nobody knows where.
    """
    known = [_known(source) for source in sources]
    count = sum(len(rows) for rows in known)
    pixels, boxes = np.empty((count, SIDE, SIDE, 3), np.uint8), np.full((count, 4), np.nan, np.float32)
    at = 0
    for source, rows in zip(sources, known, strict=True):
        for row in rows:
            pixels[at] = cv2.resize(source.photo(int(row)), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
            if source.found[row]:
                boxes[at] = source.boxes[row] * SIDE
            at += 1
            if at % 50 == 0 or at == count:
                progress("reading photos", at, count)
    return Pictures(pixels, boxes)


def _known(taught: Taught) -> NDArray[np.int64]:
    """Rows that show a hand which was seen well, or none."""
    good = np.array(
        [found and plausible(marks * 200) for found, marks in zip(taught.found, taught.landmarks, strict=True)]
    )
    without = ~taught.found & (taught.labels == "nothing")
    return np.flatnonzero(good | without)
