"""How near two straight pieces come to each other."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from fingerspell.hands.kernels import kernel

Floats = NDArray[np.float64]


@kernel
def between(p1: Floats, q1: Floats, p2: Floats, q2: Floats) -> tuple[float, float, float]:
    """Closest points of two segments (Ericson, Real-Time Collision Detection, 5.1.9): distance and both shares."""
    a = b = c = d = e = f = 0.0
    for i in range(3):
        u, v, w = q1[i] - p1[i], q2[i] - p2[i], p1[i] - p2[i]
        a += u * u
        b += u * v
        c += u * w
        e += v * v
        f += v * w
    a, e = max(a, 1e-12), max(e, 1e-12)  # a segment may be a point
    det = a * e - b * b
    s = min(max((b * f - c * e) / det, 0.0), 1.0) if det > 1e-9 else 0.0
    t = min(max((b * s + f) / e, 0.0), 1.0)
    s = min(max((b * t - c) / a, 0.0), 1.0)  # nearest to what t may be
    for i in range(3):
        gap = p1[i] + s * (q1[i] - p1[i]) - p2[i] - t * (q2[i] - p2[i])
        d += gap * gap
    return sqrt(d), s, t
