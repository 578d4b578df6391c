"""Flesh around the bones: inside is inside, distances are distances, and only neighbours melt together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba", reason="rendering hands needs the 'hands' part of the package")

from fingerspell.hands.letters import forms
from fingerspell.hands.signers import signer
from fingerspell.hands.skeleton import INDEX, average, joint_radii, pose
from fingerspell.hands.solve import settle
from fingerspell.hands.surface import FOREARM, JOIN, PALM, SLEEVE, distance, nearest_cone, wrap


def at(field, point):
    return distance(field.cones, field.groups, *map(float, point))


def of_sign(label="nothing", who=0, sleeve=None):
    hand = signer(1, who).hand
    form = forms(label)[0]
    skeleton = pose(settle(form.angles(), form.touches, hand), hand)
    return skeleton, hand, wrap(skeleton, hand, sleeve)


def bone_at(field, point):
    return int(field.cones[nearest_cone(field.cones, len(field.cones), *map(float, point)), 9])


def test_a_ball_is_a_ball(ball):
    field = ball((1, 2, 3), 1.5)
    for point, expected in (((1, 2, 3), -1.5), ((1, 2, 5.5), 1.0), ((1, 0, 3), 0.5), ((4, 6, 3), 3.5)):
        assert at(field, point) == pytest.approx(expected, abs=0.35 if expected > 3 else 1e-9)


def test_a_cone_is_as_thick_as_its_ends_say(field_from):
    field_of, cone_row = field_from
    field = field_of([cone_row((0, 0, 0), (0, 4, 0), 1.0, 0.5)])
    assert at(field, (1.5, 0, 0)) == pytest.approx(0.5)
    assert at(field, (0, 5, 0)) == pytest.approx(0.5)
    assert at(field, (0, 2, 1.5)) == pytest.approx(0.75)
    assert at(field, (0, -1.25, 0)) == pytest.approx(0.25)


def test_a_capsule_in_any_direction(field_from):
    field_of, cone_row = field_from
    for start, end, point in np.random.default_rng(0).uniform(-2, 2, (60, 3, 3)):
        along = end - start
        share = np.clip((point - start) @ along / (along @ along), 0, 1)
        expected = np.linalg.norm(point - start - share * along) - 0.8
        assert at(field_of([cone_row(start, end, 0.8)]), point) == pytest.approx(expected, abs=1e-9)


def test_groups_meet_in_a_crease_and_neighbours_melt(field_from):
    field_of, cone_row = field_from
    left, right = cone_row((-1, 0, 0), (-1, 0, 0), 1.0), cone_row((1, 0, 0), (1, 0, 0), 1.0)
    apart = field_of([left], [right])
    together = field_of([left, right], blend=0.6)
    for height in (0.0, 0.3, 0.5):
        alone = np.hypot(1, height) - 1
        assert at(apart, (0, height, 0)) == pytest.approx(alone - JOIN / 4)
        assert at(together, (0, height, 0)) == pytest.approx(alone - 0.6 / 4)
    aside = (0.1, 0.5, 0)  # more than the crease's width off the middle: nothing is filled
    assert at(apart, aside) == pytest.approx(np.hypot(0.9, 0.5) - 1)


@pytest.mark.parametrize("who", [0, 3, 7])
@pytest.mark.parametrize("label", ["nothing", "S", "X", "K"])
def test_bones_are_inside_and_the_world_outside(label, who):
    skeleton, _, field = of_sign(label, who)
    for bone in range(15):
        for share in (0.0, 0.25, 0.5, 0.75):
            point = skeleton.starts[bone] + share * (skeleton.ends[bone] - skeleton.starts[bone])
            assert at(field, point) < 0, bone
    assert at(field, (0, 0, 0)) < 0 and at(field, (0, 5, 0)) < 0
    assert at(field, -10 * skeleton.forearm[1]) < 0
    for far in ((0, 8, 12), (0, 8, -12), (20, 5, 0), (-15, 5, 0), (0, 40, 0)):
        assert at(field, far) > 1


def test_flesh_is_as_thick_as_the_persons_measures():
    hand = average()
    angles = np.zeros(24)
    for name, value in {"index_spread": 15, "pinky_spread": -15, "thumb_radial": 55}.items():
        angles[INDEX[name]] = value
    skeleton = pose(angles, hand)
    field = wrap(skeleton, hand)
    r0, r1 = joint_radii(hand)
    for bone in (1, 2, 4, 5, 7, 8, 13, 14):
        middle = (skeleton.starts[bone] + skeleton.ends[bone]) / 2
        radius = (r0[bone] + r1[bone]) / 2
        back = middle - skeleton.frames[bone, 2] * radius
        side = middle + skeleton.frames[bone, 0] * radius
        assert abs(at(field, back)) < 0.15 * radius, bone
        assert abs(at(field, side)) < 0.2 * radius, bone
        assert at(field, skeleton.ends[bone] + 0.01 * skeleton.frames[bone, 1]) == pytest.approx(
            0 if bone % 3 == 2 else -r1[bone], abs=0.25
        )
    tip = skeleton.ends[8]
    assert abs(at(field, tip)) < 0.15  # the landmark is the end of the finger
    assert at(field, (0, 4.4, hand.palm)) == pytest.approx(0, abs=0.45)
    assert at(field, (0, 4.4, -hand.palm)) == pytest.approx(0, abs=0.45)


def test_a_fingers_pad_is_fuller_than_its_back():
    skeleton, hand, field = of_sign()
    for digit in range(1, 5):
        bone = 3 * digit + 2
        middle = skeleton.starts[bone] + 0.55 * (skeleton.ends[bone] - skeleton.starts[bone])
        off = 0.9 * hand.radii[digit, 2] * skeleton.frames[bone, 2]
        assert at(field, middle + off) < at(field, middle - off)


@given(st.lists(st.floats(-1, 1), min_size=6, max_size=6), st.integers(0, 20))
@settings(max_examples=80, deadline=None)
def test_distance_never_grows_faster_than_the_way(numbers, landmark):
    skeleton, _, field = _sign_s()
    one = skeleton.landmarks[landmark] + 2.0 * np.array(numbers[:3])
    two = one + 0.5 * np.array(numbers[3:])
    assert abs(at(field, one) - at(field, two)) <= 1.1 * np.linalg.norm(one - two) + 1e-9


_KEPT: list = []


def _sign_s():
    if not _KEPT:
        _KEPT.append(of_sign("S"))
    return _KEPT[0]


def test_a_finger_has_no_steps():
    skeleton, _, field = of_sign("nothing")
    for digit in range(1, 5):
        joints = np.concatenate([skeleton.starts[[3 * digit]], skeleton.ends[3 * digit : 3 * digit + 3]])
        line = np.concatenate([np.linspace(a, b, 60) for a, b in pairwise(joints)])
        values = np.array([at(field, point) for point in line])
        step = np.linalg.norm(np.diff(line, axis=0), axis=1)
        assert (np.abs(np.diff(values)) <= 1.1 * step + 1e-9).all()
        assert (values[:-3] < 0).all()  # no gap at a joint


def test_fingers_side_by_side_stay_two_fingers():
    hand = average()
    angles = np.zeros(24)
    angles[INDEX["index_spread"]], angles[INDEX["middle_spread"]] = -4, 3
    skeleton = pose(settle(angles, (), hand), hand)
    field = wrap(skeleton, hand)
    one, two = ((skeleton.starts[bone] + skeleton.ends[bone]) / 2 for bone in (4, 7))
    across = np.linspace(one, two, 81)
    surface = []
    for point in across:  # height of the surface seen from the palm's side, along a line over both fingers
        heights = np.linspace(2.0, 0.0, 201)
        inside = [z for z in heights if at(field, point + np.array([0, 0, z])) < 0]
        surface.append(max(inside, default=0.0))
    surface = np.array(surface)
    valley = surface[20:60].min()
    assert valley < min(surface[:15].max(), surface[65:].max()) - 0.25


def test_a_sleeve_only_when_asked():
    skeleton, hand, bare = of_sign()
    _, _, dressed = of_sign(sleeve=(5.0, 0.5))
    assert SLEEVE not in bare.cones[:, 9] and SLEEVE in dressed.cones[:, 9]
    assert set(bare.cones[:, 9]) == {*range(15), PALM, FOREARM}
    along = skeleton.forearm[1]
    thick = skeleton.forearm[2] * 8
    for centimetres, covered in ((1.0, False), (12.0, True)):
        place = -centimetres * along + 0.3 * thick
        assert (bone_at(dressed, place) == SLEEVE) is covered
        assert bone_at(bare, place) == FOREARM
    # the cloth stands off the arm by so much
    further = -12 * along
    assert at(bare, further + 0.5 * thick) - at(dressed, further + 0.5 * thick) == pytest.approx(0.5, abs=0.35)
    wide = wrap(skeleton, hand, (5.0, 0.9))
    assert at(dressed, further + 0.5 * thick) - at(wide, further + 0.5 * thick) == pytest.approx(0.4, abs=0.02)


def test_the_nearest_cone_names_the_bone():
    skeleton, _, field = of_sign()
    for bone in (2, 4, 5, 7, 8, 10, 11, 13, 14):
        middle = (skeleton.starts[bone] + skeleton.ends[bone]) / 2
        assert bone_at(field, middle - 1.2 * skeleton.frames[bone, 2]) == bone
    assert bone_at(field, (-1.0, 4.0, -3.0)) == PALM
    assert bone_at(field, -8 * skeleton.forearm[1]) == FOREARM


def test_bounding_balls_hold_their_cones():
    for label in ("nothing", "S", "Q"):
        _, _, field = of_sign(label, sleeve=(4.0, 0.6))
        for first, end, blend, *middle, reach in field.groups:
            cones = field.cones[int(first) : int(end)]
            ends = np.concatenate([cones[:, :3], cones[:, :3] + cones[:, 4:7]])
            radii = np.concatenate([cones[:, 3], cones[:, 3] + cones[:, 8]])
            assert (np.linalg.norm(ends - middle, axis=1) + radii + 0.25 * blend <= reach + 1e-9).all()
        assert field.groups[0, 0] == 0 and field.groups[-1, 1] == len(field.cones)
        np.testing.assert_array_equal(field.groups[1:, 0], field.groups[:-1, 1])
