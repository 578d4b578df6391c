"""What skin looks like: its colour at a point, creases, nails, and how it answers light.

Skin tones are the ten of the Monk Skin Tone scale (Monk 2019, published by Google 2022), as sRGB; palms and the
flexion creases differ from the backs of hands as in people: lighter and redder, most of all in dark skin.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, exp, floor, sqrt

import numpy as np
from numpy.typing import NDArray

from fingerspell.hands.culling import cull
from fingerspell.hands.kernels import kernel
from fingerspell.hands.surface import FOREARM, PALM, SLEEVE, Field, nearest_cone
from fingerspell.hands.tracer import BLOCK, Camera, _ray, normal_at, openness, shadow

Floats = NDArray[np.float64]
Point = tuple[float, float, float]

MONK: tuple[tuple[int, int, int], ...] = (
    (0xF6, 0xED, 0xE4), (0xF3, 0xE7, 0xDB), (0xF7, 0xEA, 0xD0), (0xEA, 0xDA, 0xBA), (0xD7, 0xBD, 0x96),
    (0xA0, 0x7E, 0x56), (0x82, 0x5C, 0x43), (0x60, 0x41, 0x34), (0x3A, 0x31, 0x2A), (0x29, 0x24, 0x20),
)  # fmt: skip
"""The Monk Skin Tone scale, lightest first, sRGB."""


def linear(srgb: tuple[int, ...] | Floats) -> Floats:
    """sRGB 0–255 → linear light 0–1 (IEC 61966-2-1)."""
    value = np.asarray(srgb, dtype=np.float64) / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


@dataclass(frozen=True, eq=False, slots=True)
class Skin:
    """One person's skin.

    Attributes:
        back, palm: linear RGB albedo of the back of the hand and of the palm.
        nail: linear RGB albedo of the nails (or of their varnish).
        redness: of fingertips and knuckles, 0–1.
        creases: depth of the lines, 0–1.
        mottle: strength of blotches, 0–1.
        gloss: strength of the highlight, 0–0.3.
        sharpness: exponent of the highlight, 5–60.
        texture: offset of the noise, so that no two people have the same blotches.
    """

    back: Floats
    palm: Floats
    nail: Floats
    redness: float
    creases: float
    mottle: float
    gloss: float
    sharpness: float
    texture: float

    def packed(self) -> Floats:
        """All of it as one row of 15 numbers, as the shading kernel reads it."""
        rest = (self.redness, self.creases, self.mottle, self.gloss, self.sharpness, self.texture)
        return np.concatenate([self.back, self.palm, self.nail, rest])


def shade(
    field: Field,
    camera: Camera,
    depth: Floats,
    coverage: Floats,
    bones: tuple[Floats, Floats, Floats, Floats],
    skin: Skin,
    cloth: Floats,
    lights: Floats,
    ambient: Floats,
) -> tuple[Floats, NDArray[np.uint8]]:
    """Radiance of every covered pixel, and what it shows.

    Args:
        field: the surface.
        camera: the camera that traced it.
        depth, coverage: (h, w) from `tracer.trace`.
        bones: starts (15, 3), frames (15, 3, 3), lengths (15,), radii (15, 2) of the bones.
        skin: the person's.
        cloth: (7,) linear RGB of the sleeve, linear RGB of its stripes, stripe period in centimetres (0: plain).
        lights: (n, 8) unit direction to the light, linear RGB, shadow hardness, shadow strength 0–1.
        ambient: (3, 3) linear RGB from above, from below, and the direction of "above".

    Returns:
        (h, w, 3) linear light, and (h, w) uint8: 0 nothing, 1 hand, 2 forearm, 3 sleeve.
    """
    starts, frames, lengths, radii = bones
    return _shade(
        field.cones, field.groups, camera.eye, camera.basis, camera.focal, camera.centre[0], camera.centre[1], depth,
        coverage, starts, frames, lengths, radii, skin.packed(), cloth, lights, ambient,
    )  # fmt: skip


@kernel
def _hash(i: int, j: int, k: int) -> float:
    n = (i * 73856093) ^ (j * 19349663) ^ (k * 83492791)
    n = (n ^ (n >> 13)) * 1274126177
    return ((n ^ (n >> 16)) & 0xFFFF) / 65535.0


@kernel
def _noise(x: float, y: float, z: float) -> float:
    """Value noise in −1 … 1 with features of size 1."""
    i, j, k = floor(x), floor(y), floor(z)
    u, v, w = x - i, y - j, z - k
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    total = 0.0
    for a in range(2):
        for b in range(2):
            for c in range(2):
                weight = (u if a else 1 - u) * (v if b else 1 - v) * (w if c else 1 - w)
                total += weight * _hash(i + a, j + b, k + c)
    return 2.0 * total - 1.0


@kernel
def _line(x: float, y: float, x0: float, y0: float, x1: float, y1: float, bow: float) -> float:
    """Closeness (0–1) to a bowed line from one point to another, in centimetres."""
    ax, ay = x1 - x0, y1 - y0
    square = ax * ax + ay * ay
    t = min(max(((x - x0) * ax + (y - y0) * ay) / square, 0.0), 1.0)
    lift = bow * 4.0 * t * (1.0 - t) / sqrt(square)
    ex, ey = x - x0 - t * ax + ay * lift, y - y0 - t * ay - ax * lift
    return exp(-(ex * ex + ey * ey) / 0.008)


@kernel
def _finger_marks(
    s: float, length: float, across: float, r: float, palmar: float, segment: int, thumb: bool
) -> tuple[float, float, float, float]:
    """(crease, redness, nail 0–1, edge of nail) on one phalanx. s: centimetres from its first joint."""
    crease, red, nail, rim = 0.0, 0.0, 0.0, 0.0
    near, far = exp(-s * s / 0.012), exp(-(length - s) * (length - s) / 0.012)
    if palmar > 0.0:
        fold = near if segment > 0 else exp(-(s - 0.45 * length) * (s - 0.45 * length) / 0.012)
        crease = palmar * (0.9 * fold + (0.9 * far if segment < 2 else 0.0))
        if segment == 1 or thumb:
            crease += 0.5 * palmar * exp(-(s - 0.3) * (s - 0.3) / 0.008)
    else:
        dorsal = -palmar
        wide = exp(-s * s / 0.3) if segment > 0 else 0.0
        wide = max(wide, exp(-(length - s) * (length - s) / 0.3) if segment < 2 else 0.0)
        crease = 0.55 * dorsal * wide * (0.5 + 0.5 * cos(s * 21.0))
        red = 0.8 * dorsal * wide
    if segment == 2:
        red = max(red, 0.8 * min(max((s - 0.45 * length) / (0.5 * length), 0.0), 1.0))
        if palmar < 0.0:
            v = (s - 0.73 * length) / (0.25 * length)
            u = across / (0.74 * r)
            f = v * v * v * v + u * u * u * u
            facing = min(max((-palmar - 0.1) / 0.3, 0.0), 1.0)
            nail = facing * min(max((1.15 - f) / 0.3, 0.0), 1.0)
            rim = facing * exp(-(f - 1.1) * (f - 1.1) / 0.08)
            if v > 0.75:
                nail = -nail  # the free edge
    return crease, red, nail, rim


@kernel
def _palm_marks(x: float, y: float, palmar: float) -> float:
    if palmar < 0.1:
        return 0.0
    life = _line(x, y, 2.3, 6.3, 0.5, 1.0, -1.1)
    head = _line(x, y, 2.3, 6.2, -2.6, 4.3, 0.35)
    heart = _line(x, y, -3.6, 5.8, 0.9, 7.7, -0.5)
    wrist = _line(x, y, -2.0, 0.0, 2.0, 0.1, 0.1)
    return palmar * min(life + head + heart + 0.8 * wrist, 1.0)


@kernel
def _shade(
    cones: Floats,
    groups: Floats,
    eye: Floats,
    basis: Floats,
    focal: float,
    cx: float,
    cy: float,
    depth: Floats,
    coverage: Floats,
    starts: Floats,
    frames: Floats,
    lengths: Floats,
    radii: Floats,
    skin: Floats,
    cloth: Floats,
    lights: Floats,
    ambient: Floats,
) -> tuple[Floats, NDArray[np.uint8]]:
    height, width = depth.shape
    colour = np.zeros((height, width, 3))
    shows = np.zeros((height, width), np.uint8)
    near_cones, near_groups = np.empty_like(cones), np.empty_like(groups)
    casters = (
        np.empty((len(lights), *cones.shape)),
        np.empty((len(lights), *groups.shape)),
        np.zeros(len(lights), np.int64),
    )
    for top in range(0, height, BLOCK):
        for left in range(0, width, BLOCK):
            dx, dy, dz = _ray(basis, focal, cx, cy, left + 0.5 * BLOCK, top + 0.5 * BLOCK)
            radius, count = _around(
                cones,
                groups,
                eye,
                (dx, dy, dz),
                focal,
                depth,
                coverage,
                top,
                left,
                lights,
                near_cones,
                near_groups,
                casters,
            )
            if radius == 0.0:
                continue
            near = near_groups[:count]
            for row in range(top, min(top + BLOCK, height)):
                for column in range(left, min(left + BLOCK, width)):
                    if coverage[row, column] > 0.0:
                        view = _ray(basis, focal, cx, cy, column + 0.5, row + 0.5)
                        shows[row, column] = _point(
                            near_cones, near, casters, eye, view, depth[row, column], starts, frames, lengths, radii,
                            skin, cloth, lights, ambient, colour[row, column],
                        )  # fmt: skip
    return colour, shows


@kernel
def _around(
    cones: Floats,
    groups: Floats,
    eye: Floats,
    view: Point,
    focal: float,
    depth: Floats,
    coverage: Floats,
    top: int,
    left: int,
    lights: Floats,
    near_cones: Floats,
    near_groups: Floats,
    casters: tuple[Floats, Floats, NDArray[np.int64]],
) -> tuple[float, int]:
    """Cuts the field down to what a block of pixels needs: what is near, and what may stand before each light."""
    nearest, farthest = np.inf, 0.0
    for row in range(top, min(top + BLOCK, depth.shape[0])):
        for column in range(left, min(left + BLOCK, depth.shape[1])):
            if coverage[row, column] > 0.0:
                nearest, farthest = min(nearest, depth[row, column]), max(farthest, depth[row, column])
    if farthest == 0.0:
        return 0.0, 0
    radius = farthest * BLOCK * 0.7072 / focal
    start, end, middle = np.empty(3), np.empty(3), np.empty(3)
    for axis in range(3):
        start[axis] = eye[axis] + nearest * view[axis]
        end[axis] = eye[axis] + farthest * view[axis]
        middle[axis] = 0.5 * (start[axis] + end[axis])
    count = cull(cones, groups, start, end, radius + 1.5, near_cones, near_groups)
    for light in range(len(lights)):
        for axis in range(3):
            end[axis] = middle[axis] + 12.0 * lights[light, axis]
        reach = radius + 0.5 * (farthest - nearest) + 1.2
        casters[2][light] = cull(cones, groups, middle, end, reach, casters[0][light], casters[1][light])
    return radius, count


@kernel
def _point(
    cones: Floats,
    groups: Floats,
    casters: tuple[Floats, Floats, NDArray[np.int64]],
    eye: Floats,
    view: Point,
    t: float,
    starts: Floats,
    frames: Floats,
    lengths: Floats,
    radii: Floats,
    skin: Floats,
    cloth: Floats,
    lights: Floats,
    ambient: Floats,
    out: Floats,
) -> int:
    """Writes the light from one point of the surface into `out`; tells what it shows."""
    albedo, lit = np.zeros(3), np.zeros(6)
    x, y, z = eye[0] + t * view[0], eye[1] + t * view[1], eye[2] + t * view[2]
    nx, ny, nz = normal_at(cones, groups, x, y, z)
    cone = nearest_cone(cones, int(groups[len(groups) - 1, 1]), x, y, z)
    bone = int(cones[cone, 9])
    gloss, wrap, shows = 0.0, 1.0, 1
    if bone == SLEEVE:
        _cloth(cloth, x, y, z, albedo)
        wrap, shows = 0.0, 3
    else:
        gloss = _albedo(bone, x, y, z, nx, ny, nz, starts, frames, lengths, radii, skin, albedo)
        shows = 2 if bone == FOREARM else 1
    _light(cones, groups, casters, (x, y, z), (nx, ny, nz), view, wrap, gloss, skin[13], lights, ambient, lit)
    for channel in range(3):
        out[channel] = albedo[channel] * lit[channel] + lit[3 + channel]
    return shows


@kernel
def _light(
    cones: Floats,
    groups: Floats,
    casters: tuple[Floats, Floats, NDArray[np.int64]],
    point: Point,
    normal: Point,
    view: Point,
    wrap: float,
    gloss: float,
    sharpness: float,
    lights: Floats,
    ambient: Floats,
    out: Floats,
) -> None:
    """Writes the light that a point sends on into `out`: what its colour filters (3), and the highlight (3)."""
    x, y, z = point
    nx, ny, nz = normal
    free = openness(cones, groups, x, y, z, nx, ny, nz)
    up = 0.5 + 0.5 * (nx * ambient[2, 0] + ny * ambient[2, 1] + nz * ambient[2, 2])
    for channel in range(3):
        # light that enters skin in a fold comes out red
        warm = wrap * 0.25 * (1 - free) if channel == 0 else 0.0
        out[channel] = (ambient[0, channel] * up + ambient[1, channel] * (1 - up)) * (free + warm)
        out[3 + channel] = 0.0
    for light in range(lights.shape[0]):
        lx, ly, lz = lights[light, 0], lights[light, 1], lights[light, 2]
        facing = nx * lx + ny * ly + nz * lz
        if facing < -0.35:
            continue
        lit = 1.0
        if lights[light, 7] > 0.0 and facing > -0.1:
            off = 0.12
            before = casters[1][light][: casters[2][light]]
            px, py, pz = x + off * nx, y + off * ny, z + off * nz
            lit = shadow(casters[0][light], before, px, py, pz, lx, ly, lz, lights[light, 6])
            lit = 1.0 - lights[light, 7] * (1.0 - lit)
        hx, hy, hz = lx - view[0], ly - view[1], lz - view[2]
        half = 1.0 / max(sqrt(hx * hx + hy * hy + hz * hz), 1e-6)
        toward = max((nx * hx + ny * hy + nz * hz) * half, 0.0)
        shine = gloss * lit * toward**sharpness * max(facing, 0.0)
        for channel in range(3):
            # wrapped diffuse: red travels farthest under the skin (an approximation of subsurface scattering)
            soft = wrap * (0.28 if channel == 0 else 0.12 if channel == 1 else 0.07)
            bleed = 0.12 * wrap * (1 - lit) * lit if channel == 0 else 0.0
            out[channel] += lights[light, 3 + channel] * max((facing + soft) / (1 + soft), 0.0) * (lit + bleed)
            out[3 + channel] += shine * lights[light, 3 + channel]


@kernel
def _cloth(cloth: Floats, x: float, y: float, z: float, albedo: Floats) -> None:
    share = 0.0
    if cloth[6] > 0.0:
        phase = y / cloth[6]
        share = 1.0 if phase - floor(phase) < 0.4 else 0.0
    folds = 0.85 + 0.15 * _noise(x * 0.9, y * 0.5, z * 0.9) + 0.06 * _noise(x * 4, y * 4, z * 4)
    for channel in range(3):
        albedo[channel] = folds * (cloth[channel] * (1 - share) + cloth[3 + channel] * share)


@kernel
def _albedo(
    bone: int,
    x: float,
    y: float,
    z: float,
    nx: float,
    ny: float,
    nz: float,
    starts: Floats,
    frames: Floats,
    lengths: Floats,
    radii: Floats,
    skin: Floats,
    albedo: Floats,
) -> float:
    """Writes the skin's colour at a point into `albedo`; gives the gloss there."""
    crease, red, nail, rim = 0.0, 0.0, 0.0, 0.0
    u, v, w = x, y, z
    palmar = nz
    if bone < PALM:
        px, py, pz = x - starts[bone, 0], y - starts[bone, 1], z - starts[bone, 2]
        u = px * frames[bone, 0, 0] + py * frames[bone, 0, 1] + pz * frames[bone, 0, 2]
        v = px * frames[bone, 1, 0] + py * frames[bone, 1, 1] + pz * frames[bone, 1, 2]
        w = px * frames[bone, 2, 0] + py * frames[bone, 2, 1] + pz * frames[bone, 2, 2]
        palmar = nx * frames[bone, 2, 0] + ny * frames[bone, 2, 1] + nz * frames[bone, 2, 2]
        if bone == 0:
            palmar = max(palmar, nz)
            crease = _palm_marks(x, y, nz)
        else:
            crease, red, nail, rim = _finger_marks(v, lengths[bone], u, radii[bone, 1], palmar, bone % 3, bone < 3)
    elif bone == PALM:
        crease = _palm_marks(x, y, palmar)
        if palmar < -0.2 and y > 6.5:
            red = 0.5
    side = min(max(0.5 + 1.1 * palmar, 0.0), 1.0)
    if bone == FOREARM:
        side *= 0.35  # the inside of the forearm is hardly lighter
    o = skin[14] + 7.0 * bone
    blotch = 0.65 * _noise(u * 0.8 + o, v * 0.8, w * 0.8) + 0.35 * _noise(u * 2.6, v * 2.6 + o, w * 2.6)
    fine = _noise(u * 9.0 + o, v * 9.0, w * 9.0)
    tone = 1.0 + skin[11] * (0.22 * blotch + 0.06 * fine)
    red = skin[9] * (red + 0.35 * side * max(blotch, 0.0))
    dark = 1.0 - skin[10] * min(0.45 * crease + 0.3 * rim, 0.6)
    for channel in range(3):
        base = skin[channel] * (1 - side) + skin[3 + channel] * side
        base *= tone * dark
        if channel == 0:
            base *= 1.0 + 0.1 * red
        else:
            base *= 1.0 - 0.24 * red
        if nail > 0.0:
            base = base * (1 - nail) + skin[6 + channel] * nail
        elif nail < 0.0:
            base = base * (1 + nail) - nail * min(1.12 * skin[6 + channel] + 0.04, 0.95)
        albedo[channel] = min(max(base, 0.004), 1.0)
    return float(skin[12] + 0.12 * abs(nail))
