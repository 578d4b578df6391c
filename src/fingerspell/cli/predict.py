"""`fingerspell predict`: name the letter in photos, one line each, as soon as it is known."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fingerspell.cli import console
from fingerspell.core.errors import DataError, FingerspellError

if TYPE_CHECKING:
    from fingerspell.live.frames import Still
    from fingerspell.live.recognizer import Prediction, Recognizer


def predict_command(
    bundle: Annotated[Path, typer.Argument(help="A bundle made by 'fingerspell export'.", show_default=False)],
    photos: Annotated[
        list[str],
        typer.Argument(help="Photos, folders of photos, or - for one on standard input.", show_default=False),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    top: Annotated[int, typer.Option(min=0, max=50, help="How many runners-up to name.")] = 3,
) -> None:
    """Name the letter that each photo shows.

    Folders are searched with all below them. Photos that cannot be read are named, the others are still answered.
    Exit code 0: every photo was answered; 2: not all were.

    Examples:

      fingerspell predict asl.bundle photo.jpg

      fingerspell predict asl.bundle photos/ --json > answers.jsonl

      fingerspell predict asl.bundle - < photo.jpg
    """
    from fingerspell.live.frames import stills
    from fingerspell.live.recognizer import Recognizer

    recognizer = Recognizer(bundle)
    answered = failed = 0
    for still in stills(photos, sys.stdin.buffer):
        prediction, error = _answer(recognizer, still, top)
        if as_json:
            typer.echo(json_line(still.name, prediction, error))
        elif prediction is not None:
            typer.echo(text_line(still.name, prediction))
        else:
            console.note(f"{_printable(still.name)}: {error}")
        answered, failed = answered + (error is None), failed + (error is not None)
    if failed:
        raise DataError(f"{failed} of {answered + failed} could not be answered", remedy="see the lines that name them")


def _answer(recognizer: Recognizer, still: Still, top: int) -> tuple[Prediction | None, FingerspellError | None]:
    if still.error is not None:
        return None, still.error
    try:
        return recognizer.predict_bytes(still.data, runners_up=top), None
    except FingerspellError as error:
        return None, error


def json_line(path: str, prediction: Prediction | None, error: FingerspellError | None) -> str:
    """One answer as JSON with the keys path, label, probability, runners_up and error."""
    runners_up = prediction.runners_up if prediction else ()
    return json.dumps(
        {
            "path": path,
            "label": prediction.label if prediction else None,
            "probability": round(prediction.probability, 6) if prediction else None,
            "runners_up": [{"label": label, "probability": round(p, 6)} for label, p in runners_up],
            "error": str(error) if error else None,
        }
    )


def text_line(path: str, prediction: Prediction) -> str:
    """One answer for people: label, probability, path, runners-up."""
    others = ", ".join(f"{label} {probability:.1%}" for label, probability in prediction.runners_up)
    line = f"{prediction.label:<7} {prediction.probability:6.1%}  {_printable(path)}"
    return f"{line}  ({others})" if others else line


def _printable(path: str) -> str:
    """A file's name may hold anything, also what would steer a terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in path)
