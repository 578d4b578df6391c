"""The golden streams: what Python answers today is what was committed, and what the page answers too."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from fingerspell.live.spelling.settings import SpellingSettings

PLACE = Path(__file__).parents[2] / "golden"
GOLDEN = json.loads((PLACE / "spelling.json").read_text())
STREAMS = {stream["name"]: stream for stream in GOLDEN["streams"]}


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("make_spelling", PLACE / "make_spelling.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_defaults_are_those_of_the_file():
    assert asdict(SpellingSettings()) == GOLDEN["defaults"]


def test_the_script_makes_this_very_file(maker, tmp_path):
    maker.write(maker.golden(), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == (PLACE / "spelling.json").read_text()


@pytest.mark.parametrize("name", STREAMS)
def test_each_stream_is_answered_as_before(maker, name):
    scenario = next(each for each in maker.scenarios() if each.name == name)
    scenario.frames = STREAMS[name]["frames"]
    assert maker.run(scenario) == STREAMS[name]["answers"]


def test_each_picture_moves_as_before(maker):
    for picture in GOLDEN["pictures"]:
        assert maker.movements(picture["height"], picture["width"]) == picture["movements"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a word with a double letter", "HELLO"),
        ("the same at 15 frames a second", "HELLO"),
        ("a double letter without a rest", "L"),
        ("a rest that is too short", "L"),
        ("a double letter that slides", "LL"),
        ("a hand that drifts", "L"),
        ("a hand that sinks", "L"),
        ("a hand that comes sliding in", "L"),
        ("letters that follow at once", "BAD"),
        ("space and del", "A "),
        ("del where there is nothing to delete", "A"),
        ("two signs that take turns", ""),
        ("a held J is an I", "I"),
        ("without motion they are letters", "JZ"),
        ("an I that becomes a J", "J"),
        ("an I, a rest, and a J", "IJ"),
        ("an I, a rest, and a quick J", "IJ"),
        ("a Z, a rest, and what it resembled", "ZD"),
        ("three doubtful signs while the hand travels", "BOA"),
        ("a path without the shape", "A"),
        ("a Z of the other hand", "Z"),
        ("an I, then a Z that looks like a J", "IZ"),
        ("a path that turns too often", "D"),
        ("a path that is too steep for a Z", "D"),
        ("two doubtful signs while a Z is drawn", "Z"),
        ("an I, then a wide Z", "IZ"),
        ("a Z of a trembling hand", "Z"),
        ("a Z with rests between its strokes", "Z"),
        ("signs that were meant while the hand travels", "LOA"),
        ("waving without a hand sign", ""),
        ("two Zs", "PIZZA"),
        ("a camera that was unplugged", "A"),
        ("a slower hand", "AA"),
        ("no label for nothing", "A"),
    ],
)
def test_the_streams_read_as_they_should(name, text):
    """The file was made by the code it judges; what its streams must spell is said here once more, by hand."""
    answers = STREAMS[name]["answers"]
    assert (answers[-1]["text"] if answers else "") == text
