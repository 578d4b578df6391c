"""What was spelled, as lines for people and as JSON; options that `predict` and `camera` share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from fingerspell.cli import console

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fingerspell.live.frames.box import Box
    from fingerspell.live.hand import Hand
    from fingerspell.live.reader import Reader
    from fingerspell.live.recognizer import Recognizer
    from fingerspell.live.spelling.event import Event
    from fingerspell.live.spelling.settings import SpellingSettings
    from fingerspell.live.words.dictionary import Dictionary

BoxOption = Annotated[
    str | None,
    typer.Option("--box", metavar="LEFT,TOP,WIDTH,HEIGHT", help="Where the hand is: fractions of the frame, 0–1."),
]
FindOption = Annotated[
    bool | None,
    typer.Option(
        "--find/--no-find",
        help="Find the hand in the whole picture; by default where the bundle can and no --box is given.",
        show_default=False,
    ),
]
HandOption = Annotated[str, typer.Option("--hand", help="The hand that signs: right, left or auto.")]
HoldOption = Annotated[float | None, typer.Option("--hold", help="Seconds that a sign must be held.")]
ReleaseOption = Annotated[
    float | None, typer.Option("--release", help="Seconds until the same sign counts again, as in double letters.")
]
CertainOption = Annotated[
    float | None,
    typer.Option("--certain", help="Lowest certainty of a letter, 0–1; by default the card says, or 0.4."),
]
WordsOption = Annotated[bool, typer.Option("--words", help="Correct words with an English word list.")]


class HowToRead(NamedTuple):
    """The user's settings of a reader, found to make sense."""

    settings: SpellingSettings
    box: Box | None
    hand: Hand
    find: bool | Literal["auto"]

    def reader(self, recognizer: Recognizer) -> Reader:
        """A reader with them."""
        from fingerspell.live.reader import Reader

        return Reader(recognizer, self.settings, self.box, self.hand, self.find)


def how_to_read(
    card: Mapping[str, Any],
    box: str | None,
    hand: str,
    hold: float | None,
    release: float | None,
    certain: float | None,
    find: bool | None = None,
) -> HowToRead:
    """The user's settings for a bundle with this card. Raises FingerspellError where they make no sense."""
    from fingerspell.live.frames.box import Box, require_one_way
    from fingerspell.live.hand import hand_named
    from fingerspell.live.spelling.settings import settings_for

    settings = settings_for(card, hold=hold, release=release, certain=certain)
    part = None if box is None else Box.parse(box)
    how = HowToRead(settings, part, hand_named(hand), "auto" if find is None else find)
    require_one_way(how.box, how.find)
    return how


def event_line(event: Event) -> str:
    """One event for people: sign, certainty, time, and what it did."""
    sign = "?" if event.kind == "unsure" else event.label
    line = f"{sign:<7} {event.certainty:6.1%}  {event.seconds:8.2f} s"
    said = {
        "written": "",
        "removed": "takes the last letter back",
        "revised": "in place of the last letter",
        "unsure": f"please repeat: {_guesses(event)}",
    }[event.kind]
    return f"{line}  ({said})" if said else line


def _guesses(event: Event) -> str:
    return ", ".join(f"{label} {probability:.0%}" for label, probability in event.candidates[:3])


def event_json(path: str, event: Event) -> str:
    """One event as JSON, with the keys that the service uses, and the path."""
    return json.dumps(
        {
            "path": path,
            "kind": event.kind,
            "seconds": round(event.seconds, 3),
            "label": event.label,
            "certainty": round(event.certainty, 6),
            "candidates": [{"label": label, "probability": round(p, 6)} for label, p in event.candidates],
            "text": event.text,
        }
    )


def text_json(path: str, text: str, **more: Any) -> str:
    """The last line of a stream as JSON: kind "text", the text and what else is known of the stream."""
    return json.dumps({"path": path, "kind": "text", "text": text, **more})


def make_dictionary(wanted: bool) -> Dictionary | None:
    """The word list, if it is wanted. Raises MissingExtraError now, and not after a long video, where there is none."""
    if not wanted:
        return None
    from fingerspell.live.words.dictionary import Dictionary

    return Dictionary()


def corrected(events: Iterable[Event], dictionary: Dictionary) -> str:
    """The text with its words corrected."""
    from fingerspell.live.words.text import correct_text

    return correct_text(events, dictionary).text


def note_nothing_spelled(frames: int) -> None:
    """An empty text is no answer: say what may help."""
    hint = "try --hold 0.15, --certain 0.25 or --box"
    console.note(f"no sign was held long and clearly enough in {frames} frames: {hint}")


def printable(text: str) -> str:
    """A file's name may hold anything, also what would steer a terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
