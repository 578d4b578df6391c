"""Sphere tracing of a hand's distance field (Hart 1996): for every pixel, how far the surface is and how much of the
pixel it covers. Blocks of pixels are traced first with one wide ray each, which most background pixels never leave.

Everything is in the hand's coordinates, centimetres. A camera is an eye (3,), a basis (3, 3) whose rows point right,
down and forward in the picture, a focal length in pixels and the picture's centre in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray

from fingerspell.hands.culling import cull
from fingerspell.hands.kernels import kernel
from fingerspell.hands.surface import Field, distance

Floats = NDArray[np.float64]
BLOCK = 8
_NEAR_ENOUGH = 0.02  # centimetres


@dataclass(frozen=True, eq=False, slots=True)
class Camera:
    """A pinhole camera in the hand's coordinates (see the module's text)."""

    eye: Floats
    basis: Floats
    focal: float
    centre: tuple[float, float]

    def project(self, points: Floats) -> Floats:
        """(n, 3) points in centimetres → (n, 3): x and y in pixels, depth along the view in centimetres."""
        seen = (points - self.eye) @ self.basis.T
        scale = self.focal / seen[:, 2]
        return np.stack([seen[:, 0] * scale + self.centre[0], seen[:, 1] * scale + self.centre[1], seen[:, 2]], axis=1)


def trace(field: Field, camera: Camera, height: int, width: int) -> tuple[Floats, Floats]:
    """Distance along each pixel's ray in centimetres (height, width), and the pixel's coverage 0–1 (height, width)."""
    return _trace(
        field.cones,
        field.groups,
        camera.eye,
        camera.basis,
        camera.focal,
        camera.centre[0],
        camera.centre[1],
        height,
        width,
    )


@kernel
def _ray(basis: Floats, focal: float, cx: float, cy: float, u: float, v: float) -> tuple[float, float, float]:
    a, b = (u - cx) / focal, (v - cy) / focal
    x = basis[0, 0] * a + basis[1, 0] * b + basis[2, 0]
    y = basis[0, 1] * a + basis[1, 1] * b + basis[2, 1]
    z = basis[0, 2] * a + basis[1, 2] * b + basis[2, 2]
    n = 1.0 / sqrt(x * x + y * y + z * z)
    return x * n, y * n, z * n


@kernel
def _trace(
    cones: Floats,
    groups: Floats,
    eye: Floats,
    basis: Floats,
    focal: float,
    cx: float,
    cy: float,
    height: int,
    width: int,
) -> tuple[Floats, Floats]:
    depth = np.full((height, width), np.inf)
    coverage = np.zeros((height, width))
    far = 0.0
    for g in range(groups.shape[0]):
        px, py, pz = groups[g, 3] - eye[0], groups[g, 4] - eye[1], groups[g, 5] - eye[2]
        far = max(far, sqrt(px * px + py * py + pz * pz) + groups[g, 6])
    spread = BLOCK * 0.7072 / focal
    near_cones, near_groups = np.empty_like(cones), np.empty_like(groups)
    start, end = np.empty(3), np.empty(3)
    for top in range(0, height, BLOCK):
        for left in range(0, width, BLOCK):
            dx, dy, dz = _ray(basis, focal, cx, cy, left + 0.5 * BLOCK, top + 0.5 * BLOCK)
            t, hit = 1.0, False
            while t < far:
                d = distance(cones, groups, eye[0] + t * dx, eye[1] + t * dy, eye[2] + t * dz)
                if d < t * spread * 1.05 + 0.05:
                    hit = True
                    break
                t += max(d - t * spread, 0.05)
            if not hit:
                continue
            begin = max(t - 0.3, 1.0)
            for axis in range(3):
                start[axis] = eye[axis] + begin * (dx if axis == 0 else dy if axis == 1 else dz)
                end[axis] = eye[axis] + far * (dx if axis == 0 else dy if axis == 1 else dz)
            count = cull(cones, groups, start, end, far * spread + 0.8, near_cones, near_groups)
            near = near_groups[:count]
            for row in range(top, min(top + BLOCK, height)):
                for column in range(left, min(left + BLOCK, width)):
                    _pixel(near_cones, near, eye, basis, focal, cx, cy, row, column, begin, far, depth, coverage)
    return depth, coverage


@kernel
def _pixel(
    cones: Floats,
    groups: Floats,
    eye: Floats,
    basis: Floats,
    focal: float,
    cx: float,
    cy: float,
    row: int,
    column: int,
    begin: float,
    far: float,
    depth: Floats,
    coverage: Floats,
) -> None:
    dx, dy, dz = _ray(basis, focal, cx, cy, column + 0.5, row + 0.5)
    t, closest, at, entered = begin, 1e9, begin, 0.0
    for _ in range(90):
        off = distance(cones, groups, eye[0] + t * dx, eye[1] + t * dy, eye[2] + t * dz)
        if off > _NEAR_ENOUGH:
            entered = 0.0
        elif entered == 0.0:
            entered = t + off
        # a pixel is covered whole where its ray comes half a pixel below the surface, not at all half a pixel above
        d = off + 0.5 * t / focal
        if d < closest:
            closest, at = d, t
        if d < _NEAR_ENOUGH:
            depth[row, column] = entered
            coverage[row, column] = 1.0
            return
        t += d * 0.97
        if t > far:
            break
    footprint = at / focal
    if closest < footprint:
        depth[row, column] = at
        coverage[row, column] = 1.0 - closest / footprint


@kernel
def normal_at(cones: Floats, groups: Floats, x: float, y: float, z: float) -> tuple[float, float, float]:
    """The outward unit normal, from four distances at the corners of a tetrahedron."""
    e = 0.04
    a = distance(cones, groups, x + e, y - e, z - e)
    b = distance(cones, groups, x - e, y - e, z + e)
    c = distance(cones, groups, x - e, y + e, z - e)
    d = distance(cones, groups, x + e, y + e, z + e)
    nx, ny, nz = a - b - c + d, c + d - a - b, b + d - a - c
    n = 1.0 / max(sqrt(nx * nx + ny * ny + nz * nz), 1e-9)
    return nx * n, ny * n, nz * n


@kernel
def shadow(
    cones: Floats, groups: Floats, x: float, y: float, z: float, lx: float, ly: float, lz: float, hardness: float
) -> float:
    """How much of a light of direction l reaches a point, 0–1 (soft shadow after Quilez 2010)."""
    lit, t = 1.0, 0.25
    for _ in range(12):
        d = distance(cones, groups, x + t * lx, y + t * ly, z + t * lz)
        if d < 0.01:
            return 0.0
        lit = min(lit, hardness * d / t)
        t += min(max(d, 0.2), 2.5)
        if t > 12.0:
            break
    return lit * lit * (3.0 - 2.0 * lit)


@kernel
def openness(cones: Floats, groups: Floats, x: float, y: float, z: float, nx: float, ny: float, nz: float) -> float:
    """Ambient occlusion: 1 for a free surface, towards 0 in deep folds (three samples along the normal)."""
    hidden, weight = 0.0, 1.0
    for h in (0.15, 0.5, 1.3):
        d = distance(cones, groups, x + h * nx, y + h * ny, z + h * nz)
        hidden += weight * max(h - d, 0.0) / h
        weight *= 0.75
    return exp(-0.85 * hidden)
