"""Squares are cut where they should be, and beyond the frame its edges are repeated."""

from __future__ import annotations

import numpy as np
import pytest

from fingerspell.live.finding.square import HandBox, Square, resized

FRAME = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)


def test_inside_it_is_a_view_of_just_these_pixels():
    part = Square(2, 1, 3).cut(FRAME)
    assert part.base is not None and np.shares_memory(part, FRAME)
    assert np.array_equal(part, FRAME[1:4, 2:5])


def test_beyond_the_frame_the_edges_are_repeated():
    part = Square(-2, 4, 4).cut(FRAME)
    assert part.shape == (4, 4, 3)
    assert np.array_equal(part[0], FRAME[4, [0, 0, 0, 1]])
    assert np.array_equal(part[2], FRAME[5, [0, 0, 0, 1]])
    assert np.array_equal(part[3], part[2])
    other = Square(6, -1, 3).cut(FRAME)
    assert np.array_equal(other[0], FRAME[0, [6, 7, 7]]) and np.array_equal(other[2], FRAME[1, [6, 7, 7]])


def test_the_square_stands_on_the_boxs_middle():
    box = HandBox(10, 20, 30, 60)
    assert box.centre == (20, 40) and box.longer == 40
    assert box.square(1.5) == Square(-10, 10, 60)
    assert HandBox(5, 5, 5.2, 5.1).square(1.5).side == 1


@pytest.mark.parametrize(
    ("other", "wanted"),
    [
        (HandBox(0, 0, 10, 20), 1.0),
        (HandBox(5, 0, 15, 20), 1 / 3),
        (HandBox(0, 10, 10, 30), 1 / 3),
        (HandBox(2, 5, 8, 15), 60 / 200),
        (HandBox(10, 0, 20, 20), 0.0),
        (HandBox(0, 30, 10, 40), 0.0),
    ],
)
def test_what_two_boxes_share(other, wanted):
    box = HandBox(0, 0, 10, 20)
    assert box.shared(other) == pytest.approx(wanted)
    assert other.shared(box) == pytest.approx(wanted)


def test_a_smaller_size_is_the_mean_of_areas_and_the_same_size_is_itself():
    halves = np.zeros((8, 8, 3), np.uint8)
    halves[:, 1::2] = 200
    assert np.all(resized(halves, 4, 4) == 100)
    assert np.array_equal(resized(FRAME, 6, 8), FRAME)
    assert resized(FRAME, 12, 20).shape == (12, 20, 3)
    assert resized(FRAME, 3, 20).shape == (3, 20, 3)


def test_a_small_hand_is_cut_out_and_a_large_one_shown_with_the_frame():
    assert HandBox(10, 20, 30, 50).view(1.5, 100, 200) == HandBox(10, 20, 30, 50).square(1.5)
    assert HandBox(10, 20, 30, 59).view(1.5, 100, 200) == HandBox(10, 20, 30, 59).square(1.5)
    assert HandBox(10, 20, 30, 61).view(1.5, 100, 200) == Square(0, 0, 100)
    assert HandBox(150, 20, 190, 90).view(1.5, 100, 200) == Square(100, 0, 100)
    assert HandBox(70, 10, 130, 90).view(1.5, 100, 200) == Square(50, 0, 100)
    assert HandBox(10, 150, 90, 190).view(1.5, 200, 100) == Square(0, 100, 100)
