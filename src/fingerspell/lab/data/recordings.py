"""Runs of file numbers that look like one recording, so that a split can keep each of them in one part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.alphabet import LABELS
from fingerspell.core.errors import DataError
from fingerspell.lab.data.fingerprint import SAME_RECORDING, are_near
from fingerspell.lab.data.manifest import Photo

_STEPS = ((0, 1), (-1, 1), (0, 2), (-1, 2))
"""Which photos beside a gap are compared: one odd frame on either side does not end a run."""


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of one class's numbering whose neighbours nearly match.

    Attributes:
        name: class and place of the run within it, as in "A/3".
        label: of the class.
        first: path of the first photo.
        last: path of the last photo.
        photos: how many there are.
    """

    name: str
    label: str
    first: str
    last: str
    photos: int


def recording_order(photos: Sequence[Photo]) -> NDArray[np.intp]:
    """Positions of the photos by label, folder, frame number and path: (N,), neighbours in time side by side."""
    rank = {label: place for place, label in enumerate(LABELS)}

    def place(index: int) -> tuple[int, str, int, str]:
        photo = photos[index]
        number = -1 if photo.number is None else photo.number
        return rank.get(photo.label, len(rank)), photo.path.rpartition("/")[0], number, photo.path

    return np.array(sorted(range(len(photos)), key=place), dtype=np.intp)


def _run_starts(photos: Sequence[Photo], prints: NDArray[np.uint8], order: NDArray[np.intp]) -> NDArray[np.bool_]:
    """(N,) bool in recording order: where a photo does not continue the run of the one before it."""
    stretch = np.array([f"{photos[index].label}\t{photos[index].path.rpartition('/')[0]}" for index in order])
    starts = np.ones(len(order), dtype=bool)
    gaps = np.arange(1, len(order))
    joined = np.zeros(len(gaps), dtype=bool)
    for back, ahead in _STEPS:
        left, right = gaps - 1 + back, gaps - 1 + ahead
        inside = np.flatnonzero((left >= 0) & (right < len(order)) & ~joined)
        left, right = left[inside], right[inside]
        same = stretch[left] == stretch[right]  # never across the border of a class or a folder
        inside, left, right = inside[same], left[same], right[same]
        joined[inside] = are_near(prints, order[left], order[right], SAME_RECORDING)
    starts[1:] = ~joined
    return starts


def recording_groups(photos: Sequence[Photo], fingerprints: NDArray[np.uint8]) -> list[str]:
    """The recording run that each photo belongs to.

    Photos of one class are laid out by folder and file number. A run goes on where a photo nearly matches the one
    before it, or where photos beside one odd frame do. Runs that share a photo byte for byte become one, so that
    no copy can straddle a split. The sparser the numbering, the shorter the runs: frames 16 apart often do not
    match any more.

    Args:
        photos: as a manifest has them.
        fingerprints: (N, 224) uint8, a row for each photo (see `fingerprint.fingerprints`).

    Returns:
        For each photo, in the given order, a name such as "A/3": class, and number of the run within it.

    Raises:
        DataError: not one fingerprint for each photo.
    """
    if len(fingerprints) != len(photos):
        raise DataError(f"{len(fingerprints)} fingerprints for {len(photos)} photos", expected="one for each photo")
    order = recording_order(photos)
    starts = _run_starts(photos, fingerprints, order)
    names = [""] * len(photos)
    label, run = "", -1
    for place, index in enumerate(order):
        if photos[index].label != label:
            label, run = photos[index].label, -1
        run += bool(starts[place])
        names[index] = f"{label}/{run}"
    return _join_copies(photos, names, order)


def _join_copies(photos: Sequence[Photo], names: list[str], order: NDArray[np.intp]) -> list[str]:
    """Give runs that share a photo's content the name of the first of them."""
    leader: dict[str, str] = {}

    def lead(name: str) -> str:
        while leader.get(name, name) != name:
            name = leader[name]
        return name

    seen: dict[str, str] = {}
    for index in order:
        own = lead(names[index])
        other = lead(seen.setdefault(photos[index].sha256, own))
        leader[own] = other
    return [lead(name) for name in names]


def runs(photos: Sequence[Photo], groups: Sequence[str]) -> tuple[Run, ...]:
    """Describe the runs that `recording_groups` named, in recording order."""
    members: dict[str, list[int]] = {}
    for index in recording_order(photos):
        members.setdefault(groups[index], []).append(int(index))
    return tuple(
        Run(name, photos[its[0]].label, photos[its[0]].path, photos[its[-1]].path, len(its))
        for name, its in members.items()
    )
