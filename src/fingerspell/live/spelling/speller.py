"""Probabilities over time → signs → text.

A sign is written once it has led for the hold time with enough certainty, and again only after it has been gone for the
release time. What is written can be taken back by `del`, by undo, and by a stroke: an I that moves on becomes a J.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fingerspell.live.spelling.event import Event, Kind
from fingerspell.live.spelling.filter import SignFilter
from fingerspell.live.spelling.movement import Movement
from fingerspell.live.spelling.settings import SpellingSettings
from fingerspell.live.spelling.slides import Slide, SlideReader
from fingerspell.live.spelling.strokes import STROKES, Stroke, StrokeReader

Floats = NDArray[np.float64]

CANDIDATES = 5
"""How many signs an event names."""

NOTHING, SPACE, DELETE = "nothing", "space", "del"

_UNDO = 1000  # texts that are kept: more than anybody takes back
_STILL_OF = {"J": "I"}  # what a hand shows that holds a drawn letter's shape still
_REVISED = 2  # signs at most that are read into one stroke; more are signs that were meant
_READ_INTO = {"J": "IY", "Z": "DGLX"}  # what a hand resembles that draws
_MEANT = 0.75  # certainty from which another sign than those was meant
_ROUNDING = 1e-9  # seconds: three frames of a tenth make a hold of 0.3


class _Mean:
    """The mean of probabilities over time, each frame weighted by the time it stands for."""

    def __init__(self, labels: int) -> None:
        self._labels = labels
        self.clear()

    def clear(self) -> None:
        self._total, self.seconds = np.zeros(self._labels), 0.0

    def add(self, probabilities: Floats, elapsed: float) -> None:
        self._total = self._total + probabilities * elapsed
        self.seconds += elapsed

    def value(self) -> Floats:
        return self._total / self.seconds if self.seconds else self._total


@dataclass(frozen=True)
class _Change:
    """A change of the text: when, the text before it, and the sign that made it with its certainty."""

    seconds: float
    before: str
    label: str
    certainty: float

    def was_meant(self, stroke: Stroke) -> bool:
        """Whether it is a sign of its own, not one that was read into the stroke."""
        return self.certainty >= _MEANT and self.label not in (*STROKES, *_READ_INTO[stroke.label])


@dataclass
class _Shown:
    """What is known of the hand that is being shown.

    Attributes:
        leader: index of the state that leads; the number of labels stands for "between signs".
        since: seconds at which it began to lead.
        done: indices of the signs that have been written and not been released.
        gone: seconds since one of these led.
        changes: the changes of the text since the last rest.
        asked: whether this hand has been asked to repeat.
    """

    leader: int
    since: float
    done: frozenset[int] = frozenset()
    gone: float = 0.0
    changes: list[_Change] = field(default_factory=list)
    asked: bool = False


class Speller:
    """Spells a text from what a recogniser says about frames.

    Args:
        labels: of the probabilities, in order.
        settings: pace and certainty.

    Attributes:
        text: what has been spelled.
    """

    def __init__(self, labels: Sequence[str], settings: SpellingSettings | None = None) -> None:
        self.labels = tuple(labels)
        self.settings = settings or SpellingSettings()
        self.text = ""
        self._count = len(self.labels)
        self._nothing = self.labels.index(NOTHING) if NOTHING in self.labels else None
        self._drawn = frozenset(self.labels.index(label) for label in STROKES if label in self.labels)
        self._filter = SignFilter(self._count, self.settings)
        self._strokes, self._slides = StrokeReader(self.labels), SlideReader()
        self._lead, self._doubt = _Mean(self._count), _Mean(self._count)
        self._texts: list[str] = []
        self._seconds: float | None = None
        self._shown = _Shown(self._count, 0.0)

    def step(self, seconds: float, probabilities: ArrayLike, movement: Movement | None = None) -> tuple[Event, ...]:
        """Take in what was seen at one moment.

        Args:
            seconds: of the frame; never earlier than the one before. A frame of the same moment says nothing new.
            probabilities: (labels,) 0–1.
            movement: of the hand, where it is known; J and Z need it.

        Returns:
            What happened at this frame, in order.

        Raises:
            ValueError: not such probabilities, or time runs backwards.
        """
        seen = self._checked(seconds, probabilities)
        if self._seconds is None or seconds - self._seconds > self.settings.gap:
            self._begin(seconds)
            return ()
        elapsed = seconds - self._seconds
        if elapsed <= 0:
            return ()
        self._seconds = seconds
        stroke = slide = None
        if self.settings.motion:
            stroke = self._strokes.step(seconds, elapsed, seen, movement)
            slide = self._slides.step(seconds, movement)
        still = self._held_still(seen)
        self._follow(seconds, elapsed, still)
        if stroke is not None:
            return self._write_stroke(seconds, stroke)
        if slide is not None and self._repeats(slide):
            return (self._write(seconds, self._lead.value(), self._shown.leader),)
        return self._write_held(seconds) or self._ask(seconds, elapsed, still)

    def finish(self) -> tuple[Event, ...]:
        """The stream has ended. A hand that was shown, and of which nothing could be written, is reported as unsure."""
        shown, doubt, now = self._shown, self._doubt, self._seconds
        self._seconds = None
        if now is None or shown.asked or shown.done or doubt.seconds < self.settings.hold - _ROUNDING:
            return ()
        return (self._event("unsure", now, doubt.value()),)

    def undo(self) -> str:
        """Take the last change of the text back, whatever made it. Returns the text."""
        if self._texts:
            self.text = self._texts.pop()
        return self.text

    def clear(self) -> str:
        """Empty the text; `undo` brings it back. Returns the text."""
        if self.text:
            self._change("")
        return self.text

    def _checked(self, seconds: float, probabilities: ArrayLike) -> Floats:
        seen = np.asarray(probabilities, dtype=np.float64)
        if seen.shape != (self._count,) or not np.isfinite(seen).all() or seen.min(initial=0) < 0:
            raise ValueError(f"probabilities must be ({self._count},) numbers from 0 to 1, not {seen}")
        if not math.isfinite(seconds) or (self._seconds is not None and seconds < self._seconds):
            raise ValueError(f"a frame of {seconds} s came after one of {self._seconds} s")
        return seen

    def _begin(self, seconds: float) -> None:
        self._seconds = seconds
        self._filter.reset()
        self._strokes.reset()
        self._slides.reset()
        self._lead.clear()
        self._doubt.clear()
        self._shown = _Shown(self._count, seconds)

    def _held_still(self, seen: Floats) -> Floats:
        """Until it is drawn, a J is an I: no picture can tell them apart."""
        if not self.settings.motion:
            return seen
        still = seen.copy()
        for drawn, held in _STILL_OF.items():
            if drawn in self.labels and held in self.labels:
                still[self.labels.index(held)] += still[self.labels.index(drawn)]
                still[self.labels.index(drawn)] = 0
        return still

    def _follow(self, seconds: float, elapsed: float, seen: Floats) -> None:
        """Bring up to date which state leads, since when, how sure it is, and what has been released."""
        self._filter.step(elapsed, seen)
        leader = int(self._filter.belief.argmax())
        shown = self._shown
        if leader != shown.leader:
            shown.leader, shown.since = leader, seconds - elapsed / 2  # at some moment between the frames
            self._lead.clear()
        self._lead.add(seen, elapsed)
        shown.gone = 0.0 if leader in shown.done else shown.gone + elapsed
        if shown.gone >= self.settings.release - _ROUNDING:
            shown.done = frozenset()
        if leader == self._nothing:
            shown.changes.clear()

    def _write_held(self, seconds: float) -> tuple[Event, ...]:
        shown, mean, leader = self._shown, self._lead.value(), self._shown.leader
        if leader in {self._count, self._nothing} or leader in shown.done:
            return ()
        if self.settings.motion and leader in self._drawn:
            return ()
        if seconds - shown.since < self.settings.hold - _ROUNDING or mean[leader] < self.settings.certain:
            return ()
        return (self._write(seconds, mean, leader),)

    def _repeats(self, slide: Slide) -> bool:
        """Whether a sign that has been written was carried aside: a double letter."""
        shown = self._shown
        if shown.leader not in shown.done or self.labels[shown.leader] in {SPACE, DELETE, *STROKES}:
            return False
        return bool(shown.changes) and shown.changes[-1].seconds <= slide.began

    def _write(self, seconds: float, mean: Floats, leader: int) -> Event:
        shown, label = self._shown, self.labels[leader]
        shown.changes.append(_Change(seconds, self.text, label, float(mean[leader])))
        shown.done, shown.gone = frozenset({leader}), 0.0
        self._satisfied()
        if label == DELETE:
            self._change(self.text[:-1])
            return self._event("removed", seconds, mean, leader)
        self._change(self.text + (" " if label == SPACE else label))
        return self._event("written", seconds, mean, leader)

    def _write_stroke(self, seconds: float, stroke: Stroke) -> tuple[Event, ...]:
        """Write a letter that was drawn, in place of what was read into the hand while it was drawn."""
        shown = self._shown
        during = self._read_into(stroke)
        if len(during) > _REVISED or any(change.was_meant(stroke) for change in during):
            return ()
        before = during[0].before if during else self.text
        shown.changes = [_Change(seconds, self.text, stroke.label, stroke.certainty)]
        still = _STILL_OF.get(stroke.label, stroke.label)
        resting = {self.labels.index(label) for label in (stroke.label, still) if label in self.labels}
        # what rests after the stroke is its end, not a sign of its own; no hand, or one on its way, is a release
        shown.done = (stroke.shown | resting | {shown.leader}) - {self._count, self._nothing}
        shown.gone = 0.0
        self._satisfied()
        self._change(before + stroke.label)
        kind: Kind = "revised" if during else "written"
        index = self.labels.index(stroke.label)
        believed = stroke.shapes * (1 - stroke.certainty)  # of the shapes; the path says the rest
        believed[index] += stroke.certainty
        return (self._event(kind, seconds, believed, index),)

    def _read_into(self, stroke: Stroke) -> list[_Change]:
        """The changes that the stroke takes back: all made while it was drawn, and the shape that it began from."""
        changes = self._shown.changes
        during = [change for change in changes if change.seconds > stroke.began]
        if not during and changes and changes[-1].label in _READ_INTO[stroke.label]:
            return changes[-1:]
        return during

    def _ask(self, seconds: float, elapsed: float, seen: Floats) -> tuple[Event, ...]:
        """Report a hand that has been shown for long without a sign that could be written."""
        shown = self._shown
        if self._nothing is None:  # such a recogniser cannot tell an unclear hand from none
            return ()
        if shown.leader == self._nothing:
            self._doubt.clear()
            shown.asked = False
            return ()
        if shown.done:
            return ()
        self._doubt.add(seen, elapsed)
        if shown.asked or self._doubt.seconds < self.settings.patience - _ROUNDING:
            return ()
        shown.asked = True
        return (self._event("unsure", seconds, self._doubt.value()),)

    def _satisfied(self) -> None:
        self._doubt.clear()
        self._shown.asked = False

    def _change(self, text: str) -> None:
        self._texts = [*self._texts[1 - _UNDO :], self.text]
        self.text = text

    def _event(self, kind: Kind, seconds: float, mean: Floats, index: int | None = None) -> Event:
        order = np.argsort(-mean, kind="stable")[:CANDIDATES]
        candidates = tuple((self.labels[place], float(mean[place])) for place in order)
        chosen = int(order[0]) if index is None else index
        return Event(kind, seconds, self.labels[chosen], float(mean[chosen]), candidates, self.text)
