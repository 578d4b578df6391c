"""Block matching: known shifts are found, still rooms and noise are not."""

from __future__ import annotations

import numpy as np
import pytest

from fingerspell.live.spelling.movement import (
    APART,
    BLOCK,
    PATIENT,
    REACH,
    SIDE,
    MovementTracker,
    compare,
    grey_picture,
)


@pytest.fixture(scope="module")
def texture() -> np.ndarray:
    draw = np.random.default_rng(0)
    rough = draw.integers(0, 256, (30, 30, 3)).repeat(8, axis=0).repeat(8, axis=1)
    return rough.astype(np.uint8)  # (240, 240, 3)


def test_grey_is_the_mean_of_each_area():
    draw = np.random.default_rng(1)
    for height, width in ((48, 48), (96, 144), (53, 101), (200, 49)):
        photo = draw.integers(0, 256, (height, width, 3), dtype=np.uint8)
        grey = grey_picture(photo)
        for row in (0, 17, 47):
            for column in (0, 30, 47):
                area = photo[
                    row * height // SIDE : (row + 1) * height // SIDE,
                    column * width // SIDE : (column + 1) * width // SIDE,
                ]
                assert grey[row, column] == int(np.floor(area.mean(dtype=np.float64) + 0.5))


def test_small_pictures_are_enlarged():
    photo = np.arange(4, dtype=np.uint8).reshape(2, 2, 1).repeat(3, axis=2) * 60
    grey = grey_picture(photo)
    assert grey[0, 0] == 0 and grey[0, 47] == 60 and grey[47, 0] == 120 and grey[47, 47] == 180
    assert grey_picture(np.full((1, 1, 3), 7, np.uint8)).tolist() == np.full((48, 48), 7).tolist()


@pytest.mark.parametrize(("right", "down"), [(3, 0), (-4, 2), (0, -5), (9, -9), (REACH, REACH)])
def test_a_shift_of_everything_is_found(texture, right, down):
    picture = grey_picture(texture)
    moved = np.roll(picture, (down, right), axis=(0, 1))
    found = compare(picture, moved)
    tolerance = 0.02 if max(abs(right), abs(down)) < 6 else 0.08  # what leaves the picture is found no more
    assert found.right == pytest.approx(right / SIDE, abs=tolerance)
    assert found.down == pytest.approx(down / SIDE, abs=tolerance)
    assert found.share > 0.5


def test_a_hand_before_a_still_room(texture):
    """Only what moved counts, however much of the room stands still."""
    ground = np.full((240, 240, 3), 90, np.uint8)
    ground[::7] = 120

    def at(x: int, y: int) -> np.ndarray:
        photo = ground.copy()
        photo[y : y + 80, x : x + 80] = texture[:80, :80]
        return photo

    tracker = MovementTracker()
    assert tracker.step(0.0, at(60, 60)) is None
    movement = tracker.step(0.05, at(90, 50))
    assert movement.right == pytest.approx(30 / 240, abs=0.03)
    assert movement.down == pytest.approx(-10 / 240, abs=0.03)
    assert 0.05 < movement.share < 0.4


def test_a_still_picture_with_noise_does_not_move(texture):
    draw = np.random.default_rng(2)
    tracker = MovementTracker()
    for number in range(20):
        noisy = np.clip(texture + draw.normal(0, 5, texture.shape), 0, 255).astype(np.uint8)
        movement = tracker.step(number / 20, noisy)
        assert movement is None or movement.share == 0


def test_light_that_changes_goes_nowhere(texture):
    darker = (texture * 0.8).astype(np.uint8)
    found = compare(grey_picture(texture), grey_picture(darker))
    assert max(abs(found.right), abs(found.down)) < 0.05


def test_frames_that_come_too_fast_are_skipped(texture):
    tracker = MovementTracker()
    tracker.step(0.0, texture)
    moved = np.roll(texture, 20, axis=1)
    assert tracker.step(APART * 0.9, moved) is None
    assert tracker.step(APART * 1.1, moved).right == pytest.approx(4 / SIDE, abs=0.02)


def test_slow_movement_adds_up(texture):
    """A fifth of a pixel a frame is none; over the time that a frame is kept it is one."""
    total, tracker = 0.0, MovementTracker()
    steps = 30
    for number in range(steps + 1):
        movement = tracker.step(number / 30, np.roll(texture, number * 3, axis=1))
        total += movement.right if movement else 0
    assert total == pytest.approx(steps * 3 / 240, rel=0.25)
    assert PATIENT > 2 * APART


def test_what_was_before_can_be_forgotten(texture):
    tracker = MovementTracker()
    tracker.step(0.0, texture)
    tracker.reset()
    assert tracker.step(1.0, np.roll(texture, 20, axis=0)) is None


def test_blocks_fill_the_picture():
    assert SIDE % BLOCK == 0
