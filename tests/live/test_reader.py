"""Frames are cut, turned round, recognised and spelled, one by one or together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fingerspell.core.errors import FingerspellError
from fingerspell.live.frames.box import Box
from fingerspell.live.frames.frame import Frame
from fingerspell.live.hand import HandChooser, hand_named
from fingerspell.live.reader import Reader
from fingerspell.live.recognizer import Recognizer

pytest.importorskip("onnxruntime")

COLOURS = {"A": (30, 200, 100), "B": (80, 160, 100), "J": (130, 120, 100), "nothing": (180, 80, 100)}


@pytest.fixture(scope="module")
def recognizer(tiny_bundle: Path) -> Recognizer:
    return Recognizer(tiny_bundle, threads=1)


def frames_of(text: str, fps: float = 20, hold: float = 0.8, rest: float = 0.5, surround: bool = False) -> list[Frame]:
    """Plain pictures in each label's colour, with rests; with `surround` the middle only, in a sea of another."""
    frames: list[Frame] = []
    for label in ["nothing", *[part for letter in text for part in (letter, "nothing")]]:
        for _ in range(round((rest if label == "nothing" else hold) * fps)):
            pixels = np.empty((36, 40, 3), np.uint8)
            pixels[:] = COLOURS[label]
            if surround:
                wide = np.empty((72, 120, 3), np.uint8)
                wide[:] = COLOURS["J"]
                wide[18:54, 70:110] = pixels
                pixels = wide
            frames.append(Frame(len(frames) / fps, pixels))
    return frames


def test_a_word_is_spelled(recognizer):
    reader = Reader(recognizer)
    readings = [reader.read(frame) for frame in frames_of("ABBA")]
    assert reader.text == "ABBA"
    assert [event.label for reading in readings for event in reading.events] == list("ABBA")
    assert readings[-1].text == "ABBA"
    assert all(reading.milliseconds > 0 and reading.hand == "right" for reading in readings)
    assert reader.finish() == ()


def test_together_or_one_by_one_is_the_same(recognizer):
    frames = frames_of("BAB")
    single, together = Reader(recognizer, hand="auto"), Reader(recognizer, hand="auto")
    one_by_one = [single.read(frame) for frame in frames]
    for a, b in zip(one_by_one, together.read_all(frames, batch=7), strict=True):
        assert (a.seconds, a.text, a.hand) == (b.seconds, b.text, b.hand)
        assert [(e.kind, e.label, e.seconds) for e in a.events] == [(e.kind, e.label, e.seconds) for e in b.events]
        assert a.prediction.probabilities == pytest.approx(b.prediction.probabilities, abs=1e-6)


def test_what_came_before_an_error_is_read(recognizer):
    def broken():
        yield from frames_of("A")
        raise OSError("unplugged")

    reader = Reader(recognizer)
    readings = []
    with pytest.raises(OSError, match="unplugged"):
        for reading in reader.read_all(broken(), batch=500):
            readings.append(reading)
    assert len(readings) == len(frames_of("A"))
    assert reader.text == "A"
    assert list(reader.read_all([])) == []


def test_only_the_box_is_looked_at(recognizer):
    frames = frames_of("AB", surround=True)
    boxed = Reader(recognizer, box=Box(70 / 120, 18 / 72, 40 / 120, 36 / 72))
    assert [reading.prediction.label for reading in boxed.read_all(frames)][15] == "A"
    assert boxed.text == "AB"
    whole = Reader(recognizer)
    list(whole.read_all(frames))
    assert whole.text != "AB"


def test_large_frames_are_reduced_and_say_the_same(recognizer):
    """A quarter of a large frame's pixels are enough; a small one is left as it is."""
    draw = np.random.default_rng(4)
    small = draw.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    large = small.repeat(12, axis=0).repeat(12, axis=1)  # (720, 960)
    plain = recognizer.predict(Box.centred(720, 960).cut(large))
    read = Reader(recognizer).read(Frame(0.0, large)).prediction
    assert read.probabilities == pytest.approx(plain.probabilities, abs=0.02)
    assert not np.array_equal(read.probabilities, plain.probabilities)
    exact = Reader(recognizer).read(Frame(0.0, small)).prediction
    assert np.array_equal(exact.probabilities, recognizer.predict(small[:, 10:70]).probabilities)


def test_a_strip_is_reduced_too(recognizer):
    frame = Frame(0.0, np.zeros((3, 2000, 3), np.uint8))
    assert Reader(recognizer, box=Box(0, 0, 1, 1)).read(frame).prediction.label in recognizer.labels


class _Sides:
    """A recogniser's two answers, as if it knew right hands only."""

    labels = ("A", "nothing")
    sure = np.array([0.9, 0.1], np.float32)
    unsure = np.array([0.4, 0.6], np.float32)


class TestHand:
    def test_a_left_hand_is_turned_round(self, recognizer):
        draw = np.random.default_rng(0)
        photo = draw.integers(0, 256, (40, 40, 3), dtype=np.uint8)
        left = Reader(recognizer, hand="left").read(Frame(0.0, photo))
        mirrored = Reader(recognizer, hand="right").read(Frame(0.0, np.ascontiguousarray(photo[:, ::-1])))
        plain = Reader(recognizer, hand="right").read(Frame(0.0, photo))
        assert left.hand == "left"
        assert np.array_equal(left.prediction.probabilities, mirrored.prediction.probabilities)
        assert not np.array_equal(left.prediction.probabilities, plain.prediction.probabilities)

    def test_it_is_found_out(self):
        chooser = HandChooser("auto", _Sides.labels)
        for _ in range(90):
            chooser.step(1 / 30, _Sides.unsure, _Sides.sure)
        assert chooser.hand == "left"
        for _ in range(180):
            chooser.step(1 / 30, _Sides.sure, _Sides.unsure)
        assert chooser.hand == "right"

    def test_a_frame_after_a_pause_is_one_frame(self, recognizer, monkeypatch):
        steps = []
        monkeypatch.setattr(HandChooser, "step", lambda self, elapsed, plain, mirrored: steps.append(elapsed))
        reader = Reader(recognizer, hand="auto")
        for seconds in (0.0, 0.1, 60.1, 60.2):
            reader.read(Frame(seconds, np.zeros((8, 8, 3), np.uint8)))
        assert steps == pytest.approx([0, 0.1, 0, 0.1])

    def test_a_glimpse_decides_nothing(self):
        chooser = HandChooser("auto", _Sides.labels)
        for _ in range(5):
            chooser.step(1 / 30, _Sides.unsure, _Sides.sure)
        assert chooser.hand == "right"

    def test_without_a_hand_nothing_is_decided(self):
        chooser = HandChooser("auto", _Sides.labels)
        for _ in range(300):
            chooser.step(1 / 30, np.array([0.0, 1.0], np.float32), np.array([0.01, 0.99], np.float32))
        assert chooser.hand == "right"

    @pytest.mark.parametrize("hand", ["right", "left"])
    def test_what_was_chosen_stays(self, hand):
        chooser = HandChooser(hand, _Sides.labels)
        for _ in range(100):
            chooser.step(1 / 30, _Sides.unsure, _Sides.sure)
            chooser.step(1 / 30, _Sides.sure, _Sides.unsure)
        assert chooser.hand == hand

    def test_names(self):
        assert hand_named(" Left") == "left"
        with pytest.raises(FingerspellError, match="there is no hand 'lefft'") as refused:
            hand_named("lefft")
        assert "left" in refused.value.remedy
