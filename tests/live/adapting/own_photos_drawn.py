"""A "person" whose photos have not quite the colours that the tiny recogniser learnt."""

from __future__ import annotations

import numpy as np
from PIL import Image

COLOURS = {"A": (100, 100, 190), "B": (80, 160, 100), "J": (130, 120, 100), "nothing": (180, 80, 100)}
"""A looks like another label to the recogniser; the others as learnt (see write_photos)."""


def draw_own(label: str, number: int, side: int = 40) -> Image.Image:
    """A plain ground with a stripe that says the moment: photos of different numbers are no near-twins."""
    draw = np.random.default_rng([number, *label.encode()])
    pixels = np.full((side, side, 3), COLOURS[label], np.float64)
    top = 2 + 7 * (number % 5)
    pixels[top : top + 6, 4 : side - 4] += 50 + draw.normal(0, 12, (6, side - 8, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
