"""Backgrounds that show nothing: colour fields, gradients, noise, shapes; so that a network does not trust rooms."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from fingerspell.hands.backgrounds.light import room_light
from fingerspell.hands.backgrounds.noise import Kind, noise
from fingerspell.hands.backgrounds.sheet import Sheet, colour, curve, material

_KINDS: tuple[Kind, ...] = ("cloud", "stain", "grit")


def abstract(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Random gradients, coloured noise, polygons, stripes or checks, or a mixture of them."""
    sheet = Sheet(height, width, colour(rng, (0.0, 1.0), (0.0, 1.0)))
    ways = [_gradient, _noise, _shapes, _stripes, _scribble]
    for way in rng.permutation(len(ways))[: int(rng.integers(1, 4))]:
        ways[int(way)](rng, sheet)
    picture = sheet.linear()
    return picture * room_light(rng, height, width) if rng.random() < 0.7 else picture * rng.uniform(0.3, 1.2)


def _gradient(rng: np.random.Generator, sheet: Sheet) -> None:
    across = int(rng.integers(2, 4))
    corners = np.array([[colour(rng, (0.0, 1.0)) for _ in range(across)] for _ in range(2)])
    height, width = sheet.pixels.shape[:2]
    sheet.pixels = np.asarray(
        cv2.resize(corners.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR), np.uint8
    )


def _noise(rng: np.random.Generator, sheet: Sheet) -> None:
    """Noise that mixes the drawing with another colour, or each channel for itself."""
    height, width = sheet.pixels.shape[:2]
    kind = _KINDS[int(rng.integers(len(_KINDS)))]
    zoom, stretch = rng.uniform(0.08, 0.6), rng.choice([1.0, 1.0, 3.0, 10.0])
    first = noise(rng, height, width, kind, zoom=zoom, stretch=stretch, angle=rng.uniform(0, math.pi))
    share = np.clip(0.5 + first * rng.uniform(0.1, 1.5), 0, 1)[:, :, None]
    other = np.array(colour(rng, (0.0, 1.0), (0.0, 1.0)), np.float32)
    sheet.pixels = np.asarray(sheet.pixels * (1 - share) + other * share, np.uint8)


def _shapes(rng: np.random.Generator, sheet: Sheet) -> None:
    size = rng.uniform(0.05, 0.5)
    for _ in range(int(rng.integers(3, 40))):
        middle = rng.uniform(-0.1, 1.1, 2)
        shape = middle + rng.normal(0, size / 2, (int(rng.integers(3, 6)), 2))
        if rng.random() < 0.3:
            sheet.ellipse((float(middle[0]), float(middle[1])), tuple(np.abs(shape[0] - middle)), material(rng))
        else:
            sheet.polygon(shape, colour(rng, (0.0, 1.0)))


def _stripes(rng: np.random.Generator, sheet: Sheet) -> None:
    angle, step = rng.uniform(0, math.pi), rng.uniform(0.015, 0.25)
    along, across = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
    tones = [colour(rng, (0.0, 1.0)) for _ in range(int(rng.integers(1, 4)))]
    share = rng.uniform(0.2, 0.8)
    for directions in ((along, across), (across, along))[: 1 + int(rng.random() < 0.3)]:
        for place, at in enumerate(np.arange(-0.9, 0.9, step)):
            middle = np.array([0.5, 0.5]) + directions[1] * at
            sheet.line([*(middle + directions[0] * s for s in (-1, 1))], tones[place % len(tones)], step * share)


def _scribble(rng: np.random.Generator, sheet: Sheet) -> None:
    for _ in range(int(rng.integers(1, 12))):
        path = rng.uniform(-0.1, 1.1, 2) + np.cumsum(rng.normal(0, 0.12, (int(rng.integers(3, 12)), 2)), axis=0)
        sheet.line(curve(path), colour(rng, (0.0, 1.0)), rng.uniform(0.003, 0.04))
