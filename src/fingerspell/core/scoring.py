"""Probabilities and truth → scores: accuracy with its interval, per letter, confusion, calibration, refusal.

Photos of one recording resemble each other, so they are not independent witnesses. The interval therefore resamples
whole groups (stretches of a recording, people, rooms), never single photos.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fingerspell.core.alphabet import MOTION_LETTERS, SPECIAL_SIGNS
from fingerspell.core.certainty import (
    THRESHOLDS,
    Answered,
    ReliabilityBin,
    answered_at,
    bins_of,
    calibration_error,
    refusal_curve,
)
from fingerspell.core.errors import DataError

DRAWS = 2000
LEVEL = 0.95
LETTER_GROUPS = 5  # a letter's own interval from fewer groups than this would promise more than it holds
ROUGH_GROUPS = 10
FORMAT = "fingerspell-scores/1"

_SUM_TOLERANCE = 1e-3
_SMALLEST = 1e-12  # keeps the log of a probability that underflowed to 0 finite
_CHUNK = 4_000_000  # drawn weights held at once, 32 MB


@dataclass(frozen=True)
class Interval:
    """A 95% interval, both ends in 0–1."""

    low: float
    high: float


@dataclass(frozen=True)
class LetterScore:
    """One label's scores.

    Attributes:
        label: of the alphabet.
        count: photos that show it.
        predicted: photos that were called it.
        precision: of those called it, the share that show it; None where none was.
        recall: of those that show it, the share called it; None where none does.
        f1: harmonic mean of the two; None where no photo shows it.
        recall_interval: by bootstrap over groups; None with fewer than `LETTER_GROUPS` groups.
    """

    label: str
    count: int
    predicted: int
    precision: float | None
    recall: float | None
    f1: float | None
    recall_interval: Interval | None


@dataclass(frozen=True)
class ConfusedPair:
    """How often one label was called another; `share` is of the photos that show `truth`."""

    truth: str
    said: str
    count: int
    share: float


@dataclass(frozen=True)
class Scores:
    """What a recogniser achieved on one set of photos. All shares lie in 0–1.

    Attributes:
        labels: what the columns of probabilities and the rows of `confusion` stand for.
        photos: how many were scored.
        groups: how many groups they came from.
        accuracy: share of photos named right.
        interval: of the accuracy; None with fewer than 2 groups.
        interval_note: how the interval was made, or why there is none.
        macro_accuracy: mean recall over the labels present, each label weighing the same.
        static_accuracy: over photos of the 24 letters that are no movement; None where there are none.
        top3: share of photos whose truth is among the three most probable labels.
        nll: mean negative log-likelihood, nats.
        ece: expected calibration error, 15 bins of equal width (Guo et al. 2017).
        letters: one for each label, in label order.
        confusion: photos by truth (rows) and answer (columns).
        pairs: confused pairs, most photos first.
        bins: for the reliability diagram.
        answered: at each of `THRESHOLDS`.
        refusals: from few photos answered to all; () in scores that an older version wrote.
    """

    labels: tuple[str, ...]
    photos: int
    groups: int
    accuracy: float
    interval: Interval | None
    interval_note: str
    macro_accuracy: float
    static_accuracy: float | None
    top3: float
    nll: float
    ece: float
    letters: tuple[LetterScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    pairs: tuple[ConfusedPair, ...]
    bins: tuple[ReliabilityBin, ...]
    answered: tuple[Answered, ...]
    refusals: tuple[Answered, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """A JSON-ready mapping; `from_dict` reads it back."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scores:
        """Read what `as_dict` gave, also after JSON. Raises DataError when it is something else."""
        try:
            if values["format"] != FORMAT:
                raise ValueError(f"format is {values['format']!r}, not {FORMAT!r}")
            plain = {key: value for key, value in values.items() if key != "format"}
            letters = [{**v, "recall_interval": _interval_of(v["recall_interval"])} for v in plain["letters"]]
            return cls(
                **{
                    **plain,
                    "labels": tuple(plain["labels"]),
                    "interval": _interval_of(plain["interval"]),
                    "letters": tuple(LetterScore(**v) for v in letters),
                    "confusion": tuple(tuple(row) for row in plain["confusion"]),
                    "pairs": tuple(ConfusedPair(**v) for v in plain["pairs"]),
                    "bins": tuple(ReliabilityBin(**v) for v in plain["bins"]),
                    "answered": tuple(Answered(**v) for v in plain["answered"]),
                    "refusals": tuple(Answered(**v) for v in plain.get("refusals", ())),
                }
            )
        except (KeyError, TypeError, ValueError) as error:
            remedy = "run 'fingerspell evaluate' again"
            raise DataError(f"the scores are malformed: {error}", expected=FORMAT, remedy=remedy) from error


def _interval_of(values: Mapping[str, float] | None) -> Interval | None:
    return None if values is None else Interval(**values)


def score(
    probabilities: ArrayLike, truth: ArrayLike, labels: Sequence[str], groups: Sequence[str], *, seed: int = 0
) -> Scores:
    """Score probabilities against the truth.

    Args:
        probabilities: (N, C), each row non-negative with sum 1 (within 0.001).
        truth: (N,) whole numbers 0…C−1.
        labels: the C labels, in the order of the columns.
        groups: for each photo the stretch of recording (person, room …) it comes from.
        seed: of the bootstrap.

    Raises:
        DataError: no photos, lengths that do not agree, probabilities that are not finite or do not sum to 1,
            truth outside the labels.
    """
    shares, right = _checked(probabilities, truth, labels, groups)
    said = shares.argmax(axis=1)
    confidence = shares.max(axis=1)
    correct = said == right
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(confusion, (right, said), 1)
    members = np.unique(np.asarray(groups, dtype=str), return_inverse=True)[1]
    interval, note = bootstrap(correct, members, seed=seed)
    intervals = _recall_intervals(correct, right, members, len(labels), seed)
    letters = _letters(labels, confusion, intervals)
    recalls = [letter.recall for letter in letters if letter.recall is not None]
    of_truth = shares[np.arange(len(right)), right]
    moving = MOTION_LETTERS | set(SPECIAL_SIGNS)
    static = ~np.isin(right, [index for index, label in enumerate(labels) if label in moving])
    return Scores(
        labels=tuple(labels),
        photos=len(right),
        groups=int(members.max()) + 1,
        accuracy=float(correct.mean()),
        interval=interval,
        interval_note=note,
        macro_accuracy=float(np.mean(recalls)),
        static_accuracy=float(correct[static].mean()) if static.any() else None,
        top3=float((_rank(shares, right) < 3).mean()),
        nll=float(-np.log(np.maximum(of_truth, _SMALLEST)).mean()),
        ece=calibration_error(confidence, correct),
        letters=letters,
        confusion=tuple(tuple(int(n) for n in row) for row in confusion),
        pairs=_pairs(labels, confusion),
        bins=bins_of(confidence, correct),
        answered=tuple(answered_at(threshold, confidence, correct) for threshold in THRESHOLDS),
        refusals=refusal_curve(confidence, correct),
    )


def _checked(
    probabilities: ArrayLike, truth: ArrayLike, labels: Sequence[str], groups: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    shares = np.asarray(probabilities, dtype=np.float64)
    right = np.asarray(truth)
    if shares.ndim != 2 or shares.shape[1] != len(labels):
        raise DataError(
            f"probabilities have the shape {shares.shape}",
            expected=f"(photos, {len(labels)}), a column a label",
        )
    if not len(shares):
        raise DataError(
            "there are no photos to score",
            expected="at least one photo",
            remedy="check the folder and its labels",
        )
    if len(set(labels)) != len(labels):
        raise DataError("a label stands for two columns", expected="every label once")
    if right.shape != (len(shares),) or len(groups) != len(shares):
        raise DataError(
            f"{len(shares)} rows of probabilities, truth of shape {right.shape}, {len(groups)} groups",
            expected="one truth and one group for each row",
        )
    if not np.issubdtype(right.dtype, np.integer) or right.min() < 0 or right.max() >= len(labels):
        raise DataError("the truth holds values that are no label", expected=f"whole numbers 0–{len(labels) - 1}")
    _refuse_impossible(shares)
    return shares, right.astype(np.int64)


def _refuse_impossible(shares: NDArray[np.float64]) -> None:
    finite = np.isfinite(shares).all(axis=1)
    if not finite.all():
        raise DataError(
            f"the probabilities of {int((~finite).sum())} of {len(shares)} photos are not finite",
            expected="numbers between 0 and 1",
            remedy="the network gives NaN or infinity: train it again with a smaller learning rate",
        )
    off = (np.abs(shares.sum(axis=1) - 1) > _SUM_TOLERANCE) | (shares.min(axis=1) < -1e-6)
    if off.any():
        raise DataError(
            f"the probabilities of {int(off.sum())} of {len(shares)} photos are no probabilities "
            f"(first sum {shares[off][0].sum():.4g}, least value {shares[off][0].min():.4g})",
            expected="values from 0 that sum to 1 (logits go through softmax first)",
        )


def bootstrap(
    correct: NDArray[np.bool_], members: NDArray[np.intp], *, seed: int = 0, draws: int = DRAWS
) -> tuple[Interval | None, str]:
    """The 95% percentile interval of an accuracy, resampling whole groups with replacement.

    Where every group is wholly right (or wholly wrong), resampling cannot show any spread; the bound is then
    the exact binomial one (Clopper and Pearson 1934) over groups, as if each group were a single witness.

    Args:
        correct: (N,) whether each photo was named right.
        members: (N,) the number of each photo's group, 0…G−1.
        seed: of the draws.
        draws: how often to resample.

    Returns:
        The interval, None with fewer than 2 groups; and a sentence on how it was made.
    """
    sizes = np.bincount(members)
    hits = np.bincount(members, weights=correct)[sizes > 0]
    sizes = sizes[sizes > 0]
    total = len(sizes)
    if total < 2:
        return (
            None,
            "no interval: all photos come from one group (recording), which cannot show how groups differ",
        )
    if hits.sum() in (0, sizes.sum()):
        bound = ((1 - LEVEL) / 2) ** (1 / total)
        low, high = (bound, 1.0) if hits.any() else (0.0, 1 - bound)
        kind = "right" if hits.any() else "wrong"
        return Interval(low, high), f"95% exact binomial bound over {total} groups, all of which are wholly {kind}"
    generator = np.random.default_rng(seed)
    even = np.full(total, 1 / total)
    step = max(1, _CHUNK // total)
    found = []
    for start in range(0, draws, step):
        weights = generator.multinomial(total, even, size=min(step, draws - start))  # (draws, G): how often each
        found.append((weights @ hits) / (weights @ sizes))
    low, high = np.quantile(np.concatenate(found), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    note = f"95% bootstrap interval, {draws:,} draws of {total} whole groups (stretches of recording)"
    if total < ROUGH_GROUPS:
        note += f"; with only {total} groups it is rough and likely too narrow"
    return Interval(float(low), float(high)), note


def _recall_intervals(
    correct: NDArray[np.bool_], right: NDArray[np.int64], members: NDArray[np.intp], classes: int, seed: int
) -> list[Interval | None]:
    """For each label the interval of its recall over the groups that hold it; None where they are too few."""
    found: list[Interval | None] = []
    for index in range(classes):
        own = right == index
        enough = len(np.unique(members[own])) >= LETTER_GROUPS
        found.append(bootstrap(correct[own], members[own], seed=seed)[0] if enough else None)
    return found


def _letters(
    labels: Sequence[str], confusion: NDArray[np.int64], intervals: Sequence[Interval | None]
) -> tuple[LetterScore, ...]:
    found = []
    for index, label in enumerate(labels):
        count, predicted = int(confusion[index].sum()), int(confusion[:, index].sum())
        hit = int(confusion[index, index])
        found.append(
            LetterScore(
                label=label,
                count=count,
                predicted=predicted,
                precision=hit / predicted if predicted else None,
                recall=hit / count if count else None,
                f1=2 * hit / (count + predicted) if count else None,
                recall_interval=intervals[index],
            )
        )
    return tuple(found)


def _pairs(labels: Sequence[str], confusion: NDArray[np.int64]) -> tuple[ConfusedPair, ...]:
    """Every directed confusion that happened: most photos first, then in label order."""
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    rows, columns = np.nonzero(wrong)
    order = np.lexsort((columns, rows, -wrong[rows, columns]))
    return tuple(
        ConfusedPair(labels[t], labels[s], int(wrong[t, s]), float(wrong[t, s] / confusion[t].sum()))
        for t, s in zip(rows[order], columns[order], strict=True)
    )


def _rank(shares: NDArray[np.float64], right: NDArray[np.int64]) -> NDArray[np.intp]:
    """(N,) how many labels come before the truth; of equals the earlier label comes first, as in argmax."""
    own = shares[np.arange(len(right)), right][:, None]
    earlier = np.arange(shares.shape[1])[None, :] < right[:, None]
    before: NDArray[np.intp] = ((shares > own) | ((shares == own) & earlier)).sum(axis=1)
    return before
