"""The last layer learns from photos, is pulled towards what it was, and keeps letters without photos."""

from __future__ import annotations

import numpy as np
import pytest

from fingerspell.core.head import Head
from fingerspell.live.adapting import refit
from fingerspell.live.adapting.lbfgs import minimise
from fingerspell.live.adapting.refit import PULLS, changed, solve, task_of

CLASSES, SIZE = 6, 12


@pytest.fixture
def trained():
    """A layer as training leaves it, and its classes' middles: both along the same directions."""
    draw = np.random.default_rng(0)
    directions = draw.normal(0, 1, (CLASSES, SIZE))
    directions -= directions.mean(axis=0)
    middle = draw.normal(3, 0.2, SIZE)
    bias = -(directions @ middle)
    return Head(directions.astype(np.float32), bias.astype(np.float32), 1.0), middle + directions


def person(middles: np.ndarray, labels: list[int], each: int, shift: float, seed: int = 1):
    draw = np.random.default_rng(seed)
    away = draw.normal(0, shift, SIZE)
    truth = np.repeat(labels, each)
    own = np.random.default_rng(9).normal(0, shift, (CLASSES, SIZE))
    return middles[truth] + away + own[truth] + draw.normal(0, 0.3, (len(truth), SIZE)), truth


def right(head: Head, features: np.ndarray, truth: np.ndarray) -> float:
    return float((head.probabilities(features).argmax(axis=1) == truth).mean())


def refitted(head: Head, features: np.ndarray, truth: np.ndarray, pull: float) -> Head:
    task = task_of(head, features, truth)
    return changed(head, task, solve(task, pull))


def test_a_person_of_their_own_is_learnt(trained):
    head, middles = trained
    features, truth = person(middles, list(range(CLASSES)), 20, 1.2)
    before = right(head, features, truth)
    after = [right(refitted(head, features[::2], truth[::2], pull), features[1::2], truth[1::2]) for pull in PULLS]
    assert before < 0.8
    assert after[-1] > 0.95
    assert after == sorted(after)


def test_a_strong_pull_changes_nothing_and_weaker_ones_more(trained):
    head, middles = trained
    features, truth = person(middles, [0, 1, 2], 5, 1.0)
    gone = [np.abs(refitted(head, features, truth, pull).weight - head.weight).max() for pull in (1e6, *PULLS)]
    assert gone[0] < 1e-4
    assert gone == sorted(gone)


def test_letters_without_photos_stay_because_of_their_anchors(trained, monkeypatch):
    head, middles = trained
    features, truth = person(middles, [0, 1, 2, 3], 8, 0.6)
    absent, absent_truth = person(middles, [4, 5], 40, 0.6, seed=1)
    kept = right(refitted(head, features, truth, 0.01), absent, absent_truth)
    monkeypatch.setattr(refit, "ABSENT", 0.0)
    monkeypatch.setattr(refit, "GIVEN", 0.0)
    forgotten = right(refitted(head, features, truth, 0.01), absent, absent_truth)
    assert kept > 0.85
    assert forgotten < kept - 0.2


def test_photos_that_lie_nowhere_along_the_weights_give_no_anchors(trained):
    head, middles = trained
    features, truth = person(middles, [0, 1], 5, 0.1)
    against = task_of(Head(-head.weight, head.bias, 1.0), features, truth)
    assert (against.weights[len(truth) :] == 0).all()
    assert (task_of(head, features, truth).weights[len(truth) :] > 0).all()


def test_letters_weigh_the_same_however_many_photos(trained):
    head, middles = trained
    features, truth = person(middles, [0, 1], 6, 0.3)
    few = np.r_[0, 6:12]
    task = task_of(head, features[few], truth[few])
    assert task.weights[0] == pytest.approx(task.weights[1:7].sum())


def test_the_size_of_features_does_not_matter(trained):
    head, middles = trained
    features, truth = person(middles, [0, 1, 2, 3, 4, 5], 5, 1.0)
    small = Head(head.weight * 100, head.bias, head.temperature)
    plain, shrunk = refitted(head, features, truth, 0.1), refitted(small, features / 100, truth, 0.1)
    assert plain.probabilities(features) == pytest.approx(shrunk.probabilities(features / 100), abs=1e-4)


def test_the_temperature_stays_and_counts(trained):
    head, middles = trained
    warm = Head(head.weight * 2, head.bias * 2, 2.0)
    features, truth = person(middles, [0, 1, 2], 5, 1.0)
    plain, tempered = refitted(head, features, truth, 0.1), refitted(warm, features, truth, 0.1)
    assert tempered.temperature == 2.0
    assert plain.probabilities(features) == pytest.approx(tempered.probabilities(features), abs=1e-5)


def test_the_solution_is_one(trained):
    """Its gradient, by differences, is nothing; and a start elsewhere ends there too."""
    head, middles = trained
    task = task_of(head, *person(middles, [0, 1, 2], 5, 1.0))
    found = solve(task, 0.1)
    again = solve(task, 0.1, start=np.random.default_rng(0).normal(0, 1, found.shape))
    assert np.abs(found - again).max() < 1e-5

    def value(change: np.ndarray) -> float:
        logits = task.inputs @ (task.shipped + change).T
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        missed = -np.log(shares[np.arange(len(task.truth)), task.truth])
        return float(task.weights @ missed + 0.05 * (change**2).sum())

    for place in [(0, 0), (3, 5), (5, SIZE)]:
        step = np.zeros_like(found)
        step[place] = 1e-3
        assert abs(value(found + step) - value(found - step)) / 2e-3 < 1e-5


class TestMinimise:
    def test_a_narrow_valley(self):
        steep = np.array([1.0, 30.0, 1000.0])
        goal = np.array([1.0, -2.0, 3.0])
        found = minimise(
            lambda x: (float(steep @ (x - goal) ** 2) / 2, steep * (x - goal)), np.zeros(3), tolerance=1e-9
        )
        assert found == pytest.approx(goal, abs=1e-8)

    def test_already_there(self):
        start = np.array([1.0, 2.0])
        found = minimise(lambda x: (float(x @ x) * 0, x * 0), start, tolerance=1e-9)
        assert np.array_equal(found, start)
        assert found is not start

    def test_where_numbers_end_it_ends(self):
        calls = []

        def uphill_everywhere(x: np.ndarray) -> tuple[float, np.ndarray]:
            calls.append(1)
            return float(len(calls)), np.ones(2)

        assert np.array_equal(minimise(uphill_everywhere, np.zeros(2), 1e-9), np.zeros(2))
        assert len(calls) < 100
