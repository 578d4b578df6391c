"""Which device trains, in which precision, and what to say when its memory ends."""

from __future__ import annotations

import torch

from fingerspell.core.errors import TrainingError, known_names
from fingerspell.lab.recipe import TrainingSettings


def choose_device(name: str = "auto") -> torch.device:
    """`auto` takes a CUDA or Apple GPU where there is one. Raises TrainingError for one that is not there."""
    available = ["cpu"]
    if torch.cuda.is_available():
        available.insert(0, "cuda")
    if torch.backends.mps.is_available():
        available.insert(0, "mps")
    if name == "auto":
        return torch.device(available[0])
    if name not in available:
        expected, remedy = known_names("device", name, [*available, "auto"])
        raise TrainingError(f"the device '{name}' is not available here", expected=expected, remedy=remedy)
    return torch.device(name)


def mixed_precision(settings: TrainingSettings, device: torch.device) -> torch.autocast:
    """A context for the forward pass: bfloat16 where asked for, or on a GPU by default."""
    enabled = settings.precision == "bfloat16" or (settings.precision == "auto" and device.type == "cuda")
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def out_of_memory(error: BaseException, batch_size: int) -> TrainingError | None:
    """The error to show if `error` means that memory ran out, else None."""
    text = str(error).lower()
    ours = isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in text
    if not ours and "not enough memory" not in text:
        return None
    smaller = max(2, batch_size // 2)
    return TrainingError(
        f"memory ran out at a batch size of {batch_size}",
        expected="a batch that fits",
        remedy=f"try --batch-size {smaller}, or a smaller --size",
    )
