"""The page's letter chart is complete: `web/make_chart.py` draws it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fingerspell.core.alphabet import LABELS

SIGNS = Path(__file__).parents[2] / "web" / "public" / "signs"


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, str]]:
    return json.loads((SIGNS / "signs.json").read_text(encoding="utf-8"))


def test_every_sign_has_a_picture_and_nothing_else_lies_there(told):
    assert list(told) == list(LABELS)
    files = {entry["file"] for entry in told.values()} | {"signs.json"}
    assert files == {path.name for path in SIGNS.iterdir()}


@pytest.mark.parametrize("label", LABELS)
def test_a_picture_is_small_square_and_shows_something(label, told):
    path = SIGNS / told[label]["file"]
    assert path.stat().st_size <= 12_000
    with Image.open(path) as picture:
        assert (picture.format, picture.size) == ("WEBP", (200, 200))
        pixels = picture.convert("L")
    middle = pixels.crop((30, 30, 170, 170)).getextrema()
    assert middle[1] - middle[0] > 60, "a hand stands out from the ground"


def test_all_pictures_together_load_quickly():
    assert sum(path.stat().st_size for path in SIGNS.glob("*.webp")) <= 300_000


def test_no_two_pictures_are_the_same(told):
    assert len({(SIGNS / entry["file"]).read_bytes() for entry in told.values()}) == len(LABELS)


def test_who_cannot_see_the_picture_is_told_how_the_hand_is_held(told):
    texts = [entry["alt"] for entry in told.values()]
    assert len(set(texts)) == len(LABELS)
    assert all(30 <= len(text) <= 125 and text.endswith(".") for text in texts)


@pytest.mark.parametrize("label", ["J", "Z"])
def test_letters_that_are_a_movement_are_told_and_drawn_as_one(label, told):
    assert told[label]["alt"].startswith("A movement")
    with Image.open(SIGNS / told[label]["file"]) as picture:
        red, _, blue = np.moveaxis(np.asarray(picture.convert("RGB"), np.int16), 2, 0)
    assert (blue > red + 90).sum() > 100, "the arrow"
