"""Keras's changes, compiled: the bits of `keras_augment`, whose own agreement with Keras tests/parity shows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fingerspell.core.errors import DataError
from fingerspell.lab import keras_cpu
from fingerspell.lab.augment import POLICIES, Policy
from fingerspell.lab.augment_cpu import Normal, Workers
from fingerspell.lab.keras_augment import KerasDraw, apply, draw_one

NORMAL = Normal((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
ALONE = {
    "turned": KerasDraw(theta=13.0),
    "moved": KerasDraw(tx=3.3, ty=-2.2),
    "moved by whole pixels": KerasDraw(tx=3.0, ty=-2.0),
    "sheared": KerasDraw(shear=9.0),
    "zoomed": KerasDraw(zx=0.8, zy=1.3),
    "mirrored": KerasDraw(flip_horizontal=True),
    "shifted": KerasDraw(channel_shift_intensity=-17.3),
    "brighter": KerasDraw(brightness=1.17),
    "dark": KerasDraw(brightness=0.0),
    "turned, shifted, mirrored and darker": KerasDraw(
        theta=-20.0, channel_shift_intensity=11.1, flip_horizontal=True, brightness=0.83
    ),
}


def expected(photos, draws) -> np.ndarray:
    """In the same steps in NumPy."""
    mean, std = np.float32(NORMAL.mean), np.float32(NORMAL.std)
    return (apply(photos, draws) * np.float32(1 / 255) - mean) / std


def levels(count: int, height: int, width: int, seed: int) -> np.ndarray:
    """Noise, a ramp, and flat areas, whose levels a rounded weight would lower by one."""
    photos = np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)
    photos[1::3] = (np.arange(width) * 255 // width)[None, :, None]
    photos[2::3] = 100
    return photos


@pytest.mark.parametrize("name", ALONE)
def test_each_change_has_the_same_bits(name):
    photos = levels(6, 30, 22, 0)
    draws = [ALONE[name]] * 6
    assert np.array_equal(keras_cpu.change(photos, np.arange(6), draws, NORMAL), expected(photos, draws))


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(["none", "A", "B", "C", "far"]),
    sides=st.tuples(st.integers(2, 40), st.integers(2, 40)),
    seed=st.integers(0, 2**31 - 1),
)
def test_draws_of_any_policy_have_the_same_bits(name, sides, seed):
    far = Policy(rotation=170, shift=0.9, zoom=0.7, shear=50, flip=True, brightness=0.9, channel_shift=0.8)
    policy, random = (POLICIES | {"far": far})[name], np.random.RandomState(seed)
    photos = levels(7, *sides, seed)
    draws = [draw_one(policy, random, *sides) for _ in photos]
    assert np.array_equal(keras_cpu.change(photos, np.arange(7), draws, NORMAL), expected(photos, draws))


def test_threads_and_order_change_nothing():
    photos, random = levels(9, 26, 31, 4), np.random.RandomState(3)
    draws = [draw_one(POLICIES["C"], random, 26, 31) for _ in photos]
    whole = expected(photos, draws)
    for count in (2, 3):
        workers = Workers(count)
        assert np.array_equal(keras_cpu.change(photos, np.arange(9), draws, NORMAL, workers), whole)
        workers.close()
    rows = np.array([5, 2, 8])
    assert np.array_equal(keras_cpu.change(photos, rows, [draws[row] for row in rows], NORMAL), whole[rows])


def test_a_row_that_is_not_there_is_refused():
    with pytest.raises(DataError, match="are asked for"):
        keras_cpu.change(levels(3, 8, 8, 0), np.array([3]), [KerasDraw()])
