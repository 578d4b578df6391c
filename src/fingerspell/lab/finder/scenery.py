"""Parts of real photos beside the hand: scenery and clutter with textures that nobody draws.

What is only drawn is too clean: a finder that learnt before drawn rooms and heads alone missed four in five hands
before photos of people. Random real textures, some in the colour of the hand's skin, make it look at the hand's shape
(domain randomisation: Tobin et al., "Domain Randomization for Transferring Deep Neural Networks", 2017).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fingerspell.lab.finder import camera
from fingerspell.lab.finder.drawing import Canvas, Colour
from fingerspell.lab.finder.pictures import SIDE, Pictures

_APART, _LEAST = (
    12,
    40,
)  # pixels of a picture: between the hand's box and what is free, and a free part's sides at least
_SMALLEST, _LARGEST = 0.06, 0.7  # of a thing, as a share of the frame's height


@dataclass(frozen=True, eq=False)
class Scenery:
    """Free parts of pictures.

    Attributes:
        pixels: (n, SIDE, SIDE, 3) uint8 RGB, the pictures themselves.
        parts: (m, 5) int64: which picture, and left, top, right, bottom of a part of it that shows no hand.
        often: (m,) float64, sums of how often each is to be taken, up to 1: what is full of detail more often than
            plain walls, which most photos show.
    """

    pixels: NDArray[np.uint8]
    parts: NDArray[np.int64]
    often: NDArray[np.float64]

    def part(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """A piece of a free part, perhaps mirrored: at least 24 pixels wide and high."""
        which, left, top, right, bottom = self.parts[
            min(int(np.searchsorted(self.often, rng.random())), len(self.parts) - 1)
        ]
        wide, high = (max(24, int(side * rng.uniform(0.4, 1))) for side in (right - left, bottom - top))
        column, row = (
            left + int(rng.integers(right - left - wide + 1)),
            top + int(rng.integers(bottom - top - high + 1)),
        )
        piece = self.pixels[which, row : row + high, column : column + wide]
        return np.ascontiguousarray(piece[:, ::-1] if rng.random() < 0.5 else piece)


def scenery_of(pictures: Pictures) -> Scenery | None:
    """What is beside the hands and above them, and whole pictures without one; None where there is nothing.

    Below a hand is its arm, which belongs to it.
    """
    parts: list[tuple[int, int, int, int, int]] = []
    for which, box in enumerate(pictures.boxes):
        if np.isnan(box).any():
            parts.append((which, 0, 0, SIDE, SIDE))
            continue
        left, top, right, _ = box.astype(int)
        beside = ((0, 0, left - _APART, SIDE), (right + _APART, 0, SIDE, SIDE), (0, 0, SIDE, top - _APART))
        parts += [(which, *sides) for sides in beside if min(sides[2] - sides[0], sides[3] - sides[1]) >= _LEAST]
    if not parts:
        return None
    detail = np.array(
        [_detail(pictures.pixels[which, top:bottom, left:right]) for which, left, top, right, bottom in parts]
    )
    return Scenery(pictures.pixels, np.array(parts, np.int64), np.cumsum(detail) / detail.sum())


def _detail(piece: NDArray[np.uint8]) -> float:
    """Mean difference of neighbouring pixels, 0–255, and a little."""
    grey = piece.mean(axis=2)
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()) + 0.5


def scene(rng: np.random.Generator, scenery: Scenery, height: int, width: int) -> Canvas:
    """A frame full of real scenery: one piece, or up to a dozen that share it."""
    canvas = np.empty((height, width, 3), np.float32)
    for top, left, bottom, right in _shared(rng, height, width, int(rng.choice((0, 1, 3, 6, 11)))):
        piece = camera.curve(rng, scenery.part(rng), math.exp(rng.normal(0, 0.3)))
        size = right - left, bottom - top
        smaller = size[0] * size[1] < piece.shape[0] * piece.shape[1]
        how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        canvas[top:bottom, left:right] = cv2.resize(piece, size, interpolation=how)
    return canvas


def _shared(rng: np.random.Generator, height: int, width: int, cuts: int) -> list[tuple[int, int, int, int]]:
    """Boxes (top, left, bottom, right) that share a frame: the largest is cut in two, again and again."""
    boxes = [(0, 0, height, width)]
    for _ in range(cuts):
        boxes.sort(key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
        top, left, bottom, right = boxes.pop()
        share = rng.uniform(0.25, 0.75)
        if bottom - top > right - left:
            middle = top + int((bottom - top) * share)
            boxes += [(top, left, middle, right), (middle, left, bottom, right)]
        else:
            middle = left + int((right - left) * share)
            boxes += [(top, left, bottom, middle), (top, middle, bottom, right)]
    return boxes


def things(rng: np.random.Generator, canvas: Canvas, scenery: Scenery, tone: Colour) -> None:
    """Paint one to six things cut out of real scenery, boxes and ovals; some in the colour of the hand to come."""
    height, width = canvas.shape[:2]
    for _ in range(int(rng.integers(1, 7))):
        side = math.exp(rng.uniform(math.log(_SMALLEST), math.log(_LARGEST))) * height
        stretch = math.exp(rng.normal(0, 0.3))
        high, wide = max(4, int(side * stretch)), max(4, int(side / stretch))
        piece = cv2.resize(scenery.part(rng), (wide, high), interpolation=cv2.INTER_LINEAR)
        thing = camera.curve(rng, np.asarray(piece, np.uint8), math.exp(rng.normal(0, 0.3)))
        if rng.random() < 0.4:
            thing = _tinted(rng, thing, tone)
        centre = rng.random(2) * (width, height)
        _painted(canvas, thing, _shape(rng, high, wide), centre, rng.uniform(-0.6, 0.6))


def _tinted(rng: np.random.Generator, thing: Canvas, tone: Colour) -> Canvas:
    """The thing's own lights and shadows in a tone of skin, rounder by a gradient from side to side."""
    light = thing.mean(axis=2, keepdims=True)
    light = 1 + rng.uniform(0.3, 1) * (light / max(float(light.mean()), 1.0) - 1)
    across = np.linspace(1, 1 + rng.uniform(-0.5, 0.5), thing.shape[1], dtype=np.float32)[None, :, None]
    return np.asarray(light * across * tone * rng.uniform(0.6, 1.2), np.float32)


def _shape(rng: np.random.Generator, high: int, wide: int) -> NDArray[np.float32]:
    """Cover between an oval and a box: (high, wide) of 0–1, soft over a pixel or more."""
    power = float(rng.choice((2.0, 2.5, 4.0, 12.0)))
    rows, columns = np.linspace(-1, 1, high, dtype=np.float32), np.linspace(-1, 1, wide, dtype=np.float32)
    apart = (np.abs(rows)[:, None] ** power + np.abs(columns)[None, :] ** power) ** (1 / power)
    soft = rng.uniform(1, 3) / max(4, min(high, wide)) * 2
    return np.asarray(np.clip((1 - apart) / soft, 0, 1), np.float32)


def _painted(
    canvas: Canvas, thing: Canvas, cover: NDArray[np.float32], centre: NDArray[np.float64], turn: float
) -> None:
    """Turn a thing by radians and paint it with its middle at a place of the canvas."""
    height, width = canvas.shape[:2]
    high, wide = cover.shape
    cos, sin = math.cos(turn), math.sin(turn)
    matrix = np.array([[cos, -sin, 0.0], [sin, cos, 0.0]])
    matrix[:, 2] = centre - matrix[:, :2] @ np.array([wide / 2, high / 2])
    share = cv2.warpAffine(cover, matrix, (width, height), flags=cv2.INTER_LINEAR)[:, :, None]
    painted = cv2.warpAffine(thing, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    canvas += share * (painted - canvas)
