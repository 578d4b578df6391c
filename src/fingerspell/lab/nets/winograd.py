"""3×3 convolutions by Winograd's way while a network is trained in float32 on a CPU: a quarter of the products.

4×4 results follow from 6×6 places by 36 products for each pair of channels instead of 144. Transforms and products of
a few rows of tiles at a time stay in the processor's cache. Results differ from the direct sum in the last digits (by
some 10⁻⁶ of their spread). Where this does not apply (a GPU, another precision, layout or shape, evaluation, few
channels, numba not installed) PyTorch's own convolution does the same.

Lavin & Gray, "Fast algorithms for convolutional neural networks" (2016).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from fingerspell.lab.nets.sharing import kernels_installed, shared

TILE, PATCH = 4, 6  # as in winograd_kernels, which is loaded when it is needed
_G = np.array(
    [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6],
     [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]]
)  # fmt: skip
"""Of a kernel: G·g·Gᵀ."""
_CACHED = 2 << 20
"""Bytes that transforms and products of some rows of tiles may take, to stay in the processor's cache."""
_MANY = 128
"""Up to so many channels, in and out, products are small, and twice the tiles are worked on at a time."""
_FEW, _LARGE, _MUCH = 48, 30, 4_000_000_000
"""From so many channels, in and out, results each way and direct products on it is quicker: see records/, speed.
Below, PyTorch's threads, which wait for their next work for some milliseconds without rest, are in the way of ours."""
_SUM = PATCH + 1
"""The plane of transformed slopes that holds their sum over a tile: both ways at the point 1."""

Maps = NDArray[np.float32]
Doubles = NDArray[np.float64]


class Conv2d(nn.Conv2d):
    """PyTorch's convolution, by Winograd's way where that is quicker."""

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, h, w) → (N, O, h', w')."""
        if not self._applies(maps):
            return super().forward(maps)
        made: Tensor = _Winograd.apply(maps, self.weight, self.bias, self.padding[0])  # type: ignore[no-untyped-call]
        return made

    def _applies(self, maps: Tensor) -> bool:
        return (
            self.training
            and torch.is_grad_enabled()
            and maps.device.type == "cpu"
            and maps.dtype == self.weight.dtype == torch.float32
            and not torch.is_autocast_enabled("cpu")
            and maps.dim() == 4
            and maps.is_contiguous(memory_format=torch.channels_last)
            and self._is_three_by_three
            and self._is_large(*maps.shape)
            and kernels_installed()
            and not torch.compiler.is_compiling()
        )

    def _is_large(self, count: int, channels: int, height: int, width: int) -> bool:
        """Whether there is so much to do that transforms, and taking the cores over from PyTorch, cost less."""
        around = 2 * int(self.padding[0]) - 2
        high, wide = height + around, width + around
        products = 9 * count * high * wide * channels * self.out_channels
        enough = channels + self.out_channels >= _FEW
        return enough and min(high, wide) >= _LARGE and products >= _MUCH

    @property
    def _is_three_by_three(self) -> bool:
        return (
            self.kernel_size == (3, 3)
            and self.stride == self.dilation == (1, 1)
            and self.padding in ((0, 0), (1, 1))
            and self.groups == 1
        )


class _Winograd(torch.autograd.Function):
    """(maps, weight (O, C, 3, 3), bias (O,) or None, padding) → maps."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor | None, pad: int) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.pad, ctx.with_bias = pad, bias is not None
        offsets = np.zeros(len(weight), np.float32) if bias is None else bias.detach().numpy()
        return _convolved(maps, _transformed(weight), offsets, pad)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slopes: Tensor) -> tuple[Tensor | None, ...]:
        maps, weight = ctx.saved_tensors
        slopes = slopes.contiguous(memory_format=torch.channels_last)
        of_maps = None
        if ctx.needs_input_grad[0]:
            turned = _transformed(weight.transpose(0, 1).flip(2, 3))
            of_maps = _convolved(slopes, turned, np.zeros(weight.shape[1], np.float32), 2 - ctx.pad)
        of_weight, of_bias = _of_parameters(maps, slopes, ctx.pad)
        return of_maps, of_weight, of_bias if ctx.with_bias else None, None


def _transformed(weight: Tensor) -> Maps:
    """G·g·Gᵀ: (O, C, 3, 3) → (36, C, O)."""
    each = np.einsum("ki,ocij,lj->klco", _G, weight.detach().numpy().astype(np.float64), _G, optimize=True)
    made: Maps = each.reshape(PATCH * PATCH, weight.shape[1], weight.shape[0]).astype(np.float32)
    return made


def _convolved(maps: Tensor, kernels: Maps, offsets: Maps, pad: int) -> Tensor:
    """Maps (N, C, h, w), transformed kernels (36, C, O) and offsets (O,) → maps (N, O, h + 2p − 2, w + 2p − 2)."""
    from fingerspell.lab.nets.winograd_kernels import gather_maps, spread_maps

    count, inputs, height, width = maps.shape
    high, wide, outputs = height + 2 * pad - 2, width + 2 * pad - 2, kernels.shape[2]
    made = torch.empty((count, outputs, high, wide), memory_format=torch.channels_last)
    given, out = _array(maps), _array(made)
    down, across = -(-high // TILE), -(-wide // TILE)

    def work(first: int, last: int) -> None:
        for start, stop, (spread, products) in _stretches(first, last, across, inputs, outputs):
            spread_maps(given, pad, down, across, start, stop, spread)
            np.matmul(spread, kernels, out=products)
            gather_maps(products, offsets, down, across, start, stop, out)

    with _blas().limit(limits=1):
        shared(count * down, work)
    return made


def _of_parameters(maps: Tensor, slopes: Tensor, pad: int) -> tuple[Tensor, Tensor]:
    """The slopes (O, C, 3, 3) at a weight and (O,) at a bias, from the maps and the slopes at the results."""
    from fingerspell.lab.nets.winograd_kernels import spread_maps, spread_slopes

    count, outputs, high, wide = slopes.shape
    inputs = maps.shape[1]
    given, at_results = _array(maps), _array(slopes)
    down, across = -(-high // TILE), -(-wide // TILE)
    parts: dict[int, tuple[Maps, Doubles]] = {}

    def work(first: int, last: int) -> None:
        total, some = (new((PATCH * PATCH, inputs, outputs), np.float32) for new in (np.zeros, np.empty))
        all_slopes = np.zeros(outputs)
        for start, stop, (spread, there) in _stretches(first, last, across, inputs, outputs):
            spread_maps(given, pad, down, across, start, stop, spread)
            spread_slopes(at_results, down, across, start, stop, there)
            total += np.matmul(spread.transpose(0, 2, 1), there, out=some)
            all_slopes += there[_SUM].sum(0)
        parts[first] = total, all_slopes

    with _blas().limit(limits=1):
        shared(count * down, work)
    in_order = [parts[first] for first in sorted(parts)]
    total = np.sum([its for its, _ in in_order], 0, dtype=np.float64).reshape(PATCH, PATCH, inputs, outputs)
    of_weight = np.einsum("ki,klco,lj->ocij", _G, total, _G, optimize=True)
    of_bias = np.sum([its for _, its in in_order], 0)
    return torch.from_numpy(of_weight.astype(np.float32)), torch.from_numpy(of_bias.astype(np.float32))


def _stretches(
    first: int, last: int, across: int, inputs: int, outputs: int
) -> Iterator[tuple[int, int, tuple[Maps, Maps]]]:
    """Rows of tiles that are worked on together, as many as the cache holds, with room (36, tiles, C) and (…, O)."""
    cached = _CACHED * (2 if inputs + outputs <= _MANY else 1)  # their products are small: more tiles at a time
    some = max(1, cached // (4 * PATCH * PATCH * across * (inputs + outputs)))
    room = [np.empty((PATCH * PATCH, min(some, last - first) * across, each), np.float32) for each in (inputs, outputs)]
    for start in range(first, last, some):
        stop = min(start + some, last)
        tiles = (stop - start) * across
        yield start, stop, (room[0][:, :tiles], room[1][:, :tiles])


@cache
def _blas() -> ThreadpoolController:
    """The libraries that multiply matrices for NumPy: each of our threads multiplies by itself."""
    return ThreadpoolController().select(user_api="blas")


def _array(maps: Tensor) -> Maps:
    """Channels-last maps (N, C, h, w) as an array (N, h, w, C) over the same memory."""
    return maps.detach().permute(0, 2, 3, 1).numpy()
