"""What is behind the hand: drawn rooms, desks, floors, outdoors and people, or pieces of the user's own pictures.

Nothing is downloaded. Each family of backgrounds has a file of its own; a painter draws surface colours on a `Sheet`,
then lights them. `draw` chooses, `paint` carries out, and the same `Background` always gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import DataError, known_names
from fingerspell.hands.backgrounds.abstract import abstract
from fingerspell.hands.backgrounds.clutter import bookshelf, boxes, cloth, clutter
from fingerspell.hands.backgrounds.desk import desk, floor
from fingerspell.hands.backgrounds.light import bokeh
from fingerspell.hands.backgrounds.outdoors import deck, foliage, masonry, street
from fingerspell.hands.backgrounds.people import person
from fingerspell.hands.backgrounds.photos import PhotoBackgrounds
from fingerspell.hands.backgrounds.shining import haze, night, screen, window
from fingerspell.hands.backgrounds.walls import corner, doorway, wall

__all__ = ["BRIGHTEST", "KINDS", "Background", "Painter", "PhotoBackgrounds", "draw", "paint"]

Painter = Callable[[np.random.Generator, int, int], NDArray[np.float32]]
"""(rng, height, width) → (height, width, 3) float32, linear RGB."""

BRIGHTEST = 1.3
"""Upper end of what `paint` returns; 1 is a white wall in full light."""

KINDS: dict[str, Painter] = {
    "wall": wall,
    "corner": corner,
    "doorway": doorway,
    "desk": desk,
    "floor": floor,
    "boxes": boxes,
    "clutter": clutter,
    "bookshelf": bookshelf,
    "cloth": cloth,
    "foliage": foliage,
    "deck": deck,
    "masonry": masonry,
    "street": street,
    "window": window,
    "night": night,
    "screen": screen,
    "haze": haze,
    "person": person,
    "abstract": abstract,
}
"""Painters by name."""

_WEIGHTS = {"wall": 2.0, "corner": 1.5, "doorway": 1.5, "desk": 1.5, "floor": 1.5, "person": 2.0, "abstract": 1.5}
_WEIGHTS |= {"deck": 0.6, "street": 0.6, "night": 0.6, "bookshelf": 0.6}


@dataclass(frozen=True)
class Background:
    """What is needed to paint one background.

    Attributes:
        kind: a name of `KINDS`.
        seed: 0 or more.
    """

    kind: str
    seed: int


def draw(rng: np.random.Generator) -> Background:
    """Choose a background: its kind by how often people sit before such a thing, everything else by a seed."""
    names = list(KINDS)
    weights = np.array([_WEIGHTS.get(name, 1.0) for name in names])
    kind = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    return Background(kind, int(rng.integers(2**63)))


def paint(background: Background, height: int, width: int) -> NDArray[np.float32]:
    """Paint a background.

    Args:
        background: decides everything; the same one gives the same bytes.
        height: pixels, at least 8.
        width: pixels, at least 8.

    Returns:
        (height, width, 3) float32, C-contiguous, linear RGB, 0–`BRIGHTEST`.

    Raises:
        DataError: there is no such kind.
    """
    painter = KINDS.get(background.kind)
    if painter is None:
        expected, remedy = known_names("kind of background", background.kind, KINDS)
        raise DataError(f"there is no background '{background.kind}'", expected=expected, remedy=remedy)
    rng = np.random.Generator(np.random.PCG64(background.seed))
    picture = _rolled(rng, painter, height, width)
    if rng.random() < 0.35:
        picture = bokeh(picture, _defocus(rng) * max(height, width))
    return np.ascontiguousarray(np.clip(picture, 0.0, BRIGHTEST), np.float32)


def _defocus(rng: np.random.Generator) -> float:
    """Radius of the lens's blur as a share of the longer side; the hand is in focus, so what is far may be soft."""
    return min(math.exp(rng.normal(-4.6, 0.8)), 0.06)


def _rolled(rng: np.random.Generator, painter: Painter, height: int, width: int) -> NDArray[np.float32]:
    """The painting as a camera sees it that is not held upright; painted larger where corners would be missing."""
    roll = 0.0 if rng.random() < 0.5 else float(np.clip(rng.normal(0, 0.2), -0.6, 0.6))
    if roll == 0.0:
        return painter(rng, height, width)
    cos, sin = math.cos(roll), math.sin(roll)
    high = math.ceil(height * cos + width * abs(sin))
    wide = math.ceil(width * cos + height * abs(sin))
    larger = painter(rng, high, wide)
    start = [
        (wide - 1) / 2 - cos * (width - 1) / 2 + sin * (height - 1) / 2,
        (high - 1) / 2 - sin * (width - 1) / 2 - cos * (height - 1) / 2,
    ]
    matrix = np.array([[cos, -sin, start[0]], [sin, cos, start[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    turned = cv2.warpAffine(larger, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.float32)
