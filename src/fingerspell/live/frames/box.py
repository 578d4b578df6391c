"""The part of a frame that is looked at: where the hand is expected."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import DataError

_EXPECTED = "LEFT,TOP,WIDTH,HEIGHT as fractions of the frame, each 0–1, as in 0.3,0.1,0.4,0.6"


@dataclass(frozen=True)
class Box:
    """A rectangle in fractions of the frame, so that it fits every size of it.

    Attributes:
        left: of the frame's width, 0–1, from the left as the camera gives the picture.
        top: of the frame's height, 0–1.
        width: of the frame's width, above 0; what lies beyond the frame is cut off.
        height: of the frame's height, likewise.

    Raises:
        DataError: not finite, outside the frame, or empty.
    """

    left: float
    top: float
    width: float
    height: float

    def __post_init__(self) -> None:
        numbers = (self.left, self.top, self.width, self.height)
        if not all(math.isfinite(number) and 0 <= number <= 1 for number in numbers):
            raise DataError(f"the box {self} reaches beyond the frame", expected=_EXPECTED, remedy=_example(numbers))
        if min(self.width, self.height) <= 0 or self.left >= 1 or self.top >= 1:
            raise DataError(f"the box {self} is empty", expected=f"{_EXPECTED}; width and height above 0")

    def __str__(self) -> str:
        return ",".join(f"{number:.6g}" for number in (self.left, self.top, self.width, self.height))

    @classmethod
    def parse(cls, text: str) -> Box:
        """Read `0.3,0.1,0.4,0.6`. Raises DataError for anything else."""
        try:
            numbers = [float(part) for part in text.split(",")]
            left, top, width, height = numbers
        except ValueError as error:
            found = f"'{text}' is no box"
            raise DataError(found, expected=_EXPECTED, remedy="leave it out to take the centred square") from error
        return cls(left, top, width, height)

    @classmethod
    def centred(cls, height: int, width: int) -> Box:
        """The largest square, in pixels, in the middle of a frame of this size. Raises ValueError below 1 pixel."""
        if min(height, width) < 1:
            raise ValueError(f"a frame of {width}×{height} pixels has no centre")
        side = min(height, width)
        # whole pixels, so that cutting gives exactly `side` of them whatever the frame's size
        left, top = (width - side) // 2, (height - side) // 2
        return cls(left / width, top / height, side / width, side / height)

    def cut(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The part of a frame inside the box: (H, W, 3) → a view (h, w, 3), at least one pixel each way."""
        height, width = pixels.shape[:2]
        first_row, end_row = _span(self.top, self.height, height)
        first_column, end_column = _span(self.left, self.width, width)
        return pixels[first_row:end_row, first_column:end_column]


def require_one_way(box: Box | None, find: bool | Literal["auto"]) -> None:
    """Raises DataError where a box is given and the hand is to be found all the same."""
    if find is True and box is not None:
        raise DataError("a box is given, and the hand is to be found", expected="one of them", remedy="leave one out")


def _span(start: float, length: float, size: int) -> tuple[int, int]:
    """First pixel and the one after the last: the edges rounded, kept inside the frame, at least one pixel apart."""
    first = min(round(start * size), size - 1)
    return first, min(max(round((start + length) * size), first + 1), size)


def _example(numbers: tuple[float, ...]) -> str:
    if all(math.isfinite(number) and number >= 0 for number in numbers) and max(numbers) <= 100:
        return "percentages divide by 100: 30,10,40,60 is 0.3,0.1,0.4,0.6"
    return "leave it out to take the centred square"
