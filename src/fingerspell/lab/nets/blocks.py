"""Layers shared by the network families: with Keras's defaults, and the block of the residual ones.

Keras 3.16 differs from PyTorch: Glorot-uniform kernels and zero biases, BatchNorm momentum 0.99 (0.01 as PyTorch
counts it), epsilon 1e-3 and a running variance without Bessel's correction, LayerNorm epsilon 1e-3, L2 as λ·Σw² on
kernels only, flattening in h, w, c order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fingerspell.lab.nets.norming import norm_relu
from fingerspell.lab.nets.winograd import Conv2d

_Layer = TypeVar("_Layer", nn.Conv2d, nn.Linear)


class Network(nn.Module):
    """What every network of the registry is: (N, 3, h, w) float32 → (N, classes) logits.

    Subclasses give `features`, the penultimate activations, and `classify`, the last layer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._l2: list[tuple[nn.Module, float]] = []

    def features(self, photos: Tensor) -> Tensor:
        """(N, 3, h, w) normalised photos → (N, D) penultimate features."""
        raise TypeError(f"{type(self).__name__} gives no features")

    def classify(self, features: Tensor) -> Tensor:
        """(N, D) features → (N, classes) logits."""
        raise TypeError(f"{type(self).__name__} gives no logits")

    def forward(self, photos: Tensor) -> Tensor:
        """(N, 3, h, w) normalised photos → (N, classes) logits."""
        return self.classify(self.features(photos))

    def regularised(self) -> Iterator[tuple[Tensor, float]]:
        """Kernels with an L2 term, each with its λ."""
        for layer, strength in self._l2:
            weight = layer.weight
            if isinstance(weight, Tensor):
                yield weight, strength

    def l2_penalty(self) -> Tensor:
        """Σ λ·Σw² over the regularised kernels: Keras's `kernel_regularizer=l2(λ)`, without the ½ of weight decay."""
        device = next(self.parameters()).device
        total = torch.zeros((), device=device)
        for weight, strength in self.regularised():
            total = total + strength * weight.square().sum()
        return total

    def conv(self, inputs: int, outputs: int, kernel: int, *, same: bool, l2: float = 0.0) -> nn.Conv2d:
        """A convolution with bias, stride 1, Keras's initialisation; `same` or `valid` padding."""
        layer = Conv2d(inputs, outputs, kernel, padding=kernel // 2 if same else 0)
        return self._keras_layer(layer, l2)

    def dense(self, inputs: int, outputs: int, *, l2: float = 0.0) -> nn.Linear:
        """A fully connected layer with Keras's initialisation."""
        return self._keras_layer(nn.Linear(inputs, outputs), l2)

    def _keras_layer(self, layer: _Layer, l2: float) -> _Layer:
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
        if l2:
            self._l2.append((layer, l2))
        return layer


class _KerasNorm2d(nn.BatchNorm2d):
    """BatchNorm of maps whose running variance is Keras's."""

    as_keras = True

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - PyTorch's name
        """(N, C, h, w) → (N, C, h, w)."""
        return _learning_norm(self, input) if self.training else super().forward(input)


class _KerasNorm1d(nn.BatchNorm1d):
    """BatchNorm of features whose running variance is Keras's."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - PyTorch's name
        """(N, C) → (N, C)."""
        return _learning_norm(self, input) if self.training else super().forward(input)


def _learning_norm(norm: nn.BatchNorm1d | nn.BatchNorm2d, values: Tensor) -> Tensor:
    """Normalise by a batch's own mean and variance, and follow them with the running ones.

    Keras follows Σ(x−mean)²/n, PyTorch Σ(x−mean)²/(n−1), which is 3% more over the features of a batch of 32. The
    surplus is taken out again, C numbers at a time. PyTorch is handed a copy, since it keeps what it is handed for the
    backward pass.
    """
    mean, variance, momentum = norm.running_mean, norm.running_var, norm.momentum
    if mean is None or variance is None or momentum is None:
        raise TypeError("a norm of ours keeps running statistics at a fixed momentum")
    followed = variance.clone()
    normed = F.batch_norm(values, mean, followed, norm.weight, norm.bias, True, momentum, norm.eps)
    kept = variance * (1 - momentum)
    count = values.numel() // values.shape[1]
    variance.copy_(followed.lerp(kept, 1 / count))  # kept + m·v → kept + m·v·(n−1)/n
    return normed


def batch_norm_2d(channels: int) -> nn.BatchNorm2d:
    """BatchNormalization with Keras's momentum, epsilon and running variance."""
    return _KerasNorm2d(channels, eps=1e-3, momentum=0.01)


def batch_norm_1d(channels: int) -> nn.BatchNorm1d:
    """BatchNormalization of features with Keras's momentum, epsilon and running variance."""
    return _KerasNorm1d(channels, eps=1e-3, momentum=0.01)


def global_average(maps: Tensor) -> Tensor:
    """(N, C, h, w) → (N, C), the mean over places."""
    return maps.mean(dim=(2, 3))


def flatten_hwc(maps: Tensor) -> Tensor:
    """(N, C, h, w) → (N, h·w·C) in Keras's order, so that dense kernels can be carried over as they are."""
    return maps.permute(0, 2, 3, 1).flatten(1)


def he_conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A convolution without bias, padded to keep its size at stride 1, initialised for ReLU (He et al. 2015)."""
    layer = Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer


class PreActivationBlock(nn.Module):
    """norm–ReLU–conv–norm–ReLU–conv, added to the input (or to its strided 1×1 projection).

    He et al., "Identity Mappings in Deep Residual Networks" (2016); PyTorch's BatchNorm defaults, for trainings too
    short for Keras's momentum.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = he_conv(inputs, outputs, 3, stride)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.conv2 = he_conv(outputs, outputs, 3)
        self.project = he_conv(inputs, outputs, 1, stride) if stride > 1 or inputs != outputs else None

    def forward(self, maps: Tensor) -> Tensor:
        """(N, inputs, h, w) → (N, outputs, h/stride, w/stride)."""
        active = norm_relu(self.norm1, maps)
        kept = maps if self.project is None else self.project(active)
        inner = self.conv1(active)
        added: Tensor = kept + self.conv2(norm_relu(self.norm2, inner))
        return added


class SpatialSelfAttention(nn.Module):
    """Self-attention between the places of a feature map, added with a learnt weight that starts at zero.

    Zhang et al., "Self-Attention Generative Adversarial Networks" (2019), section 3: queries and keys of C/8
    channels, values of C channels, y = γ·attention(x) + x. We scale the products by 1/√(C/8), which the paper does
    not, so that the softmax does not saturate at the start.

    Shapes: (N, C, h, w) → (N, C, h, w); the attention is (N, h·w, h·w).
    """

    def __init__(self, query: nn.Conv2d, key: nn.Conv2d, value: nn.Conv2d) -> None:
        super().__init__()
        self.query, self.key, self.value = query, key, value
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, h, w) → (N, C, h, w)."""
        query = self.query(maps).flatten(2).transpose(1, 2)  # (N, h·w, C/8)
        key = self.key(maps).flatten(2)  # (N, C/8, h·w)
        value = self.value(maps).flatten(2)  # (N, C, h·w)
        weights = torch.softmax(query @ key * query.shape[-1] ** -0.5, dim=-1)  # (N, h·w, h·w)
        seen = value @ weights.transpose(1, 2)  # (N, C, h·w)
        added: Tensor = maps + self.gamma * seen.view_as(maps)
        return added
