"""What else a frame shows that has the colour of skin: arms, heads and shapeless things, painted into it."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Canvas = NDArray[np.float32]
"""(height, width, 3) float32, sRGB 0–255; what is painted may go beyond."""
Colour = NDArray[np.float32]
"""(3,) float32, sRGB 0–255."""

_PATCH = 72


def skin(rng: np.random.Generator) -> Colour:
    """Any tone between very light and very dark, redder or yellower."""
    light, dark = np.array([240.0, 200.0, 178.0]), np.array([58.0, 36.0, 26.0])
    share = rng.random()
    tone = light ** (1 - share) * dark**share * (1 + rng.normal(0, 0.05, 3))
    return np.asarray(np.clip(tone, 8, 250), np.float32)


def any_colour(rng: np.random.Generator) -> Colour:
    """A colour of cloth: often grey, dark or pale."""
    value, colourful = rng.uniform(15, 245), rng.random() ** 2
    return np.asarray(value * (1 - colourful * rng.random(3)), np.float32)


def limb(canvas: Canvas, points: NDArray[np.float32], radii: NDArray[np.float32], colour: Colour, light: float) -> None:
    """Paint an arm or sleeve: round, thicker or thinner from joint to joint, lit from one side.

    Args:
        canvas: painted upon.
        points: (k, 2) joints, x and y in pixels.
        radii: (k,) pixels.
        colour: of the middle.
        light: −1 to 1: which side is brighter, and how much.
    """
    height, width = canvas.shape[:2]
    for start, end, near, far in zip(points[:-1], points[1:], radii[:-1], radii[1:], strict=True):
        reach = float(max(near, far)) + 2
        left, right = (np.array([min(start[0], end[0]) - reach, max(start[0], end[0]) + reach])).clip(0, width)
        top, bottom = (np.array([min(start[1], end[1]) - reach, max(start[1], end[1]) + reach])).clip(0, height)
        first_row, end_row, first_column, end_column = int(top), math.ceil(bottom), int(left), math.ceil(right)
        if end_row <= first_row or end_column <= first_column:
            continue
        columns = np.arange(first_column, end_column, dtype=np.float32)[None, :] + 0.5 - start[0]
        rows = np.arange(first_row, end_row, dtype=np.float32)[:, None] + 0.5 - start[1]
        along = end - start
        length = max(float(np.hypot(*along)), 1e-3)
        unit = along / length
        place = np.clip((columns * unit[0] + rows * unit[1]) / length, 0, 1)
        aside = columns * unit[1] - rows * unit[0]
        apart = np.hypot(columns - place * along[0], rows - place * along[1])
        radius = near + (far - near) * place
        cover = np.clip(radius - apart + 0.5, 0, 1)[:, :, None]
        shade = 1 - 0.35 * np.clip(apart / radius, 0, 1) ** 2 + light * 0.4 * np.clip(aside / radius, -1, 1)
        part = canvas[first_row:end_row, first_column:end_column]
        part += cover * (shade[:, :, None] * colour - part)


def bare_arm(rng: np.random.Generator, canvas: Canvas, colour: Colour) -> None:
    """An arm without its hand: from one edge of the frame to another, or into something that hides its end."""
    height, width = canvas.shape[:2]
    start = _on_edge(rng, height, width)
    middle = np.array([rng.uniform(0, width), rng.uniform(0.2, 1) * height])
    end = _on_edge(rng, height, width)
    thick = rng.uniform(0.03, 0.13) * height
    points = np.array([start, middle, end], np.float32)
    radii = np.array([thick, thick * rng.uniform(0.8, 1.3), thick * rng.uniform(0.7, 1.2)], np.float32)
    light = rng.uniform(-1, 1)
    if rng.random() < 0.5:  # one half in a sleeve
        limb(canvas, points, radii, colour, light)
        limb(canvas, points[:2], radii[:2] * rng.uniform(1.1, 1.6), any_colour(rng), light)
    else:
        limb(canvas, points, radii, colour, light)


def blob(rng: np.random.Generator, canvas: Canvas, colour: Colour) -> None:
    """A round or long thing with soft light: a knee, a shoulder, a ball, a bag."""
    height, width = canvas.shape[:2]
    centre = np.array([rng.uniform(0, width), rng.uniform(0, height)])
    turn, long, thick = rng.uniform(0, math.tau), rng.exponential(0.12) * height, rng.uniform(0.03, 0.2) * height
    way = np.array([math.cos(turn), math.sin(turn)]) * long
    limb(
        canvas,
        np.array([centre - way, centre + way], np.float32),
        np.array([thick, thick * rng.uniform(0.6, 1.2)], np.float32),
        colour,
        rng.uniform(-1, 1),
    )


def head(rng: np.random.Generator, canvas: Canvas, colour: Colour) -> None:
    """A head with hair, eyes, nose and mouth, on a neck and shoulders or without them."""
    height, width = canvas.shape[:2]
    size = math.exp(rng.uniform(math.log(0.12), math.log(0.7))) * height
    centre = np.array([rng.uniform(0, width), rng.uniform(0.05, 0.75) * height])
    hair = skin(rng) * rng.uniform(0.1, 0.7)
    if rng.random() < 0.75:
        _shoulders(rng, canvas, centre, size, colour)
    patch, cover = _face(rng, colour, hair)
    turn = rng.normal(0, 0.25)
    scale = size / (_PATCH * 0.8)
    flip = -1 if rng.random() < 0.5 else 1
    cos, sin = math.cos(turn) * scale, math.sin(turn) * scale
    matrix = np.array([[cos * flip, -sin, 0], [sin * flip, cos, 0]])
    matrix[:, 2] = centre - matrix[:, :2] @ np.array([_PATCH / 2, _PATCH / 2])
    soft = cv2.warpAffine(patch * cover[:, :, None], matrix, (width, height), flags=cv2.INTER_LINEAR)
    share = cv2.warpAffine(cover, matrix, (width, height), flags=cv2.INTER_LINEAR)[:, :, None]
    canvas *= 1 - share
    canvas += soft


def _shoulders(
    rng: np.random.Generator, canvas: Canvas, centre: NDArray[np.float64], size: float, colour: Colour
) -> None:
    x, y = centre
    low, wide = y + size * rng.uniform(0.75, 0.95), size * rng.uniform(0.6, 1.0)
    neck = np.array([[x, y + 0.2 * size], [x, low + 0.1 * size]], np.float32)
    light = rng.uniform(-1, 1)
    limb(canvas, neck, np.full(2, 0.2 * size, np.float32), colour * 0.85, light)
    cloth = colour if rng.random() < 0.15 else any_colour(rng)
    ends = np.array([[x - wide, low + 0.45 * size], [x + wide, low + 0.45 * size]], np.float32)
    limb(canvas, ends, np.full(2, 0.3 * size, np.float32), cloth, light * 0.3)
    trunk = np.array([[x, low + 0.8 * size], [x, low + 4 * size]], np.float32)
    limb(canvas, trunk, np.full(2, wide * 1.05, np.float32), cloth, light * 0.3)


def _face(rng: np.random.Generator, colour: Colour, hair: Colour) -> tuple[Canvas, NDArray[np.float32]]:
    """A head on its own, (72, 72, 3) and its cover (72, 72) of 0–1."""
    side, middle = _PATCH, _PATCH / 2
    face, cover = np.zeros((side, side, 3), np.float32), np.zeros((side, side), np.float32)
    wide, tall = side * rng.uniform(0.26, 0.32), side * rng.uniform(0.36, 0.42)
    if rng.random() < 0.85:
        full = rng.uniform(1.05, 1.35)
        low = rng.uniform(0.0, 0.4) * tall
        _oval(face, (middle, middle - 0.12 * tall + low / 2), (wide * full, tall * 1.02 + low / 2), hair)
        _oval(cover, (middle, middle - 0.12 * tall + low / 2), (wide * full, tall * 1.02 + low / 2), 1.0)
    _oval(cover, (middle, middle), (wide, tall), 1.0)
    skin_part = np.zeros((side, side), np.float32)
    _oval(skin_part, (middle, middle + 0.1 * tall), (wide, tall * 0.9), 1.0)
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32) / middle - 1
    way = rng.uniform(0, math.tau)
    shade = (
        1.05
        - 0.35 * (columns**2 + 0.6 * rows**2)
        + rng.uniform(0, 0.45) * (columns * math.cos(way) + rows * math.sin(way))
    )
    face += skin_part[:, :, None] * (colour * shade[:, :, None] - face)
    _features(rng, face, (middle, middle + 0.05 * tall), (wide, tall), colour, hair)
    blur = rng.uniform(0.3, 1.6)
    soft, edge = cv2.GaussianBlur(face, (0, 0), blur), cv2.GaussianBlur(cover, (0, 0), 0.8)
    return np.asarray(soft, np.float32), np.asarray(edge, np.float32)


def _features(
    rng: np.random.Generator,
    face: Canvas,
    at: tuple[float, float],
    size: tuple[float, float],
    colour: Colour,
    hair: Colour,
) -> None:
    (x, y), (wide, tall) = at, size
    x += rng.normal(0, 0.2) * wide
    dark = colour * rng.uniform(0.25, 0.7)
    for sign in (-1, 1):
        _oval(face, (x + sign * wide * 0.42, y - 0.1 * tall), (wide * 0.24, tall * rng.uniform(0.05, 0.12)), dark)
        if rng.random() < 0.6:
            _oval(face, (x + sign * wide * 0.42, y - 0.26 * tall), (wide * 0.26, tall * 0.05), hair)
    _oval(face, (x + rng.normal(0, 0.08) * wide, y + 0.12 * tall), (wide * 0.12, tall * 0.17), colour * 1.1)
    _oval(face, (x, y + 0.28 * tall), (wide * 0.2, tall * 0.04), dark)
    lip = colour * np.array([0.9, 0.6, 0.6], np.float32)
    _oval(face, (x, y + 0.5 * tall), (wide * rng.uniform(0.25, 0.45), tall * rng.uniform(0.04, 0.1)), lip)
    if rng.random() < 0.25:
        _oval(face, (x, y + 0.72 * tall), (wide * 0.7, tall * 0.22), hair)
    if rng.random() < 0.3:
        rims = any_colour(rng)
        for sign in (-1, 1):
            _oval(face, (x + sign * wide * 0.42, y - 0.1 * tall), (wide * 0.34, tall * 0.18), rims, thick=1)


def _oval(
    canvas: NDArray[np.float32],
    centre: tuple[float, float],
    axes: tuple[float, float],
    colour: Colour | float,
    thick: int = -1,
) -> None:
    at, radii = (round(centre[0] * 8), round(centre[1] * 8)), (max(round(axes[0] * 8), 4), max(round(axes[1] * 8), 4))
    paint = [float(part) for part in np.atleast_1d(colour)]
    cv2.ellipse(canvas, at, radii, 0, 0, 360, paint, thick, cv2.LINE_8, 3)


def _on_edge(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float64]:
    """A point a little beyond the left, right or lower edge."""
    side = rng.integers(3)
    if side == 2:
        return np.array([rng.uniform(0, width), height * 1.1])
    return np.array([-0.1 * width if side == 0 else 1.1 * width, rng.uniform(0.1, 1) * height])
