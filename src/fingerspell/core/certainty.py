"""How sure an answer is, and how far that can be trusted: calibration, refusal ("please repeat"), a temperature.

An answer's confidence is its highest probability. Photos may weigh differently, so that a small set of photos counts as
much as a large one beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 15
THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
STEPS = 100
"""Points of a refusal curve at most: one for each hundredth of the photos."""
ENOUGH = 50
"""Answers that a threshold must be judged by: of fewer, a share near 1 says little."""

_SMALLEST = 1e-38  # the least normal float32: what lies below has no logarithm that means anything


@dataclass(frozen=True)
class ReliabilityBin:
    """Photos whose confidence lies in (low, high], their mean confidence and accuracy (None when empty)."""

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Answered:
    """When only answers with at least `threshold` confidence are given: share answered, accuracy of these."""

    threshold: float
    share: float
    accuracy: float | None


def bins_of(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> tuple[ReliabilityBin, ...]:
    """`BINS` bins of equal width over confidences (N,) in 0–1, for a reliability diagram."""
    place = _places(confidence)
    found = []
    for index in range(BINS):
        own = place == index
        some = bool(own.any())
        found.append(
            ReliabilityBin(
                low=index / BINS,
                high=(index + 1) / BINS,
                count=int(own.sum()),
                confidence=float(confidence[own].mean()) if some else None,
                accuracy=float(correct[own].mean()) if some else None,
            )
        )
    return tuple(found)


def calibration_error(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], weights: NDArray[np.float64] | None = None
) -> float:
    """Expected calibration error, 0–1, over `BINS` bins of equal width (Guo et al. 2017).

    Args:
        confidence: (N,) in 0–1.
        correct: (N,) whether each answer was right.
        weights: (N,) of the photos, not negative; by default each weighs the same.
    """
    weigh = np.full(len(confidence), 1.0) if weights is None else weights
    gaps = np.bincount(_places(confidence), weights=weigh * (correct - confidence), minlength=BINS)
    return float(np.abs(gaps).sum() / weigh.sum())


def _places(confidence: NDArray[np.float64]) -> NDArray[np.int64]:
    places: NDArray[np.int64] = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    return places


def answered_at(threshold: float, confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> Answered:
    """What is answered, and how well, when answers below the threshold are withheld; confidences (N,) in 0–1."""
    given = confidence >= threshold
    return Answered(threshold, float(given.mean()), float(correct[given].mean()) if given.any() else None)


def refusal_curve(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> tuple[Answered, ...]:
    """How accuracy grows as unsure answers are withheld: from few answered to all, at most `STEPS` points.

    Answers of equal confidence are given or withheld together, so each point is reached by a threshold.
    """
    every = _by_threshold(confidence, correct, np.ones(len(confidence)))
    wanted = np.arange(1, STEPS + 1) / STEPS
    shares = np.array([point.share for point in every])
    places = np.searchsorted(shares, wanted - 1e-9)  # the first point that answers at least so many
    return tuple(every[place] for place in np.unique(places))


def answer_from(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    wanted: float,
    weights: NDArray[np.float64] | None = None,
) -> Answered | None:
    """The smallest confidence from which on answers are right often enough.

    Args:
        confidence: (N,) in 0–1.
        correct: (N,) whether each answer was right.
        wanted: share of the given answers that must be right.
        weights: (N,) of the photos, above 0; by default each weighs the same.

    Returns:
        That threshold with what it does; None where no threshold with at least `ENOUGH` answers does it.
    """
    weigh = np.ones(len(confidence)) if weights is None else weights
    enough = np.sort(confidence)[::-1][ENOUGH - 1] if len(confidence) >= ENOUGH else -np.inf
    fitting = [
        point
        for point in _by_threshold(confidence, correct, weigh)
        if point.threshold <= enough and point.accuracy is not None and point.accuracy >= wanted
    ]
    return fitting[-1] if fitting else None


def _by_threshold(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], weights: NDArray[np.float64]
) -> list[Answered]:
    """A point for each confidence that occurs, highest first."""
    order = np.argsort(-confidence, kind="stable")
    sure, weigh = confidence[order], weights[order]
    given, right = np.cumsum(weigh), np.cumsum(weigh * correct[order])
    last = np.flatnonzero(np.append(sure[1:] < sure[:-1], True))  # of each confidence, its last photo
    return [
        Answered(float(sure[at]), min(float(given[at] / given[-1]), 1.0), float(right[at] / given[at])) for at in last
    ]


def tempered(probabilities: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Probabilities as they would be, had the logits been divided by a temperature before the softmax.

    Args:
        probabilities: (N, C) of a softmax at temperature 1.
        temperature: above 0; more than 1 makes all answers less sure. The order of the labels stays.

    Returns:
        (N, C), each row of sum 1.
    """
    logits = np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), _SMALLEST)) / temperature
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return found


def threshold_of(card: Mapping[str, Any]) -> float | None:
    """The probability from which a bundle's answers count as sure; None where its card states none (or nonsense)."""
    calibration = card.get("calibration")
    value = calibration.get("answer_from") if isinstance(calibration, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return float(value)
