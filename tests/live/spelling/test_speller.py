"""Spelling from probabilities: time is seconds, everything can be taken back, and nothing odd is believed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fingerspell.core.alphabet import LABELS
from fingerspell.live.spelling.movement import Movement
from fingerspell.live.spelling.settings import SpellingError, SpellingSettings
from fingerspell.live.spelling.speller import Speller


def seen(**signs: float) -> np.ndarray:
    probabilities = np.full(len(LABELS), (1 - sum(signs.values())) / len(LABELS))
    for label, probability in signs.items():
        probabilities[LABELS.index(label)] += probability
    return probabilities


def show(speller: Speller, start: float, seconds: float, fps: float = 30, **signs: float):
    """Show signs for some time; returns (the moment after, events)."""
    events = []
    count = round(seconds * fps)
    for number in range(count):
        events += speller.step(start + number / fps, seen(**signs))
    return start + count / fps, events


def spell(plan: list[tuple[str, float]], fps: float = 30, **setting: float) -> tuple[str, list]:
    speller, now, events = Speller(LABELS, SpellingSettings(**setting)), 0.0, []
    for label, seconds in plan:
        now, more = show(speller, now, seconds, fps, **{label: 0.8})
        events += more
    return speller.text, [*events, *speller.finish()]


class TestHoldAndRelease:
    @pytest.mark.parametrize("fps", [8, 15, 24, 30, 60, 120])
    def test_the_frame_rate_does_not_matter(self, fps):
        plan = [
            ("nothing", 0.5),
            ("H", 0.7),
            ("nothing", 0.5),
            ("I", 0.7),
            ("nothing", 0.5),
            ("I", 0.7),
            ("nothing", 0.5),
        ]
        text, events = spell(plan, fps)
        assert text == "HII"
        starts = [0.5, 1.7, 2.9]
        for event, start in zip(events, starts, strict=True):
            assert 0.18 < event.seconds - start < 0.45 + 1 / fps

    def test_a_longer_hold_is_waited_for(self):
        plan = [("nothing", 0.3), ("A", 0.6), ("nothing", 0.4)]
        assert spell(plan)[0] == "A"
        assert spell(plan, hold=0.8)[0] == ""

    def test_a_double_letter_needs_a_rest_as_long_as_the_release(self):
        def plan(rest):
            return [("nothing", 0.3), ("L", 0.6), ("nothing", rest), ("L", 0.6)]

        assert spell(plan(0.5))[0] == "LL"
        assert spell(plan(0.1))[0] == "L"
        assert spell(plan(0.5), release=0.9)[0] == "L"

    def test_another_sign_between_is_a_release_too(self):
        assert spell([("A", 0.8), ("B", 0.8), ("A", 0.8)])[0] == "ABA"

    def test_certainty_is_waited_for(self):
        speller = Speller(LABELS, SpellingSettings(certain=0.7))
        now, events = show(speller, 0, 1, A=0.5)
        assert not events
        _, events = show(speller, now, 2, A=0.99)
        assert [event.kind for event in events] == ["written"]
        assert 0.7 <= events[0].certainty < 0.72  # the mean of all that was held, reached just now

    def test_who_shows_nothing_is_asked_nothing(self):
        assert spell([("nothing", 10)]) == ("", [])


class TestTakingBack:
    def test_del_takes_back_one_character(self):
        text, events = spell(
            [("A", 0.6), ("nothing", 0.4), ("B", 0.6), ("nothing", 0.4), ("del", 0.6), ("nothing", 0.4)]
        )
        assert text == "A"
        assert [(event.kind, event.label, event.text) for event in events] == [
            ("written", "A", "A"),
            ("written", "B", "AB"),
            ("removed", "del", "A"),
        ]

    def test_undo_goes_back_through_everything(self):
        speller = Speller(LABELS)
        now = 0.0
        texts = [""]
        for label in ("A", "space", "B", "del", "C"):
            now, _ = show(speller, now, 0.6, **{label: 0.9})
            now, _ = show(speller, now, 0.4, nothing=0.9)
            texts.append(speller.text)
        assert texts == ["", "A", "A ", "A B", "A ", "A C"]
        assert speller.clear() == ""
        for text in reversed(texts):
            assert speller.undo() == text
        assert speller.undo() == ""

    def test_undo_remembers_a_thousand_texts(self):
        speller = Speller(("A", "B"))
        for number in range(1500):
            speller.text = f"{number}"
            speller.clear()
        for _ in range(2000):
            speller.undo()
        assert speller.text == "500"


class TestAsking:
    def test_once_and_again_after_a_rest(self):
        speller = Speller(LABELS)
        now, first = show(speller, 0, 6, K=0.2, V=0.22)
        now, _ = show(speller, now, 0.5, nothing=0.9)
        _, second = show(speller, now, 6, K=0.2, V=0.22)
        for events in (first, second):
            assert [event.kind for event in events] == ["unsure"]
            assert {label for label, _ in events[0].candidates[:2]} == {"K", "V"}
            assert events[0].text == ""

    def test_patience_is_a_setting(self):
        for patience in (0.6, 3.0):
            speller = Speller(LABELS, SpellingSettings(patience=patience))
            _, events = show(speller, 0, 5, K=0.2, V=0.22)
            assert events[0].seconds == pytest.approx(patience, abs=0.1)

    def test_a_letter_that_was_written_satisfies(self):
        text, events = spell([("A", 8.0)])
        assert (text, len(events)) == ("A", 1)

    def test_a_stream_that_ends_early_is_asked_about(self):
        speller = Speller(LABELS)
        show(speller, 0, 1, K=0.2, V=0.22)
        assert [event.kind for event in speller.finish()] == ["unsure"]
        assert speller.finish() == ()


class TestStrangeInput:
    @pytest.mark.parametrize(
        "probabilities",
        [np.zeros(3), np.full(29, np.nan), np.full(29, -0.1), np.full((29, 1), 0.1), np.full(29, np.inf)],
    )
    def test_what_are_no_probabilities_is_refused(self, probabilities):
        speller = Speller(LABELS)
        speller.step(0, seen(A=0.9))
        with pytest.raises(ValueError, match="probabilities must be"):
            speller.step(1, probabilities)

    def test_time_does_not_run_backwards(self):
        speller = Speller(LABELS)
        speller.step(1, seen(A=0.9))
        with pytest.raises(ValueError, match="came after"):
            speller.step(0.9, seen(A=0.9))
        with pytest.raises(ValueError, match="came after"):
            speller.step(float("nan"), seen(A=0.9))

    @pytest.mark.parametrize(("name", "value"), [("hold", 0), ("certain", 1), ("gap", float("nan")), ("looks", "many")])
    def test_settings_out_of_bounds_are_refused(self, name, value):
        with pytest.raises(SpellingError, match=name) as refused:
            SpellingSettings(**{name: value})
        assert "from" in refused.value.expected

    def test_all_zeros_are_between_signs(self):
        speller = Speller(LABELS)
        events = [event for number in range(90) for event in speller.step(number / 30, np.zeros(29))]
        assert [event.kind for event in events] == ["unsure"]

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_any_stream_is_consistent(self, data):
        """Whatever is seen: the text is what the events say, certainties are probabilities, and it is deterministic."""
        seed = data.draw(st.integers(0, 2**32 - 1))
        draw = np.random.default_rng(seed)
        labels = LABELS if draw.random() < 0.7 else tuple(draw.permutation(LABELS)[: draw.integers(1, 29)])
        frames, now = [], 0.0
        shown = draw.integers(len(labels))
        for _ in range(150):
            now += float(draw.choice([0.0, 0.01, 1 / 30, 0.1, 1.5], p=[0.05, 0.1, 0.7, 0.13, 0.02]))
            shown = shown if draw.random() < 0.93 else draw.integers(len(labels))
            row = draw.random(len(labels)) ** 3
            row[shown] += draw.random() * 12
            moved = None if draw.random() < 0.3 else Movement(*draw.normal(0, 0.06, 2), share=float(draw.random() / 3))
            frames.append((now, row / row.sum(), moved))
        runs = []
        for _ in range(2):
            speller = Speller(labels)
            events = [event for frame in frames for event in speller.step(*frame)]
            runs.append((speller.text, [*events, *speller.finish()]))
        assert runs[0] == runs[1]
        text, before = "", {""}
        for event in runs[0][1]:
            assert 0 <= event.certainty <= 1
            assert event.label in labels
            if event.kind == "written":
                assert event.text == text + (" " if event.label == "space" else event.label)
            elif event.kind == "removed":
                assert event.text == text[:-1]
            elif event.kind == "revised":
                assert event.text.endswith(event.label)
                assert event.text[:-1] in before
            else:
                assert event.text == text
            text = event.text
            before.add(text)
        assert runs[0][0] == text
