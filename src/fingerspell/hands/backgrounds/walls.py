"""Plain walls, corners of rooms, and what is on and in walls: trim, doors, vents, pictures, blinds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fingerspell.hands.backgrounds.light import patches, room_light, soften, tint
from fingerspell.hands.backgrounds.noise import noise
from fingerspell.hands.backgrounds.sheet import Colour, Sheet, colour, material, scaled


def wall_colour(rng: np.random.Generator) -> Colour:
    """The paint of a wall: mostly whites, greys and creams, sometimes a colour or a dark tone."""
    which = rng.random()
    if which < 0.6:
        return colour(rng, (0.7, 1.0), (0.0, 0.09), (0.06, 0.12) if rng.random() < 0.5 else (0.45, 0.65))
    if which < 0.72:
        return colour(rng, (0.6, 0.95), (0.08, 0.25), (0.05, 0.18))
    if which < 0.92:
        return colour(rng, (0.35, 0.9), (0.1, 0.6))
    return colour(rng, (0.08, 0.35), (0.0, 0.5))


def plaster(rng: np.random.Generator, sheet: Sheet) -> None:
    """Give a painted surface its stains and its grain."""
    height, width = sheet.pixels.shape[:2]
    rough = abs(rng.normal(0, 0.015)) + (rng.uniform(0.03, 0.1) if rng.random() < 0.12 else 0.0)
    stains = noise(rng, height, width, "stain", zoom=rng.uniform(0.1, 0.6)) * rng.uniform(0.0, 0.018)
    sheet.shade(1 + stains + rough * noise(rng, height, width, "grit", zoom=rng.uniform(0.3, 0.7)))


def wall(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """A bare wall in soft light, sometimes with a shadow, a sun patch or wallpaper."""
    sheet = Sheet(height, width, wall_colour(rng))
    if rng.random() < 0.12:
        _wallpaper(rng, sheet)
    plaster(rng, sheet)
    picture = sheet.linear() * room_light(rng, height, width, contrast=1.3)
    return picture * patches(rng, height, width) if rng.random() < 0.25 else picture


def _wallpaper(rng: np.random.Generator, sheet: Sheet) -> None:
    base = (int(sheet.pixels[0, 0, 0]), int(sheet.pixels[0, 0, 1]), int(sheet.pixels[0, 0, 2]))
    other = scaled(base, rng.uniform(0.75, 1.2))
    step = rng.uniform(0.06, 0.2)
    if rng.random() < 0.5:
        for left in np.arange(-rng.random() * step, sheet.right, step):
            sheet.box(left, 0, left + step * 0.5, sheet.bottom, other)
        return
    size = step * rng.uniform(0.1, 0.3)
    for row, top in enumerate(np.arange(0, sheet.bottom + step, step)):
        for left in np.arange(-(row % 2) * step / 2, sheet.right + step, step):
            sheet.ellipse((left, top), (size, size * 1.3), other, angle=0.8)


def corner(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Walls and a ceiling that meet, each in its own light; often a beam and a skylight that is blown out."""
    base = wall_colour(rng)
    sheet = Sheet(height, width, base)
    light = np.ones((height, width, 1), np.float32)
    mask = Sheet(height, width, (255, 255, 255))
    _planes(rng, sheet, mask, base)
    if rng.random() < 0.45:
        _beam(rng, sheet)
    plaster(rng, sheet)
    light = mask.pixels.astype(np.float32) * np.float32(1 / 200)
    light = soften(light, rng.uniform(0.3, 0.006 * sheet.unit + 0.4))
    picture = sheet.linear() * light * room_light(rng, height, width)
    return _skylight(rng, picture) if rng.random() < 0.4 else picture


def _planes(rng: np.random.Generator, sheet: Sheet, mask: Sheet, base: Colour) -> None:
    """Two to four planes around a vertex: brightness goes to the mask, another paint sometimes to the sheet."""
    vertex = rng.uniform(0.1, 0.9, 2) * [sheet.right, sheet.bottom]
    count = int(rng.integers(2, 5))
    turns = (np.arange(count) + rng.uniform(-0.3, 0.3, count)) / count * 2 * math.pi + rng.uniform(0, 2 * math.pi)
    other = wall_colour(rng) if rng.random() < 0.3 else base
    for place, start in enumerate(turns):
        end = turns[(place + 1) % len(turns)] + (2 * math.pi if place == len(turns) - 1 else 0)
        fan = np.linspace(start, end, 8)
        rim = vertex + 2.5 * np.column_stack([np.cos(fan), np.sin(fan)])
        grey = int(np.clip(255 * math.exp(rng.normal(-0.35, 0.45)), 15, 255))
        mask.polygon(np.vstack([vertex, rim]), (grey, grey, grey))
        if place % 2:
            sheet.polygon(np.vstack([vertex, rim]), other)


def _beam(rng: np.random.Generator, sheet: Sheet) -> None:
    """A dark or wooden beam across an edge of the picture."""
    angle, offset = rng.normal(0, 0.5) + (math.pi / 2 if rng.random() < 0.3 else 0), rng.uniform(-0.45, 0.45)
    along, across = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
    middle = np.array([sheet.right, sheet.bottom]) / 2 + across * offset
    wood = colour(rng, (0.05, 0.6), (0.2, 0.6), (0.03, 0.1))
    thick = rng.uniform(0.02, 0.2)
    for share, tone in ((1.0, 1.0), (0.55, rng.uniform(0.4, 0.8)), (0.12, 0.4)):
        edge = across * thick * share
        sheet.polygon(
            [*(middle + along * s + edge * t for s, t in ((-2, 0), (2, 0), (2, 1), (-2, 1)))], scaled(wood, tone)
        )


def _skylight(rng: np.random.Generator, picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """A slanting window so bright that its edges glow."""
    height, width = picture.shape[:2]
    mask = Sheet(height, width, (0, 0, 0))
    corner_at = rng.uniform(-0.3, 0.7, 2) * [mask.right, mask.bottom]
    size = rng.uniform(0.25, 1.1, 2)
    lean, drop = rng.uniform(-0.7, 0.7), rng.uniform(-0.3, 0.3)
    quad = np.array([[0, 0], [1, drop], [1 + lean, 1 + drop], [lean, 1]]) * size + corner_at
    mask.polygon(quad, (255, 255, 255))
    if rng.random() < 0.5:
        mask.line(np.vstack([quad, quad[:1]]), (8, 6, 5), rng.uniform(0.005, 0.03))
    open_to_sky = mask.linear()
    glow = soften(open_to_sky, 0.06 * mask.unit) * rng.uniform(0.0, 0.25)
    return np.asarray(
        picture * (1 - open_to_sky) + open_to_sky * tint(rng, 0.4) * rng.uniform(1.0, 1.4) + glow, np.float32
    )


def doorway(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """A wall with what houses have: skirting, door and frame, vent, picture frame, shelf, blind."""
    sheet = Sheet(height, width, wall_colour(rng), relief=True)
    plaster(rng, sheet)
    parts = [_trim, _door, _vent, _frame, _switch, _blind, _radiator, _curtain]
    for part in rng.permutation(len(parts))[: int(rng.integers(1, 4))]:
        parts[int(part)](rng, sheet)
    light = sheet.shadows(rng, depth=rng.uniform(0.01, 0.05), round_by=0.004)
    picture = sheet.linear() * light * room_light(rng, height, width)
    return picture * patches(rng, height, width) if rng.random() < 0.2 else picture


def _white(rng: np.random.Generator) -> Colour:
    return colour(rng, (0.8, 1.0), (0.0, 0.08), (0.05, 0.15))


def _trim(rng: np.random.Generator, sheet: Sheet) -> None:
    at, thick = rng.uniform(0.5, 0.95) * sheet.bottom, rng.uniform(0.03, 0.12)
    sheet.box(-0.1, at, 1.1, at + thick, _white(rng), 60)
    sheet.box(-0.1, at, 1.1, at + thick * 0.2, _white(rng), 110)
    sheet.box(-0.1, at + thick, 1.1, 1.1, material(rng), 0)


def _door(rng: np.random.Generator, sheet: Sheet) -> None:
    left, wide, thick = rng.uniform(-0.2, 0.7), rng.uniform(0.35, 0.7), rng.uniform(0.03, 0.07)
    leaf = _white(rng) if rng.random() < 0.6 else colour(rng, (0.2, 0.7), (0.3, 0.7), (0.03, 0.1))
    frame = _white(rng) if rng.random() < 0.6 else leaf
    sheet.box(left - thick, -0.1, left + wide + thick, 1.1, frame, 90)
    inside = leaf if rng.random() < 0.7 else colour(rng, (0.02, 0.3), (0.0, 0.4))
    sheet.box(left, -0.1 + thick, left + wide, 1.1, inside, 40)
    for row in range(int(rng.integers(0, 4))):
        top = 0.02 + row * 0.36
        sheet.box(left + 0.07, top, left + wide - 0.07, top + 0.28, scaled(inside, 0.97), 15)
    side = left + (0.05 if rng.random() < 0.5 else wide - 0.05)
    sheet.ellipse((side, 0.55), (0.02, 0.02), colour(rng, (0.4, 0.9), (0.0, 0.5), (0.1, 0.15)), rise=255)


def _vent(rng: np.random.Generator, sheet: Sheet) -> None:
    left, top = rng.uniform(-0.1, 0.6), rng.uniform(-0.1, 0.7)
    wide, high, count = rng.uniform(0.2, 0.5), rng.uniform(0.1, 0.3), int(rng.integers(5, 14))
    white = _white(rng)
    sheet.box(left, top, left + wide, top + high, white, 70)
    for place in range(count):
        at = top + high * (place + 0.7) / (count + 1)
        sheet.line([(left + 0.02, at), (left + wide - 0.02, at)], scaled(white, 0.3), 0.3 * high / count)


def _frame(rng: np.random.Generator, sheet: Sheet) -> None:
    """A picture or poster: a frame around colour fields."""
    left, top, wide, high = rng.uniform(-0.2, 0.7), rng.uniform(-0.2, 0.6), *rng.uniform(0.2, 0.6, 2)
    edge = rng.uniform(0.008, 0.04)
    sheet.box(left, top, left + wide, top + high, material(rng), 150)
    sheet.box(left + edge, top + edge, left + wide - edge, top + high - edge, material(rng), 120)
    for _ in range(int(rng.integers(0, 7))):
        x, y = left + wide * rng.uniform(0.2, 0.8), top + high * rng.uniform(0.2, 0.8)
        sheet.ellipse(
            (x, y), tuple(rng.uniform(0.02, 0.2, 2) * min(wide, high)), material(rng), angle=rng.uniform(0, 3)
        )


def _switch(rng: np.random.Generator, sheet: Sheet) -> None:
    for _ in range(int(rng.integers(1, 4))):
        left, top, size = *rng.uniform(0, 0.9, 2), rng.uniform(0.04, 0.09)
        white = _white(rng)
        sheet.box(left, top, left + size * 0.7, top + size, white, 60)
        sheet.box(left + size * 0.25, top + size * 0.3, left + size * 0.45, top + size * 0.7, scaled(white, 0.9), 110)


def _blind(rng: np.random.Generator, sheet: Sheet) -> None:
    """Slats with daylight between them, or vertical strips."""
    upright, step = rng.random() < 0.35, rng.uniform(0.015, 0.06)
    left, top = (rng.uniform(-0.3, 0.5, 2)) if rng.random() < 0.7 else (-0.1, -0.1)
    wide, high = rng.uniform(0.5, 1.2, 2)
    gap, slat = colour(rng, (0.1, 1.0), (0.0, 0.2)), _white(rng)
    sheet.box(left, top, left + wide, top + high, gap, 30)
    share = rng.uniform(0.4, 0.85)
    for at in np.arange(0, wide if upright else high, step):
        tone = scaled(slat, rng.uniform(0.85, 1.0))
        if upright:
            sheet.box(left + at, top, left + at + step * share, top + high, tone, 80)
        else:
            sheet.box(left, top + at, left + wide, top + at + step * share, tone, 80)


def _radiator(rng: np.random.Generator, sheet: Sheet) -> None:
    left, top, step, white = rng.uniform(-0.3, 0.4), rng.uniform(0.4, 0.7), rng.uniform(0.03, 0.07), _white(rng)
    for place in range(int(rng.integers(8, 22))):
        at = left + place * step
        sheet.box(at, top, at + step * 0.75, 1.1, white, 140)
        sheet.box(at + step * 0.25, top, at + step * 0.5, 1.1, white, 200)


def _curtain(rng: np.random.Generator, sheet: Sheet) -> None:
    """Hanging cloth: columns whose brightness goes up and down."""
    left, wide, folds = rng.uniform(-0.3, 0.7), rng.uniform(0.2, 0.6), rng.uniform(3, 9)
    cloth, strength = material(rng), rng.uniform(0.15, 0.5)
    count = 40
    for place in range(count):
        turn = place / count * folds * 2 * math.pi
        tone = 0.8 + strength * 0.6 * math.sin(turn) + strength * 0.3 * math.sin(2.3 * turn + 1)
        at = left + wide * place / count
        sheet.box(at, -0.1, at + wide / count + 0.004, 1.1, scaled(cloth, tone), 60)
