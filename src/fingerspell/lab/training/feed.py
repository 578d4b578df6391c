"""Batches for the steps of a run: made ahead of time in a thread while the processor trains, or when asked for.

A batch follows from its place in the run alone, so nothing is lost where a feed ends: the next one begins at the place
that the run has come to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

Batch_co = TypeVar("Batch_co", covariant=True)

Place = tuple[int, int]
"""An epoch and a step of it, both counted from 0."""


class Feed(Protocol[Batch_co]):
    """Gives the batches of a run in their order."""

    def take(self) -> Batch_co:
        """The next batch. An error that making it met is raised here."""
        ...

    def close(self) -> None:
        """Stop making batches; returns when nothing is being made any more."""
        ...


class AtOnce(Feed[Batch_co]):
    """Makes a batch when it is asked for, in the thread that asks.

    Args:
        make: gives the batch of an epoch and a step.
        places: of the batches, in order; one is taken for each batch.
    """

    def __init__(self, make: Callable[[int, int], Batch_co], places: Iterator[Place]) -> None:
        self._make, self._places = make, places

    def take(self) -> Batch_co:
        """The batch of the next place. Raises StopIteration after the last."""
        return self._make(*next(self._places))

    def close(self) -> None:
        """Nothing is under way."""


class Ahead(Feed[Batch_co]):
    """Makes batches in a thread of its own, a bounded number of them ahead of what was taken.

    Args:
        make: gives the batch of an epoch and a step; called in that thread alone, one call at a time.
        places: of the batches, in order.
        ahead: how many batches may wait, or be made, at most.
    """

    def __init__(self, make: Callable[[int, int], Batch_co], places: Iterator[Place], ahead: int = 2) -> None:
        self._make, self._places = make, places
        self._thread = ThreadPoolExecutor(1, "batches")
        self._coming: deque[Future[Batch_co]] = deque()
        for _ in range(ahead):
            self._begin_next()

    def _begin_next(self) -> None:
        place = next(self._places, None)
        if place is not None:
            self._coming.append(self._thread.submit(self._make, *place))

    def take(self) -> Batch_co:
        """The batch of the next place, waited for if need be. Raises IndexError after the last."""
        batch = self._coming.popleft().result()
        self._begin_next()
        return batch

    def close(self) -> None:
        """Forget what waits, and wait for what is being made: at most one batch."""
        self._thread.shutdown(wait=True, cancel_futures=True)


def places_from(epoch: int, step: int, epochs: int, steps: int) -> Iterator[Place]:
    """The places of a run from one on: steps of that epoch, then of those after it, up to `epochs`."""
    while epoch < epochs:
        for number in range(step, steps):
            yield epoch, number
        epoch, step = epoch + 1, 0
