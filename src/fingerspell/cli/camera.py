"""`fingerspell camera`: what a camera's hand spells, on a screen in the terminal or as lines for a pipe."""

from __future__ import annotations

import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from fingerspell.cli import console, spelled
from fingerspell.cli.bundles import BundleArgument, bundle_or_default
from fingerspell.cli.camera_shows import Lines, Screen, Shows
from fingerspell.cli.keys import BACKSPACE, Keys, NoKeys, terminal_keys

if TYPE_CHECKING:
    from fingerspell.live.frames.camera import CameraNews
    from fingerspell.live.frames.frame import Frame
    from fingerspell.live.frames.source import Source
    from fingerspell.live.reader import Reader
    from fingerspell.live.spelling.event import Event

_LOOK = 0.1  # seconds between looks at keys and signals while no frame comes
_USUAL_SQUARES = ((480, 480), (720, 720))  # the middle of what cameras give: 640×480, 1280×720


def camera_command(
    bundle: BundleArgument = None,
    camera: Annotated[
        str,
        typer.Option(
            "--camera",
            metavar="0|NAME|URL|FILE|-",
            help="A number or name, http://… or rtsp://…, a video played at its own speed, or - for MJPEG.",
        ),
    ] = "0",
    box: spelled.BoxOption = None,
    find: spelled.FindOption = None,
    hand: spelled.HandOption = "auto",
    hold: spelled.HoldOption = None,
    release: spelled.ReleaseOption = None,
    certain: spelled.CertainOption = None,
    words: spelled.WordsOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, also on a terminal.")] = False,
    give_up: Annotated[
        float | None,
        typer.Option("--give-up", min=0.0, help="End after so many seconds without the camera; never by default."),
    ] = None,
) -> None:
    """Spell what a hand shows to a camera.

    In a terminal the screen shows the sign, its certainty and the text; q ends, backspace takes back, c clears. Piped,
    each letter is a line. A camera that is unplugged is tried again until it is back. In the end the text is printed.
    The picture stays on this machine. What the network sees is not mirrored.

    Examples:

      fingerspell camera

      fingerspell camera mine.bundle

      fingerspell camera --camera http://192.168.1.20:8080/video --box 0.3,0.1,0.4,0.6

      fingerspell camera --hand left > text.txt

      fingerspell camera --camera clip.mp4
    """
    from fingerspell.live.frames.source import parse_source
    from fingerspell.live.recognizer import Recognizer

    source = parse_source(camera)
    dictionary = spelled.make_dictionary(words)
    recognizer = Recognizer(bundle_or_default(bundle))
    how = spelled.how_to_read(recognizer.bundle.card, box, hand, hold, release, certain, find)
    reader = how.reader(recognizer)
    recognizer.warm_up(*_USUAL_SQUARES)
    on_screen = sys.stdout.isatty() and not as_json
    keys: AbstractContextManager[Keys] = _no_keys() if source.kind == "pipe" else terminal_keys()
    with keys as pressed, stop_on_signals() as stopped:
        shows: Shows = Screen(source.name, not isinstance(pressed, NoKeys)) if on_screen else Lines(camera, as_json)
        session = Session(reader, shows, pressed, stopped)
        try:
            with shows:
                session.run(source, give_up)
        finally:  # whatever ended it, what was spelled is not lost
            if session.pace.frames:
                corrected = None if dictionary is None else spelled.corrected(session.events, dictionary)
                _give_text(reader.text, corrected, session, camera, as_json)


def _give_text(text: str, corrected: str | None, session: Session, camera: str, as_json: bool) -> None:
    pace = session.pace
    middle, slow = pace.milliseconds()
    if as_json:
        speed = {"frames": pace.frames, "dropped": session.dropped, "milliseconds": round(middle, 2)}
        words = {} if corrected is None else {"corrected": corrected}
        typer.echo(spelled.text_json(camera, text, **words, **speed, milliseconds_95=round(slow, 2)))
        return
    typer.echo(text if corrected is None else corrected)
    if corrected is not None and corrected != text:
        console.note(f"as spelled: {text}")
    if not text:
        spelled.note_nothing_spelled(pace.frames)
    console.note(f"{pace.frames} frames read, {session.dropped} dropped; {pace.line()}")


class Session:
    """Frames, the newest first, become letters until the camera ends or somebody asks to stop.

    Args:
        reader: of this stream.
        shows: what is told to the user.
        keys: what the user presses.
        stopped: set by a signal.

    Attributes:
        events: all so far.
        pace: how fast it goes.
        dropped: frames that were replaced by a newer one.
    """

    def __init__(self, reader: Reader, shows: Shows, keys: Keys, stopped: threading.Event) -> None:
        from fingerspell.cli.camera_screen import Pace

        self.events: list[Event] = []
        self.pace = Pace()
        self.dropped = 0
        self._reader = reader
        self._shows = shows
        self._keys = keys
        self._stopped = stopped
        self._news: queue.SimpleQueue[CameraNews] = queue.SimpleQueue()  # told in the thread that reads the camera

    def run(self, source: Source, give_up: float | None) -> None:
        """Read until the end. Raises StreamError as the camera does."""
        from fingerspell.live.frames.camera import Patience, read_camera
        from fingerspell.live.frames.newest import Newest

        frames = read_camera(source, patience=Patience(limit=give_up), tell=self._news.put)
        try:
            with Newest(frames, frames.stop) as newest:
                while not self._stopped.is_set():
                    frame = newest.take(_LOOK)
                    self.dropped = newest.dropped
                    if frame is not None:
                        self._read(frame, newest.arrived)
                    elif newest.ended:
                        break
                    self._tell_news()
                    self._heed_keys()
                    self._shows.refresh(self.pace, self.dropped)
        finally:
            self._tell_news()
            self._report(self._reader.finish())

    def _read(self, frame: Frame, arrived: float) -> None:
        reading = self._reader.read(frame)
        now = time.monotonic()
        self.pace.add(now, now - arrived)
        self._shows.reading(reading)
        self._report(reading.events)

    def _report(self, events: tuple[Event, ...]) -> None:
        self.events += events
        for event in events:
            self._shows.event(event)

    def _tell_news(self) -> None:
        while not self._news.empty():
            self._shows.news(self._news.get())

    def _heed_keys(self) -> None:
        for key in self._keys.pressed():
            if key in "qQ":
                self._stopped.set()
            elif key == BACKSPACE:
                self._shows.changed(self._reader.speller.undo(), "taken back")
            elif key in "cC":
                self._shows.changed(self._reader.speller.clear(), "cleared; backspace brings it back")


@contextmanager
def _no_keys() -> Iterator[Keys]:
    yield NoKeys()


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Turn SIGINT and SIGTERM into a wish to stop while the block runs; the second Ctrl-C stops at once."""
    stopped = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
