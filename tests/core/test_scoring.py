"""Scores against values worked out by hand and against slow, plain formulas."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fingerspell.core.alphabet import LABELS
from fingerspell.core.certainty import BINS, THRESHOLDS
from fingerspell.core.errors import DataError
from fingerspell.core.scoring import Scores, bootstrap, score

# Four photos of three labels: A→A, A→B (sure), B→B, C→B. J stands for a motion letter elsewhere.
SMALL = np.array([[0.8, 0.1, 0.1], [0.04, 0.95, 0.01], [0.3, 0.6, 0.1], [0.15, 0.55, 0.3]])
TRUTH = np.array([0, 0, 1, 2])
GROUPS = ["a0", "a1", "b0", "c0"]


def small() -> Scores:
    return score(SMALL, TRUTH, ("A", "B", "C"), GROUPS)


def test_shares_by_hand():
    scores = small()
    assert (scores.photos, scores.groups) == (4, 4)
    assert scores.accuracy == 0.5
    assert scores.macro_accuracy == pytest.approx((0.5 + 1 + 0) / 3)
    assert scores.top3 == 1.0
    assert scores.nll == pytest.approx(-np.mean(np.log([0.8, 0.04, 0.6, 0.3])))


def test_confusion_has_the_truth_in_rows():
    assert small().confusion == ((1, 1, 0), (0, 1, 0), (0, 1, 0))


def test_letters_by_hand():
    a, b, c = small().letters
    assert (a.count, a.predicted, a.precision, a.recall) == (2, 1, 1.0, 0.5)
    assert a.f1 == pytest.approx(2 / 3)
    assert (b.count, b.predicted, b.recall) == (1, 3, 1.0)
    assert b.precision == pytest.approx(1 / 3)
    assert (c.count, c.predicted, c.precision, c.recall, c.f1) == (1, 0, None, 0.0, 0.0)


def test_an_absent_label_has_no_recall_and_no_weight_in_the_macro_accuracy():
    scores = score([[0.9, 0.1, 0.0]], [0], ("A", "B", "C"), ["x"])
    assert scores.letters[1].recall is None
    assert scores.letters[1].f1 is None
    assert scores.macro_accuracy == 1.0


def test_pairs_are_directed_and_ordered_by_count():
    probabilities = np.eye(3)[[1, 1, 0, 2]]
    pairs = score(probabilities, [0, 0, 1, 0], ("A", "B", "C"), GROUPS).pairs
    assert [(p.truth, p.said, p.count) for p in pairs] == [("A", "B", 2), ("A", "C", 1), ("B", "A", 1)]
    assert pairs[0].share == pytest.approx(2 / 3)


def test_top3_counts_the_truth_among_the_three_most_probable():
    rows = np.array([[0.4, 0.3, 0.2, 0.1]] * 4)
    assert score(rows, [0, 1, 2, 3], ("A", "B", "C", "D"), GROUPS).top3 == 0.75


def test_equal_probabilities_are_ranked_as_argmax_does():
    rows = np.full((4, 4), 0.25)
    scores = score(rows, [0, 1, 2, 3], ("A", "B", "C", "D"), GROUPS)
    assert scores.accuracy == 0.25
    assert scores.top3 == 0.75
    assert [score(rows[:1], [place], ("A", "B", "C", "D"), ["x"]).top3 for place in range(4)] == [1, 1, 1, 0]


def test_calibration_error_by_the_plain_formula():
    generator = np.random.default_rng(3)
    rows = generator.dirichlet(np.full(5, 0.4), size=500)
    truth = generator.integers(0, 5, 500)
    scores = score(rows, truth, LABELS[:5], [str(i) for i in range(500)])
    confidence, correct = rows.max(axis=1), rows.argmax(axis=1) == truth
    expected = 0.0
    for index in range(15):
        own = (confidence > index / 15) & (confidence <= (index + 1) / 15)
        if own.any():
            expected += own.mean() * abs(correct[own].mean() - confidence[own].mean())
    assert scores.ece == pytest.approx(expected)
    assert sum(b.count for b in scores.bins) == 500
    assert len(scores.bins) == BINS == 15


def test_a_confidence_on_a_border_falls_into_the_lower_bin():
    scores = score([[0.6, 0.4], [1.0, 0.0]], [0, 0], ("A", "B"), ["x", "y"])
    assert [b.count for b in scores.bins if b.count] == [1, 1]
    assert scores.bins[8].count == 1  # (8/15, 9/15]: 0.6 is its upper end
    assert scores.bins[14].count == 1


def test_answered_share_and_accuracy_at_each_threshold():
    answered = {a.threshold: (a.share, a.accuracy) for a in small().answered}
    assert tuple(answered) == THRESHOLDS
    assert answered[0.0] == (1.0, 0.5)
    assert answered[0.6] == (0.75, pytest.approx(2 / 3))
    assert answered[0.8] == (0.5, 0.5)
    assert answered[0.9] == (0.25, 0.0)
    assert answered[0.99] == (0.0, None)


def test_static_accuracy_leaves_motion_letters_and_special_signs_out():
    labels = ("A", "J", "Z", "space")
    rows = np.eye(4)[[0, 0, 0, 0]]
    scores = score(rows, [0, 1, 2, 3], labels, GROUPS)
    assert scores.accuracy == 0.25
    assert scores.static_accuracy == 1.0
    assert score(rows[:1], [1], labels, ["x"]).static_accuracy is None


def test_interval_resamples_whole_groups():
    """Twenty groups of 50 photos that stand or fall together spread as 20 witnesses do, not as 1,000."""
    members = np.repeat(np.arange(20), 50)
    correct = members % 2 == 0
    interval, note = bootstrap(correct, members)
    assert interval is not None
    spread = np.sqrt(0.25 / 20)
    assert interval.low == pytest.approx(0.5 - 1.96 * spread, abs=0.04)
    assert interval.high == pytest.approx(0.5 + 1.96 * spread, abs=0.04)
    assert "20 whole groups" in note
    single, _ = bootstrap(correct, np.arange(1000))
    assert single is not None
    assert single.high - single.low < (interval.high - interval.low) / 5


def test_interval_weighs_groups_by_their_photos():
    """One large group that is wrong pulls some draws far below the mean of the groups' own accuracies."""
    members = np.concatenate([np.zeros(90, int), np.arange(1, 11)])
    correct = members > 0
    interval, _ = bootstrap(correct, members)
    assert interval is not None
    assert interval.low < 0.05
    assert interval.high == 1.0  # a draw without the large group


def test_interval_is_the_same_every_time_and_in_any_piece_size(monkeypatch):
    members = np.repeat(np.arange(12), 3)
    correct = np.arange(36) % 3 == 0
    correct[:9] = True
    first = bootstrap(correct, members)
    assert bootstrap(correct, members) == first
    monkeypatch.setattr("fingerspell.core.scoring._CHUNK", 120)  # ten draws at a time
    assert bootstrap(correct, members) == first


def test_one_group_has_no_interval_and_says_so():
    scores = score(SMALL, TRUTH, ("A", "B", "C"), ["same"] * 4)
    assert scores.interval is None
    assert "one group" in scores.interval_note


def test_few_groups_are_called_rough():
    assert "rough" in small().interval_note


@pytest.mark.parametrize(("said", "low", "high"), [(0, 0.025**0.25, 1.0), (1, 0.0, 1 - 0.025**0.25)])
def test_groups_all_alike_get_the_exact_bound_instead_of_a_point(said, low, high):
    scores = score(np.eye(2)[[said] * 4], [0] * 4, ("A", "B"), GROUPS)
    assert scores.interval is not None
    assert (scores.interval.low, scores.interval.high) == (pytest.approx(low), pytest.approx(high))
    assert "exact" in scores.interval_note


def test_a_letter_gets_an_interval_from_five_groups_on():
    rows = np.eye(2)[[0, 0, 0, 0, 1, 1, 1]]
    truth = [0, 0, 0, 0, 0, 1, 1]
    groups = ["0", "1", "2", "3", "4", "5", "6"]
    a, b = score(rows, truth, ("A", "B"), groups).letters
    assert a.recall_interval is not None
    assert a.recall_interval.low < 0.8 < a.recall_interval.high
    assert b.recall_interval is None
    assert score(rows, truth, ("A", "B"), ["0", "1", "2", "3", "3", "5", "6"]).letters[0].recall_interval is None


def test_scores_survive_json():
    scores = small()
    assert Scores.from_dict(json.loads(json.dumps(scores.as_dict()))) == scores
    alone = score(SMALL, TRUTH, ("A", "B", "C"), ["same"] * 4)
    assert Scores.from_dict(json.loads(json.dumps(alone.as_dict()))) == alone


@pytest.mark.parametrize("change", [{"format": "other"}, {"letters": [{}]}, {"bins": None}, {"surprise": 1}])
def test_malformed_scores_are_refused(change):
    with pytest.raises(DataError, match="malformed"):
        Scores.from_dict({**small().as_dict(), **change})


@pytest.mark.parametrize(
    ("rows", "truth", "groups", "message"),
    [
        (np.zeros((0, 3)), [], [], "no photos"),
        (np.zeros((4, 2)), TRUTH, GROUPS, "shape"),
        (SMALL[0], TRUTH, GROUPS, "shape"),
        (SMALL * np.nan, TRUTH, GROUPS, "4 of 4 photos are not finite"),
        (np.where(SMALL == 0.8, np.inf, SMALL), TRUTH, GROUPS, "1 of 4 photos are not finite"),
        (SMALL * 2, TRUTH, GROUPS, "no probabilities"),
        (np.add(SMALL, [[1, -1, 0]]), TRUTH, GROUPS, "no probabilities"),
        (SMALL, TRUTH[:3], GROUPS, "one truth and one group"),
        (SMALL, TRUTH, GROUPS[:3], "one truth and one group"),
        (SMALL, [0, 1, 2, 3], GROUPS, "no label"),
        (SMALL, [0, -1, 2, 1], GROUPS, "no label"),
        (SMALL, [0.0, 1.0, 2.0, 1.0], GROUPS, "no label"),
    ],
)
def test_impossible_input_is_an_error_that_says_what(rows, truth, groups, message):
    with pytest.raises(DataError, match=message):
        score(rows, truth, ("A", "B", "C"), groups)


def test_a_label_may_not_stand_twice():
    with pytest.raises(DataError, match="two columns"):
        score(SMALL, TRUTH, ("A", "B", "A"), GROUPS)


def test_float32_rows_of_a_softmax_pass():
    logits = np.random.default_rng(0).normal(0, 40, (64, 29)).astype(np.float32)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    scores = score(shares, np.zeros(64, int), LABELS, ["a", "b"] * 32)
    assert np.isfinite(scores.nll)
