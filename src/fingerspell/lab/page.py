"""How pages are made: one template folder, autoescape, the words and bars that report and comparison share."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray
from PIL import Image

from fingerspell.core.alphabet import MOTION_LETTERS
from fingerspell.core.durable import write_bytes

_TEMPLATES = Path(__file__).parent / "templates"
_HEAT = "inferno"  # of even lightness steps, so it reads in grey and to colour-blind eyes


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(percent=percent, whole=whole, of_hundred=of_hundred, span=span, duration=duration)
    found.filters["capitalize_first"] = capitalised
    found.globals["motion_letters"] = MOTION_LETTERS
    return found


def render(template: str, values: Mapping[str, Any]) -> str:
    """A page's HTML. A value that the template needs and does not get is an error, not an empty place."""
    return _environment().get_template(template).render(**values)


def write_page(path: Path, template: str, values: Mapping[str, Any]) -> None:
    """Render a page and write it atomically. Raises DataError where it cannot be written."""
    write_bytes(path, render(template, values).encode())


def percent(share: float | None, digits: int = 1) -> str:
    """0.8712 → `87.1%`; None → `–`. Only a whole 1 gives 100%, only a whole 0 gives 0%."""
    if share is None:
        return "–"
    text = f"{share * 100:.{digits}f}"
    step = 10.0**-digits
    if share < 1 and float(text) >= 100:
        text = f"{100 - step:.{digits}f}"
    elif share > 0 and float(text) <= 0:
        text = f"{step:.{digits}f}"
    return text + "%"


def of_hundred(share: float) -> str:
    """How many of a hundred, in words that do not round to a perfect score: `31`, `more than 99`, `fewer than 1`."""
    number = round(share * 100)
    if number == 100 and share < 1:
        return "more than 99"
    if number == 0 and share > 0:
        return "fewer than 1"
    return str(number)


def span(interval: Mapping[str, float] | None) -> str:
    """An interval in percent: `27.4–35.0%`; None → `no interval`."""
    if interval is None:
        return "no interval"
    return f"{percent(interval['low']).removesuffix('%')}–{percent(interval['high'])}"


def whole(number: float) -> str:
    """17436765 → `17,436,765`."""
    return f"{number:,.0f}"


def capitalised(text: str) -> str:
    """The text with a capital at its start and the rest untouched."""
    return text[:1].upper() + text[1:]


def duration(seconds: float | None) -> str:
    """Seconds for people: `38 s`, `12 min`, `2 h 05 min`; None → `–`."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def photo_uri(pixels: NDArray[np.uint8]) -> str:
    """(h, w, 3) uint8 → a JPEG data URI."""
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, format="JPEG", quality=88, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(target.getvalue()).decode("ascii")


def overlay(pixels: NDArray[np.uint8], strength: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A dimmed grey photo (h, w, 3) uint8 with saliency (h, w) in 0–1 glowing on it; same shape and type."""
    grey = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    heat = mpl.colormaps[_HEAT](0.25 + 0.75 * strength)[..., :3] * 255
    share = 0.85 * strength[..., None]
    mixed: NDArray[np.uint8] = np.clip(grey[..., None] * 0.6 * (1 - share) + heat * share, 0, 255).astype(np.uint8)
    return mixed
