"""Max pooling of 2×2 places, with a ReLU if wanted, as one step of training on a CPU: `pool` and `relu_pool`.

The largest of four after a ReLU is the ReLU of the largest of four: the same numbers and slopes, to the bit, on a
quarter of the places. PyTorch keeps eight bytes for each result to find its way back, and fills the slopes with zeros
first; here it is one byte and one pass. Where this does not apply (a GPU, another layout, evaluation, numba not
installed) PyTorch's own layers do the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from fingerspell.lab.nets.sharing import kernels_installed, shared

_BITS: dict[torch.dtype, tuple[torch.dtype, Any, int]] = {
    torch.float32: (torch.int32, np.int32, 0x7F800000),
    torch.bfloat16: (torch.int16, np.int16, 0x7F80),
}
"""For each kind of maps: the integers of its size, in torch and in NumPy, and the bits of +∞."""


def pool(maps: Tensor) -> Tensor:
    """The largest of each 2×2: (N, C, h, w) → (N, C, ⌊h/2⌋, ⌊w/2⌋)."""
    return _pooled(maps, positive=False) if _applies(maps) else F.max_pool2d(maps, 2)


def relu_pool(maps: Tensor) -> Tensor:
    """pool(relu(maps))."""
    return _pooled(maps, positive=True) if _applies(maps) else F.relu(F.max_pool2d(maps, 2))


def _applies(maps: Tensor) -> bool:
    return (
        maps.requires_grad
        and maps.device.type == "cpu"
        and maps.dtype in _BITS
        and maps.dim() == 4
        and min(maps.shape[2:]) >= 2
        and maps.is_contiguous(memory_format=torch.channels_last)
        and kernels_installed()
        and not torch.compiler.is_compiling()
    )


def _pooled(maps: Tensor, *, positive: bool) -> Tensor:
    made: Tensor = _Pool.apply(maps, positive)  # type: ignore[no-untyped-call]
    return made


class _Pool(torch.autograd.Function):
    """(maps, whether a ReLU follows) → maps."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, positive: bool) -> Tensor:
        from fingerspell.lab.nets import pool_kernels as kernels

        count, channels, height, width = maps.shape
        shape = count, channels, height // 2, width // 2
        made = torch.empty(shape, dtype=maps.dtype, memory_format=torch.channels_last)
        places = np.empty((count, height // 2, width // 2, channels), dtype=np.uint8)
        _, whole, infinite = _BITS[maps.dtype]
        largest = np.iinfo(whole).max
        bits, out = _laid(maps), _laid(made)
        limits = whole(largest), whole(infinite), whole(0 if positive else -largest)
        shared(count * (height // 2), lambda first, last: kernels.pool(bits, *limits, out, places, first, last))
        ctx.places, ctx.shape = places, maps.shape
        return made

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slopes: Tensor) -> tuple[Tensor, None]:
        from fingerspell.lab.nets import pool_kernels as kernels

        made = torch.empty(ctx.shape, dtype=slopes.dtype, memory_format=torch.channels_last)
        if ctx.shape[2] % 2 or ctx.shape[3] % 2:  # a last row or column that belongs to no 2×2
            made.zero_()
        given, out = _laid(slopes.contiguous(memory_format=torch.channels_last)), _laid(made)
        places = ctx.places
        shared(
            given.shape[0] * given.shape[1],
            lambda first, last: kernels.pool_backward(given, places, out, first, last),
        )
        return made, None


def _laid(maps: Tensor) -> Any:
    """The bits of channels-last maps (N, C, h, w) as an array (N, h, w, C) over the same memory."""
    return maps.detach().permute(0, 2, 3, 1).view(_BITS[maps.dtype][0]).numpy()
