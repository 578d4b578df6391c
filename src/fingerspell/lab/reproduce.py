"""Reproducing the notebook: which networks, under which settings, and what is recorded of the whole.

The record, reproduce.json, is all the state there is beside the runs themselves. What a call does not say is taken
from it, what a call says otherwise is refused: a folder never holds networks trained under different settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from fingerspell.core.durable import digest_of, digest_of_file, read_json, write_json
from fingerspell.core.errors import DataError, RecipeError, known_names
from fingerspell.lab import recipe as recipes
from fingerspell.lab.compare import RECORDED_LEARNT
from fingerspell.lab.data.manifest import Manifest
from fingerspell.lab.data.split import Split
from fingerspell.lab.page import whole
from fingerspell.lab.recipe import Recipe
from fingerspell.lab.training.launch import in_minutes, is_run_of
from fingerspell.lab.training.run import RunFolder

FORMAT = "fingerspell-reproduction/1"
NOTEBOOK = ("notebook-v1", "notebook-v2", "notebook-v3", "notebook-v4", "notebook-v5")
INTENDED = "notebook-v2-intended"
_KNOWN = tuple(sorted((*NOTEBOOK, INTENDED)))  # this is also the order in which they are trained and shown


@dataclass(frozen=True)
class Settings:
    """What may be set otherwise than in the recipes; None keeps what the recipes say.

    Attributes:
        size: side of the networks' input, pixels.
        epochs: at most this many.
        batch_size: photos a step.
        seed: of weights, order, augmentation and dropout.
        split_by: the split's strategy.
        device: where it is trained; in a record the one that was used, never `auto`.
    """

    size: int | None = None
    epochs: int | None = None
    batch_size: int | None = None
    seed: int | None = None
    split_by: str | None = None
    device: str | None = None

    def recipe(self, name: str) -> Recipe:
        """A shipped recipe under these settings. Raises RecipeError for values that cannot be."""
        changed = {
            "preprocess.height": self.size,
            "preprocess.width": self.size,
            "training.epochs": self.epochs,
            "training.batch_size": self.batch_size,
            "seed": self.seed,
            "split.by": self.split_by,
        }
        return recipes.read(name, [], changed)


@dataclass(frozen=True)
class Other:
    """Another collection that every network is scored on: where it lies, and the digest of its photos."""

    folder: str
    digest: str


@dataclass
class Record:
    """The content of reproduce.json that later calls go by.

    Attributes:
        settings: of all networks.
        folder: name of the folder that is learnt from.
        digest: of its photos.
        threads: how many work on the CPU; another number may add in another order.
        networks: names of recipes, of all calls so far.
        max_minutes: of training for each network, as the last call gave it; None for no limit.
        others: what each network is scored on at its end.
        failed: why a network's last training or scoring failed.
        scored: what a network's evaluation.json was made of.
        results: what the page says, for whoever reads the file; nothing here goes by it.
    """

    settings: Settings
    folder: str
    digest: str
    threads: int
    networks: tuple[str, ...] = ()
    max_minutes: float | None = None
    others: tuple[Other, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)
    scored: dict[str, str] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reproduction:
    """The folder of a reproduction: what lies where.

    Attributes:
        path: the folder given with `--out`.
    """

    path: Path

    @property
    def record(self) -> Path:
        """Settings and state of the whole, and the results."""
        return self.path / "reproduce.json"

    @property
    def page(self) -> Path:
        """The page of curves and scores."""
        return self.path / "reproduce.html"

    @property
    def curves(self) -> Path:
        """The curves as CSV."""
        return self.path / "reproduce.csv"

    def run(self, name: str) -> RunFolder:
        """The run of a recipe."""
        return RunFolder(self.path / name)

    def read(self) -> Record | None:
        """The record; None where there is none yet. Raises DataError for one that is not ours."""
        if not self.record.exists():
            return None
        values = read_json(self.record, what="the record of a reproduction")
        try:
            if values["format"] != FORMAT:
                raise ValueError(f"format is {values['format']!r}, not {FORMAT!r}")
            kept = {its.name: values[its.name] for its in fields(Record)}
            kept |= {
                "settings": Settings(**values["settings"]),
                "networks": tuple(values["networks"]),
                "others": tuple(Other(**its) for its in values["others"]),
                "failed": dict(values["failed"]),
                "scored": dict(values["scored"]),
            }
            return Record(**kept)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{self.record} is not the record of a reproduction: {error}",
                expected=FORMAT,
                remedy="choose another --out",
            ) from error

    def write(self, record: Record) -> None:
        """Replace reproduce.json atomically."""
        write_json(self.record, {"format": FORMAT, **asdict(record)})


def chosen(only: str | None, *, intended: bool) -> tuple[str, ...]:
    """The recipes that a call works on, in the notebook's order.

    Args:
        only: names of recipes, separated by commas; None for the notebook's five.
        intended: add v2 as the notebook's prose means it.

    Raises:
        RecipeError: a name that is none of the notebook's recipes.
    """
    names = set(NOTEBOOK) if only is None else {name.strip() for name in only.split(",")} - {""}
    for name in sorted(names):
        if name not in _KNOWN:
            expected, remedy = known_names("network", name, _KNOWN)
            raise RecipeError(f"unknown network '{name}' in --only", expected=expected, remedy=remedy)
    if not names:
        raise RecipeError("--only names no network", expected=f"some of {', '.join(_KNOWN)}, separated by commas")
    return tuple(name for name in _KNOWN if name in names or (intended and name == INTENDED))


def about(recipe: Recipe) -> str:
    """What a recipe is, in a line, without the network's number that stands before it."""
    number, _, rest = recipe.about.partition(": ")
    return rest if number in recipe.network else recipe.about


def settled(given: Settings, record: Record | None, out: Path) -> Settings:
    """The settings of a call: what it gives, else what was recorded.

    Raises:
        DataError: it gives something else than was recorded.
    """
    if record is None:
        return given
    for its in fields(Settings):
        now, then = getattr(given, its.name), getattr(record.settings, its.name)
        if now is not None and now != then:
            option = "--" + its.name.replace("_", "-")
            before = f"without {option}" if then is None else f"with {option} {then}"
            raise DataError(
                f"{out} was begun {before}, and now {option} {now} is given",
                expected="the settings it was begun with",
                remedy=f"leave {option} out, or choose another --out",
            )
    return record.settings


def begun(
    record: Record | None,
    settings: Settings,
    manifest: Manifest,
    networks: Sequence[str],
    *,
    threads: int,
    max_minutes: float | None,
    others: Sequence[Other] | None,
    out: Path,
) -> Record:
    """The record of a call that begins a reproduction, or goes on with one.

    Args:
        record: of the calls before, or None.
        settings: see `settled`.
        manifest: the photos to learn from.
        networks: see `chosen`.
        threads: of a reproduction that begins.
        max_minutes: of this call.
        others: collections to score on; None for those recorded.
        out: the reproduction's folder.

    Raises:
        DataError: the photos are not those that it was begun with.
    """
    name = manifest.root.resolve().name
    if record is None:
        record = Record(settings, name, manifest.digest, threads)
    elif record.digest != manifest.digest:
        raise DataError(
            f"{out} was begun on other photos than those in {manifest.root}",
            expected=f"the photos of '{record.folder}' as they were then",
            remedy="give that folder, or choose another --out",
        )
    return replace(
        record,
        networks=tuple(name for name in _KNOWN if name in {*record.networks, *networks}),
        max_minutes=max_minutes,
        others=record.others if others is None else tuple(others),
    )


def require_same_run(run: RunFolder, recipe: Recipe, split: Split) -> None:
    """Raise DataError where a run's folder holds a run of another recipe or of other photos."""
    if run.state.exists() and not is_run_of(run.read_state(), recipe, split):
        raise DataError(
            f"{run.path} holds a run with other settings, or on other photos",
            expected=f"a run of {recipe.name} as this call would train it",
            remedy="choose another --out",
        )


def cut_off(state: Mapping[str, Any], max_minutes: float | None) -> bool:
    """Whether a run was ended by the minutes given, and by none more than those: it counts as done."""
    spent = max_minutes is not None and float(state.get("seconds") or 0) >= 60 * max_minutes
    return spent and state.get("status") == "paused"


def scoring_key(run: RunFolder, others: Sequence[Other]) -> str:
    """What an evaluation was made of: the best weights and the other collections. Raises DataError without weights."""
    return digest_of([digest_of_file(run.require_weights()), [its.digest for its in others]])


def differences(settings: Settings, split: Split, names: Sequence[str], max_minutes: float | None) -> list[str]:
    """In plain words, all in which this reproduction differs from what the notebook did; empty where in nothing."""
    notebook = recipes.read(names[0])
    ours = settings.recipe(names[0])
    learnt, found = split.counts["train"], []
    if learnt != RECORDED_LEARNT:
        found.append(f"It learns from {whole(learnt)} photos; the notebook learnt from {whole(RECORDED_LEARNT)}.")
    if ours.split.by != notebook.split.by:
        found.append(f"The photos are split by '{ours.split.by}'; the notebook left that to Keras's validation_split.")
    if (side := ours.preprocess.height) != notebook.preprocess.height:
        usual = notebook.preprocess.height
        found.append(
            f"Photos are {side}×{side} pixels; the notebook's were {usual}×{usual}; v1's number of parameters follows."
        )
    if settings.epochs is not None:
        most = sorted({recipes.read(name).training.epochs for name in names})
        span = f"{most[0]}" if len(most) == 1 else f"{most[0]} to {most[-1]}"
        found.append(f"Each network gets at most {settings.epochs} epochs; the notebook's recipes say {span}.")
    if (batch := ours.training.batch_size) != notebook.training.batch_size:
        found.append(f"A step takes {batch} photos; the notebook's took {notebook.training.batch_size}.")
    if max_minutes is not None:
        found.append(f"Each network is cut off after {in_minutes(max_minutes)} of training; the notebook's were not.")
    if settings.device == "cuda" and ours.training.precision == "auto":
        found.append("On this GPU the forward pass computes in bfloat16; the notebook computed in float32.")
    if INTENDED in names:
        found.append(f"{INTENDED} is what the notebook's prose describes; the notebook never ran it.")
    return found
