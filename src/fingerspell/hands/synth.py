"""A folder of rendered photos, with everything known about them: made by several processes, killed and gone on with."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image

from fingerspell.core.alphabet import LABELS
from fingerspell.core.durable import write_bytes
from fingerspell.core.errors import DataError, FingerspellError
from fingerspell.core.progress import Progress, silent
from fingerspell.hands.contact import contact_sheet
from fingerspell.hands.crew import Stop, Stopping, never, work
from fingerspell.hands.plan import SynthPlan
from fingerspell.hands.sample import Sample
from fingerspell.hands.workplace import Row, Workplace

__all__ = ["SynthPlan", "SynthResult", "is_rendered", "synthesise"]

FORMAT = "fingerspell-synth/1"
LABELS_FORMAT = "fingerspell-labels/1"
PLAN_FILE, LABELS_FILE, SHEET_FILE = "synth.json", "labels.parquet", "contact-sheet.png"

Render = Callable[[str, int, SynthPlan], Sample]
"""(label, index, plan) → the photo `index` of that label's class."""

_BATCH = 16  # photos made between two notes of what is finished
_SHEET_COLUMNS, _SHEET_CELL = 8, 112


@dataclass(frozen=True)
class SynthResult:
    """What has been made.

    Attributes:
        folder: with class folders, masks, labels and contact sheet.
        photos: how many are finished in it.
        made: how many of these in this call.
        stopped: why it stopped early; None when all is finished.
    """

    folder: Path
    photos: int
    made: int
    stopped: str | None

    @property
    def labels(self) -> Path:
        """The table of what is known about the photos."""
        return self.folder / LABELS_FILE

    @property
    def sheet(self) -> Path:
        """The picture of some of them."""
        return self.folder / SHEET_FILE


@dataclass(frozen=True)
class _Batch:
    """Photos `start` to `end` (not included) of one class."""

    label: str
    start: int
    end: int

    @property
    def name(self) -> str:
        return f"{self.label}-{self.start:06}"


def is_rendered(folder: Path) -> bool:
    """Whether a folder was finished by `synthesise`."""
    return (folder / PLAN_FILE).is_file() and (folder / LABELS_FILE).is_file()


def synthesise(
    out: Path,
    plan: SynthPlan,
    *,
    jobs: int,
    progress: Progress = silent,
    stop: Stop = never,
    render: Render | None = None,
) -> SynthResult:
    """Render the photos of a plan into a folder: the same plan gives the same bytes in every file.

    Writes `A/signer-03/00023.jpg` …, `masks/A/signer-03/00023.png` … (grey, how much of each pixel is hand),
    `labels.parquet` (a row a photo, sorted by path), `synth.json` (the plan) and `contact-sheet.png`. Called again
    after an interruption, SIGKILL included, it goes on where it stopped.

    Args:
        out: a new or empty folder, or one that the same plan was begun in.
        plan: what to render.
        jobs: processes that render at a time.
        progress: told of photos rendered.
        stop: asked several times a second; a reason ends the work, and what is finished is kept.
        render: makes one photo, `scene.render_one` by default; a function of a module, since processes call it.

    Raises:
        DataError: the folder holds another plan or files of somebody else, or cannot be written.
        ModuleNotFoundError: a library that rendering needs is not installed.
    """
    if jobs < 1:
        raise FingerspellError(f"--jobs is {jobs}", expected="1 or more")
    if plan.backgrounds is not None and out.resolve().is_relative_to(plan.backgrounds.resolve()):
        raise DataError(
            f"{out} lies in the folder of backgrounds, {plan.backgrounds}",
            expected="a folder elsewhere: rendered photos are no backgrounds",
            remedy="choose another folder",
        )
    render = render or _scene()
    import fingerspell.hands.truth  # noqa: F401 - if pyarrow is missing, say so before the work and not after

    place = Workplace(out, PLAN_FILE, {"format": FORMAT, **plan.as_dict()})
    with place.claimed():
        expected = _expected(plan)
        seen = place.seen(_folders(out), expected | {LABELS_FILE, SHEET_FILE})
        if seen == expected | {LABELS_FILE, SHEET_FILE}:
            place.tidy()
            return SynthResult(out, plan.photos, 0, None)
        batches = _batches(plan)
        todo = [batch for batch in batches if place.finished(batch.name) is None]
        before = plan.photos - sum(batch.end - batch.start for batch in todo)
        tally = _Tally(before, plan.photos, progress)
        reason = work(todo, partial(_make, place, plan, render), jobs=jobs, stop=stop, done=tally.add)
        if tally.count == plan.photos:
            _complete(place, plan, batches, progress)
            reason = None
        return SynthResult(out, tally.count, tally.count - before, reason)


class _Tally:
    """Counts finished photos."""

    def __init__(self, count: int, total: int, progress: Progress) -> None:
        self.count, self._total, self._progress = count, total, progress
        progress("rendering photos", count, total)

    def add(self, photos: int) -> None:
        self.count += photos
        self._progress("rendering photos", self.count, self._total)


def _scene() -> Render:
    from fingerspell.hands.scene import render_one

    return render_one


def _batches(plan: SynthPlan) -> list[_Batch]:
    starts = range(0, plan.per_class, _BATCH)
    return [_Batch(label, first, min(first + _BATCH, plan.per_class)) for label in plan.labels for first in starts]


def _expected(plan: SynthPlan) -> frozenset[str]:
    where = (plan.photo_path, plan.mask_path)
    return frozenset(path(label, index) for path in where for label in plan.labels for index in range(plan.per_class))


def _folders(out: Path) -> list[Path]:
    """Where foreign photos would be taken for rendered ones; `out` itself, for what a killed write left there."""
    return [out, *(out / label for label in LABELS), out / "masks"]


def _make(place: Workplace, plan: SynthPlan, render: Render, batch: _Batch, stopping: Stopping) -> int:
    """Render and write one batch. Returns its photos; 0 where it was given up."""
    rows: list[Row] = []
    files: dict[str, str] = {}
    for index in range(batch.start, batch.end):
        if stopping():
            return 0
        sample = render(batch.label, index, plan)
        _require_as_planned(sample, batch.label, index, plan)
        photo, mask = plan.photo_path(batch.label, index), plan.mask_path(batch.label, index)
        for path, data in ((mask, _png(sample)), (photo, _jpeg(sample))):
            write_bytes(place.folder / path, data)
            files[path] = sha256(data).hexdigest()
        rows.append(_row(sample, photo, mask, plan))
    place.finish(batch.name, rows, files)
    return len(rows)


def _require_as_planned(sample: Sample, label: str, index: int, plan: SynthPlan) -> None:
    side, signer = plan.size, plan.signer(index)
    given = (sample.pixels.shape, sample.mask.shape, sample.label, sample.signer)
    wanted = ((side, side, 3), (side, side), label, signer)
    if given != wanted:
        raise FingerspellError(f"photo {index} of {label} was rendered as {given}", expected=str(wanted))


def _jpeg(sample: Sample) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(sample.pixels).save(buffer, "JPEG", quality=sample.jpeg_quality)
    return buffer.getvalue()


def _png(sample: Sample) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(sample.mask).save(buffer, "PNG")
    return buffer.getvalue()


def _row(sample: Sample, photo: str, mask: str, plan: SynthPlan) -> Row:
    from fingerspell.hands.truth import shape_row

    height, width = sample.mask.shape
    known = {"path": photo, "label": sample.label, "signer": sample.signer, "handedness": sample.handedness}
    return known | shape_row(sample) | {"mask": mask, "width": width, "height": height, "seed": plan.seed}


def _complete(place: Workplace, plan: SynthPlan, batches: list[_Batch], progress: Progress) -> None:
    """When all batches are done: contact sheet and table, then no shard is needed any more."""
    import pyarrow as pa

    from fingerspell.hands.truth import BOX, LANDMARKS, write_table

    rows: list[Row] = []
    for batch in batches:
        rows += place.finished(batch.name) or []
    if len(rows) != plan.photos:
        raise FingerspellError(
            f"{plan.photos - len(rows)} photos in {place.folder} were changed or removed while others were made",
            remedy="start again: they are made anew",
        )
    _draw_sheet(place.folder, plan, progress)
    columns = {"path": pa.string(), "label": pa.string(), "signer": pa.int16(), "handedness?": pa.string()}
    columns |= {"landmarks?": LANDMARKS, "box?": BOX, "mask": pa.string()}
    columns |= {"width": pa.int32(), "height": pa.int32(), "seed": pa.int64()}
    rows.sort(key=lambda row: row["path"])
    write_table(place.folder / LABELS_FILE, columns, rows, kind=LABELS_FORMAT, plan=place.plan)
    place.tidy()


def _draw_sheet(out: Path, plan: SynthPlan, progress: Progress) -> None:
    people = min(plan.signers, plan.per_class)
    columns = min(_SHEET_COLUMNS, people)
    chosen = [people * column // columns for column in range(columns)]  # index i below `signers` is of signer i
    rows = []
    for done, label in enumerate(plan.labels, start=1):
        rows.append((label, [_read(out / plan.photo_path(label, index)) for index in chosen]))
        progress("drawing the contact sheet", done, len(plan.labels))
    buffer = io.BytesIO()
    contact_sheet(rows, columns=columns, cell=_SHEET_CELL).save(buffer, "PNG")
    write_bytes(out / SHEET_FILE, buffer.getvalue())


def _read(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    with Image.open(path) as photo:
        return np.asarray(photo.convert("RGB"))
