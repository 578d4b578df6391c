"""What a landmark detector said about real photos. The detector is needed at development time only."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import DataError
from fingerspell.lab.data.manifest import scan
from fingerspell.lab.data.shapes import shapes_of

BORDER = 0.03
"""Of a photo's sides, cut off: some sources draw a frame around their photos."""
HELD_OUT = 5
"""Of each class's photos, in the order of their numbers, the last fifth is only judged by."""


@dataclass(frozen=True, eq=False)
class Taught:
    """Photos, and where the detector saw their hands.

    Attributes:
        folder: of the photos.
        paths: (n,) below it.
        labels: (n,) what the photos show.
        found: (n,) whether a hand was found.
        landmarks: (n, 21, 2) float32, x and y as fractions of the photo's width and height, without its border.
        boxes: (n, 4) float32, left, top, right, bottom as such fractions.
    """

    folder: Path
    paths: NDArray[np.str_]
    labels: NDArray[np.str_]
    found: NDArray[np.bool_]
    landmarks: NDArray[np.float32]
    boxes: NDArray[np.float32]

    def photo(self, place: int) -> NDArray[np.uint8]:
        """One photo without its border: (H, W, 3) uint8 RGB. Raises DataError where it cannot be read."""
        path = self.folder / str(self.paths[place])
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            raise DataError(f"{path} cannot be read as a photo", remedy="remove it from the file of landmarks")
        height, width = picture.shape[:2]
        top, left = round(height * BORDER), round(width * BORDER)
        return np.asarray(picture[top : height - top, left : width - left, ::-1], np.uint8)

    def part(self, rows: NDArray[np.int64]) -> Taught:
        """Some of the photos."""
        return Taught(
            self.folder, self.paths[rows], self.labels[rows], self.found[rows], self.landmarks[rows], self.boxes[rows]
        )


def read_taught(folder: Path, files: Sequence[Path]) -> Taught:
    """The photos of a folder, and what is known about them; see `lab.data.shapes` for the files.

    Raises:
        DataError: a file cannot be read, or none says anything about this folder's photos.
    """
    manifest = scan(folder)
    shapes = shapes_of([(manifest, manifest.photos)], files)
    if not shapes.known:
        raise DataError(
            f"of no photo in {folder} it is known where the hand is",
            expected="a file of landmarks of these photos",
            remedy="give it with --landmarks, or leave the folder out",
        )
    inner = 1 - 2 * BORDER
    boxes = np.clip((shapes.boxes - BORDER) / inner, 0, 1)
    return Taught(
        folder=folder,
        paths=np.array([photo.path for photo in manifest.photos]),
        labels=np.array([photo.label for photo in manifest.photos]),
        found=np.ptp(boxes[:, 1::2], axis=1) > 0.05,  # of NaN that is not so
        landmarks=(shapes.landmarks - BORDER) / inner,
        boxes=boxes,
    )


def held_out(taught: Taught) -> tuple[Taught, Taught]:
    """(to learn from, to judge by): the last fifth of each class in the order of the numbers in the names."""
    of_class: dict[str, list[int]] = defaultdict(list)
    for place, label in enumerate(taught.labels):
        of_class[str(label)].append(place)
    learn: list[int] = []
    judge: list[int] = []
    for places in of_class.values():
        places.sort(key=lambda place: time_order(str(taught.paths[place])))
        cut = len(places) - len(places) // HELD_OUT
        learn, judge = learn + places[:cut], judge + places[cut:]
    return taught.part(np.array(sorted(learn), np.int64)), taught.part(np.array(sorted(judge), np.int64))


def time_order(name: str) -> tuple[list[int], str]:
    """Key that sorts photos by the numbers in their names, which is the order they were taken in."""
    return [int(number) for number in re.findall(r"\d+", Path(name).stem)], name
