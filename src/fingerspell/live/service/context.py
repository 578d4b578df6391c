"""What the routes of one service share."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from fingerspell.live.recognizer import Recognizer
from fingerspell.live.service.lifecycle import Lifecycle
from fingerspell.live.service.limits import Limits
from fingerspell.live.service.metrics import Metrics
from fingerspell.live.service.pool import Pool
from fingerspell.live.service.security import Access


@dataclass
class Service:
    """One running service.

    Attributes:
        recognizer: that answers; its bundle has been read and verified.
        limits: of requests and streams.
        access: who may use it.
        lifecycle: ready, running, stopping.
        pool: the threads that recognise.
        metrics: what is counted.
    """

    recognizer: Recognizer
    limits: Limits = field(default_factory=Limits)
    access: Access = field(default_factory=Access)
    lifecycle: Lifecycle = field(init=False)
    pool: Pool = field(init=False)
    metrics: Metrics = field(init=False)

    def __post_init__(self) -> None:
        self.lifecycle = Lifecycle()
        self.pool = Pool(self.limits.workers, self.limits.waiting)
        self.metrics = Metrics(lambda: self.pool.held, lambda: self.lifecycle.streams)

    @property
    def network(self) -> str:
        """The network's name, as the bundle's card has it."""
        return str(self.recognizer.bundle.card.get("network", "unknown"))

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of model.onnx: which recogniser answered."""
        return hashlib.sha256(self.recognizer.bundle.model).hexdigest()

    @cached_property
    def finder_digest(self) -> str | None:
        """SHA-256 (hex) of finder.onnx; None where the bundle has none."""
        finder = self.recognizer.bundle.finder
        return None if finder is None else hashlib.sha256(finder).hexdigest()

    @cached_property
    def card(self) -> bytes:
        """The bundle's card as JSON."""
        return json.dumps(dict(self.recognizer.bundle.card), ensure_ascii=False).encode()

    @cached_property
    def card_digest(self) -> str:
        """SHA-256 (hex) of `card`."""
        return hashlib.sha256(self.card).hexdigest()

    async def warm_up(self) -> None:
        """Recognise once: the first time is slower than all others."""
        size = self.recognizer.bundle.preprocess
        await self.pool.run(self.recognizer.predict, np.zeros((size.height, size.width, 3), np.uint8))
        self.lifecycle.ready = True
