"""The screen of `fingerspell camera`: the sign large, its certainty, the text as it grows, and how fast it goes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import cache
from statistics import median
from typing import TYPE_CHECKING

from rich import box
from rich.align import Align
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from PIL import Image

BIG_ROWS = 9
"""Rows of the large sign."""

_BIG_COLUMNS = 24
_BAR = 24  # columns of a certainty's bar
_CERTAIN = 0.5  # probability from which the large sign is bright
_ROWS_BESIDE, _ROWS_ABOVE = 19, 23  # of a terminal, for the large sign beside the bars, or above them
_TEXT_ROWS = 3
_ROWS_SMALL = 14  # of a terminal, for so much text and no large sign
_RECENT = 300  # frames over which speed is measured


@dataclass
class Pace:
    """How fast frames become letters, over the last few seconds."""

    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    times: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    frames: int = 0

    def add(self, now: float, latency: float) -> None:
        """A frame was read. Both in seconds; `latency` from its arrival until its letter was known."""
        self.frames += 1
        self.times.append(now)
        self.latencies.append(latency)

    @property
    def per_second(self) -> float:
        """Frames read a second; 0 while there are fewer than two."""
        span = self.times[-1] - self.times[0] if self.times else 0.0
        return (len(self.times) - 1) / span if span > 0 else 0.0

    def milliseconds(self) -> tuple[float, float]:
        """Median and 95th percentile from frame to letter; 0 without frames."""
        if not self.latencies:
            return 0.0, 0.0
        ordered = sorted(self.latencies)
        return 1000 * median(ordered), 1000 * ordered[min(round(0.95 * (len(ordered) - 1)), len(ordered) - 1)]

    def line(self) -> str:
        """For people."""
        middle, slow = self.milliseconds()
        return f"{self.per_second:.0f} frames/s · frame to letter {middle:.0f} ms, 95% within {slow:.0f} ms"


@dataclass
class Shown:
    """All that the screen shows.

    Attributes:
        ranked: signs with their probabilities, most probable first.
        text: spelled so far.
        message: something that just happened, such as "please repeat".
        camera: the camera's name.
        trouble: what is wrong with the camera, or "".
        hand: the hand that is expected.
        dropped: frames that were replaced by a newer one.
        pace: how fast it goes.
        keys: whether keys can be pressed.
    """

    ranked: tuple[tuple[str, float], ...] = ()
    text: str = ""
    message: str = ""
    camera: str = ""
    trouble: str = ""
    hand: str = "right"
    dropped: int = 0
    pace: Pace = field(default_factory=Pace)
    keys: bool = True


def draw(shown: Shown, console: Console) -> RenderableType:
    """The whole screen, fitting the console's size."""
    wide = console.width >= _BIG_COLUMNS + _BAR + 26
    signs = _signs(shown, _BAR if wide else max(console.width - 26, 4), "━─" if _can_draw(console) else "#-")
    big = console.height >= (_ROWS_BESIDE if wide else _ROWS_ABOVE)
    if big and wide:
        upper: RenderableType = _beside(
            Align.center(_big(shown, console)), Align.left(signs, vertical="middle", height=BIG_ROWS)
        )
    elif big:
        upper = Group(Align.center(_big(shown, console)), signs)
    else:
        upper = signs
    frame = box.ROUNDED if _can_draw(console) else box.ASCII
    return Group(
        Panel(upper, title="fingerspell", title_align="left", box=frame, border_style="dim"),
        Panel(_text(shown, console), title="text", title_align="left", box=frame, border_style="dim"),
        _state(shown),
    )


def _beside(left: RenderableType, right: RenderableType) -> Table:
    table = Table.grid(expand=True, padding=(0, 3))
    table.add_column(width=_BIG_COLUMNS)
    table.add_column(ratio=1)
    table.add_row(left, right)
    return table


def _signs(shown: Shown, columns: int, marks: str) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=7)
    table.add_column(width=columns)
    table.add_column(justify="right", width=4)
    for place, (label, probability) in enumerate(shown.ranked):
        style = "bold" if place == 0 else "dim"
        full = round(min(max(probability, 0.0), 1.0) * columns)
        bar = Text(marks[0] * full, style="green" if place == 0 else "cyan")
        bar.append(marks[1] * (columns - full), style="dim")  # another mark, not only another colour
        table.add_row(Text(label, style=style), bar, Text(f"{probability:.0%}", style=style))
    if not shown.ranked:
        table.add_row("", Text("waiting for the camera …", style="dim"), "")
    return table


def _big(shown: Shown, console: Console) -> Text:
    label = shown.ranked[0][0] if shown.ranked and not shown.trouble else ""
    rows = big_sign("" if label == "nothing" else label, BIG_ROWS, _BIG_COLUMNS, _can_draw(console))
    certain = bool(shown.ranked) and shown.ranked[0][1] >= _CERTAIN
    return Text("\n".join(rows), style="bold green" if certain else "dim", no_wrap=True)


def _text(shown: Shown, console: Console) -> Text:
    columns, rows = max(console.width - 6, 10), _TEXT_ROWS if console.height >= _ROWS_SMALL else 1
    kept = shown.text[-(columns * rows - 1) :]
    ending = len(kept) - len(kept.rstrip(" "))
    text = Text(kept[: len(kept) - ending], style="bold", overflow="fold")
    space, cursor = ("␣", "▏") if _can_draw(console) else ("_", "|")
    return text.append(space * ending, style="dim").append(cursor)  # a space at the end can be seen


def _state(shown: Shown) -> RenderableType:
    lines = [(f"{shown.camera} · {shown.hand} hand", "dim")]
    if shown.trouble:
        lines = [(f"{shown.camera}: {shown.trouble}", "bold red")]
    elif shown.message:
        lines = [(shown.message, "bold yellow")]
    lines.append((f"{shown.pace.line()} · dropped {shown.dropped}", "dim"))
    lines.append(("q quit · backspace undo · c clear" if shown.keys else "Ctrl-C quit", "dim"))
    return Group(*(Text(f" {text}", style=style, no_wrap=True, overflow="ellipsis") for text, style in lines))


def _can_draw(console: Console) -> bool:
    return console.encoding.lower().startswith("utf")


@cache
def big_sign(sign: str, rows: int, columns: int, blocks: bool = True) -> tuple[str, ...]:
    """A sign drawn with characters, in the middle of `rows` lines of at most `columns`; `blocks` shows finer ones."""
    if not sign.strip():
        return (" " * columns,) * rows  # as large as a sign, so that nothing jumps
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=64)
    picture = Image.new("L", (512, 128))
    draw = ImageDraw.Draw(picture)
    draw.text((64, 16), sign, 255, font)
    top, bottom = (round(edge) for edge in draw.textbbox((64, 16), "A" + sign, font)[1::2])  # letters of one height
    left, _, right, _ = picture.getbbox() or (0, 0, 1, 1)
    letter = picture.crop((left, top, right, bottom))
    scale = min(2 * rows / letter.height, columns / letter.width)  # two pixels in the height of a character
    width, height = max(round(letter.width * scale), 1), max(round(letter.height * scale), 1)
    canvas = Image.new("L", (width, 2 * rows))
    canvas.paste(letter.resize((width, height), Image.Resampling.BOX), (0, rows - height // 2))
    lit = [[_brightness(canvas, x, y) > 110 for x in range(width)] for y in range(2 * rows)]
    marks = " ▀▄█" if blocks else " ###"
    return tuple(
        "".join(marks[upper + 2 * lower] for upper, lower in zip(lit[2 * row], lit[2 * row + 1], strict=True))
        for row in range(rows)
    )


def _brightness(picture: Image.Image, x: int, y: int) -> float:
    value = picture.getpixel((x, y))
    return value if isinstance(value, int | float) else 0.0
