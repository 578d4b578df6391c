"""Table tops and floors from above, bare or with things on them."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from fingerspell.hands.backgrounds.light import patches, room_light
from fingerspell.hands.backgrounds.sheet import Sheet, material, tilted
from fingerspell.hands.backgrounds.surfaces import Texture, carpet, concrete, planks, tiles, weave, wood
from fingerspell.hands.backgrounds.things import DESK_THINGS, FLOOR_THINGS, keyboard, paper, scatter


def desk(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """A table top: wood, plain or cloth, with a keyboard, paper, pens, cables and other things."""
    sheet = _ground(rng, height, width, _table_top(rng, max(height, width)), turn=math.pi, lean=0.3)
    if rng.random() < 0.5:
        paper(rng, sheet, _beside(rng, sheet), rng.uniform(0.3, 0.7))
    if rng.random() < 0.45:
        keyboard(rng, sheet, _beside(rng, sheet), rng.uniform(0.2, 0.4))
    scatter(rng, sheet, int(rng.integers(0, 9)), DESK_THINGS, rng.uniform(0.12, 0.3))
    return _lit(rng, sheet)


def floor(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Boards, carpet, tiles or concrete in perspective, a skirting perhaps, and what lies about."""
    way, side = rng.random(), max(height, width)
    if way < 0.45:
        texture = planks(rng, side, side)
    elif way < 0.7:
        texture = carpet(rng, side, side)
    else:
        texture = tiles(rng, side, side) if way < 0.88 else concrete(rng, side, side)
    sheet = _ground(rng, height, width, texture, turn=math.pi, lean=0.7)
    if rng.random() < 0.25:
        _far_wall(rng, sheet)
    scatter(rng, sheet, int(rng.integers(0, 5)), FLOOR_THINGS, rng.uniform(0.15, 0.45))
    return _lit(rng, sheet)


def _table_top(rng: np.random.Generator, side: int) -> Texture:
    way = rng.random()
    if way < 0.6:
        return planks(rng, side, side) if rng.random() < 0.3 else wood(rng, side, side)
    if way < 0.85:
        return np.full((side, side, 3), material(rng), np.uint8)
    return weave(rng, side, side) if rng.random() < 0.6 else concrete(rng, side, side)


def _ground(rng: np.random.Generator, height: int, width: int, texture: Texture, *, turn: float, lean: float) -> Sheet:
    sheet = Sheet(height, width, (0, 0, 0), relief=True)
    if rng.random() < 0.5:  # mirrored tiling keeps a texture that is seen from afar sharp
        texture = np.asarray(cv2.resize(texture, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA), np.uint8)
    sheet.pixels = tilted(rng, texture, height, width, turn=turn, lean=lean)
    return sheet


def _beside(rng: np.random.Generator, sheet: Sheet) -> tuple[float, float]:
    return float(rng.uniform(-0.1, 1.1) * sheet.right), float(rng.uniform(-0.1, 1.1) * sheet.bottom)


def _far_wall(rng: np.random.Generator, sheet: Sheet) -> None:
    """The wall at the end of the floor, with its skirting."""
    left, right, thick = *rng.uniform(0.05, 0.5, 2), rng.uniform(0.02, 0.08)
    white = int(rng.integers(200, 256))
    sheet.polygon([(-0.1, -0.1), (1.1, -0.1), (1.1, right), (-0.1, left)], material(rng), 255)
    skirting = [(-0.1, left - thick), (1.1, right - thick), (1.1, right), (-0.1, left)]
    sheet.polygon(skirting, (white, white, white - 10), 255)


def _lit(rng: np.random.Generator, sheet: Sheet) -> NDArray[np.float32]:
    height, width = sheet.pixels.shape[:2]
    light = sheet.shadows(rng, depth=rng.uniform(0.01, 0.06)) * room_light(rng, height, width)
    picture = sheet.linear() * light
    return picture * patches(rng, height, width) if rng.random() < 0.2 else picture
