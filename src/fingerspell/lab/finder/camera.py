"""What a camera makes of a scene: tones, tints, blur, noise and compression, each drawn anew."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

_LEVELS = np.arange(256, dtype=np.float32) / 255


def curve(rng: np.random.Generator, pixels: NDArray[np.uint8], gain: float) -> NDArray[np.float32]:
    """Other light on a cut-out or photo: brightness, tint and contrast. (H, W, 3) uint8 → float32 0–255."""
    tint = np.exp(rng.normal(0, 0.07, 3)) * gain
    power = math.exp(rng.normal(0, 0.18))
    table = np.clip(_LEVELS[:, None] ** power * tint * 255, 0, 255).astype(np.float32)
    return np.stack([table[:, channel][pixels[:, :, channel]] for channel in range(3)], axis=2)


def streak(rng: np.random.Generator, length: float) -> NDArray[np.float32]:
    """A kernel that blurs along a line of `length` pixels at most, in any direction."""
    length = rng.uniform(0.3, 1) * length
    reach = max(1, math.ceil(length / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    turn = rng.uniform(0, math.pi)
    way = np.array([math.cos(turn), math.sin(turn)]) * length / 2
    start, end = np.round(reach - way).astype(int), np.round(reach + way).astype(int)
    cv2.line(kernel, tuple(map(int, start)), tuple(map(int, end)), 1.0, 1)
    return np.asarray(kernel / kernel.sum(), np.float32)


def seen(rng: np.random.Generator, canvas: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Through lens and sensor: (H, W, 3) float32 0–255 → uint8, sRGB."""
    if rng.random() < 0.45:
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.3, 1.4)), np.float32)
    if rng.random() < 0.15:  # little colour, or none
        grey = canvas.mean(axis=2, keepdims=True)
        canvas = grey + (canvas - grey) * rng.uniform(0, 0.7)
    pixels = np.clip(canvas, 0, 255).astype(np.uint8)
    pixels = np.asarray(cv2.LUT(pixels, _table(rng)), np.uint8)
    if rng.random() < 0.5:
        strength = rng.exponential(6)
        noise = rng.standard_normal(pixels.shape, np.float32) * np.float32(min(strength, 25))
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 96))])
        pixels = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8) if done else pixels
    return pixels


def _table(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Exposure, contrast and white balance as one table a channel: (1, 256, 3) uint8."""
    gain = math.exp(rng.normal(0, 0.2)) if rng.random() < 0.92 else rng.uniform(0.22, 0.6)  # a dim room now and then
    power, lift = math.exp(rng.normal(0, 0.2)), rng.uniform(0, 0.12) * (rng.random() < 0.3)
    tint = np.exp(rng.normal(0, 0.08, 3))
    levels = lift + (1 - lift) * _LEVELS[:, None] ** power * gain * tint
    return np.clip(levels * 255, 0, 255).astype(np.uint8)[None]
