"""Training photos in the memory of the device that trains, as levels: nothing is sent to it between its steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fingerspell.lab.data.joined import Pixels

_SHARE = 0.6
"""Of the device's free memory that photos may take; the rest is for the network and its steps."""
_STRETCH = 1024
"""Photos that are brought at once, so that no second copy of all of them is made."""


@dataclass(frozen=True, eq=False)
class Resident:
    """Photos on a device.

    Attributes:
        levels: (photos, h, w, 3) uint8, in the order of the rows they were brought from.
    """

    levels: Tensor

    @classmethod
    def of(cls, pixels: Pixels, rows: NDArray[np.int64], device: torch.device, room: int) -> Resident | None:
        """Bring photos to a device.

        Args:
            pixels: packed photos.
            rows: (photos,) which of them.
            device: where to.
            room: free bytes there.

        Returns:
            None where they would take more than a part of the room.
        """
        first = pixels[rows[:1]]
        if len(rows) * first.nbytes > _SHARE * room:
            return None
        levels = torch.empty((len(rows), *first.shape[1:]), dtype=torch.uint8, device=device)
        for start in range(0, len(rows), _STRETCH):
            levels[start : start + _STRETCH].copy_(torch.from_numpy(pixels[rows[start : start + _STRETCH]]))
        return cls(levels)


def room_on(device: torch.device) -> int:
    """Free bytes of a GPU's own memory; 0 for devices without one, where photos are as near in the system's."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 0
