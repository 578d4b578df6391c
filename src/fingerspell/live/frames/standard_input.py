"""Standard input: one photo, as ever, or frames one after the other."""

from __future__ import annotations

import re
from typing import BinaryIO, cast

from fingerspell.live.frames.jpegs import JpegScanner
from fingerspell.live.frames.mjpeg import Readable
from fingerspell.live.frames.stills import MAX_BYTES, STREAM, Still, bounded

_CHUNK = 1 << 16
_ENOUGH = 16  # bytes after a JPEG that tell whether another follows
_MULTIPART = (b"--", b"content-", b"http/1")
_HAS_EXTRAS = re.compile(rb"\xff\xe2..MPF\0", re.DOTALL)  # phones append further pictures (HDR gain map) to a photo


class Resumed:
    """A stream with what was already read of it put back in front."""

    def __init__(self, read: bytes, stream: Readable) -> None:
        self._read = read
        self._stream = stream

    def read1(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, as soon as there are any; b"" at the end."""
        if self._read:
            end = len(self._read) if size < 0 else size
            some, self._read = self._read[:end], self._read[end:]
            return some
        return self._stream.read1(size)

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, fewer only at the end."""
        parts, wanted = [], size if size >= 0 else 1 << 62
        while wanted > 0 and (some := self.read1(min(wanted, _CHUNK))):
            parts.append(some)
            wanted -= len(some)
        return b"".join(parts)


def photo_or_frames(stream: Readable) -> Still | Resumed:
    """Tell what comes: the photo (read whole), or a stream of frames to go on reading from.

    Several JPEGs, or multipart headers, are frames; everything else is a photo, also one that a phone appended
    further pictures to.
    """
    read = _at_least(b"", 6, stream)
    if read.lstrip().lower().startswith(_MULTIPART):
        return Resumed(read, stream)
    if read.startswith(b"\xff\xd8\xff"):
        read, another = _through_first(read, stream)
        if another:
            return Resumed(read, stream)
    return bounded(STREAM, cast("BinaryIO", Resumed(read, stream)))


def _through_first(read: bytes, stream: Readable) -> tuple[bytes, bool]:
    """Read to the end of the first JPEG and a little further: all that was read, and whether another one follows."""
    scanner, parts, chunk = JpegScanner(MAX_BYTES), [read], read
    while chunk:
        scanner.feed(chunk)
        first = scanner.next()
        if first is not None or scanner.damaged:
            break
        chunk = stream.read1(_CHUNK)
        parts.append(chunk)
    else:
        first = None
    whole = b"".join(parts)
    if first is None or scanner.damaged:
        return whole, False
    after = _at_least(scanner.rest(), _ENOUGH, stream)
    whole = first + after
    follows = after.lstrip(b"\r\n\0").startswith((b"\xff\xd8\xff", b"--"))
    return whole, follows and _HAS_EXTRAS.search(first) is None


def _at_least(read: bytes, count: int, stream: Readable) -> bytes:
    while len(read) < count and (more := stream.read1(_CHUNK)):
        read += more
    return read
