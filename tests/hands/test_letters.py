"""The signs' descriptions: complete, possible, and different from each other."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

pytest.importorskip("numba", reason="rendering hands needs the 'hands' part of the package")

from fingerspell.core.alphabet import LABELS
from fingerspell.core.errors import DataError
from fingerspell.hands.letters import FORMS, JITTER, UP, Form, flexed, forms, looseness
from fingerspell.hands.scene import rotation
from fingerspell.hands.skeleton import HIGH, INDEX, LOW, average, pose
from fingerspell.hands.solve import default_looseness, settle

EVERY = [(label, form) for label in LABELS for form in forms(label)]
FINGERS = ("index", "middle", "ring", "pinky")


def test_every_label_can_be_held():
    assert set(FORMS) == set(LABELS)
    for label in LABELS:
        assert forms(label) is FORMS[label]
        assert len(forms(label)) >= 1


@pytest.mark.parametrize("label", LABELS)
def test_a_sign_is_possible(label):
    for form in forms(label):
        angles = form.angles()
        assert angles.shape == (24,)
        assert (angles >= LOW).all() and (angles <= HIGH).all()
        assert form.weight > 0
        assert form.views
        for view in form.views:
            assert view.weight > 0
            assert min(view.yaw_spread, view.pitch_spread, view.roll_spread) > 0
            assert LOW[INDEX["wrist_flexion"]] <= view.wrist_flexion <= HIGH[INDEX["wrist_flexion"]]
            assert LOW[INDEX["wrist_deviation"]] <= view.wrist_deviation <= HIGH[INDEX["wrist_deviation"]]
        for touch in form.touches:
            assert touch.weight > 0
            for spot in (touch.one, touch.other):
                assert -1 <= spot.bone < 15
                assert abs(spot.share) <= 1.2 and abs(spot.side) <= 2.5 and abs(spot.pad) <= 2.5
            assert touch.one.bone != touch.other.bone
        changed = looseness(form, default_looseness())
        assert changed.shape == (24,) and (changed > 0).all()


def test_angles_are_in_the_skeletons_order():
    form = Form((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20, 21), cup=22)
    assert form.angles().tolist() == [*range(1, 23), 0, 0]
    names = ("index_mcp", "index_spread", "middle_pip", "pinky_dip", "thumb_radial", "thumb_ip", "cup")
    assert [form.angles()[INDEX[name]] for name in names] == [1, 2, 7, 16, 17, 21, 22]


def test_looseness_changes_what_it_names():
    base = default_looseness()
    form = Form(UP, UP, UP, UP, (0, 0, 0, 0, 0), looseness={"index_pip": 1.5, "thumb_ip": 40})
    changed = looseness(form, base)
    assert changed[INDEX["index_pip"]] == 1.5 and changed[INDEX["thumb_ip"]] == 40
    assert (changed != base).sum() == 2
    np.testing.assert_array_equal(base, default_looseness())


def test_an_unknown_sign_is_refused():
    with pytest.raises(DataError) as caught:
        forms("spcae")
    assert "unknown label 'spcae'" in str(caught.value)
    assert "space" in caught.value.remedy and "A, B, C" in caught.value.expected


def test_a_flexed_finger_bends_mostly_in_the_middle():
    mcp, spread, pip, dip = flexed((10, 4, 20, 5), 30)
    assert (mcp, spread, pip, dip) == (28, 4, 50, 23)


def test_variation_is_small():
    assert JITTER.shape == (24,)
    assert (JITTER > 0.5).all() and (JITTER < 12).all()


def stretched(form):
    """Which fingers are straight, which closed, which between."""
    settled = settle(form.angles(), form.touches, average(), looseness(form, default_looseness()))
    bent = [settled[INDEX[f"{finger}_mcp"]] + settled[INDEX[f"{finger}_pip"]] for finger in FINGERS]
    return tuple("up" if sum_ < 45 else "closed" if sum_ > 120 else "between" for sum_ in bent)


@pytest.mark.parametrize(
    ("label", "up"),
    [
        ("A", ()), ("B", FINGERS), ("D", ("index",)), ("F", ("middle", "ring", "pinky")), ("I", ("pinky",)),
        ("J", ("pinky",)), ("L", ("index",)), ("R", ("index", "middle")), ("S", ()), ("U", ("index", "middle")),
        ("V", ("index", "middle")), ("W", ("index", "middle", "ring")), ("Y", ("pinky",)), ("Z", ("index",)),
        ("M", ()), ("N", ()), ("E", ()), ("H", ("index", "middle")),
    ],
)  # fmt: skip
def test_the_alphabets_fingers_are_up(label, up):
    for form in forms(label):
        shown = stretched(form)
        assert tuple(finger for finger, state in zip(FINGERS, shown, strict=True) if state == "up") == up


def test_letters_that_differ_in_little_differ():
    def tips(label, number=0):
        form = forms(label)[number]
        return pose(settle(form.angles(), form.touches, average()), average()).landmarks

    for group in ("AEMNST", "UVR", "KV", "GH", "DF", "IY", "XD"):
        for one, other in combinations(group, 2):
            assert np.linalg.norm(tips(one) - tips(other), axis=1).max() > 1.0, (one, other)
    v, u, r = (tips(label)[[8, 12]] for label in "VUR")
    assert v[0, 0] - v[1, 0] > u[0, 0] - u[1, 0] + 1.5  # V is spread, U is not
    assert u[0, 0] - u[1, 0] > 0 > r[0, 0] - r[1, 0]  # R's fingers are crossed
    thumb_out = {label: tips(label)[4, 0] for label in "LYAS"}
    assert thumb_out["L"] > 6 and thumb_out["Y"] > 6 and thumb_out["S"] < thumb_out["A"]


def test_a_view_turns_the_hand_as_its_names_say():
    palm, fingers = np.array([0, 0, 1]), np.array([0, 1, 0])
    np.testing.assert_allclose(rotation(0, 0, 0), np.eye(3), atol=1e-12)
    assert (rotation(40, 0, 0) @ palm)[0] > 0.5  # yaw: the palm to the right of the picture
    np.testing.assert_allclose(rotation(40, 0, 0) @ fingers, fingers, atol=1e-12)
    assert (rotation(0, 40, 0) @ fingers)[2] > 0.5  # pitch: the fingers towards the camera
    assert (rotation(0, 0, 40) @ fingers)[0] < -0.5  # roll: counter-clockwise
    np.testing.assert_allclose(rotation(0, 0, 40) @ palm, palm, atol=1e-12)
    expected = rotation(0, 0, 30) @ rotation(0, 20, 0) @ rotation(10, 0, 0)  # yaw first, roll last
    np.testing.assert_allclose(rotation(10, 20, 30), expected, atol=1e-12)
    for label, form in EVERY:
        for view in form.views:
            turn = rotation(view.yaw, view.pitch, view.roll)
            np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12, err_msg=label)
            assert np.linalg.det(turn) == pytest.approx(1)
