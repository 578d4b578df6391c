"""The judge counts what is found, by group, and its cases are what their names say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fingerspell.lab.finder.judge import SIZES, Case, composed_cases, judged, overlap, row_of

BOX = np.array([10, 10, 30, 50], np.float32)


def test_overlap_is_intersection_over_union():
    assert overlap(BOX, BOX) == 1
    assert overlap(BOX, BOX + np.array([10, 0, 10, 0])) == pytest.approx(1 / 3)
    assert overlap(BOX, BOX + np.array([0, 20, 0, 20])) == pytest.approx(1 / 3)
    assert overlap(BOX, BOX + 100) == 0
    assert overlap(np.zeros(4), np.zeros(4)) == 0


def test_rows_are_counted_by_group():
    grey = np.zeros((60, 60, 3), np.uint8)
    cases = [
        Case(grey + 1, BOX, ("small", "fist")),
        Case(grey + 2, BOX, ("small",)),
        Case(grey + 3, BOX, ("large",)),
        Case(grey + 4, None, ("none",)),
        Case(grey + 5, None, ("none",)),
    ]
    answers = {1: (BOX.astype(float), 0.9), 2: (BOX + 100.0, 0.8), 3: None, 4: None, 5: (BOX.astype(float), 0.4)}
    rows = judged(cases, lambda pixels: answers[int(pixels[0, 0, 0])])
    assert list(rows) == ["small", "fist", "large", "none", "all"]
    assert (rows["small"].hands, rows["small"].recall, rows["small"].overlap) == (2, 0.5, 0.5)
    assert rows["fist"].recall == 1 and rows["large"].recall == 0 and math.isnan(rows["large"].overlap)
    assert rows["none"].alarms == 0.5 and math.isnan(rows["none"].recall)
    assert (rows["all"].hands, rows["all"].empty) == (3, 2)
    assert rows["all"].recall == pytest.approx(1 / 3)
    assert row_of([]).hands == 0


def test_a_hand_is_found_from_half_on():
    assert row_of([(True, 0.5)]).recall == 1
    assert row_of([(True, 0.499)]).recall == 0


def test_cases_are_what_their_groups_say(stock):
    cases = list(composed_cases(stock, 3, seed=2))
    assert len(cases) == 3 * 8
    for name, (low, high) in SIZES.items():
        some = [case for case in cases if name in case.groups]
        assert len(some) == 3
        for case in some:
            longer = float(np.ptp(case.box.reshape(2, 2), axis=0).max()) / case.pixels.shape[0]
            assert low - 0.02 <= longer <= high + 0.02
            assert case.label in "AB" and {"light hand", "dark hand"} & set(case.groups)
            assert ("fist" if case.label == "A" else "open hand") in case.groups
    empty = [case for case in cases if case.box is None]
    assert len(empty) == 6 and {case.label for case in empty} == {"nothing"}
    again = list(composed_cases(stock, 3, seed=2))
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(cases, again, strict=True))
    assert not np.array_equal(cases[0].pixels, next(composed_cases(stock, 1, seed=3)).pixels)
