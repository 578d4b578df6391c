"""Where the 21 landmarks of a hand are, read off heat maps, and what they say about each other.

A landmark is the mean place under a softmax of its map (Sun et al., "Integral Human Pose Regression", 2018).
"""

from __future__ import annotations

import torch
from torch import Tensor

LANDMARKS = 21
"""In the order of MediaPipe Hands: the wrist, then four of each finger from the thumb on, its tip last."""
REACH = 1.25
"""Landmarks may lie this far outside the photo, as a multiple of its half-side."""


def soft_places(raw: Tensor) -> tuple[Tensor, Tensor]:
    """Heat maps (N, 21, h, w), logits → their softmax (N, 21, h·w), and the landmarks (N, 21, 2), fractions."""
    heat = torch.softmax(raw.flatten(2).float(), dim=2)
    places = cell_places(raw.shape[2], raw.shape[3], heat)
    return heat, (heat.unsqueeze(3) * places).sum(dim=2)  # a product of matrices would round to bfloat16


def cell_places(height: int, width: int, like: Tensor) -> Tensor:
    """(h·w, 2): x and y of each place of a map, as fractions of the photo."""
    x = (torch.arange(width, device=like.device, dtype=like.dtype) + 0.5) / width
    y = (torch.arange(height, device=like.device, dtype=like.dtype) + 0.5) / height
    grid = torch.stack([x.repeat(height), y.repeat_interleave(width)], dim=1)
    return (grid - 0.5) * REACH + 0.5


def normalised(landmarks: Tensor) -> Tensor:
    """(N, 21, 2) landmarks about their middle, in their own spread."""
    about = landmarks - landmarks.mean(dim=1, keepdim=True)
    return about / (about.square().mean(dim=(1, 2), keepdim=True).sqrt() + 1e-3)
