"""Apply `Draws` to packed photos on the processor: one pass a photo, from levels to what a network takes.

`augment_torch.apply` says what the changes are, in torch on any device; this does the same, within 1e-5 of the scale of
0–1, many times faster: each photo is warped, lit, covered and normalised while it is in the processor's cache, and
photos are shared out among threads. A photo's bits follow from its pixels and its own draws alone, not from the batch
it is in, its place there or the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import DataError
from fingerspell.lab.augment import FINER_FROM, Draws, Floats
from fingerspell.lab.augment_kernels import change_some


@dataclass(frozen=True)
class Normal:
    """What is done to the values, 0–1, at the end.

    Attributes:
        mean: taken away from each channel.
        std: what the difference is divided by.
    """

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @property
    def arrays(self) -> tuple[Floats, Floats]:
        """Both as (3,)."""
        return np.array(self.mean, np.float32), np.array(self.std, np.float32)


UNCHANGED = Normal()


class Workers:
    """Threads that share out the photos of a batch; with one, the calling thread does the work.

    Args:
        count: at work at once.
    """

    def __init__(self, count: int) -> None:
        self.count = max(1, count)
        self._pool = ThreadPoolExecutor(self.count, "changing") if self.count > 1 else None

    def share(self, work: Callable[[int, int], None], count: int) -> None:
        """Call `work(first, last)` for `count` items in about equal parts; returns when all are done."""
        ends = [count * part // self.count for part in range(self.count + 1)]
        spans = [(first, last) for first, last in pairwise(ends) if last > first]
        if self._pool is None:
            for span in spans:
                work(*span)
            return
        for done in [self._pool.submit(work, *span) for span in spans]:
            done.result()

    def close(self) -> None:
        """Let the threads end."""
        if self._pool is not None:
            self._pool.shutdown()


class _Changes(NamedTuple):
    """`Draws` as the compiled code takes them, with what follows for a whole batch."""

    matrix: Floats
    warped: bool
    fine: int
    channel_shift: Floats
    gamma: Floats
    contrast: Floats
    saturation: Floats
    gain: Floats
    gradient: Floats
    blur: Floats
    box: Floats
    box_colour: Floats
    noise: Floats
    keys: NDArray[np.uint64]


def change(
    photos: NDArray[np.uint8],
    rows: NDArray[np.int64],
    draws: Draws,
    size: tuple[int, int],
    normal: Normal = UNCHANGED,
    workers: Workers | None = None,
) -> Floats:
    """Change some packed photos as drawn, and normalise them.

    Args:
        photos: (rows, h, w, 3) levels in one piece, as a photo cache maps them.
        rows: (N,) which of them.
        draws: parameters of these N photos.
        size: height and width of the result.
        normal: what is done to the values, 0–1, at the end.
        workers: who works; by default the calling thread does. The result is the same.

    Returns:
        (N, *size, 3) float32.

    Raises:
        DataError: a row that is not there, or photos that are not (rows, h, w, 3) levels in one piece.
    """
    photos, rows = whole_levels(photos, rows)
    out = np.empty((len(rows), *size, 3), np.float32)
    changes = _changes(draws, photos.shape[1:3], size)
    shared_out(lambda first, last: change_some(photos, rows, changes, *normal.arrays, first, last, out), rows, workers)
    return out


def shared_out(work: Callable[[int, int], None], rows: NDArray[np.int64], workers: Workers | None) -> None:
    """Call `work` for all places of a batch, here or by workers."""
    if workers is None:
        work(0, len(rows))
    else:
        workers.share(work, len(rows))


def whole_levels(photos: NDArray[np.uint8], rows: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Photos and rows as compiled code may read them, which looks no place up twice.

    Raises:
        DataError: a row that is not there, or photos that are not (rows, h, w, 3) levels in one piece.
    """
    if photos.dtype != np.uint8 or photos.ndim != 4 or photos.shape[3] != 3 or not photos.flags.c_contiguous:
        raise DataError(
            f"photos as {photos.dtype} {photos.shape}", expected="(rows, height, width, 3) whole levels in one piece"
        )
    if len(rows) and (rows.min() < 0 or rows.max() >= len(photos)):
        raise DataError(
            f"photos {rows.min()} to {rows.max()} of {len(photos)} are asked for", expected=f"0 to {len(photos) - 1}"
        )
    read_only = np.asarray(photos).view()  # of a mapped file its array
    read_only.flags.writeable = False  # one kind of array for the compiled code
    return read_only, np.ascontiguousarray(rows, np.int64)


def _changes(draws: Draws, given: tuple[int, ...], size: tuple[int, int]) -> _Changes:
    saturation: Floats = draws.saturation * (1 - draws.grey)
    return _Changes(
        np.ascontiguousarray(draws.matrix),
        bool(draws.moved or size != tuple(given)),
        2 if given[0] > FINER_FROM * size[0] else 1,
        draws.channel_shift,
        draws.gamma,
        draws.contrast,
        saturation,
        draws.colour * draws.brightness[:, None],
        draws.gradient,
        draws.blur,
        draws.box,
        draws.box_colour,
        draws.noise,
        draws.keys,
    )
