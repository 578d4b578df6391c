"""Batches that the device makes which trains: photos are gathered, changed and normalised there.

Draws are made for many batches at once and brought in one go, as are places, so that a step waits for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fingerspell.core.preprocess import PreprocessSpec
from fingerspell.lab.augment import Draws
from fingerspell.lab.augment_torch import TorchDraws, apply
from fingerspell.lab.data.joined import Pixels
from fingerspell.lab.framing import Seen
from fingerspell.lab.training.resident import Resident, room_on

BATCHES_AT_ONCE = 128
"""Batches of an epoch whose draws are brought in one go."""

Positions = NDArray[np.int64]
Drawn = Callable[[Positions, int], tuple[Draws, Seen | None]]
"""Gives the draws of the photos at some positions, and what is known of their hands, in an epoch."""


@dataclass(frozen=True, eq=False)
class _Stretch:
    """What is known of some batches in a row.

    Attributes:
        place: epoch, and number of the stretch.
        positions: of its photos among those to learn from; also on the device.
        draws: of these photos, on the device.
        seen: of these photos.
    """

    place: tuple[int, int]
    positions: Positions
    positions_there: Tensor
    draws: TorchDraws
    seen: Seen | None


class DeviceBatches:
    """Makes batches on a device.

    Args:
        pixels: packed photos.
        rows: (photos,) those to learn from among them.
        preprocess: the network's input.
        batch_size: photos of a batch.
        device: where they are made.
        drawn: who draws what is changed.
        room: free bytes of the device, for the photos; by default it is asked.
    """

    def __init__(
        self,
        pixels: Pixels,
        rows: NDArray[np.int64],
        preprocess: PreprocessSpec,
        batch_size: int,
        device: torch.device,
        drawn: Drawn,
        room: int | None = None,
    ) -> None:
        self._pixels, self._rows, self._device, self._drawn = pixels, rows, device, drawn
        self._preprocess, self._batch_size = preprocess, batch_size
        self._resident = Resident.of(pixels, rows, device, room_on(device) if room is None else room)
        self._stretch: _Stretch | None = None

    @property
    def resident(self) -> bool:
        """Whether the photos lie in the device's memory."""
        return self._resident is not None

    def make(self, order: Positions, epoch: int, step: int) -> tuple[Tensor, Seen | None]:
        """The photos of a step, (N, 3, h, w), changed and normalised, and what is known of their hands.

        Args:
            order: (photos,) positions of the training photos in the order of the epoch.
            epoch, step: both counted from 0.
        """
        stretch = self._stretch_of(order, epoch, step)
        first = step % BATCHES_AT_ONCE * self._batch_size
        last = min(first + self._batch_size, len(stretch.positions))
        levels = self._levels(stretch, first, last)
        size = self._preprocess.height, self._preprocess.width
        photos = normalised(apply(scaled(levels), stretch.draws.part(first, last), size), self._preprocess)
        seen = stretch.seen
        return photos, None if seen is None else Seen(seen.landmarks[first:last], seen.hands[first:last])

    def _stretch_of(self, order: Positions, epoch: int, step: int) -> _Stretch:
        place = epoch, step // BATCHES_AT_ONCE
        if self._stretch is None or self._stretch.place != place:
            photos = BATCHES_AT_ONCE * self._batch_size
            positions = order[place[1] * photos : (place[1] + 1) * photos]
            draws, seen = self._drawn(positions, epoch)
            there = torch.from_numpy(positions).to(self._device)
            self._stretch = _Stretch(place, positions, there, TorchDraws.of(draws, self._device), seen)
        return self._stretch

    def _levels(self, stretch: _Stretch, first: int, last: int) -> Tensor:
        """(N, h, w, 3) uint8 on the device."""
        if self._resident is not None:
            return self._resident.levels[stretch.positions_there[first:last]]
        return torch.from_numpy(self._pixels[self._rows[stretch.positions[first:last]]]).to(self._device)


def scaled(levels: Tensor, layout: torch.memory_format = torch.channels_last) -> Tensor:
    """Levels (N, h, w, 3), 0–255 → (N, 3, h, w) float32, 0–1, where they are."""
    photos = levels.permute(0, 3, 1, 2).float() * float(np.float32(1 / 255))
    return photos.contiguous(memory_format=layout)


def normalised(photos: Tensor, spec: PreprocessSpec) -> Tensor:
    """Photos (N, 3, h, w), 0–1, as the network takes them."""
    mean, std = _moments(spec, photos.device)
    return (photos - mean) / std


@cache
def _moments(spec: PreprocessSpec, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and deviation, each (1, 3, 1, 1), brought to a device once."""
    return tuple(torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (spec.mean, spec.std))  # type: ignore[return-value]
