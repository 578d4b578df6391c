"""One frame of a clip: a rendered hand, when it is, and what it is doing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fingerspell.hands.sample import Sample

Phase = Literal["hold", "move"]


@dataclass(frozen=True, eq=False, slots=True)
class Performed:
    """One frame of a text being fingerspelled.

    Attributes:
        sample: the picture, and everything known about it.
        seconds: since the clip's first frame.
        held: the label that is shown; None on the way from one to the next.
        phase: `hold` while a label is shown (for J and Z: while its motion is made), `move` in between.
    """

    sample: Sample
    seconds: float
    held: str | None
    phase: Phase
