"""The skeleton, checked with a ruler: bones keep their lengths, joints bend the way fingers do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba", reason="rendering hands needs the 'hands' part of the package")

from fingerspell.hands.sample import LANDMARK_NAMES
from fingerspell.hands.skeleton import ANGLES, BONES, HIGH, INDEX, LOW, ROLL, SPLAY, average, bones, joint_radii, pose

FINGERS = ("index", "middle", "ring", "pinky")
X, Y, Z = np.eye(3)


def posed(**degrees):
    angles = np.zeros(24)
    for name, value in degrees.items():
        angles[INDEX[name]] = value
    return pose(angles, average())


def straight(**degrees):
    """(starts, ends, frames, heads) without the resting splay and roll of the fingers."""
    angles = np.zeros(24)
    for name, value in degrees.items():
        angles[INDEX[name]] = value
    hand = average()
    return bones(angles, hand.knuckles, hand.thumb_base, hand.lengths, np.zeros(4), np.zeros(4))


def landmark(skeleton, name):
    return skeleton.landmarks[LANDMARK_NAMES.index(name)]


within_limits = st.lists(st.floats(0, 1), min_size=24, max_size=24).map(
    lambda share: LOW + np.array(share) * (HIGH - LOW)
)


def test_angles_and_limits():
    assert len(ANGLES) == len(LOW) == len(HIGH) == 24
    assert (LOW < HIGH).all()
    assert ((LOW <= 0) & (HIGH >= 0)).all()  # a flat hand is possible
    for finger in FINGERS:  # nobody's finger bends backwards as it bends forwards
        for joint in ("mcp", "pip", "dip"):
            place = INDEX[f"{finger}_{joint}"]
            assert -30 <= LOW[place] <= 0 and 60 <= HIGH[place] <= 125


@given(within_limits)
@settings(max_examples=60, deadline=None)
def test_bones_keep_their_lengths_and_frames_stay_right_handed(angles):
    hand = average()
    skeleton = pose(angles, hand)
    along = skeleton.ends - skeleton.starts
    np.testing.assert_allclose(np.linalg.norm(along, axis=1), hand.lengths.reshape(-1), atol=1e-9)
    for bone in range(BONES):
        frame = skeleton.frames[bone]
        np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-9)
        np.testing.assert_allclose(np.cross(frame[0], frame[1]), frame[2], atol=1e-9)
        np.testing.assert_allclose(along[bone], np.linalg.norm(along[bone]) * frame[1], atol=1e-9)
        if bone % 3:
            np.testing.assert_allclose(skeleton.starts[bone], skeleton.ends[bone - 1], atol=1e-12)
    np.testing.assert_allclose(skeleton.forearm @ skeleton.forearm.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(skeleton.forearm) == pytest.approx(1)


@given(within_limits)
@settings(max_examples=20, deadline=None)
def test_landmarks_are_the_joints_in_their_usual_order(angles):
    skeleton = pose(angles, average())
    np.testing.assert_array_equal(landmark(skeleton, "wrist"), [0, 0, 0])
    np.testing.assert_allclose(landmark(skeleton, "thumb_cmc"), average().thumb_base)
    for digit, finger in enumerate(("thumb", *FINGERS)):
        names = ("cmc", "mcp", "ip", "tip") if finger == "thumb" else ("mcp", "pip", "dip", "tip")
        bone = 3 * digit
        np.testing.assert_allclose(landmark(skeleton, f"{finger}_{names[0]}"), skeleton.starts[bone])
        for step in range(3):
            np.testing.assert_allclose(landmark(skeleton, f"{finger}_{names[step + 1]}"), skeleton.ends[bone + step])
    np.testing.assert_allclose(skeleton.landmarks[[5, 9, 13, 17]], skeleton.knuckles)


def test_a_flat_hand_points_up():
    hand = average()
    starts, ends, frames, heads = straight()
    for finger in range(4):
        np.testing.assert_allclose(starts[3 * finger + 3], hand.knuckles[finger])
        tip = hand.knuckles[finger] + [0, hand.lengths[finger + 1].sum(), 0]
        np.testing.assert_allclose(ends[3 * finger + 5], tip)
        np.testing.assert_allclose(frames[3 * finger + 5], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(heads, hand.knuckles)
    assert hand.length == pytest.approx(hand.knuckles[1, 1] + 4.7 + 2.85 + 2.35)
    assert 17 < hand.length < 20
    np.testing.assert_allclose(ends[2], hand.thumb_base + np.array([0, hand.lengths[0].sum(), 0]))  # the thumb too


@pytest.mark.parametrize("finger", FINGERS)
def test_a_middle_joint_bends_towards_the_palm(finger):
    hand = average()
    digit = FINGERS.index(finger) + 1
    _, flat, _, _ = straight()
    starts, ends, frames, _ = straight(**{f"{finger}_pip": 90})
    bone = 3 * digit
    np.testing.assert_allclose(ends[bone], flat[bone])  # what is before the joint stays
    np.testing.assert_allclose(ends[bone + 1], flat[bone] + [0, 0, hand.lengths[digit, 1]], atol=1e-9)
    np.testing.assert_allclose(ends[bone + 2], flat[bone] + [0, 0, hand.lengths[digit, 1:].sum()], atol=1e-9)
    np.testing.assert_allclose(frames[bone + 1], [X, Z, -Y], atol=1e-9)  # its pad looks down to the wrist
    others = [other for other in range(BONES) if other // 3 != digit]
    np.testing.assert_allclose(ends[others], flat[others])
    np.testing.assert_allclose(starts[others], straight()[0][others])


def test_each_joint_bends_what_is_beyond_it():
    base, lengths = average().knuckles[0], average().lengths[1]
    _, ends, _, _ = straight(index_mcp=90)
    np.testing.assert_allclose(ends[5], base + np.array([0, 0, lengths.sum()]), atol=1e-9)
    _, ends, _, _ = straight(index_dip=90)
    np.testing.assert_allclose(ends[5], base + np.array([0, lengths[:2].sum(), lengths[2]]), atol=1e-9)
    _, ends, _, _ = straight(index_mcp=90, index_pip=90)
    np.testing.assert_allclose(
        ends[5], base + np.array([0, -lengths[1:].sum(), lengths[0]]), atol=1e-9
    )  # a closed finger
    _, ends, _, _ = straight(index_mcp=30, index_pip=20, index_dip=10)
    turns = np.radians([30, 50, 60])
    np.testing.assert_allclose(
        ends[5], base + np.array([0, lengths @ np.cos(turns), lengths @ np.sin(turns)]), atol=1e-9
    )


@pytest.mark.parametrize("finger", FINGERS)
def test_spread_is_towards_the_thumb(finger):
    digit = FINGERS.index(finger) + 1
    _, ends, _, heads = straight(**{f"{finger}_spread": 20})
    reach = average().lengths[digit].sum()
    expected = heads[digit - 1] + reach * np.array([np.sin(np.radians(20)), np.cos(np.radians(20)), 0])
    np.testing.assert_allclose(ends[3 * digit + 2], expected, atol=1e-9)


def test_fingers_at_rest_fan_out_and_converge_in_a_fist():
    flat = posed()
    tips = [landmark(flat, f"{finger}_tip") - landmark(flat, f"{finger}_mcp") for finger in FINGERS]
    lean = [tip[0] for tip in tips]
    assert lean == sorted(lean, reverse=True) and lean[0] > 0 > lean[3]
    fist = {f"{finger}_{joint}": 85 for finger in FINGERS for joint in ("mcp", "pip")}
    rolled = posed(**fist)
    angles = np.zeros(24)
    for name, value in fist.items():
        angles[INDEX[name]] = value
    hand = average()
    _, unrolled, _, _ = bones(angles, hand.knuckles, hand.thumb_base, hand.lengths, SPLAY, np.zeros(4))
    apart = np.linalg.norm(landmark(rolled, "index_tip") - landmark(rolled, "pinky_tip"))
    assert apart < np.linalg.norm(unrolled[5] - unrolled[14]) - 0.3
    assert ROLL[0] > ROLL[3]


def test_the_thumb_moves_aside_and_forward():
    base, length = average().thumb_base, average().lengths[0]
    sixty = np.radians(60)
    _, ends, _, _ = straight(thumb_radial=60)
    np.testing.assert_allclose(ends[2], base + length.sum() * np.array([np.sin(sixty), np.cos(sixty), 0]), atol=1e-9)
    _, ends, _, _ = straight(thumb_palmar=60)
    np.testing.assert_allclose(ends[2], base + length.sum() * np.array([0, np.cos(sixty), np.sin(sixty)]), atol=1e-9)


def test_an_untwisted_thumb_flexes_across_the_palm_and_twist_turns_its_pad():
    base, length = average().thumb_base, average().lengths[0]
    _, ends, frames, _ = straight(thumb_ip=90)
    np.testing.assert_allclose(ends[2], base + np.array([-length[2], length[:2].sum(), 0]), atol=1e-9)
    _, ends, _, _ = straight(thumb_mcp=90)
    np.testing.assert_allclose(ends[2], base + np.array([-length[1:].sum(), length[0], 0]), atol=1e-9)
    np.testing.assert_allclose(straight()[2][2][2], -X, atol=1e-9)
    _, _, frames, _ = straight(thumb_twist=90)
    np.testing.assert_allclose(frames[2][2], Z, atol=1e-9)  # the pad looks out of the palm
    _, _, frames, _ = straight(thumb_twist=-90)
    np.testing.assert_allclose(frames[2][2], -Z, atol=1e-9)  # it faces the palm
    _, _, frames, _ = straight(thumb_twist=-30)
    np.testing.assert_allclose(frames[2][2], [-np.cos(np.radians(30)), 0, -0.5], atol=1e-9)


def test_cupping_folds_the_pinky_most():
    hand = average()
    _, ends, _, heads = straight(cup=20)
    np.testing.assert_allclose(heads[:2], hand.knuckles[:2])
    turn = np.radians([10, 20])
    np.testing.assert_allclose(heads[2:, 2], hand.knuckles[2:, 2] + hand.knuckles[2:, 1] * np.sin(turn))
    np.testing.assert_allclose(heads[2:, 1], hand.knuckles[2:, 1] * np.cos(turn))
    assert ends[14, 2] > heads[3, 2] + 1  # the finger leans with it
    _, flat, _, _ = straight()
    np.testing.assert_allclose(ends[:9], flat[:9])
    frame = straight(cup=20)[2][12]
    assert frame[2] @ X > 0.2  # the pinky's pad turns to the thumb: opposition


def test_the_forearm_is_on_the_side_that_the_hand_bends_to():
    np.testing.assert_allclose(posed().forearm, np.eye(3), atol=1e-12)
    elbow = -posed(wrist_flexion=40).forearm[1]
    np.testing.assert_allclose(elbow, [0, -np.cos(np.radians(40)), np.sin(np.radians(40))], atol=1e-9)
    elbow = -posed(wrist_deviation=20).forearm[1]
    np.testing.assert_allclose(elbow, [np.sin(np.radians(20)), -np.cos(np.radians(20)), 0], atol=1e-9)
    np.testing.assert_allclose(
        posed(wrist_flexion=40, wrist_deviation=20, index_pip=30).landmarks, posed(index_pip=30).landmarks
    )


def test_radii_belong_to_the_bones_ends():
    hand = replace(average(), radii=np.arange(20.0).reshape(5, 4))
    start, end = joint_radii(hand)
    assert start.tolist() == [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 16, 17, 18]
    assert end.tolist() == [1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 17, 18, 19]
