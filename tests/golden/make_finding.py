"""Makes finding.json: what of a frame is cut out and watched while a hand is followed, and pixels in another size.

Python and the page's TypeScript are both held to it. After a change that is meant:
`python tests/golden/make_finding.py`, and read the difference before it is committed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fingerspell.live.finding.aim import Aim
from fingerspell.live.finding.finder import FoundHand, size_for
from fingerspell.live.finding.square import HandBox, Square, resized

FILE = Path(__file__).with_name("finding.json")
FRAMING, THRESHOLD = 1.5, 0.4

Hand = list[float]
"""Left, top, right, bottom and score of a hand that a finder would see."""
Frame = tuple[float, list[Hand]]
"""Seconds, and the hands that are there."""


class Told:
    """A finder that is told where hands are; it sees one whose middle lies in the window, the surest first."""

    framing, threshold = FRAMING, THRESHOLD

    def __init__(self) -> None:
        self.hands: list[Hand] = []
        self.windows: list[Square | None] = []

    def find(
        self, frame: NDArray[np.uint8], window: Square | None = None, *, at_least: float = THRESHOLD
    ) -> FoundHand | None:
        """As a HandFinder does."""
        self.windows.append(window)
        seen = [FoundHand(HandBox(*hand[:4]), hand[4]) for hand in self.hands if window is None or _in(hand, window)]
        best = max(seen, key=lambda hand: hand.score, default=None)
        return best if best is not None and best.score >= at_least else None


def _in(hand: Hand, window: Square) -> bool:
    x, y = HandBox(*hand[:4]).centre
    return 0 <= x - window.left < window.side and 0 <= y - window.top < window.side


def streams() -> dict[str, tuple[int, int, list[Frame]]]:
    """Height and width of each stream's frames, and the frames."""
    still = [150.0, 100.0, 230.0, 210.0, 0.8]
    near, far = [20.0, 20.0, 100.0, 120.0, 0.6], [500.0, 300.0, 580.0, 420.0, 0.7]
    comes = [[]] * 3 + [[still]] * 8 + [[]] * 3 + [[[*still[:4], 0.25]]] * 4 + [[]] * 9
    stroke = [[_moved(still, 60 * np.sin(step / 4), 25 * np.cos(step / 3))] for step in range(40)]
    nearer = [[[300.0 - 3 * step, 150.0 - 3 * step, 340.0 + 3 * step, 190.0 + 3 * step, 0.9]] for step in range(40)]
    edge = [[[320.0, 600.0, 360.0, 640.0, 0.9]]] * 4 + [[]] * 8 + [[[0.0, 0.0, 50.0, 61.0, 0.9]]] * 14
    return {
        "a hand that rests": (480, 640, _every(0.05, [[still]] * 24)),
        "a hand that comes, blurs, and goes": (480, 640, _every(0.05, comes)),
        "a hand too faint to begin with": (480, 640, _every(0.05, [[[*still[:4], 0.3]]] * 6)),
        "a stroke to and fro": (480, 640, _every(1 / 30, stroke)),
        "a hand that walks away": (480, 640, _every(0.04, [[_moved(still, 5 * each, 2 * each)] for each in range(50)])),
        "a hand that jumps": (480, 640, _every(0.05, [[near]] * 10 + [[far]] * 14)),
        "a surer hand elsewhere": (480, 640, _every(0.1, [[near]] * 5 + [[near, [*far[:4], 0.8]]] * 12)),
        "a hardly surer hand elsewhere": (480, 640, _every(0.1, [[near]] * 5 + [[near, far]] * 12)),
        "a hand that comes nearer": (360, 640, _every(0.05, nearer)),
        "a hand at the edge of an upright frame": (640, 360, _every(0.05, edge)),
        **{f"hands that tremble, {number}": (480, 640, _trembling(number)) for number in range(1, 4)},
    }


def _every(elapsed: float, hands: list[list[Hand]]) -> list[Frame]:
    return [(round(number * elapsed, 4), seen) for number, seen in enumerate(hands)]


def _moved(hand: Hand, right: float, down: float) -> Hand:
    return [round(value + by, 2) for value, by in zip(hand, (right, down, right, down, 0), strict=True)]


def _trembling(seed: int) -> list[Frame]:
    """Hands of all sizes that come and go, in frames that come when they come; some at the same time."""
    draw = np.random.default_rng(seed)
    frames: list[Frame] = []
    seconds = 0.0
    for _ in range(8):
        x, y, side = draw.uniform(60, 580), draw.uniform(60, 420), draw.uniform(20, 300)
        there = draw.uniform() < 0.8
        for _ in range(int(draw.integers(2, 14))):
            seconds = round(seconds + float(draw.choice([0.0, 0.016, 0.033, 0.1])), 4)
            left, top, right, bottom = (
                float(np.clip(value + draw.normal(0, 3), 0, most))
                for value, most in ((x - side / 2, 640), (y - side / 2, 480), (x + side / 2, 640), (y + side / 2, 480))
            )
            seen = [left, top, right, bottom, float(draw.uniform(0.15, 1))]
            frames.append((seconds, [[round(value, 2) for value in seen]] if there and right > left + 1 else []))
    return frames


def followed(height: int, width: int, frames: list[Frame]) -> list[list[Any]]:
    """For each frame where was looked, the hand, what is cut out, what is watched, and whether that jumped."""
    told = Told()
    aim = Aim(told)  # type: ignore[arg-type]  # it needs no more of a finder
    coded = _coded(height, width)
    answers: list[list[Any]] = []
    for seconds, hands in frames:
        told.hands, told.windows = hands, []
        aimed = aim.step(seconds, coded)
        looked = [None if window is None else _numbers(window) for window in told.windows]
        hand, photo = None, None
        if aimed.hand is not None:
            box = aimed.hand.box
            hand = [round(value, 4) for value in (box.left, box.top, box.right, box.bottom, aimed.hand.score)]
            photo = _numbers(box.view(FRAMING, height, width))
        answers.append([looked, hand, photo, _place_of(aimed.watched), int(aimed.jumped)])
    return answers


def _numbers(square: Square) -> list[int]:
    return [square.left, square.top, square.side]


def _coded(height: int, width: int) -> NDArray[np.uint8]:
    """(height, width, 3) uint8 whose pixels say where they are."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns & 255, rows & 255, (columns >> 8) | (rows >> 8 << 4)], axis=2).astype(np.uint8)


def _place_of(part: NDArray[np.uint8]) -> list[int]:
    """Left, top and side of a square part of a coded frame."""
    red, green, blue = (int(value) for value in part[0, 0])
    return [red | (blue & 15) << 8, green | (blue >> 4) << 8, part.shape[0]]


PICTURE = (90, 120)
"""Height and width of the picture of which parts are shown in other sizes."""
PARTS: tuple[tuple[int, int, int, int, int, int, float | None], ...] = (
    (20, 10, 12, 8, 8, 12, None),  # as it is
    (-5, 70, 12, 30, 30, 12, None),  # beyond the edges
    (10, 7, 73, 61, 9, 11, None),  # smaller, nothing even
    (-30, -20, 61, 61, 16, 16, None),
    (30, 20, 9, 7, 15, 20, None),  # larger
    (112, 82, 12, 12, 20, 17, None),  # larger, beyond the edges
    (0, 0, 120, 90, 7, 10, 2.0),  # by whole numbers first
    (-61, -45, 201, 201, 16, 16, 2.0),
    (3, 2, 101, 17, 8, 9, 2.0),
)
"""Left, top, width and height of a part; height and width that are wanted; the reducing gap, as Pillow calls it."""


def picture() -> NDArray[np.uint8]:
    """(90, 120, 3) uint8: slopes and edges that both languages can draw."""
    row, column, channel = np.mgrid[: PICTURE[0], : PICTURE[1], :3]
    return ((row * row * 3 + column * (5 + 2 * channel) + row * column // 7 + 90 * (row // 20 % 2)) % 256).astype(
        np.uint8
    )


def shown(left: int, top: int, width: int, height: int, high: int, wide: int, gap: float | None) -> str:
    """The part in that size, as hexadecimal digits: rows of red, green, blue."""
    from PIL import Image

    whole = picture()
    rows = np.clip(np.arange(top, top + height), 0, whole.shape[0] - 1)
    columns = np.clip(np.arange(left, left + width), 0, whole.shape[1] - 1)
    part = np.ascontiguousarray(whole[rows[:, None], columns])
    if gap is not None or (high, wide) == part.shape[:2]:
        return resized(part, high, wide).tobytes().hex()
    shrinks = high <= height and wide <= width
    how = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    return Image.fromarray(part).resize((wide, high), how).tobytes().hex()


SIZES = (
    (480, 640, 36864), (360, 640, 36864), (640, 360, 36864), (480, 480, 36864), (600, 800, 36864), (100, 640, 36864),
    (400, 640, 36864),
    (1, 1, 36864), (480, 640, 9000), (480, 640, 1024), (479, 853, 50000),
)  # fmt: skip
"""Height and width of frames, and the pixels that the finder may see."""


def golden() -> dict[str, Any]:
    """All that is written down."""
    made = [
        {"name": name, "height": height, "width": width, "frames": frames, "answers": followed(height, width, frames)}
        for name, (height, width, frames) in streams().items()
    ]
    return {
        "made_by": f"tests/golden/{Path(__file__).name}",
        "framing": FRAMING,
        "threshold": THRESHOLD,
        "streams": json.loads(json.dumps(made)),
        "sizes": [[*size, *size_for(*size)] for size in SIZES],
        "pixels": [[*part, shown(*part)] for part in PARTS],
    }


def write(value: dict[str, Any], file: Path) -> None:
    """One stream, and one part, a line: readable differences, small file."""
    lines = []
    for key, its in value.items():
        if key in {"streams", "pixels"}:
            inner = ",\n".join(json.dumps(each, separators=(",", ":")) for each in its)
            lines.append(f"{json.dumps(key)}: [\n{inner}\n]")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(its, separators=(',', ':'))}")
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    write(golden(), FILE)
