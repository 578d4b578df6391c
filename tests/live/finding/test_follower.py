"""The hand is followed, found again where it jumps, waited for where it blurs, and given up where it has gone."""

from __future__ import annotations

import numpy as np
import pytest

from fingerspell.core.bundle import read_bundle
from fingerspell.live.finding.finder import FoundHand, HandFinder
from fingerspell.live.finding.follower import LOOK_ROUND, PATIENT, HandFollower
from fingerspell.live.finding.square import HandBox

pytest.importorskip("onnxruntime")

FPS = 20


class Counting(HandFinder):
    """Remembers where it was asked to look."""

    def __init__(self, bundle):
        super().__init__(bundle, 1)
        self.windows = []

    def find(self, frame, window=None, *, at_least=None):
        self.windows.append(window)
        return super().find(frame, window, at_least=at_least)


@pytest.fixture
def finder(finding_bundle):
    return Counting(read_bundle(finding_bundle))


def run(follower, frames, start=0.0):
    return [follower.step(start + number / FPS, frame) for number, frame in enumerate(frames)]


def test_a_hand_is_followed_in_a_window_around_it(finder, scene):
    follower = HandFollower(finder)
    found = run(follower, [scene("A", 60 + 4 * step, 60, 50) for step in range(10)])
    assert all(hand is not None for hand in found)
    assert finder.windows[0] is None and all(window is not None for window in finder.windows[1:])
    assert finder.windows[5].side == pytest.approx(2.4 * 50, abs=4)
    assert found[-1].box.centre[0] == pytest.approx(60 + 36 + 25, abs=4)


def test_a_trembling_box_is_smoothed_and_a_moving_one_does_not_lag(finder, scene):
    draw = np.random.default_rng(1)
    places = (100 + draw.integers(-2, 3, 40)).tolist()
    follower = HandFollower(finder)
    still = [hand.box.centre[0] for hand in run(follower, [scene("A", place, 60, 50) for place in places])]
    assert np.std(still[10:]) < 0.75 * np.std(places[10:])
    follower.reset()
    moving = run(follower, [scene("A", 20 + 12 * step, 60, 50) for step in range(15)], start=3.0)
    lag = 20 + 12 * 14 + 25 - moving[-1].box.centre[0]
    assert 0 <= lag < 10  # less than a frame's way


def test_a_hand_that_jumps_is_found_in_the_same_frame(finder, scene):
    follower = HandFollower(finder)
    run(follower, [scene("A", 20, 20, 40)] * 4)
    hand = follower.step(4 / FPS, scene("A", 250, 180, 40))
    assert hand is not None
    assert hand.box.left == pytest.approx(250, abs=3)  # and not somewhere between


def test_a_frame_without_it_is_waited_through_then_it_is_lost(finder, scene):
    follower = HandFollower(finder)
    before = run(follower, [scene("A")] * 4)[-1]
    empty = run(follower, [scene(None)] * 12, start=4 / FPS)
    waited = [hand for hand in empty if hand is not None]
    assert 0 < len(waited) <= PATIENT * FPS + 1
    assert all(hand.box == before.box for hand in waited)
    assert empty[-1] is None
    assert follower.step(1.0, scene("A")) is not None


def test_what_was_there_is_believed_sooner_than_something_new(finder, scene):
    assert HandFollower(finder).step(0.0, scene("J")) is None  # too faint to begin with
    finder.threshold = 0.3
    follower = HandFollower(finder)
    assert follower.step(0.0, scene("J")) is None
    follower.step(0.05, scene("A"))
    assert follower.step(0.1, scene("J")).score < finder.threshold


def test_it_looks_round_now_and_then_and_leaves_the_weaker_place(finder, scene):
    follower = HandFollower(finder)
    both = scene("B", 20, 20, 40)
    run(follower, [both] * 3)
    finder.windows.clear()
    found = run(follower, [both] * int(2 * LOOK_ROUND * FPS + 4), start=3 / FPS)
    assert 2 <= sum(window is None for window in finder.windows) <= 3
    assert all(hand.box.left == pytest.approx(20, abs=3) for hand in found)


def test_reset_forgets(finder, scene):
    follower = HandFollower(finder)
    run(follower, [scene("A")] * 3)
    follower.reset()
    assert follower.step(0.2, scene(None)) is None


class Two:
    """Sees one hand in the window, another in the whole frame, as sure of each as it is told."""

    threshold = 0.3

    def __init__(self, sure_here, sure_there, there):
        self.here, self.there = FoundHand(HERE, sure_here), FoundHand(there, sure_there)
        self.first = True

    def find(self, frame, window=None, *, at_least=None):
        if window is not None or self.first:
            self.first = False
            return self.here
        return self.there


HERE, THERE = HandBox(10, 10, 50, 50), HandBox(200, 100, 240, 140)


@pytest.mark.parametrize(
    ("sure_here", "sure_there", "there", "goes"),
    [
        (0.5, 0.9, THERE, True),
        (0.5, 0.6, THERE, False),
        (0.9, 0.5, THERE, False),
        (0.5, 0.9, HandBox(14, 12, 60, 54), False),
    ],
)
def test_only_a_much_surer_hand_elsewhere_draws_it_away(scene, sure_here, sure_there, there, goes):
    follower = HandFollower(Two(sure_here, sure_there, there))
    found = run(follower, [scene(None)] * (int(LOOK_ROUND * FPS) + 3))
    assert any(hand.box == there for hand in found) is goes
    assert all(hand.box == HERE for hand in found[: int(LOOK_ROUND * FPS) - 1])
    if not goes:
        assert found[-1].box == HERE
