"""The camera behind the lens: light that reaches the picture plane becomes an 8-bit photo with a camera's faults.

Drawing the parameters (`draw`) is apart from applying them (`expose`). The order is a camera's own: blur of lens and
movement, colour fringes, fall-off to the corners, stray light, exposure, noise of light and of electronics, colour
processing, tone curve, sharpening. `NEUTRAL` does nothing but the plain sRGB curve.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

METERED_LUMINANCE = 0.2
"""Mean linear luminance that automatic exposure aims at."""

METERED_MOST = 0.5
"""Brighter light counts as this much in the mean: cameras let windows and lamps blow out rather than darken a room."""

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_TONES = 4096  # entries of the tone table; spaced by the square root of light, so that shadows get their share
_BRIGHTEST = 16.0  # linear light at the table's end; everything above is as white


@dataclass(frozen=True, slots=True)
class Sensor:
    """All drawn parameters of one photo's camera. Lengths are in pixels of the finished photo.

    Attributes:
        metering: 0–1, how far automatic exposure brings the mean luminance (see `METERED_MOST`) to
            `METERED_LUMINANCE`.
        exposure: stops on top of that.
        white_balance: gains of red, green and blue.
        saturation: 0 is grey, 1 leaves colours as they are.
        contrast: strength of the S-shaped curve, −1 to 1; 0 is none.
        knee: linear light above which highlights are compressed, 0–1; 1 clips hard.
        black_lift: stray light in all pixels, a share of full white.
        vignette: share of light lost in the corners, 0–1.
        defocus: standard deviation of the lens's blur.
        motion_length: length of the path that the picture moved along during the exposure.
        motion_angle: direction of that path in radians; 0 is to the right, π/2 downward.
        fringing: how far red lies outward of green, and blue inward, in the corners.
        shot: variance of noise for each unit of linear light.
        read: standard deviation of noise where there is no light.
        blotches: size of slow colour noise, a share of full white; fades in the light.
        sharpening: strength of the halo, 0 is none.
        downscale: 0–1, share of the photo's side that was really taken; the rest is enlargement.
        jpeg_quality: 1–95.
    """

    metering: float
    exposure: float
    white_balance: tuple[float, float, float]
    saturation: float
    contrast: float
    knee: float
    black_lift: float
    vignette: float
    defocus: float
    motion_length: float
    motion_angle: float
    fringing: float
    shot: float
    read: float
    blotches: float
    sharpening: float
    downscale: float
    jpeg_quality: int


NEUTRAL = Sensor(
    metering=0.0,
    exposure=0.0,
    white_balance=(1.0, 1.0, 1.0),
    saturation=1.0,
    contrast=0.0,
    knee=1.0,
    black_lift=0.0,
    vignette=0.0,
    defocus=0.0,
    motion_length=0.0,
    motion_angle=0.0,
    fringing=0.0,
    shot=0.0,
    read=0.0,
    blotches=0.0,
    sharpening=0.0,
    downscale=1.0,
    jpeg_quality=95,
)
"""A camera without faults."""


def draw(rng: np.random.Generator, size: int) -> Sensor:
    """Draw a phone's or webcam's parameters: most are fairly clean, a few bad.

    Args:
        rng: where the numbers come from.
        size: longer side of the photo in pixels; blur grows with it.
    """
    pixel = size / 200  # the ranges below were chosen by eye at 200 pixels
    dim = rng.random() < 0.1  # a photo in poor light has several faults at once
    return Sensor(
        metering=float(rng.uniform(0.35, 1.0)),
        exposure=float(np.clip(rng.normal(-0.3 if dim else 0.1, 1.0 if rng.random() < 0.12 else 0.4), -2.5, 2.0)),
        white_balance=_white_balance(rng),
        saturation=float(np.clip(rng.normal(1.0, 0.35 if rng.random() < 0.15 else 0.13), 0.0, 1.9)),
        contrast=float(np.clip(rng.normal(0.15, 0.2), -0.4, 0.8)),
        knee=float(rng.uniform(0.55, 1.0)),
        black_lift=float(min(rng.exponential(0.035 if rng.random() < 0.2 else 0.004), 0.15)),
        vignette=float(np.clip(rng.exponential(0.09), 0.0, 0.6)),
        defocus=pixel * float(rng.uniform(0.6, 2.2) if rng.random() < 0.1 else rng.uniform(0.0, 0.6)),
        motion_length=pixel * _sometimes(rng, 0.4 if dim else 0.12, min(1.0 + rng.exponential(3.5), 14.0)),
        motion_angle=float(rng.uniform(0.0, math.pi)),
        fringing=pixel * _sometimes(rng, 0.3, rng.uniform(0.1, 1.0)),
        shot=_spread(rng, 1.5e-3 if dim else 2.5e-4, 0.8, 8e-3),
        read=_spread(rng, 8e-3 if dim else 2e-3, 0.6, 0.03),
        blotches=_sometimes(rng, 0.8 if dim else 0.25, min(rng.exponential(0.02), 0.07)),
        sharpening=float(min(rng.exponential(0.9 if rng.random() < 0.15 else 0.25), 2.0)),
        downscale=float(rng.uniform(0.35, 0.9)) if rng.random() < 0.25 else 1.0,
        jpeg_quality=int(rng.integers(25, 80)) if rng.random() < 0.3 else int(rng.integers(80, 96)),
    )


def _sometimes(rng: np.random.Generator, chance: float, value: float) -> float:
    return float(value) if rng.random() < chance else 0.0


def _spread(rng: np.random.Generator, median: float, spread: float, most: float) -> float:
    return float(min(median * math.exp(rng.normal(0.0, spread)), most))


def _white_balance(rng: np.random.Generator) -> tuple[float, float, float]:
    """Gains off along warm–cool and, less, green–magenta; green is kept near 1 so that brightness stays."""
    wide = 3.0 if rng.random() < 0.15 else 1.0
    warm, magenta = rng.normal(0.0, 0.06 * wide), rng.normal(0.0, 0.025 * wide)
    return math.exp(warm + magenta), math.exp(-magenta), math.exp(-warm + magenta)


def expose(linear: NDArray[np.float32], sensor: Sensor, seed: int) -> NDArray[np.uint8]:
    """Take the photo.

    Args:
        linear: (height, width, 3) float32, linear RGB light, 1 = a white wall in full light; may exceed 1.
        sensor: the camera's parameters.
        seed: of the noise, 0 or more. The same arguments give the same bytes.

    Returns:
        (height, width, 3) uint8, sRGB.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    height, width = linear.shape[:2]
    light = _through_lens(np.ascontiguousarray(linear, np.float32), sensor)
    if sensor.downscale < 1.0:
        small = (max(8, round(width * sensor.downscale)), max(8, round(height * sensor.downscale)))
        light = _rgb(cv2.resize(light, small, interpolation=cv2.INTER_AREA))
    light = _noisy(_exposed(light, sensor), sensor, rng)
    encoded = _sharpened(_developed(light, sensor, rng), sensor.sharpening)
    if encoded.shape[:2] != (height, width):
        encoded = _rgb(cv2.resize(encoded, (width, height), interpolation=cv2.INTER_CUBIC))
    return np.asarray(np.clip(encoded * 255.0 + 0.5, 0.0, 255.0), np.uint8)


def encode_jpeg(pixels: NDArray[np.uint8], quality: int) -> bytes:
    """Write a photo as JPEG: 4:2:0 colour, the same bytes for the same arguments.

    Args:
        pixels: (height, width, 3) uint8, sRGB.
        quality: 1–95.
    """
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    return buffer.getvalue()


def _rgb(array: object) -> NDArray[np.float32]:
    """What OpenCV gives back, by its real type."""
    return np.asarray(array, np.float32)


def _through_lens(light: NDArray[np.float32], sensor: Sensor) -> NDArray[np.float32]:
    if sensor.defocus > 0.2:  # narrower than a fifth of a pixel, a Gaussian is a point
        light = _rgb(cv2.GaussianBlur(light, (0, 0), sensor.defocus, borderType=cv2.BORDER_REFLECT))
    if sensor.motion_length > 0.5:
        kernel = motion_kernel(sensor.motion_length, sensor.motion_angle)
        light = _rgb(cv2.filter2D(light, -1, kernel, borderType=cv2.BORDER_REFLECT))
    if sensor.fringing > 0.0:
        light = _fringed(light, sensor.fringing)
    if sensor.vignette > 0.0:
        light = light * (1.0 - sensor.vignette * _radius2(*light.shape[:2]))[:, :, None]
    return light


def motion_kernel(length: float, angle: float) -> NDArray[np.float32]:
    """Weights of a straight, even movement.

    Args:
        length: of the path in pixels.
        angle: its direction in radians; 0 is to the right, π/2 downward.

    Returns:
        (side, side) float32 with odd side; the weights' sum is 1 and their centre the middle.
    """
    reach = math.ceil(length / 2)
    along = np.linspace(-length / 2, length / 2, 8 * reach + 1)
    x, y = reach + along * math.cos(angle), reach + along * math.sin(angle)
    kernel = np.zeros((2 * reach + 2, 2 * reach + 2))
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    for right in (0, 1):
        for below in (0, 1):
            weight = np.abs(1 - right - (x - left)) * np.abs(1 - below - (y - top))
            np.add.at(kernel, (top + below, left + right), weight)
    return np.asarray(kernel[:-1, :-1] / kernel[:-1, :-1].sum(), np.float32)


def _fringed(light: NDArray[np.float32], shift: float) -> NDArray[np.float32]:
    """Red enlarged and blue reduced around the middle, by `shift` pixels at the corners."""
    height, width = light.shape[:2]
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    planes = list(cv2.split(light))
    for plane, sign in ((0, 1.0), (2, -1.0)):
        zoom = 1.0 + sign * shift / max(1.0, float(np.hypot(*middle)))
        matrix = np.column_stack([np.eye(2) * zoom, middle * (1.0 - zoom)])
        planes[plane] = cv2.warpAffine(planes[plane], matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return _rgb(cv2.merge(planes))


@lru_cache(maxsize=8)
def _radius2(height: int, width: int) -> NDArray[np.float32]:
    """(height, width) squared distance from the middle, 1 in the corners."""
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    return np.asarray((x * x * width**2 + y * y * height**2) / (width**2 + height**2), np.float32)


def _exposed(light: NDArray[np.float32], sensor: Sensor) -> NDArray[np.float32]:
    """Light as shares of full scale: metering, exposure, white balance and stray light."""
    luminance = cv2.transform(light, _LUMINANCE[None, :])
    mean = max(float(np.minimum(np.asarray(luminance), METERED_MOST).mean()), 1e-3)
    gain = (METERED_LUMINANCE / mean) ** sensor.metering * 2.0**sensor.exposure
    gains = np.asarray(sensor.white_balance, np.float32) * np.float32(gain)
    return light * gains + np.float32(sensor.black_lift)


def _noisy(light: NDArray[np.float32], sensor: Sensor, rng: np.random.Generator) -> NDArray[np.float32]:
    if sensor.shot <= 0.0 and sensor.read <= 0.0:
        return light
    spread = np.sqrt(np.maximum(light, 0.0) * np.float32(sensor.shot) + np.float32(sensor.read**2))
    return np.asarray(light + spread * rng.standard_normal(light.shape, np.float32), np.float32)


def _developed(light: NDArray[np.float32], sensor: Sensor, rng: np.random.Generator) -> NDArray[np.float32]:
    """Linear light → display values 0–1: colour, tone curve, colour blotches of the shadows."""
    if sensor.saturation != 1.0:
        grey = _rgb(cv2.transform(light, _LUMINANCE[None, :]))[:, :, None]
        light = grey + np.float32(sensor.saturation) * (light - grey)
    place = np.sqrt(np.clip(light, 0.0, _BRIGHTEST) * np.float32(1.0 / _BRIGHTEST)) * np.float32(_TONES - 1)
    encoded = _tone_table(sensor.knee, sensor.contrast)[(place + np.float32(0.5)).astype(np.intp)]
    if sensor.blotches > 0.0:
        encoded = encoded + _blotches(encoded, sensor.blotches, rng)
    return np.asarray(encoded, np.float32)


@lru_cache(maxsize=4)
def _tone_table(knee: float, contrast: float) -> NDArray[np.float32]:
    """(_TONES,) display value for each step of √light: shoulder, sRGB curve, S-shaped contrast."""
    light = np.linspace(0.0, 1.0, _TONES) ** 2 * _BRIGHTEST
    if knee < 1.0:
        room = 1.0 - knee
        light = np.where(light > knee, knee + room * (1.0 - np.exp(-np.maximum(light - knee, 0.0) / room)), light)
    light = np.minimum(light, 1.0)
    value = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(value + contrast * value * (1.0 - value) * (2.0 * value - 1.0), np.float32)


def _blotches(encoded: NDArray[np.float32], size: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Slow noise of colour, but not of brightness, strongest where it is dark."""
    height, width = encoded.shape[:2]
    coarse = rng.standard_normal((max(2, height // 5), max(2, width // 5), 2), np.float32)
    red_blue = _rgb(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))
    red, blue = red_blue[:, :, 0], red_blue[:, :, 1]
    green = -(red * _LUMINANCE[0] + blue * _LUMINANCE[2]) / _LUMINANCE[1]
    dark = np.float32(size) * (1.0 - np.clip(encoded[:, :, 1], 0.0, 1.0))
    return np.stack([red * dark, green * dark, blue * dark], axis=2)


def _sharpened(encoded: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    if strength <= 0.0:
        return encoded
    soft = _rgb(cv2.GaussianBlur(encoded, (0, 0), 1.2, borderType=cv2.BORDER_REFLECT))
    return encoded + np.float32(strength) * (encoded - soft)
