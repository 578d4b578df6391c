"""How far a split lets a network judge itself by what it has learnt: held-out photos with a twin in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import DataError
from fingerspell.lab.data.manifest import Manifest
from fingerspell.lab.data.neighbours import Pairs
from fingerspell.lab.data.split import Split, make_split

COMPARED = ("block", "keras", "random")
"""The strategies an audit compares, the preferred first where two are equally clean."""

_MEANING = {
    "block": "stretches of each class's recording, with a gap between parts",
    "keras": "what ImageDataGenerator's validation_split takes: the first fifth of each class by name",
    "random": "each photo by chance",
}


@dataclass(frozen=True, slots=True)
class SplitOutcome:
    """What one way of splitting would do.

    Attributes:
        strategy: one of `COMPARED`.
        meaning: the same in words.
        counts: photos by part.
        held_out: photos in val and test.
        crossing: held-out photos that have a near-duplicate or a copy in train.
        problem: why the split cannot be made, or "".
        examples: (held-out photo, its twin in train), at most one a class.
    """

    strategy: str
    meaning: str
    counts: Mapping[str, int]
    held_out: int
    crossing: int
    problem: str
    examples: tuple[tuple[str, str], ...]

    @property
    def fraction(self) -> float:
        """Crossing photos as a fraction of the held-out ones; 0 where nothing is held out."""
        return self.crossing / self.held_out if self.held_out else 0.0


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The split to use, or None, and why in plain words."""

    strategy: str | None
    text: str


def outcomes(manifest: Manifest, contents: NDArray[np.intp], pairs: Pairs) -> tuple[SplitOutcome, ...]:
    """Try each strategy of `COMPARED` (seed 0, its default fractions) and count what crosses.

    Args:
        manifest: the photos.
        contents: (N,) for each photo the number of its content; copies share a number.
        pairs: of contents that nearly match.
    """
    return tuple(_outcome(strategy, manifest, contents, pairs) for strategy in COMPARED)


def _outcome(strategy: str, manifest: Manifest, contents: NDArray[np.intp], pairs: Pairs) -> SplitOutcome:
    try:
        split = make_split(manifest, strategy)
    except DataError as error:
        return SplitOutcome(strategy, _MEANING[strategy], {}, 0, 0, error.found, ())
    parts = np.array(split.parts)
    held = np.flatnonzero((parts == "val") | (parts == "test"))
    twin = _twin_in_train(np.flatnonzero(parts == "train"), contents, pairs)
    crossing = held[twin[contents[held]] >= 0]
    return SplitOutcome(
        strategy,
        _MEANING[strategy],
        dict(split.counts),
        len(held),
        len(crossing),
        "",
        _examples(split, crossing, twin[contents[crossing]]),
    )


def _twin_in_train(train: NDArray[np.intp], contents: NDArray[np.intp], pairs: Pairs) -> NDArray[np.intp]:
    """For each content a training photo that shows the same (a copy, else one that nearly matches), or -1."""
    total = int(contents.max(initial=-1)) + 1
    learnt = np.full(total, -1, dtype=np.intp)
    learnt[contents[train]] = train
    twin = np.full(total, -1, dtype=np.intp)
    # of several values written to one place the last stays: the nearest of them
    farthest_first = np.lexsort((-pairs.colour, -pairs.bits.astype(np.int64)))
    first, second = pairs.first[farthest_first], pairs.second[farthest_first]
    for one, other in ((first, second), (second, first)):
        known = learnt[other] >= 0
        twin[one[known]] = learnt[other[known]]
    copied = learnt >= 0
    twin[copied] = learnt[copied]
    return twin


def _examples(split: Split, crossing: NDArray[np.intp], twins: NDArray[np.intp]) -> tuple[tuple[str, str], ...]:
    """The middle crossing photo of each class, so that neither the luckiest nor the worst is shown."""
    photos = split.manifest.photos
    by_label: dict[str, list[tuple[str, str]]] = {}
    for held, twin in zip(crossing, twins, strict=True):
        by_label.setdefault(photos[held].label, []).append((photos[held].path, photos[twin].path))
    return tuple(found[len(found) // 2] for found in by_label.values())


def recommend(found: Sequence[SplitOutcome]) -> Recommendation:
    """The split with the smallest fraction of crossing photos, in words that give the figures of all.

    A split without a test part (keras) is recommended only where no other can be made: photos to choose a network
    by are not photos to judge it by.
    """
    possible = [outcome for outcome in found if not outcome.problem]
    if not possible:
        reason = found[0].problem if found else "there is nothing to split"
        return Recommendation(None, f"No split can be made of this folder yet: {reason}.")
    judging = [outcome for outcome in possible if outcome.counts.get("test")] or possible
    best = min(judging, key=lambda outcome: (outcome.fraction, COMPARED.index(outcome.strategy)))
    rest = [outcome for outcome in possible if outcome is not best]
    text = f"Use the {best.strategy} split ({best.meaning}): {_figures(best)}."
    if rest:
        others = "; ".join(f"with the {outcome.strategy} split {_figures(outcome, short=True)}" for outcome in rest)
        text += f" {others[0].upper()}{others[1:]}."
    if any(outcome.crossing for outcome in possible):
        text += " A score over photos that cross tells how well training photos are remembered, not new ones read."
    if best.crossing:
        text += (
            f" The {best.strategy} split is not free of them either: a wider gap (--guard), fewer stretches, or a"
            " split by person or session (--by group) would lower their number."
        )
    text += " Better than any of these: judge by photos of a person who is not in this folder."
    return Recommendation(best.strategy, text)


def _figures(outcome: SplitOutcome, *, short: bool = False) -> str:
    count = f"{outcome.crossing:,} of {outcome.held_out:,}"
    tail = "" if short else " held-out photos have a near-duplicate among the training photos"
    return f"{count}{tail} ({percent(outcome.fraction)})"


def percent(fraction: float) -> str:
    """A fraction as a percentage with one decimal; never 0.0% for something, nor 100.0% for not quite all."""
    if 0 < fraction < 0.001:
        return "<0.1%"
    if 0.999 < fraction < 1:
        return ">99.9%"
    return f"{fraction:.1%}"
