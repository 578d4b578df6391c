"""Where one JPEG ends and the next begins, in a stream of them with or without headers in between."""

from __future__ import annotations

import re

MAX_BYTES = 16 << 20
"""Of one JPEG in a stream; longer ones are damaged."""

_START = b"\xff\xd8\xff"
_SCAN, _END = 0xDA, 0xD9
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_NOT_HERE = frozenset({0x00, 0xD8})  # no marker, and the start of a further JPEG
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)  # in compressed pixels FF 00 is a value, FF D0–D7 go on


class JpegScanner:
    """Cuts bytes into JPEGs by walking their segments, so that a thumbnail inside one is not taken for its end.

    Attributes:
        damaged: JPEGs that began and did not end as they must, or grew beyond the limit.

    Args:
        limit: bytes of one JPEG.
    """

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self.damaged = 0
        self._limit = limit
        self._data = bytearray()
        self._place = -1  # next byte to look at inside the JPEG at the front; −1: none has begun
        self._in_scan = False

    @property
    def pending(self) -> bool:
        """Whether a JPEG has begun and not ended."""
        return self._place >= 0

    def rest(self) -> bytes:
        """What was fed and is not part of a JPEG that was given."""
        return bytes(self._data)

    def feed(self, data: bytes) -> None:
        """Take in more of the stream."""
        self._data += data

    def back(self, jpeg: bytes) -> None:
        """Look for further JPEGs inside one that turned out to be damaged: a cut one swallows what follows it."""
        self.damaged += 1
        self._data[:0] = jpeg[len(_START) - 1 :]
        self._place, self._in_scan = -1, False

    def next(self) -> bytes | None:
        """The next whole JPEG, or None until more is fed."""
        while self.pending or self._begin():
            end = self._walk()
            if 0 < end <= self._limit:
                jpeg = bytes(self._data[:end])
                self._forget(end)
                return jpeg
            if end == 0 and len(self._data) <= self._limit:
                return None
            self.damaged += 1
            self._forget(max(end, len(_START) - 1))  # of a broken one: the next may begin inside it
        return None

    def give_up(self) -> None:
        """No more will come: what has begun is damaged, but whole ones may lie inside it."""
        if self.pending:
            self.damaged += 1
            self._forget(len(_START) - 1)

    def _begin(self) -> bool:
        place = self._data.find(_START)
        if place < 0:
            keep = len(_START) - 1
            del self._data[: max(len(self._data) - keep, 0)]
            return False
        del self._data[:place]
        self._place = 2
        return True

    def _forget(self, count: int) -> None:
        del self._data[:count]
        self._place, self._in_scan = -1, False

    def _walk(self) -> int:
        """Go on from `_place`. Returns the JPEG's length, 0 if more is needed, −1 if this is no JPEG."""
        data = self._data
        while True:
            if self._in_scan and not self._leave_scan():
                return 0
            if self._place + 2 > len(data):
                return 0
            first, kind = data[self._place], data[self._place + 1]
            if first != 0xFF or kind in _NOT_HERE:
                return -1
            if kind == _END:
                return self._place + 2
            if kind == 0xFF:  # fill bytes may stand before a marker
                self._place += 1
            elif kind in _ALONE:
                self._place += 2
            elif self._place + 4 > len(data):
                return 0
            else:
                self._place += 2 + max(int.from_bytes(data[self._place + 2 : self._place + 4], "big"), 2)
                self._in_scan = kind == _SCAN

    def _leave_scan(self) -> bool:
        """Go to the marker that ends the compressed pixels; False where it has not come yet."""
        found = _MARKER.search(self._data, self._place)
        if found is None:
            end = len(self._data)
            self._place = max(end - 1 if self._data.endswith(b"\xff") else end, self._place)
            return False
        self._place, self._in_scan = found.start(), False
        return True
