"""Whether the service is ready, what it is doing, and how it stops: what runs is ended, what comes is sent away."""

from __future__ import annotations

import asyncio

_TICK = 0.02  # seconds between two looks at what still runs


class Lifecycle:
    """The state of one service.

    Attributes:
        ready: the first recognition, which is slower than all others, is over.
        draining: the service has been told to stop.
        running: requests that are being answered.
        streams: streams that are open.
        stop: set when streams are to end.
    """

    def __init__(self) -> None:
        self.ready = False
        self.draining = False
        self.running = 0
        self.streams = 0
        self.stop = asyncio.Event()

    async def drain(self, seconds: float) -> bool:
        """Take nothing new and wait until nothing runs, but not longer than some seconds. True: nothing does."""
        self.draining = True
        self.stop.set()
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self.running + self.streams and loop.time() < end:
            await asyncio.sleep(_TICK)
        return not self.running + self.streams
