"""`fingerspell predict`: name the letter in photos, and spell what videos show; a line each, as soon as it is known."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from fingerspell.cli import console, spelled
from fingerspell.cli.spelled import printable
from fingerspell.core.errors import DataError, FingerspellError

if TYPE_CHECKING:
    from fingerspell.live.frames.frame import Frame
    from fingerspell.live.frames.mjpeg import MjpegFrames, Readable
    from fingerspell.live.frames.stills import Still
    from fingerspell.live.reader import Reader
    from fingerspell.live.recognizer import Prediction, Recognizer
    from fingerspell.live.spelling.event import Event
    from fingerspell.live.words.dictionary import Dictionary

_FOLDER_FPS = 15.0
_TOO_QUICK = 90.0  # frames a second: no camera, so it was a file that came faster than it was recorded


def predict_command(
    bundle: Annotated[Path, typer.Argument(help="A bundle made by 'fingerspell export'.", show_default=False)],
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATHS",
            help="Photos, folders of photos, videos, or - for a photo or MJPEG on standard input.",
            show_default=False,
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    top: Annotated[int, typer.Option(min=0, max=50, help="Photos: how many runners-up to name.")] = 3,
    as_frames: Annotated[
        bool, typer.Option("--as-frames", help="Take a folder's photos (or JPEGs on -) as frames of one recording.")
    ] = False,
    fps: Annotated[
        float | None, typer.Option("--fps", help="Frames a second of such a folder (15), or of MJPEG from a file.")
    ] = None,
    box: spelled.BoxOption = None,
    hand: spelled.HandOption = "auto",
    hold: spelled.HoldOption = None,
    release: spelled.ReleaseOption = None,
    certain: spelled.CertainOption = None,
    words: spelled.WordsOption = False,
) -> None:
    """Name the letter that each photo shows, and spell what each video shows.

    A photo is one line. A video (MP4, MOV, WebM, MKV, AVI, GIF) is a line for each letter with its time, then the text.
    Folders are searched for photos with all below them. What cannot be read is named, the rest is still answered.
    Exit code 0: all was answered; 2: not all was.

    Examples:

      fingerspell predict asl.bundle photo.jpg

      fingerspell predict asl.bundle photos/ --json > answers.jsonl

      fingerspell predict asl.bundle clip.mp4 --box 0.3,0.1,0.4,0.6 --hand left

      fingerspell predict asl.bundle frames/ --as-frames --fps 30

      ffmpeg -re -i clip.mp4 -f mjpeg - | fingerspell predict asl.bundle -
    """
    from fingerspell.live.recognizer import Recognizer

    recognizer = Recognizer(bundle)
    work = _Predicting(recognizer, as_json, top, spelled.make_dictionary(words))

    def reader() -> Reader:
        return spelled.make_reader(recognizer, box, hand, hold, release, certain)

    reader()  # settings that make no sense are said before anything is read
    if fps is not None and not 0 < fps <= 1000:
        raise DataError(f"{fps:g} frames a second", expected="above 0, at most 1000", remedy="--fps 15")
    for path in paths:
        source = _source(path, as_frames, fps)
        if source is None:
            work.photos(path)
        elif isinstance(source, Iterable):
            work.video(path, source, reader(), heading=len(paths) > 1)
        else:
            work.photo(source)
    if work.failed:
        total = work.answered + work.failed
        raise DataError(f"{work.failed} of {total} could not be answered", remedy="see the lines that name them")


def _source(path: str, as_frames: bool, fps: float | None) -> Still | Iterable[Frame] | None:
    """Frames where there are some, the photo that was on standard input, or None for photos on disk."""
    from fingerspell.live.frames import kinds
    from fingerspell.live.frames.stills import STREAM

    if path == STREAM:
        return _standard_input(as_frames, fps)
    if as_frames and Path(path).is_dir():
        from fingerspell.live.frames.folder import read_folder

        return read_folder(Path(path), fps or _FOLDER_FPS)
    if kinds.of_file(Path(path)) == "video":
        from fingerspell.live.frames.video import read_video

        return read_video(Path(path))
    return None


def _standard_input(as_frames: bool, fps: float | None) -> Still | MjpegFrames:
    from fingerspell.live.frames.mjpeg import read_mjpeg
    from fingerspell.live.frames.standard_input import photo_or_frames
    from fingerspell.live.frames.stills import Still

    stream = cast("Readable", sys.stdin.buffer)
    if as_frames:
        return read_mjpeg(stream, fps)
    found = photo_or_frames(stream)
    return found if isinstance(found, Still) else read_mjpeg(found, fps)


class _Predicting:
    """Answers one source after the other, and counts."""

    def __init__(self, recognizer: Recognizer, as_json: bool, top: int, dictionary: Dictionary | None) -> None:
        self.answered = self.failed = 0
        self._recognizer = recognizer
        self._as_json = as_json
        self._top = top
        self._dictionary = dictionary

    def photos(self, path: str) -> None:
        """A photo, or a folder of them."""
        from fingerspell.live.frames.stills import stills

        for still in stills([path], sys.stdin.buffer):
            self.photo(still)

    def photo(self, still: Still) -> None:
        """One photo's line."""
        prediction, error = _answer(self._recognizer, still, self._top)
        if self._as_json:
            typer.echo(json_line(still.name, prediction, error))
        elif prediction is not None:
            typer.echo(text_line(still.name, prediction))
        else:
            console.note(f"{printable(still.name)}: {error}")
        self._count(error)

    def video(self, path: str, frames: Iterable[Frame], reader: Reader, heading: bool) -> None:
        """A line for each event, then the text."""
        if heading and not self._as_json:
            console.note(f"{printable(path)}:")
        until = _UntilError(frames)
        events: list[Event] = []
        for event in _events(until, reader, live=path == "-"):
            events.append(event)
            typer.echo(spelled.event_json(path, event) if self._as_json else spelled.event_line(event))
        self._text(path, reader.text, events, until)
        _note_stream(path, frames, until)
        self._count(until.error)

    def _text(self, path: str, text: str, events: list[Event], until: _UntilError) -> None:
        error = str(until.error) if until.error else None
        corrected = spelled.corrected(events, self._dictionary) if self._dictionary else None
        if self._as_json:
            words = {} if corrected is None else {"corrected": corrected}
            seconds = round(until.seconds, 3)
            typer.echo(spelled.text_json(path, text, **words, frames=until.frames, seconds=seconds, error=error))
            return
        if until.frames:
            typer.echo(text if corrected is None else corrected)
        if corrected is not None and corrected != text:
            console.note(f"as spelled: {text}")
        if error:
            console.note(f"{printable(path)}: {error}")
        elif not text:
            spelled.note_nothing_spelled(until.frames)

    def _count(self, error: FingerspellError | None) -> None:
        self.answered, self.failed = self.answered + (error is None), self.failed + (error is not None)


class _UntilError:
    """Frames up to an error, which is kept: what came before it is answered all the same."""

    def __init__(self, frames: Iterable[Frame]) -> None:
        self.error: FingerspellError | None = None
        self.frames = 0
        self.seconds = 0.0
        self._frames = frames

    def __iter__(self) -> Iterator[Frame]:
        try:
            for frame in self._frames:
                self.frames, self.seconds = self.frames + 1, frame.seconds
                yield frame
        except FingerspellError as error:
            self.error = error


def _events(until: _UntilError, reader: Reader, live: bool) -> Iterator[Event]:
    from fingerspell.live.reader import BATCH

    for reading in reader.read_all(until, 1 if live else BATCH):  # a batch would keep a live stream's letters waiting
        yield from reading.events
    yield from reader.finish()


def _note_stream(path: str, frames: Iterable[Frame], until: _UntilError) -> None:
    """Say what a pipe may hide: damaged frames, and a file that came faster than it was recorded."""
    from fingerspell.live.frames.mjpeg import MjpegFrames

    if not isinstance(frames, MjpegFrames):
        return
    if frames.damaged:
        console.note(f"{path}: damaged frames left out: {frames.damaged}")
    if until.frames > 1 and until.frames > _TOO_QUICK * until.seconds and not frames.counted:
        console.note(
            f"{path}: {until.frames} frames came in {until.seconds:.1f} s: if they are from a file, give --fps"
        )


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
    line = f"{prediction.label:<7} {prediction.probability:6.1%}  {printable(path)}"
    return f"{line}  ({others})" if others else line
