"""`fingerspell evaluate` and `fingerspell compare`: scores that say where they come from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fingerspell.cli import console
from fingerspell.cli.calibrating import CalibrateLikeOption, CalibrateOnOption, CalibrateOption, SureRightOption
from fingerspell.cli.places import cache_folder
from fingerspell.core.errors import DataError

if TYPE_CHECKING:
    from fingerspell.core.preprocess import PreprocessSpec
    from fingerspell.core.progress import Progress
    from fingerspell.lab.compare import Comparison, Row, SourceScore
    from fingerspell.lab.data.additions import Addition
    from fingerspell.lab.data.cache import PhotoCache
    from fingerspell.lab.data.split import Split
    from fingerspell.lab.nets.model import Model
    from fingerspell.lab.report import TrainingPhotos
    from fingerspell.lab.sources import SourceResult
    from fingerspell.lab.training.run import RunFolder


def evaluate_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, made by 'fingerspell train'.")],
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DIR]...", help="Further folders of photos: other people, rooms, cameras."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the evaluation as JSON instead of lines.")] = False,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Where the page goes; default RUN/report.html.")
    ] = None,
    photos: Annotated[
        bool, typer.Option("--photos/--no-photos", help="Show the worst mistakes; without, no person is in the page.")
    ] = True,
    calibrate: CalibrateOption = None,
    calibrate_on: CalibrateOnOption = None,
    calibrate_like: CalibrateLikeOption = None,
    sure_right: SureRightOption = None,
) -> None:
    """Score a run on photos it has not seen, and write a report.

    Its own held-out part is always scored where its photos (or their cache) are still there. Photos that the run
    has learnt from are recognised by content and never scored, whichever folder they lie in. How sure the answers are
    is calibrated first, as 'fingerspell export' does; --no-calibrate scores the network as it was trained.

    Examples:

        fingerspell evaluate runs/first

        fingerspell evaluate runs/first photos/anna photos/ben

        fingerspell evaluate runs/first photos/anna --json > scores.json

        fingerspell evaluate runs/first photos/anna --calibrate-on photos/ben
    """
    from fingerspell.lab.sources import evaluation_json, hardest_first, sure_answers
    from fingerspell.lab.training.run import RunFolder

    folder = RunFolder.open(run)
    page = report or folder.report
    found = evaluate_run(
        folder,
        folders or [],
        cache_folder(),
        page,
        photos=photos,
        calibrate=calibrate,
        calibrate_on=calibrate_on or [],
        calibrate_like=None if calibrate_like is None else RunFolder.open(calibrate_like),
        sure_right=sure_right,
    )
    if as_json:
        values = evaluation_json(found.results, folder.read_state(), found.calibration)
        typer.echo(json.dumps(values, ensure_ascii=False, allow_nan=False))
    else:
        for result in hardest_first(found.results):
            for line in (*_lines(result), *_sure_lines(sure_answers(result, found.calibration))):
                typer.echo(line)
        typer.echo(str(folder.evaluation))
        typer.echo(str(page))


@dataclass(frozen=True)
class Evaluated:
    """What `evaluate_run` found.

    Attributes:
        results: the run's own held-out part first (where its photos are still there), then the folders as given.
        calibration: of these answers, as in card.json; None where they are as the network was trained.
    """

    results: list[SourceResult]
    calibration: dict[str, Any] | None


def evaluate_run(
    run: RunFolder,
    folders: Sequence[Path],
    cache: Path,
    page: Path | None = None,
    *,
    photos: bool = True,
    calibrate: bool | None = None,
    calibrate_on: Sequence[Path] = (),
    calibrate_like: RunFolder | None = None,
    sure_right: float | None = None,
) -> Evaluated:
    """Score a run, write its evaluation.json and its report, and draw the progress.

    Args:
        run: an existing run.
        folders: further folders of photos.
        cache: where decoded photos are kept.
        page: where the report goes; by default into the run's folder.
        photos: whether the report shows photos (the worst mistakes); without, it can be passed on freely.
        calibrate: None: the answers are calibrated where that can be done; True: they must be; False: not at all.
        calibrate_on: further folders to calibrate on.
        calibrate_like: a run that is calibrated in place of this one; see `lab.calibration.find_calibration`.
        sure_right: share of right answers from which on an answer counts as sure.

    Raises:
        DataError: a folder without photos that may be scored, a run that is not whole, or one that cannot be calibrated
            though it must be.
    """
    from fingerspell.lab.calibration import as_calibrated, find_calibration
    from fingerspell.lab.nets.model import Model
    from fingerspell.lab.report import MISTAKES, write_report
    from fingerspell.lab.sources import write_evaluation
    from fingerspell.lab.training.run import IMPORTED

    state = run.read_state()
    learnt = _Learnt(run.read_split(), run.read_additions(), is_known=state.get("status") != IMPORTED)
    model = Model.load(run.require_weights())
    with console.progress_bar() as progress:
        calibration, why_not = find_calibration(
            run,
            model,
            cache_folder=cache,
            wanted=calibrate,
            folders=calibrate_on,
            like=calibrate_like,
            sure_right=sure_right,
            progress=progress,
        )
        own, training = _own_part(model, learnt, cache, bool(folders), progress)
        results = _all_sources(model, learnt, own, folders, cache, progress)
        recorded = None
        if calibration is not None:
            recorded = calibration.as_dict()
            results = [as_calibrated(result, calibration) for result in results]
        write_evaluation(run.evaluation, results, state, recorded)
        write_report(
            run,
            results,
            model,
            page or run.report,
            training=training,
            mistakes=MISTAKES if photos else 0,
            calibration=recorded,
            progress=progress,
        )
    if calibrate is None and calibration is None:
        console.note(f"not calibrated: {why_not}")
    return Evaluated(results, recorded)


@dataclass(frozen=True)
class _Learnt:
    """What a run learnt from: its split and further folders; of an imported run what it is judged by, if anything."""

    split: Split | None
    added: Sequence[Addition]
    is_known: bool


def _own_part(
    model: Model, learnt: _Learnt, place: Path, others: bool, progress: Progress
) -> tuple[SourceResult | None, TrainingPhotos | None]:
    """The run's own held-out part; None, with a note, where its photos are gone and others can be scored."""
    from fingerspell.lab.data.cache import cache_key, open_cache
    from fingerspell.lab.evaluate import evaluate_split
    from fingerspell.lab.report import TrainingPhotos

    split, added = learnt.split, learnt.added
    try:
        if split is None:
            raise DataError(
                "the run was imported, and has no photos of its own",
                expected="folders of photos to score",
                remedy="name them: fingerspell evaluate RUN DIR",
            )
        packed = place / cache_key(split.manifest, model.preprocess)
        if not packed.exists() and not split.manifest.root.is_dir():
            raise DataError(
                f"the photos of the run, {split.manifest.root}, are no longer there",
                expected="the folder it was trained on, or their cache",
                remedy="put the folder back, or give other folders to score",
            )
        cache = open_cache(split.manifest, model.preprocess, place, progress)
        result = evaluate_split(
            model, split, cache, also_learnt=added, learnt_is_known=learnt.is_known, progress=progress
        )
        if not learnt.is_known:
            return result, None
        return result, TrainingPhotos(split, cache, _packed(added, model.preprocess, place, progress))
    except DataError as error:
        if not others:
            raise
        console.note(f"the run's own held-out part is not scored: {error.found}")
        return None, None


def _packed(
    added: Sequence[Addition], spec: PreprocessSpec, place: Path, progress: Progress
) -> list[tuple[Addition, PhotoCache]]:
    """The further folders whose photos can still be shown beside a mistake."""
    from fingerspell.lab.data.cache import cache_key, open_cache

    there = [its for its in added if (place / cache_key(its.manifest, spec)).exists() or its.manifest.root.is_dir()]
    return [(its, open_cache(its.manifest, spec, place, progress)) for its in there]


def _all_sources(
    model: Model,
    learnt: _Learnt,
    own: SourceResult | None,
    folders: Sequence[Path],
    cache: Path,
    progress: Progress,
) -> list[SourceResult]:
    """The own part and every folder; a folder that turns out to be the own data is not listed twice."""
    from dataclasses import replace

    from fingerspell.lab.evaluate import evaluate_folder

    results = [] if own is None else [own]
    for folder in folders:
        result = evaluate_folder(
            model, folder, cache, learnt.split, progress, also_learnt=learnt.added, learnt_is_known=learnt.is_known
        )
        if result.part and own is not None:
            its = "the folder the run was trained on" if learnt.is_known else "the run's own folder"
            console.note(f"{folder} is {its}: only its {result.part} part is scored")
            continue
        if any(result.name == other.name for other in results):
            result = replace(result, name=str(folder))
        results.append(result)
    return results


def _lines(result: SourceResult) -> list[str]:
    from fingerspell.lab.page import percent, span

    scores = result.scores
    interval = scores.interval
    shown = span({"low": interval.low, "high": interval.high}) if interval else "no interval"
    lines = [f"{result.name}: {percent(scores.accuracy)} named right ({shown}, {result.photos:,} photos)"]
    lines.append(f"  {result.description}")
    if interval is None:
        lines.append(f"  {scores.interval_note}.")
    for reason, count in result.left_out_counts.most_common():
        lines.append(f"  left out: {count:,} × {reason}")
    if result.labels_missing:
        lines.append(f"  without photos: {', '.join(result.labels_missing)}")
    return lines


def _sure_lines(sure: dict[str, Any] | None) -> list[str]:
    """What is answered from the calibration's threshold on, in a line; none where there is no threshold."""
    from fingerspell.lab.page import percent

    if sure is None:
        return []
    right = "" if sure["accuracy"] is None else f", {percent(sure['accuracy'])} of these right"
    flatters = " (it was calibrated on these very photos, which flatters)" if sure["calibrated_on"] else ""
    return [f"  sure from {percent(sure['threshold'], 0)}: {percent(sure['share'])} answered{right}{flatters}"]


def compare_command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")],
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write a page with curves.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show several runs side by side, with what the original notebook recorded.

    Examples:

        fingerspell compare runs/first runs/second

        fingerspell compare runs/* --html comparison.html
    """
    from fingerspell.lab.compare import compare_runs, write_comparison

    comparison = compare_runs(runs)
    if html is not None:
        write_comparison(comparison, html)
    if as_json:
        typer.echo(json.dumps(comparison.as_dict(), ensure_ascii=False, allow_nan=False))
        return
    _print_table(comparison)
    for warning in comparison.warnings:
        console.note(f"note: {warning}")
    if html is not None:
        typer.echo(str(html))


def _print_table(comparison: Comparison) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("run", *comparison.sources, "test", "best val", "split", "epochs", "an epoch", "parameters"):
        right = name in ("epochs", "an epoch", "parameters")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in comparison.rows:
        table.add_row(*_cells(row, comparison.sources))
    console.out().print(table)


def _cells(row: Row, sources: tuple[str, ...]) -> list[str]:
    from fingerspell.lab.page import duration, percent, whole

    by_name = {score.name: score for score in row.others}
    return [
        row.name,
        *(_cell(by_name.get(name)) for name in sources),
        _cell(row.held_out),
        percent(row.best_val_accuracy),
        row.split,
        "–" if row.epochs is None else str(row.epochs),
        duration(row.seconds_per_epoch),
        "–" if row.parameters is None else whole(row.parameters),
    ]


def _cell(score: SourceScore | None) -> str:
    from fingerspell.lab.page import percent, span

    if score is None:
        return "–"
    if score.interval is None:
        return percent(score.accuracy)
    return f"{percent(score.accuracy)} ({span({'low': score.interval.low, 'high': score.interval.high})})"
