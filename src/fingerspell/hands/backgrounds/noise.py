"""Random texture without end: a few tiles made once, then cut out at any place, size, stretch and angle."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Kind = Literal["cloud", "stain", "grit"]

_SIDE = 512
_SLOPES: dict[Kind, float] = {"cloud": 1.7, "stain": 1.05, "grit": 0.25}  # how fast amplitude falls with frequency


@lru_cache(maxsize=3)
def _tile(kind: Kind) -> NDArray[np.float32]:
    """(_SIDE, _SIDE) noise that goes on at its opposite edge; mean 0, standard deviation 1."""
    rng = np.random.Generator(np.random.PCG64(len(kind) * 1000 + ord(kind[0])))
    across, down = np.fft.rfftfreq(_SIDE) * _SIDE, np.fft.fftfreq(_SIDE) * _SIDE
    frequency = np.hypot(down[:, None], across[None, :])
    # below 3 waves a tile nothing: a piece of the tile would only be brighter or darker as a whole
    amplitude = np.where(frequency >= 3, 1.0 / np.maximum(frequency, 1.0) ** _SLOPES[kind], 0.0)
    spectrum = np.fft.rfft2(rng.standard_normal((_SIDE, _SIDE))) * amplitude
    tile = np.fft.irfft2(spectrum, s=(_SIDE, _SIDE))
    return np.asarray(tile / tile.std(), np.float32)


def noise(
    rng: np.random.Generator,
    height: int,
    width: int,
    kind: Kind = "cloud",
    *,
    zoom: float = 1.0,
    stretch: float = 1.0,
    angle: float = 0.0,
) -> NDArray[np.float32]:
    """Cut a piece of noise.

    Args:
        rng: decides the place.
        height: pixels.
        width: pixels.
        kind: "cloud" (large shapes), "stain" (shapes of all sizes) or "grit" (nearly each pixel for itself).
        zoom: how many tiles go into the longer side; larger is finer.
        stretch: how many times longer than wide the shapes are.
        angle: direction of the stretch in radians; 0 is along the rows.

    Returns:
        (height, width) float32 with mean about 0 and standard deviation about 1, less where details are finer than
        the pixels.
    """
    step = zoom * _SIDE / max(height, width)
    cos, sin = math.cos(angle), math.sin(angle)
    along = np.array([cos, sin]) * step / stretch
    across = np.array([-sin, cos]) * step
    start = rng.uniform(0, _SIDE, 2)
    matrix = np.column_stack([np.vstack([along, across]), start])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(_tile(kind), matrix, (width, height), flags=flags, borderMode=cv2.BORDER_WRAP), np.float32
    )
