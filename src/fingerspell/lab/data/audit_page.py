"""An audit as one self-contained HTML page: figures in words, contact sheets, and twins side by side."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from fingerspell.core.durable import write_bytes
from fingerspell.core.errors import PhotoError
from fingerspell.core.preprocess import decode
from fingerspell.core.progress import Progress, silent
from fingerspell.lab.data.audit_result import Audit, printable
from fingerspell.lab.data.crossing import SplitOutcome, percent

SHEET = 88  # pixels of a contact sheet's photos
TWIN = 132  # pixels of photos that stand side by side
_TWINS_SHOWN = 30  # of each kind: at most one a class and a spare
_COPIES_SHOWN = 12
_FILES_SHOWN = 40


@dataclass(frozen=True, slots=True)
class _Side:
    """Two photos side by side, with what is to be said about them."""

    first: str
    second: str
    first_name: str
    second_name: str
    text: str
    tags: tuple[str, str] = ("", "")


def write_page(audit: Audit, path: Path, progress: Progress = silent) -> None:
    """Write the page, atomically. Photos are read again for their small pictures, a few hundred at most.

    Args:
        audit: what `audit` found; a photo that has gone since is left out.
        path: the HTML file.
        progress: called while pictures are made.

    Raises:
        DataError: the file cannot be written.
    """
    write_bytes(path, page_of(audit, progress).encode())


def page_of(audit: Audit, progress: Progress = silent) -> str:
    """The page's HTML. Nothing in it points outside: pictures and styles are part of it."""
    pages = Environment(
        loader=PackageLoader("fingerspell.lab.data", package_path="."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["percent"] = percent
    pages.filters["thousands"] = lambda count: f"{count:,}"
    return pages.get_template("audit.html.j2").render(
        audit=audit,
        folder=printable(str(audit.folder)),
        title=printable(audit.folder.resolve().name),
        findings=audit.findings,
        sheets=_sheets(audit, progress),
        most=max(its.photos for its in audit.classes),
        worst=_worst(audit).strategy,
        crossing=_crossing(audit),
        near=_near(audit),
        disagreeing=_disagreeing(audit),
        files_shown=_FILES_SHOWN,
        sheet_side=SHEET,
        twin_side=TWIN,
    )


def _sheets(audit: Audit, progress: Progress) -> list[tuple[str, int, int, list[tuple[str, str]]]]:
    """For each class: label, photos, photos with a twin, and (picture, name) of its samples."""
    rows = []
    for done, its in enumerate(audit.classes, start=1):
        pictures = [(picture(audit.root / path, SHEET), path) for path in its.samples]
        rows.append((its.label, its.photos, its.with_twin, [item for item in pictures if item[0]]))
        progress("drawing contact sheets", done, len(audit.classes))
    return rows


def _crossing(audit: Audit) -> list[_Side]:
    """Held-out photos and their twins in training, under the split that crosses most."""
    pairs = [(held, twin, "") for held, twin in _worst(audit).examples]
    return _sides(audit, pairs, ("held out", "in training"))


def _worst(audit: Audit) -> SplitOutcome:
    return max(audit.splits, key=lambda outcome: outcome.fraction)


def _near(audit: Audit) -> list[_Side]:
    pairs = [(its.first, its.second, f"{its.bits} of 256 bits differ") for its in audit.near_examples]
    return _sides(audit, pairs)


def _disagreeing(audit: Audit) -> list[_Side]:
    """Copies and near-duplicates whose labels disagree: the first photo of each of two labels."""
    pairs = []
    for group in [its for its in audit.copies if len(its.labels) > 1][:_COPIES_SHOWN]:
        other = next((path for path in group.paths if _folder(path) != _folder(group.paths[0])), group.paths[1])
        pairs.append((group.paths[0], other, f"the same file, labels {', '.join(group.labels)}"))
    for near in audit.disagreeing[: _TWINS_SHOWN - len(pairs)]:
        pairs.append((near.first, near.second, f"{near.bits} of 256 bits differ"))
    return _sides(audit, pairs)


def _folder(path: str) -> str:
    return path.partition("/")[0]


def _sides(audit: Audit, pairs: list[tuple[str, str, str]], tags: tuple[str, str] = ("", "")) -> list[_Side]:
    sides = []
    for first, second, text in pairs[:_TWINS_SHOWN]:
        pictures = picture(audit.root / first, TWIN), picture(audit.root / second, TWIN)
        if all(pictures):
            sides.append(_Side(*pictures, first, second, text, tags))
    return sides


def picture(path: Path, side: int) -> str:
    """A photo as a `data:` address, reduced to fit side×side pixels and upright; "" if it cannot be read."""
    try:
        image = Image.fromarray(decode(path.read_bytes()))
    except (OSError, PhotoError):
        return ""
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=72, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
