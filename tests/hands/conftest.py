"""Hands, lights and cameras that are plain enough to reason about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest


def cone_row(start, end, r0, r1=None, bone=0) -> list[float]:
    """A row of `Field.cones`, written down from the module's text."""
    axis = np.asarray(end, float) - np.asarray(start, float)
    r1 = r0 if r1 is None else r1
    return [*map(float, start), r0, *axis, 1.0 / max(float(axis @ axis), 1e-6), r1 - r0, float(bone)]


def field_of(*groups, blend=0.2):
    """A field of groups, each a list of cones' rows."""
    from fingerspell.hands.surface import Field

    cones, rows = [], []
    for group in groups:
        part = np.array(group)
        points = np.concatenate([part[:, :3], part[:, :3] + part[:, 4:7]])
        radii = np.concatenate([part[:, 3], part[:, 3] + part[:, 8]])
        middle = points.mean(axis=0)
        reach = (np.linalg.norm(points - middle, axis=1) + radii).max() + 0.3 * blend
        rows.append([len(cones), len(cones) + len(group), blend, *middle, reach])
        cones.extend(group)
    return Field(np.array(cones, float), np.array(rows, float))


@pytest.fixture
def ball():
    """Factory of a field that is one ball: ball(centre, radius, bone)."""
    return lambda centre, radius, bone=0: field_of([cone_row(centre, centre, radius, bone=bone)])


@pytest.fixture
def field_from():
    """The factory of fields, and that of their cones."""
    return field_of, cone_row


@pytest.fixture
def usual():
    """An average hand's proportions."""
    from fingerspell.hands.skeleton import average

    return average()


@pytest.fixture
def front():
    """Factory of a camera before the palm of a hand with its fingers up: front(size, distance, behind=False)."""
    from fingerspell.hands.tracer import Camera

    def make(size=64, distance=60.0, *, behind=False, across=22.0, middle=(0.0, 8.0)):
        side = -1.0 if behind else 1.0
        basis = np.array([[side, 0, 0], [0, -1.0, 0], [0, 0, -side]])
        eye = np.array([middle[0], middle[1], side * distance])
        return Camera(eye, basis, size * distance / across, (size / 2, size / 2))

    return make


@pytest.fixture
def open_hand():
    """Angles of a flat hand with the fingers a little apart."""
    from fingerspell.hands.skeleton import INDEX

    angles = np.zeros(24)
    for name, value in {"index_spread": 8, "ring_spread": -6, "pinky_spread": -12, "thumb_radial": 50}.items():
        angles[INDEX[name]] = value
    return angles


@pytest.fixture
def studio():
    """Factory of an even, unshadowed photo of a right hand: studio(held, size=96, handedness="right", **changes)."""
    from fingerspell.hands import scene
    from fingerspell.hands.backgrounds import Background
    from fingerspell.hands.lighting import Lighting
    from fingerspell.hands.sensor import NEUTRAL
    from fingerspell.hands.signers import signer

    up = np.array([0.0, 1.0, 0.0])
    even = Lighting(np.zeros((0, 8)), np.full(3, 0.7), np.full(3, 0.5), up, 0.0)

    def make(handedness="right", **changes):
        person = replace(signer(3, 1), handedness=handedness)
        return replace(
            scene.Shot(
                signer=person,
                distance=60.0,
                focal=60.0 / 26,
                middle=(0.5, 0.5),
                lighting=even,
                background=Background("wall", 1),
                backdrop=0.2,
                cast=(0.0, 0.0, 0.0, 0.02),
                sleeve=None,
                cloth=np.array([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.0]),
                sensor=NEUTRAL,
                seed=5,
            ),
            **changes,
        )

    return make
