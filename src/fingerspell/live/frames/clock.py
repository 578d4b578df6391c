"""Times that never run backward, whatever a file or a camera says."""

from __future__ import annotations

_SMOOTHING = 0.2  # how fast the usual interval follows the stream
_LONGEST_USUAL = 1.0  # seconds: a pause is no usual interval
_LONGEST_HOLD = 2  # frames in a row that may be given the time of the one before


class Clock:
    """Repairs the times of a stream: missing ones are filled in, backward ones continue where the stream was.

    A time that alone runs backward moves only itself; when the stream's own clock was set back (recordings joined
    end to end), all that follows continues from the last good time.

    Args:
        interval: seconds between frames to assume before any were seen.

    Attributes:
        repaired: how many times were missing or ran backward.
    """

    def __init__(self, interval: float = 1 / 30) -> None:
        self.repaired = 0
        self._interval = min(max(interval, 1e-3), _LONGEST_USUAL)
        self._last: float | None = None
        self._offset = 0.0
        self._fallback = 0.0  # the offset before it was last moved
        self._held = 0

    def seconds(self, said: float | None) -> float:
        """The time of the next frame.

        Args:
            said: seconds since the stream's start as the stream has it, or None.

        Returns:
            Seconds, ≥ 0, never less than before.
        """
        if self._last is None:
            self.repaired += said is None or said < 0
            self._last = max(said or 0.0, 0.0)
            return self._last
        found = self._repaired(said, self._last)
        gap = found - self._last
        if 0 < gap <= _LONGEST_USUAL:
            self._interval += _SMOOTHING * (gap - self._interval)
        self._last = found
        return found

    def _repaired(self, said: float | None, last: float) -> float:
        if said is None:
            self.repaired += 1
            return last + self._interval
        if self._offset != self._fallback and said + self._fallback >= last - 2 * self._interval:
            self._offset = self._fallback  # only that one time was wrong: the stream's clock was not set back
        moved = said + self._offset
        if moved >= last:
            self._held = 0
            return moved
        self.repaired += 1
        if last - moved <= _LONGEST_USUAL and self._held < _LONGEST_HOLD:
            self._held += 1  # a frame or two out of order; moving all that follows would be a lasting error
            return last
        self._held = 0
        self._fallback, self._offset = self._offset, last + self._interval - said
        return last + self._interval
