"""Start a run, or go on with one: from recipe and photos to a trained, recorded model in its folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from fingerspell.core.durable import digest_of, digest_of_file, write_bytes
from fingerspell.core.errors import DataError, TrainingError
from fingerspell.core.preprocess import PreprocessSpec
from fingerspell.core.progress import Progress, silent
from fingerspell.core.provenance import now, provenance
from fingerspell.lab import recipe as recipes
from fingerspell.lab.data.additions import Addition, admit, save_additions
from fingerspell.lab.data.cache import open_cache
from fingerspell.lab.data.manifest import LeftOut, Manifest, scan
from fingerspell.lab.data.shapes import Shapes, shapes_of
from fingerspell.lab.data.split import Split, make_split
from fingerspell.lab.nets.model import Model
from fingerspell.lab.nets.registry import parameter_counts
from fingerspell.lab.recipe import Recipe
from fingerspell.lab.training.beginning import begin, weights_to_begin_with
from fingerspell.lab.training.device import choose_device
from fingerspell.lab.training.gather import learnt_photos, training_data
from fingerspell.lab.training.loop import Observer, Paused, Trainer
from fingerspell.lab.training.run import RunFolder


@dataclass
class Surroundings:
    """What a run needs besides its settings.

    Attributes:
        cache_folder: where decoded photos are kept.
        device: `auto`, `cpu`, `cuda` or `mps`.
        max_minutes: pause after this long, or None.
        checkpoint_seconds: between checkpoints within an epoch.
        observers: who is told of steps and epochs.
        progress: told of packing.
        asked_to_stop: a reason to pause, or None; asked after each step.
        max_minutes_in_all: pause when the run has worked so long, over all of its sittings; or None.
    """

    cache_folder: Path
    device: str = "auto"
    max_minutes: float | None = None
    checkpoint_seconds: float = 30.0
    observers: Sequence[Observer] = ()
    progress: Progress = silent
    asked_to_stop: Callable[[], str | None] = field(default=lambda: None)
    max_minutes_in_all: float | None = None


def split_for(recipe: Recipe, manifest: Manifest) -> Split:
    """The split that a recipe asks for. Raises DataError for `group`, which needs to be told the groups."""
    settings = recipe.split
    if settings.by == "group":
        raise DataError(
            "the group split needs to know the groups",
            expected="a split file",
            remedy="make one with 'fingerspell data split DIR --by group …' and give it with --split",
        )
    return make_split(
        manifest,
        settings.by,
        seed=settings.seed,
        val=settings.val,
        test=settings.test,
        stretches=settings.stretches,
        guard=settings.guard,
    )


def additions_for(
    recipe: Recipe, split: Split, others: Sequence[Manifest], around: Surroundings
) -> tuple[Addition, ...]:
    """Which photos of further folders a run may learn from beside its split; see `lab.data.additions`.

    Args:
        recipe: how photos become pixels.
        split: of the folder that the run is judged by.
        others: the further folders.
        around: where decoded photos are kept, and who is told of packing.

    Raises:
        DataError: nothing of a folder may be learnt from.
    """
    if not others:
        return ()
    spec, place = recipe.preprocess.spec(), around.cache_folder
    own = open_cache(split.manifest, spec, place, around.progress)
    packed = [(manifest, open_cache(manifest, spec, place, around.progress)) for manifest in others]
    return admit(split, own, packed, around.progress)


def start(
    recipe: Recipe,
    split: Split,
    run: RunFolder,
    around: Surroundings,
    additions: Sequence[Addition] = (),
    landmarks: Sequence[Path] = (),
    begin_with: RunFolder | None = None,
) -> dict[str, Any]:
    """Train a new run.

    Args:
        recipe: all settings.
        split: which photo plays which part.
        run: a folder that holds no run yet.
        around: device, caches, limits and observers.
        additions: further folders to learn from, as `additions_for` admits them.
        landmarks: files of known landmarks, for recipes with [hand]; rendered folders bring their own.
        begin_with: a run whose weights this one begins with, instead of fresh ones; see `lab.training.beginning`.

    Returns:
        The content of run.json at the end; its `status` is `finished` or `paused`.

    Raises:
        TrainingError, DataError: see there.
    """
    if run.state.exists():
        raise TrainingError(
            f"{run.path} already holds a run",
            expected="a new folder",
            remedy=f"go on with it: fingerspell train --resume {run.path}, or choose another --out",
        )
    if recipe.training.remember and begin_with is None:
        raise TrainingError(
            f"the recipe '{recipe.name}' keeps {recipe.training.remember:.0%} of the weights that a run begins with",
            expected="a run to begin with",
            remedy="add --begin-with RUN, or --set training.remember=0",
        )
    beginning = None if begin_with is None else weights_to_begin_with(begin_with, recipe, split, additions)
    with only_trainer(run):
        if beginning is not None:
            write_bytes(run.beginning, beginning.weights)
        split.save(run.split)
        if additions:
            save_additions(run.also_learnt, additions)
        write_bytes(run.recipe, recipe.as_toml().encode())
        state = _first_state(recipe, split, additions)
        if recipe.hand is not None:
            state["data"]["landmarks"] = _save_shapes(recipe, split, run, around, additions, landmarks)
        if beginning is not None:
            state["began_with"] = beginning.told
        run.write_state(state)
        return _work(recipe, split, run, around, state, additions)


def resume(run: RunFolder, around: Surroundings) -> dict[str, Any]:
    """Go on with a run where its last checkpoint stands. Returns the content of run.json; a finished run stays."""
    run.require_trained()
    state = run.read_state()
    with only_trainer(run):
        recipe = recipes.from_dict(state["recipe"])
        split = Split.load(run.split)
        if split.digest != state["split"]["digest"]:
            raise TrainingError(
                f"{run.split} is not the split this run was started with", expected=state["split"]["digest"]
            )
        additions = run.read_additions()
        if state["status"] == "finished":
            return state
        for addition in additions:
            _require_unchanged(addition, around)
        torch.set_num_threads(state["threads"])  # another number may add in another order
        return _work(recipe, split, run, around, state, additions)


def _save_shapes(
    recipe: Recipe,
    split: Split,
    run: RunFolder,
    around: Surroundings,
    additions: Sequence[Addition],
    files: Sequence[Path],
) -> dict[str, Any]:
    """Write what is known about the hands of the photos into the run. Returns what run.json tells of it."""
    own = open_cache(split.manifest, learning_spec(recipe), around.cache_folder, around.progress)
    shapes = shapes_of(learnt_photos(split, own, additions), files)
    if not shapes.known:
        raise TrainingError(
            "of no photo is it known where the hand is",
            expected="rendered photos among those to learn from, or a landmarks file",
            remedy="add --also-learn RENDERED (see 'fingerspell data synth'), or --landmarks FILE",
        )
    shapes.save(run.shapes)
    told = [{"file": file.name, "digest": digest_of_file(file)} for file in files]
    return {"known": shapes.known, "photos": len(shapes.hands), "files": told}


def learning_spec(recipe: Recipe) -> PreprocessSpec:
    """How photos to learn from are packed: as the network sees them, or larger where views are cut from them."""
    spec = recipe.preprocess.spec()
    return spec if recipe.hand is None else replace(spec, height=recipe.hand.packed, width=recipe.hand.packed)


def _require_unchanged(addition: Addition, around: Surroundings) -> None:
    """Refuse to go on with other photos. Where the folder is gone, its packed photos serve, if they are there."""
    recorded = addition.manifest
    if recorded.root.is_dir() and scan(recorded.root, around.progress).digest != recorded.digest:
        raise TrainingError(
            f"the photos of {recorded.root}, which this run also learns from, have changed since it began",
            expected=f"the {len(recorded.photos):,} photos of then",
            remedy="put the folder back as it was, or begin a new run",
        )


def in_minutes(number: float) -> str:
    """1 → `1 minute`, 20 → `20 minutes`."""
    return f"{number:g} minute{'' if number == 1 else 's'}"


def is_run_of(state: Mapping[str, Any], recipe: Recipe, split: Split) -> bool:
    """Whether a run.json is of a run of this recipe on this split, so that the run may be gone on with."""
    try:
        own = state["split"] or {"digest": ""}  # an imported run has none
        return bool(own["digest"] == split.digest and state["recipe"] == recipe.as_dict())
    except (KeyError, TypeError) as error:
        raise DataError(f"a run.json is malformed: {error!r}", expected="the state of a run of this version") from error


@contextmanager
def only_trainer(run: RunFolder) -> Iterator[None]:
    """Keep a second process from training in the same folder; the folder is made if need be.

    Raises:
        TrainingError: another process is at work in it.
        DataError: it cannot be used.
    """
    try:
        run.path.mkdir(parents=True, exist_ok=True)
        lock = (run.path / ".lock").open("w")
    except OSError as error:
        raise DataError(
            f"{run.path} cannot be used: {error.strerror}",
            expected="a folder that can be written",
            remedy="choose another --out",
        ) from error
    with lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # no such lock on this system
            pass
        except OSError as error:
            raise TrainingError(
                f"another process is training in {run.path}",
                expected="one at a time",
                remedy="wait for it, or stop it",
            ) from error
        yield


def _first_state(recipe: Recipe, split: Split, additions: Sequence[Addition]) -> dict[str, Any]:
    manifest = split.manifest
    digests = {"recipe": recipe.digest, "data": manifest.digest, "split": split.digest}
    if additions:
        digests["also_learnt"] = digest_of([addition.digest for addition in additions])
    return {
        "status": "running",
        "reason": "",
        "network": recipe.network,
        "recipe_name": recipe.name,
        "recipe": recipe.as_dict(),
        "labels": list(manifest.labels),
        "parameters": None,
        "epochs_done": 0,
        "best": None,
        "seconds": 0.0,
        "threads": torch.get_num_threads(),
        "split": {
            "strategy": split.strategy,
            "seed": split.seed,
            "digest": split.digest,
            "counts": dict(sorted(split.counts.items())),
        },
        "data": {
            "folder": str(manifest.root.resolve()),
            "digest": manifest.digest,
            "photos": len(manifest.photos),
            "left_out": _plain(manifest.left_out),
            "damaged": [],
            "also_learnt": [_told(addition) for addition in additions],
        },
        "provenance": provenance(seed=recipe.seed, **digests),
    }


def _told(addition: Addition) -> dict[str, Any]:
    return {
        "folder": str(addition.manifest.root.resolve()),
        "digest": addition.digest,
        "photos": len(addition.learnt),
        "left_out_counts": dict(addition.left_out_counts.most_common()),
    }


def _plain(left_out: Sequence[LeftOut]) -> list[dict[str, str]]:
    return [{"path": item.path, "reason": item.reason} for item in left_out]


def _work(
    recipe: Recipe,
    split: Split,
    run: RunFolder,
    around: Surroundings,
    state: dict[str, Any],
    additions: Sequence[Addition],
) -> dict[str, Any]:
    device = choose_device(around.device)
    spec, larger = recipe.preprocess.spec(), learning_spec(recipe)
    cache = open_cache(split.manifest, larger, around.cache_folder, around.progress)
    added = [(its, open_cache(its.manifest, larger, around.cache_folder, around.progress)) for its in additions]
    labels = tuple(state["labels"])
    shapes = Shapes.load(run.shapes) if recipe.hand is not None else None
    smaller = open_cache(split.manifest, spec, around.cache_folder, around.progress) if larger != spec else None
    data = training_data(split, cache, labels, added, shapes, smaller)
    torch.use_deterministic_algorithms(device.type == "cpu")
    # a tenth of a step; every result is written whole
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.manual_seed(recipe.seed)
    model = Model.fresh(recipe.network, labels, spec)
    beginning = begin(model, run, state["began_with"]) if state.get("began_with") else {}
    state["parameters"] = parameter_counts(model.net)[0]
    state["data"]["damaged"] = _plain(cache.damaged)
    state["device"] = str(device)
    began, sitting, in_all = time.monotonic(), around.max_minutes, around.max_minutes_in_all

    def should_pause() -> str | None:
        if sitting is not None and time.monotonic() - began >= 60 * sitting:
            return f"reached the limit of {in_minutes(sitting)}"
        if in_all is not None and trainer.position.seconds >= 60 * in_all:
            return f"reached the limit of {in_minutes(in_all)}"
        return around.asked_to_stop()

    trainer = Trainer(
        recipe, model, data, run, device, around.observers, should_pause, around.checkpoint_seconds, beginning
    )
    trainer.restore()
    status, reason = "failed", "stopped by an error"
    try:
        trainer.fit()
        status, reason = "finished", _why_finished(trainer)
    except Paused as paused:
        status, reason = "paused", str(paused)
    except TrainingError as error:
        reason = error.found
        raise
    finally:
        _write_end(run, state, trainer, status, reason)
    return run.read_state()


def _why_finished(trainer: Trainer) -> str:
    if trainer.position.epoch >= trainer.recipe.training.epochs:
        return "all epochs done"
    return f"no better val_accuracy for {trainer.stopping.wait} epochs"


def _write_end(run: RunFolder, state: dict[str, Any], trainer: Trainer, status: str, reason: str) -> None:
    best = trainer.stopping
    known = best.best is not None
    run.write_state(
        {key: value for key, value in state.items() if key != "format"}
        | {
            "status": status,
            "reason": reason,
            "epochs_done": trainer.position.epoch,
            "best": {"epoch": best.best_epoch, "val_accuracy": best.best} if known else None,
            "seconds": trainer.position.seconds,
            "ended": now(),
        }
    )
