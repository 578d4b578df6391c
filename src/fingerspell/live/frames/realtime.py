"""A recording as if it were a camera: each frame when its time has come."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator

from fingerspell.live.frames.frame import Frame


class RealTime:
    """Frames at their own speed.

    Args:
        frames: of a recording.
        clock: seconds, never running backward.
    """

    def __init__(self, frames: Iterable[Frame], clock: Callable[[], float] = time.monotonic) -> None:
        self._frames = frames
        self._clock = clock
        self._stopped = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        begun: float | None = None
        for frame in self._frames:
            if begun is None:  # opening took a while
                begun = self._clock() - frame.seconds
            if self._stopped.wait(max(begun + frame.seconds - self._clock(), 0.0)):
                return
            yield frame

    def stop(self) -> None:
        """End soon, also while waiting for a frame's time. May be called from any thread."""
        self._stopped.set()
