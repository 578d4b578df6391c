"""Where the command line keeps things that can be made again."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Decoded photos: FINGERSPELL_CACHE, or the user's cache folder."""
    chosen = os.environ.get("FINGERSPELL_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("fingerspell")
