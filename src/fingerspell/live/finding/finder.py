"""A bundle's finder: a frame → where its hand is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.bundle import Bundle
from fingerspell.core.errors import BundleError
from fingerspell.core.finder_file import BOXES, FRAMES, MULTIPLE, SCORES
from fingerspell.live.finding.square import HandBox, Square, resized
from fingerspell.live.session import open_session

WINDOW = 128
"""Pixels of the side of a window that is searched instead of the whole frame."""
_FEWEST = 0.6  # of the pixels that the finder may see: frames of other shapes get nearly as many


@dataclass(frozen=True)
class FoundHand:
    """A hand.

    Attributes:
        box: around it, in pixels of the frame; within the frame.
        score: how sure the finder is, 0–1.
    """

    box: HandBox
    score: float


class HandFinder:
    """Finds the surest hand of a frame. May be used from several threads at once.

    Args:
        bundle: one with a finder.
        threads: for each frame; by default as many as there are cores, at most 4.

    Attributes:
        framing: side of the square to cut out, as a multiple of the box's longer side.
        threshold: a score below this is no hand.

    Raises:
        BundleError: the bundle has no finder, or one that cannot be run.
        MissingExtraError: ONNX Runtime is not installed.
    """

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        if bundle.finder is None:
            raise BundleError(
                f"the bundle {bundle.path} cannot find hands: it has no finder",
                expected="a bundle with finder.onnx",
                remedy="take the bundle that comes with the package, leave --find out, or name the place with --box",
            )
        card = bundle.card["finder"]
        self.framing, self.threshold = float(card["framing"]), float(card["score"])
        self._pixels = int(card["input"][0]) * int(card["input"][1])
        self._session = open_session(
            bundle.finder,
            [FRAMES],
            [SCORES, BOXES],
            threads=threads,
            what="finder",
            bundle=bundle.path,
            remedy="add a finder again with 'fingerspell finder add'",
        )

    def find(
        self, frame: NDArray[np.uint8], window: Square | None = None, *, at_least: float | None = None
    ) -> FoundHand | None:
        """Look for a hand.

        Args:
            frame: (H, W, 3) uint8, RGB, upright, any size.
            window: look here only, which is quicker and sees small hands better; the whole frame by default.
            at_least: the lowest score that counts, 0–1; `threshold` by default.

        Returns:
            The hand with the highest score, or None.

        Raises:
            ValueError: not such a frame.
        """
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
            raise ValueError(f"a frame must be (H, W, 3) uint8, not {frame.shape} {frame.dtype}")
        height, width = frame.shape[:2]
        if window is None:
            part, left, top = frame, 0, 0
            rows, columns = size_for(height, width, self._pixels)
        else:
            part, left, top = window.cut(frame), window.left, window.top
            rows = columns = WINDOW
        scores, boxes = self._session.run([SCORES, BOXES], {FRAMES: resized(part, rows, columns)[None]})
        best = int(scores[0].argmax())
        score = float(scores[0, best])
        if not score >= (self.threshold if at_least is None else at_least):
            return None
        across, down = part.shape[1] / columns, part.shape[0] / rows
        edges = boxes[0, best].astype(np.float64) * (across, down, across, down) + (left, top, left, top)
        return _within(edges, score, height, width)

    def views(self, photo: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """What of a photo may show the sign: the hand cut out, where it is small, and then the whole photo.

        Args:
            photo: (H, W, 3) uint8, RGB, upright, any size.
        """
        part = self.cropped(photo)
        return [photo] if part.shape == photo.shape else [part, photo]

    def cropped(self, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """One photo as the recogniser should see it: the hand cut out, unless none is found or it fills the photo.

        Args:
            photo: (H, W, 3) uint8, RGB, upright, any size.
        """
        found = self.find(photo)
        return (
            photo if found is None else np.ascontiguousarray(found.box.view(self.framing, *photo.shape[:2]).cut(photo))
        )


@lru_cache(maxsize=32)
def size_for(height: int, width: int, pixels: int) -> tuple[int, int]:
    """The size in which a frame is shown to the network: multiples of 32, nearly of its shape, and nearly `pixels`.

    Args:
        height, width: of the frame.
        pixels: at most.

    Returns:
        Height and width.
    """
    sides = range(MULTIPLE, pixels // MULTIPLE + 1, MULTIPLE)
    wanted = math.log(width / height)
    fit = [(rows, columns) for rows in sides for columns in sides if rows * columns <= pixels]
    large = [size for size in fit if size[0] * size[1] >= _FEWEST * pixels] or fit
    # a shape within 3% is as good as the same: then more pixels are better
    return min(large, key=lambda size: (round(abs(math.log(size[1] / size[0]) - wanted) / 0.03), -size[0] * size[1]))


def _within(edges: NDArray[np.float64], score: float, height: int, width: int) -> FoundHand | None:
    """The box cut off at the frame's edges; None where nothing of it is left."""
    left, right = np.clip(edges[[0, 2]], 0, width)
    top, bottom = np.clip(edges[[1, 3]], 0, height)
    if not (right - left >= 1 and bottom - top >= 1):
        return None
    return FoundHand(HandBox(float(left), float(top), float(right), float(bottom)), score)
