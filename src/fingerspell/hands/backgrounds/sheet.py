"""A flat picture of surface colours that is drawn on, then lit.

Colours are sRGB bytes: OpenCV draws them with smooth edges, and quickly. Beside them a second picture keeps how far
each surface stands out of the ground, so that one pass at the end gives all things their shadows and rounded edges.
Places are given as shares of the longer side, so that a background looks the same at every size.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from fingerspell.hands.backgrounds.light import soften

Colour = tuple[int, int, int]
Points = NDArray[np.float64] | Sequence[tuple[float, float]]

_SHIFT = 4  # OpenCV takes places in sixteenths of a pixel
_turn = np.arange(32) * (math.pi / 16)
_CIRCLE = np.column_stack([np.cos(_turn), np.sin(_turn)])
_bytes = np.arange(256) / 255.0
_LINEAR = np.where(_bytes <= 0.04045, _bytes / 12.92, ((_bytes + 0.055) / 1.055) ** 2.4).astype(np.float32)


class Sheet:
    """Surface colours and heights.

    Attributes:
        pixels: (height, width, 3) uint8, sRGB.
        relief: (height, width) uint8, how far the surface stands out, or None where nobody asked for it.
        unit: longer side in pixels.
        right: width in units.
        bottom: height in units.
    """

    def __init__(self, height: int, width: int, colour: Colour, *, relief: bool = False) -> None:
        self.pixels: NDArray[np.uint8] = np.empty((height, width, 3), np.uint8)
        cv2.rectangle(self.pixels, (0, 0), (width, height), colour, cv2.FILLED)  # much quicker than broadcasting
        self.relief: NDArray[np.uint8] | None = np.zeros((height, width), np.uint8) if relief else None
        self.unit = max(height, width)
        self.right, self.bottom = width / self.unit, height / self.unit

    def polygon(self, points: Points, colour: Colour, rise: int | None = None) -> None:
        """Fill a polygon; with `rise` (0–255) the surface there stands out that far.

        OpenCV's smooth edge reaches up to a pixel beyond the corners.
        """
        corners = self._fixed(points)
        cv2.fillPoly(self.pixels, [corners], colour, cv2.LINE_AA, _SHIFT)
        if rise is not None and self.relief is not None:
            cv2.fillPoly(self.relief, [corners], (rise,), cv2.LINE_AA, _SHIFT)

    def box(
        self, left: float, top: float, right: float, bottom: float, colour: Colour, rise: int | None = None
    ) -> None:
        """Fill an upright rectangle."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour, rise)

    def ellipse(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        colour: Colour,
        *,
        angle: float = 0.0,
        rise: int | None = None,
    ) -> None:
        """Fill an ellipse; angle in radians."""
        cos, sin = math.cos(angle), math.sin(angle)
        axes = np.array([[radii[0] * cos, radii[0] * sin], [-radii[1] * sin, radii[1] * cos]])
        self.polygon(_CIRCLE @ axes + centre, colour, rise)

    def line(self, points: Points, colour: Colour, thick: float, rise: int | None = None) -> None:
        """Draw a path of straight pieces, at least a pixel thick."""
        path, pixels = self._fixed(points), max(1, round(thick * self.unit))
        cv2.polylines(self.pixels, [path], False, colour, pixels, cv2.LINE_AA, _SHIFT)
        if rise is not None and self.relief is not None:
            cv2.polylines(self.relief, [path], False, (rise,), pixels, cv2.LINE_AA, _SHIFT)

    def lines(self, points: Points, pieces: Sequence[tuple[int, int]], colour: Colour, thick: float) -> None:
        """Draw many paths at once, at least a pixel thick: points[start:end] for each of `pieces`."""
        fixed = self._fixed(points)
        paths = [fixed[start:end] for start, end in pieces]
        cv2.polylines(self.pixels, paths, False, colour, max(1, round(thick * self.unit)), cv2.LINE_AA, _SHIFT)

    def shade(self, factor: NDArray[np.float32]) -> None:
        """Multiply the colours by factors (height, width) or (height, width, 3)."""
        wide = factor if factor.ndim == 3 else factor[:, :, None]
        self.pixels = np.clip(self.pixels * wide, 0, 255).astype(np.uint8)

    def linear(self) -> NDArray[np.float32]:
        """(height, width, 3) float32: the share of light that each surface gives back, 0–1."""
        return to_linear(self.pixels)

    def shadows(self, rng: np.random.Generator, *, depth: float = 0.03, round_by: float = 0.012) -> NDArray[np.float32]:
        """Light that the relief leaves: shadows beside what stands out, and edges that turn to or from the light.

        Args:
            rng: decides where the light comes from.
            depth: length of the highest thing's shadow.
            round_by: width of the rounding of edges.

        Returns:
            (height, width, 1) float32 about 1, between 0.15 and 1.8.
        """
        if self.relief is None:
            return np.ones((1, 1, 1), np.float32)
        angle, dark, soft = rng.uniform(0, 2 * math.pi), rng.uniform(0.3, 0.8), rng.uniform(0.2, 1.0)
        toward = np.array([math.cos(angle), math.sin(angle)])
        height = self.relief.astype(np.float32) / np.float32(255)
        size = (height.shape[1], height.shape[0])
        moved = cv2.warpAffine(height, np.column_stack([np.eye(2), toward * depth * self.unit]), size)
        moved = cv2.blur(moved, (odd := 2 * math.ceil(soft * depth * self.unit / 2) + 1, odd))
        shadow = np.clip(np.asarray(moved, np.float32) - height, 0, 1) * np.float32(dark * 1.4)
        smooth = soften(height[:, :, None], max(0.6, round_by * self.unit))[:, :, 0]
        slope = cv2.Sobel(smooth, cv2.CV_32F, 1, 0) * toward[0] + cv2.Sobel(smooth, cv2.CV_32F, 0, 1) * toward[1]
        bright = 1.0 + np.clip(np.asarray(slope, np.float32) * 0.9, -0.5, 0.7) * np.float32(rng.uniform(0.3, 1.0))
        return np.asarray(np.clip((1.0 - np.minimum(shadow, 0.85)) * bright, 0.15, 1.8)[:, :, None], np.float32)

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        fine = np.asarray(points, np.float64) * (self.unit * 2**_SHIFT) - 2 ** (_SHIFT - 1)
        return np.asarray(np.rint(fine), np.int32)


def to_linear(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """sRGB bytes of any shape (height, width, 3) → linear float32, 0–1."""
    return np.asarray(cv2.LUT(pixels, _LINEAR), np.float32)


def colour(
    rng: np.random.Generator,
    value: tuple[float, float] = (0.15, 0.95),
    saturation: tuple[float, float] = (0.0, 0.9),
    hue: tuple[float, float] = (0.0, 1.0),
) -> Colour:
    """A random sRGB colour: brightness, strength and hue (0 red, 1/3 green, 2/3 blue) within the given ranges."""
    shade = colorsys.hsv_to_rgb(rng.uniform(*hue) % 1.0, rng.uniform(*saturation), rng.uniform(*value))
    return int(shade[0] * 255), int(shade[1] * 255), int(shade[2] * 255)


def material(rng: np.random.Generator) -> Colour:
    """The colour of some thing people own: often black, white, grey or brown, sometimes bright."""
    which = rng.random()
    if which < 0.18:
        return colour(rng, (0.02, 0.2), (0.0, 0.3))
    if which < 0.38:
        return colour(rng, (0.75, 1.0), (0.0, 0.12))
    if which < 0.52:
        return colour(rng, (0.25, 0.75), (0.0, 0.15))
    if which < 0.66:
        return colour(rng, (0.25, 0.8), (0.25, 0.6), (0.04, 0.12))
    return colour(rng, (0.2, 0.95), (0.2, 0.85) if rng.random() < 0.8 else (0.8, 1.0))


def scaled(base: Colour, factor: float) -> Colour:
    """The colour brighter or darker."""
    return tuple(int(min(255, max(0, channel * factor))) for channel in base)  # type: ignore[return-value]


def curve(points: Points, *, closed: bool = False, steps: int = 8) -> NDArray[np.float64]:
    """A smooth path (Catmull–Rom) through the points.

    Returns:
        (n, 2) float64, `steps` places for each point.
    """
    given = np.asarray(points, np.float64)
    ends = (given[-1:], given[:2]) if closed else (given[:1], given[-1:])
    padded = np.vstack([ends[0], given, ends[1]])
    t = (np.arange(steps) / steps)[:, None]
    a, b, c, d = (padded[i : len(padded) - 3 + i, None, :] for i in range(4))
    path = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return path.reshape(-1, 2)


def tilted(
    rng: np.random.Generator, picture: NDArray[np.uint8], height: int, width: int, *, turn: float, lean: float
) -> NDArray[np.uint8]:
    """A flat texture as a camera sees it that stands over it.

    Args:
        rng: decides the angles.
        picture: (any, any, 3) uint8, the texture.
        height: of the result in pixels.
        width: of the result in pixels.
        turn: most that it is turned, radians.
        lean: 0–0.8, most that its far side is narrowed.

    Returns:
        (height, width, 3) uint8.
    """
    rows, columns = picture.shape[:2]
    angle, far, zoom = rng.uniform(-turn, turn), 1.0 + rng.uniform(0, lean) * 2, rng.uniform(0.7, 1.1)
    half = np.array([[-far, -far], [far, -far], [1, 1], [-1, 1]]) * 0.5 * zoom
    half[:, 0] *= width / max(height, width)
    half[:, 1] *= height / max(height, width)
    cos, sin = math.cos(angle), math.sin(angle)
    source = half @ np.array([[cos, sin], [-sin, cos]]) * max(rows, columns) + np.array([columns / 2, rows / 2])
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]])
    matrix = cv2.getPerspectiveTransform(target.astype(np.float32), source.astype(np.float32))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpPerspective(picture, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(seen, np.uint8)
