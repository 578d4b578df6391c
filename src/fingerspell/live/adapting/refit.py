"""The last layer learns from a person's photos, pulled towards what it was.

Minimised over the layer (weight and bias together, with the features brought to a common size):

    Σ over letters with photos: mean cross-entropy of their photos / C
  + Σ over all letters: anchor weight · cross-entropy of the letter's anchor / C
  + pull / 2 · |layer − shipped layer|²

Anchors keep letters without photos from being forgotten, which they otherwise are: photos of other letters push them
down wherever the person's photos lie. In a trained network the photos of a letter gather around a point that lies in
the direction of the letter's own weights, seen from the middle of all ("neural collapse", Papyan, Han & Donoho 2020).
So a letter's anchor is the middle of the person's photos, moved along the letter's shipped weights by as much as the
person's own letters lie along theirs. It needs no photo of the letter, and moves with the person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.head import Head, softmax
from fingerspell.live.adapting.lbfgs import minimise

SIZE = 6.0
"""Root of the mean squared length that features are brought to, so that one scale of pulls serves all networks."""
GIVEN, ABSENT = 0.5, 2.0
"""Weights of the anchors of letters with and without photos."""
PULLS = (0.3, 0.1, 0.03, 0.01)
"""How strongly the layer may be held to what it was, strongest first."""
TOLERANCE = 1e-7

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """The same problem for every pull: what the layer reads, what it should answer, and how much that counts.

    Attributes:
        inputs: (M, D + 1) features of the same size and a 1 for the bias: photos, then anchors.
        truth: (M,) places of the labels.
        weights: (M,) not negative.
        shipped: (C, D + 1) the layer to start from, for `inputs`, divided by the temperature.
        scale: what features were multiplied by.
    """

    inputs: Floats
    truth: NDArray[np.int64]
    weights: Floats
    shipped: Floats
    scale: float


def task_of(head: Head, features: NDArray[np.floating], truth: NDArray[np.int64]) -> Task:
    """Set up the problem.

    Args:
        head: the shipped last layer.
        features: (N, D) of the person's photos, N ≥ 1.
        truth: (N,) place of each photo's label.
    """
    wide = features.astype(np.float64)
    length = float(np.sqrt(np.mean(np.sum(wide * wide, axis=1))))
    scale = SIZE / length if length > 0 else 1.0
    seen = wide * scale
    weight = head.weight.astype(np.float64) / (head.temperature * scale)
    shipped = np.hstack([weight, head.bias.astype(np.float64)[:, None] / head.temperature])
    classes = len(weight)
    anchors, serve = _anchors(weight, seen, truth)
    counts = np.bincount(truth, minlength=classes)
    anchor_weights = np.where(counts > 0, GIVEN, ABSENT) / classes * serve
    inputs = np.vstack([seen, anchors])
    return Task(
        np.hstack([inputs, np.ones((len(inputs), 1))]),
        np.concatenate([truth, np.arange(classes)]),
        np.concatenate([1 / (counts[truth] * classes), anchor_weights]),
        shipped,
        scale,
    )


def _anchors(weight: Floats, seen: Floats, truth: NDArray[np.int64]) -> tuple[Floats, bool]:
    """(C, D) one for each label, and whether they mean anything: not where photos do not lie along the weights."""
    directions = weight - weight.mean(axis=0)
    given = np.unique(truth)
    means = np.stack([seen[truth == place].mean(axis=0) for place in given])
    middle = means.mean(axis=0)
    along = float(np.sum((means - middle) * directions[given]))
    total = float(np.sum(directions[given] ** 2))
    reach = along / total if total > 0 else 0.0
    return middle + max(reach, 0.0) * directions, reach > 0


def solve(task: Task, pull: float, start: Floats | None = None, tolerance: float = TOLERANCE) -> Floats:
    """The change (C, D + 1) of the shipped layer that solves the task; `start` is one to begin from, if any is near."""
    classes, rows = len(task.shipped), np.arange(len(task.truth))
    shipped_logits = task.inputs @ task.shipped.T  # (M, C)

    def slope(flat: Floats) -> tuple[float, Floats]:
        change = flat.reshape(classes, -1)
        logits = shipped_logits + task.inputs @ change.T
        largest = logits.max(axis=1)
        missed = largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1)) - logits[rows, task.truth]
        shares = softmax(logits)
        shares[rows, task.truth] -= 1
        gradient = (shares * task.weights[:, None]).T @ task.inputs + pull * change
        return float(task.weights @ missed + pull / 2 * (flat @ flat)), gradient.ravel()

    begin = np.zeros(task.shipped.size) if start is None else start.ravel()
    return minimise(slope, begin, tolerance).reshape(classes, -1)


def changed(head: Head, task: Task, change: Floats) -> Head:
    """The shipped layer with a change that `solve` gave."""
    layer = (task.shipped + change) * head.temperature
    weight = (layer[:, :-1] * task.scale).astype(np.float32)
    return Head(weight, layer[:, -1].astype(np.float32), head.temperature)
