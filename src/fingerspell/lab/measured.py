"""What a run's evaluation gives to its bundle's card: scores by source, and how far each letter can be relied on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fingerspell.core.durable import read_json
from fingerspell.core.errors import DataError
from fingerspell.core.reliability import Mark, mark_of
from fingerspell.core.scoring import Scores
from fingerspell.lab.calibration import Calibration, agrees
from fingerspell.lab.training.run import RunFolder

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Measured:
    """What a run's evaluation.json gives to a card.

    Attributes:
        scores: accuracy by source with the sentence that says where it comes from, hardest first; or "not measured".
        reliability: the card's `reliability` (label → mark) and `reliability_from` (which sources it is from); empty
            where nothing was measured.
        is_of_this: whether it was measured with the very calibration of the bundle. If not, what it says of how sure
            the answers are is left out.
    """

    scores: list[dict[str, Any]] | str
    reliability: dict[str, Any]
    is_of_this: bool = True


def read_measured(run: RunFolder, calibration: Calibration | None) -> Measured:
    """What a run's evaluation gives to the card of a bundle with this calibration.

    Raises:
        DataError: evaluation.json is malformed.
    """
    if not run.evaluation.is_file():
        return Measured(NOT_MEASURED, {})
    evaluation = read_json(run.evaluation, what="scores written by 'fingerspell evaluate'")
    try:
        sources = evaluation["sources"]
        same = agrees(calibration, evaluation.get("calibration"))
        scores = [_score(source, same) for source in sources]
        return Measured(scores or NOT_MEASURED, _reliability(sources), same)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(
            f"{run.evaluation} is malformed: {error}",
            expected="scores written by 'fingerspell evaluate'",
            remedy="run 'fingerspell evaluate' again",
        ) from error


def _reliability(sources: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Each letter's mark, by the hardest source that shows it; easier kinds of sources than the hardest do not count.

    Photos that a recogniser shares the room or the hand with would flatter it.
    """
    kind = sources[0].get("strategy") if sources else None
    marks: dict[str, Mark] = {}
    used: dict[str, None] = {}  # a set in order
    for source in sources:
        scores = Scores.from_dict(source["scores"])
        for place, letter in enumerate(scores.letters):
            if letter.count and letter.label not in marks and source.get("strategy") == kind:
                marks[letter.label] = mark_of(scores.confusion[place][place], letter.count)
                used[source["name"]] = None
    if not marks:
        return {}
    labels = sources[0]["scores"]["labels"]
    return {
        "reliability": {label: marks.get(label, "unknown") for label in labels},
        "reliability_from": list(used),
    }


def _score(source: Mapping[str, Any], with_certainty: bool) -> dict[str, Any]:
    scores = Scores.from_dict(source["scores"])
    interval = scores.interval
    sure = source.get("sure") if with_certainty else None
    return {
        "source": source["name"],
        "where_from": source["description"],
        "photos": scores.photos,
        "accuracy": round(scores.accuracy, 4),
        "interval": None if interval is None else [round(interval.low, 4), round(interval.high, 4)],
        "macro_accuracy": round(scores.macro_accuracy, 4),
        "calibration_error": round(scores.ece, 4) if with_certainty else None,
        **({} if sure is None else {"sure": _sure(sure)}),
        "recall_by_label": {
            letter.label: None if letter.recall is None else round(letter.recall, 4) for letter in scores.letters
        },
    }


def _sure(sure: Mapping[str, Any]) -> dict[str, Any]:
    accuracy = sure["accuracy"]
    found = {"answered": round(sure["share"], 4), "right": None if accuracy is None else round(accuracy, 4)}
    return {**found, "calibrated_on": True} if sure["calibrated_on"] else found
