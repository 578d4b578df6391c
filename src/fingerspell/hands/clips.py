"""Rendered videos of fingerspelled texts, with the truth of every frame."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.durable import write_bytes
from fingerspell.core.errors import DataError, FingerspellError
from fingerspell.core.progress import Progress, silent
from fingerspell.hands.crew import Stop, Stopping, never, work
from fingerspell.hands.performed import Performed
from fingerspell.hands.plan import SynthPlan
from fingerspell.hands.workplace import Row, Workplace

FORMAT = "fingerspell-clips/1"
FRAMES_FORMAT = "fingerspell-frames/1"
FPS = 30
LONGEST = 100
"""Letters and spaces of one text: more would be minutes of video in one file."""

PLAN_FILE, CLIPS_FILE, FRAMES_FILE = "clips.json", "clips.parquet", "frames.parquet"

Perform = Callable[[str, int, SynthPlan, float], Iterator[Performed]]
"""(text, number of the clip, plan, frames per second) → its frames."""

_NAME_LENGTH = 40  # characters of a text that its file is named after


@dataclass(frozen=True)
class ClipsResult:
    """What has been made.

    Attributes:
        folder: with the videos and their tables.
        clips: how many are finished in it.
        made: how many of these in this call.
        stopped: why it stopped early; None when all is finished.
    """

    folder: Path
    clips: int
    made: int
    stopped: str | None


@dataclass(frozen=True)
class _Clip:
    """Text number `number` of a words file."""

    number: int
    text: str

    @property
    def task(self) -> str:
        return f"{self.number:04}"

    @property
    def file(self) -> str:
        return f"{self.task}-{self.text[:_NAME_LENGTH].strip().replace(' ', '-').lower()}.mp4"


def read_words(path: Path) -> tuple[str, ...]:
    """The texts of a words file, one a line, in capitals. Blank lines and lines that begin with # are passed over.

    Raises:
        DataError: not readable, not UTF-8, no text in it, a text too long, or a character that is no letter A–Z and
            no space, with its line.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}", expected="a text file, one text a line", remedy="check the path"
        ) from error
    texts = []
    for number, line in enumerate(lines, start=1):
        text = _decoded(line, path, number).lstrip("\N{ZERO WIDTH NO-BREAK SPACE}").strip()
        if text and not text.startswith("#"):
            texts.append(_required(text, path, number))
    if not texts:
        raise DataError(f"{path} holds no text", expected="one text a line, letters A–Z and spaces")
    return tuple(texts)


def _decoded(line: bytes, path: Path, number: int) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"line {number} of {path} is not UTF-8", expected="a UTF-8 text file", remedy="save it as UTF-8"
        ) from error


def _required(text: str, path: Path, number: int) -> str:
    for character in text:
        if not (character == " " or (character.isascii() and character.isalpha())):
            name = unicodedata.name(character, "a control character")
            raise DataError(
                f"line {number} of {path} holds {character!r} ({name.lower()})",
                expected="the letters A–Z (a–z) and spaces: digits, accents and punctuation are not among the signs",
                remedy="spell it with these letters, or begin the line with # to pass over it",
            )
    if len(text) > LONGEST:
        raise DataError(
            f"line {number} of {path} is {len(text)} characters long",
            expected=f"at most {LONGEST}",
            remedy="break it into several lines",
        )
    return " ".join(text.upper().split())


def make_clips(
    out: Path,
    plan: SynthPlan,
    texts: Sequence[str],
    *,
    jobs: int,
    progress: Progress = silent,
    stop: Stop = never,
    perform: Perform | None = None,
) -> ClipsResult:
    """Render a video of each text: the same plan and texts give the same bytes in every file.

    Writes `0000-hello.mp4` … (H.264, 30 frames a second), `clips.parquet` (a row a clip), `frames.parquet` (a row a
    frame) and `clips.json` (the plan). Called again after an interruption it goes on; a clip that was not finished
    is made anew.

    Args:
        out: a new or empty folder, or one that the same clips were begun in.
        plan: who signs, the size, the backgrounds and the seed.
        texts: letters A–Z and spaces, as `read_words` gives them.
        jobs: clips that are rendered at a time.
        progress: told of clips rendered.
        stop: asked several times a second; a reason ends the work, and finished clips are kept.
        perform: makes the frames, `perform.perform` by default; a function of a module, since processes call it.

    Raises:
        DataError: the folder holds other clips or files of somebody else, or cannot be written.
        ModuleNotFoundError: a library that is needed is not installed.
    """
    if jobs < 1:
        raise FingerspellError(f"--jobs is {jobs}", expected="1 or more")
    perform = perform or _performer()
    import av  # noqa: F401 - if it is missing, say so before the work and not after

    import fingerspell.hands.truth  # noqa: F401 - likewise pyarrow

    clips = [_Clip(number, text) for number, text in enumerate(texts)]
    place = Workplace(out, PLAN_FILE, {"format": FORMAT, **_plan(plan), "fps": FPS, "texts": list(texts)})
    with place.claimed():
        tables = {CLIPS_FILE, FRAMES_FILE}
        expected = frozenset(clip.file for clip in clips) | tables
        if place.seen([out], expected) == expected:
            place.tidy()
            return ClipsResult(out, len(clips), 0, None)
        todo = [clip for clip in clips if place.finished(clip.task) is None]
        tally = [len(clips) - len(todo)]
        progress("rendering clips", tally[0], len(clips))

        def done(finished: bool) -> None:
            tally[0] += finished
            progress("rendering clips", tally[0], len(clips))

        reason = work(todo, partial(_make, place, plan, perform), jobs=jobs, stop=stop, done=done)
        if tally[0] == len(clips):
            _complete(place, clips)
            reason = None
        return ClipsResult(out, tally[0], tally[0] - len(clips) + len(todo), reason)


def _performer() -> Perform:
    from fingerspell.hands.perform import perform

    return perform


def _plan(plan: SynthPlan) -> dict[str, Any]:
    """What of the plan the clips follow from: not how many photos there are of each class."""
    return {key: value for key, value in plan.as_dict().items() if key not in {"per_class", "labels"}}


def _make(place: Workplace, plan: SynthPlan, perform: Perform, clip: _Clip, stopping: Stopping) -> bool:
    """Render and write one clip. False where it was given up."""
    from fingerspell.hands.truth import shape_row

    film = _Film(FPS)
    told: Row = {"path": clip.file, "text": clip.text, "fps": float(FPS), "seed": plan.seed}
    rows: list[Row] = []
    for frame in perform(clip.text, clip.number, plan, float(FPS)):
        if stopping():
            return False
        if not rows:
            told |= {"signer": frame.sample.signer, "handedness": frame.sample.handedness}
        known = {"clip": clip.number, "frame": len(rows), "seconds": float(frame.seconds), "label": frame.held}
        rows.append(known | {"phase": frame.phase} | shape_row(frame.sample))
        film.add(frame.sample.pixels)
    if not rows:
        raise FingerspellError(f"no frame was rendered of '{clip.text}'", expected="at least one")
    data, (height, width) = film.finish(), film.size
    write_bytes(place.folder / clip.file, data)
    told |= {"frames": len(rows), "height": height, "width": width}
    place.finish(clip.task, [told, *rows], {clip.file: sha256(data).hexdigest()})
    return True


class _Film:
    """Frames → the bytes of an MP4 file, the same bytes each time.

    Attributes:
        frames: how many there are.
        size: height and width; an odd side of a frame gets one more line, since colour has half as many lines.
    """

    def __init__(self, fps: int) -> None:
        import av

        self.frames, self.size = 0, (0, 0)
        self._buffer = io.BytesIO()
        # bitexact: no version strings and no times in the file
        self._container = av.open(self._buffer, "w", format="mp4", options={"fflags": "+bitexact"})
        self._stream = self._container.add_stream("libx264", rate=fps, options={"crf": "18", "flags": "+bitexact"})
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.thread_count = 1  # several would cut the frames differently

    def add(self, pixels: NDArray[np.uint8]) -> None:
        """Add a frame, (height, width, 3) uint8, all of one size."""
        import av

        height, width = pixels.shape[:2]
        even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        if not self.frames:
            self.size = height + height % 2, width + width % 2
            self._stream.height, self._stream.width = self.size
        elif self.size != even.shape[:2]:
            raise FingerspellError(f"frame {self.frames} is {width}×{height} pixels, the one before is not")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
        frame.pts = self.frames
        self._container.mux(self._stream.encode(frame))
        self.frames += 1

    def finish(self) -> bytes:
        """All frames are in; the file's bytes."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._buffer.getvalue()


def _complete(place: Workplace, clips: Sequence[_Clip]) -> None:
    """When all clips are done: the tables, then no shard is needed any more."""
    import pyarrow as pa

    from fingerspell.hands.truth import BOX, LANDMARKS, write_table

    told: list[Row] = []
    frames: list[Row] = []
    for clip in clips:
        rows = place.finished(clip.task)
        if rows is None:
            raise FingerspellError(
                f"{place.folder / clip.file} was changed or removed while others were made",
                remedy="start again: it is made anew",
            )
        told.append(rows[0])
        frames += rows[1:]
    columns = {"clip": pa.int32(), "frame": pa.int32(), "seconds": pa.float64(), "label?": pa.string()}
    columns |= {"phase": pa.string(), "landmarks?": LANDMARKS, "box?": BOX}
    write_table(place.folder / FRAMES_FILE, columns, frames, kind=FRAMES_FORMAT, plan=place.plan)
    columns = {"path": pa.string(), "text": pa.string(), "signer": pa.int16(), "handedness?": pa.string()}
    columns |= {"fps": pa.float64(), "frames": pa.int32()}
    columns |= {"width": pa.int32(), "height": pa.int32(), "seed": pa.int64()}
    write_table(place.folder / CLIPS_FILE, columns, told, kind=FORMAT, plan=place.plan)
    place.tidy()
