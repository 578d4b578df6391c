"""From frame to frame: look around where the hand was, in the whole frame where it is not there, and smooth its box."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fingerspell.live.finding.finder import FoundHand, HandFinder
from fingerspell.live.finding.smoothing import OneEuro
from fingerspell.live.finding.square import HandBox, Square

AROUND = 2.4
"""Side of the window that is searched, as a multiple of the box's longer side."""
PATIENT = 0.25
"""Seconds for which a hand that is not seen, as in a blurred frame, is taken to be where it was."""
LOOK_ROUND = 0.7
"""Seconds between looks at the whole frame while a hand is followed: it may be the wrong thing that is followed."""

_KEEPS = 0.5  # of the threshold: a hand that was there is believed sooner than a new one
_SURER = 0.15  # so much surer must another place be to draw the follower away
_SAME = 0.2  # boxes that share less are two places
_STILL, _QUICK = 1.5, 4.0  # 1€ filter: hertz, and hertz for each box side a second


class HandFollower:
    """Follows the hand of one stream of frames.

    Args:
        finder: may be shared by many streams.
    """

    def __init__(self, finder: HandFinder) -> None:
        self.finder = finder
        self._last: FoundHand | None = None
        self._seconds = self._seen = self._looked = 0.0
        self._filters = tuple(OneEuro(_STILL, _QUICK) for _ in range(4))

    def step(self, seconds: float, frame: NDArray[np.uint8]) -> FoundHand | None:
        """Look at the next frame.

        Args:
            seconds: of this frame, never less than before.
            frame: (H, W, 3) uint8, RGB, upright.

        Returns:
            Where the hand is; its box is smoothed. None where there is no hand.
        """
        elapsed, self._seconds = seconds - self._seconds, seconds
        found = self._look(seconds, frame)
        if found is None:
            if self._last is None or seconds - self._seen > PATIENT:
                self.reset()
                return None
            return self._last
        if self._last is not None and found.box.shared(self._last.box) < _SAME:
            self._forget()
        self._seen = seconds
        self._last = FoundHand(self._smooth(found.box, elapsed), found.score)
        return self._last

    def reset(self) -> None:
        """Forget the hand."""
        self._last = None
        self._forget()

    def _look(self, seconds: float, frame: NDArray[np.uint8]) -> FoundHand | None:
        if self._last is None:
            self._looked = seconds
            return self.finder.find(frame)
        here = self.finder.find(frame, window_around(self._last.box), at_least=_KEEPS * self.finder.threshold)
        if here is not None and seconds - self._looked < LOOK_ROUND:
            return here
        self._looked = seconds
        anywhere = self.finder.find(frame)
        if here is None or anywhere is None:
            return here or anywhere
        elsewhere = anywhere.box.shared(here.box) < _SAME
        return anywhere if elsewhere and anywhere.score > here.score + _SURER else here

    def _smooth(self, box: HandBox, elapsed: float) -> HandBox:
        """Middle and sides; speed counts in sides of the box, so that near and far hands are treated alike."""
        values = (*box.centre, box.right - box.left, box.bottom - box.top)
        pairs = zip(self._filters, values, strict=True)
        x, y, wide, high = (its.step(value, elapsed, box.longer) for its, value in pairs)
        return HandBox(x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)

    def _forget(self) -> None:
        for each in self._filters:
            each.reset()


def window_around(box: HandBox) -> Square:
    """Where a hand that was in this box is looked for."""
    return box.square(AROUND)
