"""A model trained elsewhere becomes the folder of a run, in which what is not known is recorded as not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fingerspell.core.alphabet import LABELS, canonical_label
from fingerspell.core.errors import DataError, TrainingError
from fingerspell.core.provenance import provenance
from fingerspell.lab.data.manifest import find_set
from fingerspell.lab.data.split import Split
from fingerspell.lab.nets.model import Model
from fingerspell.lab.nets.registry import parameter_counts
from fingerspell.lab.training.run import IMPORTED, RunFolder


def parse_labels(text: str) -> tuple[str, ...]:
    """`A,b,Del` → the alphabet's names, in this order. Raises DataError for a name that it does not have."""
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if canonical_label(name) is None]
    if unknown:
        raise DataError(f"unknown label '{unknown[0]}'", expected=f"some of {', '.join(LABELS)}, with commas between")
    return tuple(canonical_label(name) or "" for name in names)


def folder_labels(folder: Path) -> tuple[str, ...]:
    """The labels of a folder's class folders as Keras counts them: in the order of their names as they are written.

    Raises:
        DataError: there are none, or two of one label.
    """
    _, places = find_set(folder, [], [])
    names = sorted(place.name for place in places)
    labels = tuple(canonical_label(name) or "" for name in names)
    if not labels or len(set(labels)) != len(labels):
        raise DataError(
            f"the class folders of {folder} are {', '.join(names) or 'none'}",
            expected="a folder for each label, as Keras counts its classes",
            remedy="give the labels in the model's order with --labels",
        )
    return labels


def labels_for(
    classes: int, given: tuple[str, ...] | None, of_folder: tuple[str, ...] | None
) -> tuple[tuple[str, ...], str]:
    """The labels of a model's outputs, and how they were found, in words.

    Args:
        classes: how many outputs there are.
        given: by the user.
        of_folder: of the class folders that were given.

    Raises:
        DataError: neither says, and there are not as many outputs as letters; or a number that does not fit.
    """
    if given is not None:
        source, labels = "as given", given
        if of_folder is not None and set(of_folder) == set(given) and of_folder != given:
            source += ", although Keras would count the class folders in another order"
    elif of_folder is not None:
        source, labels = "the class folders in Keras's order", of_folder
    elif classes == len(LABELS):
        source, labels = (
            "assumed to be the notebook's folders in Keras's order; if they were others, give --labels",
            LABELS,
        )
    else:
        raise DataError(
            f"the model has {classes} outputs, and nothing says what they stand for",
            expected="their labels in the model's order",
            remedy="give --labels A,B,C,…, or --data with the class folders that it was trained on",
        )
    if len(labels) != classes:
        raise DataError(
            f"the model has {classes} outputs, and there are {len(labels)} labels: {', '.join(labels)}",
            expected="one label for each output",
            remedy="give them in the model's order with --labels",
        )
    return labels, f"labels: {' '.join(labels)} ({source})"


def write_imported(
    run: RunFolder, model: Model, split: Split | None, origin: Mapping[str, Any], notes: Sequence[str]
) -> dict[str, Any]:
    """Write the folder of a run; its run.json last, so that there is a whole run or none.

    Args:
        run: a folder that holds no run yet.
        model: the network, with labels and preprocessing.
        split: what Keras would have made of the photos that the run is judged by; None where none were given.
        origin: where the model comes from: `file`, `sha256`, `keras_version`, `kind`.
        notes: how it was understood.

    Returns:
        The content of run.json, less its format.

    Raises:
        TrainingError: the folder holds a run.
        DataError: it cannot be written.
    """
    require_no_run(run)
    digests = {"file": str(origin["sha256"])} | ({} if split is None else {"split": split.digest})
    judged_by = None if split is None else split.manifest.root.resolve().name
    state: dict[str, Any] = {
        "status": IMPORTED,
        "reason": f"imported from {origin['file']}",
        "network": model.network,
        "recipe_name": None,
        "recipe": None,
        "labels": list(model.labels),
        "parameters": parameter_counts(model.net)[0],
        "epochs_done": None,
        "best": None,
        "seconds": None,
        "split": None if split is None else _told(split),
        "data": None,
        "imported": {**origin, "learnt_from": "not known", "judged_by": judged_by, "notes": list(notes)},
        "provenance": {key: value for key, value in provenance(seed=None, **digests).items() if value is not None},
    }
    model.save(run.weights)
    if split is not None:
        split.save(run.split)
    run.write_state(state)
    return state


def require_no_run(run: RunFolder) -> None:
    """Raise TrainingError where a folder already holds a run."""
    if run.state.exists():
        raise TrainingError(f"{run.path} already holds a run", expected="a new folder", remedy="choose another --out")


def _told(split: Split) -> dict[str, Any]:
    counts = dict(sorted(split.counts.items()))
    return {"strategy": split.strategy, "seed": split.seed, "digest": split.digest, "counts": counts, "presumed": True}
