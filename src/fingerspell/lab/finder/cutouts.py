"""Hands cut out of photos, each with its outline and with where its forearm leaves: what frames are composed of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import DataError
from fingerspell.core.progress import Progress, silent
from fingerspell.lab.finder.teacher import Taught

SIDE = 128
"""Pixels of a cut-out's side."""
OUTLINE = 24
"""Points of a hand's outline."""
HELD_OUT = 6
"""Of so many rendered signers, the last is only judged by."""

_WRIST, _MIDDLE, _FINGERS = 0, 9, tuple(tuple(range(first, first + 4)) for first in (1, 5, 9, 13, 17))
_PALM = (0, 1, 5, 9, 13, 17)
_MARGIN = 0.25  # of a cut-out around a real hand's box


@dataclass(frozen=True, eq=False)
class Cutouts:
    """Hands without what is behind them.

    Attributes:
        pixels: (n, SIDE, SIDE, 3) uint8 RGB.
        cover: (n, SIDE, SIDE) uint8: how much of a pixel is hand or bare forearm.
        outline: (n, OUTLINE, 2) float32: points around the hand without its forearm, x and y in pixels.
        arm: (n, 5) float32: where the forearm leaves (x, y), its direction (x, y; length 1), and its width.
        labels: (n,) names of the signs.
        own_arm: (n,) whether the cut-out shows bare forearm to its edge, so that a sleeve cannot begin there.
    """

    pixels: NDArray[np.uint8]
    cover: NDArray[np.uint8]
    outline: NDArray[np.float32]
    arm: NDArray[np.float32]
    labels: NDArray[np.str_]
    own_arm: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pixels)


@dataclass(frozen=True, eq=False)
class _Cutout:
    pixels: NDArray[np.uint8]
    cover: NDArray[np.uint8]
    outline: NDArray[np.float32]
    arm: NDArray[np.float32]
    label: str
    own_arm: bool


def joined(parts: Sequence[Cutouts]) -> Cutouts:
    """All cut-outs of several sources."""
    names = ("pixels", "cover", "outline", "arm", "labels", "own_arm")
    return Cutouts(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def rendered_cutouts(folder: Path, *, judged: bool = False, most: int = 0, progress: Progress = silent) -> Cutouts:
    """The hands of a folder made by `fingerspell data synth`.

    Args:
        folder: with labels.parquet and masks.
        judged: those of the signers that are held out (every sixth), instead of the others.
        most: so many at most, evenly chosen; 0 for all.
        progress: told of photos read.

    Raises:
        DataError: not such a folder, or no hand in it is whole.
    """
    rows = _rows(folder)
    rows = [row for row in rows if row["box"] is not None and (row["signer"] % HELD_OUT == HELD_OUT - 1) == judged]
    if most:
        rows = [rows[place] for place in np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]
    found = []
    for done, row in enumerate(rows):
        cutout = _rendered(folder, row)
        if cutout is not None:
            found.append(cutout)
        if done % 50 == 49 or done + 1 == len(rows):
            progress("cutting out rendered hands", done + 1, len(rows))
    return _stacked(found, folder)


def photo_cutouts(taught: Taught, *, progress: Progress = silent) -> Cutouts:
    """The hands of real photos, cut along their landmarks: fingers as thick lines, and the palm between them.

    Raises:
        DataError: in no photo a whole hand was found.
    """
    found = []
    for place in np.flatnonzero(taught.found):
        cutout = _real(taught.photo(int(place)), taught.landmarks[place, :, :2], str(taught.labels[place]))
        if cutout is not None:
            found.append(cutout)
        if place % 50 == 49 or place + 1 == len(taught.found):
            progress("cutting out hands of photos", int(place) + 1, len(taught.found))
    return _stacked(found, taught.folder)


def _rows(folder: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    table = folder / "labels.parquet"
    if not table.is_file():
        raise DataError(
            f"{folder} has no labels.parquet",
            expected="a folder of rendered hands",
            remedy=f"make one: fingerspell data synth {folder}",
        )
    columns = ["path", "label", "signer", "landmarks", "box", "mask"]
    rows: list[dict[str, Any]] = pq.read_table(table, columns=columns).to_pylist()
    return rows


def _rendered(folder: Path, row: dict[str, Any]) -> _Cutout | None:
    """A rendered hand; None where the photo's edge cuts it, since it would be cut in the middle of a frame."""
    pixels = read_photo(folder / str(row["path"]))
    cover = cv2.imread(str(folder / str(row["mask"])), cv2.IMREAD_GRAYSCALE)
    if cover is None or cover.shape != pixels.shape[:2]:
        raise DataError(f"{folder / str(row['mask'])} is no mask of its photo", remedy="render the photos again")
    marks = np.array(row["landmarks"], np.float32).reshape(21, 3)[:, :2]
    height, width = cover.shape
    box = np.array(row["box"])
    if box[0] < 1 or box[1] < 1 or box[2] > width - 1 or box[3] > height - 1:
        return None
    scale = SIDE / max(height, width)
    pixels, shape = _square(pixels, scale), _square(np.asarray(cover, np.uint8), scale)
    marks = marks * scale
    hand = shape & _around(marks)
    if (hand > 127).sum() < 60:
        return None
    arm, own = _arm(shape, marks)
    return _Cutout(pixels, shape, _outline(hand), arm, str(row["label"]), own)


def _real(photo: NDArray[np.uint8], marks: NDArray[np.float32], label: str) -> _Cutout | None:
    """A hand of a photo, enlarged to fill the cut-out; None where the photo's edge cuts it."""
    height, width = photo.shape[:2]
    points = marks * np.array([width, height], np.float32)
    low, high = points.min(axis=0), points.max(axis=0)
    size = float((high - low).max())
    if low.min() < 2 or (high > np.array([width, height]) - 2).any() or size < 24 or not plausible(points):
        return None
    scale = SIDE * (1 - _MARGIN) / size
    shift = np.array([SIDE / 2, SIDE / 2]) - (low + high) / 2 * scale
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    pixels = cv2.warpAffine(photo, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    points = np.asarray(points * scale + shift, np.float32)
    cover = _fingers(points)
    inside = cv2.warpAffine(np.full((height, width), 255, np.uint8), matrix, (SIDE, SIDE))
    cover = np.minimum(cover, inside)
    toward = _unit(points[_WRIST] - points[_MIDDLE])
    across = 0.85 * float(np.linalg.norm(points[5] - points[17])) + 0.1 * SIDE * (1 - _MARGIN)
    arm = np.array([*points[_WRIST], *toward, min(across, 0.45 * SIDE)], np.float32)
    return _Cutout(np.asarray(pixels, np.uint8), cover, _outline(cover), arm, label, False)


def plausible(points: NDArray[np.float32]) -> bool:
    """Whether the wrist lies at the hand's end: where fists defeat the detector, it lies among the fingers.

    Args:
        points: (21, 2) landmarks, in pixels.
    """
    toward = _unit(points[_WRIST] - points[_MIDDLE])
    along = points @ toward
    size = float(np.ptp(points, axis=0).max())
    return bool(along[_WRIST] > along.max() - 0.12 * size)


def _fingers(points: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The palm and five thick fingers, with a soft edge: (21, 2) → (SIDE, SIDE) uint8."""
    cover = np.zeros((SIDE, SIDE), np.uint8)
    bones = [float(np.linalg.norm(points[first] - points[first + 1])) for first in (5, 9, 13)]
    thick = max(6, round(0.55 * max(np.median(bones), 0.18 * SIDE)))
    across = (points[17] - points[5]) * 0.35  # the wrist landmark is one point of a joint nearly as wide as the palm
    wrist = points[_WRIST] + np.array([-across, across])
    palm = np.round(np.concatenate([wrist, points[list(_PALM[1:])]])).astype(np.int32)
    cv2.fillPoly(cover, [cv2.convexHull(palm)], 255)
    cv2.polylines(cover, [cv2.convexHull(palm)], True, 255, thick, cv2.LINE_AA)
    for finger in _FINGERS:
        cv2.polylines(cover, [np.round(points[list(finger)]).astype(np.int32)], False, 255, thick, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(cover, (0, 0), 1.0), np.uint8)


def _around(marks: NDArray[np.float32]) -> NDArray[np.uint8]:
    """All that is near the landmarks, so that the forearm beyond the wrist is left out."""
    hull = cv2.convexHull(np.round(marks).astype(np.int32))
    size = float((marks.max(axis=0) - marks.min(axis=0)).max())
    near = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(near, [hull], 255)
    cv2.polylines(near, [hull], True, 255, max(3, round(0.26 * size)))
    # the line is as thick beyond the wrist: cut it off there
    toward = _unit(marks[_WRIST] - marks[_MIDDLE])
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    beyond = (columns - marks[_WRIST, 0]) * toward[0] + (rows - marks[_WRIST, 1]) * toward[1]
    near[beyond > 0.06 * size] = 0
    return near


def _arm(cover: NDArray[np.uint8], marks: NDArray[np.float32]) -> tuple[NDArray[np.float32], bool]:
    """Where the forearm leaves the cut-out, (5,), and whether that is at the photo's edge."""
    rim = cover > 127
    rim[2:-2, 2:-2] = False
    rows, columns = np.nonzero(rim)
    toward, own = _unit(marks[_WRIST] - marks[_MIDDLE]), len(rows) >= 4
    if not own:
        rows, columns = np.nonzero(cover > 127)
        along = columns * toward[0] + rows * toward[1]
        last = along > along.max() - 4
        rows, columns = rows[last], columns[last]
    centre = np.array([columns.mean(), rows.mean()], np.float32)
    away = centre - marks[_WRIST]
    if float(np.linalg.norm(away)) > 8:
        toward = _unit(away)
    side = (columns - centre[0]) * -toward[1] + (rows - centre[1]) * toward[0]
    width = float(np.clip(math.sqrt(12 * float(side.var())), 6, 0.6 * SIDE))
    return np.array([*centre, *toward, width], np.float32), own


def _outline(hand: NDArray[np.uint8]) -> NDArray[np.float32]:
    rows, columns = np.nonzero(hand > 127)
    hull = cv2.convexHull(np.stack([columns, rows], axis=1).astype(np.int32)).reshape(-1, 2)
    extreme = [hull[:, 0].argmin(), hull[:, 0].argmax(), hull[:, 1].argmin(), hull[:, 1].argmax()]
    spread = np.linspace(0, len(hull) - 1, OUTLINE - len(extreme)).round().astype(int)
    return np.asarray(hull[[*extreme, *spread]] + 0.5, np.float32)


def _square(picture: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    if picture.shape[:2] == (SIDE, SIDE):
        return picture
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    height, width = picture.shape[:2]
    resized = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=flags)
    square = np.zeros((SIDE, SIDE, *picture.shape[2:]), np.uint8)
    square[: resized.shape[0], : resized.shape[1]] = resized
    return square


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return vector / max(float(np.linalg.norm(vector)), 1e-6)


def _stacked(found: list[_Cutout], folder: Path) -> Cutouts:
    if not found:
        raise DataError(f"{folder} shows no whole hand that could be cut out", expected="photos of whole hands")
    names = ("pixels", "cover", "outline", "arm", "label", "own_arm")
    return Cutouts(*(np.stack([np.asarray(getattr(cutout, name)) for cutout in found]) for name in names))


def read_photo(path: Path) -> NDArray[np.uint8]:
    """A photo's pixels, (H, W, 3) uint8 RGB. Raises DataError where it cannot be read."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise DataError(f"{path} cannot be read as a photo", remedy="remove it, or make it again")
    return np.asarray(picture[:, :, ::-1], np.uint8)
