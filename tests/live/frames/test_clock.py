"""Times never run backward, and one wrong time does not shift the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fingerspell.live.frames.clock import Clock


def run(said: list[float | None], interval: float = 0.1) -> tuple[list[float], int]:
    clock = Clock(interval)
    return [round(clock.seconds(each), 4) for each in said], clock.repaired


@pytest.mark.parametrize(
    ("said", "given", "repaired"),
    [
        ([0, 0.1, 0.5, 2.0], [0, 0.1, 0.5, 2.0], 0),
        ([0.5, 0.6], [0.5, 0.6], 0),  # the picture begins after the sound
        ([None, None, None], [0, 0.1, 0.2], 3),
        ([0, 0.1, None, 0.3], [0, 0.1, 0.2, 0.3], 1),
        ([0, 0.1, 0.05, 0.2], [0, 0.1, 0.1, 0.2], 1),  # out of order: only this one
        ([5, 5.1, 0.0, 5.2], [5, 5.1, 5.2, 5.2], 1),  # one absurd time
        ([5, 5.1, 0.0, 5.15], [5, 5.1, 5.2, 5.2], 2),
        ([5, 5.1, 0.0, 0.1, 0.2], [5, 5.1, 5.2, 5.3, 5.4], 1),  # the clock was set back: joined recordings
        ([0.3, 0.4, 0.1, 0.1, 0.1, 0.2], [0.3, 0.4, 0.4, 0.4, 0.5, 0.6], 3),  # set back a little
        ([-1, 0.1], [0, 0.1], 1),
        ([1, 1, 1], [1, 1, 1], 0),
    ],
)
def test_repairs(said, given, repaired):
    assert run(said) == (pytest.approx(given), repaired)


def test_the_usual_interval_is_learnt():
    found, _ = run([n * 0.04 for n in range(40)] + [None, None])
    assert found[-1] - found[-2] == pytest.approx(0.04, abs=0.001)


def test_a_pause_is_no_usual_interval():
    found, _ = run([0, 0.1, 60.0, None])
    assert found[-1] == pytest.approx(60.1)


@given(st.lists(st.none() | st.floats(-1e6, 1e6), max_size=60))
def test_never_backward_never_below_zero(said):
    clock = Clock()
    found = [clock.seconds(each) for each in said]
    assert found == sorted(found)
    assert all(each >= 0 for each in found)
