"""From the pose that is wanted to one that a hand can hold: parts that should touch do, and no part cuts another.

Least squares over the joint angles (Levenberg–Marquardt with numeric derivatives): stay near the wanted angles, bring
named points together, keep bones of different digits, and digits and palm, as far apart as their flesh is thick.
Angles stay within their limits.

A thumb that begins on the wrong side of a finger would be pushed out there. So where something is to touch, the thumb
sets out from several places; what overlaps least and touches best is then pushed apart more firmly.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from fingerspell.hands.kernels import kernel
from fingerspell.hands.segments import between
from fingerspell.hands.skeleton import HIGH, INDEX, LOW, ROLL, SPLAY, Proportions, bones, joint_radii

Floats = NDArray[np.float64]

FREE = INDEX["wrist_flexion"]  # the angles before the wrist's may move
SQUASH = 0.86  # flesh gives: bones of two digits may come as near as this share of their radii
_PALM_SQUASH = 0.9  # the same of a digit's radius, against the palm
_STEPS = 14
_GENTLY, _FIRMLY = 4.0, 10.0  # what a centimetre of overlap weighs, first and at last
_LIFTS: tuple[dict[str, float], ...] = (
    {},
    {"thumb_palmar": 25.0},
    {"thumb_palmar": 25.0, "thumb_radial": 20.0, "thumb_ip": -25.0},
    {"thumb_radial": 25.0},
    {"thumb_palmar": -15.0, "thumb_mcp": -15.0},
)  # degrees off what is wanted, from where the thumb sets out


@dataclass(frozen=True, slots=True)
class Spot:
    """A point on a hand's surface: on a bone at `share` of its length, `side` radii to the thumb's side, `pad` radii
    to the side of the pad. Bone −1 is the palm: then (share, side, pad) is a point in units of the hand's own palm:
    x by the knuckles' half width, y by the middle metacarpal, z by the palm's half thickness."""

    bone: int
    share: float
    side: float = 0.0
    pad: float = 0.0


@dataclass(frozen=True, slots=True)
class Touch:
    """Two spots that are to meet; `weight` 1 is firm."""

    one: Spot
    other: Spot
    weight: float = 1.0

    def row(self) -> list[float]:
        """The numbers the solver reads."""
        a, b = self.one, self.other
        return [a.bone, a.share, a.side, a.pad, b.bone, b.share, b.side, b.pad, self.weight]


def settle(wanted: Floats, touches: tuple[Touch, ...], hand: Proportions, looseness: Floats | None = None) -> Floats:
    """Joint angles (24, degrees) near the wanted ones that a hand can hold.

    Args:
        wanted: (24,) degrees.
        touches: what is to meet.
        hand: whose.
        looseness: (24,) how freely each angle may leave what is wanted, degrees; 12 for fingers and 20 for the thumb
            where not given.
    """
    loose = default_looseness() if looseness is None else looseness
    rows = np.array([touch.row() for touch in touches], dtype=np.float64).reshape(-1, 9)
    start = np.clip(wanted, LOW, HIGH)
    found, least = start, np.inf
    for lift in _LIFTS if touches else _LIFTS[:1]:
        lifted = start.copy()
        for name, by in lift.items():
            lifted[INDEX[name]] += by
        angles, cost = _from(np.clip(lifted, LOW, HIGH), start, loose, rows, hand, _GENTLY)
        if cost < least:
            found, least = angles, cost
    return _from(found, start, loose, rows, hand, _FIRMLY)[0]


def _from(
    start: Floats, wanted: Floats, loose: Floats, rows: Floats, hand: Proportions, push: float
) -> tuple[Floats, float]:
    """Settle from one start; gives the angles and what is left, overlaps weighed firmly."""
    r0, r1 = joint_radii(hand)
    solved: tuple[Floats, float] = _settle(
        start, wanted, loose, rows, hand.knuckles, hand.thumb_base, hand.lengths, r0, r1, hand.palm,
        SPLAY, ROLL, LOW, HIGH, push,
    )  # fmt: skip
    return solved


def default_looseness() -> Floats:
    """Degrees: (24,)."""
    loose = np.full(24, 10.0)
    loose[1:16:4] = 6.0
    loose[16:21] = 22.0
    loose[21] = 8.0
    return loose


@kernel
def _spot(
    bone: float,
    share: float,
    side: float,
    pad: float,
    starts: Floats,
    ends: Floats,
    frames: Floats,
    r0: Floats,
    r1: Floats,
    heads: Floats,
    palm: float,
    out: Floats,
) -> None:
    if bone < 0:
        out[0] = share * 0.5 * (heads[0, 0] - heads[3, 0])
        out[1] = side * heads[1, 1]
        out[2] = pad * palm
        return
    b = int(bone)
    r = r0[b] + share * (r1[b] - r0[b])
    for axis in range(3):
        along = starts[b, axis] + share * (ends[b, axis] - starts[b, axis])
        out[axis] = along + side * r * frames[b, 0, axis] + pad * r * frames[b, 2, axis]


@kernel
def _residuals(
    angles: Floats,
    wanted: Floats,
    loose: Floats,
    rows: Floats,
    knuckles: Floats,
    thumb_base: Floats,
    lengths: Floats,
    r0: Floats,
    r1: Floats,
    palm: float,
    splay: Floats,
    roll: Floats,
    push: float,
    out: Floats,
) -> int:
    starts, ends, frames, heads = bones(angles, knuckles, thumb_base, lengths, splay, roll)
    n = 0
    for i in range(FREE):
        out[n] = 0.35 * (angles[i] - wanted[i]) / loose[i]
        n += 1
    one, two = np.zeros(3), np.zeros(3)
    for k in range(rows.shape[0]):
        _spot(rows[k, 0], rows[k, 1], rows[k, 2], rows[k, 3], starts, ends, frames, r0, r1, heads, palm, one)
        _spot(rows[k, 4], rows[k, 5], rows[k, 6], rows[k, 7], starts, ends, frames, r0, r1, heads, palm, two)
        for axis in range(3):
            out[n] = 3.0 * rows[k, 8] * (one[axis] - two[axis])
            n += 1
    # A digit's last ball of flesh ends where the bone does: its middle lies a radius before.
    for digit in range(5):
        tip = 3 * digit + 2
        for axis in range(3):
            ends[tip, axis] -= r1[tip] * frames[tip, 1, axis]
    for a in range(15):
        for b in range(a + 1, 15):
            if a // 3 == b // 3 or (a % 3 == 0 and b % 3 == 0):
                continue
            d, s, t = between(starts[a], ends[a], starts[b], ends[b])
            need = SQUASH * (r0[a] + s * (r1[a] - r0[a]) + r0[b] + t * (r1[b] - r0[b]))
            out[n] = push * max(need - d, 0.0)
            n += 1
    root = np.zeros(3)
    for finger in range(4):
        root[0] = heads[finger, 0] * 0.5
        root[1] = 0.5
        for a in range(1, 15):
            if a % 3 == 0 or (a % 3 == 1 and a // 3 == finger + 1):
                continue
            d, s, t = between(starts[a], ends[a], root, heads[finger])
            need = _PALM_SQUASH * (r0[a] + s * (r1[a] - r0[a])) + palm
            out[n] = push * max(need - d, 0.0)
            n += 1
    return n


@kernel
def _settle(
    start: Floats,
    wanted: Floats,
    loose: Floats,
    rows: Floats,
    knuckles: Floats,
    thumb_base: Floats,
    lengths: Floats,
    r0: Floats,
    r1: Floats,
    palm: float,
    splay: Floats,
    roll: Floats,
    low: Floats,
    high: Floats,
    push: float,
) -> tuple[Floats, float]:
    angles = start.copy()
    size = FREE + 3 * rows.shape[0] + 105 + 56
    base, moved = np.zeros(size), np.zeros(size)
    jac = np.zeros((size, FREE))
    n = _residuals(angles, wanted, loose, rows, knuckles, thumb_base, lengths, r0, r1, palm, splay, roll, push, base)
    cost = np.sum(base[:n] ** 2)
    damping = 1e-2
    normal, gradient = np.zeros((FREE, FREE)), np.zeros(FREE)
    for _ in range(_STEPS):
        for j in range(FREE):
            kept = angles[j]
            angles[j] = kept + 0.05
            _residuals(
                angles, wanted, loose, rows, knuckles, thumb_base, lengths, r0, r1, palm, splay, roll, push, moved
            )
            angles[j] = kept
            for i in range(n):
                jac[i, j] = (moved[i] - base[i]) / 0.05
        _normal_equations(jac, base, n, normal, gradient)
        improved = False
        for _ in range(4):
            step = _solve(normal, gradient, damping)
            trial = angles.copy()
            for i in range(FREE):
                trial[i] = min(max(angles[i] - step[i], low[i]), high[i])
            _residuals(
                trial, wanted, loose, rows, knuckles, thumb_base, lengths, r0, r1, palm, splay, roll, push, moved
            )
            new = np.sum(moved[:n] ** 2)
            if new < cost:
                improved = True
                damping = max(damping * 0.3, 1e-5)
                break
            damping *= 5.0
        if not improved:
            break
        gain = cost - new
        angles, cost = trial, new
        for i in range(n):
            base[i] = moved[i]
        if gain < 1e-4 * cost:
            break
    _residuals(angles, wanted, loose, rows, knuckles, thumb_base, lengths, r0, r1, palm, splay, roll, _FIRMLY, moved)
    return angles, np.sum(moved[:n] ** 2)


@kernel
def _normal_equations(jac: Floats, residuals: Floats, n: int, normal: Floats, gradient: Floats) -> None:
    free = gradient.shape[0]
    for i in range(free):
        total = 0.0
        for k in range(n):
            total += jac[k, i] * residuals[k]
        gradient[i] = total
        for j in range(i + 1):
            total = 0.0
            for k in range(n):
                total += jac[k, i] * jac[k, j]
            normal[i, j] = total
            normal[j, i] = total


@kernel
def _solve(normal: Floats, gradient: Floats, damping: float) -> Floats:
    """(normal + damping · its diagonal) x = gradient, by Cholesky's decomposition."""
    n = gradient.shape[0]
    low = np.zeros((n, n))
    x = np.zeros(n)
    for i in range(n):
        for j in range(i + 1):
            total = normal[i, j]
            if i == j:
                total += damping * normal[i, i] + 1e-9
            for k in range(j):
                total -= low[i, k] * low[j, k]
            low[i, j] = sqrt(max(total, 1e-12)) if i == j else total / low[j, j]
    for i in range(n):
        total = gradient[i]
        for k in range(i):
            total -= low[i, k] * x[k]
        x[i] = total / low[i, i]
    for i in range(n - 1, -1, -1):
        total = x[i]
        for k in range(i + 1, n):
            total -= low[k, i] * x[k]
        x[i] = total / low[i, i]
    return x
