"""Heads as photos show them, shaded and soft: what a camera sees most beside a hand, and what looks most like a fist.

Nobody's photo is needed: light on a rounded head, shadows in its sockets, under brows, nose and lip, hair with strands,
now and then a beard, glasses, teeth; every proportion is drawn anew. They are painted once, on a patch of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fingerspell.core.progress import Progress, silent
from fingerspell.lab.finder import drawing
from fingerspell.lab.finder.drawing import Canvas, Colour

HALF = 30
"""Pixels from the middle of a painted face to its side."""
HIGH, WIDE = 170, 190
"""Of a patch, in pixels: a head with its neck and the beginning of its shoulders."""
_EYES = 75  # row of a patch at which the middle of the face lies
_SMALLEST, _LARGEST = 0.14, 1.0  # of a painted face: its height as a share of the frame's

Plane = NDArray[np.float32]
"""(HIGH, WIDE) float32."""
_Over = Callable[..., None]
"""Paints over what is there: over(share, colour, shade = 1)."""
_Darker = Callable[[Plane, float], None]


@dataclass(frozen=True, eq=False)
class Faces:
    """Painted heads.

    Attributes:
        pixels: (n, HIGH, WIDE, 3) uint8 sRGB.
        cover: (n, HIGH, WIDE) uint8.
        tones: (n, 3) float32: the colour of their skin.
    """

    pixels: NDArray[np.uint8]
    cover: NDArray[np.uint8]
    tones: NDArray[np.float32]


def draw_faces(count: int, seed: int, progress: Progress = silent) -> Faces:
    """Paint so many heads; the same seed gives the same ones."""
    rng = np.random.Generator(np.random.PCG64([seed, 2]))
    made = Faces(
        np.empty((count, HIGH, WIDE, 3), np.uint8),
        np.empty((count, HIGH, WIDE), np.uint8),
        np.empty((count, 3), np.float32),
    )
    for place in range(count):
        tone = drawing.skin(rng)
        pixels, cover = _head(rng, tone)
        made.pixels[place] = np.clip(np.rint(pixels), 0, 255)
        made.cover[place] = np.rint(cover * 255)
        made.tones[place] = tone
        if place % 25 == 24 or place + 1 == count:
            progress("painting faces", place + 1, count)
    return made


def paint(rng: np.random.Generator, canvas: Canvas, faces: Faces, tone: Colour | None) -> None:
    """Put one of the heads somewhere into a frame, most of it to be seen; in a tone of skin, or in its own."""
    height, width = canvas.shape[:2]
    which = int(rng.integers(len(faces.pixels)))
    size = math.exp(rng.uniform(math.log(_SMALLEST), math.log(_LARGEST))) * height
    scale = size / (2.6 * HALF)
    centre = np.array([rng.uniform(0.05, 0.95) * width, rng.uniform(0.1, 0.8) * height])
    turn, flip = rng.normal(0, 0.15), -1.0 if rng.random() < 0.5 else 1.0
    matrix = np.array([[math.cos(turn) * flip, -math.sin(turn), 0], [math.sin(turn) * flip, math.cos(turn), 0]]) * scale
    matrix[:, 2] = centre - matrix[:, :2] @ np.array([WIDE / 2, _EYES])
    gain = np.exp(rng.normal(0, 0.05, 3)) * math.exp(rng.normal(-0.05, 0.2))
    if tone is not None:
        gain = gain * np.clip(tone / np.maximum(faces.tones[which], 1), 0.4, 2.5)
    pixels, cover = faces.pixels[which], faces.cover[which]
    if scale < 0.6:  # the mean of areas first: a warp alone would leave pixels out
        small = WIDE // 2, HIGH // 2
        pixels, cover = (cv2.resize(plane, small, interpolation=cv2.INTER_AREA) for plane in (pixels, cover))
        matrix = matrix @ np.diag([2.0, 2.0, 1.0])
    head = cv2.warpAffine(
        pixels.astype(np.float32) * gain.astype(np.float32), matrix, (width, height), borderMode=cv2.BORDER_REPLICATE
    )
    # the patch's last row goes on below: shoulders do not end in the air
    share = (
        cv2.warpAffine(cover, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE).astype(np.float32)[:, :, None]
        / 255
    )
    canvas += share * (head - canvas)


@dataclass(frozen=True, eq=False)
class _Grid:
    """Where each pixel of a patch lies: across and down from the middle of the face, in halves of its width."""

    across: Plane
    down: Plane

    def spot(self, x: float, y: float, wide: float, high: float, turn: float = 0.0) -> Plane:
        """A soft spot, 1 in its middle."""
        cos, sin = math.cos(turn), math.sin(turn)
        along, aside = self.across - x, self.down - y
        first, second = (along * cos + aside * sin) / wide, (aside * cos - along * sin) / high
        return np.asarray(np.exp(-0.5 * (first * first + second * second)), np.float32)

    def oval(self, x: float, y: float, wide: float, high: float, soft: float = 0.05) -> Plane:
        """An oval's cover, 0–1."""
        apart = np.hypot((self.across - x) / wide, (self.down - y) / high)
        return np.asarray(np.clip((1 - apart) * min(wide, high) / soft + 0.5, 0, 1), np.float32)


def _head(rng: np.random.Generator, tone: Colour) -> tuple[Canvas, Plane]:
    rows, columns = np.mgrid[0:HIGH, 0:WIDE].astype(np.float32)
    grid = _Grid((columns - WIDE / 2) / HALF, (rows - _EYES) / HALF)
    jaw, long = rng.uniform(0.0, 0.35), rng.uniform(1.2, 1.45)
    narrowing = 1 - jaw * np.clip(grid.down / long, 0, 1) ** 2
    face = _Grid(np.asarray(grid.across / narrowing, np.float32), grid.down)
    light = _light(rng, face, long)
    hair = drawing.skin(rng) * rng.uniform(0.08, 0.6) if rng.random() < 0.85 else np.full(3, rng.uniform(90, 220))
    strands = _noise(rng, (7, 1)) * rng.uniform(0.1, 0.4) + 1
    pixels = np.zeros((HIGH, WIDE, 3), np.float32)
    cover = np.zeros((HIGH, WIDE), np.float32)

    def over(share: Plane, colour: NDArray[np.floating], shade: Plane | float = 1.0) -> None:
        nonlocal cover
        painted = np.asarray(colour, np.float32) * np.atleast_3d(np.asarray(shade, np.float32))
        pixels[:] += share[:, :, None] * (painted - pixels)
        cover = np.maximum(cover, share)

    if (rng.random() < 0.35) and (fall := rng.uniform(0.6, 1.8)):  # long hair behind the neck
        over(grid.oval(0, fall - 0.5, rng.uniform(1.15, 1.5), fall + 0.9), hair, strands * 0.8)
    if rng.random() < 0.85:
        _trunk(rng, grid, over, tone)
    for side in (-1, 1):
        over(grid.oval(side * rng.uniform(0.95, 1.05), rng.uniform(0, 0.15), 0.16, 0.3), tone, 0.85)
    over(face.oval(0, 0, 1, long), tone, light * (1 + 0.05 * _noise(rng, (2, 2))))
    inside = face.oval(0, 0, 0.98, long)
    _features(rng, face, lambda share, *rest: over(share * inside, *rest), pixels, inside, tone, hair)
    if rng.random() < 0.88:  # hair above the brow, a line of any height and form
        brow, wave = rng.uniform(-0.95, -0.5), rng.uniform(-0.35, 0.45)
        line = brow + wave * grid.across**2 + rng.uniform(-0.2, 0.2) * grid.across + 0.06 * _noise(rng, (2, 2))
        cap = grid.oval(0, -0.15, rng.uniform(1.02, 1.2), long * rng.uniform(1.02, 1.18))
        over(np.asarray(cap * np.clip((line - grid.down) / 0.12 + 0.5, 0, 1), np.float32), hair, strands)
    blur = rng.uniform(0.4, 1.4)
    soft, edge = cv2.GaussianBlur(pixels, (0, 0), blur), cv2.GaussianBlur(cover, (0, 0), 0.7)
    return np.asarray(soft, np.float32), np.asarray(edge, np.float32)


def _light(rng: np.random.Generator, face: _Grid, long: float) -> Plane:
    """How bright a rounded head is under one light: about 1 where it is lit."""
    x, y = face.across, face.down / long
    toward = np.sqrt(np.clip(1 - x * x - y * y, 0.02, 1))
    way, high = rng.uniform(0, math.tau), rng.uniform(0.2, 1.0)
    lamp = np.array([math.cos(way) * high, math.sin(way) * high * 0.7 - 0.2, rng.uniform(0.5, 1.2)])
    lamp /= np.linalg.norm(lamp)
    base = rng.uniform(0.3, 0.8)
    lit = base + (1.1 - base) * np.clip(x * lamp[0] + y * lamp[1] + toward * lamp[2], 0, 1)
    shine = rng.uniform(0, 0.25) * (face.spot(0.1, -0.75, 0.4, 0.2) + face.spot(0.5 * math.cos(way), 0.25, 0.2, 0.15))
    return np.asarray(lit + shine, np.float32)


def _noise(rng: np.random.Generator, size: tuple[float, float]) -> Plane:
    """Smooth noise of mean 0 and deviation 1; pixels down and across over which it is alike."""
    noise = cv2.GaussianBlur(rng.standard_normal((HIGH, WIDE), np.float32), (0, 0), size[1], sigmaY=size[0])
    return np.asarray(noise / max(float(noise.std()), 1e-6), np.float32)


def _trunk(rng: np.random.Generator, grid: _Grid, over: _Over, tone: Colour) -> None:
    """Neck and shoulders; the chin's shadow on the neck."""
    thick, low = rng.uniform(0.45, 0.7), rng.uniform(1.55, 2.0)
    neck = np.clip((thick - np.abs(grid.across)) / 0.08 + 0.5, 0, 1) * (grid.down > 0.4)
    shade = 0.9 - rng.uniform(0.2, 0.5) * np.clip((low - grid.down) / 0.8, 0, 1)
    over(np.asarray(neck, np.float32), tone, np.asarray(shade, np.float32))
    cloth = tone if rng.random() < 0.1 else drawing.any_colour(rng)
    top = low + rng.uniform(0.1, 0.5) * np.abs(grid.across) ** rng.uniform(1, 2.5) - 0.35 * grid.spot(0, low, 0.5, 9)
    body = np.clip((grid.down - top - 0.25) / 0.08 + 0.5, 0, 1) * (np.abs(grid.across) < rng.uniform(1.8, 3.0))
    folds = 1 + rng.uniform(0, 0.15) * _noise(rng, (6, 3))
    if rng.random() < 0.3:
        folds = folds * (1 + 0.35 * np.sign(np.sin(grid.down * rng.uniform(8, 25) + grid.across * rng.normal(0, 6))))
    over(np.asarray(body, np.float32), cloth, np.asarray(folds, np.float32))


def _features(
    rng: np.random.Generator, face: _Grid, over: _Over, pixels: Canvas, inside: Plane, tone: Colour, hair: Colour
) -> None:
    """Eyes, brows, nose, mouth, and what a face may wear: the head looks aside, up or down a little."""
    aside, up = rng.normal(0, 0.13), rng.normal(0, 0.1)
    apart, eyes, nose, mouth = rng.uniform(0.36, 0.46), up - 0.12, up + rng.uniform(0.32, 0.46), up + 0.75

    def darker(share: Plane, much: float) -> None:
        pixels[:] *= 1 - (much * inside * share)[:, :, None]

    depth = rng.uniform(0.05, 0.45)
    way = float(np.sign(rng.normal()))
    for side in (-1, 1):
        x = aside + side * apart
        darker(face.spot(x, eyes - 0.02, 0.24, 0.15), depth)
        _eye(rng, face, over, x, eyes)
        rise = rng.normal(0.1, 0.1) * side
        over(
            np.minimum(1, 1.3 * face.spot(x, eyes - rng.uniform(0.22, 0.32), 0.17, 0.04, rise)) * rng.uniform(0.3, 1),
            hair,
        )
    darker(face.spot(aside * 1.3 + way * 0.14, (eyes + nose) / 2, 0.07, 0.25), rng.uniform(0, 0.35))
    pixels[:] *= (
        1 + (rng.uniform(0, 0.2) * inside * face.spot(aside * 1.4, (eyes + nose) / 2 + 0.1, 0.06, 0.28))[:, :, None]
    )
    darker(face.spot(aside * 1.5, nose + 0.04, 0.2, 0.05), rng.uniform(0.15, 0.5))
    for side in (-1, 1):
        darker(face.spot(aside * 1.6 + side * 0.1, nose, 0.04, 0.03), rng.uniform(0.2, 0.7))
        darker(face.spot(aside + side * 0.42, nose + 0.18, 0.04, 0.2, side * 0.5), rng.uniform(0, 0.25))
    _mouth(rng, face, over, darker, aside, mouth, tone)
    if rng.random() < 0.28:
        chin = np.clip((face.down - (nose + 0.1) + 0.5 * face.across**2 * rng.uniform(-1, 0.3)) / 0.2, 0, 1)
        stubble = np.clip(rng.uniform(0.2, 1) * (1 + 0.4 * _noise(rng, (1, 1))), 0, 1)
        over(np.asarray(chin * stubble * (1 - face.oval(aside, mouth, 0.3, 0.08)), np.float32), hair)
    if rng.random() < 0.28:
        rims = drawing.any_colour(rng) * 0.6
        for side in (-1, 1):
            size = rng.uniform(0.26, 0.34)
            ring = face.oval(aside + side * apart, eyes, size, size * 0.75) - face.oval(
                aside + side * apart, eyes, size - 0.05, size * 0.75 - 0.05
            )
            over(np.asarray(np.clip(ring, 0, 1), np.float32), rims)
        over(face.oval(aside, eyes - 0.03, 0.12, 0.03), rims)


def _eye(rng: np.random.Generator, face: _Grid, over: _Over, x: float, y: float) -> None:
    opened = rng.uniform(0.03, 0.09)
    if rng.random() < 0.85:
        over(face.oval(x, y, 0.17, opened) * rng.uniform(0.3, 0.9), np.full(3, rng.uniform(150, 240)))
        gaze = rng.normal(0, 0.03)
        over(face.oval(x + gaze, y, 0.075, max(opened, 0.05)), drawing.any_colour(rng) * 0.35)
    over(np.minimum(1, face.spot(x, y - opened, 0.15, 0.025) * rng.uniform(0.4, 1)), np.full(3, rng.uniform(5, 60)))


def _mouth(
    rng: np.random.Generator, face: _Grid, over: _Over, darker: _Darker, x: float, y: float, tone: Colour
) -> None:
    wide, smile = rng.uniform(0.24, 0.42), rng.normal(0.15, 0.25)
    bent = _Grid(face.across, np.asarray(face.down + smile * (face.across - x) ** 2 / wide, np.float32))
    lips = tone * np.array([0.95, rng.uniform(0.5, 0.8), rng.uniform(0.5, 0.8)])
    over(bent.oval(x, y, wide, rng.uniform(0.05, 0.13)) * rng.uniform(0.2, 0.9), lips)
    if rng.random() < 0.3:  # open, with or without teeth
        gap = rng.uniform(0.04, 0.16)
        over(bent.oval(x, y, wide * 0.8, gap), np.array([50, 20, 20]))
        if rng.random() < 0.7:
            over(bent.oval(x, y - gap * 0.3, wide * 0.7, gap * 0.6), np.full(3, rng.uniform(140, 240)))
    else:
        darker(bent.spot(x, y, wide * 0.6, 0.02), rng.uniform(0.3, 0.8))
    darker(face.spot(x, y + 0.2, 0.18, 0.05), rng.uniform(0, 0.35))
