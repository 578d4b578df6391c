"""Few threads that recognise, and a bounded number of requests before them. The event loop never recognises."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from fingerspell.live.service.problems import BUSY, Problem

P = ParamSpec("P")
T = TypeVar("T")


class Pool:
    """Runs short jobs in threads, first come, first served.

    A request that has much to do hands in one short job after the other, so that others get their turn between them.

    Args:
        workers: threads.
        waiting: requests that may hold a place at once.

    Attributes:
        held: places that are held now.
    """

    def __init__(self, workers: int, waiting: int) -> None:
        self.held = 0
        self._waiting = waiting
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="recognise")

    def require_room(self) -> None:
        """Raise Problem where no place is free: better before a long body is received than after."""
        if self.held >= self._waiting:
            raise Problem(BUSY, f"{self.held} requests are being recognised or wait for it, which is the limit.")

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place while a request is recognised. Raises Problem where none is free."""
        self.require_room()
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1

    async def run(self, job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a job in a thread and wait for it.

        Whoever is cancelled meanwhile goes on only when the job is over: what it works on may then be closed.
        """
        future = self._threads.submit(job, *args, **kwargs)
        waiter = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(waiter)
        except asyncio.CancelledError:
            if not future.cancel():
                await asyncio.wait([waiter])
                waiter.cancelled() or waiter.exception()
            raise

    def close(self) -> None:
        """Take no more jobs; what waits is dropped, what runs ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
