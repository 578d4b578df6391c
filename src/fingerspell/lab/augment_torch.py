"""Apply `Draws` to a batch in torch, on the device that holds it.

This says what the changes are; on a processor `augment_cpu` does the same, many times faster. A GPU is given the draws
of many batches at once and takes the part that belongs to each, so that nothing is sent to it between its steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fingerspell.lab.augment import FINER_FROM, Draws

_NOTHING = {"gamma": 1, "contrast": 1, "channel_shift": 0, "gradient": 0, "blur": 0, "noise": 0}


@dataclass(frozen=True, slots=True)
class TorchDraws:
    """`Draws` on a device.

    Attributes:
        tensors: by the names of `Draws`, each with a first axis of photos; `keys` as int64, shifted right by one.
        changes: which changes any of the photos has; the others are left out for all of them.
    """

    tensors: Mapping[str, Tensor]
    changes: frozenset[str]

    @classmethod
    def of(cls, draws: Draws, device: torch.device) -> TorchDraws:
        """Bring draws to a device."""
        saturation, gain = draws.saturation * (1 - draws.grey), draws.colour * draws.brightness[:, None]
        found = {name for name, nothing in _NOTHING.items() if (getattr(draws, name) != nothing).any()}
        found |= {"moved"} if draws.moved else set()
        found |= {"saturation"} if (saturation != 1).any() else set()
        found |= {"gain"} if (gain != 1).any() else set()
        found |= {"box"} if (draws.box[:, 2] > draws.box[:, 0]).any() else set()
        arrays = {field.name: getattr(draws, field.name) for field in fields(draws) if field.name != "moved"}
        arrays |= {"saturation": saturation, "gain": gain, "keys": (draws.keys >> np.uint64(1)).astype(np.int64)}
        tensors = {name: torch.from_numpy(np.ascontiguousarray(its)).to(device) for name, its in arrays.items()}
        return cls(tensors, frozenset(found))

    def part(self, first: int, last: int) -> TorchDraws:
        """Those of the photos first to last - 1."""
        return TorchDraws({name: its[first:last] for name, its in self.tensors.items()}, self.changes)

    def each(self, name: str) -> Tensor:
        """(N,) or (N, 3) → broadcastable to (N, 3, h, w)."""
        values = self.tensors[name]
        return values.view(len(values), -1, 1, 1)


def apply(photos: Tensor, draws: Draws | TorchDraws, size: tuple[int, int] | None = None) -> Tensor:
    """Change a batch as drawn.

    Args:
        photos: (N, 3, h, w) float32, 0–1.
        draws: parameters of the same N photos.
        size: height and width of the result; by default those of the photos.

    Returns:
        (N, 3, *size) float32, 0–1, on the same device.
    """
    there = draws if isinstance(draws, TorchDraws) else TorchDraws.of(draws, photos.device)
    size = size or (photos.shape[2], photos.shape[3])
    if "moved" in there.changes or size != tuple(photos.shape[2:]):
        photos = _warped(photos, there.tensors["matrix"], size)
    return _sensor(_light(photos, there), there)


def _warped(photos: Tensor, matrix: Tensor, size: tuple[int, int]) -> Tensor:
    """The photos under their maps. Where they are larger than the result, four places are sampled for each pixel."""
    fine = 2 if photos.shape[2] > FINER_FROM * size[0] else 1
    shape = [len(photos), photos.shape[1], fine * size[0], fine * size[1]]
    grid = F.affine_grid(matrix, shape, align_corners=False)
    photos = F.grid_sample(photos, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return F.avg_pool2d(photos, fine) if fine > 1 else photos


def _light(photos: Tensor, draws: TorchDraws) -> Tensor:
    """Channel shift, gamma, contrast, saturation, colour, gradient and brightness, in this order."""
    changes, each = draws.changes, draws.each
    if "channel_shift" in changes:
        low, high = photos.amin(dim=(1, 2, 3), keepdim=True), photos.amax(dim=(1, 2, 3), keepdim=True)
        photos = torch.maximum(torch.minimum(photos + each("channel_shift"), high), low)
    if "gamma" in changes:
        photos = photos.clamp(0, 1) ** each("gamma")
    if "contrast" in changes:
        mean = photos.mean(dim=(1, 2, 3), keepdim=True)
        photos = mean + (photos - mean) * each("contrast")
    if "saturation" in changes:
        grey = photos.mean(dim=1, keepdim=True)
        photos = grey + (photos - grey) * each("saturation")
    if "gain" in changes:
        photos = photos * each("gain")
    if "gradient" in changes:
        slope = draws.tensors["gradient"]  # (N, 2)
        x = torch.linspace(-1, 1, photos.shape[3], device=photos.device)
        y = torch.linspace(-1, 1, photos.shape[2], device=photos.device)
        falloff = 1 + slope[:, :1, None] * x + slope[:, 1:, None] * y[:, None]  # (N, h, w)
        photos = photos * falloff.unsqueeze(1).clamp_min(0)
    return photos.clamp(0, 1)


def _sensor(photos: Tensor, draws: TorchDraws) -> Tensor:
    """Blur, cover and noise, in this order."""
    if "blur" in draws.changes:
        soft = photos
        for _ in range(2):
            soft = F.avg_pool2d(F.pad(soft, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        photos = photos + (soft - photos) * draws.each("blur")
    if "box" in draws.changes:
        photos = torch.where(_inside(photos, draws.tensors["box"]), draws.each("box_colour"), photos)
    if "noise" in draws.changes:
        photos = photos + _noise(photos, draws.tensors["keys"]) * draws.each("noise")
    return photos.clamp(0, 1)


def _inside(photos: Tensor, box: Tensor) -> Tensor:
    """(N, 1, h, w) bool: pixels whose centres lie in the box."""
    height, width = photos.shape[2:]
    x = ((torch.arange(width, device=photos.device) + 0.5) / width).view(1, 1, 1, width)
    y = ((torch.arange(height, device=photos.device) + 0.5) / height).view(1, 1, height, 1)
    left, top, right, bottom = (box[:, side].view(-1, 1, 1, 1) for side in range(4))
    return (x >= left) & (x < right) & (y >= top) & (y < bottom)


def _noise(photos: Tensor, keys: Tensor) -> Tensor:
    """(N, 3, h, w) uniform in [−1, 1), from the photo's key (int64) and the pixel's place alone."""
    count, channels, height, width = photos.shape
    places = torch.arange(channels * height * width, device=photos.device, dtype=torch.int64)
    words = keys[:, None] + places * 0x1E3779B97F4A7C15
    words = (words ^ ((words >> 29) & 0x7FFFFFFFF)) * 0x3F58476D1CE4E5B9  # products wrap, as they should
    words = (words ^ ((words >> 32) & 0xFFFFFFFF)) * 0x14D049BB133111EB
    unit = ((words >> 40) & 0xFFFFFF).to(torch.float32) * 2.0**-23 - 1
    return unit.view(count, channels, height, width)
