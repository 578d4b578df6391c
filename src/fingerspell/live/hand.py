"""Which hand signs: said by the user, or found out by comparing the picture with its mirror image.

A left hand is the mirror image of a right one. A recogniser that learnt from right hands is surer of a left hand's
picture once it is mirrored; one that learnt from both is as sure either way, and then nothing is mirrored.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import FingerspellError, known_names

Hand = Literal["right", "left", "auto"]

_ADVANTAGE = 3.0  # natural logarithm: twenty times as believable, over all that was seen
_MEMORY = 4.0  # seconds: what lies further back counts for little
_LOWEST = 1e-3
_LOOKS = 5.0  # independent looks a second, as neighbouring frames are alike


def hand_named(name: str) -> Hand:
    """The hand of that name. Raises FingerspellError for another."""
    for hand in get_args(Hand):
        if hand == name.strip().lower():
            return hand  # type: ignore[no-any-return]
    expected, remedy = known_names("hand", name, get_args(Hand))
    raise FingerspellError(f"there is no hand '{name}'", expected=expected, remedy=remedy)


class HandChooser:
    """Whether frames are to be mirrored before they are recognised.

    Args:
        hand: `right`: never; `left`: always; `auto`: as the recogniser is surer.
        labels: of the probabilities, in order.

    Attributes:
        mirrored: the answer so far; at first a right hand is expected.
    """

    def __init__(self, hand: Hand, labels: tuple[str, ...]) -> None:
        self.automatic = hand == "auto"
        self.mirrored = hand == "left"
        self._signs = np.array([label != "nothing" for label in labels])
        self._evidence = 0.0

    @property
    def hand(self) -> Literal["right", "left"]:
        """The hand that is expected now."""
        return "left" if self.mirrored else "right"

    def step(self, elapsed: float, plain: NDArray[np.float32], mirrored: NDArray[np.float32]) -> None:
        """Compare the answers to a frame and to its mirror image.

        Args:
            elapsed: seconds since the frame before.
            plain, mirrored: (labels,) probabilities.
        """
        if not self.automatic:
            return
        shown = min(float(plain[self._signs].sum()), float(mirrored[self._signs].sum()))
        surer = np.log(max(float(mirrored[self._signs].max()), _LOWEST)) - np.log(
            max(float(plain[self._signs].max()), _LOWEST)
        )
        fade = float(np.exp(-elapsed / _MEMORY))
        self._evidence = self._evidence * fade + shown * float(surer) * _LOOKS * elapsed
        if abs(self._evidence) >= _ADVANTAGE:
            self.mirrored = self._evidence > 0
