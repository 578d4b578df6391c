"""One photo file, looked at: what its content is, what is unusual about it, and a small picture to compare it by."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fingerspell.core.errors import PhotoError
from fingerspell.core.preprocess import FORMATS, MAX_PIXELS, MAX_SIDE, decode

SIDE = 64
"""Photos are reduced to SIDE×SIDE before their fingerprints are taken."""

_FORMATS_OF = {
    ".jpg": {"JPEG", "MPO"},
    ".jpeg": {"JPEG", "MPO"},
    ".png": {"PNG"},
    ".bmp": {"BMP", "DIB"},
    ".ppm": {"PPM"},
    ".tif": {"TIFF"},
    ".tiff": {"TIFF"},
}
_MODES = {
    "L": ("grey", "grey, no colour"),
    "1": ("grey", "black and white, no grey"),
    "P": ("palette", "colours from a palette"),
    "PA": ("palette", "colours from a palette, with transparency"),
    "RGBA": ("transparency", "colour with transparency"),
    "LA": ("transparency", "grey with transparency"),
    "CMYK": ("print-colours", "colours for print (CMYK)"),
}
_EXIF_ORIENTATION = 0x0112
_LARGE = 16_000_000  # pixels; such photos are decoded one at a time, so that two never fill the memory
_one_large = threading.Lock()


@dataclass(frozen=True, slots=True)
class Facts:
    """What one file is.

    Attributes:
        width: pixels, 0 if the file is no image.
        height: pixels, 0 if the file is no image.
        format: what the content is ("JPEG", "PNG" …), "" if it is no image.
        mode: Pillow's name of the colour mode, with ";16" added for 16 bits a channel.
        unusual: (kind, detail) for each thing about the file that is worth knowing.
        readable: whether the photo could be decoded.
    """

    width: int
    height: int
    format: str
    mode: str
    unusual: tuple[tuple[str, str], ...]
    readable: bool


def examine(path: Path) -> tuple[Facts, NDArray[np.uint8] | None]:
    """Look at a photo file; nothing is raised for a bad one.

    Returns:
        The facts, and the photo reduced to (64, 64, 3) uint8 RGB, upright, or None if it cannot be decoded.
    """
    try:
        image = Image.open(path, formats=FORMATS)
    except Image.DecompressionBombError:
        return _unreadable("too-large", f"more than {MAX_PIXELS:,} pixels"), None
    except Exception as error:  # Pillow's plugins raise OSError, SyntaxError, ValueError, struct.error, …
        return _unreadable(*_why_not_opened(path, error)), None
    with image:
        return _examine_opened(path, image)


def _why_not_opened(path: Path, error: Exception) -> tuple[str, str]:
    if isinstance(error, OSError) and error.errno is not None:
        return "unreadable", f"cannot be read: {error.strerror}"
    try:
        empty = path.stat().st_size == 0
    except OSError:
        empty = False
    if empty:
        return "unreadable", "the file is empty"
    return "unreadable", "not a JPEG, PNG, BMP, PPM, TIFF or WebP image"


def _unreadable(kind: str, detail: str) -> Facts:
    return Facts(0, 0, "", "", ((kind, detail),), readable=False)


def _examine_opened(path: Path, image: Image.Image) -> tuple[Facts, NDArray[np.uint8] | None]:
    width, height = image.size
    sixteen = image.mode.startswith(("I", "F")) or any(";16" in str(tile) for tile in getattr(image, "tile", ()))
    mode = image.mode if not sixteen else f"{image.mode.partition(';')[0]};16"
    form = image.format or ""
    orientation = _orientation(image)
    unusual = _unusual(path, form, image.mode, sixteen, orientation)
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        limit = f"at most {MAX_PIXELS:,} pixels and {MAX_SIDE:,} a side are decoded"
        unusual.insert(0, ("too-large", f"{width}×{height}: {limit}"))
        return Facts(width, height, form, mode, tuple(unusual), readable=False), None
    plain = image.mode in ("RGB", "L") and not sixteen and orientation == 1
    try:
        with _memory_for(width * height):
            small = _reduce(image) if plain else _reduce(Image.fromarray(decode(path.read_bytes())))
    except PhotoError as error:
        unusual.insert(0, ("truncated", error.found))
    except Exception as error:  # as above
        unusual.insert(0, ("truncated", f"damaged or cut short: {error}"))
    else:
        return Facts(width, height, form, mode, tuple(unusual), readable=True), small
    return Facts(width, height, form, mode, tuple(unusual), readable=False), None


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1)) if "exif" in image.info else 1
    except Exception:  # damaged EXIF data says nothing about the photo
        return 1


def _unusual(path: Path, form: str, mode: str, sixteen: bool, orientation: int) -> list[tuple[str, str]]:
    found = []
    if form not in _FORMATS_OF.get(path.suffix.lower(), {form}):
        found.append(("wrong-ending", f"the content is {form}"))
    if sixteen:
        found.append(("sixteen-bit", "16 or 32 bits a channel"))
    elif mode != "RGB":
        found.append(_MODES.get(mode, ("other-mode", f"colour mode {mode}")))
    if orientation in range(2, 9):
        found.append(("rotated", f"EXIF orientation {orientation}: Keras shows it turned, a viewer upright"))
    return found


@contextmanager
def _memory_for(pixels: int) -> Iterator[None]:
    if pixels <= _LARGE:
        yield
        return
    with _one_large:
        yield


def _reduce(image: Image.Image) -> NDArray[np.uint8]:
    """(64, 64, 3) uint8; a large JPEG is decoded at a half, quarter or eighth of its size, at least twice SIDE.

    Decoded closer to SIDE, a JPEG would differ from the same photo as PNG by 8 bits of its hash instead of 4.
    """
    image.draft(image.mode, (2 * SIDE, 2 * SIDE))
    small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small.convert("RGB"), dtype=np.uint8)
