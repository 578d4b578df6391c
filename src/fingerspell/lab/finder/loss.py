"""What the network's answers should have been, and how far off they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fingerspell.lab.finder.net import STRIDE, distances, middles

_SPREAD = 0.54 / 6  # a bump's σ as a share of the box's side (TTFNet, α = 0.54)
_NEAR = 0.3  # cells of the bump at least this high learn the edges
_EDGES = 2.0  # weight of the edges' loss


def targets(boxes: Sequence[NDArray[np.float32]], height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """What a batch should give.

    Args:
        boxes: of each frame, (k, 4) pixels.
        height, width: of the frames.

    Returns:
        heat (N, h, w), 1 at the cells that hold a hand's middle and falling off around them; edges (N, 4, h, w),
        left, top, right, bottom in pixels, of the hand that a cell lies near; and their weight (N, h, w).
    """
    rows, columns = height // STRIDE, width // STRIDE
    x, y = (np.arange(columns) + 0.5) * STRIDE, (np.arange(rows) + 0.5) * STRIDE
    heat = np.zeros((len(boxes), rows, columns), np.float32)
    edges, weight = np.zeros((len(boxes), 4, rows, columns), np.float32), np.zeros_like(heat)
    for place, some in enumerate(boxes):
        largest_first = sorted(some, key=lambda box: -float(np.prod(box[2:] - box[:2])))
        for box in largest_first:  # where two overlap, the smaller one keeps its cells
            sides = np.maximum((box[2:] - box[:2]) * _SPREAD, STRIDE * 0.4)
            middle = (box[:2] + box[2:]) / 2
            column = min(int(middle[0] / STRIDE), columns - 1)
            row = min(int(middle[1] / STRIDE), rows - 1)
            # the bump stands on the cell's middle, so that one cell is exactly 1
            bump = np.exp(
                -(((x - x[column]) / sides[0]) ** 2)[None] / 2 - (((y - y[row]) / sides[1]) ** 2)[:, None] / 2
            )
            heat[place] = np.maximum(heat[place], bump)
            near = bump >= _NEAR
            edges[place][:, near] = box[:, None]
            weight[place][near] = bump[near] / bump[near].sum()
    return torch.from_numpy(heat), torch.from_numpy(edges), torch.from_numpy(weight)


def loss(found: Tensor, heat: Tensor, edges: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """(heatmap's loss, edges' loss), each a mean over the hands.

    Args:
        found: (N, 5, h, w) of the network, float32.
        heat, edges, weight: of `targets`.
    """
    hands = heat.eq(1).sum().clamp(min=1)
    return _focal(found[:, 0], heat) / hands, _EDGES * _apart(found[:, 1:], edges, weight) / hands


def _focal(logits: Tensor, heat: Tensor) -> Tensor:
    """Focal loss that forgives what is near a middle (CenterNet, equation 1)."""
    log_yes, log_no = torch.nn.functional.logsigmoid(logits), torch.nn.functional.logsigmoid(-logits)
    yes = torch.exp(log_yes)
    positive = heat.eq(1)
    at = -((1 - yes) ** 2 * log_yes)[positive].sum()
    beside = -((1 - heat) ** 4 * yes**2 * log_no)[~positive].sum()
    return at + beside


def _apart(raw: Tensor, edges: Tensor, weight: Tensor) -> Tensor:
    """1 − GIoU at the cells near a hand (Rezatofighi et al. 2019), weighted."""
    found = boxes_at(raw)
    left, top, right, bottom = found.unbind(1)
    its_left, its_top, its_right, its_bottom = edges.unbind(1)
    wide = (torch.minimum(right, its_right) - torch.maximum(left, its_left)).clamp(min=0)
    high = (torch.minimum(bottom, its_bottom) - torch.maximum(top, its_top)).clamp(min=0)
    shared = wide * high
    union = (right - left) * (bottom - top) + (its_right - its_left) * (its_bottom - its_top) - shared
    around = (torch.maximum(right, its_right) - torch.minimum(left, its_left)) * (
        torch.maximum(bottom, its_bottom) - torch.minimum(top, its_top)
    )
    union, around = union.clamp(min=1e-3), around.clamp(min=1e-3)
    giou = shared / union - (around - union) / around
    return ((1 - giou) * weight).sum()


def boxes_at(raw: Tensor) -> Tensor:
    """(N, 4, h, w) log distances → left, top, right, bottom in pixels, one box a cell."""
    x, y = middles(raw.shape[2], raw.shape[3])
    left, top, right, bottom = distances(raw).unbind(1)
    return torch.stack([x - left, y - top, x + right, y + bottom], dim=1)
