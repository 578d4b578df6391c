"""Training photos in the order, and with the changes, that Keras's iterator gives them (`augment_as = "keras"`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fingerspell.lab.augment import Policy
from fingerspell.lab.keras_augment import KerasDraw, draw_one
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

    def draws(self, count: int, epoch: int, step: int, height: int, width: int) -> list[KerasDraw]:
        """The parameters of the `count` photos of a step of an epoch, for photos of this size in pixels."""
        photos = len(self.walked)
        seen = epoch * batches_per_pass(photos, self.batch_size) + step
        stream = stream_of_batch(self.seed, seen, photos, self.batch_size)
        return [draw_one(self.policy, stream, height, width) for _ in range(count)]
