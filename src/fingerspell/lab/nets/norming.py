"""Batch norm and the ReLU before or behind it as one step of training on a CPU: `relu_norm` and `norm_relu`.

In the channels-last layout PyTorch adds up each thread's part of a batch in single precision: after a million places
its variance is off by 0.2%, and outputs by up to 1% of a standard deviation. Here the sums are right (to 1e-6), and the
maps are passed over four times and kept once instead of eight times and twice. Where this does not apply (a GPU,
another layout or precision, evaluation, numba not installed) PyTorch's own layers do the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from fingerspell.lab.nets.sharing import kernels_installed, shared

Doubles = NDArray[np.float64]
_NONE = np.float32(-np.inf)
_ZERO = np.float32(0)


def relu_norm(norm: nn.Module, maps: Tensor) -> Tensor:
    """norm(relu(maps)): (N, C, h, w) → the same shape."""
    if isinstance(norm, nn.BatchNorm2d) and _applies(norm, maps):
        return _fused(norm, maps, _ZERO, _NONE)
    made: Tensor = norm(F.relu(maps))
    return made


def norm_relu(norm: nn.BatchNorm2d, maps: Tensor) -> Tensor:
    """relu(norm(maps)): (N, C, h, w) → the same shape."""
    return _fused(norm, maps, _NONE, _ZERO) if _applies(norm, maps) else F.relu(norm(maps))


def _applies(norm: nn.Module, maps: Tensor) -> bool:
    return (
        norm.training
        and maps.device.type == "cpu"
        and maps.dtype == torch.float32
        and maps.requires_grad
        and maps.dim() == 4
        and maps.is_contiguous(memory_format=torch.channels_last)
        and kernels_installed()
        and not torch.compiler.is_compiling()
    )


def _fused(norm: nn.BatchNorm2d, maps: Tensor, before: np.float32, behind: np.float32) -> Tensor:
    """Normalise by the batch's own mean and variance, and let the running ones follow."""
    given = maps, norm.weight, norm.bias, norm.eps, before, behind
    made, mean, variance = _NormAndReLU.apply(*given)  # type: ignore[no-untyped-call]
    running_mean, running_var, momentum = norm.running_mean, norm.running_var, norm.momentum
    if running_mean is None or running_var is None or momentum is None:
        raise TypeError("a norm of ours keeps running statistics at a fixed momentum")
    count = maps.numel() // maps.shape[1]
    surplus = 1.0 if getattr(norm, "as_keras", False) else count / max(count - 1, 1)  # Bessel's correction
    with torch.no_grad():
        running_mean.lerp_(mean.to(running_mean.dtype), momentum)
        running_var.lerp_((variance * surplus).to(running_var.dtype), momentum)
        if not getattr(norm, "as_keras", False) and norm.num_batches_tracked is not None:
            norm.num_batches_tracked.add_(1)
    result: Tensor = made
    return result


class _NormAndReLU(torch.autograd.Function):
    """(maps, weight, bias, ε, floor before, floor behind) → (maps, mean (C,), biased variance (C,))."""

    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor, eps: float, before: np.float32, behind: np.float32
    ) -> tuple[Tensor, Tensor, Tensor]:
        from fingerspell.lab.nets import norm_kernels as kernels

        rows = _rows(maps)
        pivot = _first_mean(maps, before)
        total, squares = _summed(rows, lambda first, last, *into: kernels.sums(rows, before, pivot, first, last, *into))
        shifted = total / len(rows)
        variance = np.maximum(squares / len(rows) - shifted**2, 0)
        mean, spread = shifted + pivot, np.sqrt(variance + eps)
        scale = (_numbers(weight) / spread).astype(np.float32)
        offset = (_numbers(bias) - mean * _numbers(weight) / spread).astype(np.float32)
        made = torch.empty_like(maps, memory_format=torch.channels_last)
        out = _rows(made)
        shared(
            len(rows),
            lambda first, last: kernels.normalise(rows, before, behind, scale, offset, out, first, last),
        )
        ctx.save_for_backward(maps, weight)
        ctx.of_batch = mean, spread, scale, offset, before, behind
        moments = torch.from_numpy(mean), torch.from_numpy(variance)
        ctx.mark_non_differentiable(*moments)
        return made, *moments

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slopes: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        from fingerspell.lab.nets import norm_kernels as kernels

        maps, weight = ctx.saved_tensors
        mean, spread, scale, offset, before, behind = ctx.of_batch
        rows = _rows(maps)
        given = _rows(slopes.contiguous(memory_format=torch.channels_last))
        pivot = mean.astype(np.float32)
        total, products = _summed(
            rows,
            lambda first, last, *into: kernels.backward_sums(
                rows, given, before, behind, scale, offset, pivot, first, last, *into
            ),
        )
        # d/dx of w·(x − mean)/spread + b: w/spread · (g − Σg/n − x̂·Σ(g·x̂)/n), x̂ = (x − mean)/spread
        along_normed = (products + (pivot - mean) * total) / spread
        whole = _numbers(weight) / spread
        along = -whole * along_normed / (len(rows) * spread)
        constant = -whole * total / len(rows) - along * mean
        single = along.astype(np.float32), constant.astype(np.float32)
        made = torch.empty_like(maps, memory_format=torch.channels_last)
        out = _rows(made)
        shared(
            len(rows),
            lambda first, last: kernels.backward(rows, given, before, behind, scale, offset, *single, out, first, last),
        )
        of_weight, of_bias = (torch.from_numpy(sums).to(weight.dtype) for sums in (along_normed, total))
        return made, of_weight, of_bias, None, None, None


def _rows(maps: Tensor) -> NDArray[np.float32]:
    """Channels-last maps (N, C, h, w) as an array (N·h·w, C) over the same memory."""
    return maps.detach().permute(0, 2, 3, 1).reshape(-1, maps.shape[1]).numpy()


def _numbers(values: Tensor) -> Doubles:
    return values.detach().double().numpy()


def _first_mean(maps: Tensor, before: np.float32) -> NDArray[np.float32]:
    """(C,) the mean of one photo, roughly that of all: sums of differences from it lose no digits."""
    one = maps.detach()[0].clamp_min(float(before)).mean(dim=(1, 2))
    return one.nan_to_num(0.0, 0.0, 0.0).numpy()


def _summed(rows: Any, sums: Callable[..., None]) -> tuple[Doubles, Doubles]:
    """Two sums over all rows, (C,) each, from those of blocks."""
    from fingerspell.lab.nets.norm_kernels import ROWS

    blocks = -(-len(rows) // ROWS)
    one, two = (np.empty((blocks, rows.shape[1]), dtype=np.float32) for _ in range(2))
    shared(blocks, lambda first, last: sums(first, last, one, two))
    return one.sum(0, dtype=np.float64), two.sum(0, dtype=np.float64)
