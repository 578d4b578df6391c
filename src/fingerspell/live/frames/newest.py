"""The newest frame: for whoever is slower than the camera, so that the lag never builds up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")

_LEAVE = 1.0  # seconds that closing waits for the reader, which may hang in a driver


class Newest(Generic[T]):
    """Reads in a thread of its own and keeps only the newest; use it in a `with` block, or close it.

    Args:
        items: what is read, such as frames.
        stop: asks `items` to end soon; called from another thread than the one that reads.
        clock: seconds, never running backward.

    Attributes:
        dropped: how many were replaced by a newer one before anybody took them.
        read: how many were read.
        arrived: when the one last taken arrived, by the clock.
    """

    def __init__(
        self,
        items: Iterable[T],
        stop: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.dropped = self.read = 0
        self.arrived = 0.0
        self._items = items
        self._stop = stop
        self._clock = clock
        self._changed = threading.Condition()
        self._slot: tuple[T, float] | None = None
        self._ended = self._closed = False
        self._error: BaseException | None = None
        # a daemon: a driver that never returns must not keep the program from ending
        self._thread = threading.Thread(target=self._read, name="newest", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to take and nothing will come."""
        with self._changed:
            return self._ended and self._slot is None and self._error is None

    def take(self, timeout: float | None = None) -> T | None:
        """The newest that was not yet taken; waits for one.

        Args:
            timeout: seconds to wait at most; None waits until the end.

        Returns:
            None if nothing came in time, or if the items have ended (see `ended`).

        Raises:
            Whatever reading raised, once, after the last item was taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._slot is not None or self._ended, timeout)
            if self._slot is not None:
                (item, self.arrived), self._slot = self._slot, None
                return item
            error, self._error = self._error, None
        if error is not None:
            raise error
        return None

    def __iter__(self) -> Iterator[T]:
        while (item := self.take()) is not None:
            yield item

    def close(self) -> None:
        """End the reading and its thread. May be called again."""
        with self._changed:
            self._closed = True
        if self._stop is not None:
            self._stop()
        self._thread.join(_LEAVE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._items:
                with self._changed:
                    if self._closed:
                        return
                    self.dropped += self._slot is not None
                    self.read += 1
                    self._slot = (item, self._clock())
                    self._changed.notify_all()
        except BaseException as raised:  # handed to whoever takes; a thread's own would only be printed
            error = raised
        finally:
            with self._changed:
                self._error, self._ended = error, True
                self._changed.notify_all()
