"""How things are dealt to the parts of a split: by keys that follow from seed and names alone."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal

from fingerspell.lab.data.manifest import Photo

Part = Literal["train", "val", "test", "guard"]
PARTS: tuple[Part, ...] = ("train", "val", "test", "guard")


def draw(seed: int, *names: object) -> str:
    """A random-looking key that follows from the seed and the names alone."""
    return hashlib.sha256(":".join(map(str, (seed, *names))).encode()).hexdigest()


def by_label(photos: Sequence[Photo]) -> dict[str, list[int]]:
    """Positions of the photos of each label."""
    found: dict[str, list[int]] = defaultdict(list)
    for index, photo in enumerate(photos):
        found[photo.label].append(index)
    return found


def held_out_counts(total: int, val: float, test: float) -> tuple[int, int]:
    """How many of `total` go to val and test: rounded, at least one where there is enough and one is asked for."""
    spare = total - 1
    to_test = min(max(round(test * total), 1 if test and spare > 1 else 0), spare - (1 if val and spare > 1 else 0))
    to_val = min(max(round(val * total), 1 if val and spare > 0 else 0), spare - to_test)
    return max(to_val, 0), max(to_test, 0)


def deal(ordered: Sequence[Any], val: float, test: float) -> dict[Any, Part]:
    """Give the first of an already shuffled sequence to test, the next to val, the rest to train."""
    to_val, to_test = held_out_counts(len(ordered), val, test)
    dealt: dict[Any, Part] = dict.fromkeys(ordered, "train")
    dealt |= dict.fromkeys(ordered[:to_test], "test")
    return dealt | dict.fromkeys(ordered[to_test : to_test + to_val], "val")
