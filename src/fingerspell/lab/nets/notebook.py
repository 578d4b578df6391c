"""The notebook's five networks, v1–v5, layer by layer as its Keras code builds them.

Source: the ASL Alphabet Keras notebook. Input 200×200×3 there; other sizes work, and change v1's parameter count
(it flattens). ReLU follows each convolution, and BatchNorm follows the ReLU. The notebook describes v5 in prose
only: the details of v5 are ours (residual blocks as in v4's third, `SpatialSelfAttention` before the global
pooling, LayerNorm after it).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from fingerspell.lab.nets.blocks import (
    Network,
    SpatialSelfAttention,
    batch_norm_1d,
    batch_norm_2d,
    flatten_hwc,
    global_average,
)
from fingerspell.lab.nets.norming import relu_norm
from fingerspell.lab.nets.pooling import pool, relu_pool

_CHANNELS = (32, 64, 128)


def _valid_side(side: int) -> int:
    """Side of v1's last map: three valid convolutions (5×5, 3×3, 3×3), each followed by a 2×2 pool."""
    for kernel in (5, 3, 3):
        side = (side - kernel + 1) // 2
    return side


class NotebookV1(Network):
    """Plain CNN: three valid convolutions with pooling, flatten, Dense 256, Dropout 0.5. 17,436,765 parameters."""

    def __init__(self, classes: int, height: int, width: int) -> None:
        super().__init__()
        self.conv1 = self.conv(3, 32, 5, same=False)
        self.conv2 = self.conv(32, 64, 3, same=False)
        self.conv3 = self.conv(64, 128, 3, same=False)
        self.dense1 = self.dense(128 * _valid_side(height) * _valid_side(width), 256)
        self.dropout = nn.Dropout(0.5)
        self.output = self.dense(256, classes)

    def features(self, photos: Tensor) -> Tensor:
        """(N, 3, h, w) → (N, 256)."""
        maps = photos
        for layer in (self.conv1, self.conv2, self.conv3):
            maps = relu_pool(layer(maps))
        return F.relu(self.dense1(flatten_hwc(maps)))

    def classify(self, features: Tensor) -> Tensor:
        """(N, 256) → (N, classes)."""
        logits: Tensor = self.output(self.dropout(features))
        return logits


class _Pooled(Network):
    """The head that v2–v5 share: global average pooling, Dense, BatchNorm, Dropout, output."""

    def _add_head(self, classes: int, hidden: int, dropout: float, l2: float) -> None:
        self.dense1 = self.dense(_CHANNELS[-1], hidden, l2=l2)
        self.norm = batch_norm_1d(hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = self.dense(hidden, classes)

    def maps(self, photos: Tensor) -> Tensor:
        """(N, 3, h, w) → (N, 128, h/8, w/8)."""
        raise TypeError(f"{type(self).__name__} gives no maps")

    def pooled(self, maps: Tensor) -> Tensor:
        """(N, 128, h/8, w/8) → (N, 128)."""
        return global_average(maps)

    def features(self, photos: Tensor) -> Tensor:
        """(N, 3, h, w) → (N, hidden)."""
        hidden: Tensor = self.norm(F.relu(self.dense1(self.pooled(self.maps(photos)))))
        return hidden

    def classify(self, features: Tensor) -> Tensor:
        """(N, hidden) → (N, classes)."""
        logits: Tensor = self.output(self.dropout(features))
        return logits


class NotebookV2(_Pooled):
    """v1's convolutions with BatchNorm, then global average pooling. L2 0.001. 137,181 parameters."""

    def __init__(self, classes: int, height: int, width: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList()
        self.norms = nn.ModuleList()
        for inputs, outputs, kernel in zip((3, *_CHANNELS), _CHANNELS, (5, 3, 3), strict=False):
            self.convs.append(self.conv(inputs, outputs, kernel, same=False, l2=0.001))
            self.norms.append(batch_norm_2d(outputs))
        self._add_head(classes, hidden=256, dropout=0.4, l2=0.001)

    def maps(self, photos: Tensor) -> Tensor:
        """(N, 3, h, w) → (N, 128, ≈h/8, ≈w/8)."""
        maps = photos
        for conv, norm in zip(self.convs, self.norms, strict=True):
            maps = pool(relu_norm(norm, conv(maps)))
        return maps


class NotebookV3(_Pooled):
    """Three 3×3 same convolutions, each BatchNorm, pool, spatial dropout 0.1. L2 0.002. 114,909 parameters."""

    def __init__(self, classes: int, height: int, width: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList()
        self.norms = nn.ModuleList()
        for inputs, outputs in zip((3, *_CHANNELS), _CHANNELS, strict=False):
            self.convs.append(self.conv(inputs, outputs, 3, same=True, l2=0.002))
            self.norms.append(batch_norm_2d(outputs))
        self.spatial_dropout = nn.Dropout2d(0.1)
        self._add_head(classes, hidden=128, dropout=0.5, l2=0.002)

    def maps(self, photos: Tensor) -> Tensor:
        """(N, 3, h, w) → (N, 128, h/8, w/8)."""
        maps = photos
        for conv, norm in zip(self.convs, self.norms, strict=True):
            maps = self.spatial_dropout(pool(relu_norm(norm, conv(maps))))
        return maps


class _DoubleBlock(nn.Module):
    """Two 3×3 same convolutions, each ReLU and BatchNorm; perhaps a 1×1 shortcut; pool; spatial dropout."""

    def __init__(self, network: Network, inputs: int, outputs: int, dropout: float, l2: float, shortcut: bool) -> None:
        super().__init__()
        self.conv1 = network.conv(inputs, outputs, 3, same=True, l2=l2)
        self.norm1 = batch_norm_2d(outputs)
        self.conv2 = network.conv(outputs, outputs, 3, same=True, l2=l2)
        self.norm2 = batch_norm_2d(outputs)
        self.shortcut = network.conv(inputs, outputs, 1, same=True) if shortcut else None
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, inputs, h, w) → (N, outputs, h/2, w/2)."""
        inner = relu_norm(self.norm1, self.conv1(maps))
        inner = relu_norm(self.norm2, self.conv2(inner))
        if self.shortcut is not None:
            inner = inner + self.shortcut(maps)
        dropped: Tensor = self.dropout(pool(inner))
        return dropped


def _double_blocks(network: Network, l2: float, shortcuts: tuple[bool, bool, bool]) -> nn.Sequential:
    sizes = zip((3, *_CHANNELS), _CHANNELS, (0.1, 0.15, 0.2), shortcuts, strict=False)
    return nn.Sequential(
        *(_DoubleBlock(network, inputs, outputs, drop, l2, shortcut) for inputs, outputs, drop, shortcut in sizes)
    )


class NotebookV4(_Pooled):
    """Double convolutions, a residual in the third block. L2 0.0015 / 0.002. 317,885 parameters."""

    def __init__(self, classes: int, height: int, width: int) -> None:
        super().__init__()
        self.blocks = _double_blocks(self, 0.0015, (False, False, True))
        self._add_head(classes, hidden=128, dropout=0.4, l2=0.002)

    def maps(self, photos: Tensor) -> Tensor:
        """(N, 3, h, w) → (N, 128, h/8, w/8)."""
        maps: Tensor = self.blocks(photos)
        return maps


class NotebookV5(_Pooled):
    """Residuals in all blocks, spatial self-attention, LayerNorm after pooling. L2 0.0018. 341,022 parameters.

    The shortcuts have no norm, activation or L2, as in v4; the attention's 1×1 convolutions carry the L2 of the
    other kernels.
    """

    def __init__(self, classes: int, height: int, width: int) -> None:
        super().__init__()
        l2, channels = 0.0018, _CHANNELS[-1]
        self.blocks = _double_blocks(self, l2, (True, True, True))
        self.attention = SpatialSelfAttention(
            self.conv(channels, channels // 8, 1, same=True, l2=l2),
            self.conv(channels, channels // 8, 1, same=True, l2=l2),
            self.conv(channels, channels, 1, same=True, l2=l2),
        )
        self.layer_norm = nn.LayerNorm(channels, eps=1e-3)
        self._add_head(classes, hidden=128, dropout=0.4, l2=l2)

    def maps(self, photos: Tensor) -> Tensor:
        """(N, 3, h, w) → (N, 128, h/8, w/8)."""
        maps: Tensor = self.attention(self.blocks(photos))
        return maps

    def pooled(self, maps: Tensor) -> Tensor:
        """(N, 128, h/8, w/8) → (N, 128), normalised over the channels."""
        normed: Tensor = self.layer_norm(global_average(maps))
        return normed
