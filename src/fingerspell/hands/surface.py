"""Soft tissue around a skeleton: a signed distance field of blended round cones, and its evaluation.

A round cone is the hull of two balls. Cones of one group (the palm with the forearm, or one digit) blend smoothly, as
flesh over neighbouring bones does; groups meet in a narrow crease, as a finger that touches another does, and none
cuts through the other. The smooth minimum is the quadratic one of Quilez (2013, "smooth minimum").

A field is two arrays. `cones` (n, 10): start, start radius, axis, 1/|axis|², end minus start radius, bone number.
`groups` (m, 7): first cone, end cone, blend width, bounding ball (centre, radius).
`JOIN` is the width of the crease between groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from fingerspell.hands.kernels import kernel
from fingerspell.hands.skeleton import Posed, Proportions

Floats = NDArray[np.float64]

PALM, FOREARM, SLEEVE = 15, 16, 17
"""Bone numbers beyond the skeleton's own 15: what a cone belongs to."""
JOIN = 0.07  # centimetres: the crease between two fingers that touch


@dataclass(frozen=True, eq=False, slots=True)
class Field:
    """A hand's surface, in the hand's coordinates (see the module's text)."""

    cones: Floats
    groups: Floats


class _Builder:
    """Collects cones group by group."""

    def __init__(self) -> None:
        self.cones: list[list[float]] = []
        self.groups: list[list[float]] = []
        self._first = 0

    def cone(self, start: Floats, end: Floats, r0: float, r1: float, bone: int) -> None:
        axis = np.asarray(end) - np.asarray(start)
        square = max(float(axis @ axis), 1e-6)
        self.cones.append([*map(float, start), r0, *map(float, axis), 1.0 / square, r1 - r0, float(bone)])

    def close(self, blend: float) -> None:
        part = np.array(self.cones[self._first :])
        ends = np.concatenate([part[:, :3], part[:, :3] + part[:, 4:7]])
        radii = np.concatenate([part[:, 3], part[:, 3] + part[:, 8]])
        centre = (ends.min(0) + ends.max(0)) / 2
        reach = float((np.linalg.norm(ends - centre, axis=1) + radii).max()) + 0.3 * blend
        self.groups.append([float(self._first), float(len(self.cones)), blend, *centre, reach])
        self._first = len(self.cones)

    def field(self) -> Field:
        return Field(np.array(self.cones), np.array(self.groups))


def wrap(posed: Posed, hand: Proportions, sleeve: tuple[float, float] | None = None) -> Field:
    """Put flesh around a skeleton.

    Args:
        posed: the skeleton.
        hand: whose measures it has.
        sleeve: (centimetres of bare forearm, how far the cloth stands off the arm), or None for a bare arm.
    """
    build = _Builder()
    # Small groups first: where one of them is near, the larger need not be looked at (see `distance`).
    for digit in range(5):
        _digit(build, posed, hand, digit)
        build.close(0.22)
    _palm(build, posed, hand)
    _forearm(build, posed, hand, 4.0)
    build.close(0.75)
    _forearm(build, posed, hand, 22.0)
    build.close(0.75)
    if sleeve is not None:
        _sleeve(build, posed, hand, *sleeve)
        build.close(1.0)
    return build.field()


def _palm(build: _Builder, posed: Posed, hand: Proportions) -> None:
    scale = hand.palm / 1.3
    wide = float(hand.knuckles[0, 0] - hand.knuckles[3, 0]) / 5.65
    carpus = np.array(
        [[1.15 * wide, 0.7, 0.0], [0.35 * wide, 0.4, -0.1], [-0.55 * wide, 0.4, -0.05], [-1.3 * wide, 0.7, 0.1]]
    )
    for finger in range(4):
        head, radius = posed.knuckles[finger], float(hand.radii[finger + 1, 0])
        build.cone(carpus[finger], head + np.array([0, -0.2, 0.1]), 1.12 * scale, 0.98 * radius, PALM)
        # the pad in front of the knuckle, and the first part of the finger, which blends with the palm
        build.cone(
            carpus[finger] + [0, 4.5, 0.55 * scale], head + np.array([0, -1.0, 0.5]), 0.7 * scale, 0.72 * radius, PALM
        )
        bone = 3 * finger + 3
        along = posed.ends[bone] - posed.starts[bone]
        build.cone(posed.starts[bone], posed.starts[bone] + 0.42 * along, radius, 0.97 * radius, bone)
    hypothenar = (posed.knuckles[3] - carpus[3]) * 0.62 + carpus[3]
    build.cone(
        carpus[3] + [0.1, 0.6, 0.55 * scale],
        hypothenar + np.array([0.2, 0, 0.55 * scale]),
        1.05 * scale,
        0.95 * scale,
        PALM,
    )
    _thenar(build, posed, hand, scale)


def _thenar(build: _Builder, posed: Posed, hand: Proportions, scale: float) -> None:
    start, end, pad = posed.starts[0], posed.ends[0], posed.frames[0, 2]
    base, joint = float(hand.radii[0, 0]), float(hand.radii[0, 1])
    build.cone(start, end, base * 0.95, joint, 0)
    along = end - start
    # the ball of the thumb lies on the palm's side of its metacarpal
    build.cone(start * 0.55 + [0.1, 0.4, 0.55 * scale], start + 0.6 * along + 0.35 * pad, 1.15 * scale, 1.02 * joint, 0)
    index = posed.knuckles[0]
    for share, height, radius in ((0.55, 0.5, 0.75), (0.82, 0.66, 0.5), (0.98, 0.78, 0.3)):
        build.cone(start + share * along, index * [0.85, height, 1] + [0, 0, 0.1], radius * scale, radius * scale, 0)
    mcp = posed.ends[0]
    build.cone(mcp, mcp + 0.35 * (posed.ends[1] - mcp), joint, 0.97 * joint, 1)


def _forearm(build: _Builder, posed: Posed, hand: Proportions, length: float) -> None:
    """The forearm's first centimetres: a short one blends with the palm, a long one goes on from there."""
    side, along, thick = posed.forearm[0], posed.forearm[1], float(hand.forearm[1])
    spread = max(float(hand.forearm[0]) - thick, 0.1)
    for sign in (-1.0, 1.0):
        near = sign * spread * side * 0.9 - 0.2 * along
        far = sign * spread * side * 1.6 - 22.0 * along
        share = length / 22.0
        build.cone(near, near + share * (far - near), thick * 0.93, thick * (0.93 + 0.82 * share), FOREARM)


def _digit(build: _Builder, posed: Posed, hand: Proportions, digit: int) -> None:
    radii = hand.radii[digit]
    for segment in range(3):
        bone = 3 * digit + segment
        if bone == 0:
            continue  # the thumb's metacarpal belongs to the palm
        start, end, pad = posed.starts[bone], posed.ends[bone], posed.frames[bone, 2]
        along = end - start
        r0, r1 = float(radii[segment]), float(radii[segment + 1])
        if segment < 2:
            build.cone(start, end, r0 * 0.98, r1, bone)
            build.cone(
                start + 0.3 * along + 0.16 * r0 * pad, start + 0.7 * along + 0.16 * r1 * pad, 0.93 * r0, 0.95 * r1, bone
            )
        else:
            _fingertip(build, posed, bone, r0, r1)


def _fingertip(build: _Builder, posed: Posed, bone: int, r0: float, r1: float) -> None:
    """Two cones side by side (a fingertip is wider than thick) and the pad."""
    start, end, pad, side = posed.starts[bone], posed.ends[bone], posed.frames[bone, 2], posed.frames[bone, 0]
    along = end - start
    unit = along / np.linalg.norm(along)
    wide = (0.2 if bone == 2 else 0.1) * r1
    for sign in (-1.0, 1.0):
        build.cone(start, end - unit * r1 * 0.92 + sign * wide * side, r0 * 0.96, r1 * 0.9, bone)
    build.cone(
        start + 0.42 * along + 0.14 * r0 * pad, end - unit * r1 * 1.1 + 0.1 * r1 * pad, 0.9 * r0, 0.86 * r1, bone
    )


def _sleeve(build: _Builder, posed: Posed, hand: Proportions, bare: float, loose: float) -> None:
    side, along, thick = posed.forearm[0], posed.forearm[1], float(hand.forearm[1])
    spread = max(float(hand.forearm[0]) - thick, 0.1)
    for sign in (-1.0, 1.0):
        grow = 0.85 * thick * bare / 22.0
        build.cone(
            sign * spread * side - bare * along,
            sign * spread * side * 1.9 - 26.0 * along,
            thick * 0.95 + grow + loose,
            thick * 1.9 + loose,
            SLEEVE,
        )


@kernel
def _cone(cones: Floats, i: int, x: float, y: float, z: float) -> float:
    px, py, pz = x - cones[i, 0], y - cones[i, 1], z - cones[i, 2]
    t = (px * cones[i, 4] + py * cones[i, 5] + pz * cones[i, 6]) * cones[i, 7]
    t = min(max(t, 0.0), 1.0)
    px -= t * cones[i, 4]
    py -= t * cones[i, 5]
    pz -= t * cones[i, 6]
    return float(sqrt(px * px + py * py + pz * pz) - (cones[i, 3] + t * cones[i, 8]))


@kernel
def _group(cones: Floats, groups: Floats, g: int, x: float, y: float, z: float) -> float:
    """Distance to one group's blended surface."""
    blend = groups[g, 2]
    nearest = 1e9
    for i in range(int(groups[g, 0]), int(groups[g, 1])):
        d = _cone(cones, i, x, y, z)
        gap = blend - abs(d - nearest)
        nearest = min(d, nearest)
        if gap > 0.0:
            nearest -= gap * gap * 0.25 / blend
    return nearest


@kernel
def distance(cones: Floats, groups: Floats, x: float, y: float, z: float) -> float:
    """Signed distance in centimetres (a lower bound of it away from the surface) at one point."""
    nearest = 1e9
    for g in range(groups.shape[0]):
        px, py, pz = x - groups[g, 3], y - groups[g, 4], z - groups[g, 5]
        bound = sqrt(px * px + py * py + pz * pz) - groups[g, 6]
        if bound > nearest + 0.1 or bound > 3.0:
            nearest = min(nearest, max(bound, 0.5))
            continue
        d = _group(cones, groups, g, x, y, z)
        gap = JOIN - abs(d - nearest)
        nearest = min(d, nearest)
        if gap > 0.0:
            nearest -= gap * gap * 0.25 / JOIN
    return nearest


@kernel
def nearest_cone(cones: Floats, count: int, x: float, y: float, z: float) -> int:
    """Number of the cone, of the first `count`, whose own surface is nearest to one point."""
    best, found = 1e9, 0
    for i in range(count):
        d = _cone(cones, i, x, y, z)
        if d < best:
            best, found = d, i
    return found
