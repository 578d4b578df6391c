"""What names a camera: a number, a device, an address on the network, a file played as if it were one, or a pipe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from fingerspell.core.errors import known_names
from fingerspell.live.frames.frame import StreamError
from fingerspell.live.frames.stills import STREAM

_SCHEMES = ("http", "https", "rtsp", "rtsps")
_SECRETS = re.compile(r"(?<=://)[^/@]*@")
_QUERY = re.compile(r"\?.*$")
_LINUX_CAMERAS = Path("/sys/class/video4linux")


@dataclass(frozen=True)
class Source:
    """Where frames come from, as they come.

    Attributes:
        kind: device (OpenCV), url (PyAV), file (played in real time) or pipe (MJPEG on standard input).
        value: the device's number or path, the address, or the file's path.
        name: for people; without the password and the query of an address.
    """

    kind: Literal["device", "url", "file", "pipe"]
    value: int | str
    name: str


def parse_source(text: str, cameras: Path = _LINUX_CAMERAS) -> Source:
    """Read what the user named.

    Args:
        text: `0`, `/dev/video2`, a camera's name (Linux), `http://…`, `rtsp://…`, a file's path, or `-`.
        cameras: where the system lists cameras by name.

    Raises:
        StreamError: none of these.
    """
    if text == STREAM:
        return Source("pipe", STREAM, "standard input")
    if text.isdecimal():
        return Source("device", int(text), f"camera {int(text)}")
    if "://" in text:
        return _address(text)
    path = Path(text)
    if path.is_file():
        return Source("file", text, text)
    if text and path.is_dir():
        found = f"{text} is a folder"
        raise StreamError(found, expected=_EXPECTED, remedy="fingerspell predict BUNDLE DIR --as-frames --fps 15")
    if text.startswith("/dev/"):
        return Source("device", text, text)
    return _by_name(text, cameras)


_EXPECTED = "a number (0, 1, …), a camera's name, an http(s):// or rtsp:// address, a video file, or -"


def _address(text: str) -> Source:
    name = _QUERY.sub("?…", _SECRETS.sub("", text))
    try:
        parts = urlsplit(text)
        good = parts.scheme.lower() in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise StreamError(
            f"{name} is no address of a camera",
            expected=" or ".join(f"{scheme}://HOST/…" for scheme in _SCHEMES),
            remedy="an app on the phone that makes it a camera shows its address",
        )
    return Source("url", text, name)


def _by_name(text: str, cameras: Path) -> Source:
    names: dict[str, str] = {}
    for file in sorted(cameras.glob("video*/name")):
        try:
            names.setdefault(file.read_text(encoding="utf-8", errors="replace").strip(), f"/dev/{file.parent.name}")
        except OSError:  # unplugged while we looked
            continue
    exact = [name for name in names if name.casefold() == text.casefold()]
    like = exact or [name for name in names if text.casefold() in name.casefold()]
    if len(like) == 1:
        return Source("device", names[like[0]], like[0])
    if names:
        expected, remedy = known_names("camera", text, names)
        remedy = "give its whole name, or its number" if len(like) > 1 else remedy
        raise StreamError(f"there is no one camera named '{text}'", expected=expected, remedy=remedy)
    raise StreamError(f"there is no camera or file '{text}'", expected=_EXPECTED, remedy="try 0 for the first camera")
