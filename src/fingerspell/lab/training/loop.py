"""The training loop: an epoch is a pass over the training photos in an order that follows from (seed, epoch).

Nothing random has a state: order and augmentation follow from (seed, epoch, photo), dropout from (seed, step). So a
run killed at any moment and gone on with takes the same steps, bit for bit on the same machine and thread count. With
`augment_as = "keras"` order and augmentation are Keras's and follow from (seed, step); see `as_keras`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from fingerspell.core.errors import TrainingError
from fingerspell.lab.augment import random_words
from fingerspell.lab.nets.hand import HandNetwork
from fingerspell.lab.nets.model import Model
from fingerspell.lab.recipe import Recipe
from fingerspell.lab.training.average import WeightAverage, drawn_back
from fingerspell.lab.training.batches import Batch, Batches, TrainingData
from fingerspell.lab.training.checkpoint import load_checkpoint, save_checkpoint
from fingerspell.lab.training.device import mixed_precision, out_of_memory
from fingerspell.lab.training.device_batches import normalised, scaled
from fingerspell.lab.training.feed import Ahead, AtOnce, Feed, places_from
from fingerspell.lab.training.hands import hand_loss
from fingerspell.lab.training.journal import Journal
from fingerspell.lab.training.optimizer import build_optimizer, set_learning_rate
from fingerspell.lab.training.run import RunFolder
from fingerspell.lab.training.schedule import build_schedule
from fingerspell.lab.training.stopping import EarlyStopping

_DROPOUT = 102  # a stream of random words, apart from the augmentation's and the order's


class Observer(Protocol):
    """Who watches a run."""

    def step(self, entry: dict[str, Any]) -> None:
        """A step was taken: epoch, step, steps, loss, lr, photos_per_second."""
        ...

    def epoch(self, entry: dict[str, Any]) -> None:
        """An epoch ended: the journal's entry."""
        ...


class Paused(Exception):  # noqa: N818 - not an error: the run is saved and goes on with --resume
    """The run stopped before its end and can go on."""


@dataclass
class Position:
    """Where a run stands; JSON-ready.

    Attributes:
        epoch: counted from 0.
        step: taken in this epoch.
        loss: sum over photos in this epoch.
        correct: photos named right in this epoch.
        seen: photos in this epoch.
        seconds: of work, over all sittings.
        epoch_seconds: of work in this epoch.
        waited: seconds of these in which training waited for photos.
        finished: whether training has ended.
    """

    epoch: int = 0
    step: int = 0
    loss: float = 0.0
    correct: int = 0
    seen: int = 0
    seconds: float = 0.0
    epoch_seconds: float = 0.0
    waited: float = 0.0
    finished: bool = False


@dataclass
class Trainer:
    """One run at work.

    Attributes:
        recipe: all settings.
        model: the network that is trained, in place.
        data: what it learns from.
        run: where everything is written.
        device: where it is trained.
        observers: who is told.
        should_pause: asked after each step; a reason pauses the run.
        checkpoint_seconds: between checkpoints within an epoch.
        beginning: the weights by name that the run began with, if these are not fresh ones.
    """

    recipe: Recipe
    model: Model
    data: TrainingData
    run: RunFolder
    device: torch.device
    observers: Sequence[Observer] = ()
    should_pause: Callable[[], str | None] = lambda: None
    checkpoint_seconds: float = 30.0
    beginning: Mapping[str, Tensor] = field(default_factory=dict)
    position: Position = field(default_factory=Position)

    def __post_init__(self) -> None:
        settings = self.recipe.training
        self.net = self.model.net.to(self.device)
        if settings.compile:  # graphs take the launching of kernels off the processor's hands
            self.net.compile(mode="reduce-overhead" if self.device.type == "cuda" else None, dynamic=False)
        if settings.channels_last:
            self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.batches = Batches(self.recipe, self.model.preprocess, self.data, self.device)
        self.average = WeightAverage.of(self.net, settings.average)
        self.optimizer = build_optimizer(settings.optimizer, self.net, settings.learning_rate, settings.weight_decay)
        self.schedule = build_schedule(self.recipe, self.steps_per_epoch)
        stopping = self.recipe.stopping
        self.stopping = EarlyStopping(stopping.patience, stopping.min_delta) if stopping else EarlyStopping(None)
        self.stopping.last = settings.keep == "last"
        self._journal_bytes = 0

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return self.batches.steps_per_epoch

    def restore(self) -> None:
        """Go back to the checkpoint, if there is one."""
        if not self.run.checkpoint.exists():
            return
        state = load_checkpoint(self.run.checkpoint, self.net, self.optimizer, self.average)
        self.position = Position(**state["position"])
        self.schedule.load(state["schedule"])
        for name, value in state["stopping"].items():
            setattr(self.stopping, name, value)
        self._journal_bytes = state["journal_bytes"]

    def fit(self) -> None:
        """Train to the end. The best weights lie in the run's folder, also while it works.

        Raises:
            Paused: `should_pause` gave a reason; everything is saved.
            TrainingError: the loss is not finite, or memory ran out.
        """
        self._clock = self._saved_at = time.monotonic()
        with Journal(self.run.journal, self._journal_bytes) as self._journal, closing(self._feed()) as self._fed:
            try:
                while not self.position.finished:
                    self._epoch()
            except (RuntimeError, MemoryError) as error:
                shown = out_of_memory(error, self.recipe.training.batch_size)
                if shown is None:
                    raise
                raise shown from error

    def _feed(self) -> Feed[Batch]:
        """Batches from where the run stands. An NVIDIA GPU is given its work ahead too; of Apple's it is not known."""
        done, epochs = self.position, self.recipe.training.epochs
        places = places_from(done.epoch, done.step, epochs, self.steps_per_epoch)
        return (AtOnce if self.device.type == "mps" else Ahead)(self.batches.make, places)

    def _epoch(self) -> None:
        while self.position.step < self.steps_per_epoch:
            self._step()
            self._tick()
            if self.position.step < self.steps_per_epoch:
                self._perhaps_pause()
        self._end_epoch()

    def _batch(self) -> Batch:
        """The batch of the run's next step."""
        asked = time.monotonic()
        batch = self._fed.take()
        self.position.waited += time.monotonic() - asked
        return batch

    def _scaled(self, levels: NDArray[np.uint8]) -> Tensor:
        """Levels (N, h, w, 3), 0–255 → (N, 3, h, w) float32, 0–1, on the device."""
        layout = torch.channels_last if self.recipe.training.channels_last else torch.contiguous_format
        return scaled(torch.from_numpy(levels).to(self.device), layout)

    def _step(self) -> None:
        position = self.position
        number = position.epoch * self.steps_per_epoch + position.step
        seed = random_words(self.recipe.seed, number, np.zeros(1, dtype=np.uint64), _DROPOUT)
        torch.manual_seed(int(seed[0]) >> 1)
        rate = self.schedule.rate(number)
        set_learning_rate(self.optimizer, rate)
        self.net.train()
        batch = self._batch()
        loss, logits = self._loss(batch)
        value = float(loss.item())
        if not math.isfinite(value):
            raise self._not_finite(value, number, rate)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.average.follow(self.net)
        position.step += 1
        position.loss += value * len(batch.labels)
        position.correct += int((logits.argmax(1) == batch.labels).sum().item())
        position.seen += len(batch.labels)
        self._report_step(value, rate)

    def _loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss to go down on, and the logits (N, classes)."""
        settings = self.recipe.training
        photos, labels, seen = batch.photos, batch.labels, batch.seen
        with mixed_precision(settings, self.device):
            if self.recipe.hand is not None and seen is not None and isinstance(self.net, HandNetwork):
                return hand_loss(self.net, photos, labels, seen, self.recipe.hand, settings.label_smoothing)
            logits = self.net(photos)
        entropy = F.cross_entropy(logits.float(), labels, label_smoothing=settings.label_smoothing)
        return entropy + self.net.l2_penalty(), logits

    def _not_finite(self, value: float, number: int, rate: float) -> TrainingError:
        return TrainingError(
            f"the loss became {value} at step {number + 1} (epoch {self.position.epoch + 1}) with a learning rate of "
            f"{rate:g}",
            expected="a finite loss",
            remedy=f"try --set training.learning_rate={rate / 10:g}; the checkpoint before it and the best weights are "
            "kept",
        )

    def _report_step(self, loss: float, rate: float) -> None:
        entry: dict[str, Any] = {"kind": "step", "epoch": self.position.epoch, "step": self.position.step}
        entry |= {"loss": loss, "lr": rate}
        self._journal.write(entry)
        speed = self.position.seen / max(self.position.epoch_seconds + time.monotonic() - self._clock, 1e-9)
        for observer in self.observers:
            observer.step(entry | {"steps": self.steps_per_epoch, "photos_per_second": speed})

    def _tick(self) -> None:
        now = time.monotonic()
        self.position.seconds += now - self._clock
        self.position.epoch_seconds += now - self._clock
        self._clock = now

    def _perhaps_pause(self) -> None:
        reason = self.should_pause()
        if reason is not None or time.monotonic() - self._saved_at >= self.checkpoint_seconds:
            self._save()
        if reason is not None:
            raise Paused(reason)

    def _end_epoch(self) -> None:
        position = self.position
        rate = self.schedule.rate((position.epoch + 1) * self.steps_per_epoch - 1)
        photos_per_second = position.seen / max(position.epoch_seconds, 1e-9)
        with self._as_kept():
            val_entropy, penalty, val_accuracy = self._validate()
        val_loss = val_entropy + penalty
        improved, stop = self.stopping.update(position.epoch, val_accuracy)
        self.schedule.end_epoch(val_loss)
        self._tick()
        entry: dict[str, Any] = {
            "kind": "epoch",
            "epoch": position.epoch,
            "train_loss": position.loss / position.seen,
            "train_accuracy": position.correct / position.seen,
            "val_loss": val_loss,
            "val_cross_entropy": val_entropy,
            "val_accuracy": val_accuracy,
            "lr": rate,
            "seconds": position.epoch_seconds,
            "wait": position.waited,
            "photos_per_second": photos_per_second,
            "best": improved,
        }
        self._journal.write(entry)
        # Before the checkpoint: a kill between the two repeats the epoch and writes the same weights.
        if improved:
            with self._as_kept():
                self.model.save(self.run.weights)
        position.epoch += 1
        position.finished = stop or position.epoch >= self.recipe.training.epochs
        position.step, position.correct, position.seen = 0, 0, 0
        position.loss, position.epoch_seconds, position.waited = 0.0, 0.0, 0.0
        self._save()
        for observer in self.observers:
            observer.epoch(entry)
        if not position.finished:
            self._perhaps_pause()

    @contextmanager
    def _as_kept(self) -> Iterator[None]:
        """While the block runs, the network has the weights that are validated and kept."""
        share = self.recipe.training.remember
        with self.average.in_place_of(self.net), drawn_back(self.net, self.beginning, share):
            yield

    def _validate(self) -> tuple[float, float, float]:
        """(cross-entropy, L2 terms, accuracy) over the validation photos; Keras logs the sum of the first two."""
        self.net.eval()
        loss, correct, batch = 0.0, 0, self.recipe.training.batch_size
        pixels = self.data.pixels if self.data.val_pixels is None else self.data.val_pixels
        with torch.no_grad():
            for start in range(0, len(self.data.val_rows), batch):
                labels = torch.from_numpy(self.data.val_labels[start : start + batch]).to(self.device)
                photos = normalised(
                    self._scaled(pixels[self.data.val_rows[start : start + batch]]), self.model.preprocess
                )
                with mixed_precision(self.recipe.training, self.device):
                    logits = self.net(photos)
                loss += float(F.cross_entropy(logits.float(), labels, reduction="sum").item())
                correct += int((logits.argmax(1) == labels).sum().item())
            penalty = float(self.net.l2_penalty().item())
        count = len(self.data.val_rows)
        return loss / count, penalty, correct / count

    def _save(self) -> None:
        state = {
            "position": asdict(self.position),
            "schedule": self.schedule.state(),
            "stopping": {
                "best": self.stopping.best,
                "best_epoch": self.stopping.best_epoch,
                "wait": self.stopping.wait,
            },
            "journal_bytes": self._journal.sync(),
        }
        save_checkpoint(self.run.checkpoint, self.net, self.optimizer, self.average, state)
        self._saved_at = time.monotonic()
