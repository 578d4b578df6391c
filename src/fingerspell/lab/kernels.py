"""Compiled functions (numba) of the laboratory, kept on disk between runs.

numba asks only whether a function's own file has changed. So a compiled function calls none of another file, and its
code lies in a folder named after that file's content: another version compiles anew and leaves this one in place.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from platformdirs import user_cache_path

_Function = TypeVar("_Function", bound=Callable[..., Any])
_ANY_ORDER = {"contract", "nsz", "arcp", "reassoc"}


def kernel(function: _Function) -> _Function:
    """Compile a function when it is first called. Other threads work meanwhile; sums keep their order, to the bit."""
    return _compiled(function, fastmath=False)


def quick_kernel(function: _Function) -> _Function:
    """As `kernel`; sums may be taken in another order and products fused, the same way every time."""
    return _compiled(function, fastmath=_ANY_ORDER)


def _compiled(function: _Function, fastmath: bool | set[str]) -> _Function:
    """numba's own place for compiled code may be read-only; it is one setting for all, so it is put back at once."""
    settings: Any = numba.config
    before = settings.CACHE_DIR
    if "NUMBA_CACHE_DIR" not in os.environ:
        settings.CACHE_DIR = str(_folder(Path(function.__code__.co_filename)))
    try:
        # What is called is built in. Otherwise the process that compiles takes functions as they were compiled for
        # themselves, and one that loads the code takes those inside it: two roundings, and no run repeated to the bit.
        options: Any = {"nogil": True, "cache": True, "error_model": "numpy", "forceinline": True}
        compiled: Any = numba.njit(fastmath=fastmath, **options)(function)
    finally:
        settings.CACHE_DIR = before
    return cast(_Function, compiled)


def _folder(source: Path) -> Path:
    """Where a file's compiled code is kept: with the other caches, or in a temporary folder if that cannot be."""
    digest = hashlib.sha256(numba.__version__.encode() + Path(__file__).read_bytes() + source.read_bytes())
    home = Path(os.environ.get("FINGERSPELL_CACHE") or user_cache_path("fingerspell"))
    folder = home / "kernels" / digest.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return Path(tempfile.mkdtemp(prefix="fingerspell-kernels-"))
