"""The folder of a training run: what lies where, and the state that other commands read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fingerspell.core.durable import read_json, write_json
from fingerspell.core.errors import DataError, TrainingError
from fingerspell.lab.data.additions import Addition, load_additions
from fingerspell.lab.data.split import Split

FORMAT = "fingerspell-run/1"
IMPORTED = "imported"
"""Status of a run that was trained elsewhere: its weights are known, and nothing of how they came about."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of one run.

    Attributes:
        path: the folder given with `--out`.
    """

    path: Path

    @property
    def weights(self) -> Path:
        """The best weights so far, with labels and preprocessing."""
        return self.path / "weights.safetensors"

    @property
    def checkpoint(self) -> Path:
        """Everything that going on needs."""
        return self.path / "checkpoint.safetensors"

    @property
    def split(self) -> Path:
        """Which photo played which part."""
        return self.path / "split.json"

    @property
    def also_learnt(self) -> Path:
        """The photos of further folders that were learnt from; only where there are such folders."""
        return self.path / "also-learnt.json"

    @property
    def shapes(self) -> Path:
        """What is known about the hands of the photos that are learnt from; only for networks that learn it."""
        return self.path / "shapes.npz"

    @property
    def beginning(self) -> Path:
        """The weights that the run began with; only where it did not begin with fresh ones."""
        return self.path / "beginning.safetensors"

    @property
    def journal(self) -> Path:
        """One JSON object a line for each step and each epoch."""
        return self.path / "journal.jsonl"

    @property
    def state(self) -> Path:
        """Status, recipe, data and best epoch."""
        return self.path / "run.json"

    @property
    def recipe(self) -> Path:
        """The recipe as it was run, with all overrides."""
        return self.path / "recipe.toml"

    @property
    def evaluation(self) -> Path:
        """Scores by source, as JSON."""
        return self.path / "evaluation.json"

    @property
    def report(self) -> Path:
        """The report page."""
        return self.path / "report.html"

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing run. Raises DataError where there is none."""
        folder = cls(path)
        if not folder.state.is_file():
            raise DataError(
                f"{path} is not a run: it has no run.json",
                expected="a folder made by 'fingerspell train … --out'",
                remedy="check the path",
            )
        return folder

    def read_state(self) -> dict[str, Any]:
        """The content of run.json. Raises DataError if it is not ours."""
        values = read_json(self.state, what="the state of a run")
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise DataError(f"{self.state} is not the state of a run of this version", expected=FORMAT)
        return values

    def read_additions(self) -> tuple[Addition, ...]:
        """The further folders that the run learns from, as they were when it began; () for most runs.

        Raises:
            DataError: their record is missing or damaged.
            TrainingError: it is not the one that the run was started with.
        """
        recorded = [its["digest"] for its in (self.read_state().get("data") or {}).get("also_learnt") or []]
        additions = load_additions(self.also_learnt) if recorded else ()
        if [addition.digest for addition in additions] != recorded:
            raise TrainingError(
                f"{self.also_learnt} does not name the photos that this run was started with",
                expected=", ".join(recorded),
                remedy="put the file back as it was",
            )
        return additions

    def read_split(self) -> Split | None:
        """Which photo played which part; of an imported run what is assumed, or None where it was given no photos."""
        state = self.read_state()
        return None if state.get("status") == IMPORTED and not state.get("split") else Split.load(self.split)

    def require_trained(self) -> None:
        """Raise TrainingError where the run was imported, so that there is nothing to go on with."""
        if self.read_state().get("status") == IMPORTED:
            raise TrainingError(
                f"{self.path} was imported: it has no recipe and no checkpoint to go on with",
                expected="a run that was begun with 'fingerspell train'",
                remedy="train a new one: fingerspell train DIR",
            )

    def require_weights(self) -> Path:
        """Where the best weights are. Raises DataError while no epoch has ended."""
        if not self.weights.is_file():
            raise DataError(
                f"{self.path} has no weights yet: no epoch has ended",
                expected="a run with at least one whole epoch",
                remedy=f"go on with it: fingerspell train --resume {self.path}",
            )
        return self.weights

    def write_state(self, values: Mapping[str, Any]) -> None:
        """Replace run.json atomically."""
        write_json(self.state, {"format": FORMAT, **values})
