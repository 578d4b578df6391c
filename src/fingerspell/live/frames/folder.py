"""A folder of photos that were taken one after the other → frames."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import DataError, PhotoError
from fingerspell.core.preprocess import decode
from fingerspell.live.frames.frame import Frame, StreamError, refuse_oversize
from fingerspell.live.frames.stills import ENDINGS, read_still

_NUMBER = re.compile(r"(\d+)")


def read_folder(folder: Path, fps: float) -> Iterator[Frame]:
    """Read a folder's photos (not those of folders below it) as frames, `photo2` before `photo10`.

    A photo that cannot be read leaves a gap in time.

    Args:
        folder: holds the photos.
        fps: frames a second, above 0.

    Yields:
        Frames, in order.

    Raises:
        DataError: fps is not above 0.
        StreamError: not to be read, or without photos; or, after the last frame, some photos could not be read.
    """
    if not 0 < fps <= 1000:
        raise DataError(f"{fps:g} frames a second", expected="above 0, at most 1000", remedy="--fps 15")
    given, seconds, unread = 0, 0.0, list[str]()
    for number, path in enumerate(_photos(folder)):
        try:
            pixels = _pixels(path)
        except PhotoError:
            unread.append(path.name)
            continue
        refuse_oversize(pixels.shape[1], pixels.shape[0], given, seconds)
        given, seconds = given + 1, number / fps
        yield Frame(seconds, pixels)
    if unread:
        raise StreamError(
            f"photos of this folder that cannot be read: {len(unread)} of {given + len(unread)}, first {unread[0]}",
            expected="whole photos",
            remedy="replace or remove them; the others are answered",
            frames=given,
            seconds=seconds,
        )


def _pixels(path: Path) -> NDArray[np.uint8]:
    still = read_still(path)
    if still.error is not None:
        raise still.error
    return decode(still.data)


def _photos(folder: Path) -> list[Path]:
    try:
        paths = [path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and not path.name.startswith(".")]
    except OSError as error:
        raise StreamError(
            f"the folder cannot be read: {error.strerror}", expected="a folder of photos", remedy="check the path"
        ) from error
    if not paths:
        raise StreamError(
            "no photos in this folder",
            expected=f"files ending in {', '.join(sorted(ENDINGS))}",
            remedy="check the path; folders below it are not frames of the same recording",
        )
    return sorted(paths, key=_in_counting_order)


def _in_counting_order(path: Path) -> list[tuple[int, str]]:
    """Runs of digits compare as numbers, all else as text."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _NUMBER.split(path.name)]
