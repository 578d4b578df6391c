"""The order of photos and the random streams of Keras's directory iterator, without its state.

Reference: `Iterator` in keras/src/legacy/preprocessing/image.py of Keras 3.15, iterated with next(), `shuffle=True` and
a seed. Before each batch it calls `np.random.seed(seed + batches seen)`. With the first batch of a pass it then draws
the pass's permutation, and the batch's parameters come after that from the same stream; every other batch's come at
once. A last batch that is not full is given as it is and counts as one; the next pass begins with the batch after it.
So everything follows from (seed, batches seen, number of photos, batch size), and a run may stop and go on anywhere.

`model.fit` does not go this way. It asks for batches by number (`__getitem__`), in an order that Python's `random`
shuffles, and the seed is counted by the batches asked for so far. The first batch asked for draws the first
permutation, but `on_epoch_end` draws each later one from where the last batch left NumPy's global stream, and no later
batch draws an order before its parameters. Without a seed neither way can be repeated: what then holds is how orders
and parameters are distributed, and they are distributed alike in both ways.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def batches_per_pass(photos: int, batch_size: int) -> int:
    """Batches of one pass, the last of which may be short."""
    return math.ceil(photos / batch_size)


def order_of_pass(seed: int, number: int, photos: int, batch_size: int) -> NDArray[np.int64]:
    """(photos,) positions of the photos in the order of a pass, counted from 0; batches are cut from it in turn."""
    first = np.random.RandomState(seed + number * batches_per_pass(photos, batch_size))
    return first.permutation(photos)


def stream_of_batch(seed: int, seen: int, photos: int, batch_size: int) -> np.random.RandomState:
    """The stream that a batch's parameters are drawn from, photo by photo.

    Args:
        seed: of the iterator; seed + seen must be below 2³².
        seen: batches given before, over all passes.
        photos: in a pass.
        batch_size: of a full batch.
    """
    random = np.random.RandomState(seed + seen)
    if seen % batches_per_pass(photos, batch_size) == 0:
        random.permutation(photos)
    return random
