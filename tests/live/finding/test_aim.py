"""The hand is cut out wherever it goes; where movement is watched rests until the hand has left for good."""

from __future__ import annotations

import numpy as np
import pytest

from fingerspell.core.bundle import read_bundle
from fingerspell.live.finding.aim import WATCHED, Aim
from fingerspell.live.finding.finder import HandFinder

pytest.importorskip("onnxruntime")

FPS = 20


@pytest.fixture
def aim(finding_bundle):
    return Aim(HandFinder(read_bundle(finding_bundle), 1))


def run(aim, frames, start=0):
    return [aim.step((start + number) / FPS, frame) for number, frame in enumerate(frames)]


def where(part, frame):
    """Column of a view's first pixel in its frame."""
    offset = part.__array_interface__["data"][0] - frame.__array_interface__["data"][0]
    return divmod(offset, frame.strides[0])[1] // 3


def test_the_hand_is_cut_out_as_the_card_frames_it(aim, scene):
    aimed = run(aim, [scene("A", 100, 80, 60)] * 5)[-1]
    assert aimed.photo.shape[0] == pytest.approx(66, abs=3)
    assert aimed.photo[33, 33].tolist() == [30, 200, 100]
    assert aimed.hand.box.left == pytest.approx(100, abs=2)


def test_a_stroke_is_watched_in_a_square_that_rests(aim, scene):
    frames = [scene("A", 120, 90, 50)] * 3 + [scene("A", 120 + 3 * step, 90, 50) for step in range(10)]
    aimed = run(aim, frames)
    places = {where(its.watched, frame) for its, frame in zip(aimed, frames, strict=True)}
    assert len(places) == 1 and not any(its.jumped for its in aimed[1:])
    assert aimed[0].watched.shape[0] == pytest.approx(WATCHED * 50, abs=5)
    assert aimed[0].watched.shape[0] == aimed[0].watched.shape[1]


def test_once_the_hand_is_elsewhere_for_good_the_square_goes_there_and_says_so(aim, scene):
    run(aim, [scene("A", 40, 60, 50)] * 5)
    away = run(aim, [scene("A", 220, 120, 50)] * 20, start=5)
    jumps = [number for number, its in enumerate(away) if its.jumped]
    assert len(jumps) == 1 and jumps[0] >= 0.4 * FPS - 1
    assert np.abs(away[-1].watched.astype(int) - 128).max() > 60  # it shows the hand again


def test_a_hand_that_comes_nearer_gets_a_larger_square(aim, scene):
    run(aim, [scene("A", 140, 100, 30)] * 4)
    later = run(aim, [scene("A", 120, 80, 70)] * 14, start=4)
    assert later[-1].watched.shape[0] == pytest.approx(WATCHED * 70, abs=6)


def test_without_a_hand_the_frames_middle_is_watched_and_nothing_is_recognised(aim, scene):
    frame = scene(None)
    aimed = aim.step(0.0, frame)
    assert aimed.photo is None and aimed.hand is None
    assert aimed.watched.shape == (240, 240, 3) and where(aimed.watched, frame) == 40


def test_a_large_hand_is_watched_in_the_whole_frame(aim, scene):
    aimed = run(aim, [scene("A", 60, 20, 200)] * 3)
    assert aimed[-1].watched.shape == (240, 240, 3)


def test_a_hand_at_the_edge_is_watched_inside_the_frame(aim, scene):
    frame = scene("A", 290, 200, 30)
    aimed = aim.step(0.0, frame)
    assert np.shares_memory(aimed.watched, frame)
    assert aimed.watched[-1, -1].tolist() == frame[-1, -1].tolist()


def test_a_smaller_frame_is_no_matter(aim, scene):
    run(aim, [scene("A", 200, 150, 60)] * 3)
    for frame in (scene(None, height=60, width=80), scene("A", 10, 10, 30, 60, 80)):
        aimed = aim.step(1.0, frame)
        assert min(aimed.watched.shape[:2]) >= 1
