"""Compiled functions (numba), kept on disk between runs.

numba asks only whether a function's own file has changed, not the files of the functions it calls. So the compiled
code lies in a folder named after the digest of all sources here: another version of the renderer compiles anew.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from importlib import resources
from pathlib import Path

import numba
from platformdirs import user_cache_path


def _digest() -> str:
    sources = sorted((place for place in resources.files("fingerspell.hands").iterdir()), key=lambda each: each.name)
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sources:
        if source.name.endswith(".py"):
            digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _folder() -> Path:
    """Where compiled code is kept: with the other caches, or in a temporary folder where that cannot be written."""
    home = Path(os.environ.get("FINGERSPELL_CACHE") or user_cache_path("fingerspell"))
    folder = home / "kernels" / _digest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return Path(tempfile.mkdtemp(prefix="fingerspell-kernels-"))


if "NUMBA_CACHE_DIR" not in os.environ:
    numba.config.CACHE_DIR = str(_folder())  # type: ignore[attr-defined]

# Sums may be taken in another order and products fused: 1.4 times as fast, and far below one level of a pixel. Infinity
# and NaN keep their meaning. Division by zero gives infinity, as in NumPy.
kernel = numba.njit(cache=True, error_model="numpy", fastmath={"contract", "nsz", "arcp", "reassoc"})
"""Compile a function when it is first called; later runs find it compiled."""
