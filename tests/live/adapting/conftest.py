"""Folders of a person's own photos."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from own_photos_drawn import draw_own


@pytest.fixture
def own_photos(tmp_path: Path) -> Callable[..., Path]:
    """own_photos({"A": 5, "B": 3}) gives mine/A/1.png … and so on; `says` puts photos into other folders."""

    def make(counts: Mapping[str, int], name: str = "mine", says: Callable[[str, int], str] = lambda a, _: a) -> Path:
        folder = tmp_path / name
        for label, count in counts.items():
            for number in range(1, count + 1):
                place = folder / says(label, number)
                place.mkdir(parents=True, exist_ok=True)
                draw_own(label, number).save(place / f"{label}{number}.png")
        return folder

    return make
