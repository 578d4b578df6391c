"""TensorBoard files beside the journal, for those who use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fingerspell.core.errors import MissingExtraError


class TensorBoard:
    """An observer that writes scalars.

    Args:
        folder: for the event files.

    Raises:
        MissingExtraError: the package tensorboard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError as error:
            raise MissingExtraError("tensorboard", "tensorboard") from error
        self._writer: Any = SummaryWriter(str(folder))

    def step(self, entry: dict[str, Any]) -> None:
        """Loss, rate and speed of a step."""
        number = entry["epoch"] * entry["steps"] + entry["step"]
        for name in ("loss", "lr", "photos_per_second"):
            self._writer.add_scalar(f"step/{name}", entry[name], number)

    def epoch(self, entry: dict[str, Any]) -> None:
        """Scores of an epoch."""
        for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy"):
            self._writer.add_scalar(f"epoch/{name}", entry[name], entry["epoch"] + 1)
        self._writer.flush()
