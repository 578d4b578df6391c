"""Rotated and mirrored recordings: phones store what the sensor saw, and a matrix that says how to show it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

Turn = tuple[int, int, int, int]
"""(a, b, c, d), each −1, 0 or 1: pixel (x, y) is shown at (a·x + c·y, b·x + d·y)."""

AS_IT_IS: Turn = (1, 0, 0, 1)

_MATRIX = struct.Struct("9i")  # FFmpeg's display matrix: rows (a b u) (c d v) (x y w), machine byte order


def turn_of(matrix: bytes) -> Turn:
    """Read a display matrix of 36 bytes; the nearest of the eight ways to lay a picture flat, whatever it says."""
    if len(matrix) != _MATRIX.size:
        return AS_IT_IS
    a, b, _, c, d, *_ = _MATRIX.unpack(matrix)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return (_sign(a), 0, 0, _sign(d))
    return (0, _sign(b), _sign(c), 0)


def _sign(number: int) -> int:
    return -1 if number < 0 else 1


def turned(pixels: NDArray[np.uint8], turn: Turn) -> NDArray[np.uint8]:
    """Lay a picture as it is to be shown: (H, W, 3) → (H, W, 3) or (W, H, 3), C order, without a copy if it may."""
    a, b, c, d = turn
    if a:
        across, down = a, d
    else:
        pixels, across, down = pixels.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(pixels[::down, ::across])


class Upright:
    """Lays the decoded pictures of one stream as its recording says."""

    def __init__(self) -> None:
        self._turn = AS_IT_IS
        self._rotation: int | None = None

    def __call__(self, picture: VideoFrame) -> NDArray[np.uint8]:
        """The pixels of a picture, (H, W, 3) uint8 RGB, upright."""
        # PyAV ties a picture and its side data into a cycle that only the garbage collector frees, hundreds of frames
        # later: the matrix is read at the first picture, and again only where the rotation that it tells is another
        if picture.rotation != self._rotation:
            self._rotation = picture.rotation
            matrix: Any = picture.side_data.get("DISPLAYMATRIX")
            self._turn = AS_IT_IS if matrix is None else turn_of(bytes(matrix))
        return turned(np.asarray(picture.to_ndarray(format="rgb24"), dtype=np.uint8), self._turn)
