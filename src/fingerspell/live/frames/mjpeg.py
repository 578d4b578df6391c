"""JPEGs one after the other on a pipe → frames. Bare, or as multipart/x-mixed-replace; both as FFmpeg writes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Protocol

from fingerspell.core.errors import PhotoError
from fingerspell.core.preprocess import decode
from fingerspell.live.frames.frame import Frame, StreamError, refuse_oversize
from fingerspell.live.frames.jpegs import JpegScanner

MOST_WITHOUT_A_FRAME = 64 << 20
"""Bytes after which a stream that holds no whole JPEG is given up."""

_CHUNK = 1 << 16


class Readable(Protocol):
    """What bytes are read from: standard input's buffer, a file, io.BytesIO."""

    def read1(self, size: int, /) -> bytes:
        """At most `size` bytes, as soon as there are any; b"" at the end."""
        ...


class MjpegFrames:
    """An iterator of frames; made by `read_mjpeg`.

    Attributes:
        given: how many frames were given.
        seconds: the time of the last.
    """

    def __init__(self, stream: Readable, fps: float | None, clock: Callable[[], float], scanner: JpegScanner) -> None:
        self.given = 0
        self.seconds = 0.0
        self._stream = stream
        self._fps = fps
        self._clock = clock
        self._scanner = scanner
        self._started: float | None = None
        self._frames = self._read()

    @property
    def counted(self) -> bool:
        """Whether times are counted from a given frame rate, not those of arrival."""
        return self._fps is not None

    @property
    def damaged(self) -> int:
        """How many JPEGs were cut, overlong or undecodable, and left out."""
        return self._scanner.damaged

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        return next(self._frames)

    def _read(self) -> Iterator[Frame]:
        read = unused = 0
        while chunk := self._stream.read1(_CHUNK):
            before, read, unused = self.given, read + len(chunk), unused + len(chunk)
            self._scanner.feed(chunk)
            yield from self._whole()
            unused = unused if self.given == before else 0
            if unused > MOST_WITHOUT_A_FRAME:
                raise self._nothing(f"the last {unused >> 20} MiB of the stream hold no whole JPEG")
        while self._scanner.pending:
            self._scanner.give_up()
            yield from self._whole()
        if not self.given:
            raise self._nothing("the stream holds no whole JPEG" if read else "the stream is empty")

    def _whole(self) -> Iterator[Frame]:
        while (jpeg := self._scanner.next()) is not None:
            frame = self._frame(jpeg)
            if frame is not None:
                yield frame

    def _frame(self, jpeg: bytes) -> Frame | None:
        arrived = self._clock()
        try:
            pixels = decode(jpeg)
        except PhotoError:
            self._scanner.back(jpeg)
            return None
        refuse_oversize(pixels.shape[1], pixels.shape[0], self.given, self.seconds)
        if self._started is None:
            self._started = arrived
        self.seconds = arrived - self._started if self._fps is None else self.given / self._fps
        self.given += 1
        return Frame(self.seconds, pixels)

    def _nothing(self, found: str) -> StreamError:
        return StreamError(
            found,
            expected="JPEGs one after the other (MJPEG), bare or as multipart/x-mixed-replace",
            remedy="write them so: ffmpeg -i VIDEO -f mjpeg -q:v 3 -",
            frames=self.given,
            seconds=self.seconds,
        )


def read_mjpeg(
    stream: Readable,
    fps: float | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
    limit: int | None = None,
) -> MjpegFrames:
    """Read frames from a pipe. Damaged ones are left out and counted in the result's `damaged`.

    Args:
        stream: the bytes.
        fps: frames a second, for a stream that comes faster or slower than it was recorded; by default a frame's
            time is when it arrives.
        clock: seconds, never running backward.
        limit: bytes of one JPEG; longer ones are damaged. 16 MiB by default.

    Raises:
        StreamError: by the iterator: empty, no JPEGs in it, 64 MiB without one, or larger than 8K.
    """
    return MjpegFrames(stream, fps, clock, JpegScanner() if limit is None else JpegScanner(limit))
