"""One picture of a stream, and what is raised when a stream gives none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import FingerspellError

MAX_PIXELS = 36_000_000
"""Of one frame: 8K (7680×4320) still passes. Larger ones are refused before they are decoded."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture and its time.

    Attributes:
        seconds: since the stream's start, ≥ 0, never less than that of the frame before.
        pixels: (H, W, 3) uint8, RGB, upright, never mirrored by us.
    """

    seconds: float
    pixels: NDArray[np.uint8]


class StreamError(FingerspellError):
    """A video, camera or pipe gives no frames, or no more. Frames given before it are good.

    Args:
        found: what was found, a full sentence without a final stop.
        expected: what was expected instead, or "".
        remedy: what to do about it, or "".
        frames: how many were given before.
        seconds: the time of the last of them.
    """

    def __init__(
        self, found: str, *, expected: str = "", remedy: str = "", frames: int = 0, seconds: float = 0.0
    ) -> None:
        super().__init__(found, expected=expected, remedy=remedy)
        self.frames = frames
        self.seconds = seconds


def refuse_oversize(width: int, height: int, frames: int = 0, seconds: float = 0.0) -> None:
    """Raise StreamError where a frame would be larger than `MAX_PIXELS` or has no pixels."""
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise StreamError(
            f"the frames are {width}×{height} pixels",
            expected=f"at most {MAX_PIXELS:,} pixels (8K)",
            remedy="reduce the video before use",
            frames=frames,
            seconds=seconds,
        )
