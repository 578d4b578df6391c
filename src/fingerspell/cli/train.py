"""`fingerspell train`: a new run, or going on with one; Ctrl-C and SIGTERM save and say how to go on."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fingerspell.cli import console
from fingerspell.cli.places import cache_folder
from fingerspell.core.errors import FingerspellError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fingerspell.lab.data.additions import Addition
    from fingerspell.lab.data.split import Split
    from fingerspell.lab.recipe import Recipe
    from fingerspell.lab.training.launch import Surroundings
    from fingerspell.lab.training.run import RunFolder


class StopRequest:
    """Remembers that SIGINT or SIGTERM came; a second Ctrl-C stops at once."""

    def __init__(self) -> None:
        self.number: int | None = None

    def reason(self) -> str | None:
        """Why to stop, or None."""
        return None if self.number is None else f"stopped by {signal.Signals(self.number).name}"

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take in a signal."""
        if self.number is not None:
            raise KeyboardInterrupt
        self.number = number
        console.note("stopping after this step; everything is being saved …")


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turn SIGINT and SIGTERM into a request while the block runs."""
    request = StopRequest()
    console.err()  # what the handler says must not wait for an import, nor come into the middle of one
    before = {number: signal.signal(number, request.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class ShownProgress:
    """Draws a run: a bar for each epoch with photos per second and time left, and a line when it ends."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._bars: Any = None
        self._task: Any = None

    def step(self, entry: dict[str, Any]) -> None:
        """Move the bar."""
        if not sys.stderr.isatty():
            return
        if self._bars is None:
            self._begin(entry)
        speed = f"{entry['photos_per_second']:,.0f} photos/s  loss {entry['loss']:.3f}"
        self._bars.update(self._task, completed=entry["step"], total=entry["steps"], said=speed)

    def _begin(self, entry: dict[str, Any]) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        text, said = TextColumn("{task.description}"), TextColumn("{task.fields[said]}")
        self._bars = Progress(
            text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), said, console=console.err(), transient=True
        )
        self._bars.start()
        label = f"epoch {entry['epoch'] + 1}/{self._epochs}"
        self._task = self._bars.add_task(label, total=entry["steps"], said="")

    def epoch(self, entry: dict[str, Any]) -> None:
        """Print the epoch's line."""
        self.close()
        console.note(
            f"epoch {entry['epoch'] + 1}/{self._epochs}  loss {entry['train_loss']:.4f}  "
            f"accuracy {entry['train_accuracy']:.4f}  val_loss {entry['val_loss']:.4f}  "
            f"val_accuracy {entry['val_accuracy']:.4f}{' *' if entry['best'] else '  '}  lr {entry['lr']:.2e}  "
            f"{entry['photos_per_second']:,.0f} photos/s  {entry['seconds']:.0f} s, "
            f"{entry['wait'] / max(entry['seconds'], 1e-9):.1%} waiting for photos"
        )

    def close(self) -> None:
        """Take the bar away."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None


def new_run_folder(recipe: str) -> Path:
    """The first of runs/NAME, runs/NAME-2, … that does not exist."""
    number, name = 1, Path(recipe).stem
    while (folder := Path("runs") / (name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return folder


def train_command(
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="The folder of photos.")] = None,
    recipe: Annotated[str, typer.Option(help="A shipped recipe, or a TOML file.")] = "quick",
    out: Annotated[Path | None, typer.Option(help="Where the run is kept; runs/RECIPE by default.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with this run instead.")] = None,
    split: Annotated[Path | None, typer.Option(help="A split made by 'fingerspell data split'.")] = None,
    also_learn: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Learn from all photos of this folder too, score none of it (repeatable)."),
    ] = None,
    landmarks: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Known landmarks of photos, for the recipe 'hand' (repeatable)."),
    ] = None,
    begin_with: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Begin with the weights of this run, which has learnt from nothing else."),
    ] = None,
    split_by: Annotated[str | None, typer.Option(help="random, keras or block; the recipe's by default.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the network's input, pixels.")] = None,
    epochs: Annotated[int | None, typer.Option(help="At most this many.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Photos a step.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights, order, augmentation and dropout.")] = None,
    override: Annotated[list[str] | None, typer.Option("--set", help="Any recipe key, as training.epochs=3.")] = None,
    max_minutes: Annotated[float | None, typer.Option(min=0.0, help="Pause after this long.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    cache: Annotated[Path | None, typer.Option(help="Where decoded photos are kept.")] = None,
    checkpoint_seconds: Annotated[float, typer.Option(min=0.0, help="Between checkpoints in an epoch.")] = 30.0,
    tensorboard: Annotated[bool, typer.Option(help="Also write TensorBoard files into the run.")] = False,
) -> None:
    """Train a network on a folder of photos, or go on with a run.

    [bold]Examples[/]

      fingerspell train asl_alphabet_train --recipe quick --out runs/quick

      fingerspell train DIR --recipe notebook-v4 --split-by block --size 64 --epochs 10

      fingerspell train DIR --also-learn OTHER_DIR --also-learn rendered

      fingerspell train --resume runs/quick
    """
    from fingerspell.lab import recipe as recipes
    from fingerspell.lab.training.launch import Surroundings
    from fingerspell.lab.training.run import RunFolder

    around = Surroundings(cache or cache_folder(), device, max_minutes, checkpoint_seconds)
    if resume is not None:
        if folder is not None:
            raise FingerspellError("both a folder and --resume were given", expected="one of them")
        for option, given, why in (
            ("--also-learn", also_learn, "a run goes on with the folders it began with; begin a new one to add more"),
            ("--begin-with", begin_with, "a run goes on where it stands"),
        ):
            if given:
                raise FingerspellError(f"both {option} and --resume were given", expected="one of them", remedy=why)
        run = RunFolder.open(resume)
        run.require_trained()
        settings = recipes.from_dict(run.read_state()["recipe"])
        _train(settings, None, run, around, tensorboard)
        return
    if folder is None:
        raise FingerspellError(
            "no folder of photos was given",
            expected="DIR, or --resume RUN",
            remedy="fingerspell train DIR --recipe quick",
        )
    chosen: dict[str, int | str | None] = {
        "preprocess.height": size,
        "preprocess.width": size,
        "training.epochs": epochs,
    }
    chosen |= {"training.batch_size": batch_size, "seed": seed, "split.by": split_by}
    settings = recipes.read(recipe, override or [], chosen)
    run = RunFolder(out or new_run_folder(recipe))
    parts = _split(settings, folder, split)
    if landmarks and settings.hand is None:
        raise FingerspellError(
            f"the recipe '{settings.name}' learns no landmarks",
            expected="a recipe with [hand]",
            remedy="leave --landmarks out, or choose --recipe hand",
        )
    additions = _additions(settings, parts, also_learn or [], around)
    other = None if begin_with is None else RunFolder.open(begin_with)
    _train(settings, parts, run, around, tensorboard, additions, landmarks or [], other)


def _split(recipe: Recipe, folder: Path, saved: Path | None) -> Split:
    from fingerspell.lab.data.manifest import scan
    from fingerspell.lab.data.split import Split
    from fingerspell.lab.training.launch import split_for

    with console.progress_bar() as progress:
        manifest = scan(folder, progress)
    for text in manifest.notes:
        console.note(text)
    if saved is None:
        return split_for(recipe, manifest)
    split = Split.load(saved, manifest.root)
    split.require_same_photos(manifest)
    return split


def _additions(recipe: Recipe, split: Split, folders: Sequence[Path], around: Surroundings) -> Sequence[Addition]:
    """Read the further folders, and say what of them is learnt from and what is not."""
    from fingerspell.lab.data.manifest import scan
    from fingerspell.lab.training.launch import additions_for

    with console.progress_bar() as progress:
        manifests = [scan(folder, progress) for folder in folders]
        around.progress = progress
        additions = additions_for(recipe, split, manifests, around)
    for addition in additions:
        for text in addition.manifest.notes:
            console.note(text)
        console.note(f"also learning from {addition.manifest.root}: {len(addition.learnt):,} photos, none is scored")
        for reason, count in addition.left_out_counts.most_common():
            console.note(f"  left out: {count:,} × {reason}")
    return additions


def run_training(
    recipe: Recipe,
    split: Split | None,
    run: Any,
    around: Surroundings,
    tensorboard: bool = False,
    additions: Sequence[Addition] = (),
    go_on: str = "",
    landmarks: Sequence[Path] = (),
    begin_with: RunFolder | None = None,
) -> dict[str, Any]:
    """Start (or, without a split, go on with) a run, drawing its progress. Returns the content of run.json.

    Stopped by a signal, it names the command that goes on (`go_on`, or `train --resume`) and raises typer.Exit.
    """
    from fingerspell.lab.data.cache import bytes_needed
    from fingerspell.lab.training.launch import learning_spec, resume, start

    shown = ShownProgress(recipe.training.epochs)
    around.observers = [shown, *around.observers, *_tensorboard(run.path, tensorboard)]
    if split is not None:
        spec = learning_spec(recipe)
        needed = sum(bytes_needed(its, spec) for its in (split.manifest, *(each.manifest for each in additions)))
        console.note(f"decoded photos take {needed / 2**20:,.0f} MiB in {around.cache_folder}")
    try:
        with stop_on_signals() as request, console.progress_bar() as progress:
            around.asked_to_stop, around.progress = request.reason, progress
            if split is None:
                state = resume(run, around)
            else:
                state = start(recipe, split, run, around, additions, landmarks, begin_with)
    finally:
        shown.close()
    if request.number is not None and state["status"] == "paused":
        console.note(f"saved. Go on with: {go_on or f'fingerspell train --resume {run.path}'}")
        raise typer.Exit(128 + request.number)
    return state


def _train(
    recipe: Recipe,
    split: Split | None,
    run: Any,
    around: Surroundings,
    tensorboard: bool,
    additions: Sequence[Addition] = (),
    landmarks: Sequence[Path] = (),
    begin_with: RunFolder | None = None,
) -> None:
    state = run_training(recipe, split, run, around, tensorboard, additions, landmarks=landmarks, begin_with=begin_with)
    damaged = state["data"]["damaged"]
    if damaged:
        console.note(f"left out {len(damaged)} damaged photos, first {damaged[0]['path']}: {damaged[0]['reason']}")
    best = state["best"]
    if best is not None:
        console.note(f"best val_accuracy {best['val_accuracy']:.4f} in epoch {best['epoch'] + 1} ({state['reason']})")
    if state["status"] == "paused":
        console.note(f"paused: {state['reason']}. Go on with: fingerspell train --resume {run.path}")
    else:
        console.note(f"next: fingerspell evaluate {run.path}")
    console.give(run.path)


def _tensorboard(folder: Path, wanted: bool) -> list[Any]:
    if not wanted:
        return []
    from fingerspell.lab.training.tensorboard import TensorBoard

    return [TensorBoard(folder / "tensorboard")]
