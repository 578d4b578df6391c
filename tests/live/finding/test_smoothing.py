"""Still numbers rest, moving ones do not lag."""

from __future__ import annotations

import numpy as np
import pytest

from fingerspell.live.finding.smoothing import OneEuro


def test_the_first_value_is_itself_and_tremble_is_taken_out():
    draw = np.random.default_rng(0)
    smooth = OneEuro(1.0, 0.0)
    values = 100 + draw.normal(0, 3, 200)
    found = [smooth.step(float(value), 1 / 30) for value in values]
    assert found[0] == values[0]
    assert np.std(found[50:]) < 0.5 * np.std(values[50:])
    assert np.mean(found[50:]) == pytest.approx(100, abs=1)


def test_one_step_is_the_papers_formula():
    smooth = OneEuro(1.5, 0.0)
    smooth.step(0.0, 0.1)
    rate = 1 / (1 + 1 / (2 * np.pi * 1.5 * 0.1))
    assert smooth.step(10.0, 0.1) == pytest.approx(10 * rate)


def test_quick_changes_are_followed_sooner():
    slow, quick = OneEuro(1.0, 0.0), OneEuro(1.0, 2.0)
    for number in range(10):
        one, other = slow.step(number * 50.0, 1 / 30), quick.step(number * 50.0, 1 / 30)
    assert 450 - other < 0.3 * (450 - one)


def test_speed_counts_in_units():
    near, far = OneEuro(1.0, 2.0), OneEuro(1.0, 2.0)
    for number in range(10):
        one, other = near.step(number * 50.0, 1 / 30, 100.0), far.step(number * 5.0, 1 / 30, 10.0)
    assert one == pytest.approx(10 * other)


def test_no_time_changes_nothing_and_reset_begins_anew():
    smooth = OneEuro(1.0, 1.0)
    smooth.step(5.0, 0.1)
    assert smooth.step(50.0, 0.0) == 5.0
    smooth.reset()
    assert smooth.step(70.0, 0.1) == 70.0
