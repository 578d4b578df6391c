"""A camera as frames, also one that is unplugged and comes back."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import FingerspellError
from fingerspell.live.frames.capture import OPENING, Capture, Finished, open_capture
from fingerspell.live.frames.frame import Frame, StreamError
from fingerspell.live.frames.mjpeg import MjpegFrames, Readable, read_mjpeg
from fingerspell.live.frames.realtime import RealTime
from fingerspell.live.frames.source import Source, parse_source
from fingerspell.live.frames.video import read_video

_MOST_HANGING = 3  # connections that never returned from the driver; more are not begun
_LOOK = 0.1  # seconds between looks at whether to end


@dataclass(frozen=True)
class Patience:
    """When a camera counts as gone, and how it is tried again.

    Attributes:
        silence: seconds without a picture.
        opening: seconds that a connection may take to give its first one.
        first_wait: seconds before the second try; doubled each time.
        longest_wait: seconds between tries at most.
        limit: seconds without a picture after which to give up; None never does.
    """

    silence: float = 3.0
    opening: float = OPENING + 5.0
    first_wait: float = 0.5
    longest_wait: float = 8.0
    limit: float | None = None


@dataclass(frozen=True)
class CameraNews:
    """What happened to the camera.

    Attributes:
        state: `there` (the first picture came), `gone`, `trying` (again), `back`.
        seconds: since the stream's start; 0 before it.
        reason: for people, or "".
    """

    state: Literal["there", "gone", "trying", "back"]
    seconds: float
    reason: str = ""


class LiveFrames(Protocol):
    """Frames as they come, until there are no more or somebody stops them."""

    def __iter__(self) -> Iterator[Frame]:
        """The frames."""
        ...

    def stop(self) -> None:
        """End soon. May be called from any thread."""
        ...


def read_camera(
    source: str | Source,
    *,
    patience: Patience | None = None,
    tell: Callable[[CameraNews], None] = lambda news: None,
    stream: BinaryIO | None = None,
) -> LiveFrames:
    """Frames of a camera. They queue up where they are not taken in time: put a `Newest` behind it.

    Args:
        source: see `parse_source`. A file is played at its own speed.
        patience: with a camera that is gone.
        tell: told what happens to the camera, in the thread that reads.
        stream: standard input, for `-`.

    Raises:
        StreamError: at once, where the source's name makes no sense; while reading, as the sources do.
    """
    named = parse_source(source) if isinstance(source, str) else source
    if named.kind == "file":
        return RealTime(read_video(Path(str(named.value))))
    if named.kind == "pipe":
        return Piped(read_mjpeg(cast("Readable", stream or sys.stdin.buffer)))
    patience = patience or Patience()
    silence = patience.silence
    return Camera(lambda: open_capture(named, silence), named.name, patience, tell)


class Piped:
    """MJPEG on a pipe as live frames."""

    def __init__(self, frames: MjpegFrames) -> None:
        self.frames = frames
        self._stopped = False

    def __iter__(self) -> Iterator[Frame]:
        for frame in self.frames:
            if self._stopped:
                return
            yield frame

    def stop(self) -> None:
        """End with the next frame: a read that waits for a pipe cannot be broken off."""
        self._stopped = True


class Camera:
    """Reads a camera, notices when it is gone, and tries again until it is back.

    Args:
        connect: opens the camera; called again for each try, each time in a thread of its own.
        name: for messages.
        patience: with a camera that is gone.
        tell: told what happens.
        clock: seconds, never running backward.
    """

    def __init__(
        self,
        connect: Callable[[], Capture],
        name: str,
        patience: Patience,
        tell: Callable[[CameraNews], None] = lambda news: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._name = name
        self._patience = patience
        self._tell = tell
        self._clock = clock
        self._stopped = threading.Event()
        self._begun: float | None = None
        self._given = 0
        self._gone_at = 0.0
        self._connections: list[_Connection] = []

    def stop(self) -> None:
        """End soon. May be called from any thread."""
        self._stopped.set()

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames; their seconds go on while the camera is gone.

        Raises:
            StreamError: there was no camera in the first place, or it did not come back in time.
            FingerspellError: it can never be opened here, such as MissingExtraError.
        """
        wait = self._patience.first_wait
        while not self._stopped.is_set():
            given = self._given
            try:
                yield from self._connected()
                return
            except StreamError as error:
                if self._begun is None:
                    raise
                if self._given > given:
                    wait = self._patience.first_wait
                    self._gone_at = self._seconds()
                    self._tell(CameraNews("gone", self._gone_at, error.found))
                self._give_up(error)
            self._stopped.wait(wait)
            wait = min(2 * wait, self._patience.longest_wait)
            if not self._stopped.is_set():
                self._tell(CameraNews("trying", self._seconds()))

    def _connected(self) -> Iterator[Frame]:
        """Frames of one connection; returns at the end of a recording or when stopped, raises where it is lost."""
        self._connections = [each for each in self._connections if each.alive]
        if len(self._connections) >= _MOST_HANGING:
            raise StreamError(f"{self._name} hangs")
        connection = _Connection(self._connect)
        self._connections.append(connection)
        first = True
        try:
            while not self._stopped.is_set():
                pixels = self._next(connection, self._patience.opening if first else self._patience.silence)
                if pixels is None:
                    return
                yield self._frame(pixels, first)
                first = False
        finally:
            connection.leave()

    def _next(self, connection: _Connection, patience: float) -> NDArray[np.uint8] | None:
        """The next picture; None at the end of a recording or when stopped."""
        until = self._clock() + patience
        while not self._stopped.is_set():
            try:
                found = connection.pictures.get(timeout=_LOOK)
            except queue.Empty:
                if self._clock() > until:
                    raise StreamError(f"{self._name} has given no picture for {patience:g} s") from None
                continue
            if isinstance(found, Finished):
                return None
            if isinstance(found, FingerspellError):
                raise found
            if isinstance(found, OSError):
                raise StreamError(f"{self._name}: {found.strerror or found}") from found
            if isinstance(found, BaseException):
                raise found
            if found is None:
                raise StreamError(f"{self._name} was unplugged or closed the connection")
            return found
        return None

    def _frame(self, pixels: NDArray[np.uint8], first: bool) -> Frame:
        if self._begun is None:
            self._begun = self._clock()
            self._tell(CameraNews("there", 0.0))
        elif first:
            self._tell(CameraNews("back", self._seconds()))
        self._given += 1
        return Frame(self._seconds(), pixels)

    def _seconds(self) -> float:
        return 0.0 if self._begun is None else self._clock() - self._begun

    def _give_up(self, error: StreamError) -> None:
        limit, gone = self._patience.limit, self._seconds() - self._gone_at
        if limit is not None and gone >= limit:
            raise StreamError(
                f"{self._name} did not come back within {limit:g} s; {error.found}",
                expected="a camera that goes on",
                remedy="plug it in again, or check its network",
                frames=self._given,
                seconds=self._gone_at,
            ) from error


class _Connection:
    """A thread that opens a camera and hands over its pictures one by one; left behind where a driver hangs."""

    def __init__(self, connect: Callable[[], Capture]) -> None:
        self.pictures: queue.Queue[NDArray[np.uint8] | BaseException | None] = queue.Queue(maxsize=1)
        self._connect = connect
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def leave(self) -> None:
        """Let the camera go, as soon as the driver returns."""
        self._left.set()
        self._thread.join(_LOOK)

    def _run(self) -> None:
        try:
            capture = self._connect()
            try:
                while not self._left.is_set():
                    pixels = capture.read()
                    self._hand_over(pixels)
                    if pixels is None:
                        return
            finally:
                capture.close()
        except BaseException as error:  # raised again by whoever takes the pictures
            self._hand_over(error)

    def _hand_over(self, found: NDArray[np.uint8] | BaseException | None) -> None:
        while not self._left.is_set():
            try:
                return self.pictures.put(found, timeout=_LOOK)
            except queue.Full:
                continue
