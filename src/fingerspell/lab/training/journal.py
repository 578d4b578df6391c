"""The journal of a run: a JSON object a line for each step and each epoch, cut back exactly when a run goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from fingerspell.core.errors import TrainingError


class Journal:
    """An append-only file of JSON lines.

    Args:
        path: the file.
        keep: bytes to keep of what is there; what follows was written after the checkpoint that is gone back to.
    """

    def __init__(self, path: Path, keep: int = 0) -> None:
        self._path = path
        try:
            self._file = path.open("ab")
            self._file.truncate(keep)
            self._file.seek(keep)
        except OSError as error:
            raise self._unwritable(error) from error

    def write(self, entry: Mapping[str, Any]) -> None:
        """Append an entry; values that are not finite become null."""
        text = json.dumps({key: _finite(value) for key, value in entry.items()}, ensure_ascii=False)
        try:
            self._file.write(text.encode() + b"\n")
        except OSError as error:
            raise self._unwritable(error) from error

    def sync(self) -> int:
        """Bring everything to disk. Returns the length in bytes."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error) from error
        return self._file.tell()

    def _unwritable(self, error: OSError) -> TrainingError:
        return TrainingError(
            f"the journal {self._path} cannot be written: {error.strerror}",
            expected="room and permission to write",
            remedy="free some space, then go on with --resume",
        )

    def __enter__(self) -> Journal:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and value - value != 0 else value


def read_journal(path: Path) -> list[dict[str, Any]]:
    """The entries of a journal; a last line cut off by a kill is passed over, an absent file is empty."""
    entries: list[dict[str, Any]] = []
    if not path.exists():
        return entries
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            break
    return entries
