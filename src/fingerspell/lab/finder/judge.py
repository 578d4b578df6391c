"""How well hands are found: cases with a known box, answers to them, and what both come to, group by group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fingerspell.lab.finder.frames import Stock, Wish, compose

FOUND = 0.5
"""Intersection over union from which a hand counts as found."""
FISTS = frozenset("AEMNSTO")
"""Letters whose fingers are closed: what detectors of hands miss most."""
SIZES = {
    "hand 10–15%": (0.10, 0.15),
    "hand 15–25%": (0.15, 0.25),
    "hand 25–40%": (0.25, 0.4),
    "hand 40–100%": (0.4, 1.0),
}
"""Groups by the hand's longer side as a share of the frame's height."""
_SHAPES = ((480, 640), (360, 640), (480, 480))
_DARK = 90.0  # mean of a cut-out hand's pixels, 0–255, below which it counts as dark

Answer = tuple[NDArray[np.float64], float] | None
"""A box (left, top, right, bottom in pixels) and its score; None where no hand was found."""


@dataclass(frozen=True, eq=False)
class Case:
    """A frame with its truth.

    Attributes:
        pixels: (H, W, 3) uint8.
        box: (4,) pixels; None where there is no hand.
        groups: names of the rows that it counts in.
        label: of the hand's sign, `nothing` without a hand.
    """

    pixels: NDArray[np.uint8]
    box: NDArray[np.float32] | None
    groups: tuple[str, ...]
    label: str = "nothing"


@dataclass(frozen=True)
class Row:
    """What a group of cases came to.

    Attributes:
        hands: cases with a hand.
        recall: share of them that were found, IoU at least `FOUND`; NaN without hands.
        overlap: median IoU of the boxes given for them; NaN where none was given.
        empty: cases without a hand.
        alarms: share of them in which a hand was found; NaN without such cases.
    """

    hands: int
    recall: float
    overlap: float
    empty: int
    alarms: float


def composed_cases(stock: Stock, count: int, seed: int) -> Iterator[Case]:
    """Composed frames as large as a webcam's (whole frames, so that what shrinks them is judged too).

    Args:
        stock: of signers and scenes that were not learnt from.
        count: of each of eight kinds: four sizes, cut by the edge, backlit, and without a hand (twice as many).
        seed: of all of it.
    """
    kinds: list[tuple[str, Wish, tuple[float, float]]] = [
        (name, Wish(edge=False, backlit=False), size) for name, size in SIZES.items()
    ]
    kinds += [("cut by the edge", Wish(edge=True, backlit=False), (0.2, 0.6))]
    kinds += [("backlit", Wish(edge=False, backlit=True), (0.15, 0.6))]
    kinds += [("no hand", Wish(hand=False), (0.2, 0.3))] * 2
    for which, (name, wish, (low, high)) in enumerate(kinds):
        for number in range(count):
            yield _composed(np.random.Generator(np.random.PCG64([seed, which, number])), stock, name, wish, low, high)


def _composed(rng: np.random.Generator, stock: Stock, name: str, wish: Wish, low: float, high: float) -> Case:
    height, width = _SHAPES[int(rng.integers(len(_SHAPES)))]
    hand = int(rng.integers(len(stock.hands)))
    size = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    made = compose(rng, stock, height, width, Wish(size, wish.hand is None or wish.hand, wish.edge, wish.backlit, hand))
    if not len(made.boxes):
        return Case(made.pixels, None, (name,))
    inside = stock.hands.pixels[hand][stock.hands.cover[hand] > 200]
    dark = len(inside) > 0 and float(inside.mean()) < _DARK
    groups = ("fist" if made.labels[0] in FISTS else "open hand", "dark hand" if dark else "light hand")
    return Case(made.pixels, made.boxes[0], (name, *groups), made.labels[0])


def judged(cases: Iterable[Case], find: Callable[[NDArray[np.uint8]], Answer]) -> dict[str, Row]:
    """Ask for every case; the rows by group, in the order they first came, and `all` last."""
    kept: dict[str, list[tuple[bool, float | None]]] = {}
    everything: list[tuple[bool, float | None]] = []
    for case in cases:
        answer = find(case.pixels)
        shared = None if answer is None else 0.0 if case.box is None else overlap(answer[0], case.box)
        everything.append((case.box is not None, shared))
        for group in case.groups:
            kept.setdefault(group, []).append(everything[-1])
    return {name: row_of(some) for name, some in [*kept.items(), ("all", everything)]}


def row_of(answers: Sequence[tuple[bool, float | None]]) -> Row:
    """Counts of (is there a hand, IoU of the box that was given or None)."""
    hands = [shared for there, shared in answers if there]
    given = [shared for shared in hands if shared is not None]
    empty = [shared for there, shared in answers if not there]
    nan = float("nan")
    return Row(
        len(hands),
        sum(shared >= FOUND for shared in given) / len(hands) if hands else nan,
        float(np.median(given)) if given else nan,
        len(empty),
        sum(shared is not None for shared in empty) / len(empty) if empty else nan,
    )


def overlap(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Intersection over union of two boxes (left, top, right, bottom)."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    inner = float(np.prod(np.maximum(sides, 0)))
    whole = float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2])) - inner
    return inner / whole if whole > 0 else 0.0
