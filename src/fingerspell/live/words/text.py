"""A whole spelled text, corrected word by word from the speller's events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fingerspell.live.spelling.event import Event
from fingerspell.live.words.dictionary import Correction, Dictionary

SPACE = " "


@dataclass(frozen=True)
class CorrectedText:
    """A text and how it came about.

    Attributes:
        text: corrected; spaces as they were spelled.
        words: each word in order.
    """

    text: str
    words: tuple[Correction, ...]


@dataclass(frozen=True)
class _Written:
    """A character of the text, and what the recogniser thought of it."""

    character: str
    candidates: Mapping[str, float]


def correct_text(events: Iterable[Event], dictionary: Dictionary) -> CorrectedText:
    """Correct a text that was spelled.

    Args:
        events: all that the speller reported, in order. Each event's text is what counts: where undo or clear changed
            it in between, the letters follow.
        dictionary: corrects the words.
    """
    written: list[_Written] = []
    for event in events:
        written = _followed(written, event)
    corrections: list[Correction] = []
    parts: list[str] = []
    word: list[_Written] = []
    for each in [*written, _Written(SPACE, {})]:
        if each.character != SPACE:
            word.append(each)
            continue
        if word:
            corrections.append(dictionary.correct([letter.candidates for letter in word]))
            parts.append(corrections[-1].word)
        parts.append(SPACE)
        word = []
    return CorrectedText("".join(parts[:-1]), tuple(corrections))


def _followed(written: list[_Written], event: Event) -> list[_Written]:
    """The characters after an event: those that its text still begins with, then what is new in it."""
    before = "".join(each.character for each in written)
    if event.kind in {"written", "revised"} and event.text:
        # the new last character is this event's, even where the letter is the one that stood there
        kept = written[: _same(before, event.text[:-1])]
        between = event.text[len(kept) : -1]
        return [*kept, *map(_without_doubt, between), _Written(event.text[-1], _candidates(event))]
    kept = written[: _same(before, event.text)]
    return [*kept, *map(_without_doubt, event.text[len(kept) :])]


def _same(one: str, other: str) -> int:
    """How many first characters are the same."""
    differ = (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differ, min(len(one), len(other)))


def _without_doubt(character: str) -> _Written:
    """A character that came back by undo: what was thought of it is not known any more."""
    return _Written(character, {character: 1.0})


def _candidates(event: Event) -> Mapping[str, float]:
    """The event's candidates, its own label first and the most probable: what was written leads."""
    others = {label: chance for label, chance in event.candidates if label != event.label}
    return {event.label: max([event.certainty, *others.values()]), **others}
