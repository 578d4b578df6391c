"""What shines itself: windows against the light, rooms at night with points of light, screens."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fingerspell.hands.backgrounds.light import bokeh, level, room_light, soften, tint
from fingerspell.hands.backgrounds.noise import noise
from fingerspell.hands.backgrounds.outdoors import foliage, sky, street
from fingerspell.hands.backgrounds.sheet import Sheet, colour, material, scaled
from fingerspell.hands.backgrounds.things import DESK_THINGS, block, carton, scatter, turned, writing
from fingerspell.hands.backgrounds.walls import plaster, wall_colour

_WHITE = (255, 255, 255)


def window(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """A window against the light: panes blown out or with a view, bars, blinds or curtains, a dim room around."""
    room, panes = Sheet(height, width, wall_colour(rng), relief=True), Sheet(height, width, (0, 0, 0))
    plaster(rng, room)
    left, top = rng.uniform(-0.4, 0.5, 2)
    wide, high = rng.uniform(0.4, 1.3, 2)
    frame, bar = colour(rng, (0.3, 1.0), (0.0, 0.4), (0.05, 0.12)), rng.uniform(0.01, 0.04)
    room.box(left - bar * 2, top - bar * 2, left + wide + bar * 2, top + high + bar * 2, frame, 90)
    panes.box(left, top, left + wide, top + high, _WHITE)
    columns, rows = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    bars = [[(left + wide * c / columns, top), (left + wide * c / columns, top + high)] for c in range(1, columns)]
    bars += [[(left, top + high * r / rows), (left + wide, top + high * r / rows)] for r in range(1, rows)]
    for ends in bars:
        panes.line(ends, (0, 0, 0), bar)
        room.line(ends, frame, bar, 60)
    if rng.random() < 0.45:
        _hang(rng, room, panes, (left, top, wide, high))
    if rng.random() < 0.3:
        scatter(rng, room, int(rng.integers(1, 4)), (carton, *DESK_THINGS), 0.25)
    view = _view(rng, height, width)
    open_to_sky = panes.linear()
    glow = soften(open_to_sky, rng.uniform(0.02, 0.15) * room.unit) * rng.uniform(0.02, 0.3)
    dim = room.linear() * room.shadows(rng) * room_light(rng, height, width) * rng.uniform(0.1, 0.7)
    return np.asarray(dim * (1 - open_to_sky) + view * open_to_sky + glow, np.float32)


def _view(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    way = rng.random()
    if way < 0.55:
        return np.broadcast_to(tint(rng, 0.4) * np.float32(rng.uniform(0.9, 1.6)), (height, width, 3))
    painter = sky if way < 0.75 else foliage if way < 0.88 else street
    return bokeh(painter(rng, height, width) * np.float32(rng.uniform(1.0, 2.5)), 0.008 * max(height, width))


def _hang(rng: np.random.Generator, room: Sheet, panes: Sheet, box: tuple[float, float, float, float]) -> None:
    """Slats, or curtains that let some light through, before the panes."""
    left, top, wide, high = box
    step, drop = rng.uniform(0.015, 0.05), high * rng.uniform(0.3, 1.0)
    grey = int(rng.integers(0, 120))
    slat = material(rng)
    if rng.random() < 0.6:
        for at in np.arange(0, drop, step):
            panes.box(left, top + at, left + wide, top + at + step * 0.6, (grey, grey, grey))
            room.box(left, top + at, left + wide, top + at + step * 0.6, slat, 80)
        return
    for at in np.arange(0, wide * rng.uniform(0.2, 1.0), step):
        through = int(grey * rng.uniform(0.5, 1.6))
        panes.box(left + at, top, left + at + step, 1.1, (through, through, through))
        room.box(left + at, top, left + at + step, 1.1, scaled(slat, rng.uniform(0.7, 1.1)))


def night(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """A dark room or street with points of light, near or out of focus, and faint shapes."""
    sheet = Sheet(height, width, scaled(material(rng), 0.7))
    scatter(rng, sheet, int(rng.integers(0, 8)), (carton, *DESK_THINGS), rng.uniform(0.2, 0.6))
    picture = sheet.linear() * room_light(rng, height, width, contrast=2) * rng.uniform(0.01, 0.25)
    lamps = np.zeros_like(picture)
    count = int(rng.integers(1, 6)) if rng.random() < 0.5 else int(rng.integers(6, 40))
    hues = [tint(rng, 2.5) for _ in range(3)]
    reach = max(1, round(rng.uniform(0.004, 0.02) * sheet.unit))
    for _ in range(count):
        y, x = int(rng.uniform(0, 1) * (height - reach)), int(rng.uniform(0, 1) * (width - reach))
        lamps[y : y + reach, x : x + reach] = hues[int(rng.integers(3))] * rng.uniform(1, 6)
    blurred = bokeh(lamps, rng.uniform(0.005, 0.05) * sheet.unit) * rng.uniform(2, 12)
    halo = soften(lamps, rng.uniform(0.05, 0.2) * sheet.unit) * rng.uniform(1, 8)
    return np.asarray(picture + np.minimum(blurred, 1.5) + halo, np.float32)


def screen(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """One or two monitors, a laptop or a television with windows, text or pictures on it, in a room."""
    room, mask = Sheet(height, width, wall_colour(rng), relief=True), Sheet(height, width, (0, 0, 0))
    table = rng.uniform(0.6, 1.1)
    room.box(-0.1, table, 1.1, 1.1, material(rng))
    shown = Sheet(height, width, (0, 0, 0))
    for _ in range(int(rng.integers(1, 3))):
        middle = (float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.1, 0.7)))
        _monitor(rng, room, shown, mask, middle)
    scatter(rng, room, int(rng.integers(0, 4)), DESK_THINGS, 0.15)
    share = mask.linear()
    lit = room.linear() * room.shadows(rng) * room_light(rng, height, width) * rng.uniform(0.1, 1.0)
    picture = shown.linear() * tint(rng, 0.6) * np.float32(rng.uniform(0.3, 1.5))
    glow = soften(picture * share, 0.1 * room.unit) * rng.uniform(0.0, 0.3)
    lines = 1 + 0.08 * np.sin(np.arange(height, dtype=np.float32) * rng.uniform(0.1, 3))[:, None, None]
    return np.asarray(lit * (1 - share) + picture * share * lines + glow, np.float32)


def _monitor(rng: np.random.Generator, room: Sheet, shown: Sheet, mask: Sheet, middle: tuple[float, float]) -> None:
    wide, angle = rng.uniform(0.4, 1.3), rng.normal(0, 0.08)
    high, rim = wide * rng.uniform(0.5, 0.75), rng.uniform(0.01, 0.04)
    case = colour(rng, (0.02, 0.15), (0.0, 0.1)) if rng.random() < 0.7 else colour(rng, (0.6, 0.9), (0.0, 0.05))
    room.polygon(turned(block(wide * 0.15, high * 1.6), middle, angle), scaled(case, 1.3), 100)
    room.polygon(turned(block(wide + rim, high + rim), middle, angle), case, 150)
    glass = turned(block(wide - rim, high - rim), middle, angle)
    room.polygon(glass, (6, 6, 7), 140)
    shown.polygon(glass, material(rng))
    if rng.random() < 0.93:
        mask.polygon(glass, _WHITE)
    for _ in range(int(rng.integers(1, 7))):
        size = rng.uniform(0.15, 0.8, 2) * [wide, high]
        at = np.asarray(middle) + rng.uniform(-0.5, 0.5, 2) * (np.array([wide, high]) - size - rim)
        place, tone = (float(at[0]), float(at[1])), material(rng)
        shown.polygon(turned(block(size[0], size[1]), place, angle), tone)
        if rng.random() < 0.7:
            ink = (20, 20, 20) if sum(tone) > 380 else (220, 220, 220)
            writing(rng, shown, place, (size[0] * 0.85, size[1] * 0.85), angle, ink)


def haze(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """A background far out of focus: soft patches of light and colour, as behind a near hand."""
    first, second = colour(rng, (0.1, 1.0), (0.0, 0.6)), colour(rng, (0.05, 1.0), (0.0, 0.6))
    zoom = rng.uniform(0.03, 0.12)
    share = np.clip(0.5 + noise(rng, height, width, "cloud", zoom=zoom, angle=rng.uniform(0, math.pi)), 0, 1)
    sheet = Sheet(height, width, first)
    for channel in range(3):
        sheet.pixels[:, :, channel] = first[channel] + (second[channel] - first[channel]) * share
    scatter(rng, sheet, int(rng.integers(0, 9)), (carton, *DESK_THINGS), rng.uniform(0.2, 0.7))
    picture = sheet.linear() * tint(rng) * np.float32(level(rng))
    return bokeh(picture, rng.uniform(0.02, 0.09) * sheet.unit)
