"""How a signer's pace and a recogniser's doubts become letters: the settings of a speller."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from fingerspell.core.certainty import threshold_of
from fingerspell.core.errors import FingerspellError

_BOUNDS: dict[str, tuple[float, float]] = {
    "hold": (0.05, 5.0),
    "release": (0.0, 5.0),
    "certain": (0.05, 0.99),
    "patience": (0.5, 60.0),
    "looks": (1.0, 60.0),
    "changes": (0.05, 10.0),
    "between": (0.01, 0.9),
    "gap": (0.2, 60.0),
}


class SpellingError(FingerspellError):
    """A setting of the speller has no meaning."""


@dataclass(frozen=True)
class SpellingSettings:
    """Times in seconds, never frames: the same at 10 and at 60 frames a second.

    Attributes:
        hold: how long a sign must lead before it is written.
        release: how long it must be gone before the same sign counts again, as in double letters.
        certain: lowest mean probability over the hold of a sign that is written.
        patience: how long a hand may be shown without a sign that can be written until "please repeat".
        looks: independent looks a second. Neighbouring frames show nearly the same, so that thirty frames are
            not thirty witnesses.
        changes: signs a second that a quick signer shows: how readily another sign is believed.
        between: a sign with less than about this probability is none: the hand is on its way, or unclear.
        gap: after a longer pause between two frames everything begins anew, as when a camera was unplugged.
        motion: J and Z are told by the path of the hand; a hand that is held still is read as I, and never as Z.
            Off: they are letters like all others, as in streams of still photos.

    Raises:
        SpellingError: a value out of its bounds.
    """

    hold: float = 0.25
    release: float = 0.2
    certain: float = 0.4
    patience: float = 2.0
    looks: float = 20.0
    changes: float = 5.0
    between: float = 0.2
    gap: float = 1.0
    motion: bool = True

    def __post_init__(self) -> None:
        for each in fields(self):
            if each.name not in _BOUNDS:
                continue
            low, high = _BOUNDS[each.name]
            value = getattr(self, each.name)
            if not isinstance(value, int | float) or not math.isfinite(value) or not low <= value <= high:
                raise SpellingError(
                    f"{each.name} is {value}",
                    expected=f"a number from {low:g} to {high:g}",
                    remedy="leave it out for the default",
                )


def settings_for(card: Mapping[str, Any], **given: float | None) -> SpellingSettings:
    """The settings for a recogniser: those given, and for the others what its card and this module think best.

    Where the card says from which probability answers count as sure, a letter must be as sure as that to be written.

    Args:
        card: of the bundle.
        given: settings by name; None is none.

    Raises:
        SpellingError: a value out of its bounds.
    """
    stated: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    threshold = threshold_of(card)
    if threshold is not None:
        low, high = _BOUNDS["certain"]
        stated.setdefault("certain", min(max(threshold, low), high))
    return SpellingSettings(**stated)
