"""Scores and journal → one self-contained HTML page, and the same facts as JSON beside it.

The page leads with the hardest source there is. No number stands without its split, its source and its interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.durable import write_json
from fingerspell.core.errors import DataError
from fingerspell.core.progress import Progress, silent
from fingerspell.core.provenance import now
from fingerspell.core.scoring import Scores
from fingerspell.lab import figures
from fingerspell.lab.data.additions import Addition
from fingerspell.lab.data.cache import PhotoCache
from fingerspell.lab.data.joined import Pixels, joined, starts_of
from fingerspell.lab.data.split import Split
from fingerspell.lab.explain import features, nearest, saliency, worst_mistakes
from fingerspell.lab.nets.model import Model
from fingerspell.lab.page import of_hundred, overlay, percent, photo_uri, write_page
from fingerspell.lab.sources import UNKNOWN, SourceResult, hardest_first, source_summary, sure_answers
from fingerspell.lab.training.journal import read_journal
from fingerspell.lab.training.run import RunFolder

FORMAT = "fingerspell-report/1"
MISTAKES = 12
ALIKE = 3
REFERENCES = 3000
"""At most so many training photos are compared with a mistake; a full set would take longer than its scoring."""
_PAIRS = 12


@dataclass(frozen=True)
class TrainingPhotos:
    """What a run learnt from, for showing the photos most alike to a mistake.

    Attributes:
        split: the run's split.
        cache: of the split's manifest.
        added: further folders that it learnt from, each with its cache.
    """

    split: Split
    cache: PhotoCache
    added: Sequence[tuple[Addition, PhotoCache]] = ()

    @cached_property
    def pixels(self) -> Pixels:
        """(rows, h, w, 3) uint8 of all folders, which `Learnt.row` counts over."""
        return joined([self.cache.pixels, *(cache.pixels for _, cache in self.added)])

    @cached_property
    def learnt(self) -> tuple[Learnt, ...]:
        """The photos that have a row: those of the split's training part, then those of the further folders."""
        photos = self.split.manifest.photos
        sources = [("", [photos[index] for index in self.split.indices("train")], self.cache)]
        sources += [(f"{addition.name}/", list(addition.learnt), cache) for addition, cache in self.added]
        starts = starts_of([cache.pixels for _, _, cache in sources])
        return tuple(
            Learnt(place + photo.path, photo.label, int(start) + cache.rows[photo.path])
            for (place, its, cache), start in zip(sources, starts, strict=True)
            for photo in its
            if photo.path in cache.rows
        )


@dataclass(frozen=True, slots=True)
class Learnt:
    """A photo learnt from: its path below its folder (a further folder's name before it), label, and row."""

    path: str
    label: str
    row: int


def write_report(
    run: RunFolder,
    results: Sequence[SourceResult],
    model: Model,
    out: Path,
    *,
    training: TrainingPhotos | None = None,
    mistakes: int = MISTAKES,
    calibration: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write the report page to `out` and the same facts to the same name with `.json`, both atomically.

    Args:
        run: whose state and journal are told.
        results: one for each source, in any order.
        model: the run's model, for saliency and likeness.
        out: the HTML file.
        training: where given, each mistake is shown with the training photos most alike.
        mistakes: how many are shown at most.
        calibration: of the answers in `results`, as the card has it; None where they are as the network was trained.
        progress: called while pictures are made.

    Returns:
        The facts, as in the JSON file.

    Raises:
        DataError: no results, a run folder that is not whole, or a file that cannot be written.
    """
    if not results:
        raise DataError("there is nothing to report", expected="at least one scored source")
    ordered = hardest_first(results)
    lead = ordered[0]
    chosen = worst_mistakes(lead.probabilities, lead.truth, mistakes)
    alike = _most_alike(model, lead, chosen, training, progress)
    facts = report_facts(run, ordered, mistakes=_mistake_facts(lead, chosen, alike), calibration=calibration)
    pictures = {
        "mistakes": _mistake_pictures(model, lead, chosen, alike, progress),
        "sources": [_source_pictures(result, calibration) for result in ordered],
        "training": training_curves(facts["epochs"], facts["run"].get("best")),
    }
    write_page(
        out, "report.html.j2", {"facts": facts, "pictures": pictures, "json_name": out.with_suffix(".json").name}
    )
    write_json(out.with_suffix(".json"), facts)
    return facts


def report_facts(
    run: RunFolder,
    ordered: Sequence[SourceResult],
    *,
    mistakes: Sequence[Mapping[str, Any]] = (),
    calibration: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """All that the page says, ready for JSON; `ordered` is hardest first."""
    state = run.read_state()
    return {
        "format": FORMAT,
        "made": now(),
        "name": run.path.resolve().name,
        "headline": headline(ordered),
        "run": {key: value for key, value in state.items() if key not in ("data", "provenance", "format")},
        "calibration": calibration,
        "sources": [
            {
                **source_summary(result),
                "scores": result.scores.as_dict(),
                "sure": sure_answers(result, calibration),
            }
            for result in ordered
        ],
        "mistakes": list(mistakes),
        "epochs": [entry for entry in read_journal(run.journal) if entry.get("kind") == "epoch"],
        "data": _data_facts(state.get("data") or {}),
        "provenance": state.get("provenance") or {},
    }


def headline(ordered: Sequence[SourceResult]) -> dict[str, Any]:
    """The first things said, in plain words: the hardest number, its interval, and what the others add."""
    lead = ordered[0]
    scores = lead.scores
    where = "another collection" if not lead.strategy else "photos it was not trained on"
    if lead.strategy == UNKNOWN:
        where = "photos of which it is not known whether it learnt from them"
    low_high = ""
    if scores.interval is not None:
        low_high = f"between {of_hundred(scores.interval.low)} and {of_hundred(scores.interval.high)} of 100"
    others = [
        f"{of_hundred(result.scores.accuracy)} of 100 on {result.name}" for result in ordered[1:] if result is not lead
    ]
    warning = ""
    if lead.strategy == UNKNOWN:
        warning = (
            "What this recogniser learnt from is not known, so no number here is known to be of photos that it has not "
            "seen. Score it on photos taken after it was trained, of people who took no part in its training."
        )
    elif lead.strategy:
        warning = (
            "No photos from another collection were scored. On other hands, rooms and cameras such recognisers "
            "often lose half of their accuracy or more: give a folder of such photos to 'fingerspell evaluate'."
        )
    return {
        "right_of_hundred": of_hundred(scores.accuracy),
        "source": lead.name,
        "where": where,
        "interval": low_high,
        "interval_note": scores.interval_note,
        "description": lead.description,
        "guessing": of_hundred(1 / len(lead.labels)),
        "others": others,
        "warning": warning,
    }


def _data_facts(data: Mapping[str, Any]) -> dict[str, Any]:
    left_out, damaged = data.get("left_out") or [], data.get("damaged") or []
    return {
        "folder": PurePath(data.get("folder") or "").name,
        "digest": data.get("digest"),
        "photos": data.get("photos"),
        "left_out_counts": dict(Counter(item["reason"] for item in left_out).most_common()),
        "damaged": list(damaged),
        "also_learnt": [{**its, "folder": PurePath(its["folder"]).name} for its in data.get("also_learnt") or []],
    }


@dataclass(frozen=True)
class _Alike:
    """Training photos most alike to each mistake: for each of M up to `ALIKE` photos, and their cosines alike."""

    pixels: Pixels
    photos: list[list[Learnt]]
    cosines: NDArray[np.float32]


def _most_alike(
    model: Model, lead: SourceResult, chosen: NDArray[np.intp], training: TrainingPhotos | None, progress: Progress
) -> _Alike | None:
    if training is None or not len(chosen):
        return None
    learnt = training.learnt
    learnt = learnt[:: max(1, -(-len(learnt) // REFERENCES))]  # evenly over classes and recordings
    if not learnt:
        return None
    rows = np.array([photo.row for photo in learnt], dtype=np.intp)
    references = features(model, training.pixels, rows, progress=progress)
    queries = features(model, lead.pixels(chosen), range(len(chosen)))
    places, cosines = nearest(queries, references, ALIKE)
    return _Alike(training.pixels, [[learnt[place] for place in its] for its in places], cosines)


def _mistake_facts(lead: SourceResult, chosen: NDArray[np.intp], alike: _Alike | None) -> list[dict[str, Any]]:
    found = []
    for place, index in enumerate(chosen):
        shares = lead.probabilities[index]
        near = []
        if alike is not None:
            near = [
                {"path": photo.path, "label": photo.label, "cosine": round(float(cosine), 4)}
                for photo, cosine in zip(alike.photos[place], alike.cosines[place], strict=True)
            ]
        found.append(
            {
                "path": lead.paths[index],
                "shown": lead.labels[lead.truth[index]],
                "answered": lead.labels[int(shares.argmax())],
                "confidence": round(float(shares.max()), 4),
                "probability_of_truth": round(float(shares[lead.truth[index]]), 4),
                "most_alike": near,
            }
        )
    return found


def _mistake_pictures(
    model: Model, lead: SourceResult, chosen: NDArray[np.intp], alike: _Alike | None, progress: Progress
) -> list[dict[str, Any]]:
    pixels = lead.pixels(chosen)
    maps = saliency(model, pixels, lead.probabilities[chosen].argmax(axis=1), progress=progress)
    found = []
    for place in range(len(chosen)):
        near = []
        if alike is not None:
            rows = np.array([photo.row for photo in alike.photos[place]], dtype=np.intp)
            near = [photo_uri(shown) for shown in alike.pixels[rows]]
        found.append(
            {
                "photo": photo_uri(pixels[place]),
                "saliency": photo_uri(overlay(pixels[place], maps[place])),
                "most_alike": near,
            }
        )
    return found


def _source_pictures(result: SourceResult, calibration: Mapping[str, Any] | None) -> dict[str, figures.Picture]:
    scores = result.scores
    return {
        "confusion": figures.confusion(scores, _confusion_words(result)),
        "reliability": figures.reliability(
            scores,
            f"Reliability on {result.name}: bars of accuracy by confidence. Expected calibration error "
            f"{percent(scores.ece)}; the accuracy is {percent(scores.accuracy)}.",
        ),
        "answered": figures.refusals(
            scores,
            sure_answers(result, calibration),
            None if calibration is None else calibration["wanted"],
            f"Accuracy of the answers given on {result.name}, by the share of photos that are answered when the least "
            "sure answers are withheld; the table below gives the numbers.",
        ),
    }


def _confusion_words(result: SourceResult) -> str:
    text = f"Confusion matrix of {result.name}: shown label by row, answered label by column, percent of the row."
    worst = ", ".join(f"{p.truth} as {p.said} {percent(p.share, 0)}" for p in _top_pairs(result.scores)[:5])
    return text + (f" Most frequent confusions: {worst}." if worst else " There is no confusion.")


def _top_pairs(scores: Scores) -> Sequence[Any]:
    return scores.pairs[:_PAIRS]


def training_curves(epochs: Sequence[Mapping[str, Any]], best: Mapping[str, Any] | None) -> list[figures.Picture]:
    """Accuracy, loss and learning rate by epoch; empty where the journal has no epoch."""
    if not epochs:
        return []
    at = [entry["epoch"] + 1 for entry in epochs]
    marked = best["epoch"] + 1 if best else None

    def line(name: str, key: str) -> figures.Line:
        return figures.Line(name, at, [float("nan") if e.get(key) is None else e[key] for e in epochs])

    last = epochs[-1]
    accuracy = [line("learnt from", "train_accuracy"), line("validation", "val_accuracy")]
    loss = [line("learnt from", "train_loss"), line("validation", "val_loss")]
    return [
        figures.curves(
            "Accuracy",
            accuracy,
            share=True,
            best=marked,
            alt=f"Accuracy by epoch; after epoch {at[-1]}: {percent(last.get('train_accuracy'))} on what it learnt "
            f"from, {percent(last.get('val_accuracy'))} on the validation part.",
        ),
        figures.curves("Loss", loss, share=False, best=marked, alt=f"Loss by epoch, {at[0]} to {at[-1]}."),
        figures.curves(
            "Learning rate",
            [line("learning rate", "lr")],
            share=False,
            alt=f"Learning rate by epoch, {at[0]} to {at[-1]}.",
        ),
    ]
