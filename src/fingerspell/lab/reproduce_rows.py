"""The networks of a reproduction as rows: curve, scores and times of each, beside what the notebook recorded of it.

A number that does not exist (a network not begun, one that the notebook kept no record of, an entry of an older
journal) is None here, empty in the CSV and a dash on the page; never a zero.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fingerspell.lab.compare import RECORDED, RECORDED_STEPS, Row, row_of
from fingerspell.lab.reproduce import Record, Reproduction, about, cut_off
from fingerspell.lab.training.journal import read_journal
from fingerspell.lab.training.run import RunFolder

_NOT_BEGUN = "not begun yet"


@dataclass(frozen=True)
class Epoch:
    """One epoch of a curve.

    Attributes:
        epoch: counted from 1.
        steps: taken from the beginning of training to the end of this epoch.
        train_accuracy: on the augmented photos of the epoch, 0–1.
        val_accuracy: 0–1.
        val_loss: with the L2 terms, as Keras logs it.
        val_cross_entropy: the same without them.
        lr: the learning rate of the epoch's last step.
        seconds: of the epoch, validation included.
    """

    epoch: int
    steps: int | None
    train_accuracy: float | None = None
    val_accuracy: float | None = None
    val_loss: float | None = None
    val_cross_entropy: float | None = None
    lr: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Trained:
    """One network of a reproduction, and what the notebook recorded of it.

    Attributes:
        name: of its recipe.
        about: one line for people.
        row: as `compare` shows the run; None while there is no run.
        recorded: the notebook's row; None where it kept none.
        status: `finished`, `cut off`, `paused`, `running`, `failed` or `waiting`.
        ended: why it ended, or how far it is, in words.
        learnt, held_out: photos.
        labels: how many there are to tell apart; 0 while there is no run.
        size: side of the input, pixels.
        epochs: at most.
        steps: of an epoch.
        best: val_accuracy, 0–1; the notebook's is in `recorded`.
        best_epoch: where it was, counted from 1.
        same_epoch: the last epoch that both have done, with both val_accuracies; None without a record.
        epoch_seconds, step_seconds: of our training; medians.
        recorded_step_seconds: of the notebook's.
        curve: ours.
        recorded_curve: the notebook's.
        lowered: (epoch after which the learning rate was lowered, the rate after it).
    """

    name: str
    about: str
    row: Row | None
    recorded: Row | None
    status: str
    ended: str
    learnt: int | None
    held_out: int | None
    labels: int
    size: int
    epochs: int
    steps: int | None
    best: float | None
    best_epoch: int | None
    same_epoch: tuple[int, float | None, float | None] | None
    epoch_seconds: float | None
    step_seconds: float | None
    recorded_step_seconds: float | None
    curve: tuple[Epoch, ...]
    recorded_curve: tuple[Epoch, ...]
    lowered: tuple[tuple[int, float], ...]


def recorded_of(name: str) -> Row | None:
    """What the notebook recorded of a recipe; None for v5 and for v2 as intended, of which it kept nothing."""
    return next((row for row in RECORDED if row.network == name), None)


def trained(place: Reproduction, record: Record, name: str) -> Trained:
    """Read what there is of one network. Raises DataError where its run is damaged."""
    recipe = record.settings.recipe(name)
    run, recorded = place.run(name), recorded_of(name)
    state = run.read_state() if run.state.exists() else {}
    row = row_of(run, name) if state else None
    curve, steps = _curve(run)
    counts = state["split"]["counts"] if state else {}
    best = max((its for its in curve if its.val_accuracy is not None), key=_accuracy, default=None)
    seconds = row.seconds_per_epoch if row else None
    most = recipe.training.epochs
    return Trained(
        name=name,
        about=about(recipe),
        row=row,
        recorded=recorded,
        status=_status(state, record, name),
        ended=_ended(state, record, name, len(curve), most),
        learnt=counts.get("train"),
        held_out=counts.get("val"),
        labels=len(state["labels"]) if state else 0,
        size=recipe.preprocess.height,
        epochs=most,
        steps=steps,
        best=best.val_accuracy if best else None,
        best_epoch=best.epoch if best else None,
        same_epoch=_same_epoch(curve, recorded),
        epoch_seconds=seconds,
        step_seconds=seconds / steps if seconds is not None and steps else None,
        recorded_step_seconds=recorded.seconds_per_epoch / RECORDED_STEPS
        if recorded and recorded.seconds_per_epoch
        else None,
        curve=curve,
        recorded_curve=_recorded_curve(recorded),
        lowered=_lowered(curve),
    )


def _accuracy(epoch: Epoch) -> float:
    return -1.0 if epoch.val_accuracy is None else epoch.val_accuracy


def _curve(run: RunFolder) -> tuple[tuple[Epoch, ...], int | None]:
    """The epochs in a run's journal, and how many steps each has."""
    entries = read_journal(run.journal)
    steps = max((entry["step"] for entry in entries if entry.get("kind") == "step"), default=None)
    names = ("train_accuracy", "val_accuracy", "val_loss", "val_cross_entropy", "lr", "seconds")
    found = []
    for entry in entries:
        if entry.get("kind") == "epoch":
            number = entry["epoch"] + 1
            taken = number * steps if steps is not None else None
            found.append(Epoch(number, taken, **{name: entry.get(name) for name in names}))
    # of an epoch that has only begun, the steps so far are not those of an epoch
    return tuple(found), steps if found else None


def _recorded_curve(recorded: Row | None) -> tuple[Epoch, ...]:
    values = recorded.val_accuracy if recorded else ()
    return tuple(Epoch(at, at * RECORDED_STEPS, val_accuracy=value) for at, value in enumerate(values, start=1))


def _same_epoch(curve: Sequence[Epoch], recorded: Row | None) -> tuple[int, float | None, float | None] | None:
    both = min(len(curve), len(recorded.val_accuracy)) if recorded else 0
    if recorded is None or not both:
        return None
    return both, curve[both - 1].val_accuracy, recorded.val_accuracy[both - 1]


def _lowered(curve: Sequence[Epoch]) -> tuple[tuple[int, float], ...]:
    pairs = itertools.pairwise(curve)
    return tuple(
        (before.epoch, after.lr)
        for before, after in pairs
        if before.lr is not None and after.lr is not None and after.lr < before.lr
    )


def _status(state: Mapping[str, Any], record: Record, name: str) -> str:
    if name in record.failed:
        return "failed"
    if not state:
        return "waiting"
    return "cut off" if cut_off(state, record.max_minutes) else str(state["status"])


def _ended(state: Mapping[str, Any], record: Record, name: str, done: int, most: int) -> str:
    """Why a network ended, or how far it is."""
    epochs = f"{done} of {most} epochs"
    if name in record.failed:
        return f"failed after {epochs}: {record.failed[name]}"
    if not state:
        return _NOT_BEGUN
    reason = str(state["reason"])
    if state["status"] == "finished":
        early = f"early stopping after epoch {done} of {most}: {reason}"
        return f"all {most} epochs done" if done >= most else early
    if cut_off(state, record.max_minutes):
        return f"cut off after {epochs}: {reason}"
    return f"not finished, {epochs}" + (f": {reason}" if reason else "")
