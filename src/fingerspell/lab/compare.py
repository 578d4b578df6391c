"""Several runs side by side, with what the notebook recorded: one table, one figure, and what forbids comparing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from typing import Any

from fingerspell.core.durable import read_json
from fingerspell.core.errors import DataError
from fingerspell.core.provenance import now
from fingerspell.core.scoring import Interval
from fingerspell.lab import figures
from fingerspell.lab.page import percent, whole, write_page
from fingerspell.lab.training.journal import read_journal
from fingerspell.lab.training.run import IMPORTED, RunFolder

RECORDED_NOTE = (
    "Recorded by the notebook with Keras on the full set of 87,000 photos, on Keras's own split, whose validation "
    "part is of the same recordings as its training part; the log is cut off after five or six epochs. Not "
    "comparable one to one with any run here."
)


@dataclass(frozen=True)
class SourceScore:
    """What a run achieved on one source."""

    name: str
    accuracy: float
    interval: Interval | None
    photos: int
    other_collection: bool
    description: str


@dataclass(frozen=True)
class Row:
    """One run, or one that the notebook recorded.

    Attributes:
        name: of the run's folder.
        network: its name in the registry.
        parameters: as Keras counts them; None where not known yet.
        split: strategy and seed, in words.
        split_digest: of the split; "" for a recorded run.
        data_digest: of the photos; "" for a recorded run.
        status: `finished`, `paused`, `running`, `failed`, `imported` or `recorded`.
        epochs: how many are done; None where it is not known.
        best_val_accuracy: 0–1, or None.
        val_accuracy: by epoch, from the first; None where not finite.
        seconds_per_epoch: median over the epochs; for recorded runs the best seen.
        held_out: the run's own test (or validation) part, where it was evaluated.
        others: other sources, where it was evaluated on them.
        also_learnt: further folders that it learnt from, each with its number of photos, in words.
        recorded: whether these are figures that this program did not measure.
        imported: the file that it was brought over from; "" for a run that was trained here.
    """

    name: str
    network: str
    parameters: int | None
    split: str
    split_digest: str
    data_digest: str
    status: str
    epochs: int | None
    best_val_accuracy: float | None
    val_accuracy: tuple[float | None, ...]
    seconds_per_epoch: float | None
    held_out: SourceScore | None = None
    others: tuple[SourceScore, ...] = ()
    also_learnt: tuple[str, ...] = ()
    recorded: bool = False
    imported: str = ""


@dataclass(frozen=True)
class Comparison:
    """Runs in the order given, then the recorded ones; and what a reader must be warned of."""

    rows: tuple[Row, ...]
    warnings: tuple[str, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the other sources that at least one run was scored on, in order of appearance."""
        return tuple(dict.fromkeys(score.name for row in self.rows for score in row.others))

    def as_dict(self) -> dict[str, Any]:
        """A JSON-ready mapping."""
        return {"format": "fingerspell-comparison/1", "made": now(), **asdict(self)}


def _recorded(version: int, parameters: int, accuracies: Sequence[float], seconds: float) -> Row:
    return Row(
        name=f"notebook v{version}, recorded",
        network=f"notebook-v{version}",
        parameters=parameters,
        split="Keras's, full set",
        split_digest="",
        data_digest="",
        status="recorded",
        epochs=len(accuracies),
        best_val_accuracy=max(accuracies),
        val_accuracy=tuple(accuracies),
        seconds_per_epoch=seconds,
        recorded=True,
    )


RECORDED: tuple[Row, ...] = (
    _recorded(1, 17_436_765, (0.5495, 0.6314, 0.7266, 0.7637, 0.7723, 0.7832), 760),
    _recorded(2, 137_181, (0.4804, 0.5552, 0.5525, 0.8349, 0.8337), 1441),
    _recorded(3, 114_909, (0.1821, 0.5389, 0.6530, 0.7352, 0.6926), 331),
    _recorded(4, 317_885, (0.3075, 0.6754, 0.8504, 0.8254, 0.6887), 383),
)
"""The notebook's own log: validation accuracy by epoch, best seconds an epoch on an RTX 4050 laptop GPU."""

RECORDED_LEARNT, RECORDED_HELD_OUT, RECORDED_STEPS = 69_600, 17_400, 2_175
"""Photos that the notebook learnt from and held out, and its steps an epoch, 32 photos each."""


def compare_runs(folders: Sequence[Path], *, recorded: bool = True) -> Comparison:
    """Read runs side by side.

    Args:
        folders: of runs, at any stage; where one has an evaluation.json its scores are shown.
        recorded: add the rows that the notebook recorded.

    Raises:
        DataError: no folder, one given twice, or one that is no run.
    """
    if not folders:
        raise DataError("there is nothing to compare", expected="at least one run folder")
    places = [folder.resolve() for folder in folders]
    for place in places:
        if places.count(place) > 1:
            raise DataError(f"{place} is given twice", expected="each run once")
    names = _short_names(places)
    rows = tuple(row_of(RunFolder.open(place), name) for place, name in zip(places, names, strict=True))
    return Comparison(rows + (RECORDED if recorded else ()), tuple(_warnings(rows, recorded)))


def _short_names(places: Sequence[Path]) -> list[str]:
    """The folder's own name, or as much of the path as tells runs of the same name apart."""
    for depth in range(1, max(len(place.parts) for place in places)):
        names = ["/".join(place.parts[-depth:]) for place in places]
        if len(set(names)) == len(names):
            return names
    return [str(place) for place in places]


def row_of(run: RunFolder, name: str) -> Row:
    """A run as a row, under a name. Raises DataError where its files are damaged."""
    state = run.read_state()
    try:
        return _row_of(run, name, state, _scores(run))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{run.path} holds a run that cannot be read: {error!r}",
            expected="run.json, journal.jsonl and evaluation.json as this version writes them",
            remedy="evaluate it again, or train again",
        ) from error


def _row_of(run: RunFolder, name: str, state: Mapping[str, Any], scores: Sequence[tuple[bool, SourceScore]]) -> Row:
    epochs = [entry for entry in read_journal(run.journal) if entry.get("kind") == "epoch"]
    seconds = sorted(entry["seconds"] for entry in epochs if entry.get("seconds") is not None)
    split, data = state["split"], state["data"]
    imported = state["imported"]["file"] if state["status"] == IMPORTED else ""
    return Row(
        name=name,
        network=state["network"],
        parameters=state.get("parameters"),
        split="not known" if imported else f"{split['strategy']}, seed {split['seed']}",
        split_digest="" if imported else split["digest"],
        data_digest="" if imported else data["digest"],
        status=state["status"],
        epochs=state["epochs_done"],
        best_val_accuracy=(state.get("best") or {}).get("val_accuracy"),
        val_accuracy=tuple(entry.get("val_accuracy") for entry in epochs),
        seconds_per_epoch=seconds[len(seconds) // 2] if seconds else None,
        held_out=next((score for own, score in scores if own), None),
        others=tuple(score for own, score in scores if not own),
        also_learnt=tuple(
            f"{PurePath(its['folder']).name} ({whole(its['photos'])} photos)"
            for its in (data or {}).get("also_learnt", [])
        ),
        imported=imported,
    )


def _scores(run: RunFolder) -> list[tuple[bool, SourceScore]]:
    """(whether it is the run's own held-out part, score) of each source in evaluation.json; empty without one."""
    if not run.evaluation.exists():
        return []
    values = read_json(run.evaluation, what="the evaluation of a run")
    try:
        found = []
        for source in values["sources"]:
            interval = source["scores"]["interval"]
            score = SourceScore(
                name=source["name"],
                accuracy=source["scores"]["accuracy"],
                interval=None if interval is None else Interval(**interval),
                photos=source["photos"],
                other_collection=source["other_collection"],
                description=source["description"],
            )
            found.append((source["part"] is not None, score))
    except (KeyError, TypeError) as error:
        raise DataError(
            f"{run.evaluation} is malformed: {error!r}",
            expected="what 'fingerspell evaluate' writes",
            remedy=f"fingerspell evaluate {run.path}",
        ) from error
    return found


def _warnings(rows: Sequence[Row], recorded: bool) -> list[str]:
    found = [
        f"{row.name} was imported from {row.imported}: what it learnt from is not known, so its scores may be on "
        "photos that it has seen."
        for row in rows
        if row.imported
    ]
    known = [row for row in rows if not row.imported]
    if len({row.data_digest for row in known}) > 1:
        found.append("The runs were trained on different photos: their own test parts are not the same photos.")
    elif len({row.split_digest for row in known}) > 1:
        strategies = sorted({row.split for row in known})
        if len(strategies) == 1:
            strategies.append("the same with other settings")
        found.append(
            f"The runs use different splits ({'; '.join(strategies)}): their test and validation accuracies were "
            "measured on different photos, and some splits flatter."
        )
    found += [f"{row.name} also learnt from {', '.join(row.also_learnt)}." for row in rows if row.also_learnt]
    unfinished = [row.name for row in known if row.status != "finished"]
    if unfinished:
        found.append(f"Not finished: {', '.join(unfinished)}.")
    silent = [row.name for row in rows if row.held_out is None and not row.others]
    if silent:
        found.append(f"Not evaluated yet, so without a test accuracy: {', '.join(silent)}.")
    if recorded:
        found.append(RECORDED_NOTE)
    return found


def write_comparison(comparison: Comparison, path: Path) -> None:
    """Write the comparison as one self-contained HTML page, atomically. Raises DataError where it cannot be."""
    lines = [
        figures.Line(
            row.name,
            range(1, len(row.val_accuracy) + 1),
            [float("nan") if value is None else value for value in row.val_accuracy],
            recorded=row.recorded,
        )
        for row in comparison.rows
        if row.val_accuracy
    ]
    best = "; ".join(f"{row.name} {percent(row.best_val_accuracy)}" for row in comparison.rows if row.val_accuracy)
    picture = figures.overlaid(lines, f"Validation accuracy by epoch. Best of each: {best}.") if lines else None
    write_page(
        path, "compare.html.j2", {"facts": comparison.as_dict(), "sources": comparison.sources, "curves": picture}
    )
