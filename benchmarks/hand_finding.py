"""How well, and how quickly, a bundle finds the hand in a whole frame, and what that does to the letters.

    python benchmarks/hand_finding.py finding.bundle --rendered DIR
        [--photos DIR …] [--test DIR …] [--landmarks FILE …] [--clips DIR] [--people VIDEO …] [--sheet FILE]

Composed frames are of signers, seeds and scenes that the finder never learnt from. `--photos` are folders that it
learnt from: only the last fifth of each class is judged, against the landmark detector's boxes. `--test` folders are
judged whole. Clips show one hand each and have no boxes: each frame is set into a larger one, continued by its own
edges, and what is asked is whether the box lies where the clip was put. `--people` are videos of people without their
hands, at a desk, say: how often a hand is found there, and how well hands are found that are composed into them.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np
from numpy.typing import NDArray

from fingerspell.cli.finder import draw_scenes
from fingerspell.core.bundle import read_bundle
from fingerspell.lab.finder import cutouts, judge, teacher
from fingerspell.lab.finder import frames as composing
from fingerspell.lab.finder.frames import Stock
from fingerspell.live.finding.finder import HandFinder
from fingerspell.live.recognizer import Recognizer, surest

Photo = NDArray[np.uint8]


class Sheet:
    """Some of the frames with what was found in them, as one picture."""

    def __init__(self, columns: int = 10) -> None:
        self._tiles: list[Photo] = []
        self._columns = columns

    def add(self, case: judge.Case, answer: judge.Answer) -> None:
        tile, scale = np.zeros((150, 200, 3), np.uint8), min(150 / case.pixels.shape[0], 200 / case.pixels.shape[1])
        small = cv2.resize(case.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        for box, colour in ((case.box, (0, 255, 0)), (None if answer is None else answer[0], (255, 60, 60))):
            if box is not None:
                left, top, right, bottom = (int(edge * scale) for edge in box)
                cv2.rectangle(small, (left, top), (right, bottom), colour, 1)
        if answer is not None:
            cv2.putText(small, f"{answer[1]:.2f}", (2, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 0), 1)
        tile[: small.shape[0], : small.shape[1]] = small
        self._tiles.append(tile)

    def write(self, path: Path) -> None:
        empty = [np.zeros((150, 200, 3), np.uint8)] * (-len(self._tiles) % self._columns)
        tiles = [*self._tiles, *empty]
        rows = [np.hstack(tiles[at : at + self._columns]) for at in range(0, len(tiles), self._columns)]
        cv2.imwrite(str(path), np.vstack(rows)[:, :, ::-1])


def asker(finder: HandFinder, sheet: Sheet | None, every: int) -> Any:
    """A function for `judge.judged`, and a keeper of some of the pictures."""
    count = 0

    def find(pixels: Photo) -> judge.Answer:
        found = finder.find(pixels)
        if found is None:
            return None
        return np.array([found.box.left, found.box.top, found.box.right, found.box.bottom]), found.score

    def kept(cases: Iterator[judge.Case]) -> Iterator[judge.Case]:
        nonlocal count
        for case in cases:
            if sheet is not None and count % every == 0:
                sheet.add(case, find(case.pixels))
            count += 1
            yield case

    return find, kept


def photo_cases(taught: teacher.Taught, name: str) -> Iterator[judge.Case]:
    """Real photos that the landmark detector saw a hand in, or that are `nothing` and it saw none."""
    for place in range(len(taught.paths)):
        label, found = str(taught.labels[place]), bool(taught.found[place])
        if not found and label != "nothing":
            continue
        if found and not cutouts.plausible(taught.landmarks[place] * 200):
            continue
        photo = taught.photo(place)
        height, width = photo.shape[:2]
        box = taught.boxes[place] * np.array([width, height, width, height], np.float32) if found else None
        yield judge.Case(photo, box, (f"{name}, {'hand' if found else 'nothing'}",))


def framed(photo: Photo, share: float, rng: np.random.Generator) -> tuple[Photo, NDArray[np.float32]]:
    """A photo set into a frame of 480×640, as high as `share` of it, its edges continued; and where it lies."""
    side = round(480 * share)
    small = cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA if side < len(photo) else cv2.INTER_LINEAR)
    top, left = int(rng.integers(0, 481 - side)), int(rng.integers(0, 641 - side))
    # only the photo's bottom continues sharply, as an arm does: elsewhere its edges' mean colour
    edge = np.concatenate([small[0], small[:, 0], small[:, -1]]).astype(np.float64)
    frame = np.full((480, 640, 3), np.median(edge, axis=0).round().astype(np.uint8))
    wide = cv2.copyMakeBorder(small, top, 480 - top - side, left, 640 - left - side, cv2.BORDER_REPLICATE)
    rows, columns = np.mgrid[0:480, 0:640]
    apart = np.maximum(np.maximum(left - columns, columns - left - side + 1), np.maximum(top - rows, 0)).clip(0)
    mix = np.exp(-apart / (0.15 * side))[:, :, None]
    blurred = np.where(apart[:, :, None] > 0, cv2.GaussianBlur(wide, (0, 0), 0.04 * side), wide)
    frame = (blurred * mix + frame * (1 - mix)).astype(np.uint8)
    return frame, np.array([left, top, left + side, top + side], np.float32)


def clip_frames(folder: Path, every: int = 12) -> Iterator[tuple[str, Photo]]:
    from fingerspell.live.frames.video import read_video

    for path in sorted(folder.rglob("*.mp4")):
        for number, frame in enumerate(read_video(path)):
            if number % every == every // 2:
                yield path.stem, np.ascontiguousarray(frame.pixels)


def clip_rows(finder: HandFinder, folder: Path, sheet: Sheet | None) -> dict[str, dict[str, float]]:
    """Of clips set into larger frames: how often the box lies where the clip was put (its middle inside)."""
    rng = np.random.default_rng(0)
    rows: dict[str, dict[str, float]] = {}
    for share in (0.3, 0.5, 0.8):
        inside = outside = frames = 0
        for label, photo in clip_frames(folder):
            frame, place = framed(photo, share, rng)
            found = finder.find(frame)
            frames += 1
            if found is not None:
                x, y = found.box.centre
                there = place[0] <= x <= place[2] and place[1] <= y <= place[3]
                inside, outside = inside + there, outside + (not there)
            if sheet is not None and frames % 20 == 0:
                box = (
                    None
                    if found is None
                    else np.array([found.box.left, found.box.top, found.box.right, found.box.bottom])
                )
                sheet.add(judge.Case(frame, None, (label,)), None if box is None else (box, found.score))
        rows[f"clips at {share:.0%} of the height"] = {
            "frames": frames,
            "inside": inside / frames,
            "elsewhere": outside / frames,
        }
    return rows


def people_rows(finder: HandFinder, videos: list[Path], hands: cutouts.Cutouts, count: int) -> dict[str, judge.Row]:
    """Frames of people as they are, video by video, and with hands composed into them."""
    from fingerspell.live.frames.video import read_video

    rows: dict[str, judge.Row] = {}
    scenes: list[Photo] = []
    find, _ = asker(finder, None, 1)
    for path in videos:
        frames = [np.asarray(frame.pixels) for frame in read_video(path)]
        some = [cv2.resize(photo, (640, 480)) for photo in frames[:: max(1, len(frames) // 20)]]
        cases = [judge.Case(np.asarray(photo, np.uint8), None, (f"{path.stem}, no hand",)) for photo in some]
        rows |= judge.judged(cases, find)
        scenes += [case.pixels for case in cases]
    stock = Stock(np.stack(scenes), hands)
    with mock.patch.object(composing, "_people", lambda *_: None):  # real people are there
        rows |= {
            f"people, {name}": row for name, row in judge.judged(judge.composed_cases(stock, count, 5), find).items()
        }
    return {name: row for name, row in rows.items() if name != "all"}


def letters(recognizer: Recognizer, finder: HandFinder, cases: list[tuple[str, Photo]]) -> dict[str, float]:
    """Share named right: whole, cut out or else `nothing`, cut out or else whole, and as `predict` does it."""
    right = dict.fromkeys(("whole", "found, else nothing", "found, else whole", "the surer, as predict"), 0)
    for label, photo in cases:
        whole, views = recognizer.predict(photo), finder.views(photo)
        cut = recognizer.predict(views[0])
        right["whole"] += whole.label == label
        right["found, else nothing"] += ("nothing" if finder.find(photo) is None else cut.label) == label
        right["found, else whole"] += cut.label == label
        right["the surer, as predict"] += surest(recognizer.predict(view) for view in views).label == label
    return {name: count / len(cases) for name, count in right.items()}


def times(finder: HandFinder, recognizer: Recognizer) -> dict[str, float]:
    """Milliseconds (median) on one thread for frames of 640×480 and 1280×720."""
    from fingerspell.live.finding.square import Square

    rng, rows = np.random.default_rng(0), {}
    for height, width in ((480, 640), (720, 1280)):
        frame = rng.integers(0, 256, (height, width, 3), np.uint8)
        window = Square(100, 100, height // 2)
        for name, work in (
            (f"whole frame {width}×{height}", lambda f=frame: finder.find(f)),
            (f"window in {width}×{height}", lambda f=frame, w=window: finder.find(f, w)),
            (f"letter of {height // 2} pixels", lambda f=frame, w=window: recognizer.predict(w.cut(f))),
        ):
            spent = []
            for _ in range(40):
                started = time.perf_counter()
                work()
                spent.append((time.perf_counter() - started) * 1000)
            rows[name] = round(float(np.median(spent)), 2)
    return rows


def show(rows: dict[str, judge.Row]) -> None:
    print(f"{'':<28}{'hands':>7}{'recall':>8}{'IoU':>7}{'empty':>7}{'false':>8}")
    for name, row in rows.items():
        recall = "–" if math.isnan(row.recall) else f"{row.recall:.1%}"
        shared = "–" if math.isnan(row.overlap) else f"{row.overlap:.2f}"
        alarms = "–" if math.isnan(row.alarms) else f"{row.alarms:.1%}"
        print(f"{name:<28}{row.hands:>7}{recall:>8}{shared:>7}{row.empty:>7}{alarms:>8}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--rendered", type=Path, required=True)
    for name in ("--photos", "--test", "--landmarks"):
        parser.add_argument(name, type=Path, action="append", default=[])
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--people", type=Path, nargs="+", default=[])
    parser.add_argument("--count", type=int, default=150, help="composed frames of each kind")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--score", type=float, help="another threshold than the card's")
    parser.add_argument("--sheet", type=Path, help="a PNG of some of the frames")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    bundle = read_bundle(given.bundle)
    finder, recognizer = HandFinder(bundle, 1), Recognizer(given.bundle, 1)
    if given.score is not None:
        finder.threshold = given.score
    sheet = Sheet() if given.sheet else None
    hands = cutouts.rendered_cutouts(given.rendered, judged=True)
    stock = Stock(draw_scenes(300, given.seed, lambda task, done, total: None), hands)
    find, kept = asker(finder, sheet, 12)
    rows = judge.judged(kept(judge.composed_cases(stock, given.count, given.seed)), find)
    result: dict[str, Any] = {"letters": {}}
    sources = [(folder, True) for folder in given.photos] + [(folder, False) for folder in given.test]
    find, kept = asker(finder, sheet, 60)
    for folder, learnt in sources:
        taught = teacher.read_taught(folder, given.landmarks)
        taught = teacher.held_out(taught)[1] if learnt else taught
        some = judge.judged(kept(photo_cases(taught, folder.name)), find)
        del some["all"]
        rows |= some
        known = [(str(label), taught.photo(place)) for place, label in enumerate(taught.labels)]
        result["letters"][folder.name] = letters(recognizer, finder, known[::2])
    cases = list(judge.composed_cases(stock, given.count // 3, given.seed + 1))
    for group in (*judge.SIZES, "backlit", "no hand"):
        named = [(case.label, case.pixels) for case in cases if group in case.groups]
        result["letters"][f"composed, {group}"] = letters(recognizer, finder, named)
    show(rows)
    for name, its in result["letters"].items():
        print(f"letters, {name}: " + ", ".join(f"{way} {share:.1%}" for way, share in its.items()))
    if given.people:
        people = people_rows(finder, given.people, hands, given.count)
        show(people)
        rows |= people
    if given.clips:
        result["clips"] = clip_rows(finder, given.clips, sheet)
        for name, its in result["clips"].items():
            print(f"{name}: {its['frames']} frames, box inside {its['inside']:.1%}, elsewhere {its['elsewhere']:.1%}")
    result["milliseconds"] = times(finder, recognizer)
    print("milliseconds, one thread: " + ", ".join(f"{name} {value}" for name, value in result["milliseconds"].items()))
    if sheet is not None:
        sheet.write(given.sheet)
    result["rows"] = {name: vars(row) for name, row in rows.items()}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
