"""The figures of report and comparison: SVG in two colour themes, legible to colour-blind readers.

Colours are those of Okabe and Ito (2008), "Color Universal Design". Drawn with matplotlib's Figure directly, so no
window system, backend or global state is involved; text stays text.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter

from fingerspell.core.scoring import Scores

_DOTS = 96  # CSS pixels an inch
_STYLES = ("-", "-.", ":")
_FEW = 20  # points of a curve that are worth a mark each


@dataclass(frozen=True)
class Theme:
    """Colours of one theme: text, faint lines, page, right, wrong, and a series for curves."""

    ink: str
    faint: str
    surface: str
    right: str
    wrong: str
    series: tuple[str, ...]


LIGHT = Theme(
    "#1d2329",
    "#c9ced4",
    "#ffffff",
    "#0072b2",
    "#d55e00",
    ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#8a6d00", "#3f9fd8", "#1d2329"),
)
DARK = Theme(
    "#e6e9ec",
    "#454d55",
    "#1b2025",
    "#56b4e9",
    "#f0883e",
    ("#56b4e9", "#f0883e", "#2fc79a", "#e08bc0", "#e6c545", "#a8d8f5", "#e6e9ec"),
)


@dataclass(frozen=True)
class Picture:
    """A figure for a page: SVG data URIs for light and dark, the text that stands for it, its size in CSS pixels."""

    light: str
    dark: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True)
class Line:
    """One curve: a name and (x, y) points; `recorded` ones, not measured here, are thin and broken; `thin` ones stand
    in the background."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    recorded: bool = False
    thin: bool = False


def draw(paint: Callable[[Canvas, Theme], None], alt: str, width: float, height: float) -> Picture:
    """Paint a figure in both themes; width and height are in inches."""
    light, dark = (_svg(paint, theme, width, height) for theme in (LIGHT, DARK))
    return Picture(light, dark, alt, round(width * _DOTS), round(height * _DOTS))


def _svg(paint: Callable[[Canvas, Theme], None], theme: Theme, width: float, height: float) -> str:
    style: Any = {  # matplotlib types its keys as one long Literal
        "svg.fonttype": "none",  # text as text: smaller, and readable by machines
        "svg.hashsalt": "fingerspell",  # the same figure gives the same bytes
        "font.size": 10,
        "text.color": theme.ink,
        "axes.labelcolor": theme.ink,
        "axes.edgecolor": theme.faint,
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "grid.color": theme.faint,
        "grid.linewidth": 0.6,
        "grid.alpha": 0.6,
        "xtick.color": theme.ink,
        "ytick.color": theme.ink,
        "xtick.labelcolor": theme.ink,
        "ytick.labelcolor": theme.ink,
        "legend.frameon": False,
    }
    with mpl.rc_context(style):
        canvas = Canvas(figsize=(width, height), layout="constrained", facecolor="none")
        paint(canvas, theme)
        target = io.BytesIO()
        canvas.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    text = target.getvalue().replace(b"'DejaVu Sans'", b"system-ui, 'Segoe UI', 'DejaVu Sans'")
    return "data:image/svg+xml;base64," + base64.b64encode(text).decode("ascii")


def curves(
    title: str,
    lines: Sequence[Line | None],
    *,
    share: bool,
    best: int | None = None,
    marks: Sequence[tuple[float, str]] = (),
    x: str = "epoch",
    log_x: bool = False,
    alt: str,
) -> Picture:
    """Curves by epoch (counted from 1), or by what else `x` names.

    Args:
        title: above the figure.
        lines: the curves; None keeps a colour free.
        share: draw the y axis in percent.
        best: an epoch to mark.
        marks: further places to mark, each with a word.
        x: what the x axis counts.
        log_x: draw the x axis logarithmically.
        alt: the text that stands for the figure.
    """

    def paint(canvas: Canvas, theme: Theme) -> None:
        axes = canvas.add_subplot()
        _curves(axes, theme, lines)
        for number, (place, word) in enumerate([*marks, *([(best, "best")] if best is not None else [])]):
            axes.axvline(place, color=theme.ink, linewidth=1, linestyle=":")
            down = -11 * (number % 3)  # so that the words of marks close together can be told apart
            style: Any = {"xytext": (3, down), "textcoords": "offset points", "va": "top", "fontsize": 9}
            axes.annotate(word, (place, 1), xycoords=("data", "axes fraction"), color=theme.ink, **style)
        if log_x:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        if share:
            axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
            axes.set_ylim(0, 1.02)
        axes.set_title(title)
        axes.set_xlabel(x)

    return draw(paint, alt, 4.6, 3.2)


def _curves(axes: Axes, theme: Theme, lines: Sequence[Line | None]) -> None:
    for index, line in enumerate(lines):
        if line is None:
            continue
        axes.plot(
            line.x,
            line.y,
            label=line.name,
            color=theme.series[index % len(theme.series)],
            linestyle="--" if line.recorded else _STYLES[index // len(theme.series) % len(_STYLES)],
            linewidth=1.2 if line.recorded or line.thin else 2,
            marker="o",
            markersize=2.5 if line.recorded or line.thin else 3.5,
        )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(lines) > 1:
        axes.legend(fontsize=9)


def overlaid(lines: Sequence[Line], alt: str) -> Picture:
    """Validation accuracy of several runs in one wide figure, the legend beside it."""

    def paint(canvas: Canvas, theme: Theme) -> None:
        axes = canvas.add_subplot()
        _curves(axes, theme, lines)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("epoch")
        axes.set_title("Accuracy on the validation part")
        axes.legend(fontsize=9, loc="upper left", bbox_to_anchor=(1.01, 1))

    return draw(paint, alt, 9.5, 4.4)


def confusion(scores: Scores, alt: str) -> Picture:
    """What was shown (rows) and what was answered (columns), in percent of each row; right blue, wrong orange."""
    counts = np.array(scores.confusion, dtype=np.float64)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    size = len(scores.labels)
    side = max(3.6, 0.31 * size + 1.0)

    def paint(canvas: Canvas, theme: Theme) -> None:
        axes = canvas.add_subplot()
        colours = _cell_colours(shares, theme)
        axes.imshow(colours, aspect="equal", interpolation="nearest")
        for row, column in zip(*np.nonzero(shares >= 0.005), strict=True):
            value = shares[row, column]
            ink = _legible(colours[row, column])
            axes.text(float(column), float(row), f"{value * 100:.0f}", ha="center", va="center", fontsize=7, color=ink)
        empty = np.flatnonzero(totals[:, 0] == 0)
        for row in empty:
            axes.text(0, float(row), "no photos", va="center", ha="left", fontsize=7, color=theme.ink, alpha=0.7)
        axes.set_xticks(range(size), scores.labels, rotation=90 if size > 10 else 0, fontsize=9)
        axes.set_yticks(range(size), scores.labels, fontsize=9)
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.set_xlabel("answered")
        axes.set_ylabel("shown")
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.set_xticks(np.arange(size + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(size + 1) - 0.5, minor=True)
        axes.grid(which="minor", visible=True, alpha=0.35)
        axes.tick_params(which="minor", length=0)

    return draw(paint, alt, side, side)


def _cell_colours(shares: np.ndarray[Any, Any], theme: Theme) -> np.ndarray[Any, Any]:
    """(n, n, 3) colours; the square root lets rare confusions be seen."""
    strength = np.sqrt(shares)
    right, wrong = (
        LinearSegmentedColormap.from_list("share", [theme.surface, colour])(strength)[..., :3]
        for colour in (theme.right, theme.wrong)
    )
    colours: np.ndarray[Any, Any] = np.where(np.eye(len(shares), dtype=bool)[..., None], right, wrong)
    colours[shares == 0] = to_rgb(theme.surface)
    return colours


def _legible(colour: np.ndarray[Any, Any]) -> str:
    """Black or white, whichever has the greater contrast with an sRGB colour in 0–1 (as WCAG 2 defines it)."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ np.array([0.2126, 0.7152, 0.0722]))
    return "#000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"


def reliability(scores: Scores, alt: str) -> Picture:
    """Accuracy against confidence in bins, and how many photos each bin holds."""
    bins = [b for b in scores.bins if b.count]
    width = 1 / len(scores.bins)
    middles = [(b.low + b.high) / 2 for b in bins]

    def paint(canvas: Canvas, theme: Theme) -> None:
        upper, lower = canvas.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        upper.bar(middles, [b.accuracy or 0 for b in bins], width * 0.9, color=theme.right, label="named right")
        upper.plot([0, 1], [0, 1], color=theme.ink, linestyle="--", linewidth=1, label="as sure as it is right")
        upper.set_title("Is it right as often as it is sure?")
        upper.set_ylim(0, 1.02)
        upper.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        upper.set_ylabel("right")
        upper.legend(fontsize=8, loc="upper left")
        lower.bar(middles, [b.count for b in bins], width * 0.9, color=theme.ink, alpha=0.45)
        lower.set_ylabel("photos")
        lower.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        lower.set_xlim(0, 1)
        lower.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        lower.set_xlabel("confidence of the answer")

    return draw(paint, alt, 4.6, 4.2)


def refusals(scores: Scores, sure: Mapping[str, Any] | None, wanted: float | None, alt: str) -> Picture:
    """How many of the answers are right, by how many photos are answered: the least sure are withheld first.

    Args:
        scores: with their `refusals`.
        sure: the point at the calibration's threshold (threshold, share, accuracy), to be marked.
        wanted: share right that the threshold was chosen for, to be drawn as a line.
        alt: the text that stands for the figure.
    """
    points = [(point.share, point.accuracy) for point in scores.refusals if point.accuracy is not None]

    def paint(canvas: Canvas, theme: Theme) -> None:
        axes = canvas.add_subplot()
        axes.plot(
            [share for share, _ in points],
            [accuracy for _, accuracy in points],
            color=theme.right,
            linewidth=2,
            marker="o" if len(points) < _FEW else "",
            label="right among the answered",
        )
        if wanted is not None:
            axes.axhline(wanted, color=theme.ink, linestyle="--", linewidth=1, label=f"{wanted:.0%} right")
        if sure is not None and sure["accuracy"] is not None:
            word = f"sure from {sure['threshold']:.0%}"
            axes.plot([sure["share"]], [sure["accuracy"]], "D", color=theme.wrong, markersize=8, label=word)
        axes.set_title("If it may say “please repeat”")
        axes.set_xlim(0, 1.02)
        lowest = min((accuracy for _, accuracy in points), default=0.0)
        axes.set_ylim(max(0, min(lowest, 0.9) - 0.05), 1.005)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_xlabel("photos answered, the surest first")
        axes.set_ylabel("right")
        axes.legend(fontsize=9, loc="lower left")

    return draw(paint, alt, 4.6, 4.2)
