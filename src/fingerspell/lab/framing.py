"""Which part of a photo is learnt from, and with which hand: views framed by the hand, right hands, some mirrored.

A network for hands in any framing must see them in many: as the photo shows them, and cut out around the hand, more or
less closely. Cameras look up at a hand, or down on it: it may be foreshortened, as if it were tipped. Left hands are
turned round, so that one half of the network's capacity is not spent on the mirror image of the other; a fraction of
all is mirrored on purpose, to learn to tell which hand it is. Everything follows from (seed, epoch, photo), as all
augmentation does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fingerspell.lab.augment import Dice, Draws
from fingerspell.lab.data.shapes import LEFT, RIGHT, UNKNOWN, Shapes

_FRAMED, _SIDE, _X, _Y, _MIRROR, _TIPPED = 41, 42, 43, 44, 45, 46  # streams of random words, apart from the policy's


@dataclass(frozen=True, slots=True)
class Framing:
    """How training photos are framed.

    Attributes:
        framed: the fraction of photos, of those whose hand's place is known, that are cut out around the hand.
        closest, widest: side of the cut square, in longer sides of the hand's box.
        off: how far the box's middle may lie from the square's, in longer sides of the box.
        mirrored: the fraction of photos that show the wrong hand on purpose.
        tipped: up to this many degrees tipped towards the camera or away from it: lower by the cosine, as from afar.
    """

    framed: float = 0.5
    closest: float = 1.15
    widest: float = 2.1
    off: float = 0.12
    mirrored: float = 0.15
    tipped: float = 0.0


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """What is known about the hands of a batch once it is changed.

    Attributes:
        landmarks: (N, 21, 2) float32, fractions of the changed photo; NaN where unknown.
        hands: (N,) int8: 0 a right hand, 1 a left one (mirrored on purpose), -1 unknown.
    """

    landmarks: NDArray[np.float32]
    hands: NDArray[np.int8]


def frame(draws: Draws, shapes: Shapes, framing: Framing, seed: int, epoch: int, ids: NDArray[np.uint64]) -> Draws:
    """Put framing and mirroring behind the changes that were drawn. Returns the draws with the composed maps.

    Args:
        draws: of N photos.
        shapes: of the same photos.
        framing: how far to go.
        seed, epoch, ids: what everything follows from; see `augment.draw`.
    """
    dice = Dice(seed, epoch, ids)
    boxes = 2 * shapes.boxes.astype(np.float64) - 1  # in half-sides from the centre, as the maps are
    lower = np.cos(np.deg2rad(dice.unit(_TIPPED) * framing.tipped))
    longer = np.maximum(boxes[:, 2] - boxes[:, 0], (boxes[:, 3] - boxes[:, 1]) * lower)
    cut = np.isfinite(longer) & (longer > 0) & (dice.unit(_FRAMED) < framing.framed)
    longer = np.where(cut, longer, 1.0)
    side = np.exp(np.log(framing.closest) + dice.unit(_SIDE) * np.log(framing.widest / framing.closest))
    scale = np.where(cut, longer * side / 2, 1.0)  # of the view, against the whole photo
    middle = [
        (boxes[:, k] + boxes[:, k + 2]) / 2 + dice.within(stream, framing.off) * longer
        for k, stream in ((0, _X), (1, _Y))
    ]
    centre = np.where(cut[:, None], np.stack(middle, axis=1), 0.0)
    sign = np.where(_turned(shapes, dice, framing), -1.0, 1.0)
    view = np.zeros((len(ids), 2, 3))
    view[:, 0, 0], view[:, 1, 1], view[:, :, 2] = scale * sign, scale / lower, centre
    matrix = np.concatenate([view[:, :, :2] @ draws.matrix[:, :, :2], view[:, :, :2] @ draws.matrix[:, :, 2:]], axis=2)
    matrix[:, :, 2] += view[:, :, 2]
    return replace(draws, matrix=matrix.astype(np.float32), moved=True)


def seen(draws: Draws, shapes: Shapes, framing: Framing, seed: int, epoch: int, ids: NDArray[np.uint64]) -> Seen:
    """Where landmarks lie in the changed photos, and which hand is seen there. Arguments as for `frame`, after it."""
    inverse = np.linalg.inv(draws.matrix[:, :, :2].astype(np.float64))  # (N, 2, 2)
    places = 2 * shapes.landmarks.astype(np.float64) - 1 - draws.matrix[:, None, :, 2]  # (N, 21, 2)
    landmarks = (np.einsum("nij,nkj->nki", inverse, places) + 1) / 2
    wrong = Dice(seed, epoch, ids).unit(_MIRROR) < framing.mirrored
    hands = np.where(shapes.hands == UNKNOWN, UNKNOWN, np.where(wrong, LEFT, RIGHT)).astype(np.int8)
    return Seen(landmarks.astype(np.float32), hands)


def _turned(shapes: Shapes, dice: Dice, framing: Framing) -> NDArray[np.bool_]:
    """(N,) whether the photo is mirrored: left hands to right ones, then some on purpose, where the hand is known."""
    wrong = (dice.unit(_MIRROR) < framing.mirrored) & (shapes.hands != UNKNOWN)
    turned: NDArray[np.bool_] = (shapes.hands == LEFT) != wrong
    return turned
