"""`fingerspell demo`: the whole way on one folder of photos, from audit to naming photos it never saw."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fingerspell.cli import console
from fingerspell.cli.places import cache_folder
from fingerspell.cli.synth import default_jobs, render_photos
from fingerspell.cli.train import run_training
from fingerspell.core.errors import DataError, FingerspellError

if TYPE_CHECKING:
    from fingerspell.lab.data.split import Split
    from fingerspell.lab.recipe import Recipe
    from fingerspell.lab.sources import SourceResult
    from fingerspell.lab.training.run import RunFolder

# Rendered where there are no other photos: minutes, not hours, on two cores.
_RENDERED, _RENDERED_SHORT = 120, 24  # photos a class
_RENDERED_SIZE, _RENDERED_SIGNERS = 128, 12
_RENDERERS = ("numba", "cv2", "pyarrow")  # what rendering needs beside the package's own requirements
# Where the development photos lie when the project is checked out beside them.
_PHOTOS = Path("../shared/data/one-signer")
_STRANGER = Path("../shared/data/desk")
_SHOWN = 12
_ABOUT_RENDERED = (
    "It learnt from rendered hands only, and the number on them is of rendered signers held out: it says that "
    "everything works, not how well people's hands are read. Score real photos: fingerspell evaluate RUN FOLDER"
)


def demo_command(
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="The folder of photos.")] = None,
    out: Annotated[Path, typer.Option(help="Where everything is written.")] = Path("demo"),
    others: Annotated[
        list[Path] | None, typer.Option("--also", help="Score this other folder too (repeatable).")
    ] = None,
    max_minutes: Annotated[float | None, typer.Option(min=0.1, help="Bound the training.")] = None,
    short: Annotated[bool, typer.Option(help="A few epochs only: shows that everything works, not how well.")] = False,
) -> None:
    """Audit, split, train, report, save, and name photos it never saw. Killed, it goes on where it stopped."""
    from fingerspell.lab.recipe import read
    from fingerspell.lab.training.run import RunFolder

    began = time.monotonic()
    photos = _photos(folder, out, short)
    strangers = [place for place in (others or [_STRANGER]) if place.is_dir() and place.resolve() != photos.resolve()]
    run = RunFolder(out / "run")
    settings = read("quick", [], {"training.epochs": 2 if short else None})
    split = _split(photos)
    _refuse_other_run(run, split, settings)
    _look(photos, split, out)
    _train(split, run, settings, max_minutes)
    results = _report(run, split, strangers)
    bundle = _export(run, out)
    _name_unseen(bundle, run, split)
    _summary(photos, run, bundle, results, time.monotonic() - began)


def _photos(folder: Path | None, out: Path, short: bool) -> Path:
    """The folder given, or the development photos, or else photos rendered for the purpose."""
    if folder is not None:
        return folder
    if _PHOTOS.is_dir():
        return _PHOTOS
    return _rendered(out / "rendered", _RENDERED_SHORT if short else _RENDERED)


def _rendered(place: Path, per_class: int) -> Path:
    try:
        from fingerspell.hands.plan import SynthPlan

        console.heading(f"0 render: no folder was given (DATA=folder), so {per_class} photos a class are rendered")
        render_photos(place, SynthPlan(per_class, _RENDERED_SIZE, _RENDERED_SIGNERS, 0), default_jobs())
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _RENDERERS:
            raise
        raise DataError(
            f"no folder of photos was given, and the Python package '{error.name}' to render some is not installed",
            expected="class folders A–Z, del, nothing, space",
            remedy="make demo DATA=folder (or: fingerspell demo folder), or pip install 'fingerspell[hands]'",
        ) from error
    return place


def _split(photos: Path) -> Split:
    """Whole signers are held out where it is known who signs, as of rendered photos; else stretches of recordings."""
    from fingerspell.hands.synth import is_rendered
    from fingerspell.lab.data.groups import groups_by_folder
    from fingerspell.lab.data.manifest import scan
    from fingerspell.lab.data.split import make_split

    with console.progress_bar() as progress:
        manifest = scan(photos, progress)
    for text in manifest.notes:
        console.note(text)
    if is_rendered(photos):
        groups = groups_by_folder(manifest.photos)
        if len(set(groups.values())) >= 3:  # one at least for each part
            return make_split(manifest, "group", groups=groups)
    return make_split(manifest, "block")


def _refuse_other_run(run: RunFolder, split: Split, settings: Recipe) -> None:
    """Before anything is written: a run on other photos or settings is not gone on with, nor overwritten."""
    from fingerspell.lab.training.launch import is_run_of

    if run.state.exists() and not is_run_of(run.read_state(), settings, split):
        raise DataError(
            f"{run.path} holds a run on other photos or settings",
            expected="an empty folder, or the same demo",
            remedy=f"delete {run.path.parent}, or choose another with --out",
        )


def _look(photos: Path, split: Split, out: Path) -> None:
    """Audit the folder and save the split; prints what they found."""
    from fingerspell.cli.audit_table import show_audit
    from fingerspell.core.durable import write_json
    from fingerspell.lab.data.audit import audit
    from fingerspell.lab.data.audit_page import write_page

    console.heading("1 audit: what is in the folder, and what would leak")
    with console.progress_bar() as progress:
        found = audit(photos, progress)
        write_page(found, out / "audit.html", progress)
        write_json(out / "audit.json", found.as_dict())
    show_audit(found)
    held_out = "signers are" if split.strategy == "group" else "stretches of the recording are"
    gap = "" if split.strategy == "group" else ", with a gap between"
    console.heading(f"2 split: whole {held_out} held out{gap}")
    split.save(out / "split.json")
    told = ", ".join(f"{part} {count}" for part, count in sorted(split.counts.items()))
    console.note(f"{told}; saved as {out / 'split.json'}")


def _train(split: Split, run: RunFolder, settings: Recipe, max_minutes: float | None) -> None:
    """Train, or go on with a run that was cut off."""
    from fingerspell.lab.training.launch import Surroundings

    console.heading(f"3 train: recipe {settings.name}, at most {settings.training.epochs} epochs")
    around = Surroundings(cache_folder(), max_minutes=max_minutes)
    if run.state.exists():
        console.note(f"going on with {run.path} ({run.read_state()['status']})")
    state = run_training(settings, None if run.state.exists() else split, run, around)
    if state["best"] is None:
        raise FingerspellError(
            "the time given ended before the first epoch", remedy="run the demo again: it goes on where it stopped"
        )


def _report(run: RunFolder, split: Split, strangers: list[Path]) -> list[SourceResult]:
    from fingerspell.cli.evaluate import evaluate_run

    held_out = "signers" if split.strategy == "group" else "stretches"
    console.heading(f"4 evaluate: on the {held_out} held out{', and on other people’s photos' if strangers else ''}")
    return evaluate_run(run, strangers, cache_folder()).results


def _export(run: RunFolder, out: Path) -> Path:
    from fingerspell.lab.export import export_bundle

    console.heading("5 save: one bundle with model, labels and preprocessing, checked against the network")
    bundle = out / "asl.bundle"
    with console.progress_bar() as progress:
        result = export_bundle(run, bundle, force=True, cache_folder=cache_folder(), progress=progress)
    console.note(
        f"PyTorch and ONNX Runtime agree on {result.photos} photos; largest difference of a probability "
        f"{result.largest_difference:.1e}"
    )
    return bundle


def _name_unseen(bundle: Path, run: RunFolder, split: Split) -> None:
    """Name photos of the test part, spread over the alphabet."""
    from fingerspell.live.recognizer import Recognizer

    console.heading("6 recognise: photos it never saw")
    recognizer = Recognizer(bundle)
    unseen = [split.manifest.photos[index] for index in split.indices("test")]
    for photo in unseen[:: max(1, len(unseen) // _SHOWN)][:_SHOWN]:
        named = recognizer.predict_bytes((split.manifest.root / photo.path).read_bytes())
        mark = "right" if named.label == photo.label else f"wrong, it shows {photo.label}"
        console.out().print(f"{photo.path:<28}{named.label:<8}{named.probability:6.1%}  {mark}")


def _summary(photos: Path, run: RunFolder, bundle: Path, results: list[SourceResult], seconds: float) -> None:
    from fingerspell.hands.synth import is_rendered

    console.heading("done")
    for result in results:
        console.out().print(f"{_in_words(result)}  {result.name}: {result.description}")
    if is_rendered(photos):
        console.out().print(_ABOUT_RENDERED)
    elif len(results) > 1:
        console.out().print(
            "The first number is about the people, room and camera it learnt from; the others are about a stranger. "
            "Trust the lowest: one signer's photos do not make a recogniser for everybody."
        )
    console.out().print(f"audit   {run.path.parent / 'audit.html'}")
    console.out().print(f"report  {run.report}")
    console.out().print(f"bundle  {bundle}")
    console.out().print(f"in {seconds / 60:.1f} minutes; try it: fingerspell predict {bundle} photo.jpg")


def _in_words(result: SourceResult) -> str:
    scores = result.scores
    if scores.interval is None:
        return f"{scores.accuracy:6.1%} (no interval)"
    return f"{scores.accuracy:6.1%} ({scores.interval.low:.1%}–{scores.interval.high:.1%})"
