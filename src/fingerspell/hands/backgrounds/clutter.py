"""Crowded places: boxes, heaps of coloured things, shelves of books, cloth in folds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fingerspell.hands.backgrounds.light import room_light, soften
from fingerspell.hands.backgrounds.noise import noise
from fingerspell.hands.backgrounds.sheet import Sheet, colour, curve, material, scaled
from fingerspell.hands.backgrounds.surfaces import planks, weave
from fingerspell.hands.backgrounds.things import ANY_THINGS, ball, block, bottle, carton, scatter, turned, writing
from fingerspell.hands.backgrounds.walls import wall_colour


def boxes(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """One box that fills much of the picture, or a stack, before a wall and on boards."""
    sheet = Sheet(height, width, wall_colour(rng), relief=True)
    ground = rng.uniform(0.3, 0.9)
    boards = planks(rng, height, width)
    sheet.pixels[int(ground * height) :] = boards[int(ground * height) :]
    if rng.random() < 0.5:
        carton(rng, sheet, (rng.uniform(0.2, 0.8), rng.uniform(0.3, 0.8)), rng.uniform(0.35, 0.7))
    scatter(rng, sheet, int(rng.integers(1, 6)), (carton,), rng.uniform(0.2, 0.4))
    if rng.random() < 0.3:
        scatter(rng, sheet, int(rng.integers(1, 5)), ANY_THINGS, 0.2)
    fibre = 1 + 0.03 * noise(rng, height, width, "stain", zoom=0.8)
    return sheet.linear() * sheet.shadows(rng) * room_light(rng, height, width) * fibre[:, :, None]


def clutter(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """A heap of things of all kinds and colours."""
    sheet = Sheet(height, width, material(rng), relief=True)
    scatter(rng, sheet, int(rng.integers(10, 32)), ANY_THINGS, rng.uniform(0.15, 0.4))
    return sheet.linear() * sheet.shadows(rng, depth=rng.uniform(0.02, 0.07)) * room_light(rng, height, width)


def bookshelf(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Shelves with books upright or leaning, and other things between them."""
    wood = colour(rng, (0.1, 0.95), (0.0, 0.6), (0.04, 0.12))
    sheet = Sheet(height, width, scaled(wood, rng.uniform(0.2, 0.6)), relief=True)
    pitch, board = rng.uniform(0.2, 0.55), rng.uniform(0.015, 0.04)
    top = -rng.uniform(0, pitch)
    while top < sheet.bottom:
        _row(rng, sheet, top, top + pitch - board)
        sheet.box(-0.1, top + pitch - board, 1.1, top + pitch, wood, 200)
        top += pitch
    for _ in range(int(rng.integers(0, 3))):
        left = rng.uniform(0, 1)
        sheet.box(left, -0.1, left + board, 1.1, scaled(wood, 0.95), 210)
    return sheet.linear() * sheet.shadows(rng, depth=0.025, round_by=0.005) * room_light(rng, height, width)


def _row(rng: np.random.Generator, sheet: Sheet, top: float, bottom: float) -> None:
    x, high = -0.05, bottom - top
    while x < sheet.right:
        thick, tall = rng.uniform(0.08, 0.3) * high, high * rng.uniform(0.55, 0.95)
        if rng.random() < 0.1:
            thing = (bottle, ball, carton)[int(rng.integers(3))]
            thing(rng, sheet, (x + high * 0.2, bottom - high * 0.3), high * 0.5)
            x += high * rng.uniform(0.4, 0.9)
            continue
        spine, lean = material(rng), rng.normal(0, 0.03)
        middle = (x + thick / 2, bottom - tall / 2)
        sheet.polygon(turned(block(thick * 0.94, tall), middle, lean), spine, int(rng.integers(90, 180)))
        if rng.random() < 0.6:
            sheet.polygon(turned(block(thick * 0.94, tall * 0.08, -tall * 0.3), middle, lean), material(rng))
        if rng.random() < 0.5 and thick > 0.035:
            writing(rng, sheet, middle, (tall * 0.6, thick * 0.5), math.pi / 2 + lean, material(rng))
        x += thick


def cloth(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """A garment, blanket, bed or curtain close by: weave in folds."""
    sheet = Sheet(height, width, (0, 0, 0), relief=True)
    sheet.pixels = weave(rng, height, width)
    for _ in range(int(rng.integers(0, 3))):  # other pieces beside or on it
        other, turn = material(rng), np.linspace(0, 2 * math.pi, 8)[:-1]
        spread = rng.uniform(0.2, 0.9, 7)
        rim = np.column_stack([np.cos(turn) * spread, np.sin(turn) * spread]) + rng.uniform(-0.2, 1.2, 2)
        sheet.polygon(curve(rim, closed=True), other, 120)
    angle, stretch = rng.uniform(0, math.pi), rng.uniform(1, 6)
    zoom = rng.uniform(0.08, 0.3)
    folds = soften(
        noise(rng, height, width, "cloud", zoom=zoom, stretch=stretch, angle=angle)[:, :, None] + 8, 0.02 * sheet.unit
    )
    slope = np.diff(folds, axis=int(rng.integers(2)), append=8) * np.float32(sheet.unit / 200 / zoom)
    slope[-1], slope[:, -1] = slope[-2], slope[:, -2]
    shade = np.clip(1 + slope * rng.uniform(0.5, 4.0) + (folds - 8) * rng.uniform(0.0, 0.25), 0.25, 1.9)
    return np.asarray(sheet.linear() * shade * sheet.shadows(rng) * room_light(rng, height, width), np.float32)
