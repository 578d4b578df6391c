"""A person behind the hand, as a webcam sees a signer: torso, neck, head and hair in front of some room."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from fingerspell.hands.backgrounds.clutter import bookshelf
from fingerspell.hands.backgrounds.light import bokeh, room_light
from fingerspell.hands.backgrounds.noise import noise
from fingerspell.hands.backgrounds.sheet import Colour, Sheet, colour, curve, material, scaled
from fingerspell.hands.backgrounds.shining import haze, window
from fingerspell.hands.backgrounds.surfaces import weave
from fingerspell.hands.backgrounds.things import writing
from fingerspell.hands.backgrounds.walls import corner, doorway, wall

_ROOMS = (wall, wall, corner, doorway, doorway, bookshelf, window, haze)
_LIGHT_SKIN, _DARK_SKIN = np.array([240.0, 200.0, 178.0]), np.array([58.0, 36.0, 26.0])
_WHITE = (255, 255, 255)


def person(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Head and shoulders, or only shirt and neck, at any place and size; room and person may be out of focus."""
    room = _ROOMS[int(rng.integers(len(_ROOMS)))](rng, height, width)
    body, mask = Sheet(height, width, (0, 0, 0), relief=True), Sheet(height, width, (0, 0, 0))
    size = rng.uniform(0.2, 0.6)  # height of the head
    head = (float(rng.uniform(0.1, 0.9) * body.right), float(rng.uniform(-0.35, 0.55)))
    skin = _skin(rng)
    hair = _hair_colour(rng)
    long_hair = rng.random() < 0.4
    if long_hair:
        _hair_behind(rng, body, mask, head, size, hair)
    _torso(rng, body, mask, head, size, skin)
    _head(rng, body, mask, head, size, skin, hair)
    unit = body.unit
    shaped = body.linear() * body.shadows(rng, depth=0.05 * size, round_by=0.07 * size)
    lit = shaped * room_light(rng, height, width)
    share = mask.linear()[:, :, :1]
    if rng.random() < 0.4:
        room = bokeh(room, rng.uniform(0.01, 0.04) * unit)
    if rng.random() < 0.5:
        radius = rng.uniform(0.003, 0.025) * unit
        lit, share = bokeh(lit, radius), bokeh(share, radius)
    return room * (1 - share) + lit * share


def _skin(rng: np.random.Generator) -> Colour:
    """Any tone between very light and very dark, redder or yellower."""
    dark = rng.uniform(0, 1)
    tone = (
        _LIGHT_SKIN ** (1 - dark) * _DARK_SKIN**dark * np.array([1.0, 1 + rng.normal(0, 0.04), 1 + rng.normal(0, 0.07)])
    )
    red, green, blue = np.clip(tone, 0, 255).astype(int).tolist()
    return red, green, blue


def _hair_colour(rng: np.random.Generator) -> Colour:
    way = rng.random()
    if way < 0.6:
        return colour(rng, (0.03, 0.25), (0.1, 0.6), (0.02, 0.1))
    if way < 0.85:
        return colour(rng, (0.25, 0.75), (0.3, 0.6), (0.03, 0.12))
    return colour(rng, (0.4, 0.9), (0.0, 0.1)) if way < 0.95 else material(rng)


def _torso(
    rng: np.random.Generator, body: Sheet, mask: Sheet, head: tuple[float, float], size: float, skin: Colour
) -> None:
    """Neck, shoulders and chest with a shirt, jacket, tie or print."""
    x, y = head
    wide, slope = size * rng.uniform(0.85, 1.25), size * rng.uniform(0.12, 0.3)
    shoulder = y + size * rng.uniform(0.66, 0.78)
    neck = size * rng.uniform(0.17, 0.24)
    side = np.array([(neck, -0.1 * size), (neck * 1.3, 0.02 * size), (wide * 0.75, slope), (wide, slope + 0.2 * size)])
    right = np.vstack([curve(side), [(wide * 1.08, 2.5)]]) + np.array([x, shoulder])
    left = right[::-1] * np.array([-1, 1]) + np.array([2 * x, 0])
    outline = np.vstack([right, left])
    height, width = body.pixels.shape[:2]
    cloth, stencil = weave(rng, height, width), Sheet(height, width, (0, 0, 0))
    stencil.polygon(outline, _WHITE)
    body.polygon(outline, (128, 128, 128), 120)
    cv2.copyTo(cloth, stencil.pixels[:, :, 0], body.pixels)
    mask.polygon(outline, _WHITE)
    _shirt_parts(rng, body, (x, shoulder), size, neck)
    throat = [(x - neck, y + size * 0.2), (x + neck, y + size * 0.2), (x + neck, shoulder)]
    collar = rng.uniform(0.05, 0.35) * size
    throat += [(x, shoulder + collar), (x - neck, shoulder)]
    body.polygon(throat, scaled(skin, 0.8), 110)
    mask.polygon(throat, _WHITE)


def _shirt_parts(rng: np.random.Generator, body: Sheet, at: tuple[float, float], size: float, neck: float) -> None:
    x, y = at
    if rng.random() < 0.3:  # an open jacket over the shirt
        jacket = material(rng)
        for sign in (-1, 1):
            lapel = [(neck, -0.05), (0.3 * neck, 1.2), (0.5 * neck, 4), (9, 4), (9, 0.5), (neck * 4, 0.25)]
            body.polygon(
                [(x + sign * px * size if px == 9 else x + sign * px, y + py * size) for px, py in lapel], jacket, 160
            )
    if rng.random() < 0.15:
        tie = [(x - neck * 0.2, y + 0.1 * size), (x + neck * 0.2, y + 0.1 * size), (x + neck * 0.3, y + 1.5 * size)]
        body.polygon([*tie, (x - neck * 0.3, y + 1.5 * size)], material(rng), 170)
    if rng.random() < 0.3:
        writing(rng, body, (x, y + 0.7 * size), (size * rng.uniform(0.4, 0.9), size * 0.3), 0.0, material(rng))


def _head(
    rng: np.random.Generator,
    body: Sheet,
    mask: Sheet,
    head: tuple[float, float],
    size: float,
    skin: Colour,
    hair: Colour,
) -> None:
    x, y = head
    wide, tilt = size * rng.uniform(0.33, 0.4), rng.normal(0, 0.12)
    for part, tone in ((body, scaled(skin, 0.85)), (mask, _WHITE)):
        for sign in (-1, 1):
            part.ellipse((x + sign * wide * 0.98, y + 0.03 * size), (wide * 0.16, size * 0.1), tone, rise=130)
        part.ellipse((x, y), (wide, size / 2), tone, angle=tilt, rise=220)
    body.ellipse((x, y), (wide * 0.98, size * 0.49), skin, angle=tilt, rise=220)
    _hair_on_top(rng, body, mask, head, (wide, size), hair)
    look = (x + rng.normal(0, 0.15) * wide, y + rng.normal(0.02, 0.03) * size)
    _face(rng, body, look, (wide, size), skin, hair)


def _face(
    rng: np.random.Generator,
    body: Sheet,
    at: tuple[float, float],
    head: tuple[float, float],
    skin: Colour,
    hair: Colour,
) -> None:
    """Brows, eyes, nose and mouth; sometimes a beard or glasses."""
    (x, y), (wide, size) = at, head
    dark, lip = scaled(skin, 0.6), (min(255, int(skin[0] * 0.85)), int(skin[1] * 0.55), int(skin[2] * 0.6))
    if rng.random() < 0.25:
        body.ellipse((x, y + 0.32 * size), (wide * 0.7, size * 0.17), hair, rise=215)
        body.ellipse((x, y + 0.12 * size), (wide * 0.55, size * 0.14), skin, rise=220)
    glasses = material(rng) if rng.random() < 0.3 else None
    for sign in (-1, 1):
        ex = x + sign * wide * 0.4
        body.ellipse((ex, y), (wide * 0.22, size * 0.05), dark)
        body.ellipse((ex, y), (wide * 0.15, size * 0.028), (235, 230, 225))
        body.ellipse((ex + rng.normal(0, 0.01) * size, y), (wide * 0.07, size * 0.028), (30, 22, 18))
        brow = [(ex - wide * 0.2, y - 0.075 * size), (ex, y - 0.1 * size), (ex + wide * 0.2, y - 0.08 * size)]
        body.line(curve(brow), scaled(hair, 0.8), 0.02 * size)
        if glasses:
            turn = np.linspace(0, 2 * math.pi, 17)
            rim = np.column_stack([ex + np.cos(turn) * wide * 0.3, y + np.sin(turn) * size * 0.085])
            body.line(rim, glasses, 0.018 * size)
    nose = [(x, y - 0.02 * size), (x + wide * 0.13, y + 0.16 * size), (x - wide * 0.1, y + 0.17 * size)]
    body.polygon(curve(nose, closed=True), scaled(skin, 0.9), 245)
    body.ellipse((x, y + 0.175 * size), (wide * 0.14, 0.012 * size), dark)
    body.ellipse((x, y + 0.27 * size), (wide * 0.3, size * rng.uniform(0.012, 0.04)), lip)


def _hair_on_top(
    rng: np.random.Generator, body: Sheet, mask: Sheet, at: tuple[float, float], head: tuple[float, float], hair: Colour
) -> None:
    if rng.random() < 0.1:
        return  # bald
    (x, y), (wide, size) = at, head
    line, full, part = rng.uniform(0.18, 0.32), rng.uniform(1.02, 1.3), rng.normal(0, 0.3) * wide
    cap = [(x - wide * full, y - 0.02 * size), (x - wide * full * 0.95, y - 0.35 * size), (x, y - size * 0.5 * full)]
    cap += [(x + wide * full * 0.95, y - 0.35 * size), (x + wide * full, y - 0.02 * size)]
    cap += [
        (x + wide * 0.85, y - line * size * 0.8),
        (x + part, y - line * size),
        (x - wide * 0.85, y - line * size * 0.8),
    ]
    outline = curve(cap, closed=True)
    body.polygon(outline, hair, 235)
    mask.polygon(outline, _WHITE)
    for _ in range(int(rng.integers(4, 14))):
        start = (x + rng.uniform(-0.8, 0.8) * wide, y - size * 0.45)
        body.line(
            [start, (start[0] * 1.3 - x * 0.3, y - line * size)], scaled(hair, rng.uniform(0.6, 1.7)), 0.008 * size
        )


def _hair_behind(
    rng: np.random.Generator, body: Sheet, mask: Sheet, at: tuple[float, float], size: float, hair: Colour
) -> None:
    """Long hair that falls beside the neck."""
    (x, y), (height, width) = at, body.pixels.shape[:2]
    wide, long = size * rng.uniform(0.4, 0.6), size * rng.uniform(0.5, 1.3)
    outline = [(x - wide * 0.9, y - 0.2 * size), (x, y - size * 0.55), (x + wide * 0.9, y - 0.2 * size)]
    outline += [(x + wide, y + long), (x, y + long * 0.8), (x - wide, y + long)]
    shape = curve(outline, closed=True)
    body.polygon(shape, hair, 90)
    mask.polygon(shape, _WHITE)
    strands = noise(rng, height, width, "grit", zoom=0.4, stretch=12, angle=math.pi / 2)
    body.shade(1 + strands * 0.15)
