"""Squares of a frame: where to look, and what is cut out; beyond the frame its edge pixels are repeated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LARGE = 0.6
"""Of the frame's shorter side: a larger square is not cut out. Recognisers name a hand that fills 40% of the photo as
well from the whole photo, and better than from one that is mostly repeated edges or cut out by a false box."""


@dataclass(frozen=True)
class HandBox:
    """Around a hand without its forearm.

    Attributes:
        left, top, right, bottom: pixels of the frame, (0, 0) is the outer corner of its top left pixel.
    """

    left: float
    top: float
    right: float
    bottom: float

    @property
    def centre(self) -> tuple[float, float]:
        """x and y."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def longer(self) -> float:
        """The longer side."""
        return max(self.right - self.left, self.bottom - self.top)

    def shared(self, other: HandBox) -> float:
        """Intersection over union with another box, 0–1."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        if wide <= 0 or high <= 0:
            return 0.0
        inner = wide * high
        return inner / (self._area() + other._area() - inner)

    def square(self, framing: float) -> Square:
        """The square around the box's middle, `framing` times its longer side, in whole pixels."""
        side = max(1, round(framing * self.longer))
        x, y = self.centre
        return Square(round(x - side / 2), round(y - side / 2), side)

    def _area(self) -> float:
        return (self.right - self.left) * (self.bottom - self.top)

    def view(self, framing: float, height: int, width: int) -> Square:
        """What of a frame is shown to the recogniser.

        Args:
            framing: side of the square, as a multiple of the box's longer side.
            height, width: of the frame.

        Returns:
            The square around the box's middle; of a hand that fills the frame, the frame's largest square around it.
        """
        square, shorter = self.square(framing), min(height, width)
        if square.side < LARGE * shorter:
            return square
        x, y = self.centre
        left, top = round(x - shorter / 2), round(y - shorter / 2)
        return Square(min(max(left, 0), width - shorter), min(max(top, 0), height - shorter), shorter)


@dataclass(frozen=True)
class Square:
    """A square of whole pixels; it may reach beyond the frame.

    Attributes:
        left, top: of its upper left corner.
        side: 1 or more.
    """

    left: int
    top: int
    side: int

    def cut(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W, 3) → (side, side, 3): a view where it lies inside the frame, else with the edges repeated."""
        height, width = pixels.shape[:2]
        end_row, end_column = self.top + self.side, self.left + self.side
        if self.left >= 0 and self.top >= 0 and end_row <= height and end_column <= width:
            return pixels[self.top : end_row, self.left : end_column]
        rows = np.clip(np.arange(self.top, end_row), 0, height - 1)
        columns = np.clip(np.arange(self.left, end_column), 0, width - 1)
        return pixels[rows[:, None], columns]


def resized(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Another size: (H, W, 3) → (height, width, 3), by the mean of areas where it shrinks, else between pixels."""
    if pixels.shape[:2] == (height, width):
        return np.ascontiguousarray(pixels)
    shrinks = height <= pixels.shape[0] and width <= pixels.shape[1]
    how = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(picture.resize((width, height), how, reducing_gap=2.0 if shrinks else None))
