"""One rendered photo and everything that is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Handedness = Literal["right", "left"]

LANDMARK_NAMES: tuple[str, ...] = (
    "wrist",
    *(
        f"{finger}_{joint}"
        for finger, joints in (
            ("thumb", ("cmc", "mcp", "ip", "tip")),
            ("index", ("mcp", "pip", "dip", "tip")),
            ("middle", ("mcp", "pip", "dip", "tip")),
            ("ring", ("mcp", "pip", "dip", "tip")),
            ("pinky", ("mcp", "pip", "dip", "tip")),
        )
        for joint in joints
    ),
)  # fmt: skip
"""The 21 landmarks in their usual order (as MediaPipe Hands numbers them)."""


@dataclass(frozen=True, eq=False, slots=True)
class Sample:
    """One rendered photo.

    Attributes:
        pixels: (height, width, 3) uint8, sRGB, before JPEG.
        label: one of the alphabet's labels.
        signer: number of the signer, from 0.
        handedness: of the hand in the picture; None where there is none.
        landmarks: (21, 3) float32: x to the right and y downward in pixels, where (0, 0) is the outer corner of the
            top left pixel; z is the depth in centimetres relative to the wrist, away from the camera. None without a
            hand. Landmarks may lie outside the picture.
        box: left, top, right, bottom in pixels around the hand without its forearm, within the picture; None
            without a hand.
        mask: (height, width) uint8, how much of each pixel the hand and bare forearm cover (0–255). All 0 without
            a hand.
        jpeg_quality: with which the photo is to be written, 1–95.
    """

    pixels: NDArray[np.uint8]
    label: str
    signer: int
    handedness: Handedness | None
    landmarks: NDArray[np.float32] | None
    box: tuple[float, float, float, float] | None
    mask: NDArray[np.uint8]
    jpeg_quality: int
