"""A letter's mark, against values of Wilson's interval worked out elsewhere."""

from __future__ import annotations

import pytest

from fingerspell.core.errors import DataError
from fingerspell.core.reliability import mark_of, wilson


@pytest.mark.parametrize(
    ("right", "photos", "low", "high"),
    [(9, 10, 0.59585, 0.98213), (0, 10, 0.0, 0.27754), (10, 10, 0.72246, 1.0), (50, 100, 0.40383, 0.59617)],
)
def test_wilson(right, photos, low, high):
    assert wilson(right, photos) == (pytest.approx(low, abs=2e-5), pytest.approx(high, abs=2e-5))


@pytest.mark.parametrize(("right", "photos"), [(0, 0), (3, 2), (-1, 4)])
def test_what_is_no_share(right, photos):
    with pytest.raises(DataError, match="cannot be a share"):
        wilson(right, photos)


@pytest.mark.parametrize(
    ("right", "photos", "mark"),
    [
        (30, 30, "good"),
        (29, 30, "good"),
        (28, 30, "fair"),  # 93% of so few may well be less than 80% of many
        (280, 300, "good"),
        (24, 30, "fair"),
        (23, 30, "weak"),
        (10, 10, "fair"),
        (3, 3, "weak"),
        (0, 40, "weak"),
        (0, 0, "unknown"),
    ],
)
def test_marks(right, photos, mark):
    assert mark_of(right, photos) == mark
