"""Training photos in the order, and with the changes, that Keras's iterator gives them (`augment_as = "keras"`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from fingerspell.lab.augment import Policy
from fingerspell.lab.keras_augment import apply, draw_one
from fingerspell.lab.keras_order import batches_per_pass, order_of_pass, stream_of_batch


@dataclass(frozen=True)
class AsKeras:
    """What `flow_from_directory(…, shuffle=True, seed=seed)`, iterated with next(), gives in place of our own draws.

    Nothing here has a state. A last batch of one photo, which the loop leaves out, counts as seen all the same, so that
    the batches after it are Keras's.

    Attributes:
        policy: how far photos are changed.
        seed: of the iterator.
        batch_size: of a full batch.
        walked: (photos,) positions of the training photos in the order of Keras's directory walk.
    """

    policy: Policy
    seed: int
    batch_size: int
    walked: NDArray[np.int64]

    def order(self, epoch: int) -> NDArray[np.int64]:
        """(photos,) positions of the training photos in the order of an epoch, counted from 0."""
        return self.walked[order_of_pass(self.seed, epoch, len(self.walked), self.batch_size)]

    def changed(self, pixels: NDArray[np.uint8], epoch: int, step: int) -> NDArray[np.float32]:
        """The photos (N, h, w, 3) of a step of an epoch, changed: float32 levels, 0–255."""
        photos = len(self.walked)
        seen = epoch * batches_per_pass(photos, self.batch_size) + step
        stream = stream_of_batch(self.seed, seen, photos, self.batch_size)
        draws = [draw_one(self.policy, stream, *pixels.shape[1:3]) for _ in pixels]
        return apply(pixels, draws, threads=torch.get_num_threads())
