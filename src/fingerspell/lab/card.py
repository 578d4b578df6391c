"""A bundle's card: what its user must know, in JSON, without a trace of the maker's folders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from fingerspell.core.alphabet import LABELS, MOTION_LETTERS
from fingerspell.core.durable import digest_of, digest_of_file
from fingerspell.core.provenance import now, versions
from fingerspell.lab.about import About
from fingerspell.lab.data.split import Split
from fingerspell.lab.nets.model import Model
from fingerspell.lab.nets.registry import parameter_counts
from fingerspell.lab.training.run import IMPORTED, RunFolder

NOT_STATED = "not stated"
NOT_KNOWN = "not known"

INTENDED_USE = (
    "Naming the letter of the ASL manual alphabet that one hand shows in a photo, for learning, practice and research."
)
LIMITS = (
    "Fingerspelling is a small part of American Sign Language: this recogniser does not understand ASL.",
    "It answers for every photo, also for one without a hand: look at the probability before you act on an answer.",
    "It knows the hands, rooms, cameras and light of its training photos. Measure it on photos of the people who "
    "will use it before you rely on it, and compare with the scores on other collections above, if there are any.",
    "Do not use it where a mistake can harm somebody, to judge a person, or to identify one.",
)
_ABSOLUTE = re.compile(r"(?<![\w.:/])(?:~?/|[A-Za-z]:[\\/])(?:[^\s/\\,;:'\"]+[\\/])+([^\s/\\,;:'\"]+)")


def make_card(
    run: RunFolder,
    model: Model,
    split: Split | None,
    *,
    scores: list[dict[str, Any]] | str,
    licence: str,
    temperature: float,
    parity: Mapping[str, Any],
    calibration: Mapping[str, Any] | None = None,
    reliability: Mapping[str, Any] | None = None,
    about: About | None = None,
) -> dict[str, Any]:
    """All of a bundle's card except its format.

    Args:
        run: the run.
        model: its network.
        split: its split; of an imported run it says nothing of what was learnt from, and may be None.
        scores: by source, as `Measured` has them.
        licence: under which the bundle is given on, in its maker's words.
        temperature: what the logits are divided by.
        parity: what the export gate measured.
        calibration: how the temperature was found, where it was.
        reliability: as `Measured` has it.
        about: what only the maker can say of it.

    Raises:
        DataError: run.json is malformed.
    """
    state = run.read_state()
    card = {
        "made": now(),
        "labels": list(model.labels),
        "preprocess": model.preprocess.as_dict(),
        "network": model.network,
        "parameters": parameter_counts(model.net)[0],
        "temperature": temperature,
        **({} if calibration is None else {"calibration": dict(calibration)}),
        "scores": scores,
        **(reliability or {}),
        "intended_use": INTENDED_USE,
        "limits": list(LIMITS),
        **({"not_for": list(about.not_for)} if about and about.not_for else {}),
        "motion_letters": _motion_note(model.labels),
        "labels_absent": [label for label in LABELS if label not in model.labels],
        "licence": licence,
        "data": {**_data(state, split), **_said_of_data(about)},
        **({"imported": state.get("imported")} if state.get("status") == IMPORTED else {}),
        "training": {
            "status": state.get("status", NOT_STATED),
            "best": state.get("best"),
            "weights_sha256": digest_of_file(run.weights),
            **({"began_with": state["began_with"]} if "began_with" in state else {}),
        },
        "recipe": _recipe(state),
        "seed": _seed(state),
        "parity": dict(parity),
        "versions": {"export": versions(), "training": _of(state, "provenance").get("versions", NOT_STATED)},
    }
    return {key: without_folders(value) for key, value in card.items()}


def _of(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = values.get(key)
    return found if isinstance(found, dict) else {}


def _said_of_data(about: About | None) -> dict[str, Any]:
    if about is None:
        return {}
    who = {} if about.who_signs is None else {"who_signs": about.who_signs}
    return {**who, **({"sources": [its.model_dump() for its in about.sources]} if about.sources else {})}


def _motion_note(labels: tuple[str, ...]) -> str:
    moving = " and ".join(sorted(MOTION_LETTERS & set(labels)))
    if not moving:
        return "None of the labels is a movement."
    return f"{moving}: these letters are movements. A photo shows only a moment of one, so treat answers with care."


def _data(state: Mapping[str, Any], split: Split | None) -> dict[str, Any]:
    if split is None or state.get("status") == IMPORTED:
        return dict.fromkeys(("folder", "digest", "photos", "who_signs", "split"), NOT_KNOWN)
    damaged, also_learnt = (_of(state, "data").get(key) for key in ("damaged", "also_learnt"))
    return {
        "folder": split.manifest.root.name,
        "digest": split.manifest.digest,
        "photos": len(split.manifest.photos),
        "damaged": len(damaged) if isinstance(damaged, list) else NOT_STATED,
        "who_signs": NOT_STATED,
        "also_learnt": also_learnt if isinstance(also_learnt, list) else [],
        "split": {
            "strategy": split.strategy,
            "seed": split.seed,
            "settings": dict(split.settings),
            "digest": split.digest,
            "photos": dict(split.counts),
        },
    }


def _recipe(state: Mapping[str, Any]) -> dict[str, Any]:
    settings = state.get("recipe")
    digest = _of(_of(state, "provenance"), "digests").get("recipe")
    return {
        "name": state.get("recipe_name", NOT_STATED),
        "settings": settings,
        "digest": digest or (NOT_STATED if settings is None else digest_of(settings)),
    }


def _seed(state: Mapping[str, Any]) -> object:
    seed = _of(state, "provenance").get("seed")
    return seed if seed is not None else _of(state, "recipe").get("seed", NOT_STATED)


def without_folders(value: object) -> object:
    """The same JSON value with every absolute path, alone or in a sentence, reduced to its last name."""
    if isinstance(value, dict):
        return {key: without_folders(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_folders(item) for item in value]
    if not isinstance(value, str):
        return value
    for kind in (PurePosixPath, PureWindowsPath):
        if "\n" not in value and kind(value).is_absolute():
            return kind(value).name
    return _ABSOLUTE.sub(r"\1", value)
