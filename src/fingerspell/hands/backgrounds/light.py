"""Light that falls on a background: level, colour, fall-off, sun patches, glow around lamps, and defocus."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

_COARSE = 40  # soft light is worked out on a small grid and enlarged


def tint(rng: np.random.Generator, strength: float = 1.0) -> NDArray[np.float32]:
    """(3,) float32 colour of a lamp or of daylight, about as bright as white: warm, neutral or cool."""
    warm = rng.normal(0.03, 0.13) * strength
    green = rng.normal(0.0, 0.03) * strength
    return np.array([math.exp(warm), math.exp(green), math.exp(-1.4 * warm)], np.float32)


def level(rng: np.random.Generator) -> float:
    """How bright a room is: 0.06 (dusk) to 1.8 (white walls blow out), most between 0.35 and 1.3."""
    return float(np.clip(math.exp(rng.normal(-0.35, 0.65)), 0.06, 1.8))


def room_light(rng: np.random.Generator, height: int, width: int, *, contrast: float = 1.0) -> NDArray[np.float32]:
    """Soft light in a room: a level, a slope across the picture, sometimes a lamp's or window's glow.

    Args:
        rng: decides everything.
        height: pixels.
        width: pixels.
        contrast: 0 for even light, 1 as usual.

    Returns:
        (height, width, 3) float32, light that a white surface gives back.
    """
    y, x = _grid(height, width)
    angle = rng.uniform(0, 2 * math.pi)
    slope = abs(rng.normal(0, 0.8)) * contrast
    ramp = np.exp(slope * (math.cos(angle) * x + math.sin(angle) * y))
    light = ramp[:, :, None] * tint(rng)
    if rng.random() < 0.5 * contrast:
        light = light + spot(rng, height, width)[:, :, None] * tint(rng, 1.5) * rng.uniform(0.3, 2.0)
    light = light * np.float32(level(rng) / max(float(np.mean(light)), 1e-6))
    return _enlarged(light, height, width)


def spot(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """(_COARSE, _COARSE) glow of a lamp that is near the surface, 1 in its middle, anywhere in or near the picture."""
    y, x = _grid(height, width)
    cx, cy = rng.uniform(-0.7, 0.7, 2)
    radius = rng.uniform(0.15, 0.6)
    return np.asarray(1.0 / (1.0 + ((x - cx) ** 2 + (y - cy) ** 2) / radius**2), np.float32)


def patches(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Sun through a window on a surface: bright slanting fields or the stripes of a blind, or soft dark shadows.

    Returns:
        (height, width, 1) float32 factors about 1, to multiply light by.
    """
    mask = np.zeros((height, width), np.uint8)
    unit = max(height, width)
    corner, across = rng.uniform(-0.2, 0.8, 2), rng.uniform(0.1, 0.5)
    lean, down = rng.uniform(-0.5, 0.5), rng.uniform(0.3, 1.0)
    bars = int(rng.integers(1, 4)) if rng.random() < 0.6 else int(rng.integers(5, 14))
    for bar in range(bars):
        low, high = (bar + 0.1) / bars, (bar + 0.9) / bars
        quad = np.array([[low, 0], [high, 0], [high, 1], [low, 1]]) * [across, down]
        quad[:, 0] += quad[:, 1] * lean
        if bars > 4:
            quad = quad[:, ::-1]  # a blind's stripes lie across
        cv2.fillPoly(mask, [((quad + corner) * unit).astype(np.int32)], (255,), cv2.LINE_AA)
    soft = max(0.5, rng.uniform(0.002, 0.04) * unit)
    smooth = soften(mask.astype(np.float32)[:, :, None] / np.float32(255), soft)
    gain = rng.uniform(0.6, 3.0) if rng.random() < 0.6 else -rng.uniform(0.2, 0.6)
    return np.asarray(1.0 + smooth * gain, np.float32)


def soften(picture: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Gaussian blur of any width at about the same cost: wide ones are done on a reduced picture.

    Args:
        picture: (height, width, channels) float32.
        sigma: standard deviation in pixels; below 0.3 nothing is done.
    """
    if sigma < 0.3:
        return picture
    height, width, channels = picture.shape
    reduce = max(1, min(int(sigma / 1.5), height // 4, width // 4))
    work = picture
    if reduce > 1:
        work = np.asarray(
            cv2.resize(picture, (width // reduce, height // reduce), interpolation=cv2.INTER_AREA), np.float32
        )
    work = np.asarray(cv2.GaussianBlur(work, (0, 0), sigma / reduce, borderType=cv2.BORDER_REFLECT), np.float32)
    if reduce > 1:
        work = np.asarray(cv2.resize(work, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    return np.maximum(work, 0).reshape(height, width, channels)


def bokeh(picture: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    """Blur by a lens's round opening: points of light become discs. `radius` in pixels, picture as for `soften`."""
    if radius < 1:
        return soften(picture, radius / 2)
    reduce = max(1, int(radius / 4))
    height, width, channels = picture.shape
    small = cv2.resize(picture, (max(8, width // reduce), max(8, height // reduce)), interpolation=cv2.INTER_AREA)
    reach = math.ceil(radius / reduce)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(radius / reduce + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    blurred = cv2.filter2D(small, -1, disc / disc.sum(), borderType=cv2.BORDER_REFLECT)
    enlarged = np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    return np.maximum(enlarged, 0).reshape(height, width, channels)


def _grid(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """y (_COARSE, 1) and x (1, _COARSE), from −0.5 to 0.5 along the longer side."""
    unit = max(height, width)
    y = np.linspace(-0.5, 0.5, _COARSE, dtype=np.float32)[:, None] * np.float32(height / unit)
    x = np.linspace(-0.5, 0.5, _COARSE, dtype=np.float32)[None, :] * np.float32(width / unit)
    return y, x


def _enlarged(coarse: NDArray[np.floating], height: int, width: int) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(np.asarray(coarse, np.float32), (width, height)), np.float32)
