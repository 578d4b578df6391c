"""The distance of two straight pieces, against a search over both."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba", reason="rendering hands needs the 'hands' part of the package")

from fingerspell.hands.segments import between

points = st.lists(st.floats(-3, 3), min_size=12, max_size=12).map(lambda flat: np.array(flat).reshape(4, 3))
SHARES = np.linspace(0, 1, 41)


@given(points)
@settings(max_examples=60, deadline=None)
def test_nothing_is_nearer(ends):
    distance, s, t = between(*ends)
    assert 0 <= s <= 1 and 0 <= t <= 1
    one = ends[0] + SHARES[:, None] * (ends[1] - ends[0])
    two = ends[2] + SHARES[:, None] * (ends[3] - ends[2])
    assert distance <= np.linalg.norm(one[:, None] - two[None], axis=2).min() + 1e-6
    there = ends[0] + s * (ends[1] - ends[0]) - ends[2] - t * (ends[3] - ends[2])
    assert distance == pytest.approx(np.linalg.norm(there), abs=1e-9)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        (([0, 0, 0], [2, 0, 0], [1, -1, 3], [1, 1, 3]), (3, 0.5, 0.5)),  # crossing
        (([0, 0, 0], [1, 0, 0], [3, 0, 0], [4, 0, 0]), (2, 1, 0)),  # in one line
        (([0, 0, 0], [1, 0, 0], [4, 0, 0], [3, 0, 0]), (2, 1, 1)),
        (([1, 0, 0], [0, 0, 0], [3, 0, 0], [4, 0, 0]), (2, 0, 0)),
        (([0, 0, 0], [0, 0, 0], [0, -1, 2], [0, 3, 2]), (2, None, 0.25)),  # a point and a piece
        (([0, 0, 0], [0, 4, 0], [0, 1, 2], [0, 1, 2]), (2, 0.25, None)),
        (([0, 0, 0], [0, 4, 0], [3, 1, 0], [3, 9, 0]), (3, None, None)),
        (([0, 0, 0], [0, 0, 0], [0, 3, 4], [0, 3, 4]), (5, None, None)),
    ],
)
def test_by_hand(ends, expected):
    found = between(*(np.array(end, float) for end in ends))
    for value, wanted in zip(found, expected, strict=True):
        assert wanted is None or value == pytest.approx(wanted, abs=1e-9)
