"""J and Z, told by the path of the hand.

Z: a stroke to one side, one back and down, one to the first side again. J: from the shape of an I downward, then a hook
to a side or up again. Both are taken from either hand, and may be drawn with short rests in between.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fingerspell.live.spelling.movement import Movement

Floats = NDArray[np.float64]

STROKES = ("J", "Z")
"""Letters that are drawn."""

_MOVES = 0.03  # share of the box that moves while something is drawn
_TURN = 0.04  # sides of the box: less is no change of direction
_Z_WIDTH, _Z_DOWN, _Z_SECONDS, _Z_REST = 0.12, 0.06, 4.0, 0.8
_J_DOWN, _J_HOOK, _J_SECONDS, _J_REST = 0.10, 0.10, 2.0, 0.3
_J_SHAPE, _J_START = 0.25, 0.2  # mean probability of I or J, in the first seconds of the way
_EMPTY = 0.5  # mean probability of "nothing" along the way above which nobody drew anything
_PART_OF = 0.1  # mean probability of a sign that the hand shows while it draws


@dataclass(frozen=True)
class Stroke:
    """A letter that was drawn.

    Attributes:
        label: J or Z.
        began, ended: seconds.
        certainty: how clearly it was drawn, 0.5 (just so) to 1.
        shapes: mean probabilities of all labels on the way.
        shown: indices of the signs that the hand resembled on the way.
    """

    label: str
    began: float
    ended: float
    certainty: float
    shapes: Floats
    shown: frozenset[int]


@dataclass(frozen=True)
class _Point:
    seconds: float
    right: float
    down: float


class StrokeReader:
    """Watches the path of the hand for a J or a Z.

    Args:
        labels: of the probabilities, in order. Letters that are not among them are not looked for.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = tuple(labels)
        self._i_or_j = [index for index, label in enumerate(labels) if label in {"I", "J"}]
        self._nothing = [index for index, label in enumerate(labels) if label == "nothing"]
        self.reset()

    def reset(self) -> None:
        """Forget the path."""
        self._right = self._down = 0.0
        self._moved = -np.inf
        self._seen: deque[tuple[float, float, Floats]] = deque()
        self._path: list[_Point] = []
        self._turns: list[_Point] = []

    def step(self, seconds: float, elapsed: float, seen: Floats, movement: Movement | None) -> Stroke | None:
        """Take in a frame.

        Args:
            seconds: of the frame.
            elapsed: seconds since the frame before.
            seen: (labels,) probabilities.
            movement: since the frame that was compared; None where there was none.

        Returns:
            The letter that has just been completed, or None.
        """
        self._seen.append((seconds, elapsed, seen))
        while self._seen[0][0] < seconds - _Z_SECONDS:
            self._seen.popleft()
        if movement is None:
            return None
        self._right += movement.right
        self._down += movement.down
        if movement.share > _MOVES:
            self._moved = seconds
        here = _Point(seconds, self._right, self._down)
        stroke = self._z(here) or self._j(here)
        if stroke is not None:
            self._path = []
            self._turns = [here] if stroke.label == "Z" else self._turns  # what began as a J may yet become a Z
        return stroke

    def _z(self, here: _Point) -> Stroke | None:
        """Keep the points where the path turns back sideways; the last four of a Z stand where its corners are."""
        if here.seconds - self._moved > _Z_REST or not self._turns:
            self._turns = [here]
            return None
        self._turn(here)
        if "Z" not in self._labels or len(self._turns) < 4:
            return None
        corners = self._turns[-4:]
        widths = [abs(b.right - a.right) for a, b in pairwise(corners)]
        downs = [b.down - a.down for a, b in pairwise(corners)]
        flat = max(abs(downs[0]), abs(downs[2])) < 0.8 * max(widths[0], widths[2])
        quick = corners[3].seconds - corners[0].seconds < _Z_SECONDS
        clearness = min(min(widths) / _Z_WIDTH, downs[1] / _Z_DOWN)
        if clearness < 1 or not flat or not quick:
            return None
        return self._stroke("Z", corners[0].seconds, here.seconds, clearness)

    def _turn(self, here: _Point) -> None:
        turns = self._turns
        if len(turns) == 1:
            if abs(here.right - turns[0].right) > _TURN:
                turns.append(here)
            elif abs(here.right - turns[0].right) < _TURN / 4:  # not yet on its way: the stroke begins here
                turns[0] = here
            return
        onward = np.sign(turns[-1].right - turns[-2].right)
        further = (here.right - turns[-1].right) * onward
        if further > 0:
            turns[-1] = here
        elif further < -_TURN:
            turns.append(here)

    def _j(self, here: _Point) -> Stroke | None:
        if here.seconds - self._moved > _J_REST:
            self._path = []
            return None
        self._path = [point for point in self._path if here.seconds - point.seconds <= _J_SECONDS]
        self._path.append(here)
        if "J" not in self._labels:
            return None
        downs = np.array([point.down for point in self._path])
        lowest = int(downs.argmax())
        descent = downs[lowest] - downs[: lowest + 1].min()
        if descent < _J_DOWN:
            return None
        bend = int(np.flatnonzero(downs - downs.min() >= 0.7 * descent)[0])  # most of the way down
        hook = max(downs[lowest] - here.down, abs(here.right - self._path[min(bend, lowest)].right))
        if hook < _J_HOOK:
            return None
        began = self._path[0].seconds
        if self._mean(began, began + _J_START)[self._i_or_j].sum() < _J_SHAPE:
            return None
        return self._stroke("J", began, here.seconds, min(descent / _J_DOWN, hook / _J_HOOK))

    def _stroke(self, label: str, began: float, ended: float, clearness: float) -> Stroke | None:
        """The stroke with what the hand looked like on the way. `clearness` is 1 for one that is just large enough."""
        shapes = self._mean(began, ended)
        if shapes[self._nothing].sum() > _EMPTY:
            return None
        shown = frozenset(np.flatnonzero(shapes >= _PART_OF).tolist())
        return Stroke(label, began, ended, clearness / (1 + clearness), shapes, shown)

    def _mean(self, began: float, ended: float) -> Floats:
        """Mean of what was seen from one moment to another, each frame weighted by the time it stands for."""
        total, weight = np.zeros(len(self._labels)), 0.0
        for seconds, elapsed, seen in self._seen:
            if began <= seconds <= ended:
                total, weight = total + seen * elapsed, weight + elapsed
        return total / max(weight, 1e-9)
