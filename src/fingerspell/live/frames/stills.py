"""Photos one by one: files, folders, and one on standard input."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fingerspell.core.errors import PhotoError

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff", ".webp"})
"""What counts as a photo in a folder, in any case. A file that is named itself is read whatever its ending."""

STREAM = "-"
"""Stands for standard input among paths."""

MAX_BYTES = 256 << 20
"""Longer files are no photos; nothing is read beyond this, not even from a device that never ends."""


@dataclass(frozen=True)
class Still:
    """A photo's bytes, or why there are none.

    Attributes:
        name: the path as given, or below the folder that was given.
        data: the file's content; b"" where it cannot be read.
        error: why it cannot be read, or None.
    """

    name: str
    data: bytes
    error: PhotoError | None = None


def stills(paths: Iterable[str], stream: BinaryIO) -> Iterator[Still]:
    """Read photos one after the other.

    Args:
        paths: files, folders (with all below them, in sorted order), or `-` for a photo on the stream.
        stream: standard input.

    Yields:
        One still for each photo, and one with an error for whatever cannot be read or holds no photo.
    """
    for path in paths:
        if path == STREAM:
            yield bounded(path, stream)
        elif Path(path).is_dir():
            yield from _in_folder(Path(path))
        else:
            yield read_still(Path(path))


def _in_folder(folder: Path) -> Iterator[Still]:
    problems: list[OSError] = []
    found = False
    for place, subfolders, names in os.walk(folder, onerror=problems.append):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith(".") and name != "__MACOSX")
        for name in sorted(names):
            if Path(name).suffix.lower() in ENDINGS and not name.startswith("."):
                found = True
                yield read_still(Path(place, name))
        yield from (_failed(Path(problem.filename or folder), problem) for problem in problems)
        found = found or bool(problems)
        problems.clear()
    yield from (_failed(Path(problem.filename or folder), problem) for problem in problems)
    if not found and not problems:
        error = PhotoError(
            "no photos in this folder",
            expected=f"files ending in {', '.join(sorted(ENDINGS))}",
            remedy="check the path",
        )
        yield Still(str(folder), b"", error)


def read_still(path: Path) -> Still:
    """One named file, whatever its ending."""
    try:
        with path.open("rb") as file:
            return bounded(str(path), file)
    except OSError as error:
        return _failed(path, error)


def bounded(name: str, file: BinaryIO) -> Still:
    """The rest of an open file as a still, or an error where it is longer than `MAX_BYTES`."""
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        return Still(name, b"", PhotoError("the file is too long for a photo", expected="at most 256 MiB"))
    return Still(name, data)


def _failed(path: Path, error: OSError) -> Still:
    reason = "there is no such file" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
    return Still(str(path), b"", PhotoError(reason, expected="a photo or a folder of photos", remedy="check the path"))
