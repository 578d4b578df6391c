"""What a finder of hands takes and gives: the names that its maker and its users share."""

from __future__ import annotations

FRAMES = "frames"
"""Input: (N, H, W, 3) uint8 RGB, H and W multiples of `MULTIPLE`."""
SCORES = "scores"
"""Output: (N, cells) float32, 0–1: how sure it is that a hand's middle lies in this cell."""
BOXES = "boxes"
"""Output: (N, cells, 4) float32: left, top, right, bottom of that hand, in pixels of the input."""
MULTIPLE = 32
"""Height and width of a frame, in pixels."""
INPUT_SIZE = (192, 192)
"""Height and width of a square frame as the finder sees it; others are shown with nearly as many pixels."""
SCORE = 0.4
"""A score below this is no hand."""
FRAMING = 1.5
"""Side of the square that is cut out for the recogniser, as a multiple of the box's longer side."""
