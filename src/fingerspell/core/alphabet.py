"""The 29 labels, their order, and the names people give their folders."""

from __future__ import annotations

import string

SPECIAL_SIGNS: tuple[str, ...] = ("del", "nothing", "space")

LABELS: tuple[str, ...] = (*string.ascii_uppercase, *SPECIAL_SIGNS)
"""A–Z, del, nothing, space: also the order in which Keras sorts the Kaggle folders (capitals first)."""

MOTION_LETTERS: frozenset[str] = frozenset("JZ")
"""Letters that are a movement. A still photo shows only a moment of it, so treat their scores with care."""

_ALIASES = {
    "delete": "del",
    "backspace": "del",
    "blank": "nothing",
    "none": "nothing",
    "empty": "nothing",
    "blankspace": "space",
}
_BY_FOLDED = {label.casefold(): label for label in LABELS}


def canonical_label(name: str) -> str | None:
    """The label that a folder name stands for: `a` → `A`, `Del` → `del`, `SPACE` → `space`; None if unknown."""
    folded = name.strip().casefold()
    return _BY_FOLDED.get(_ALIASES.get(folded, folded))


def in_order(labels: set[str] | frozenset[str]) -> tuple[str, ...]:
    """The given labels in the order of the alphabet."""
    return tuple(label for label in LABELS if label in labels)
