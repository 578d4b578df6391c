"""Files that are either whole or not there: atomic writes, content digests, JSON in one spelling."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from fingerspell.core.errors import DataError

_LONE = "backslashreplace"
"""Names that are no UTF-8 reach Python as lone surrogates: written as \\udcff, JSON's own escape, they read back."""


def write_with(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file so that a reader, even after a power cut, sees the old content or the new, never a part.

    Args:
        path: the file; its folder is made if need be.
        write: is handed the open temporary file.

    Raises:
        DataError: the disk is full or the folder cannot be written; nothing half-written is left behind.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):  # a "folder" that is a file, or one that may not be searched
            temporary.unlink()
        raise DataError(
            f"{path} could not be written: {error.strerror or error}",
            expected="a folder that can be written and has room",
            remedy="free some space or choose another folder",
        ) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Atomically replace `path` with `data`."""
    write_with(path, lambda file: file.write(data))


def write_json(path: Path, value: Any) -> None:
    """Atomically write readable JSON: two spaces, keys as given, non-ASCII kept, NaN refused."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode(errors=_LONE))


def swap_in(temporary: Path, path: Path) -> None:
    """Put a finished folder in its place; if that fails, put back what was there.

    Args:
        temporary: the new folder, on the same disk.
        path: where it belongs, itself no link; what is there is removed once the new one stands.

    Raises:
        OSError: it cannot be put there; what was there before is there again.
    """
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    had_one = path.exists()
    if had_one:
        path.rename(old)
    try:
        temporary.rename(path)
    except OSError:
        if had_one:
            old.rename(path)
        raise
    if had_one:
        shutil.rmtree(old, ignore_errors=True)


def canonical_json(value: Any) -> bytes:
    """The one spelling of a value that digests are taken of: sorted keys, no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode(errors=_LONE)


def digest_of(value: Any) -> str:
    """SHA-256 (hex) of a JSON value in its canonical spelling."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def digest_of_file(path: Path) -> str:
    """SHA-256 (hex) of a file's content, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path, *, what: str) -> Any:
    """Read a JSON file of ours; a missing or damaged one is a DataError that names `what` it should have been."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not JSON"
        raise DataError(
            f"{path} cannot be read: {reason}", expected=what, remedy="check the path, or make the file again"
        ) from error
