"""A small fully convolutional network: at every eighth pixel, is a hand's middle here, and how far are its edges?

Heatmap and distances as in TTFNet (Liu et al., Training-Time-Friendly Network for Real-Time Object Detection, 2020),
which follows CenterNet (Zhou et al., Objects as Points, 2019); bottleneck blocks instead of their backbones. It sees
down to 1/32, so that a cell knows of the whole frame: an arm tells where to look.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDE = 8
"""Pixels between two answers."""
MULTIPLE = 32
"""Height and width of what the network sees are multiples of this."""

_STEM, _QUARTER, _EIGHTH, _SIXTEENTH, _COARSE, _HEAD = 16, 32, 56, 80, 96, 64
_RARE = 0.01  # a cell's probability in the beginning: most show no hand's middle
_REACH = 16.0  # pixels: what a distance of exp(0) means


class FinderNet(nn.Module):
    """(N, 3, h, w) photos of 0–1, h and w multiples of 32 → (N, 5, h/8, w/8): logit, and log distances l, t, r, b."""

    def __init__(self) -> None:
        super().__init__()
        self.quarter = nn.Sequential(_layer(3, _STEM, 3, 2), _layer(_STEM, _QUARTER, 3, 2), _Block(_QUARTER))
        self.eighth = nn.Sequential(_layer(_QUARTER, _EIGHTH, 3, 2), *(_Block(_EIGHTH) for _ in range(3)))
        self.sixteenth = nn.Sequential(_layer(_EIGHTH, _SIXTEENTH, 3, 2), *(_Block(_SIXTEENTH) for _ in range(3)))
        self.coarse = nn.Sequential(_layer(_SIXTEENTH, _COARSE, 3, 2), *(_Block(_COARSE) for _ in range(2)))
        self.from_coarse = _layer(_COARSE, _HEAD, 1)
        self.from_sixteenth = _layer(_SIXTEENTH, _HEAD, 1)
        self.from_eighth = _layer(_EIGHTH, _HEAD, 1)
        self.join_sixteenth, self.join_eighth = _Block(_HEAD), _Block(_HEAD)
        self.head = _layer(_HEAD, _HEAD, 3)
        self.out = nn.Conv2d(_HEAD, 5, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.normal_(self.out.weight, std=0.01)
        if self.out.bias is not None:
            nn.init.zeros_(self.out.bias)
            self.out.bias.data[0] = -math.log((1 - _RARE) / _RARE)

    def forward(self, photos: Tensor) -> Tensor:
        """See the class."""
        eighth = self.eighth(self.quarter((photos - 0.5) * 4))
        sixteenth = self.sixteenth(eighth)
        coarse = self.from_coarse(self.coarse(sixteenth))
        middle = self.join_sixteenth(self.from_sixteenth(sixteenth) + _twice(coarse))
        fine = self.join_eighth(self.from_eighth(eighth) + _twice(middle))
        found: Tensor = self.out(self.head(fine))
        return found


def distances(raw: Tensor) -> Tensor:
    """(N, 4, h, w) log distances → pixels from a cell's middle to the left, upper, right and lower edge."""
    return torch.exp(raw.clamp(-4, 4)) * _REACH


def middles(height: int, width: int) -> tuple[Tensor, Tensor]:
    """x (1, w) and y (h, 1) of the middles of the cells, in pixels."""
    return (
        (torch.arange(width, dtype=torch.float32) + 0.5).reshape(1, -1) * STRIDE,
        (torch.arange(height, dtype=torch.float32) + 0.5).reshape(-1, 1) * STRIDE,
    )


class _Block(nn.Module):
    """A bottleneck with a shortcut: 1×1 to half the channels, 3×3, 1×1 back."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.steps = nn.Sequential(
            _layer(channels, half, 1), _layer(half, half, 3), _layer(half, channels, 1, last=True)
        )

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, h, w) → the same size."""
        return F.relu(maps + self.steps(maps))


def _layer(inputs: int, outputs: int, kernel: int, stride: int = 1, *, last: bool = False) -> nn.Sequential:
    parts: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*parts, *([] if last else [nn.ReLU()]))


def _twice(maps: Tensor) -> Tensor:
    """Twice as high and wide, each cell repeated."""
    return F.interpolate(maps, scale_factor=2.0, mode="nearest")
