"""Which photos are held back together: photos of one moment are near-twins, and one would tell the other's letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FOLDS = 5
TWINS = 6.0
"""Grey levels (root of the mean square, 16×16 pixels) below which two photos count as taken at one moment.

Measured: neighbouring stills of a clip, a sixth of a second apart, 1–7; photos of one letter from different moments
of a session 13 and more."""
_THUMB = 16


@dataclass(frozen=True)
class Folds:
    """How photos take turns in being held back.

    Attributes:
        of: (N,) each photo's turn, 0 … `count` − 1, or −1: always learnt from, since it is its letter's only one.
        count: turns.
        alike: labels whose photos are all near-twins, so that what is held back resembles what is learnt from.
    """

    of: NDArray[np.int64]
    count: int
    alike: tuple[str, ...]

    @property
    def held(self) -> int:
        """Photos that are held back at some turn."""
        return int((self.of >= 0).sum())


def folds_of(photos: Sequence[NDArray[np.uint8]], labels: Sequence[str]) -> Folds:
    """Deal photos to turns, near-twins to the same one.

    Args:
        photos: (H, W, 3) uint8 each, those of a label in the order in which they were taken.
        labels: what each shows.
    """
    thumbs = [_thumb(photo) for photo in photos]
    of = np.full(len(photos), -1, np.int64)
    alike = []
    for number, label in enumerate(dict.fromkeys(labels)):
        places = [place for place, each in enumerate(labels) if each == label]
        if len(places) < 2:
            continue
        moments = _moments([thumbs[place] for place in places])
        if moments[-1] == 0:  # all of one moment: an earlier and a later half is the best there is
            alike.append(label)
            moments = [2 * place // len(places) for place in range(len(places))]
        of[places] = [(moment + number) % FOLDS for moment in moments]
    return Folds(of, FOLDS, tuple(alike))


def _thumb(photo: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(16, 16) grey levels around their mean: light that changes as a whole makes no new moment."""
    small = Image.fromarray(np.ascontiguousarray(photo)).convert("L").resize((_THUMB, _THUMB), Image.Resampling.BOX)
    grey: NDArray[np.float64] = np.array(small, dtype=np.float64)
    grey -= grey.mean()
    return grey


def _moments(thumbs: Sequence[NDArray[np.float64]]) -> list[int]:
    """Each photo's moment, from 0: that of the first earlier photo that it resembles, or else a new one."""
    moments: list[int] = []
    for place, thumb in enumerate(thumbs):
        twins = [moments[at] for at in range(place) if np.sqrt(np.mean((thumb - thumbs[at]) ** 2)) < TWINS]
        moments.append(max(twins) if twins else max(moments, default=-1) + 1)
    return moments
