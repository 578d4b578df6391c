"""Which hand is expected, and from which frame on: Python decides as was committed, and so does the page."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

PLACE = Path(__file__).parents[1] / "golden"
GOLDEN = json.loads((PLACE / "hand.json").read_text())
STREAMS = {stream["name"]: stream for stream in GOLDEN["streams"]}


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("make_hand", PLACE / "make_hand.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_makes_this_very_file(maker, tmp_path):
    maker.write(maker.golden(), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == (PLACE / "hand.json").read_text()


@pytest.mark.parametrize("name", STREAMS)
def test_each_stream_is_decided_as_before(maker, name):
    frames = [frame for count, *frame in STREAMS[name]["frames"] for _ in range(count)]
    assert maker.decisions(frames) == STREAMS[name]["hands"]


@pytest.mark.parametrize(
    ("name", "hands"),
    [
        ("a right hand", ["right"]),
        ("a left hand", ["right", "left"]),
        ("a left hand at 5 frames a second", ["right", "left"]),
        ("a left hand, then a right one", ["right", "left", "right"]),
        ("a glimpse of a left hand", ["right"]),
        ("as sure either way", ["right"]),
        ("no hand", ["right"]),
        ("a hand in the mirror only", ["right"]),
        ("hardly better in the mirror", ["right"]),
        ("all signs too faint to compare", ["right", "left"]),
    ],
)
def test_the_streams_are_decided_as_they_should(name, hands):
    """The file was made by the code it judges; what must be decided is said here once more, by hand."""
    assert [hand for _, hand in STREAMS[name]["hands"]] == hands
