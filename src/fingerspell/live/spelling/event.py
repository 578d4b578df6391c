"""What a speller reports, each the moment it happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["written", "removed", "revised", "unsure"]


@dataclass(frozen=True)
class Event:
    """One thing that happened while spelling.

    Attributes:
        kind: `written`: a letter or a space was added. `removed`: `del` took the last character, if there was one.
            `revised`: the last character was read wrongly and is replaced, an I that became a J for instance.
            `unsure`: a hand is shown, and no sign is certain: please repeat.
        seconds: when, on the frames' clock.
        label: the sign; of `unsure` the most probable one.
        certainty: its mean probability while it was shown, 0–1.
        candidates: the most probable signs with their mean probabilities, most probable first.
        text: the whole text after this event.
    """

    kind: Kind
    seconds: float
    label: str
    certainty: float
    candidates: tuple[tuple[str, float], ...]
    text: str
