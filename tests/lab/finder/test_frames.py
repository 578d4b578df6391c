"""Composed frames show what their boxes say; the same draw gives the same frame."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fingerspell.lab.finder import camera, drawing, frames
from fingerspell.lab.finder.frames import Stock, Wish, compose
from fingerspell.lab.finder.pictures import SIDE, Pictures


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


@pytest.fixture
def plain(monkeypatch):
    """No people, no arms, no camera: only the scene and the hand in its own light."""
    monkeypatch.setattr(frames, "_people", lambda *_: None)
    monkeypatch.setattr(frames, "_arm", lambda *_: None)
    monkeypatch.setattr(frames, "_light", lambda *_: 1.0)
    monkeypatch.setattr(camera, "curve", lambda rng, pixels, gain: pixels.astype(np.float32))
    monkeypatch.setattr(camera, "seen", lambda rng, canvas: np.clip(canvas, 0, 255).astype(np.uint8))
    monkeypatch.setattr(camera, "streak", lambda *_: np.ones((1, 1), np.float32))


def skin_box(pixels: np.ndarray) -> tuple[int, int, int, int]:
    """Around the pixels that are redder than any scene here."""
    rows, columns = np.nonzero((pixels[:, :, 0] > 105) & (pixels[:, :, 0] > pixels[:, :, 2] + 25))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize("seed", range(8))
def test_the_box_is_around_the_hand(stock, plain, seed):
    made = compose(rng(seed), stock, 240, 320, Wish(size=0.4, hand=True, edge=False, backlit=False, which=1))
    assert made.boxes.shape == (1, 4) and made.labels == (str(stock.hands.labels[1]),)
    left, top, right, bottom = made.boxes[0]
    assert max(right - left, bottom - top) == pytest.approx(0.4 * 240, abs=1)
    assert left >= 0 and top >= 0 and right <= 320 and bottom <= 240
    found = np.array(skin_box(made.pixels))  # with the forearm, which reaches further on one side
    apart = np.abs(found - made.boxes[0])
    assert np.sort(apart)[:2].max() <= 4
    assert (found[:2] <= made.boxes[0][:2] + 4).all() and (found[2:] >= made.boxes[0][2:] - 4).all()


def test_the_edge_cuts_as_much_as_it_may(stock, plain):
    for seed in range(20):
        made = compose(rng(seed), stock, 240, 320, Wish(size=0.4, hand=True, edge=True, backlit=False))
        left, top, right, bottom = made.boxes[0]
        assert left == 0 or top == 0 or right == 320 or bottom == 240
        whole = compose(rng(seed), stock, 240, 320, Wish(size=0.4, hand=True, edge=False, backlit=False)).boxes[0]
        assert max(right - left, bottom - top) <= 0.4 * 240 + 1
        assert min(right - left, bottom - top) >= 0.45 * min(whole[2] - whole[0], whole[3] - whole[1])


def test_wishes_are_heeded(stock):
    assert compose(rng(), stock, 96, 128, Wish(hand=False)).boxes.shape == (0, 4)
    dark = [compose(rng(s), stock, 96, 128, Wish(0.8, True, False, True)) for s in range(12)]
    light = [compose(rng(s), stock, 96, 128, Wish(0.8, True, False, False)) for s in range(12)]

    def inside(made):
        left, top, right, bottom = made.boxes[0].astype(int)
        third = (right - left) // 3, (bottom - top) // 3
        return made.pixels[top + third[1] : bottom - third[1], left + third[0] : right - third[0]].mean()

    assert np.mean([inside(made) for made in dark]) < 0.6 * np.mean([inside(made) for made in light])


def test_the_same_draw_gives_the_same_frame_and_another_another(stock):
    one, same, other = (compose(rng(seed), stock, 96, 128) for seed in (5, 5, 6))
    assert np.array_equal(one.pixels, same.pixels) and np.array_equal(one.boxes, same.boxes)
    assert not np.array_equal(one.pixels, other.pixels)
    assert one.pixels.dtype == np.uint8 and one.pixels.shape == (96, 128, 3)


def test_all_kinds_of_frames_come(stock):
    made = [compose(rng(seed), stock, 96, 128) for seed in range(150)]
    counts = np.bincount([len(its.boxes) for its in made], minlength=3)
    assert 8 < counts[0] < 45 and counts[1] > 80 and counts[2] > 2
    sizes = [float(np.ptp(its.boxes[0].reshape(2, 2), axis=0).max()) / 96 for its in made if len(its.boxes)]
    assert min(sizes) < 0.2 and max(sizes) > 0.6
    for its in made:
        assert (its.boxes >= 0).all() and (its.boxes[:, [0, 2]] <= 128).all() and (its.boxes[:, [1, 3]] <= 96).all()
        assert (its.boxes[:, 2:] > its.boxes[:, :2]).all()


def test_real_photos_come_in_with_their_boxes(stock, plain):
    pixels = np.full((1, SIDE, SIDE, 3), 60, np.uint8)
    pixels[:, 40:120, 50:100] = (220, 130, 90)
    some = dataclasses.replace(stock, pictures=Pictures(pixels, np.array([[50, 40, 100, 120]], np.float32)))
    made = [frames._from_picture(rng(seed), some.pictures, 160, 224) for seed in range(20)]
    for its in made:
        found = np.array(skin_box(its.pixels))
        assert found == pytest.approx(its.boxes[0], abs=2.5)
    assert len({tuple(np.round(its.boxes[0]).tolist()) for its in made}) > 15
    empty = Pictures(pixels, np.full((1, 4), np.nan, np.float32))
    assert frames._from_picture(rng(), empty, 160, 224).boxes.shape == (0, 4)
    share = np.mean([compose(rng(s), some, 96, 128).labels == ("",) for s in range(80)])
    assert 0.15 < share < 0.45


def test_a_limb_is_round_and_where_it_should_be():
    canvas = np.zeros((60, 80, 3), np.float32)
    ends = np.array([(20, 30), (60, 30)], np.float32)
    drawing.limb(canvas, ends, np.array([10, 10], np.float32), np.array([100, 100, 100], np.float32), 0.0)
    assert canvas[30, 40, 0] == pytest.approx(100, abs=2)
    assert canvas[30, 8, 0] == 0 and canvas[30, 13, 0] > 0 and canvas[18, 40, 0] == 0 and canvas[22, 40, 0] > 40
    assert canvas[30, 40, 0] > canvas[38, 40, 0] > 50
    before = canvas.copy()
    drawing.limb(canvas, ends + 500, np.array([10, 10], np.float32), np.full(3, 9, np.float32), 0.0)
    assert np.array_equal(canvas, before)
    lit = np.zeros((60, 80, 3), np.float32)
    drawing.limb(lit, ends, np.array([10, 10], np.float32), np.full(3, 100, np.float32), 1.0)
    assert lit[25, 40, 0] > lit[36, 40, 0] * 1.3 or lit[36, 40, 0] > lit[25, 40, 0] * 1.3


@pytest.mark.parametrize("paint", [drawing.head, drawing.bare_arm, drawing.blob])
def test_people_are_painted_within_reason(paint):
    changed = 0
    for seed in range(12):
        canvas = np.full((90, 120, 3), 50, np.float32)
        paint(rng(seed), canvas, np.array([200, 150, 120], np.float32))
        assert np.isfinite(canvas).all() and canvas.min() > -60 and canvas.max() < 400
        changed += bool((np.abs(canvas - 50) > 20).mean() > 0.005)
    assert changed >= 9


def test_skin_and_cloth_have_all_tones():
    tones = np.array([drawing.skin(rng(seed)) for seed in range(200)])
    assert tones.mean(axis=1).min() < 60 and tones.mean(axis=1).max() > 190
    assert (tones[:, 0] > tones[:, 2]).mean() > 0.95
    cloth = np.array([drawing.any_colour(rng(seed)) for seed in range(200)])
    assert cloth.min() >= 0 and cloth.max() <= 245


def test_a_streak_is_a_line_that_keeps_the_light():
    for seed in range(10):
        kernel = camera.streak(rng(seed), 9.0)
        assert kernel.sum() == pytest.approx(1) and kernel.shape[0] == kernel.shape[1] <= 11
        assert 1 <= (kernel > 0).sum() <= 2 * kernel.shape[0]


def test_what_a_camera_sees_stays_a_picture():
    canvas = np.tile(np.linspace(-20, 290, 64, dtype=np.float32)[None, :, None], (48, 1, 3))
    seen = [camera.seen(rng(seed), canvas.copy()) for seed in range(40)]
    assert all(picture.shape == (48, 64, 3) and picture.dtype == np.uint8 for picture in seen)
    assert all(picture[:, -8:].mean() > picture[:, :8].mean() for picture in seen)
    brightness = [float(picture.mean()) for picture in seen]
    assert max(brightness) - min(brightness) > 40


def test_other_light_keeps_black_and_brightens_as_asked():
    photo = np.zeros((4, 4, 3), np.uint8)
    photo[2:] = 100
    bright = np.mean([camera.curve(rng(s), photo, 1.5)[2:].mean() for s in range(50)])
    dark = np.mean([camera.curve(rng(s), photo, 0.5)[2:].mean() for s in range(50)])
    assert bright / dark == pytest.approx(3, abs=0.5)
    assert camera.curve(rng(), photo, 3.0)[:2].max() == 0 and camera.curve(rng(), photo, 30.0).max() <= 255


def test_two_boxes_overlap_with_room_to_spare():
    box = np.array([0, 0, 10, 10], np.float32)
    assert frames._overlap(box, np.array([12, 0, 20, 10], np.float32), 3)
    assert not frames._overlap(box, np.array([14, 0, 20, 10], np.float32), 3)
    assert not frames._overlap(box, np.array([0, 14, 10, 20], np.float32), 3)


def test_stock_without_pictures_is_enough(stock):
    assert compose(rng(), Stock(stock.scenes, stock.hands, None), 64, 64).pixels.shape == (64, 64, 3)
