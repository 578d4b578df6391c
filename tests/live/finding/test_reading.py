"""A stream of whole frames: the hand is found, cut out, recognised and spelled; no hand is `nothing`."""

from __future__ import annotations

import numpy as np
import pytest

from fingerspell.core.errors import BundleError, DataError
from fingerspell.live.frames.box import Box
from fingerspell.live.frames.frame import Frame
from fingerspell.live.reader import Reader, nothing
from fingerspell.live.recognizer import Recognizer
from fingerspell.live.spelling.movement import MovementTracker

pytest.importorskip("onnxruntime")

FPS = 20


@pytest.fixture(scope="module")
def recognizer(finding_bundle):
    return Recognizer(finding_bundle, threads=1)


def stream(scene, text: str, left: int = 220, top: int = 150, side: int = 60) -> list[Frame]:
    """Each letter held for a while by a small hand in a corner, with an empty frame before and after."""
    shown = [None] * 10
    for letter in text:
        shown += [letter] * 16 + [None] * 16
    return [Frame(number / FPS, scene(label, left, top, side)) for number, label in enumerate(shown)]


def test_a_small_hand_in_a_corner_is_read(recognizer, scene):
    reader = Reader(recognizer, find="auto")
    readings = [reader.read(frame) for frame in stream(scene, "AB")]
    assert reader.finds and reader.text == "AB"
    assert readings[0].found is None and readings[0].prediction.label == "nothing"
    assert readings[0].prediction.probability == 1
    assert readings[15].found.box.left == pytest.approx(220, abs=3)
    assert readings[-1].prediction.label == "nothing"


def test_unless_it_is_not_to_be_found(recognizer, scene):
    for reader in (Reader(recognizer), Reader(recognizer, find=False), Reader(recognizer, box=Box(0, 0, 0.4, 0.4))):
        readings = [reader.read(frame) for frame in stream(scene, "AB")]
        assert not reader.finds and reader.text == ""
        assert all(reading.found is None for reading in readings)


def test_one_by_one_or_together_is_the_same(recognizer, scene):
    frames = stream(scene, "BA")
    single, together = Reader(recognizer, hand="auto", find=True), Reader(recognizer, hand="auto", find=True)
    one_by_one = [single.read(frame) for frame in frames]
    for one, other in zip(one_by_one, together.read_all(frames, batch=9), strict=True):
        assert (one.text, one.found) == (other.text, other.found)
        assert one.prediction.probabilities == pytest.approx(other.prediction.probabilities, abs=1e-6)


def test_a_bundle_without_a_finder_reads_as_before(tiny_bundle, scene):
    plain = Recognizer(tiny_bundle, threads=1)
    frames = stream(scene, "A", 100, 60, 120)
    before, now = Reader(plain), Reader(plain, find="auto")
    assert not now.finds
    for frame in frames:
        one, other = before.read(frame), now.read(frame)
        assert np.array_equal(one.prediction.probabilities, other.prediction.probabilities)


def test_what_cannot_be_is_said_at_once(recognizer, tiny_bundle):
    with pytest.raises(BundleError, match="cannot find hands"):
        Reader(Recognizer(tiny_bundle, threads=1), find=True)
    with pytest.raises(DataError, match="a box is given"):
        Reader(recognizer, box=Box(0, 0, 1, 1), find=True)
    assert not Reader(recognizer, box=Box(0, 0, 1, 1), find="auto").finds


def test_movement_is_watched_in_a_place_that_rests(recognizer, scene, monkeypatch):
    seen, resets = [], []
    step, reset = MovementTracker.step, MovementTracker.reset
    monkeypatch.setattr(
        MovementTracker, "step", lambda self, when, photo: (seen.append(photo), step(self, when, photo))[1]
    )
    monkeypatch.setattr(MovementTracker, "reset", lambda self: (resets.append(len(seen)), reset(self))[1])
    reader = Reader(recognizer, find=True)
    for number in range(16):
        reader.read(Frame(number / FPS, scene("A", 120 + 3 * number, 80, 60)))
    assert len({photo.shape for photo in seen}) == 1 and not resets
    columns = [
        int(np.flatnonzero(np.abs(photo[photo.shape[0] // 2].astype(int) - 128).max(axis=1) > 40)[0]) for photo in seen
    ]
    assert columns[-1] - columns[0] == 45  # the hand moves in what is watched
    for number in range(16, 40):
        reader.read(Frame(number / FPS, scene("A", 10, 10, 60)))
    assert len(resets) == 1


def test_a_recogniser_that_cannot_say_nothing_is_asked_all_the_same(recognizer, scene):
    class Shy:
        labels = ("A", "B")
        bundle = recognizer.bundle

        def predict_batch(self, photos):
            self.asked = [photo.shape for photo in photos]
            return [nothing(("A", "nothing"))] * len(photos)

    shy = Shy()
    reader = Reader(shy, find=True)
    shown = reader._look(Frame(0.0, scene(None)))
    assert shown.photo.shape == (240, 240, 3)
    with pytest.raises(ValueError, match="nothing"):
        nothing(shy.labels)
