"""Light: a key light, perhaps others, and light from all around; from soft rooms to a window behind the hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Lighting:
    """The lights of a scene, in the world's coordinates.

    Attributes:
        lights: (n, 8) unit direction towards the light, linear RGB, hardness of its shadow, its darkness 0–1.
        above, below: (3,) linear RGB of the light from all around.
        up: (3,) the direction that `above` comes from.
        behind: mean of the logarithm of the background's brightness.
    """

    lights: Floats
    above: Floats
    below: Floats
    up: Floats
    behind: float

    def for_hand(self, turn: Floats, *, mirrored: bool) -> tuple[Floats, Floats]:
        """Lights (n, 8) and surroundings (3, 3) in the coordinates of a hand that `turn` takes to the world."""
        flip = np.array([-1.0 if mirrored else 1.0, 1.0, 1.0])
        lights = self.lights.copy()
        lights[:, :3] = (self.lights[:, :3] * flip) @ turn
        return lights, np.stack([self.above, self.below, (self.up * flip) @ turn])


def _colour(rng: np.random.Generator) -> Floats:
    """From candle-warm to sky-blue; brightness 1 in green."""
    warmth = float(np.clip(rng.normal(0.12, 0.3), -0.5, 0.9))
    tint = float(rng.normal(0.0, 0.03))
    return np.array([1.0 + 0.35 * warmth, 1.0 + tint, 1.0 - 0.45 * warmth])


def _direction(rng: np.random.Generator, low: float, high: float, front: float) -> Floats:
    """A direction at `low` to `high` degrees above the horizon; `front` 1 is towards the camera's side, −1 behind."""
    height = np.radians(rng.uniform(low, high))
    across = rng.normal(0, 0.9)
    flat = np.array([np.sin(across), front * np.cos(across)])
    return np.array([flat[0] * np.cos(height), np.sin(height), flat[1] * np.cos(height)])


def draw_lighting(rng: np.random.Generator) -> Lighting:
    """Draw a room's or a day's light."""
    kind = rng.choice(["soft", "lamp", "window", "back", "silhouette"], p=[0.4, 0.3, 0.16, 0.1, 0.04])
    around = float(np.exp(rng.normal(-1.0, 0.4)))
    behind = 0.0
    lights: list[list[float]] = []

    def add(direction: Floats, strength: float, hardness: float, dark: float) -> None:
        lights.append([*direction, *(strength * _colour(rng)), hardness, dark])

    if kind == "soft":
        around *= 1.5
        add(_direction(rng, 10, 85, 1), rng.uniform(0.25, 0.7), rng.uniform(1.5, 4), rng.uniform(0.4, 0.9))
    elif kind == "lamp":
        around *= 0.7
        add(_direction(rng, -10, 85, 1), rng.uniform(0.6, 1.4), rng.uniform(4, 16), rng.uniform(0.7, 1.0))
        behind = -0.2
    elif kind == "window":
        sideways = _direction(rng, 0, 40, 1)
        sideways[0] = np.sign(rng.normal()) * (abs(sideways[0]) + 1.2)
        add(sideways / np.linalg.norm(sideways), rng.uniform(0.6, 1.5), rng.uniform(2, 6), rng.uniform(0.6, 1.0))
        behind = 0.1
    elif kind == "back":
        around *= 0.7
        add(_direction(rng, 5, 70, -1), rng.uniform(0.7, 1.8), rng.uniform(2, 8), rng.uniform(0.6, 1.0))
        behind = 0.4
    else:
        around *= rng.uniform(0.12, 0.35)
        behind = 0.5
    if kind != "silhouette" and rng.random() < 0.55:
        add(_direction(rng, -20, 60, 1), rng.uniform(0.1, 0.4), 2.0, rng.uniform(0.0, 0.7))
    surround = _colour(rng)
    above = around * surround * rng.uniform(0.9, 1.3)
    bounce = np.clip(surround * rng.normal(1.0, 0.12, 3), 0.4, 1.8)
    below = around * bounce * rng.uniform(0.35, 0.9)
    tilt = rng.normal(0, 0.5, 2)
    up = np.array([tilt[0], 1.0, tilt[1] + 0.3])
    return Lighting(np.array(lights).reshape(-1, 8), above, below, up / np.linalg.norm(up), behind)
