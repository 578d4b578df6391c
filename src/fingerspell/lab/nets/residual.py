"""A small residual network for small inputs: what the recipe `quick` trains in minutes on two cores.

He et al., "Deep Residual Learning" (2016), with pre-activation blocks from "Identity Mappings" (2016) and a strided
5×5 stem. Our changes: few channels, a dropout before the last layer, PyTorch's BatchNorm defaults (momentum 0.1), since
short trainings see too few steps for Keras's 0.01.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from fingerspell.lab.nets.blocks import Network, global_average


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer


class _Block(nn.Module):
    """norm–ReLU–conv–norm–ReLU–conv, added to the input (or to its strided 1×1 projection)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = _conv(inputs, outputs, 3, stride)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.conv2 = _conv(outputs, outputs, 3)
        self.project = _conv(inputs, outputs, 1, stride) if stride > 1 or inputs != outputs else None

    def forward(self, maps: Tensor) -> Tensor:
        """(N, inputs, h, w) → (N, outputs, h/stride, w/stride)."""
        active = F.relu(self.norm1(maps))
        kept = maps if self.project is None else self.project(active)
        inner = self.conv1(active)
        added: Tensor = kept + self.conv2(F.relu(self.norm2(inner)))
        return added


class ResidualSmall(Network):
    """Strided stem, three stages of residual blocks, global average pooling, dropout, one dense layer."""

    def __init__(self, classes: int, height: int, width: int) -> None:
        super().__init__()
        stages = ((32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 128, 2), (128, 128, 1))
        self.stem = _conv(3, 32, 5, stride=2)
        self.blocks = nn.Sequential(*(_Block(inputs, outputs, stride) for inputs, outputs, stride in stages))
        self.norm = nn.BatchNorm2d(128)
        self.dropout = nn.Dropout(0.3)
        self.output = nn.Linear(128, classes)

    def features(self, photos: Tensor) -> Tensor:
        """(N, 3, h, w) → (N, 128)."""
        return global_average(F.relu(self.norm(self.blocks(self.stem(photos)))))

    def classify(self, features: Tensor) -> Tensor:
        """(N, 128) → (N, classes)."""
        logits: Tensor = self.output(self.dropout(features))
        return logits
