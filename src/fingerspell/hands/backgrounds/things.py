"""Things that lie and stand about: paper, books, boxes, bottles, mugs, balls, cables, pens, keys, bags, cloth."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fingerspell.hands.backgrounds.sheet import Colour, Points, Sheet, colour, curve, material, scaled

Place = tuple[float, float]
Thing = Callable[[np.random.Generator, Sheet, Place, float], None]
"""Draws itself: (rng, sheet, middle, size), both in units of the longer side."""


def scatter(rng: np.random.Generator, sheet: Sheet, count: int, things: tuple[Thing, ...], size: float = 0.25) -> None:
    """Strew things over the sheet, more of them near its edges than in its middle."""
    for _ in range(count):
        where = rng.uniform(-0.1, 1.1, 2)
        if rng.random() < 0.5 and np.hypot(*(where - 0.5)) < 0.35:
            where = np.where(where > 0.5, where + 0.4, where - 0.4)
        thing = things[int(rng.integers(len(things)))]
        place = (float(where[0]) * sheet.right, float(where[1]) * sheet.bottom)
        thing(rng, sheet, place, size * math.exp(rng.normal(0, 0.4)))


def turned(points: Points, middle: Place, angle: float) -> NDArray[np.float64]:
    """Points around the origin, turned by `angle` and moved to `middle`; (n, 2)."""
    cos, sin = math.cos(angle), math.sin(angle)
    placed = np.asarray(points, np.float64) @ np.array([[cos, sin], [-sin, cos]]) + np.asarray(middle)
    return np.asarray(placed, np.float64)


def block(wide: float, high: float, down: float = 0.0) -> NDArray[np.float64]:
    """(4, 2) corners of a rectangle around the origin, or `down` below it."""
    corners = np.array([[-wide, -high], [wide, -high], [wide, high], [-wide, high]])
    return np.asarray(corners / 2 + np.array([0.0, down]), np.float64)


def writing(
    rng: np.random.Generator, sheet: Sheet, middle: Place, size: tuple[float, float], angle: float, ink: Colour
) -> None:
    """Lines of something like handwriting or print in a rectangle."""
    wide, high = size
    rows = int(rng.integers(2, 10))
    letter, thick = min(high / rows * rng.uniform(0.15, 0.4), 0.04), rng.uniform(0.15, 0.5)
    step = max(letter * 0.5, 0.005)
    count = int(np.clip(wide / step, 4, 60))
    x = np.linspace(-wide / 2, wide / 2, count)
    y = high * ((np.arange(rows)[:, None] + 0.5) / rows - 0.5) + rng.uniform(-0.5, 0.5, (rows, count)) * letter
    strokes = turned(np.stack([np.broadcast_to(x, y.shape), y], axis=2).reshape(-1, 2), middle, angle)
    ends = np.arange(rows) * count + rng.integers(count // 3, count + 1, rows)
    gaps = rng.random(rows * count) < 0.25  # between words
    gaps[::count] = True
    starts = np.flatnonzero(gaps)
    stops = np.minimum([*starts[1:], rows * count], ends[starts // count])
    words = zip(starts.tolist(), stops.tolist(), strict=True)
    sheet.lines(strokes, [(start, stop) for start, stop in words if stop - start > 1], ink, letter * thick)


def paper(rng: np.random.Generator, sheet: Sheet, at: Place, size: float) -> None:
    """A sheet of paper with writing, lines or nothing on it."""
    wide, angle = size * rng.uniform(1.0, 1.8), rng.normal(0, 0.5)
    high = wide * rng.uniform(1.1, 1.5)
    white = colour(rng, (0.85, 1.0), (0.0, 0.08)) if rng.random() < 0.8 else colour(rng, (0.8, 1.0), (0.1, 0.5))
    sheet.polygon(turned(block(wide, high), at, angle), white, 25)
    if rng.random() < 0.3:
        for y in np.linspace(-high * 0.45, high * 0.45, 18):
            sheet.line(turned([(-wide / 2, y), (wide / 2, y)], at, angle), scaled(white, 0.85), 0.001)
    if rng.random() < 0.75:
        ink = colour(rng, (0.05, 0.4), (0.0, 0.8), (0.5, 0.75))
        writing(rng, sheet, at, (wide * 0.8, high * rng.uniform(0.2, 0.85)), angle, ink)


def book(rng: np.random.Generator, sheet: Sheet, at: Place, size: float) -> None:
    """A closed book, a box of something or a folder: a coloured rectangle with fields and a title."""
    wide, angle, cover = size * rng.uniform(0.8, 1.5), rng.uniform(0, math.pi), material(rng)
    high = wide * rng.uniform(0.5, 1.3)
    sheet.polygon(turned(block(wide, high), at, angle), cover, int(rng.integers(60, 160)))
    for _ in range(int(rng.integers(0, 3))):
        field = block(*(np.array([wide, high]) * rng.uniform(0.2, 0.8, 2))) + rng.normal(0, 0.08, 2) * size
        sheet.polygon(turned(field, at, angle), material(rng))
    if rng.random() < 0.6:
        writing(rng, sheet, at, (wide * 0.7, high * 0.3), angle, material(rng))


def carton(rng: np.random.Generator, sheet: Sheet, at: Place, size: float) -> None:
    """A box seen from the side and above: three faces, each in its own light, perhaps with marks and tape."""
    brown = colour(rng, (0.5, 0.85), (0.25, 0.5), (0.07, 0.11)) if rng.random() < 0.6 else material(rng)
    wide, high, deep = size * rng.uniform(0.8, 2.2), size * rng.uniform(0.5, 1.6), size * rng.uniform(0.2, 1.0)
    lean, angle = rng.uniform(-0.8, 0.8) * deep, rng.normal(0, 0.15)
    front = block(wide, high)
    up = np.array([lean, -deep])
    top = np.vstack([front[0], front[1], front[1] + up, front[0] + up])
    sheet.polygon(turned(top, at, angle), scaled(brown, rng.uniform(0.9, 1.25)), 130)
    if rng.random() < 0.4:  # open: the dark inside and a flap
        inside = turned(front[:2].mean(axis=0) + (top - front[:2].mean(axis=0)) * 0.93, at, angle)
        sheet.polygon(inside, scaled(brown, 0.35), 40)
    sheet.polygon(turned(front, at, angle), brown, 200)
    if rng.random() < 0.5:
        sheet.polygon(turned(block(wide, high * 0.1, -high * 0.1), at, angle), scaled(brown, 1.15))
    if rng.random() < 0.7:
        mark = (at[0] + rng.uniform(-0.2, 0.2) * wide, at[1] + rng.uniform(-0.2, 0.3) * high)
        writing(rng, sheet, mark, (wide * rng.uniform(0.2, 0.8), high * rng.uniform(0.1, 0.4)), angle, material(rng))


def bottle(rng: np.random.Generator, sheet: Sheet, at: Place, size: float) -> None:
    """A bottle, can or jar: strips of a cylinder, shoulder, neck, lid, label."""
    wide, high, angle = size * rng.uniform(0.25, 0.6), size * rng.uniform(0.7, 1.6), rng.normal(0, 0.25)
    body, neck = material(rng), rng.uniform(0.25, 1.0)
    gloss = rng.uniform(0.1, 0.8)
    for place in range(9):
        s = (place - 4) / 4.5
        tone = 0.55 + 0.5 * math.sqrt(1 - s * s) + gloss * math.exp(-(((s + 0.35) / 0.2) ** 2))
        x0, x1 = wide / 2 * (s - 0.12), wide / 2 * (s + 0.13)
        strip = [
            (x0 * neck, -high * 0.62),
            (x1 * neck, -high * 0.62),
            (x1, -high * 0.35),
            (x1, high / 2),
            (x0, high / 2),
        ]
        sheet.polygon(turned([*strip, (x0, -high * 0.35)], at, angle), scaled(body, tone), 190)
    lid = turned(block(wide * neck * 1.05, high * 0.12, -high * 0.66), at, angle)
    sheet.polygon(lid, material(rng), 190)
    if rng.random() < 0.6:
        sheet.polygon(turned(block(wide, high * 0.3, high * 0.1), at, angle), material(rng))


def mug(rng: np.random.Generator, sheet: Sheet, at: Place, size: float) -> None:
    """A cup or bowl from above: rims within rims, sometimes with a handle."""
    outer, radius, flat = material(rng), size * rng.uniform(0.25, 0.5), rng.uniform(0.6, 1.0)
    if rng.random() < 0.5:
        away = rng.uniform(0, 2 * math.pi)
        end = (at[0] + 1.5 * radius * math.cos(away), at[1] + 1.5 * radius * math.sin(away))
        sheet.line([at, end], scaled(outer, 0.9), radius * 0.3, 150)
    sheet.ellipse(at, (radius, radius * flat), outer, rise=220)
    sheet.ellipse(at, (radius * 0.88, radius * 0.88 * flat), scaled(outer, 0.6), rise=90)
    sheet.ellipse(at, (radius * 0.8, radius * 0.75 * flat), material(rng), rise=80)


def ball(rng: np.random.Generator, sheet: Sheet, at: Place, size: float) -> None:
    """A ball, fruit or cap: rings that grow brighter toward the light."""
    base, radius = material(rng), size * rng.uniform(0.12, 0.4)
    light = rng.uniform(-0.4, 0.4, 2)
    for share, tone in ((1.0, 0.6), (0.85, 0.8), (0.65, 1.0), (0.4, 1.15), (0.15, 1.5)):
        middle = (at[0] + light[0] * radius * (1 - share), at[1] + light[1] * radius * (1 - share))
        sheet.ellipse(middle, (radius * share, radius * share), scaled(base, tone), rise=150)


def cable(rng: np.random.Generator, sheet: Sheet, at: Place, size: float) -> None:
    """A cable that winds about."""
    path = np.asarray(at) + np.cumsum(rng.normal(0, size * 0.6, (int(rng.integers(4, 9)), 2)), axis=0)
    sheath = colour(rng, (0.02, 0.15), (0.0, 0.2)) if rng.random() < 0.5 else colour(rng, (0.85, 1.0), (0.0, 0.05))
    sheet.line(curve(path), sheath, rng.uniform(0.004, 0.016), 70)


def pen(rng: np.random.Generator, sheet: Sheet, at: Place, size: float) -> None:
    """A pen, pencil, stick or cutlery."""
    long, thick, angle, body = (
        size * rng.uniform(0.6, 1.4),
        rng.uniform(0.006, 0.03),
        rng.uniform(0, 6.3),
        material(rng),
    )
    sheet.line(turned([(-long / 2, 0), (long / 2, 0)], at, angle), body, thick, 90)
    sheet.line(turned([(-long / 2, 0), (-long * 0.3, 0)], at, angle), material(rng), thick * 0.8, 90)
    shine = turned([(-long * 0.45, -thick * 0.2), (long * 0.45, -thick * 0.2)], at, angle)
    sheet.line(shine, scaled(body, 1.6), thick * 0.15)


def keyboard(rng: np.random.Generator, sheet: Sheet, at: Place, size: float) -> None:
    """A keyboard with rows of keys, as of a laptop or a desk; some have glowing edges or letters."""
    long, rows, angle = size * rng.uniform(2.5, 5), int(rng.integers(4, 7)), rng.normal(0, 0.5)
    key = long / int(rng.integers(12, 19))
    dark = rng.random() < 0.75
    body = colour(rng, (0.03, 0.2) if dark else (0.6, 0.95), (0.0, 0.1))
    cap = scaled(body, rng.uniform(0.5, 0.9)) if rng.random() < 0.5 else colour(rng, (0.03, 0.95), (0.0, 0.1))
    ink = colour(rng, (0.5, 1.0), (0.0, 0.9)) if sum(cap) < 330 else colour(rng, (0.0, 0.3))
    sheet.polygon(turned(block(long + key, key * (rows + 0.8)), at, angle), body, 80)
    gap = rng.uniform(0.06, 0.14) * key
    for row in range(rows):
        x, y = -long / 2 + (row % 3) * key * 0.3, key * (row - rows / 2 + 0.5)
        while x < long / 2 - key * 0.6:
            wide = key * (5 if row == rows - 1 and -0.2 < x / long < -0.1 else 1)
            middle = turned([(x + wide / 2, y)], at, angle)[0]
            x += wide
            if not (-0.1 < middle[0] < 1.1 and -0.1 < middle[1] < 1.1):
                continue
            sheet.polygon(turned(block(wide - 2 * gap, key - 2 * gap), (middle[0], middle[1]), angle), cap, 130)
            mark = turned([(-key * 0.12, -key * 0.05), (key * 0.08, key * 0.1)], (middle[0], middle[1]), angle)
            sheet.line(mark, ink, key * 0.08)


def mouse(rng: np.random.Generator, sheet: Sheet, at: Place, size: float) -> None:
    """A computer mouse from above."""
    shell, angle = colour(rng, (0.03, 0.25), (0.0, 0.2)) if rng.random() < 0.7 else material(rng), rng.uniform(0, 6.3)
    radius = size * rng.uniform(0.22, 0.32)
    sheet.ellipse(at, (radius * 1.6, radius), shell, angle=angle, rise=180)
    sheet.ellipse(at, (radius * 1.2, radius * 0.7), scaled(shell, 1.3), angle=angle, rise=220)
    sheet.line(turned([(radius * 0.5, 0), (radius * 1.5, 0)], at, angle), scaled(shell, 0.4), radius * 0.12)


def blob(rng: np.random.Generator, sheet: Sheet, at: Place, size: float) -> None:
    """A bag, garment or cushion: a soft outline with folds."""
    cloth, corners = material(rng), int(rng.integers(6, 10))
    turn = np.linspace(0, 2 * math.pi, corners, endpoint=False)
    spread = size * rng.uniform(0.4, 0.9, corners)
    rim = np.column_stack([np.cos(turn) * spread, np.sin(turn) * spread * rng.uniform(0.5, 1.0)]) + np.asarray(at)
    sheet.polygon(curve(rim, closed=True), cloth, 150)
    for _ in range(int(rng.integers(2, 7))):
        ends = np.asarray(at) + rng.normal(0, 0.16 * size, (3, 2))
        sheet.line(curve(ends), scaled(cloth, rng.uniform(0.7, 1.2)), rng.uniform(0.02, 0.2) * size)


DESK_THINGS: tuple[Thing, ...] = (paper, paper, book, bottle, mug, ball, cable, cable, pen, pen, mouse, blob)
FLOOR_THINGS: tuple[Thing, ...] = (carton, carton, cable, blob, blob, book, ball, paper, bottle)
ANY_THINGS: tuple[Thing, ...] = (
    paper,
    book,
    book,
    carton,
    carton,
    bottle,
    bottle,
    mug,
    ball,
    cable,
    pen,
    blob,
    keyboard,
)
