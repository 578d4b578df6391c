"""Outdoors: leaves and sky, lawn, porch and railing, brick and pavement, houses and streets."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fingerspell.hands.backgrounds.light import bokeh, level, patches, room_light, soften, tint
from fingerspell.hands.backgrounds.noise import noise
from fingerspell.hands.backgrounds.sheet import Sheet, colour, curve, material, scaled, tilted
from fingerspell.hands.backgrounds.surfaces import bricks, concrete, grass, mixed, planks, tiles
from fingerspell.hands.backgrounds.things import ANY_THINGS, scatter
from fingerspell.hands.backgrounds.walls import wall_colour


def sky(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """(height, width, 3) light of the sky: blue with clouds, overcast and blown out, or evening."""
    top, low = colour(rng, (0.5, 1.0), (0.1, 0.7), (0.53, 0.62)), colour(rng, (0.8, 1.0), (0.0, 0.2), (0.5, 0.65))
    if rng.random() < 0.15:
        low = colour(rng, (0.7, 1.0), (0.3, 0.8), (0.0, 0.12))
    clouds = noise(rng, height, width, "cloud", zoom=rng.uniform(0.1, 0.4), stretch=rng.uniform(1, 3))
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    share = np.clip(down * rng.uniform(0.3, 1.2) + clouds * rng.uniform(0.0, 0.4), 0, 1)
    sheet = Sheet(height, width, top)
    sheet.pixels = mixed(top, low, share, np.ones((height, width), np.float32))
    return sheet.linear() * np.float32(rng.uniform(0.5, 1.6))


def foliage(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Leaves, bushes or trees with sky through them, or a lawn; often out of focus."""
    if rng.random() < 0.3:
        return _lawn(rng, height, width)
    light, dark = colour(rng, (0.3, 0.85), (0.3, 0.9), (0.15, 0.35)), colour(rng, (0.03, 0.25), (0.3, 0.8), (0.2, 0.4))
    zoom = rng.uniform(0.1, 0.5)
    share = np.clip(0.5 + 0.6 * noise(rng, height, width, "stain", zoom=zoom), 0, 1)
    tone = np.clip(1 + 0.3 * noise(rng, height, width, "cloud", zoom=zoom), 0.2, 2)
    sheet = Sheet(height, width, dark, relief=True)
    sheet.pixels = mixed(dark, light, share, tone)
    if rng.random() < 0.5:
        _leaves(rng, sheet)
    if rng.random() < 0.4:
        _trunks(rng, sheet)
    picture = sheet.linear() * sheet.shadows(rng, depth=0.02) * tint(rng) * np.float32(level(rng) * 1.5)
    if rng.random() < 0.5:
        down = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.float32(rng.uniform(0, 2.5))
        gaps = noise(rng, height, width, "stain", zoom=zoom * 1.3) - down - rng.uniform(-0.5, 1.5)
        through = np.clip(gaps * 6, 0, 1)[:, :, None]
        picture = picture * (1 - through) + sky(rng, height, width) * through
    return bokeh(picture, rng.uniform(0.005, 0.035) * sheet.unit) if rng.random() < 0.5 else picture


def _leaves(rng: np.random.Generator, sheet: Sheet) -> None:
    size, hue = rng.uniform(0.015, 0.08), rng.uniform(0.18, 0.33)
    flower = colour(rng, (0.6, 1.0), (0.3, 1.0)) if rng.random() < 0.3 else None
    for _ in range(int(rng.integers(20, 70))):
        x, y, turn = *rng.uniform(0, 1, 2), rng.uniform(0, math.pi)
        leaf = colour(rng, (0.2, 0.85), (0.3, 0.9), (hue - 0.03, hue + 0.05))
        if flower and rng.random() < 0.2:
            leaf = scaled(flower, rng.uniform(0.8, 1.1))
        sheet.ellipse((x, y), (size, size * rng.uniform(0.2, 0.6)), leaf, angle=turn, rise=int(rng.integers(50, 200)))


def _trunks(rng: np.random.Generator, sheet: Sheet) -> None:
    bark = colour(rng, (0.1, 0.5), (0.1, 0.5), (0.04, 0.1))
    for _ in range(int(rng.integers(1, 5))):
        x, lean = rng.uniform(0, 1), rng.normal(0, 0.2)
        path = [(x, -0.1), (x + lean * 0.5 + rng.normal(0, 0.04), 0.5), (x + lean, 1.1)]
        sheet.line(curve(path), bark, rng.uniform(0.008, 0.12), 220)


def _lawn(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    side = max(height, width)
    sheet = Sheet(height, width, (0, 0, 0), relief=True)
    sheet.pixels = tilted(rng, grass(rng, side, side), height, width, turn=math.pi, lean=0.7)
    if rng.random() < 0.5:
        scatter(rng, sheet, int(rng.integers(1, 4)), ANY_THINGS, 0.2)
    return sheet.linear() * sheet.shadows(rng) * tint(rng) * np.float32(level(rng) * 1.4)


def deck(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """A porch: boards and a railing, posts or beams, with garden and bright sky behind."""
    outside = foliage(rng, height, width) if rng.random() < 0.7 else street(rng, height, width)
    over = Sheet(height, width, (0, 0, 0), relief=True)
    mask = Sheet(height, width, (0, 0, 0))
    wood = colour(rng, (0.2, 1.0), (0.0, 0.4), (0.05, 0.12))
    white = (255, 255, 255)
    horizon = rng.uniform(0.45, 1.0)
    floor_top = int(horizon * height)
    if floor_top < height:
        over.pixels[floor_top:] = planks(rng, height, width, scaled(wood, 0.8))[floor_top:]
        mask.box(-0.1, horizon * mask.bottom, 1.1, 1.1, white)
    rail, step = horizon - rng.uniform(0.3, 0.8), rng.uniform(0.05, 0.16)
    thick, lean = step * rng.uniform(0.2, 0.5), rng.normal(0, 0.15)
    bars = [((x, rail), (x + lean, horizon - 0.03)) for x in np.arange(-0.3, 1.3, step)]
    bars += [((-0.2, rail), (1.2, rail)), ((-0.2, horizon - 0.03), (1.2, horizon - 0.03))]
    if rng.random() < 0.6:
        x = rng.uniform(0, 1)
        bars += [((x + s, -0.1), (x + s, 1.1)) for s in (0.0, thick, 2 * thick)]
    for ends in bars:
        over.line(ends, scaled(wood, rng.uniform(0.85, 1.0)), thick, 160)
        mask.line(ends, white, thick)
    if rng.random() < 0.4:
        _ceiling(rng, over, mask)
    near = over.linear() * over.shadows(rng) * room_light(rng, height, width)
    share = mask.linear()
    return soften(outside, 0.004 * over.unit) * (1 - share) + near * share


def _ceiling(rng: np.random.Generator, over: Sheet, mask: Sheet) -> None:
    """The porch's roof from below: dark, with beams or boards."""
    left, right = rng.uniform(0.1, 0.7, 2)
    roof = colour(rng, (0.15, 0.6), (0.0, 0.3), (0.05, 0.15))
    corners = [(-0.1, -0.1), (1.1, -0.1), (1.1, right), (-0.1, left)]
    over.polygon(corners, roof, 100)
    mask.polygon(corners, (255, 255, 255))
    for share in np.arange(0.1, 1.0, rng.uniform(0.06, 0.3)):
        over.line([(-0.1, left * share), (1.1, right * share)], scaled(roof, 0.6), 0.01)
    over.line([(-0.1, left), (1.1, right)], scaled(roof, 1.4), rng.uniform(0.02, 0.08), 200)


def masonry(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Brick, stone, siding or pavement, upright or lying, in sun or shade."""
    side, way = max(height, width), rng.random()
    if way < 0.45:
        texture = bricks(rng, side, side)
    elif way < 0.65:
        texture = tiles(rng, side, side)
    else:
        texture = concrete(rng, side, side) if way < 0.8 else planks(rng, side, side, material(rng))
    sheet = Sheet(height, width, (0, 0, 0), relief=True)
    upright = rng.random() < 0.6
    sheet.pixels = tilted(rng, texture, height, width, turn=0.15 if upright else math.pi, lean=0.5)
    if rng.random() < 0.3:
        scatter(rng, sheet, int(rng.integers(1, 4)), ANY_THINGS, 0.25)
    picture = sheet.linear() * sheet.shadows(rng) * room_light(rng, height, width)
    return picture * patches(rng, height, width) if rng.random() < 0.4 else picture


def street(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Houses with windows before the sky, a road, perhaps cars and trees."""
    air = sky(rng, height, width)
    sheet, mask = Sheet(height, width, (0, 0, 0), relief=True), Sheet(height, width, (0, 0, 0))
    white, ground = (255, 255, 255), rng.uniform(0.55, 1.0) * sheet.bottom
    x = -rng.uniform(0, 0.3)
    while x < sheet.right:
        wide = rng.uniform(0.15, 0.6)
        if rng.random() < 0.85:
            _house(rng, sheet, mask, (x, ground - rng.uniform(0.15, 0.8), x + wide, ground))
        x += wide * rng.uniform(0.8, 1.3)
    road = (
        colour(rng, (0.2, 0.6), (0.0, 0.15)) if rng.random() < 0.6 else colour(rng, (0.2, 0.6), (0.3, 0.7), (0.2, 0.3))
    )
    for part, tone in ((sheet, road), (mask, white)):
        part.box(-0.1, ground, 1.1, 1.1, tone)
    for _ in range(int(rng.integers(0, 4))):
        _car_or_bush(rng, sheet, mask, ground)
    share = mask.linear()
    lit = sheet.linear() * sheet.shadows(rng, depth=0.01) * tint(rng) * np.float32(level(rng))
    return air * (1 - share) + lit * share


def _house(rng: np.random.Generator, sheet: Sheet, mask: Sheet, box: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = box
    front, roof = wall_colour(rng), scaled(material(rng), 0.7)
    if rng.random() < 0.4:
        front = colour(rng, (0.3, 0.75), (0.2, 0.6), (0.0, 0.1))
    pane = colour(rng, (0.05, 0.5), (0.0, 0.5), (0.5, 0.65))
    gable = [(left - 0.02, top), ((left + right) / 2, top - rng.uniform(0.0, 0.2)), (right + 0.02, top)]
    for part, tones in ((sheet, (roof, front)), (mask, ((255, 255, 255), (255, 255, 255)))):
        part.polygon(gable, tones[0])
        part.box(left, top, right, bottom, tones[1])
    size = rng.uniform(0.03, 0.09)
    for y in np.arange(top + size * 0.5, bottom - size, size * rng.uniform(1.6, 2.4)):
        for x in np.arange(left + size * 0.4, right - size, size * rng.uniform(1.4, 2.0)):
            lit = scaled(pane, rng.uniform(0.6, 1.6))
            sheet.box(x, y, x + size * 0.8, y + size * 1.2, scaled(front, 1.25))
            sheet.box(x + size * 0.08, y + size * 0.08, x + size * 0.72, y + size * 1.12, lit)


def _car_or_bush(rng: np.random.Generator, sheet: Sheet, mask: Sheet, ground: float) -> None:
    x, size, white = rng.uniform(0, 1), rng.uniform(0.06, 0.2), (255, 255, 255)
    if rng.random() < 0.5:
        leaf = colour(rng, (0.1, 0.5), (0.3, 0.8), (0.18, 0.35))
        for _ in range(6):
            at = (x + rng.normal(0, size / 2), ground - abs(rng.normal(0, size)))
            sheet.ellipse(at, (size * 0.7, size * 0.6), scaled(leaf, rng.uniform(0.7, 1.3)), rise=60)
            mask.ellipse(at, (size * 0.7, size * 0.6), white)
        return
    paint = material(rng)
    body = curve([(x - size, ground), (x - size, ground - size * 0.35), (x - size * 0.5, ground - size * 0.7)])
    body = np.vstack(
        [body, [(x + size * 0.5, ground - size * 0.7), (x + size, ground - size * 0.3), (x + size, ground)]]
    )
    sheet.polygon(body, paint)
    mask.polygon(body, white)
    sheet.box(x - size * 0.5, ground - size * 0.62, x + size * 0.45, ground - size * 0.4, (25, 30, 35))
    for wheel in (-0.6, 0.6):
        sheet.ellipse((x + wheel * size, ground), (size * 0.2, size * 0.2), (15, 15, 15))
        mask.ellipse((x + wheel * size, ground), (size * 0.2, size * 0.2), white)
