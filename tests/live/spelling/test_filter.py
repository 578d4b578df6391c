"""The forward recursion against one that is written out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fingerspell.live.spelling.filter import SignFilter
from fingerspell.live.spelling.settings import SpellingSettings

SETTINGS = SpellingSettings(looks=10, changes=2, between=0.25)


def by_hand(belief: list[float], elapsed: float, look: float, probabilities: list[float]) -> list[float]:
    """Each state keeps exp(−2·elapsed) of itself and gives the rest in equal parts to all others."""
    keep = math.exp(-2 * elapsed)
    states = len(belief)
    came = [
        sum(belief[j] * (keep if j == i else (1 - keep) / (states - 1)) for j in range(states)) for i in range(states)
    ]
    seen = [*(max(p, 1e-3) for p in probabilities), 0.25]
    weighed = [c * s ** (10 * look) for c, s in zip(came, seen, strict=True)]
    return [w / sum(weighed) for w in weighed]


def test_two_steps():
    belief = [0.0, 0.0, 1.0]
    filtered = SignFilter(2, SETTINGS)
    for elapsed, probabilities in ((0.04, [0.7, 0.3]), (0.1, [0.2, 0.8]), (0.05, [0.0, 0.9])):
        filtered.step(elapsed, np.array(probabilities))
        belief = by_hand(belief, elapsed, elapsed, probabilities)
        assert filtered.belief == pytest.approx(belief, rel=1e-12)


def test_one_frame_speaks_for_a_fifth_of_a_second_at_most():
    filtered = SignFilter(2, SETTINGS)
    filtered.step(0.9, np.array([0.7, 0.3]))
    assert filtered.belief == pytest.approx(by_hand([0.0, 0.0, 1.0], 0.9, 0.2, [0.7, 0.3]), rel=1e-12)


def test_one_wrong_frame_rules_nothing_out():
    filtered = SignFilter(2, SETTINGS)
    for _ in range(30):
        filtered.step(1 / 30, np.array([0.9, 0.1]))
    filtered.step(1 / 30, np.array([0.0, 1.0]))
    assert filtered.belief.argmax() == 0
