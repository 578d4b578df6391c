"""Photos that cost nothing to carry: each a smooth pattern of its own colours, different from the next.

Pure noise will not do where losses are compared: averaged over a photo it is the same for all of them, and batch norm
then divides by next to nothing, so that the last digits decide.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def made_photos(count: int, side: int, seed: int = 0) -> NDArray[np.float32]:
    """(count, side, side, 3) float32, 0–1: a grid of 8×8 random colours around a random colour, with a little noise."""
    draw = np.random.default_rng(seed)
    grid = 0.7 * draw.random((count, 8, 8, 3)) + 0.3 * draw.random((count, 1, 1, 3))
    at = np.linspace(0, 7, side)
    low = np.minimum(at.astype(int), 6)
    part = (at - low)[:, None]
    rows = grid[:, low] * (1 - part[:, None]) + grid[:, low + 1] * part[:, None]
    photos = rows[:, :, low] * (1 - part) + rows[:, :, low + 1] * part
    return np.clip(photos + draw.normal(0, 0.02, photos.shape), 0, 1).astype(np.float32)
