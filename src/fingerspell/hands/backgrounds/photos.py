"""Backgrounds from a folder of the user's own pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import DataError, PhotoError
from fingerspell.core.preprocess import decode
from fingerspell.hands.backgrounds.sheet import to_linear

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".tif", ".tiff", ".webp"})
"""Endings of the file names that are taken for pictures, in lower case."""

_KEPT_SIDE = 640  # longer side to which a picture is reduced before it is kept
_KEPT = 64  # pictures kept decoded: some 80 MB


class PhotoBackgrounds:
    """Random pieces of random pictures of a folder and its subfolders.

    Attributes:
        folder: where the pictures are.
        files: the pictures' paths, sorted; those found damaged are still in it.
    """

    def __init__(self, folder: Path) -> None:
        """List the pictures.

        Raises:
            DataError: `folder` is no folder, cannot be listed, or none of its pictures can be read.
        """
        self.folder = folder
        self.files = tuple(_listed(folder))
        self._kept: dict[int, NDArray[np.uint8] | None] = {}
        if all(self._picture(number) is None for number in range(len(self.files))):  # stops at the first good one
            raise DataError(
                f"no readable picture in {folder}",
                expected="JPEG, PNG, BMP, PPM, TIFF or WebP files in it or its subfolders",
                remedy="give a folder with photos of rooms, or leave it out for drawn backgrounds",
            )

    def paint(self, seed: int, height: int, width: int) -> NDArray[np.float32]:
        """Cut a background out of one of the pictures; a damaged picture is passed over for the next one.

        Args:
            seed: 0 or more; decides picture, piece and mirroring.
            height: pixels.
            width: pixels.

        Returns:
            (height, width, 3) float32, C-contiguous, linear RGB, 0–1.

        Raises:
            DataError: by now no picture can be read any more.
        """
        rng = np.random.Generator(np.random.PCG64(seed))
        picture = self._readable(int(rng.integers(len(self.files))))
        rows, columns = picture.shape[:2]
        fitting = min(columns / width, rows / height)
        scale = fitting * (1.0 if rng.random() < 0.3 else rng.uniform(0.35, 1.0))
        wide, high = max(1, int(width * scale)), max(1, int(height * scale))
        left, top = int(rng.integers(columns - wide + 1)), int(rng.integers(rows - high + 1))
        piece = picture[top : top + high, left : left + wide]
        way = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
        resized = np.asarray(cv2.resize(piece, (width, height), interpolation=way), np.uint8)
        if rng.random() < 0.5:
            resized = resized[:, ::-1]
        return to_linear(np.ascontiguousarray(resized))

    def _readable(self, first: int) -> NDArray[np.uint8]:
        for step in range(len(self.files)):
            picture = self._picture((first + step) % len(self.files))
            if picture is not None:
                return picture
        raise DataError(f"none of the pictures in {self.folder} can be read any more", remedy="put them back")

    def _picture(self, number: int) -> NDArray[np.uint8] | None:
        """The picture, reduced, from memory if it was seen lately; None if it is damaged."""
        if number not in self._kept:
            if len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            try:
                self._kept[number] = _reduced(decode(self.files[number].read_bytes()))
            except (PhotoError, OSError):
                self._kept[number] = None
        return self._kept[number]


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        found = f"{folder} is no folder" if folder.exists() else f"there is no folder {folder}"
        raise DataError(found, expected="a folder of pictures", remedy="check the path")
    try:
        return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    except OSError as error:
        raise DataError(f"{folder} cannot be listed: {error.strerror}", remedy="check its permissions") from error


def _reduced(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = picture.shape[:2]
    share = _KEPT_SIDE / max(rows, columns)
    if share >= 1:
        return picture
    size = (max(1, round(columns * share)), max(1, round(rows * share)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
