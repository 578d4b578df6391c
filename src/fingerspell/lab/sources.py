"""What a model achieved on one source of photos, and the sentence without which the number means nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.certainty import answered_at, threshold_of
from fingerspell.core.durable import write_json
from fingerspell.core.provenance import now
from fingerspell.core.scoring import Scores
from fingerspell.lab.data.dealing import Part
from fingerspell.lab.data.manifest import LeftOut
from fingerspell.lab.data.split import Split

FORMAT = "fingerspell-evaluation/1"
OVERLAP = "overlap"
"""In place of a split's strategy: a folder that shares photos with the training folder."""
UNKNOWN = "unknown"
"""In place of a split's strategy: it is not known what the model was trained on."""

_COLLECTION = 3
_HARDNESS = {"group": 2, "block": 1, "random": 0, "keras": 0, OVERLAP: 0, UNKNOWN: 0}
_PART_NAMES = {"test": "test part", "val": "validation part", "train": "training part", "guard": "guard part"}
_RUN_KEYS = ("network", "recipe_name", "parameters", "best", "split", "imported", "provenance")
_TRUST = {
    "random": "neighbouring frames of the same recordings were learnt from, so this number flatters",
    "keras": "the training photos are further frames of the same recordings, so this number flatters",
    "block": "stretches of the recordings that were not learnt from, but the same hand, room and camera",
    "group": "groups (people, rooms or sessions) of which nothing was learnt",
}


@dataclass(frozen=True)
class SourceResult:
    """A model's answers on one source of photos, and their scores.

    Attributes:
        name: of the source, short.
        strategy: of the split whose part this is; "" for a collection the run was not trained on.
        part: which part of that split; "" for a collection.
        description: one sentence: which split, which source, and how far to trust the number.
        folder: where the photos lie.
        digest: of the folder's manifest.
        labels: of the columns of `probabilities`.
        paths: (N) of the photos, below the folder.
        stored: (rows, h, w, 3) uint8, the cache that `rows` points into.
        rows: (N,) row of each photo.
        probabilities: (N, C) float32.
        truth: (N,) column of each photo's label.
        groups: (N) the stretch of recording, person … of each photo.
        scores: what follows from these.
        left_out: photos and files that were not scored, each with its reason.
        labels_missing: labels of the model that no scored photo shows.
    """

    name: str
    strategy: str
    part: str
    description: str
    folder: Path
    digest: str
    labels: tuple[str, ...]
    paths: tuple[str, ...]
    stored: NDArray[np.uint8]
    rows: NDArray[np.intp]
    probabilities: NDArray[np.float32]
    truth: NDArray[np.int64]
    groups: tuple[str, ...]
    scores: Scores
    left_out: tuple[LeftOut, ...]
    labels_missing: tuple[str, ...]

    @property
    def photos(self) -> int:
        """How many photos were scored."""
        return len(self.paths)

    @property
    def hardness(self) -> int:
        """3 another collection, 2 unseen groups, 1 unseen stretches, 0 neighbours of photos learnt from."""
        return _HARDNESS.get(self.strategy, 0) if self.strategy else _COLLECTION

    @cached_property
    def left_out_counts(self) -> Counter[str]:
        """Photos left out by reason; what follows a colon in a reason is dropped."""
        return Counter(item.reason.partition(":")[0] for item in self.left_out)

    def pixels(self, indices: Sequence[int] | NDArray[np.intp]) -> NDArray[np.uint8]:
        """(n, h, w, 3) uint8 of the photos at these positions (0…N−1)."""
        return np.asarray(self.stored[self.rows[np.asarray(indices, dtype=np.intp)]])


def hardest_first(results: Sequence[SourceResult]) -> list[SourceResult]:
    """Other collections before unseen groups, stretches, random parts; among equals the lower accuracy."""
    return sorted(results, key=lambda result: (-result.hardness, result.scores.accuracy, result.name))


def part_sentence(split: Split, part: Part, source: str, also: Sequence[str] = ()) -> str:
    """Which part of which split of which folder, and how far to trust the number; `also`: further folders learnt."""
    kind = "Keras's own split" if split.strategy == "keras" else f"the {split.strategy} split"
    sentence = f"{_PART_NAMES[part].capitalize()} of {kind} of {source}: {_TRUST[split.strategy]}."
    if part == "val":
        sentence += " This part also chose the epoch, which flatters further."
        if not split.counts["test"]:
            sentence += " The split has no test part."
    if part == "train":
        sentence = f"{_PART_NAMES[part].capitalize()} of {kind} of {source}: these very photos were learnt from."
    if also:
        sentence += f" It also learnt from {listed(also)}; whether the same people are in there is not known."
    return sentence


def presumed_sentence(split: Split, part: Part, source: str) -> str:
    """The same for a run that was imported: its split is what Keras would have made, not what is known."""
    val = split.settings.get("val", 0.2)
    return (
        f"{_PART_NAMES[part].capitalize()} of Keras's own split of {source}. What the model learnt from is not known: "
        f"trained as the notebook does, with validation_split={val:g} of this very folder, it learnt from further "
        "frames of the same recordings, so this number flatters; trained otherwise, perhaps from these very photos."
    )


def folder_sentence(
    name: str, training: Split | None, shared: int, own: int, strategy: str, also: Sequence[str] = ()
) -> str:
    """What a folder is to the run.

    Args:
        name: of the folder.
        training: the run's split, where it is known.
        shared: photos of the folder whose content stands in the split or was learnt from elsewhere.
        own: of these, photos of the test part, which are scored.
        strategy: what the result is filed under.
        also: names of further folders that the run learnt from.
    """
    if training is None:
        return f"The folder {name}; what the model learnt from is not known, so it may have seen these photos."
    source = listed([training.manifest.root.resolve().name, *also])
    if strategy == OVERLAP:
        folders = "folders" if also else "folder"
        return (
            f"The folder {name}, which shares {shared:,} photos with the training {folders} {source}; "
            "those learnt from are left out, but the others are likely their neighbours, so this number flatters."
        )
    if strategy:
        photos = f"{own:,} photos of the test part of the run's {strategy} split"
        return f"The folder {name}: {photos}; {_TRUST[strategy]}."
    found = f"Another collection, {name}: the recogniser learnt from {source} and has seen none of these photos"
    return found + (f" ({shared:,} shared ones are left out or of its test part)." if shared else ".")


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def evaluation_json(
    results: Sequence[SourceResult], run: Mapping[str, Any], calibration: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Scores by source, hardest first, and every photo's answer, ready for JSON.

    Args:
        results: one for each source.
        run: the content of the run's run.json.
        calibration: of the answers, as the card has it; None where they are as the network was trained.
    """
    return {
        "format": FORMAT,
        "made": now(),
        "run": {key: run.get(key) for key in _RUN_KEYS},
        "calibration": calibration,
        "sources": [
            {**_source_json(result), "sure": sure_answers(result, calibration)} for result in hardest_first(results)
        ],
    }


def sure_answers(result: SourceResult, calibration: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What is answered of a source, and how well, from the calibration's threshold on; None where there is none.

    Returns:
        threshold, share and accuracy as `core.certainty.Answered` has them, and whether it was calibrated on this
        very folder, so that the numbers flatter.
    """
    threshold = threshold_of({"calibration": calibration})
    if calibration is None or threshold is None:
        return None
    confidence = result.probabilities.max(axis=1).astype(np.float64)
    found = answered_at(threshold, confidence, result.probabilities.argmax(axis=1) == result.truth)
    own = not result.strategy and any(its["digest"] == result.digest for its in calibration["sources"])
    return {**asdict(found), "calibrated_on": own}


def _source_json(result: SourceResult) -> dict[str, Any]:
    said = result.probabilities.argmax(axis=1)
    sure = result.probabilities.max(axis=1)
    of_truth = result.probabilities[np.arange(result.photos), result.truth]
    return {
        **source_summary(result),
        "scores": result.scores.as_dict(),
        "predictions": {
            "path": list(result.paths),
            "group": list(result.groups),
            "truth": [result.labels[index] for index in result.truth],
            "said": [result.labels[index] for index in said],
            "confidence": [round(float(value), 6) for value in sure],
            "probability_of_truth": [round(float(value), 6) for value in of_truth],
        },
        "left_out": [[item.path, item.reason] for item in result.left_out],
    }


def source_summary(result: SourceResult) -> dict[str, Any]:
    """What a reader must know about a source beside its scores."""
    return {
        "name": result.name,
        "description": result.description,
        "strategy": result.strategy or None,
        "part": result.part or None,
        "other_collection": result.hardness == _COLLECTION,
        "folder": result.folder.resolve().name,  # reports are passed on: no path of the maker's machine
        "digest": result.digest,
        "photos": result.photos,
        "left_out_counts": dict(result.left_out_counts.most_common()),
        "labels_missing": list(result.labels_missing),
    }


def write_evaluation(
    path: Path, results: Sequence[SourceResult], run: Mapping[str, Any], calibration: Mapping[str, Any] | None = None
) -> None:
    """Write `evaluation_json`, atomically. Raises DataError where the folder cannot be written."""
    write_json(path, evaluation_json(results, run, calibration))
