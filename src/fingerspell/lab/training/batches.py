"""What a step of training is given: the photos of its place in the run, changed and normalised.

A batch follows from (seed, epoch, step) and the data alone: whoever asks for it, when, and in which thread. On the
processor compiled code changes the packed photos (`augment_cpu`, `keras_cpu`); other devices change them themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fingerspell.core.preprocess import PreprocessSpec
from fingerspell.lab import augment_cpu, keras_cpu
from fingerspell.lab.augment import Draws, draw, random_words
from fingerspell.lab.augment_cpu import Normal, Workers
from fingerspell.lab.data.joined import Pixels
from fingerspell.lab.data.shapes import Shapes
from fingerspell.lab.framing import Seen, frame
from fingerspell.lab.framing import seen as seen_hands
from fingerspell.lab.recipe import Recipe
from fingerspell.lab.training.as_keras import AsKeras
from fingerspell.lab.training.device_batches import DeviceBatches

_ORDER = 101  # a stream of random words, apart from the augmentation's


@dataclass(frozen=True)
class TrainingData:
    """What a run learns from and chooses by.

    Attributes:
        pixels: (rows, h, w, 3) uint8, of one folder or of several.
        train_rows, val_rows: rows of `pixels`.
        train_labels, val_labels: positions in the model's labels, int64.
        train_ids: 64-bit identities of the training photos.
        keras_walk: positions of the training photos in the order of Keras's directory walk, folder after folder.
        shapes: of the training photos, for networks that learn hands.
        val_pixels: what `val_rows` are rows of, where photos to learn from are packed larger than the network's input.
    """

    pixels: Pixels
    train_rows: NDArray[np.int64]
    train_labels: NDArray[np.int64]
    train_ids: NDArray[np.uint64]
    val_rows: NDArray[np.int64]
    val_labels: NDArray[np.int64]
    keras_walk: NDArray[np.int64]
    shapes: Shapes | None = None
    val_pixels: Pixels | None = None


@dataclass(frozen=True, eq=False)
class Batch:
    """The photos of a step.

    Attributes:
        photos: (N, 3, h, w) float32, changed and normalised, on the device.
        labels: (N,) int64, on the device.
        seen: what is known about their hands, if these are learnt.
    """

    photos: Tensor
    labels: Tensor
    seen: Seen | None = None


class Batches:
    """The batches of a run.

    Args:
        recipe: all settings.
        preprocess: the network's input.
        data: what is learnt from.
        device: where it is trained.
        workers: who changes photos on the processor; by default the thread that asks for a batch.
        there: whether torch changes photos on the device, and not compiled code on the processor; by default where
            the device is another one. Keras's arithmetic is the processor's on all of them.

    Attributes:
        there: what makes batches on the device, or None where the processor does.
    """

    def __init__(
        self,
        recipe: Recipe,
        preprocess: PreprocessSpec,
        data: TrainingData,
        device: torch.device,
        workers: Workers | None = None,
        *,
        there: bool | None = None,
    ) -> None:
        self._recipe, self._preprocess, self._data, self._device = recipe, preprocess, data, device
        self._workers = workers
        self._policy = recipe.policy()
        self._size = preprocess.height, preprocess.width
        self._normal = Normal(preprocess.mean, preprocess.std)
        size = recipe.training.batch_size
        self._as_keras = (
            AsKeras(self._policy, recipe.seed, size, data.keras_walk) if recipe.augment_as == "keras" else None
        )
        self._ordered: tuple[int, NDArray[np.int64]] | None = None
        self._packed_size = data.pixels[data.train_rows[:1]].shape[1:3]
        self.there: DeviceBatches | None = None
        if self._as_keras is None and (device.type != "cpu" if there is None else there):
            self.there = DeviceBatches(data.pixels, data.train_rows, preprocess, size, device, self._drawn)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch. A last batch of one photo is left out: batch norm cannot learn from it."""
        photos, batch = len(self._data.train_rows), self._recipe.training.batch_size
        return max(1, math.ceil(photos / batch) - (photos % batch == 1))

    def order(self, epoch: int) -> NDArray[np.int64]:
        """(photos,) positions of the training photos in the order of an epoch, counted from 0."""
        if self._as_keras is not None:
            return self._as_keras.order(epoch)
        words = random_words(self._recipe.seed, epoch, self._data.train_ids, _ORDER)
        # copies of one photo have one identity: a stable sort keeps their order fixed
        return np.argsort(words, kind="stable")

    def make(self, epoch: int, step: int) -> Batch:
        """The batch of a step of an epoch, both counted from 0."""
        if self._ordered is None or self._ordered[0] != epoch:
            self._ordered = epoch, self.order(epoch)
        size = self._recipe.training.batch_size
        some = self._ordered[1][step * size : (step + 1) * size]
        labels = torch.from_numpy(self._data.train_labels[some]).to(self._device)
        if self._as_keras is not None:
            return Batch(self._as_keras_does(self._as_keras, some, epoch, step), labels)
        if self.there is not None:
            photos, seen = self.there.make(self._ordered[1], epoch, step)
            photos = self._laid(photos)
        else:
            photos, seen = self._as_intended(some, epoch)
        return Batch(photos, labels, seen)

    def _as_keras_does(self, as_keras: AsKeras, some: NDArray[np.int64], epoch: int, step: int) -> Tensor:
        levels, rows = self._packed(some)
        draws = as_keras.draws(len(some), epoch, step, *levels.shape[1:3])
        return self._on_device(keras_cpu.change(levels, rows, draws, self._normal, self._workers))

    def _as_intended(self, some: NDArray[np.int64], epoch: int) -> tuple[Tensor, Seen | None]:
        draws, seen = self._drawn(some, epoch)
        levels, rows = self._packed(some)
        changed = augment_cpu.change(levels, rows, draws, self._size, self._normal, self._workers)
        return self._on_device(changed), seen

    def _drawn(self, some: NDArray[np.int64], epoch: int) -> tuple[Draws, Seen | None]:
        """How the photos at some positions are changed in an epoch, and what is then known of their hands."""
        seed, ids = self._recipe.seed, self._data.train_ids[some]
        draws = draw(self._policy, seed, epoch, ids, *self._packed_size)
        if self._recipe.hand is None or self._data.shapes is None:
            return draws, None
        shapes, framing = self._data.shapes.of(some), self._recipe.hand.framing()
        draws = frame(draws, shapes, framing, seed, epoch, ids)
        return draws, seen_hands(draws, shapes, framing, seed, epoch, ids)

    def _packed(self, some: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Packed photos, and which of them: all as they are mapped, or a copy where they lie in several arrays."""
        rows = self._data.train_rows[some]
        if isinstance(self._data.pixels, np.ndarray):
            return self._data.pixels, rows
        return self._data.pixels[rows], np.arange(len(rows))

    def _on_device(self, photos: NDArray[np.float32]) -> Tensor:
        """(N, h, w, 3) → (N, 3, h, w)."""
        return self._laid(torch.from_numpy(photos).permute(0, 3, 1, 2).to(self._device))

    def _laid(self, photos: Tensor) -> Tensor:
        """In the memory format that the network is trained in."""
        channels_last = self._recipe.training.channels_last
        return photos.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
