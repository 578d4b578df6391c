"""A small residual network for small inputs: what the recipe `quick` trains in minutes on two cores.

He et al., "Deep Residual Learning" (2016), with pre-activation blocks from "Identity Mappings" (2016) and a strided
5×5 stem. Our changes: few channels, a dropout before the last layer, PyTorch's BatchNorm defaults (momentum 0.1), since
short trainings see too few steps for Keras's 0.01.
"""

from __future__ import annotations

from torch import Tensor, nn

from fingerspell.lab.nets.blocks import Network, PreActivationBlock, global_average, he_conv
from fingerspell.lab.nets.norming import norm_relu


class ResidualSmall(Network):
    """Strided stem, three stages of residual blocks, global average pooling, dropout, one dense layer."""

    def __init__(self, classes: int, height: int, width: int) -> None:
        super().__init__()
        stages = ((32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 128, 2), (128, 128, 1))
        self.stem = he_conv(3, 32, 5, stride=2)
        self.blocks = nn.Sequential(
            *(PreActivationBlock(inputs, outputs, stride) for inputs, outputs, stride in stages)
        )
        self.norm = nn.BatchNorm2d(128)
        self.dropout = nn.Dropout(0.3)
        self.output = nn.Linear(128, classes)

    def features(self, photos: Tensor) -> Tensor:
        """(N, 3, h, w) → (N, 128)."""
        return global_average(norm_relu(self.norm, self.blocks(self.stem(photos))))

    def classify(self, features: Tensor) -> Tensor:
        """(N, 128) → (N, classes)."""
        logits: Tensor = self.output(self.dropout(features))
        return logits
