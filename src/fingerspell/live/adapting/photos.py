"""A person's own photos in class folders: `A/…`, `B/…`, any of the labels that the recogniser knows."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fingerspell.core.errors import DataError, PhotoError, known_names
from fingerspell.core.preprocess import decode
from fingerspell.core.progress import Progress, silent
from fingerspell.live.frames.stills import Still, stills

Cut = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]

LONGEST = 640
"""Pixels of the longer side that are kept: more only takes time."""


@dataclass(frozen=True)
class OwnPhoto:
    """A photo of a hand whose letter is known.

    Attributes:
        name: its path.
        label: what it shows.
        pixels: (H, W, 3) uint8, RGB, no side longer than `LONGEST`.
    """

    name: str
    label: str
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class OwnPhotos:
    """What a folder holds.

    Attributes:
        photos: by label in the recogniser's order, then by the numbers in their names.
        left_out: a sentence for each file that cannot be used.
    """

    photos: tuple[OwnPhoto, ...]
    left_out: tuple[str, ...]


def read_own_photos(
    folder: Path,
    labels: Sequence[str],
    *,
    upright: bool = True,
    cut: Cut | None = None,
    progress: Progress = silent,
) -> OwnPhotos:
    """Read the photos of a folder's class folders.

    Args:
        folder: with a folder for each label that there are photos of; these are searched with all below them.
        labels: that the recogniser knows. Folders may be written in capitals or not.
        upright: turn photos as their EXIF orientation says.
        cut: takes a photo in full size and gives what of it is to be looked at; the whole of it by default.
        progress: called after each photo.

    Raises:
        DataError: no such folder, a class folder of an unknown name or given twice, or no readable photo.
    """
    _require_folder(folder)
    places = _class_folders(folder, labels)
    loose = [f"{each.name} lies in no class folder" for each in sorted(folder.iterdir()) if _is_loose_photo(each)]
    found = [(label, still) for label in labels if label in places for still in _in_order(places[label])]
    photos: list[OwnPhoto] = []
    for done, (label, still) in enumerate(found, 1):
        try:
            photos.append(OwnPhoto(still.name, label, _reduced(_pixels(still, upright, cut))))
        except PhotoError as error:
            loose.append(f"{still.name}: {error.found}")
        progress("reading photos", done, len(found))
    if not photos:
        raise DataError(
            f"{folder} has no photo that can be read" + (f": {loose[0]}" if loose else ""),
            expected="folders named like the letters, with five photos in each",
            remedy="put your photos of A into a folder A, and so on",
        )
    return OwnPhotos(tuple(photos), tuple(loose))


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise DataError(
            f"{folder} is a file" if folder.exists() else f"{folder} does not exist",
            expected="a folder with a folder of photos for each letter",
            remedy="check the path",
        )


def _class_folders(folder: Path, labels: Sequence[str]) -> dict[str, Path]:
    known = {label.casefold(): label for label in labels}
    places: dict[str, Path] = {}
    for place in sorted(each for each in _listed(folder) if each.is_dir() and not each.name.startswith(".")):
        if place.name == "__MACOSX":
            continue
        label = known.get(place.name.casefold())
        if label is None:
            expected, remedy = known_names("label", place.name, labels)
            raise DataError(f"the folder {place} is named like no label", expected=expected, remedy=remedy)
        if label in places:
            raise DataError(f"there are two folders for {label}: {places[label].name} and {place.name}")
        places[label] = place
    return places


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}", remedy="check who may read it") from error


def _is_loose_photo(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}


def _in_order(folder: Path) -> Iterator[Still]:
    """Photos in the order of the numbers in their names, which is mostly that of time: A2 comes before A10."""
    if not any(each.is_file() and not each.name.startswith(".") for each in folder.rglob("*")):
        return
    yield from sorted(stills([str(folder)], sys.stdin.buffer), key=lambda still: _natural(still.name))


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name)]


def _pixels(still: Still, upright: bool, cut: Cut | None) -> NDArray[np.uint8]:
    if still.error is not None:
        raise still.error
    photo = decode(still.data, upright=upright)
    return photo if cut is None else cut(photo)


def _reduced(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    if max(height, width) <= LONGEST:
        return pixels
    size = max(1, round(width * LONGEST / max(height, width))), max(1, round(height * LONGEST / max(height, width)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX, reducing_gap=2.0))
