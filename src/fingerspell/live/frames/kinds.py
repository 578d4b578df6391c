"""Photo or video: told from a file's first bytes, its name coming second."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Kind = Literal["photo", "video"]

VIDEO_ENDINGS = frozenset(
    {".mp4", ".m4v", ".mov", ".3gp", ".avi", ".webm", ".mkv", ".gif", ".mpg", ".mpeg", ".ts", ".mts", ".ogv", ".mjpeg"}
)
"""Names that ask for a video, in any case, whatever is in the file."""

HEAD = 16
"""So many first bytes are enough for `of_bytes`."""

_PHOTOS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"BM", b"P5", b"P6", b"II*\0", b"MM\0*")
_PICTURES_IN_BOXES = (b"avif", b"heic", b"heix", b"mif1", b"heim")  # still pictures that begin as an MP4 does


def of_file(path: Path) -> Kind:
    """What to read a named file as. A file that cannot be opened is a photo: that reader says what is wrong."""
    if not path.is_file():
        return "photo"
    try:
        with path.open("rb") as file:
            found = of_bytes(file.read(HEAD))
    except OSError:
        found = None
    asked: Kind = "video" if path.suffix.lower() in VIDEO_ENDINGS else "photo"
    if found == "photo" and path.suffix.lower() == ".mjpeg":
        return "video"
    return found or asked


def of_bytes(head: bytes) -> Kind | None:
    """What begins so; None where the bytes tell nothing."""
    if head.startswith(_PHOTOS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "photo"
    if head[4:8] == b"ftyp":
        return "photo" if head[8:12] in _PICTURES_IN_BOXES else "video"
    if head.startswith((b"\x1aE\xdf\xa3", b"GIF8", b"OggS")) or (head[:4] == b"RIFF" and head[8:11] == b"AVI"):
        return "video"
    return None
