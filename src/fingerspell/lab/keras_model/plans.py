"""The notebook's five networks as Keras lists their layers: what a model read from a file is held against.

The plans say what decides a network's answers, and apart from it what matters in training only. The same numbers stand
in `nets.notebook` as PyTorch needs them; parity tests hold both against Keras.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

DROPOUTS = ("Dropout", "SpatialDropout2D")
"""Layers that do nothing when a network answers."""
RATE, L2 = "dropout rate", "L2 of the kernel"
"""What matters in training only."""

_CHANNELS = (32, 64, 128)


@dataclass(frozen=True)
class Planned:
    """A layer of a plan.

    Attributes:
        kind: its Keras class.
        inputs: places in the plan of the layers that it takes its input from.
        settings: what must be as here, by Keras's names.
        training: what matters in training only: `RATE` or `L2`.
    """

    kind: str
    inputs: tuple[int, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, float] = field(default_factory=dict)


class _Plan:
    """Collects layers, each on top of the one before unless said otherwise."""

    def __init__(self) -> None:
        self.layers: list[Planned] = [Planned("InputLayer")]

    def add(self, kind: str, *inputs: int, training: Mapping[str, float] | None = None, **settings: Any) -> int:
        self.layers.append(Planned(kind, inputs or (self.last,), settings, training or {}))
        return self.last

    @property
    def last(self) -> int:
        return len(self.layers) - 1

    def conv(self, filters: int, kernel: int, padding: str, l2: float, *inputs: int, activation: str = "relu") -> int:
        shape = {"filters": filters, "kernel_size": (kernel, kernel), "padding": padding, "activation": activation}
        return self.add("Conv2D", *inputs, training={L2: l2}, **shape)

    def norm(self, rank: int) -> int:
        return self.add("BatchNormalization", axis=rank - 1)

    def pool(self) -> int:
        return self.add("MaxPooling2D")

    def drop(self, rate: float, kind: str = "SpatialDropout2D") -> int:
        return self.add(kind, training={RATE: rate})

    def head(self, hidden: int, dropout: float, l2: float, *, norm: bool = True) -> None:
        self.add("Dense", training={L2: l2}, units=hidden, activation="relu")
        if norm:
            self.norm(2)
        self.drop(dropout, "Dropout")
        self.add("Dense", training={L2: 0.0}, activation="softmax")

    def double(self, filters: int, l2: float, drop: float, *, shortcut: bool) -> None:
        start = self.last
        for _ in range(2):
            self.conv(filters, 3, "same", l2)
            self.norm(4)
        if shortcut:
            inner = self.last
            self.add("Add", inner, self.conv(filters, 1, "same", 0.0, start, activation="linear"))
        self.pool()
        self.drop(drop)


def _v1(plan: _Plan) -> None:
    for filters, kernel in zip(_CHANNELS, (5, 3, 3), strict=True):
        plan.conv(filters, kernel, "valid", 0.0)
        plan.pool()
    plan.add("Flatten")
    plan.head(256, 0.5, 0.0, norm=False)


def _v2(plan: _Plan) -> None:
    for filters, kernel in zip(_CHANNELS, (5, 3, 3), strict=True):
        plan.conv(filters, kernel, "valid", 0.001)
        plan.norm(4)
        plan.pool()
    plan.add("GlobalAveragePooling2D")
    plan.head(256, 0.4, 0.001)


def _v3(plan: _Plan) -> None:
    for filters in _CHANNELS:
        plan.conv(filters, 3, "same", 0.002)
        plan.norm(4)
        plan.pool()
        plan.drop(0.1)
    plan.add("GlobalAveragePooling2D")
    plan.head(128, 0.5, 0.002)


def _v4(plan: _Plan) -> None:
    for filters, drop, shortcut in zip(_CHANNELS, (0.1, 0.15, 0.2), (False, False, True), strict=True):
        plan.double(filters, 0.0015, drop, shortcut=shortcut)
    plan.add("GlobalAveragePooling2D")
    plan.head(128, 0.4, 0.002)


def _v5(plan: _Plan) -> None:
    for filters, drop in zip(_CHANNELS, (0.1, 0.15, 0.2), strict=True):
        plan.double(filters, 0.0018, drop, shortcut=True)
    plan.add("SpatialSelfAttention", training={L2: 0.0018})
    plan.add("GlobalAveragePooling2D")
    plan.add("LayerNormalization", axis=1)
    plan.head(128, 0.4, 0.0018)


def _made(write: Callable[[_Plan], None]) -> tuple[Planned, ...]:
    plan = _Plan()
    write(plan)
    return tuple(plan.layers)


PLANS: dict[str, tuple[Planned, ...]] = {
    f"notebook-v{number}": _made(write) for number, write in enumerate((_v1, _v2, _v3, _v4, _v5), start=1)
}
"""Each network's layers from the input to the softmax; how many outputs there are is left open."""
