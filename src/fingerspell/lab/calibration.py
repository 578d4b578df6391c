"""A network that is as sure as it is right: the temperature, and the probability from which its answers count as sure.

Both are found on photos that were not learnt from and that judge nothing: the validation part, and further labelled
folders. Each of these sources weighs the same, however many photos it has. C. Guo et al., On calibration of modern
neural networks (2017).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.certainty import ENOUGH, answer_from, calibration_error, tempered
from fingerspell.core.errors import DataError
from fingerspell.core.progress import Progress, silent
from fingerspell.core.scoring import score
from fingerspell.lab.data.cache import cache_key, open_cache
from fingerspell.lab.evaluate import evaluate_folder, evaluate_split
from fingerspell.lab.nets.model import Model
from fingerspell.lab.sources import SourceResult
from fingerspell.lab.training.run import IMPORTED, RunFolder

WANTED = 0.97
"""Share of the given answers that must be right on the calibration photos, where nobody names another."""
COLDEST, HOTTEST = 0.1, 10.0
"""Temperatures between which one is sought. An optimum at either end is none."""

_SMALLEST = 1e-12  # as in core/scoring.py
_HALVINGS = 60


@dataclass(frozen=True)
class Source:
    """Photos that were calibrated on: name, number, and digest of the folder's manifest."""

    name: str
    photos: int
    digest: str


@dataclass(frozen=True)
class Calibration:
    """A temperature, and what it does on the photos that it was found on. All shares lie in 0–1.

    Attributes:
        temperature: the logits are divided by it.
        sources: what it was found on; each weighs the same.
        ece_before: expected calibration error without it.
        ece_after: with it.
        nll_before: mean negative log-likelihood without it, nats.
        nll_after: with it; never more.
        answer_from: smallest (calibrated) probability from which on `wanted` of the answers are right; None where no
            probability does it.
        answered: share of the photos that are answered then.
        right: share of these answers that are right.
        stands_in: name of the run that was calibrated in place of this one, if there was one.
        wanted: the share of right answers from which on an answer counts as sure.
    """

    temperature: float
    sources: tuple[Source, ...]
    ece_before: float
    ece_after: float
    nll_before: float
    nll_after: float
    answer_from: float | None
    answered: float | None
    right: float | None
    stands_in: str | None = None
    wanted: float = WANTED

    @property
    def photos(self) -> int:
        """How many it was found on."""
        return sum(source.photos for source in self.sources)

    def as_dict(self) -> dict[str, Any]:
        """For card.json and evaluation.json; shares are rounded, what is calculated with is not."""

        def short(share: float | None) -> float | None:
            return None if share is None else round(share, 6)

        return {
            "temperature": self.temperature,
            "photos": self.photos,
            "sources": [{"name": its.name, "photos": its.photos, "digest": its.digest} for its in self.sources],
            "ece_before": short(self.ece_before),
            "ece_after": short(self.ece_after),
            "nll_before": short(self.nll_before),
            "nll_after": short(self.nll_after),
            "wanted": self.wanted,
            "answer_from": self.answer_from,
            "answered": short(self.answered),
            "right": short(self.right),
            **({} if self.stands_in is None else {"stands_in": self.stands_in}),
        }


def find_calibration(
    run: RunFolder,
    model: Model,
    *,
    cache_folder: Path,
    wanted: bool | None = None,
    folders: Sequence[Path] = (),
    like: RunFolder | None = None,
    sure_right: float | None = None,
    progress: Progress = silent,
) -> tuple[Calibration | None, str]:
    """Calibrate a run's network on its validation photos and on further folders.

    A network that learnt from everybody there is has nobody left to be calibrated on: on people it knows it is right to
    be surer than on others. Then a run that was trained alike, but left somebody out, may stand in for it.

    Args:
        run: the run.
        model: its network.
        cache_folder: where decoded photos are kept.
        wanted: None: where it can be done; True: it must be done; False: not at all.
        folders: further labelled photos that it neither learnt from nor is judged by.
        like: a run that stands in for it, and calibrates on the folders alone.
        sure_right: share of right answers from which on an answer counts as sure; None for `WANTED`.
        progress: called while photos are scored.

    Returns:
        The calibration; None with the reason in words where there is none.

    Raises:
        DataError: it is wanted (or folders are given) and cannot be done; or a folder is of the training photos.
    """
    if wanted is False:
        if folders:
            raise DataError(
                "photos to calibrate on, and no calibration wanted", expected="one of the two", remedy="leave one out"
            )
        return None, "not wanted"
    sure_right = WANTED if sure_right is None else sure_right
    if like is not None:
        return _calibrated_like(like, model, cache_folder, folders, sure_right, progress), ""
    try:
        return calibrate(_photos(run, model, cache_folder, folders, progress), sure_right), ""
    except DataError as error:
        if wanted or folders:
            raise
        return None, error.found


def _calibrated_like(
    like: RunFolder,
    model: Model,
    cache_folder: Path,
    folders: Sequence[Path],
    sure_right: float,
    progress: Progress,
) -> Calibration:
    standing_in = Model.load(like.require_weights())
    if not folders:
        raise DataError(
            f"nothing to calibrate on with {like.path}",
            expected="photos of people whom that run left out",
            remedy="name them with --calibrate-on",
        )
    if (standing_in.network, standing_in.labels) != (model.network, model.labels):
        raise DataError(
            f"{like.path} is a run of {standing_in.network} with {len(standing_in.labels)} labels",
            expected=f"a run of {model.network} with the same {len(model.labels)} labels",
            remedy="train it with the same recipe, and leave one collection out",
        )
    results = _photos(like, standing_in, cache_folder, folders, progress)[-len(folders) :]
    return replace(calibrate(results, sure_right), stands_in=like.path.resolve().name)


def _photos(
    run: RunFolder, model: Model, cache_folder: Path, folders: Sequence[Path], progress: Progress
) -> list[SourceResult]:
    state, split, additions = run.read_state(), run.read_split(), run.read_additions()
    known = state.get("status") != IMPORTED
    found = []
    if known and split is not None and split.counts["val"]:
        packed = cache_folder / cache_key(split.manifest, model.preprocess)
        if packed.exists() or split.manifest.root.is_dir():
            cache = open_cache(split.manifest, model.preprocess, cache_folder, progress)
            found.append(evaluate_split(model, split, cache, "val", also_learnt=additions, progress=progress))
    for folder in folders:
        result = evaluate_folder(
            model, folder, cache_folder, split, progress, also_learnt=additions, learnt_is_known=known
        )
        if known and result.strategy:
            raise DataError(
                f"{folder} shares photos with those that the run was trained on",
                expected="photos of their own: of people or rooms that it neither learnt from nor is judged by",
                remedy="give another folder to --calibrate-on; the validation part counts anyway",
            )
        found.append(result)
    return found


def calibrate(results: Sequence[SourceResult], sure_right: float = WANTED) -> Calibration:
    """Find the temperature that makes the truth most likely, and the probability from which answers count as sure.

    Args:
        results: answers of the network as it was trained, on photos that it did not learn from.
        sure_right: share of right answers from which on an answer counts as sure.

    Raises:
        DataError: fewer than `ENOUGH` photos, or answers that no temperature fits.
    """
    photos = sum(result.photos for result in results)
    if photos < ENOUGH:
        raise DataError(
            f"there are {photos} photos to calibrate on",
            expected=f"at least {ENOUGH}, in the validation part or in further folders",
            remedy="name a folder with --calibrate-on, or leave it out with --no-calibrate",
        )
    shares = np.concatenate([result.probabilities for result in results]).astype(np.float64)  # (N, C)
    truth = np.concatenate([result.truth for result in results])
    weights = np.concatenate([np.full(result.photos, 1 / result.photos) for result in results])
    temperature = fit_temperature(shares, truth, weights)
    after = tempered(shares, temperature)
    correct = shares.argmax(axis=1) == truth
    sure = answer_from(after.max(axis=1), correct, sure_right, weights)
    return Calibration(
        temperature=temperature,
        sources=tuple(Source(result.name, result.photos, result.digest) for result in results),
        ece_before=calibration_error(shares.max(axis=1), correct, weights),
        ece_after=calibration_error(after.max(axis=1), correct, weights),
        nll_before=_nll(shares, truth, weights),
        nll_after=_nll(after, truth, weights),
        answer_from=None if sure is None else sure.threshold,
        answered=None if sure is None else sure.share,
        right=None if sure is None else sure.accuracy,
        wanted=sure_right,
    )


def fit_temperature(
    probabilities: NDArray[np.float64], truth: NDArray[np.int64], weights: NDArray[np.float64]
) -> float:
    """The temperature with the least negative log-likelihood.

    In 1/temperature the likelihood's logarithm is concave, so the slope's one zero is found by halving.

    Args:
        probabilities: (N, C) of a softmax at temperature 1.
        truth: (N,) columns.
        weights: (N,) of the photos.

    Raises:
        DataError: the optimum lies outside `COLDEST`–`HOTTEST`.
    """
    low, high = 1 / HOTTEST, 1 / COLDEST
    if _slope(probabilities, truth, weights, high) < 0:
        raise DataError(
            "the calibration photos are all, or nearly all, named right: they cannot tell how sure it may be",
            expected="photos that are hard enough for some mistakes",
            remedy="name harder ones with --calibrate-on: other people, other rooms",
        )
    if _slope(probabilities, truth, weights, low) > 0:
        raise DataError(
            "the network names the calibration photos hardly better than by guessing: no temperature fits",
            expected="a network that has learnt something",
            remedy="train longer, or leave it out with --no-calibrate",
        )
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        if _slope(probabilities, truth, weights, middle) > 0:
            high = middle
        else:
            low = middle
    return float(round(2 / (low + high), 6))  # a card's number, read back, must be the graph's number


def _slope(
    probabilities: NDArray[np.float64], truth: NDArray[np.int64], weights: NDArray[np.float64], inverse: float
) -> float:
    """How the negative log-likelihood changes with 1/temperature: expected less true logit, never falling."""
    shares = tempered(probabilities, 1 / inverse)
    logits = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
    expected = (shares * logits).sum(axis=1)
    return float(weights @ (expected - logits[np.arange(len(truth)), truth]))


def _nll(shares: NDArray[np.float64], truth: NDArray[np.int64], weights: NDArray[np.float64]) -> float:
    of_truth = np.maximum(shares[np.arange(len(truth)), truth], _SMALLEST)
    return float(-(weights @ np.log(of_truth)) / weights.sum())


def as_calibrated(result: SourceResult, calibration: Calibration) -> SourceResult:
    """The same photos, answered by the calibrated network: as right as before, otherwise sure."""
    shares = tempered(result.probabilities, calibration.temperature).astype(np.float32)
    return replace(result, probabilities=shares, scores=score(shares, result.truth, result.labels, result.groups))


def agrees(calibration: Calibration | None, recorded: Mapping[str, Any] | None) -> bool:
    """Whether scores that were recorded with a calibration (None: without one) are those of this one."""
    theirs = 1.0 if recorded is None else recorded.get("temperature")
    ours = 1.0 if calibration is None else calibration.temperature
    return isinstance(theirs, int | float) and abs(theirs - ours) <= 1e-4 * ours
