"""What real photos show beside the hand becomes scenery: never the hand, mostly what is full of detail."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fingerspell.lab.finder import camera, scenery
from fingerspell.lab.finder.frames import Wish, compose
from fingerspell.lab.finder.pictures import SIDE, Pictures

HAND, ARM = (250, 0, 250), (0, 250, 250)
TONE = np.array([200, 150, 120], np.float32)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def with_a_hand() -> Pictures:
    """A grey picture of a hand on the left, with its arm below."""
    pixels = np.full((1, SIDE, SIDE, 3), 90, np.uint8)
    pixels[:, 60:120, 50:90], pixels[:, 120:, 60:80] = HAND, ARM
    return Pictures(pixels, np.array([[50, 60, 90, 120]], np.float32))


@pytest.fixture
def still(monkeypatch):
    """Things in the light that they were photographed in."""
    monkeypatch.setattr(camera, "curve", lambda rng, pixels, gain: pixels.astype(np.float32))


def test_a_part_never_shows_the_hand_or_its_arm():
    known = scenery.scenery_of(with_a_hand())
    assert known is not None
    assert [part.tolist() for part in known.parts] == [[0, 102, 0, 160, 160], [0, 0, 0, 160, 48]]
    sizes = set()
    for seed in range(200):
        piece = known.part(rng(seed))
        assert (piece == 90).all() and min(piece.shape[:2]) >= 24 and piece.shape[2] == 3
        sizes.add(piece.shape)
    assert len(sizes) > 50


def test_a_picture_without_a_hand_is_scenery_as_a_whole_and_no_room_is_none():
    empty = Pictures(np.zeros((1, SIDE, SIDE, 3), np.uint8), np.full((1, 4), np.nan, np.float32))
    known = scenery.scenery_of(empty)
    assert known is not None and known.parts.tolist() == [[0, 0, 0, SIDE, SIDE]]
    full = Pictures(empty.pixels, np.array([[5, 5, 155, 155]], np.float32))
    assert scenery.scenery_of(full) is None


def test_what_is_full_of_detail_is_taken_more_often():
    pixels = np.full((2, SIDE, SIDE, 3), 90, np.uint8)
    pixels[1, ::2] = 110
    known = scenery.scenery_of(Pictures(pixels, np.full((2, 4), np.nan, np.float32)))
    assert known is not None
    busy = np.mean([known.part(rng(seed)).max() == 110 for seed in range(400)])
    assert busy == pytest.approx(20.5 / 21, abs=0.03)


@pytest.mark.parametrize("cuts", [0, 1, 3, 11])
def test_pieces_share_the_frame_without_a_gap(cuts):
    covered = np.zeros((90, 120), int)
    boxes = scenery._shared(rng(cuts), 90, 120, cuts)
    for top, left, bottom, right in boxes:
        covered[top:bottom, left:right] += 1
    assert (covered == 1).all() and len(boxes) == cuts + 1


def test_a_scene_shows_the_pieces_and_nothing_else(still):
    known = scenery.scenery_of(with_a_hand())
    for seed in range(20):
        canvas = scenery.scene(rng(seed), known, 96, 128)
        assert canvas.shape == (96, 128, 3) and canvas.dtype == np.float32
        assert canvas == pytest.approx(np.full_like(canvas, 90), abs=1e-3)


def test_things_change_a_part_of_the_frame_and_some_are_in_the_tone_of_skin(still):
    known = scenery.scenery_of(with_a_hand())
    changed, red = [], []
    for seed in range(60):
        canvas = np.full((90, 120, 3), 30, np.float32)
        scenery.things(rng(seed), canvas, known, TONE)
        assert np.isfinite(canvas).all() and canvas.min() >= 0 and canvas.max() < 400
        changed.append(float((np.abs(canvas - 30) > 20).any(axis=2).mean()))
        red.append(float((canvas[:, :, 0] > canvas[:, :, 2] * 1.3).mean()) > 0.002)
    assert np.mean(np.array(changed) > 0) > 0.9 and 0.1 < np.mean(changed) < 0.6
    assert 0.5 < np.mean(red) < 0.95


def test_frames_with_scenery_follow_from_the_draw_and_keep_their_hand(stock):
    known = scenery.scenery_of(with_a_hand())
    some = dataclasses.replace(stock, scenery=known)
    wish = Wish(size=0.5, hand=True, edge=False, backlit=False)
    for seed in range(12):
        one, same = (compose(rng(seed), some, 96, 128, wish) for _ in range(2))
        assert np.array_equal(one.pixels, same.pixels) and one.boxes.shape == (1, 4)
        plain = compose(rng(seed), stock, 96, 128, wish)
        assert not np.array_equal(one.pixels, plain.pixels)
    magenta = [
        (np.abs(compose(rng(s), some, 96, 128, Wish(hand=False)).pixels.astype(int) - HAND).max(axis=2) < 40).any()
        for s in range(30)
    ]
    assert not any(magenta)
