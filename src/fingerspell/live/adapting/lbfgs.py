"""The least value of a smooth convex function, by limited-memory BFGS (Nocedal & Wright 2006, algorithm 7.4 and 7.5).

Deterministic and short, so that web/src/personal/lbfgs.ts can be the same.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

MEMORY = 12
MOST_STEPS = 2000
_DECREASE = 1e-4  # of what the slope promises
_SHORTEST = 1e-12

Vector = NDArray[np.float64]


def minimise(slope: Callable[[Vector], tuple[float, Vector]], start: Vector, tolerance: float) -> Vector:
    """Go downhill from a point until the gradient's largest component is small.

    Args:
        slope: value and gradient at a point.
        start: (n,), not changed.
        tolerance: for the gradient's largest component.

    Returns:
        (n,) the last point; after `MOST_STEPS` steps, or where numbers have no further digits, the best so far.
    """
    point = start.copy()
    value, gradient = slope(point)
    steps: list[tuple[Vector, Vector, float]] = []
    for _ in range(MOST_STEPS):
        if np.abs(gradient).max() <= tolerance:
            break
        direction = _direction(gradient, steps)
        promised = float(direction @ gradient)
        length = 1.0 if steps else min(1.0, 1.0 / float(np.abs(gradient).sum()))
        while length > _SHORTEST:
            there = point + length * direction
            value_there, gradient_there = slope(there)
            if value_there <= value + _DECREASE * length * promised:
                break
            length /= 2
        else:
            break
        turned = gradient_there - gradient
        curved = float(turned @ (there - point))
        if curved > 0:
            steps = [*steps[1 - MEMORY :], (there - point, turned, 1 / curved)]
        point, value, gradient = there, value_there, gradient_there
    return point


def _direction(gradient: Vector, steps: list[tuple[Vector, Vector, float]]) -> Vector:
    direction = -gradient
    weights = []
    for moved, turned, curved in reversed(steps):
        weight = curved * float(moved @ direction)
        weights.append(weight)
        direction = direction - weight * turned
    if steps:
        moved, turned, curved = steps[-1]
        direction = direction / (curved * float(turned @ turned))
    for (moved, turned, curved), weight in zip(steps, reversed(weights), strict=True):
        direction = direction + (weight - curved * float(turned @ direction)) * moved
    return direction
