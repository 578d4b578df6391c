"""Settling a pose: joints within limits, what should touch touches, and no digit goes through another."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba", reason="rendering hands needs the 'hands' part of the package")

from fingerspell.core.alphabet import LABELS
from fingerspell.hands.letters import JITTER, forms, looseness
from fingerspell.hands.signers import signer
from fingerspell.hands.skeleton import HIGH, INDEX, LOW, average, joint_radii, pose
from fingerspell.hands.solve import SQUASH, Spot, Touch, default_looseness, settle

SIGNERS = 10
DIGITS = ("thumb", "index", "middle", "ring", "pinky")


def gap(p1, q1, p2, q2):
    """Distances of pairs of segments (n, 3) and where on them: the least of the inner solution and the four edges."""
    d1, d2, r = q1 - p1, q2 - p2, p1 - p2

    def dot(one, two):
        return (one * two).sum(-1)

    a, b, c, e, f = dot(d1, d1), dot(d1, d2), dot(d1, r), dot(d2, d2), dot(d2, r)
    area = np.maximum(a * e - b * b, 1e-9)
    tried = [(np.clip((b * f - c * e) / area, 0, 1), np.clip((a * f - b * c) / area, 0, 1))]
    tried += [(np.full_like(a, s), np.clip((b * s + f) / e, 0, 1)) for s in (0.0, 1.0)]
    tried += [(np.clip((b * t - c) / a, 0, 1), np.full_like(a, t)) for t in (0.0, 1.0)]
    s, t = (np.array(shares) for shares in zip(*tried, strict=True))
    distance = np.linalg.norm(r + s[..., None] * d1 - t[..., None] * d2, axis=-1)
    least = distance.argmin(axis=0)[None]
    return tuple(np.take_along_axis(values, least, axis=0)[0] for values in (distance, s, t))


PAIRS = np.array([(a, b) for a, b in combinations(range(15), 2) if a // 3 != b // 3 and (a % 3 or b % 3)])
"""Bones of different digits; those within the palm share its flesh."""


def nearness(skeleton, hand) -> tuple[float, str]:
    """The nearest two bones of different digits, as a share of their flesh: 1 touches, 0 is axis through axis."""
    r0, r1 = joint_radii(hand)
    a, b = PAIRS.T
    ends = skeleton.ends.copy()
    tips = np.arange(2, 15, 3)
    ends[tips] -= r1[tips, None] * skeleton.frames[tips, 1]  # a fingertip's last ball of flesh ends where its bone does
    distance, s, t = gap(skeleton.starts[a], ends[a], skeleton.starts[b], ends[b])
    share = distance / (r0[a] + s * (r1[a] - r0[a]) + r0[b] + t * (r1[b] - r0[b]))
    one, two = PAIRS[share.argmin()]
    return float(share.min()), f"{DIGITS[one // 3]} {one % 3} and {DIGITS[two // 3]} {two % 3}"


def place(spot, skeleton, hand):
    """Where a spot is, from its description."""
    if spot.bone < 0:
        half = 0.5 * (skeleton.knuckles[0, 0] - skeleton.knuckles[3, 0])
        return np.array([spot.share * half, spot.side * skeleton.knuckles[1, 1], spot.pad * hand.palm])
    start, end = (radii[spot.bone] for radii in joint_radii(hand))
    radius = start + spot.share * (end - start)
    on_bone = skeleton.starts[spot.bone] + spot.share * (skeleton.ends[spot.bone] - skeleton.starts[spot.bone])
    across, _, pad = skeleton.frames[spot.bone]
    return on_bone + radius * (spot.side * across + spot.pad * pad)


def missed(touch, angles, hand):
    skeleton = pose(angles, hand)
    return float(np.linalg.norm(place(touch.one, skeleton, hand) - place(touch.other, skeleton, hand)))


def angles_of(**degrees):
    angles = np.zeros(24)
    for name, value in degrees.items():
        angles[INDEX[name]] = value
    return angles


@cache
def settled_signs():
    """(label, form, signer, angles) for every form of every sign: as described, and as signers' habits change it."""
    found = []
    for label in LABELS:
        for number, form in enumerate(forms(label)):
            for who in range(SIGNERS):
                person = signer(0, who)
                wanted = form.angles()
                if who % 2:
                    noise = np.random.default_rng([who, number]).normal(size=24)
                    wanted = wanted + person.style + person.precision * JITTER * noise
                loose = looseness(form, default_looseness())
                found.append((label, form, person, settle(wanted, form.touches, person.hand, loose)))
    return found


def test_no_digit_goes_through_another_in_any_sign():
    nearest = [(*nearness(pose(angles, who.hand), who.hand), label) for label, _, who, angles in settled_signs()]
    shares = np.array([each[0] for each in nearest])
    # 0.8 is flesh pressed together. What falls below is a thumb squeezed between fingers (T), or thick fingers in a
    # fist whose knuckles stand nearer than the fingers are thick.
    assert shares.min() > 0.6, min(nearest)
    assert (shares > 0.7).mean() > 0.98, sorted(nearest)[:20]
    assert (shares > 0.8).mean() > 0.85


def test_a_thumb_laid_over_fingers_is_in_front_of_them():
    counted = wrong = 0
    for _, form, person, angles in settled_signs():
        skeleton = pose(angles, person.hand)
        for touch in form.touches:
            over = touch.one.bone == 2 and touch.other.bone >= 0 and touch.other.pad <= -0.9
            if over and touch.one.pad > 0.9:
                middle = (skeleton.starts[2] + skeleton.ends[2]) / 2
                bone = touch.other.bone
                on_bone = skeleton.starts[bone] + touch.other.share * (skeleton.ends[bone] - skeleton.starts[bone])
                counted += 1
                wrong += (middle - on_bone) @ skeleton.frames[bone, 2] > 0
    assert counted > 50
    assert wrong <= 0.02 * counted


def test_every_sign_stays_within_human_limits():
    for label, _, _, angles in settled_signs():
        assert (angles[:22] >= LOW[:22] - 1e-9).all() and (angles[:22] <= HIGH[:22] + 1e-9).all(), label


@given(st.lists(st.floats(-200, 200), min_size=24, max_size=24))
@settings(max_examples=15, deadline=None)
def test_impossible_wishes_give_possible_angles(wanted):
    touches = (Touch(Spot(2, 0.8, 0, 0.95), Spot(5, 0.8, 0, 0.95)),)
    for some in ((), touches):
        angles = settle(np.array(wanted), some, average())
        assert np.isfinite(angles).all()
        assert (angles >= LOW).all() and (angles <= HIGH).all()


def test_a_pose_that_needs_nothing_is_kept():
    wanted = angles_of(index_spread=8, ring_spread=-6, pinky_spread=-12, thumb_radial=50, wrist_flexion=33, cup=4)
    np.testing.assert_allclose(settle(wanted, (), average()), wanted, atol=0.05)
    wanted[INDEX["wrist_deviation"]] = -17
    touched = settle(wanted, (Touch(Spot(2, 0.9, 0, 1), Spot(5, 0.9, 0, 1)),), average())
    assert touched[INDEX["wrist_flexion"]] == 33 and touched[INDEX["wrist_deviation"]] == -17


BENT = {"index_mcp": 50, "index_pip": 60, "index_dip": 35, "thumb_radial": 20, "thumb_palmar": 50, "thumb_twist": -45}


@pytest.mark.parametrize(
    ("touch", "start"),
    [
        (Touch(Spot(2, 0.9, 0, 0.95), Spot(5, 0.85, 0, 0.95)), BENT),
        (Touch(Spot(2, 0.9, 0, 0.95), Spot(8, 0.85, 0, 0.95)), BENT | {"middle_mcp": 50, "middle_pip": 60}),
        (Touch(Spot(2, 0.8, 0, 0.95), Spot(4, 0.5, 0.95, 0)), BENT),
        (Touch(Spot(8, 0.9, 0, 0.95), Spot(-1, 0.1, 0.6, 1.1)), {"middle_mcp": 80, "middle_pip": 85, "middle_dip": 50}),
    ],
    ids=["index tip", "middle tip", "index side", "palm"],
)
def test_what_can_touch_touches(touch, start):
    hand = average()
    wanted = angles_of(**start)
    assert missed(touch, wanted, hand) > 0.5
    angles = settle(wanted, (touch,), hand)
    assert missed(touch, angles, hand) < 0.3
    assert nearness(pose(angles, hand), hand)[0] > SQUASH - 0.05


def test_the_palms_own_units():
    """Across by half of the knuckles' width, along by the middle metacarpal, out by the palm's half thickness."""
    usual = average()
    knuckles = usual.knuckles.copy()
    knuckles[0, 1], knuckles[3, 1] = 6.6, 6.0  # so that the middle one differs from the others
    hand = replace(usual, knuckles=knuckles, palm=1.1)
    wanted = angles_of(middle_mcp=80, middle_pip=85, middle_dip=50)
    for x, y in ((0.0, 0.6), (0.15, 0.65)):
        touch = Touch(Spot(8, 0.9, 0, 0.95), Spot(-1, x, y, 1.1))
        assert missed(touch, settle(wanted, (touch,), hand, np.full(24, 20.0)), hand) < 0.5


def test_a_weak_touch_gives_way_to_the_wish():
    firm = Touch(Spot(2, 0.9, 0, 0.95), Spot(5, 0.85, 0, 0.95))
    weak = Touch(firm.one, firm.other, weight=0.02)
    wanted = angles_of(**BENT)
    assert missed(weak, settle(wanted, (weak,), average()), average()) > 0.3
    assert firm.row() == [2, 0.9, 0, 0.95, 5, 0.85, 0, 0.95, 1.0]


def test_looseness_says_which_joint_gives_way():
    wanted, touch = angles_of(**BENT), (Touch(Spot(2, 0.9, 0, 0.95), Spot(5, 0.85, 0, 0.95)),)
    moved = []
    for name in ("thumb", "index"):
        loose = np.full(24, 0.5)
        loose[[place for angle, place in INDEX.items() if angle.startswith(name)]] = 30
        moved.append(np.abs(settle(wanted, touch, average(), loose) - wanted))
    thumb, index = slice(16, 21), slice(0, 4)
    assert moved[0][thumb].max() > 10 and moved[0][index].max() < 3
    assert moved[1][index].max() > 10 and moved[1][thumb].max() < 3
    assert default_looseness().shape == (24,) and (default_looseness() > 0).all()


def test_fingers_that_overlap_are_pushed_apart():
    hand = average()
    crossed = angles_of(index_spread=-10, middle_spread=10, thumb_radial=50)
    assert nearness(pose(crossed, hand), hand)[0] < 0.6
    assert nearness(pose(settle(crossed, (), hand), hand), hand)[0] > SQUASH - 0.03


def test_fingers_do_not_sink_into_the_palm():
    hand = average()
    closed = angles_of(thumb_radial=50)
    for finger in DIGITS[1:]:
        closed[INDEX[f"{finger}_mcp"]], closed[INDEX[f"{finger}_pip"]] = 95, 118
        closed[INDEX[f"{finger}_dip"]] = 85

    def depth(angles):
        skeleton = pose(angles, hand)
        inside = []
        for finger in range(4):
            bone = 3 * finger + 5
            root = np.array([0.5 * skeleton.knuckles[finger, 0], 0.5, 0.0])
            tip = skeleton.ends[bone] - hand.radii[finger + 1, 3] * skeleton.frames[bone, 1]
            ends = (root, skeleton.knuckles[finger], skeleton.starts[bone], tip)
            distance = float(gap(*(end[None] for end in ends))[0][0])
            inside.append(hand.palm + hand.radii[finger + 1, 2:].mean() - distance)
        return max(inside)

    assert depth(closed) > 0.3
    assert depth(settle(closed, (), hand)) < 0.2


def test_a_thumb_that_begins_inside_a_finger_comes_out_where_it_should():
    """Over the middle finger's back, whatever finger it began in."""
    fist = {f"{finger}_{joint}": by for finger in DIGITS[1:] for joint, by in (("mcp", 82), ("pip", 102), ("dip", 56))}
    touch = Touch(Spot(2, 0.65, 0, 0.95), Spot(7, 0.4, 0, -0.95))
    for palmar in (20, 30, 42, 55):
        wanted = angles_of(**fist, thumb_radial=10, thumb_palmar=palmar, thumb_twist=-48, thumb_mcp=48, thumb_ip=40)
        for who in range(4):
            hand = signer(0, who).hand
            angles = settle(wanted, (touch,), hand)
            assert missed(touch, angles, hand) < 0.8
            assert nearness(pose(angles, hand), hand)[0] > 0.65


def test_the_same_wish_gives_the_same_pose():
    form, person = forms("S")[0], signer(4, 2)
    wanted = form.angles() + person.style
    kept = wanted.copy()
    first = settle(wanted, form.touches, person.hand)
    np.testing.assert_array_equal(first, settle(wanted, form.touches, person.hand))
    np.testing.assert_array_equal(wanted, kept)
