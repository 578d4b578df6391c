"""What of a frame is recognised, and where movement is watched.

The hand is cut out wherever it goes, so in what is cut out it hardly moves. Its path is what tells J and Z, so movement
is watched in a square that rests: around the place where the hand was first seen, and moved only when the hand has
left its middle and stays away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fingerspell.live.finding.finder import FoundHand, HandFinder
from fingerspell.live.finding.follower import HandFollower
from fingerspell.live.finding.square import HandBox, Square

WATCHED = 2.2
"""Side of the watched square, as a multiple of the hand's: as large as the box that a user would draw for J and Z."""
_INNER = 0.28  # of the watched square's side: the hand's middle may be so far from its middle
_AWAY = 0.4  # seconds that it may be further away: longer than any stroke's end
_GREW = 1.6  # so many times larger or smaller than at first, and the square is no more of its size


@dataclass(frozen=True, eq=False)
class Aimed:
    """What to do with a frame.

    Attributes:
        photo: (h, w, 3) uint8, the hand cut out; None where there is no hand.
        watched: (h, w, 3) uint8, what movement is to be looked for in.
        jumped: whether `watched` is another place than in the frame before.
        hand: what was found.
    """

    photo: NDArray[np.uint8] | None
    watched: NDArray[np.uint8]
    jumped: bool
    hand: FoundHand | None


class Aim:
    """Of one stream of frames.

    Args:
        finder: may be shared by many streams.
    """

    def __init__(self, finder: HandFinder) -> None:
        self._follower = HandFollower(finder)
        self._framing = finder.framing
        self._watched: Square | None = None
        self._size = 0.0  # of the hand when the square was laid
        self._near = 0.0  # seconds: when the hand was last near the square's middle

    def step(self, seconds: float, frame: NDArray[np.uint8]) -> Aimed:
        """Look at the next frame.

        Args:
            seconds: never less than before.
            frame: (H, W, 3) uint8, RGB, upright.
        """
        hand = self._follower.step(seconds, frame)
        before = self._watched
        if hand is not None:
            self._watch(seconds, hand.box, *frame.shape[:2])
        elif before is None or before.left + before.side > frame.shape[1] or before.top + before.side > frame.shape[0]:
            self._watched = _whole(*frame.shape[:2])
        watched = self._watched if self._watched is not None else _whole(*frame.shape[:2])
        photo = None if hand is None else hand.box.view(self._framing, *frame.shape[:2]).cut(frame)
        return Aimed(photo, watched.cut(frame), before is not None and watched != before, hand)

    def _watch(self, seconds: float, box: HandBox, height: int, width: int) -> None:
        """Lay the watched square anew where the hand has left it for good, or is of another size by now."""
        square = self._watched
        if square is not None and self._size:
            x, y = box.centre
            apart = max(abs(x - square.left - square.side / 2), abs(y - square.top - square.side / 2))
            same = 1 / _GREW < box.longer / self._size < _GREW
            # a square as large as the frame cannot be laid better
            if same and (apart <= _INNER * square.side or square.side >= min(height, width)):
                self._near = seconds
            if seconds - self._near <= _AWAY:
                return
        self._watched, self._size, self._near = _inside(box, height, width), box.longer, seconds


def _inside(box: HandBox, height: int, width: int) -> Square:
    """The watched square around a hand, moved into the frame; at most as large as the frame's largest square."""
    wanted = box.square(WATCHED)
    if wanted.side >= min(height, width):
        return _whole(height, width)
    return Square(
        min(max(wanted.left, 0), width - wanted.side), min(max(wanted.top, 0), height - wanted.side), wanted.side
    )


def _whole(height: int, width: int) -> Square:
    """The largest square in the frame's middle."""
    side = min(height, width)
    return Square((width - side) // 2, (height - side) // 2, side)
