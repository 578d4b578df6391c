"""Clips: the text is held letter by letter, the hand moves as hands do, and nothing jumps."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import groupby

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("numba", reason="rendering hands needs the 'hands' part of the package")
pytest.importorskip("cv2", reason="rendering hands needs the 'hands' part of the package")

from fingerspell.hands import perform as performance
from fingerspell.hands import scene
from fingerspell.hands.perform import perform
from fingerspell.hands.plan import SynthPlan
from fingerspell.hands.signers import signer

PLAN = SynthPlan(per_class=1, size=32, signers=6, seed=3)
INDEX_TIP, PINKY_TIP, WRIST, MIDDLE_MCP = 8, 20, 0, 9


@cache
def frames(text, clip=0, fps=30.0, seed=3):
    return tuple(perform(text, clip, replace(PLAN, seed=seed), fps))


def shown(clip):
    return [label for label, _ in groupby(frame.held for frame in clip) if label is not None]


def joints(clip):
    return np.array([frame.sample.landmarks for frame in clip])


def scale_of(clip):
    """Pixels a centimetre, from the palm of a hand that is seen from its front: 8.8 cm, at most."""
    palm = np.linalg.norm(joints(clip)[:, MIDDLE_MCP, :2] - joints(clip)[:, WRIST, :2], axis=1)
    return float(palm.max()) / 8.8


@pytest.mark.parametrize(("text", "labels"), [("CAB", "CAB"), ("book", "BOOK"), ("A B", ["A", "space", "B"])])
def test_the_text_is_held_in_order(text, labels):
    clip = frames(text, fps=15.0)
    assert shown(clip) == list(labels)
    for frame in clip:
        assert frame.phase == ("move" if frame.held is None else "hold")
        assert frame.sample.label == (frame.held or "nothing")
    assert clip[0].held is None and clip[-1].held is None  # from an idle hand to an idle hand


@pytest.mark.parametrize("fps", [12.5, 30.0])
def test_time_goes_on_by_a_frame(fps):
    clip = frames("HI", fps=fps)
    np.testing.assert_allclose([frame.seconds for frame in clip], np.arange(len(clip)) / fps)
    assert 1.2 < clip[-1].seconds < 6


def test_letters_take_their_time():
    clip = frames("CAB", fps=30.0)
    lengths = [len(list(group)) for label, group in groupby(clip, lambda frame: frame.held)]
    assert min(lengths) >= 0.19 * 30 - 1 and max(lengths[1:-1]) <= 0.8 * 30 + 1
    held = [len(list(group)) for label, group in groupby(clip, lambda frame: frame.held) if label]
    assert all(0.24 * 0.8 * 30 - 1 <= length <= 0.6 * 1.3 * 30 + 2 for length in held)


def test_a_doubled_letter_is_shown_twice_and_moves_in_between():
    clip = frames("LL", fps=30.0)
    runs = [
        (label, np.array([frame.sample.landmarks for frame in group]))
        for label, group in groupby(clip, lambda f: f.held)
    ]
    assert [label for label, _ in runs] == [None, "L", None, "L", None]
    first, second = runs[1][1], runs[3][1]
    aside = (second.mean(axis=0) - first.mean(axis=0))[:, 0] / scale_of(clip)
    outward = 1 if clip[0].sample.handedness == "left" else -1
    assert (outward * aside > 1.2).all() and (outward * aside < 4).all()
    assert np.ptp(first - first.mean(axis=1, keepdims=True), axis=0).max() < 1.0  # held still otherwise
    together = (second - second.mean(axis=(0, 1))).mean(axis=0) - (first - first.mean(axis=(0, 1))).mean(axis=0)
    assert np.abs(together[:, :2]).max() / scale_of(clip) < 0.6  # the same shape again


def test_both_hands_step_outward():
    sides = {}
    for number in range(40):
        person = signer(PLAN.seed, number)
        sides.setdefault(person.handedness, number)
    assert set(sides) == {"right", "left"}
    plan = replace(PLAN, signers=40)
    for handedness, number in sides.items():
        clip = tuple(perform("LL", number, plan, 12.0))
        assert clip[0].sample.handedness == handedness
        wrists = [
            joints(list(group))[:, MIDDLE_MCP, 0].mean() for label, group in groupby(clip, lambda f: f.held) if label
        ]
        assert bool(wrists[1] > wrists[0]) is (handedness == "left")


def middles(clip, label):
    """(n, 2) middle of the hand in pixels while a label is held."""
    flat = joints([frame for frame in clip if frame.held == label])[:, :, :2]
    return (flat.min(axis=1) + flat.max(axis=1)) / 2


def angle_between(one, other):
    """Degrees."""
    return float(np.degrees(np.arccos(one @ other / np.linalg.norm(one) / np.linalg.norm(other))))


def path(clip, label, landmark):
    held = joints([frame for frame in clip if frame.held == label])[:, landmark, :2]
    return np.linalg.norm(np.diff(held, axis=0), axis=1).sum() / scale_of(clip)


@pytest.mark.parametrize("number", range(6))
def test_j_and_z_are_drawn(number):
    clip = frames("IJZ", clip=number, fps=30.0)
    mirror = -1 if clip[0].sample.handedness == "left" else 1
    assert path(clip, "I", PINKY_TIP) < 2
    assert path(clip, "J", PINKY_TIP) > 5
    assert path(clip, "Z", INDEX_TIP) > 15
    z = middles(clip, "Z") / scale_of(clip)
    across = np.diff(z[:, 0])
    # a signer's Z: to their right first, which a viewer of a right hand sees to the left, then back and again
    moving = np.sign(across[np.abs(across) > 0.2]) * mirror
    assert [side for side, _ in groupby(moving)] == [-1, 1, -1]
    assert z[-1, 1] - z[0, 1] > 4  # downward, all of it on the way back
    back = np.sign(across) * mirror > 0
    assert np.diff(z[:, 1])[back].sum() > 3.5


def test_the_hand_goes_down_and_into_a_hook_for_j(monkeypatch):
    places = []
    real = performance.render

    def watched(shot, held, label, *rest):
        places.append((label, held.place))
        return real(shot, held, label, *rest)

    monkeypatch.setattr(performance, "render", watched)
    list(perform("J", 1, PLAN, 30.0))
    x, y, _ = np.array([place for label, place in places if label == "J"]).T
    assert y[-1] < y[0] - 3.5 and y.min() < y[-1] - 0.5
    assert x[-1] > x[0] + 2.5  # towards the signer's other hand; a left hand's world is mirrored
    assert np.abs(x[y > y[0] - 3] - x[0]).max() < 0.5  # straight down at first


def test_a_j_begins_as_an_i_and_ends_turned():
    turns = []
    for number in range(6):
        clip = frames("IJZ", clip=number, fps=20.0)
        pinky = joints(clip)[:, PINKY_TIP, :] - joints(clip)[:, 17, :]
        held = np.array([frame.held == "J" for frame in clip])
        before = np.array([frame.held == "I" for frame in clip])
        first, last, still = pinky[held][0, :2], pinky[held][-1, :2], pinky[before][-1, :2]
        turns.append([angle_between(still, first), angle_between(first, last)])
    assert np.median(turns, axis=0)[0] < 30 < np.median(turns, axis=0)[1]


def test_nothing_jumps():
    for text, number in (("ABEMST", 0), ("HELLO", 1), ("KFQ DR", 2)):
        clip = frames(text, number, fps=30.0)
        step = np.linalg.norm(np.diff(joints(clip)[:, :, :2], axis=0), axis=2) / scale_of(clip)
        assert step.max() < 7.5, text  # centimetres in 1/30 s, at the height of a quick move
        assert np.median(step.max(axis=1)) < 1.5
        palm = step[:, [WRIST, MIDDLE_MCP]].max()
        assert palm < 6.5


def test_held_is_held():
    clip = frames("CAB", fps=30.0)
    for label, group in groupby(clip, lambda frame: frame.held):
        if label is not None:
            held = joints(list(group))[:, :, :2] / scale_of(clip)
            assert np.ptp(held, axis=0).max() < 0.9  # no more than a hand trembles


def test_the_same_plan_gives_the_same_frames():
    again = tuple(perform("HI", 0, PLAN, 30.0))
    assert len(again) == len(frames("HI"))
    for one, other in zip(frames("HI")[::9], again[::9], strict=True):
        np.testing.assert_array_equal(one.sample.pixels, other.sample.pixels)
        np.testing.assert_array_equal(one.sample.landmarks, other.sample.landmarks)
    other = frames("HI", clip=1)
    assert other[0].sample.signer == 1 and frames("HI")[0].sample.signer == 0
    assert np.abs(other[0].sample.pixels.astype(int) - again[0].sample.pixels).mean() > 3
    differently = frames("HI", seed=4)
    assert np.abs(differently[0].sample.pixels.astype(int) - again[0].sample.pixels).mean() > 3


def test_one_person_one_room(tmp_path, monkeypatch):
    for number in range(6):
        Image.new("RGB", (60, 40), (40 * number, 90, 250 - 40 * number)).save(tmp_path / f"{number}.png")
    behind = []
    real = scene._backdrop

    def watched(*things):
        behind.append(real(*things))
        return behind[-1]

    monkeypatch.setattr(scene, "_backdrop", watched)
    rooms = []
    for plan in (PLAN, replace(PLAN, backgrounds=tmp_path)):
        behind.clear()
        clip = list(perform("I", 2, plan, 10.0))
        assert len({(frame.sample.signer, frame.sample.handedness) for frame in clip}) == 1
        assert len(behind) == len(clip) > 5
        for each in behind[1:]:
            np.testing.assert_array_equal(each, behind[0])
        rooms.append(behind[0])
    assert np.ptp(rooms[1], axis=(0, 1)).max() < 0.01 < np.abs(rooms[0] - rooms[1]).max()


def test_frames_are_smeared_while_the_hand_moves(monkeypatch):
    smears = []
    real = performance.render

    def watched(shot, held, label, size, photos, smear, frame):
        smears.append((label, smear, shot.signer.handedness))
        return real(shot, held, label, size, photos, smear, frame)

    monkeypatch.setattr(performance, "render", watched)
    for number in range(6):
        if signer(PLAN.seed, number).handedness == "right":
            break
    clip = list(perform("LIZ", number, replace(PLAN, size=48), 20.0))
    middle = joints(clip)[:, [0, 5, 9, 13, 17], :2].mean(axis=1)
    moved = np.diff(middle, axis=0)
    smear = np.array([each[1] for each in smears])[1:]
    quick = np.linalg.norm(moved, axis=1) > 2.0
    assert quick.sum() >= 5
    # the shutter is open half of the time, so the smear is about half of the way, in its direction
    ahead = (smear[quick] * moved[quick]).sum(axis=1) / np.linalg.norm(moved[quick], axis=1) ** 2
    assert 0.25 < np.median(ahead) < 0.75
    held = [np.hypot(*each[1]) for each in smears if each[0] in "LI"]
    assert max(held) < 1.0


def test_smear_follows_a_left_hand(studio, open_hand):
    from fingerspell.hands.scene import Held, render

    here, there = (Held(open_hand, np.eye(3), np.array([0.0, 8, 0]), np.array([x, x / 2, 0.0])) for x in (0.0, 3.0))
    for handedness in ("right", "left"):
        shot = studio(handedness)
        before, after = (render(shot, held, "B", 48).landmarks[:, :2].mean(axis=0) for held in (here, there))
        smear = performance._smear(shot, here, there, 48)
        np.testing.assert_allclose(smear, after - before, atol=0.3)


def test_an_empty_text_is_an_idle_hand():
    clip = frames("", fps=10.0)
    assert len(clip) > 4
    assert all(frame.held is None and frame.sample.landmarks is not None for frame in clip)
