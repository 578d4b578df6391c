"""Double letters without a rest: the hand keeps its sign, slides aside, and rests there."""

from __future__ import annotations

from dataclasses import dataclass

from fingerspell.live.spelling.movement import Movement

_MOVES = 0.03  # share of the box that moves while the hand slides
_STILL = 0.1  # seconds of rest that end a slide
_ASIDE = 0.08  # sides of the box at least
_LEVEL = 1.5  # times as far aside as up or down
_LONGEST = 0.8  # seconds; slower movements are drift


@dataclass(frozen=True)
class Slide:
    """A quick movement aside that has come to rest: when it began and when the hand was last seen moving."""

    began: float
    ended: float


class SlideReader:
    """Watches for slides."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what moved."""
        self._began: float | None = None
        self._ended = 0.0
        self._right = self._down = 0.0

    def step(self, seconds: float, movement: Movement | None) -> Slide | None:
        """Take in a frame's movement, None where there was none; returns a slide once it has come to rest."""
        if movement is None:
            return None
        if movement.share > _MOVES:
            if self._began is None:
                self._began, self._right, self._down = seconds, 0.0, 0.0
            self._ended = seconds
            self._right += movement.right
            self._down += movement.down
            return None
        if self._began is None or seconds - self._ended < _STILL:
            return None
        slide = Slide(self._began, self._ended)
        self._began = None
        aside = abs(self._right) >= max(_ASIDE, _LEVEL * abs(self._down))
        return slide if aside and slide.ended - slide.began <= _LONGEST else None
