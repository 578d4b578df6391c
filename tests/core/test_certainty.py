"""Calibration, refusal and temperature against values worked out by hand and against slow, plain formulas."""

from __future__ import annotations

import numpy as np
import pytest

from fingerspell.core.certainty import (
    BINS,
    ENOUGH,
    STEPS,
    answer_from,
    answered_at,
    bins_of,
    calibration_error,
    refusal_curve,
    tempered,
    threshold_of,
)


def answers(count: int = 400, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Confidences, and answers that are right as often as these say."""
    draw = np.random.default_rng(seed)
    confidence = draw.uniform(0.2, 1, count)
    return confidence, draw.uniform(size=count) < confidence


class TestCalibrationError:
    def test_by_the_bins(self):
        confidence, correct = answers()
        bins = bins_of(confidence, correct)
        plain = sum(b.count * abs((b.accuracy or 0) - (b.confidence or 0)) for b in bins) / len(confidence)
        assert calibration_error(confidence, correct) == pytest.approx(plain)
        assert len(bins) == BINS
        assert sum(b.count for b in bins) == len(confidence)
        assert all(b.low < b.confidence <= b.high for b in bins if b.confidence is not None)

    def test_weights_are_as_good_as_repetition(self):
        confidence, correct = answers(60)
        weights = np.random.default_rng(1).integers(1, 5, 60)
        repeated = calibration_error(np.repeat(confidence, weights), np.repeat(correct, weights))
        assert calibration_error(confidence, correct, weights.astype(float)) == pytest.approx(repeated)
        assert calibration_error(confidence, correct) != pytest.approx(repeated)

    def test_overconfidence_and_its_opposite_do_not_cancel_out(self):
        assert calibration_error(np.array([0.9, 0.3]), np.array([False, True])) == pytest.approx((0.9 + 0.7) / 2)


class TestAnsweredAt:
    def test_the_threshold_itself_is_answered(self):
        found = answered_at(0.6, np.array([0.5, 0.6, 0.9]), np.array([True, False, True]))
        assert (found.threshold, found.share, found.accuracy) == (0.6, pytest.approx(2 / 3), 0.5)

    def test_nothing_answered_has_no_accuracy(self):
        assert answered_at(0.99, np.array([0.5]), np.array([True])).accuracy is None


class TestRefusalCurve:
    def test_each_point_is_what_its_threshold_does(self):
        confidence, correct = answers(333)
        curve = refusal_curve(confidence, correct)
        assert 90 <= len(curve) <= STEPS
        assert [point.share for point in curve] == sorted(point.share for point in curve)
        assert curve[-1].share == 1
        assert curve[-1].accuracy == pytest.approx(correct.mean())
        for point in curve:
            again = answered_at(point.threshold, confidence, correct)
            assert (point.share, point.accuracy) == (pytest.approx(again.share), pytest.approx(again.accuracy))

    def test_equal_confidences_go_together(self):
        curve = refusal_curve(np.array([0.5] * 7 + [0.9] * 3), np.array([True] * 6 + [False] + [True] * 3))
        assert [(point.threshold, point.share) for point in curve] == [(0.9, pytest.approx(0.3)), (0.5, 1.0)]
        assert curve[0].accuracy == 1
        assert curve[1].accuracy == pytest.approx(0.9)

    def test_the_surest_answers_come_first(self):
        confidence, correct = answers(2000)
        curve = refusal_curve(confidence, correct)
        assert curve[9].accuracy > 0.9
        assert curve[-1].accuracy < 0.7


class TestAnswerFrom:
    def test_it_is_the_smallest_threshold_that_does_it(self):
        confidence, correct = answers(500)
        found = answer_from(confidence, correct, 0.9)
        assert found is not None
        right = {t: correct[confidence >= t].mean() for t in confidence}
        assert found.threshold == min(t for t, share in right.items() if share >= 0.9)
        assert found.accuracy == pytest.approx(right[found.threshold])
        assert found.share == pytest.approx((confidence >= found.threshold).mean())

    def test_always_right_means_always_answered(self):
        confidence = np.linspace(0.3, 0.9, 80)
        found = answer_from(confidence, np.ones(80, bool), 0.97)
        assert found is not None
        assert (found.threshold, found.share, found.accuracy) == (0.3, 1.0, 1.0)

    def test_too_few_answers_prove_nothing(self):
        confidence = np.linspace(0.2, 0.99, 200)
        correct = np.arange(200) >= 200 - ENOUGH + 1  # one fewer than enough are right, the surest
        assert answer_from(confidence, correct, 0.99) is None
        correct = np.arange(200) >= 200 - ENOUGH
        found = answer_from(confidence, correct, 0.99)
        assert found is not None
        assert found.share == ENOUGH / 200
        assert answer_from(confidence[: ENOUGH - 1], np.ones(ENOUGH - 1, bool), 0.5) is None
        assert answer_from(confidence[:ENOUGH], np.ones(ENOUGH, bool), 0.5) is not None

    def test_weights_count(self):
        confidence = np.concatenate([np.full(100, 0.9), np.full(100, 0.5)])
        correct = np.arange(200) < 190
        weights = np.concatenate([np.full(100, 1.0), np.full(100, 9.0)])
        assert answer_from(confidence, correct, 0.95).threshold == 0.5
        found = answer_from(confidence, correct, 0.95, weights)
        assert (found.threshold, found.share) == (0.9, pytest.approx(0.1))
        mixed = np.random.default_rng(2).permutation(200)
        assert answer_from(confidence[mixed], correct[mixed], 0.95, weights[mixed]) == found


class TestTempered:
    def test_it_is_a_softmax_of_divided_logits(self):
        logits = np.random.default_rng(0).normal(0, 4, (30, 7))
        plain = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        hot = np.exp(logits / 2.5) / np.exp(logits / 2.5).sum(axis=1, keepdims=True)
        assert tempered(plain, 2.5) == pytest.approx(hot)
        assert tempered(plain, 1.0) == pytest.approx(plain)
        assert tempered(plain, 2.5).max() < plain.max()

    def test_a_probability_of_zero_stays_finite(self):
        found = tempered(np.array([[1.0, 0.0, 0.0]], np.float32), 3.0)
        assert np.isfinite(found).all()
        assert found.sum() == pytest.approx(1)
        assert found[0, 0] > 0.999


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ({"calibration": {"answer_from": 0.61}}, 0.61),
        ({"calibration": {"answer_from": 0}}, 0.0),
        ({"calibration": {"answer_from": 1}}, 1.0),
        ({"calibration": {"answer_from": None}}, None),
        ({"calibration": {"answer_from": 1.2}}, None),
        ({"calibration": {"answer_from": -0.1}}, None),
        ({"calibration": {"answer_from": True}}, None),
        ({"calibration": {"answer_from": "0.5"}}, None),
        ({"calibration": {"answer_from": float("nan")}}, None),
        ({"calibration": [0.5]}, None),
        ({"calibration": {}}, None),
        ({}, None),
    ],
)
def test_a_card_says_from_where_on_answers_are_sure_or_nothing(card, expected):
    assert threshold_of(card) == expected
