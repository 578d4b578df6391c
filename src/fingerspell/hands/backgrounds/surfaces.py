"""Textures of flat ground: wood, planks, carpet, tiles, woven cloth, concrete, grass; (height, width, 3) uint8 sRGB."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from fingerspell.hands.backgrounds.noise import noise
from fingerspell.hands.backgrounds.sheet import Colour, Sheet, colour, material, scaled

Texture = NDArray[np.uint8]


def wood_colour(rng: np.random.Generator) -> Colour:
    """Light pine to nearly black, or the grey-brown of laminate floors."""
    if rng.random() < 0.35:
        return colour(rng, (0.3, 0.75), (0.05, 0.25), (0.05, 0.12))
    return colour(rng, (0.15, 0.95), (0.25, 0.75), (0.04, 0.11))


def wood(rng: np.random.Generator, height: int, width: int, base: Colour | None = None) -> Texture:
    """Wood whose grain runs along the rows: growth rings cut lengthwise, fibres, a slow change of tone."""
    base = wood_colour(rng) if base is None else base
    fibres = noise(rng, height, width, "grit", zoom=rng.uniform(0.3, 0.8), stretch=25) * rng.uniform(0.02, 0.12)
    slow = noise(rng, height, width, "cloud", zoom=0.25, stretch=6) * rng.uniform(0.02, 0.1)
    bent = noise(rng, height, width, "cloud", zoom=rng.uniform(0.15, 0.5), stretch=rng.uniform(4, 12))
    rings = np.sin(bent * np.float32(rng.uniform(2, 14))) * np.float32(rng.uniform(0.0, 0.12))
    return _toned(base, 1 + fibres + slow + rings)


def planks(rng: np.random.Generator, height: int, width: int, base: Colour | None = None) -> Texture:
    """Boards along the rows, each with a tone of its own, with seams between them."""
    texture = wood(rng, height, width, base)
    unit = max(height, width)
    board = rng.uniform(0.05, 0.25)
    uneven, seam = rng.uniform(0.02, 0.18), rng.uniform(0.3, 0.9)
    gap = max(1, round(rng.uniform(0.002, 0.01) * unit))
    tones = np.ones((height, width), np.float32)
    for number in range(math.ceil(height / unit / board)):
        row = slice(round(number * board * unit), round((number + 1) * board * unit))
        joint = int(rng.uniform(0, 1) * width)
        tones[row, :joint] = 1 + rng.normal(0, uneven)
        tones[row, joint:] = 1 + rng.normal(0, uneven)
        tones[row, joint : joint + gap] = seam
        tones[row.start : row.start + gap] = seam
        texture[row] = np.roll(texture[row], int(rng.uniform(0, 1) * width), axis=1)
    return np.asarray(np.clip(texture * tones[:, :, None], 0, 255), np.uint8)


def carpet(rng: np.random.Generator, height: int, width: int) -> Texture:
    """Short pile: grain with flecks; grey, beige or coloured."""
    base = colour(rng, (0.2, 0.85), (0.0, 0.25)) if rng.random() < 0.7 else material(rng)
    grit = noise(rng, height, width, "grit", zoom=rng.uniform(0.25, 0.7)) * rng.uniform(0.04, 0.2)
    flecks = noise(rng, height, width, "stain", zoom=rng.uniform(0.3, 0.9)) * rng.uniform(0.0, 0.1)
    return _toned(base, 1 + grit + flecks)


def tiles(rng: np.random.Generator, height: int, width: int) -> Texture:
    """Tiles or stones with joints, straight or in a bond; the same drawing makes bricks and pavement."""
    return _laid(rng, height, width, colour(rng, (0.2, 1.0), (0.0, 0.4)), rng.uniform(0.8, 1.3), rng.uniform(0.1, 0.5))


def bricks(rng: np.random.Generator, height: int, width: int) -> Texture:
    """A brick wall or a pavement of small stones."""
    red = colour(rng, (0.3, 0.8), (0.3, 0.7), (0.0, 0.07)) if rng.random() < 0.6 else colour(rng, (0.3, 0.95), (0, 0.2))
    return _laid(rng, height, width, red, rng.uniform(1.8, 3.5), rng.uniform(0.04, 0.16))


def _laid(rng: np.random.Generator, height: int, width: int, base: Colour, long: float, high: float) -> Texture:
    sheet = Sheet(height, width, scaled(base, rng.choice([0.5, 1.25])))
    joint, uneven, wide = rng.uniform(0.02, 0.12) * high, rng.uniform(0.0, 0.2), high * long
    bond = rng.random() < 0.6
    for row, top in enumerate(np.arange(0, sheet.bottom, high)):
        for left in np.arange(-wide * 0.5 * (row % 2 if bond else 0), sheet.right, wide):
            tone = scaled(base, 1 + rng.normal(0, uneven))
            sheet.box(left + joint, top + joint, left + wide - joint, top + high - joint, tone)
    stains = noise(rng, height, width, "stain", zoom=rng.uniform(0.3, 1.0)) * rng.uniform(0.01, 0.12)
    sheet.shade(1 + stains)
    return sheet.pixels


def concrete(rng: np.random.Generator, height: int, width: int) -> Texture:
    """Concrete, asphalt, stone or earth: stains and grit."""
    base = colour(rng, (0.15, 0.8), (0.0, 0.3), (0.03, 0.14))
    stains = noise(rng, height, width, "stain", zoom=rng.uniform(0.2, 0.8)) * rng.uniform(0.03, 0.18)
    grit = noise(rng, height, width, "grit", zoom=rng.uniform(0.3, 0.8)) * rng.uniform(0.02, 0.2)
    return _toned(base, 1 + stains + grit)


def grass(rng: np.random.Generator, height: int, width: int) -> Texture:
    """Lawn with dry patches."""
    green, dry = colour(rng, (0.25, 0.6), (0.3, 0.8), (0.18, 0.32)), colour(rng, (0.4, 0.7), (0.2, 0.5), (0.08, 0.14))
    share = noise(rng, height, width, "stain", zoom=rng.uniform(0.2, 0.5)) * 0.3 + rng.uniform(0.0, 0.9)
    blades = 1 + noise(rng, height, width, "grit", zoom=rng.uniform(0.3, 0.6), stretch=3, angle=1.4) * 0.25
    return mixed(green, dry, np.clip(share, 0, 1), blades)


def weave(rng: np.random.Generator, height: int, width: int) -> Texture:
    """Cloth: plain, striped, plaid, dotted or knitted."""
    sheet = Sheet(height, width, material(rng))
    way, step = rng.random(), rng.uniform(0.03, 0.2)
    if way < 0.3:
        _bands(rng, sheet, step, plaid=rng.random() < 0.5)
    elif way < 0.45:
        step = max(step, 0.06)  # hundreds of dots are enough
        dot, size = material(rng), step * rng.uniform(0.15, 0.4)
        for row, top in enumerate(np.arange(0, sheet.bottom + step, step)):
            for left in np.arange(-(row % 2) * step / 2, sheet.right + step, step):
                sheet.ellipse((left, top), (size, size), dot)
    threads = noise(rng, height, width, "grit", zoom=0.7, stretch=4) + noise(
        rng, height, width, "grit", zoom=0.7, stretch=4, angle=math.pi / 2
    )
    sheet.shade(1 + threads * rng.uniform(0.0, 0.08))
    return sheet.pixels


def _bands(rng: np.random.Generator, sheet: Sheet, step: float, *, plaid: bool) -> None:
    """Stripes across; with `plaid` also along, half mixed with what is below."""
    tones = [material(rng) for _ in range(int(rng.integers(1, 4)))]
    widths = rng.uniform(0.1, 0.6, len(tones))
    over = Sheet(sheet.pixels.shape[0], sheet.pixels.shape[1], (0, 0, 0))
    over.pixels[:] = sheet.pixels
    for place, at in enumerate(np.arange(0, 1, step)):
        pick = place % len(tones)
        sheet.box(0, at, 1, at + step * widths[pick], tones[pick])
        over.box(at, 0, at + step * widths[pick], 1, tones[pick])
    if plaid:
        sheet.pixels = np.asarray(cv2.addWeighted(sheet.pixels, 0.5, over.pixels, 0.5, 0), np.uint8)


def mixed(first: Colour, second: Colour, share: NDArray[np.float32], tone: NDArray[np.float32]) -> Texture:
    """Two colours mixed by `share` (0 first, 1 second), times `tone`; both (height, width)."""
    one, two = np.array(first, np.float32), np.array(second, np.float32)
    blend = (one + (two - one) * share[:, :, None]) * tone[:, :, None]
    return np.asarray(np.clip(blend, 0, 255), np.uint8)


def _toned(base: Colour, tone: NDArray[np.float32]) -> Texture:
    return np.asarray(np.clip(np.array(base, np.float32) * tone[:, :, None], 0, 255), np.uint8)
