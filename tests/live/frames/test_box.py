"""The box: in fractions of the frame, cut in whole pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fingerspell.core.errors import DataError
from fingerspell.live.frames.box import Box


def numbered(height: int, width: int) -> np.ndarray:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(height)[:, None], np.arange(width)
    return pixels


def extent(cut: np.ndarray) -> tuple[int, int, int, int]:
    """First row, last row, first column, last column of what was cut from `numbered`."""
    return int(cut[0, 0, 0]), int(cut[-1, -1, 0]), int(cut[0, 0, 1]), int(cut[-1, -1, 1])


def test_it_cuts_where_it_says():
    cut = Box(0.3, 0.1, 0.4, 0.6).cut(numbered(100, 200))
    assert cut.shape == (60, 80, 3)
    assert extent(cut) == (10, 69, 60, 139)


def test_the_cut_is_a_view():
    pixels = numbered(10, 10)
    Box(0.5, 0.5, 0.5, 0.5).cut(pixels)[:] = 77
    assert (pixels[5:, 5:] == 77).all()
    assert (pixels[:5] != 77).all()


def test_what_lies_beyond_the_frame_is_cut_off():
    assert extent(Box(0.8, 0.9, 1, 1).cut(numbered(10, 10))) == (9, 9, 8, 9)


@given(
    st.tuples(st.floats(0, 0.999), st.floats(0, 0.999), st.floats(1e-6, 1), st.floats(1e-6, 1)),
    st.integers(1, 50),
    st.integers(1, 50),
)
def test_at_least_one_pixel_at_every_size(numbers, height, width):
    cut = Box(*numbers).cut(numbered(height, width))
    assert 1 <= cut.shape[0] <= height
    assert 1 <= cut.shape[1] <= width


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_centred_is_square_in_pixels_and_in_the_middle(height, width):
    cut = Box.centred(height, width).cut(np.broadcast_to(np.uint8(0), (height, width, 3)))
    assert cut.shape[:2] == (min(height, width),) * 2


def test_centred_lies_in_the_middle():
    assert extent(Box.centred(48, 64).cut(numbered(48, 64))) == (0, 47, 8, 55)
    assert extent(Box.centred(65, 48).cut(numbered(65, 48))) == (8, 55, 0, 47)
    with pytest.raises(ValueError, match="no centre"):
        Box.centred(0, 5)


@pytest.mark.parametrize("text", ["0.3,0.1,0.4,0.6", " 0.3, 0.1 ,0.4,.6", "3e-1,0.1,0.4,0.6"])
def test_parsing(text):
    assert Box.parse(text) == Box(0.3, 0.1, 0.4, 0.6)
    assert Box.parse(str(Box.parse(text))) == Box.parse(text)


REFUSED = {
    "": "is no box",
    "1,2,3": "is no box",
    "0.1,0.1,0.5,0.5,0.5": "is no box",
    "a,b,c,d": "is no box",
    "0.3;0.1;0.4;0.6": "is no box",
    "nan,0,1,1": "beyond",
    "0,0,inf,1": "beyond",
    "-0.1,0,1,1": "beyond",
    "30,10,40,60": "beyond",
    "0,0,0,1": "empty",
    "1,0,0.5,0.5": "empty",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_box(text):
    with pytest.raises(DataError, match=REFUSED[text]) as caught:
        Box.parse(text)
    assert "0.3,0.1,0.4,0.6" in caught.value.expected


def test_percentages_are_explained():
    with pytest.raises(DataError, match="divide by 100"):
        Box.parse("30,10,40,60")
