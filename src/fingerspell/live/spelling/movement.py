"""How far the hand moved between two frames: block matching on small grey pictures.

Each 6×6 block of a 48×48 picture is looked for in the next one, over all whole shifts up to 10 pixels, by the sum of
absolute differences (J. R. Jain and A. K. Jain, Displacement measurement and its application in interframe image
coding, 1981). Blocks that lie still are the room and take no part; the others vote by how much better the shift
explains them. Grey levels are whole numbers, so that every implementation finds the same shifts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

SIDE, BLOCK, REACH = 48, 6, 10
APART = 0.03
"""Seconds between two compared frames at least."""
PATIENT = 0.12
"""Seconds for which a frame is compared with while nothing moved: slow movements are less than can be seen."""

_BLOCKS = SIDE // BLOCK
_CHANGED = 2 * BLOCK * BLOCK  # sum of differences of a block that may have moved: two levels a pixel
_WEIGHT = 20 * BLOCK * BLOCK  # a block's vote at most
_FAR = 0.15 * BLOCK * BLOCK  # what a pixel of shift costs: flat blocks fit everywhere


@dataclass(frozen=True)
class Movement:
    """What moved since the frame that was compared.

    Attributes:
        right, down: of the hand, in sides of the box, as the viewer sees it.
        share: of the box's blocks that moved, 0–1.
    """

    right: float
    down: float
    share: float


class MovementTracker:
    """Follows what moves in the box, frame by frame."""

    def __init__(self) -> None:
        self._before: NDArray[np.int32] | None = None
        self._seconds = 0.0

    def step(self, seconds: float, photo: NDArray[np.uint8]) -> Movement | None:
        """Compare with an earlier frame.

        Args:
            seconds: of this frame.
            photo: (H, W, 3) uint8, what the box shows, unmirrored; at least 1 × 1.

        Returns:
            The movement since the frame that was compared with; none that can be seen is a share of 0. None at the
            first frame, and while less than `APART` has passed: such a frame is skipped.
        """
        if self._before is None:
            self._before, self._seconds = grey_picture(photo), seconds
            return None
        if seconds - self._seconds < APART:
            return None
        after = grey_picture(photo)
        movement = compare(self._before, after)
        if not movement.share and seconds - self._seconds < PATIENT:
            return movement
        self._before, self._seconds = after, seconds
        return movement

    def reset(self) -> None:
        """Forget the frame before."""
        self._before = None


def grey_picture(photo: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Mean of red, green and blue over each of 48×48 areas, rounded half up: (H, W, 3) uint8 → (48, 48) int32."""
    height, width = photo.shape[:2]
    rows, heights = _areas(height)
    columns, widths = _areas(width)
    sums = photo.sum(axis=2, dtype=np.int64)
    if height < SIDE or width < SIDE:  # an area is then less than a pixel: it takes the one it lies in
        sums = sums[rows][:, columns]
        return np.asarray((2 * sums + 3) // 6, dtype=np.int32)
    sums = np.add.reduceat(np.add.reduceat(sums, rows, axis=0), columns, axis=1)
    area = 3 * np.outer(heights, widths)
    return np.asarray((2 * sums + area) // (2 * area), dtype=np.int32)


def _areas(length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each of the 48 areas begins along a side, and how long it is."""
    edges = np.arange(SIDE + 1, dtype=np.int64) * length // SIDE
    return edges[:-1], np.maximum(np.diff(edges), 1)


def compare(before: NDArray[np.int32], after: NDArray[np.int32]) -> Movement:
    """The movement between two (48, 48) grey pictures."""
    still = _in_blocks(np.abs(after - before)).sum(axis=(2, 3))
    rows, columns = np.nonzero(still > _CHANGED)
    if not len(rows):
        return Movement(0.0, 0.0, 0.0)
    windows = sliding_window_view(np.pad(after, REACH, mode="edge"), (BLOCK, BLOCK))
    reach = np.arange(2 * REACH + 1)
    around = windows[(rows * BLOCK)[:, None, None] + reach[:, None], (columns * BLOCK)[:, None, None] + reach]
    looked_for = _in_blocks(before)[rows, columns][:, None, None]
    cost = np.abs(around - looked_for).sum(axis=(3, 4)) + _FAR * _distance()  # (changed, 21, 21)
    best = cost.reshape(len(rows), -1).argmin(axis=1)
    gain = still[rows, columns] - cost.reshape(len(rows), -1)[np.arange(len(rows)), best]
    weight = np.where(gain > _CHANGED, np.minimum(gain, _WEIGHT), 0.0)
    total = weight.sum()
    if total == 0:
        return Movement(0.0, 0.0, 0.0)
    down, right = np.divmod(best, 2 * REACH + 1)
    each = np.arange(len(rows))
    across, along = cost[each, down], cost[each, :, right]  # (changed, 21): through the best shift, both ways
    moved = [
        float((_finer(line, place) * weight).sum() / total / SIDE) for line, place in ((across, right), (along, down))
    ]
    return Movement(moved[0], moved[1], float((weight > 0).sum() / _BLOCKS**2))


def _finer(costs: NDArray[np.float64], best: NDArray[np.int64]) -> NDArray[np.float64]:
    """Where between the whole shifts the cost is least, by a parabola through three of them: (n, 21) → (n,) pixels."""
    each, inner = np.arange(len(best)), np.clip(best, 1, 2 * REACH - 1)
    before, here, after = costs[each, inner - 1], costs[each, inner], costs[each, inner + 1]
    curve = before - 2 * here + after
    part = np.where((inner == best) & (curve > 0), (before - after) / np.where(curve > 0, 2 * curve, 1), 0.0)
    return np.asarray(best - REACH + np.clip(part, -0.5, 0.5))


def _in_blocks(picture: NDArray[np.int32]) -> NDArray[np.int32]:
    """(48, 48) → (8, 8, 6, 6): block row, block column, row, column."""
    return picture.reshape(_BLOCKS, BLOCK, _BLOCKS, BLOCK).swapaxes(1, 2)


def _distance() -> NDArray[np.float64]:
    shift = np.arange(-REACH, REACH + 1, dtype=np.float64)
    return np.sqrt(shift[:, None] ** 2 + shift[None, :] ** 2)
