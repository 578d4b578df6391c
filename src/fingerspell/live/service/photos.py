"""Image bytes → pixels: the kind is told by the bytes themselves, the size is known before anything is decoded."""

from __future__ import annotations

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fingerspell.core.errors import PhotoError
from fingerspell.core.preprocess import FORMATS, decode
from fingerspell.live.service.limits import Limits
from fingerspell.live.service.problems import BODY_TOO_LONG, DAMAGED_IMAGE, NOT_AN_IMAGE, TOO_MANY_PIXELS, Problem

_SIGNATURE = 16  # bytes by which Pillow tells a kind
_MOST_SCANS = 200
"""Of a progressive JPEG, which usually has about 10. Each is a pass over all pixels that a few bytes may ask for."""

Image.init()  # all kinds are known from here on, whichever thread asks first


def decoded(data: bytes, limits: Limits, name: str, *, upright: bool = True) -> NDArray[np.uint8]:
    """Decode a photo that somebody sent.

    Args:
        data: the content of an image file, or anything else.
        limits: photo_bytes and pixels are used.
        name: what to call it in a problem: "The photo", "Photo 3".
        upright: turn it as its EXIF orientation says.

    Returns:
        (H, W, 3) uint8, RGB.

    Raises:
        Problem: too long, of no kind that is read here, too many pixels, or damaged.
    """
    if len(data) > limits.photo_bytes:
        raise Problem(BODY_TOO_LONG, f"{name} has {len(data):,} bytes, at most {limits.photo_bytes:,} are taken.")
    kind = kind_of(data)
    if kind is None:
        raise Problem(NOT_AN_IMAGE, f"{name} does not begin as {', '.join(FORMATS[:-1])} or {FORMATS[-1]} does.")
    if kind == "JPEG" and data.count(b"\xff\xda") > _MOST_SCANS:
        raise Problem(DAMAGED_IMAGE, f"{name} has more than {_MOST_SCANS} scans.")
    _refuse_oversize(data, kind, limits, name)
    try:
        return decode(data, upright=upright)
    except PhotoError as error:
        raise _damaged(name, kind) from error


def kind_of(data: bytes) -> str | None:
    """The format that the first bytes tell, of those that are read here; None for all others."""
    for kind in FORMATS:
        accept = Image.OPEN[kind][1]
        if accept is not None and accept(data[:_SIGNATURE]) is True:
            return kind
    return None


def _refuse_oversize(data: bytes, kind: str, limits: Limits, name: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about odd metadata; the checks here decide
            with Image.OPEN[kind][0](io.BytesIO(data), "") as header:  # reads no further than the header
                width, height = header.size
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error, …
        raise _damaged(name, kind) from error
    if width * height > limits.pixels:
        raise Problem(TOO_MANY_PIXELS, f"{name} is {width}×{height} pixels, at most {limits.pixels:,} are taken.")


def _damaged(name: str, kind: str) -> Problem:
    return Problem(DAMAGED_IMAGE, f"{name} begins as {kind} and cannot be decoded to its end.")
