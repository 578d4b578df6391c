"""`fingerspell reproduce`: the notebook's networks, one after another, and one page of their curves beside its own."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fingerspell.cli import console
from fingerspell.cli.evaluate import evaluate_run
from fingerspell.cli.places import cache_folder
from fingerspell.cli.train import run_training
from fingerspell.core.errors import FingerspellError

if TYPE_CHECKING:
    from fingerspell.lab.data.manifest import Manifest
    from fingerspell.lab.data.split import Split
    from fingerspell.lab.recipe import Recipe
    from fingerspell.lab.reproduce import Other, Record, Reproduction, Settings

_SETTLED_STEPS = 20  # the first steps of a run are slower than the rest


def reproduce_command(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of photos.")],
    out: Annotated[Path, typer.Option(help="Where runs and page are kept.")] = Path("reproduced"),
    max_minutes: Annotated[
        float | None, typer.Option(min=0.0, help="Cut each network off after so much training, over all calls.")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Side of the networks' input, pixels; 200 in the notebook.")] = None,
    epochs: Annotated[int | None, typer.Option(help="At most this many; 30 to 75 in the notebook.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Photos a step; 32 in the notebook.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights, order, augmentation and dropout.")] = None,
    split_by: Annotated[str | None, typer.Option(help="random, keras or block; keras in the notebook.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Where decoded photos are kept.")] = None,
    only: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Only these in this call, as notebook-v1,notebook-v4.")
    ] = None,
    intended: Annotated[bool, typer.Option("--intended", help="Also v2 as the notebook's prose means it.")] = False,
    also_score: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Score each network on this other collection too (repeatable)."),
    ] = None,
) -> None:
    """Train the notebook's five networks, and show their curves beside those it recorded.

    Called again, it goes on where it was stopped or killed; options that are left out are those it was begun with.

    [bold]Examples[/]

      fingerspell reproduce asl_alphabet_train --out reproduced

      fingerspell reproduce DIR --out reproduced --max-minutes 20 --size 64 --also-score OTHER_DIR

      fingerspell reproduce DIR --out reproduced --only notebook-v1,notebook-v4
    """
    from fingerspell.lab.reproduce import Reproduction, Settings, chosen
    from fingerspell.lab.training.launch import only_trainer

    place, networks = Reproduction(out), chosen(only, intended=intended)
    given = Settings(size, epochs, batch_size, seed, split_by, _device(device))
    record = place.read()  # before the folder is made
    go_on = _same_call(context.params)
    with _stopped_at_once(go_on), only_trainer(place.run("")):
        work = _prepared(folder, place, record, given, networks, max_minutes, also_score, cache or cache_folder())
        work.go_on = go_on
        _tell_plan(work, networks)
        failed = [name for name in networks if not work.one(name)]
        _summary(work)
    if failed:
        console.note(f"failed: {', '.join(failed)}; called again, they are tried again from where they stood")
        raise typer.Exit(1)


def _same_call(given: Mapping[str, Any]) -> str:
    """The call itself, as a command: what goes on with it, at whatever moment it was stopped."""
    words = ["fingerspell", "reproduce", str(given["folder"])]
    for name, value in given.items():
        option = "--" + name.replace("_", "-")
        if name == "folder" or value is None or value is False:
            continue
        if value is True:
            words.append(option)
        else:
            for each in value if isinstance(value, list | tuple) else [value]:
                words += [option, f"{each:g}" if isinstance(each, float) else str(each)]
    return shlex.join(words)


class _StoppedAtOnce(BaseException):
    """A signal came while nothing was at work that must be saved first."""

    def __init__(self, number: int) -> None:
        self.number = number


@contextmanager
def _stopped_at_once(go_on: str) -> Iterator[None]:
    """Outside of training all files are written whole or not at all: a signal may end the work there and then."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise _StoppedAtOnce(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except _StoppedAtOnce as stopped:
        console.note(f"stopped. Go on with: {go_on}")
        raise typer.Exit(128 + stopped.number) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _device(name: str | None) -> str | None:
    from fingerspell.lab.training.device import choose_device

    return None if name is None else str(choose_device(name))


def _scanned(folder: Path) -> Manifest:
    from fingerspell.lab.data.manifest import scan

    with console.progress_bar() as progress:
        manifest = scan(folder, progress)
    for text in manifest.notes:
        console.note(text)
    return manifest


def _others(folders: Sequence[Path] | None) -> list[Other] | None:
    from fingerspell.lab.reproduce import Other

    return None if folders is None else [Other(str(place.resolve()), _scanned(place).digest) for place in folders]


def _prepared(
    folder: Path,
    place: Reproduction,
    before: Record | None,
    given: Settings,
    networks: Sequence[str],
    max_minutes: float | None,
    also_score: Sequence[Path] | None,
    cache: Path,
) -> _Work:
    """Check everything that can be checked before the first step, then write the record."""
    from dataclasses import replace

    import torch

    from fingerspell.lab.reproduce import begun, require_same_run, settled

    settings = settled(given, before, place.path)
    settings = replace(settings, device=settings.device or _device("auto"))
    recipes = {name: settings.recipe(name) for name in networks}
    manifest = _scanned(folder)
    record = begun(
        before,
        settings,
        manifest,
        networks,
        threads=torch.get_num_threads(),
        max_minutes=max_minutes,
        others=_others(also_score or None),
        out=place.path,
    )
    torch.set_num_threads(record.threads)
    split = _split(recipes[networks[0]], manifest)
    for name, recipe in recipes.items():
        require_same_run(place.run(name), recipe, split)
    place.write(record)
    return _Work(place, record, recipes, split, cache)


def _split(recipe: Recipe, manifest: Manifest) -> Split:
    from fingerspell.lab.training.launch import split_for

    return split_for(recipe, manifest)


@dataclass
class _Work:
    """A call at work.

    Attributes:
        place: where everything is written.
        record: what is recorded of the whole; rewritten as it goes.
        recipes: of the networks of this call.
        split: of all of them.
        cache: where decoded photos are kept.
        go_on: the command that goes on with it.
    """

    place: Reproduction
    record: Record
    recipes: dict[str, Recipe]
    split: Split
    cache: Path
    go_on: str = ""

    @property
    def differences(self) -> list[str]:
        """What differs from the notebook, in words."""
        from fingerspell.lab.reproduce import differences

        record = self.record
        return differences(record.settings, self.split, record.networks, record.max_minutes)

    def one(self, name: str) -> bool:
        """Train and score one network, then write the page of what there is. Returns whether nothing failed."""
        from fingerspell.lab.reproduce import about

        console.heading(f"{name}: {about(self.recipes[name])}")
        self.record.failed.pop(name, None)
        try:
            self._train(name)
            self._score(name)
        except typer.Exit:  # stopped by a signal, and saved
            self._write_page()
            raise
        except (FingerspellError, RuntimeError, MemoryError) as error:
            self.record.failed[name] = _reason(error)
            console.note(f"{name} failed: {self.record.failed[name]}")
        self._write_page()
        return name not in self.record.failed

    def _write_page(self) -> None:
        from fingerspell.lab.reproduce_page import write_results

        write_results(self.place, self.record, self.differences)

    def _train(self, name: str) -> None:
        from fingerspell.lab.reproduce import cut_off
        from fingerspell.lab.training.launch import Surroundings

        run, limit = self.place.run(name), self.record.max_minutes
        state = run.read_state() if run.state.exists() else None
        if state is not None and (state["status"] == "finished" or cut_off(state, limit)):
            console.note(f"already {'finished' if state['status'] == 'finished' else 'cut off'}: {state['reason']}")
            return
        recipe = self.recipes[name]
        around = Surroundings(self.cache, self.record.settings.device or "auto", max_minutes_in_all=limit)
        around.observers = [Pace(recipe.training.epochs, recipe.training.batch_size, limit)]
        if state is not None:
            console.note(f"going on with {run.path}")
        state = run_training(recipe, None if state else self.split, run, around, go_on=self.go_on)
        console.note(f"{name}: {state['reason']}")

    def _score(self, name: str) -> None:
        from fingerspell.lab.reproduce import scoring_key

        run = self.place.run(name)
        if not run.weights.exists():
            console.note(f"{name} is not scored: no epoch has ended")
            return
        key = scoring_key(run, self.record.others)
        if self.record.scored.get(name) == key and run.evaluation.exists():
            return
        folders = [Path(its.folder) for its in self.record.others]
        # as trained: the notebook's own numbers are not calibrated either
        found = evaluate_run(run, folders, self.cache, photos=False, calibrate=False)
        self.record.scored[name] = key
        for result in found.results:
            console.note(f"{name} on {result.name}: {result.scores.accuracy:.1%} of {result.photos:,} photos")


def _reason(error: BaseException) -> str:
    if isinstance(error, FingerspellError):
        return error.found + (f" ({error.remedy})" if error.remedy else "")
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


class Pace:
    """Says, once known, how long a network will take, and where the minutes given end before its first epoch."""

    def __init__(self, epochs: int, batch: int, max_minutes: float | None) -> None:
        self._epochs, self._batch, self._limit = epochs, batch, max_minutes
        self._warned = self._told = False

    def step(self, entry: dict[str, Any]) -> None:
        """Warn, early, of a limit that leaves no whole epoch."""
        if self._limit is None or self._warned or entry["epoch"] or entry["step"] < _SETTLED_STEPS:
            return
        self._warned = True
        seconds = entry["steps"] * self._batch / max(entry["photos_per_second"], 1e-9)
        if seconds > 60 * self._limit:
            from fingerspell.lab.page import duration
            from fingerspell.lab.training.launch import in_minutes

            console.note(
                f"an epoch will take about {duration(seconds)}, longer than the {in_minutes(self._limit)} given: no "
                "curve and no score then; a smaller --size in another --out, or more minutes, would give some"
            )

    def epoch(self, entry: dict[str, Any]) -> None:
        """After the first epoch of this sitting, the time that is left."""
        if self._told:
            return
        self._told = True
        from fingerspell.lab.page import duration
        from fingerspell.lab.training.launch import in_minutes

        left = (self._epochs - entry["epoch"] - 1) * entry["seconds"]
        if left:
            bound = ""
            if self._limit is not None and 60 * self._limit < left:
                bound = f", and no more than {in_minutes(self._limit)} in all"
            console.note(
                f"an epoch takes about {duration(entry['seconds'])}: at most {duration(left)} more for this network"
                f"{bound}; less where it stops early"
            )


def _tell_plan(work: _Work, networks: Sequence[str]) -> None:
    from fingerspell.lab.training.launch import in_minutes

    record, split = work.record, work.split
    counts = ", ".join(f"{part} {count:,}" for part, count in sorted(split.counts.items()))
    console.note(f"{len(networks)} networks, one after another, in {work.place.path}, on {record.settings.device}:")
    for name in networks:
        recipe = work.recipes[name]
        patience = f", stops after {recipe.stopping.patience} without a better val_accuracy" if recipe.stopping else ""
        side = f"{recipe.preprocess.height}×{recipe.preprocess.width}"
        console.note(f"  {name:<22}{side}, at most {recipe.training.epochs} epochs{patience}")
    batch = work.recipes[networks[0]].training.batch_size
    console.note(
        f"photos: {len(split.manifest.photos):,} in {split.manifest.root} ({counts}; {split.strategy} split), "
        f"{-(-split.counts['train'] // batch):,} steps an epoch"
    )
    if record.max_minutes is not None:
        console.note(f"time: at most {len(networks)} × {in_minutes(record.max_minutes)} of training, and the scoring")
    else:
        console.note("time: said for each network after its first epoch; --max-minutes sets a limit")
    for text in work.differences or ["nothing in the settings"]:
        console.note(f"differs from the notebook: {text}")


def _summary(work: _Work) -> None:
    console.heading("done")
    from fingerspell.lab.page import percent

    for its in work.record.results["networks"]:
        recorded = percent(its["recorded"]["best_val_accuracy"] if its["recorded"] else None)
        console.out().print(
            f"{its['name']:<22}best val_accuracy {percent(its['best']):>6}, notebook's {recorded:>6}; {its['ended']}",
            markup=False,
        )
    console.note("Both columns are of frames beside those learnt from; see the page for what may be compared.")
    console.give(work.place.page)
