"""How `fingerspell camera` tells what happens: on a screen in the terminal, or as lines for a pipe."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import typer

from fingerspell.cli import console, spelled
from fingerspell.cli.spelled import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fingerspell.cli.camera_screen import Pace
    from fingerspell.live.frames.camera import CameraNews
    from fingerspell.live.reader import Reading
    from fingerspell.live.spelling.event import Event

_DRAW = 1 / 15  # seconds between two drawings of the screen
_MESSAGE = 2.0  # seconds that a message stays


class Shows(Protocol):
    """Tells the user what happens."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def reading(self, reading: Reading) -> None:
        """A frame was read."""
        ...

    def event(self, event: Event) -> None:
        """A letter was written, taken back, and so on."""
        ...

    def changed(self, text: str, how: str) -> None:
        """The user changed the text."""
        ...

    def news(self, news: CameraNews) -> None:
        """Something happened to the camera."""
        ...

    def refresh(self, pace: Pace, dropped: int) -> None:
        """Time has passed."""
        ...


class Lines:
    """A line for each event on stdout; what happens to the camera on stderr."""

    def __init__(self, camera: str, as_json: bool) -> None:
        self._camera = camera
        self._as_json = as_json

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to put back."""

    def reading(self, reading: Reading) -> None:
        """Frames alone are no line."""

    def event(self, event: Event) -> None:
        """One line, at once."""
        typer.echo(spelled.event_json(self._camera, event) if self._as_json else spelled.event_line(event))

    def changed(self, text: str, how: str) -> None:
        """On stderr: no frame did it."""
        console.note(f"{how}: {text}")

    def news(self, news: CameraNews) -> None:
        """On stderr."""
        console.note(_said(news))

    def refresh(self, pace: Pace, dropped: int) -> None:
        """Lines need none."""


class Screen:
    """Draws on the terminal, and gives it back as it was.

    Args:
        camera: its name.
        keys: whether keys can be pressed.
    """

    def __init__(self, camera: str, keys: bool) -> None:
        from rich.console import Console
        from rich.live import Live

        from fingerspell.cli.camera_screen import Shown

        self.shown = Shown(camera=printable(camera), keys=keys)
        self._console = Console(highlight=False, emoji=False)
        self._live = Live(console=self._console, screen=True, auto_refresh=False, get_renderable=self._drawn)
        self._drawn_at = self._message_until = 0.0

    def _drawn(self) -> RenderableType:
        from fingerspell.cli.camera_screen import draw

        return draw(self.shown, self._console)

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the screen."""
        self._live.stop()

    def reading(self, reading: Reading) -> None:
        """The sign and the text."""
        found = reading.prediction
        self.shown.ranked = ((found.label, found.probability), *found.runners_up)
        self.shown.text, self.shown.hand = reading.text, reading.hand

    def event(self, event: Event) -> None:
        """Only what the text does not show by itself."""
        if event.kind == "unsure":
            self._say("please repeat")

    def changed(self, text: str, how: str) -> None:
        """The text after a key."""
        self.shown.text = text
        self._say(how)

    def news(self, news: CameraNews) -> None:
        """Trouble stays until the camera is back."""
        self.shown.trouble = _TROUBLE[news.state]
        if news.state == "back":
            self._say("the camera is back")

    def refresh(self, pace: Pace, dropped: int) -> None:
        """Draw, if the last time is long enough ago."""
        now = time.monotonic()
        if now - self._drawn_at < _DRAW:
            return
        self._drawn_at = now
        self.shown.pace, self.shown.dropped = pace, dropped
        if now > self._message_until:
            self.shown.message = ""
        self._live.refresh()

    def _say(self, message: str) -> None:
        self.shown.message, self._message_until = message, time.monotonic() + _MESSAGE


_TROUBLE = {"there": "", "gone": "unplugged", "trying": "unplugged: trying again …", "back": ""}


def _said(news: CameraNews) -> str:
    text = {
        "there": "the camera is there",
        "gone": "the camera is gone",
        "trying": "trying again",
        "back": "it is back",
    }
    reason = f": {printable(news.reason)}" if news.reason else ""
    return f"{news.seconds:.1f} s: {text[news.state]}{reason}"
