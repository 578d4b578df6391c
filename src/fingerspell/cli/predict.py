"""`fingerspell predict`: name the letter in photos, and spell what videos show; a line each, as soon as it is known."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from fingerspell.cli import console, spelled
from fingerspell.cli.bundles import bundle_and_rest
from fingerspell.cli.spelled import printable
from fingerspell.core.errors import DataError, FingerspellError

if TYPE_CHECKING:
    from fingerspell.live.finding.finder import HandFinder
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
    words_given: Annotated[
        list[str],
        typer.Argument(
            metavar="PATHS",
            help="Photos, folders of photos, videos, or - for a photo or MJPEG on standard input. A bundle may stand "
            "before them; by default the one that comes with the package answers.",
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
    find: spelled.FindOption = None,
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

    The first word is a bundle if it is a folder with a bundle's files, or ends in .bundle. Where the bundle was
    calibrated, an answer that is less sure than its card asks for is a "?" (with --json: "sure": false).

    Examples:

      fingerspell predict photo.jpg

      fingerspell predict mine.bundle photos/ --json > answers.jsonl

      fingerspell predict clip.mp4 --box 0.3,0.1,0.4,0.6 --hand left

      fingerspell predict frames/ --as-frames --fps 30

      ffmpeg -re -i clip.mp4 -f mjpeg - | fingerspell predict -
    """
    from fingerspell.live.recognizer import Recognizer

    bundle, paths = bundle_and_rest(words_given)
    _require_some(bundle, paths)
    recognizer = Recognizer(bundle)
    finder = _finder(recognizer, find)
    work = _Predicting(recognizer, finder, as_json, top, spelled.make_dictionary(words))
    how = spelled.how_to_read(recognizer.bundle.card, box, hand, hold, release, certain, find)
    if fps is not None and not 0 < fps <= 1000:
        raise DataError(f"{fps:g} frames a second", expected="above 0, at most 1000", remedy="--fps 15")
    for path in paths:
        source = _source(path, as_frames, fps)
        if source is None:
            work.photos(path)
        elif isinstance(source, Iterable):
            work.video(path, source, how.reader(recognizer), heading=len(paths) > 1)
        else:
            work.photo(source)
    if work.failed:
        total = work.answered + work.failed
        raise DataError(f"{work.failed} of {total} could not be answered", remedy="see the lines that name them")


def _require_some(bundle: Path, paths: Sequence[str]) -> None:
    if not paths:
        raise DataError(
            f"no photo is named beside the bundle {bundle}",
            expected="photos, folders of photos, videos, or -",
            remedy=f"fingerspell predict {bundle} photo.jpg",
        )


def _finder(recognizer: Recognizer, wanted: bool | None) -> HandFinder | None:
    """What finds the hand in photos: where the bundle can, unless it is not wanted."""
    from fingerspell.live.finding.finder import HandFinder

    if wanted is False or (wanted is None and recognizer.bundle.finder is None):
        return None
    return HandFinder(recognizer.bundle)


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

    def __init__(
        self,
        recognizer: Recognizer,
        finder: HandFinder | None,
        as_json: bool,
        top: int,
        dictionary: Dictionary | None,
    ) -> None:
        from fingerspell.core.certainty import threshold_of

        self.answered = self.failed = 0
        self._recognizer, self._finder = recognizer, finder
        self._sure_from = threshold_of(recognizer.bundle.card)
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
        prediction, error = _answer(self._recognizer, self._finder, still, self._top)
        if self._as_json:
            typer.echo(json_line(still.name, prediction, error, self._sure_from))
        elif prediction is not None:
            typer.echo(text_line(still.name, prediction, self._sure_from))
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


def _answer(
    recognizer: Recognizer, finder: HandFinder | None, still: Still, top: int
) -> tuple[Prediction | None, FingerspellError | None]:
    from fingerspell.core.preprocess import decode
    from fingerspell.live.recognizer import surest

    if still.error is not None:
        return None, still.error
    try:
        photo = decode(still.data, upright=recognizer.bundle.preprocess.upright)
        views = [photo] if finder is None else finder.views(photo)
        return surest(recognizer.predict(view, runners_up=top) for view in views), None
    except FingerspellError as error:
        return None, error


def json_line(
    path: str, prediction: Prediction | None, error: FingerspellError | None, sure_from: float | None = None
) -> str:
    """One answer as JSON with the keys path, label, probability, runners_up and error.

    Where it is known from which probability an answer is sure, also `sure`: true or false, null without an answer.
    """
    runners_up = prediction.runners_up if prediction else ()
    sure = {} if sure_from is None else {"sure": None if prediction is None else prediction.probability >= sure_from}
    return json.dumps(
        {
            "path": path,
            "label": prediction.label if prediction else None,
            "probability": round(prediction.probability, 6) if prediction else None,
            "runners_up": [{"label": label, "probability": round(p, 6)} for label, p in runners_up],
            **sure,
            "error": str(error) if error else None,
        }
    )


def text_line(path: str, prediction: Prediction, sure_from: float | None = None) -> str:
    """One answer for people: label, probability, path, runners-up. One that is not sure is a `?` with its guesses."""
    unsure = sure_from is not None and prediction.probability < sure_from
    guesses = [(prediction.label, prediction.probability)] if unsure else []
    named = ", ".join(f"{label} {probability:.1%}" for label, probability in (*guesses, *prediction.runners_up))
    line = f"{'?' if unsure else prediction.label:<7} {prediction.probability:6.1%}  {printable(path)}"
    said = f"unsure: {named}" if unsure else named
    return f"{line}  ({said})" if said else line
