"""A run may begin with the weights of another one, if that has learnt from nothing but what this one learns from.

So what a run has learnt from always stands in its own records, and no photo that judges it was learnt from before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from fingerspell.core.durable import digest_of_file
from fingerspell.core.errors import DataError, TrainingError
from fingerspell.lab.data.additions import Addition
from fingerspell.lab.data.split import Split
from fingerspell.lab.nets.model import Model
from fingerspell.lab.recipe import Recipe
from fingerspell.lab.training.run import RunFolder


@dataclass(frozen=True, slots=True)
class Beginning:
    """Weights to begin with.

    Attributes:
        weights: the content of the other run's weights file.
        told: what run.json tells of it: the other run's folder, its recipe's name, its epochs, the digest of the file.
    """

    weights: bytes
    told: dict[str, Any]


def weights_to_begin_with(
    other: RunFolder, recipe: Recipe, split: Split, additions: Sequence[Addition] = ()
) -> Beginning:
    """The weights of another run, if a run of this recipe and these photos may begin with them.

    Args:
        other: a run that was trained here, with at least one whole epoch.
        recipe: of the new run.
        split: which photo plays which part in the new run.
        additions: further folders that the new run learns from.

    Raises:
        DataError: the other run has no weights yet, or cannot be read.
        TrainingError: it was imported; it is of another network, input or labels; or it has learnt from photos that
            the new run does not learn from.
    """
    other.require_trained()
    path, state = other.require_weights(), other.read_state()
    model = Model.load(path)
    ours = (recipe.network, recipe.preprocess.spec(), split.manifest.labels)
    for what, its, wanted in zip(
        ("network", "input", "labels"), (model.network, model.preprocess, model.labels), ours, strict=True
    ):
        if its != wanted:
            raise TrainingError(
                f"the {what} of {other.path} is {_said(its)}",
                expected=f"as in the new run: {_said(wanted)}",
                remedy="begin with a run of the same network, input size and labels, or without one",
            )
    _require_known(other, _learnt(split, additions))
    told = {
        "run": str(other.path.resolve()),
        "recipe_name": state["recipe_name"],
        "epochs_done": state["epochs_done"],
        "digest": digest_of_file(path),
    }
    return Beginning(path.read_bytes(), told)


def begin(model: Model, run: RunFolder, told: Mapping[str, Any]) -> dict[str, Tensor]:
    """Put the weights that a run began with into its fresh network. Returns them by name.

    Raises:
        TrainingError: the file is gone or is not the one of then.
    """
    if not run.beginning.is_file() or digest_of_file(run.beginning) != told["digest"]:
        raise TrainingError(
            f"{run.beginning} is not the file of weights that this run began with",
            expected=f"a file of digest {told['digest']}",
            remedy=f"put a copy of {told['run']}/weights.safetensors there, or begin a new run",
        )
    weights = Model.load(run.beginning).net.state_dict()
    model.net.load_state_dict(weights)
    return weights


def _said(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _learnt(split: Split, additions: Sequence[Addition]) -> set[str]:
    photos = split.manifest.photos
    own = {photos[index].sha256 for index in split.indices("train")}
    return own | {photo.sha256 for addition in additions for photo in addition.learnt}


def _require_known(other: RunFolder, learnt: set[str]) -> None:
    """Raise TrainingError where the other run has learnt from photos that are not among those to learn from."""
    split = other.read_split()
    if split is None:
        raise DataError(f"{other.path} does not say what it has learnt from", expected="a run with its split.json")
    more = _learnt(split, other.read_additions()) - learnt
    if more:
        raise TrainingError(
            f"{other.path} has learnt from {len(more):,} photos that the new run does not learn from",
            expected="the same photos or fewer: others may be those that the new run is judged by",
            remedy="learn from the same folders with the same split, or begin without it",
        )
