"""How long work tells of its progress: the floors below call, the command line draws."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called now and then by long work, with what is being done and how far it is."""

    def __call__(self, task: str, done: int, total: int) -> None:
        """Report `done` of `total` steps of `task` (a short phrase such as "decoding photos")."""
        ...


def silent(task: str, done: int, total: int) -> None:
    """Report nothing."""
