"""Is the adapted layer better for this person? Photos take turns in being held back, and tell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.certainty import calibration_error
from fingerspell.core.head import Head, softmax
from fingerspell.core.progress import Progress, silent
from fingerspell.core.reliability import wilson
from fingerspell.core.scoring import Interval
from fingerspell.live.adapting.folds import Folds
from fingerspell.live.adapting.refit import PULLS, Floats, Task, changed, solve, task_of

_LEAST = 1e-12
_CHECK_TOLERANCE = 1e-4  # of fits that only judge: further digits change no answer


@dataclass(frozen=True)
class Score:
    """Answers to held-out photos.

    Attributes:
        photos: that were asked about.
        right: of these.
        loss: mean of −log(probability of the right label).
        calibration_error: 0–1.
    """

    photos: int
    right: int
    loss: float
    calibration_error: float

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.right / self.photos

    @property
    def interval(self) -> Interval:
        """95%, by Wilson; photos that resemble each other make it narrower than it should be."""
        return Interval(*wilson(self.right, self.photos))

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "photos": self.photos,
            "right": self.right,
            "accuracy": round(self.accuracy, 4),
            "interval": [round(self.interval.low, 4), round(self.interval.high, 4)],
            "calibration_error": round(self.calibration_error, 4),
        }


@dataclass(frozen=True)
class Checked:
    """What holding photos back showed.

    Attributes:
        before: the shipped layer on the held-out photos.
        after: layers that had not seen them.
        pull: what the layer is to be held with when it learns from all photos.
        held: (H,) places of the held-out photos.
        recall: of the layers after, by place of the label; only labels with held-out photos.
        gained: photos that were named wrong before and are named right after.
        lost: the other way round.
    """

    before: Score
    after: Score
    pull: float
    held: NDArray[np.int64]
    recall: dict[int, float]
    gained: int
    lost: int

    @property
    def better(self) -> bool:
        """More right answers, by more than a throw of coins would give; or the same answers, more certainly right."""
        if self.gained == self.lost == 0:
            return self.after.loss < self.before.loss
        return self.gained - self.lost >= math.sqrt(self.gained + self.lost)


def check(
    head: Head,
    features: NDArray[np.float32],
    truth: NDArray[np.int64],
    folds: Folds,
    progress: Progress = silent,
) -> Checked:
    """Adapt without each fold in turn, and ask about it.

    Args:
        head: the shipped last layer.
        features: (N, V, D): for each photo its own, then those of its variations.
        truth: (N,) place of each photo's label.
        folds: which photos are held back together; at least two of them are.
        progress: called after each fit.
    """
    held = np.flatnonzero(folds.of >= 0)
    by_pull = _held_out(head, features, truth, folds, progress)[:, held]  # (P, H, C)
    own, turns = truth[held], folds.of[held]
    losses = -np.log(np.maximum(by_pull[:, np.arange(len(held)), own], _LEAST))  # (P, H)
    after = np.empty_like(by_pull[0])
    for turn in np.unique(turns):  # no photo has a say in the pull that it is judged by
        others = turns != turn
        after[~others] = by_pull[_chosen(losses[:, others if others.any() else ~others]), ~others]
    before = head.probabilities(features[held, 0])
    named = after.argmax(axis=1)
    recall = {int(place): float((named[own == place] == place).mean()) for place in np.unique(own)}
    was, now = before.argmax(axis=1) == own, named == own
    gained, lost = int((now & ~was).sum()), int((was & ~now).sum())
    return Checked(_score(before, own), _score(after, own), PULLS[_chosen(losses)], held, recall, gained, lost)


def adapted(head: Head, features: NDArray[np.float32], truth: NDArray[np.int64], pull: float) -> Head:
    """The layer that has learnt from all photos; arguments as for `check`, `pull` as it gave it."""
    task = _task(head, features, truth, np.ones(len(truth), bool))
    return changed(head, task, solve(task, pull))


def _task(head: Head, features: NDArray[np.float32], truth: NDArray[np.int64], learnt: NDArray[np.bool_]) -> Task:
    some = features[learnt]
    return task_of(head, some.reshape(-1, some.shape[2]), np.repeat(truth[learnt], some.shape[1]))


def _held_out(
    head: Head, features: NDArray[np.float32], truth: NDArray[np.int64], folds: Folds, progress: Progress
) -> Floats:
    """(P, N, C) probabilities for each pull, of each photo by the layers that did not learn from it; else 0."""
    found = np.zeros((len(PULLS), len(truth), len(head.bias)))
    turns = [turn for turn in range(folds.count) if (folds.of == turn).any()]
    for number, turn in enumerate(turns):
        asked = folds.of == turn
        task = _task(head, features, truth, ~asked)
        inputs = np.hstack([features[asked, 0].astype(np.float64) * task.scale, np.ones((int(asked.sum()), 1))])
        change = None
        for place, pull in enumerate(PULLS):
            change = solve(task, pull, change, _CHECK_TOLERANCE)
            found[place, asked] = softmax(inputs @ (task.shipped + change).T)
            progress("checking on held-out photos", number * len(PULLS) + place + 1, len(turns) * len(PULLS))
    return found


def _chosen(losses: Floats) -> int:
    """Place of the strongest pull whose mean loss is within one standard error of the least; losses (P, n)."""
    means = losses.mean(axis=1)
    best = int(means.argmin())
    error = float(losses[best].std()) / math.sqrt(losses.shape[1])
    return int(np.flatnonzero(means <= means[best] + error)[0])


def _score(probabilities: Floats, truth: NDArray[np.int64]) -> Score:
    right = probabilities.argmax(axis=1) == truth
    loss = -np.log(np.maximum(probabilities[np.arange(len(truth)), truth], _LEAST))
    sure = np.minimum(probabilities.max(axis=1), 1.0)
    return Score(len(truth), int(right.sum()), float(loss.mean()), calibration_error(sure, right))
