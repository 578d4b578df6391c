"""Makes hand.json: answers to frames and to their mirror images, and the hand that is expected from which frame on.

Python and the page's TypeScript are both held to it. After a change that is meant:
`python tests/golden/make_hand.py`, and read the difference before it is committed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from fingerspell.core.alphabet import LABELS as ALL
from fingerspell.live.hand import HandChooser

FILE = Path(__file__).with_name("hand.json")
LABELS = ("A", "nothing", "B", "space")

Frame = list[Any]
"""Seconds since the frame before; probabilities of the frame, and of its mirror image."""

SURE, UNSURE = [0.9, 0.02, 0.05, 0.03], [0.3, 0.1, 0.35, 0.25]
EMPTY, ALMOST_EMPTY = [0.0, 1.0, 0.0, 0.0], [0.001, 0.999, 0.0, 0.0]
FAINT, BRIGHT = [0.0009 if label != "nothing" else 0.9748 for label in ALL], [float(label == "A") for label in ALL]


def streams() -> dict[str, list[Frame]]:
    """The frames of each stream."""
    thirty, five = 1 / 30, 0.2
    return {
        "a right hand": _held(60, thirty, SURE, UNSURE),
        "a left hand": _held(60, thirty, UNSURE, SURE),
        "a left hand at 5 frames a second": _held(20, five, UNSURE, SURE),
        "a left hand, then a right one": _held(60, thirty, UNSURE, SURE) + _held(150, thirty, SURE, UNSURE),
        "a glimpse of a left hand": _held(8, thirty, UNSURE, SURE) + _held(60, thirty, SURE, SURE),
        "as sure either way": _held(90, thirty, SURE, SURE),
        "no hand": _held(300, thirty, EMPTY, ALMOST_EMPTY),
        "a hand in the mirror only": _held(120, thirty, EMPTY, SURE),
        "hardly better in the mirror": _held(400, thirty, UNSURE, [0.2, 0.1, 0.4, 0.3]),
        "all signs too faint to compare": _held(100, five, FAINT, BRIGHT),
        **{f"hands that change, {number}": _changing(number) for number in range(1, 7)},
    }


def _held(frames: int, elapsed: float, plain: list[float], mirrored: list[float]) -> list[Frame]:
    return [[elapsed, plain, mirrored]] * frames


def _changing(seed: int) -> list[Frame]:
    """Either hand for a while, doubtful ones among them; frames that come when they come."""
    draw = np.random.default_rng(seed)
    frames: list[Frame] = []
    for part in range(12):
        peaked = (draw.dirichlet([2.0, 0.3, 0.5, 0.5]), draw.dirichlet([1.0, 0.6, 0.8, 0.8]))
        one, other = (each.round(3).tolist() for each in (peaked if part % 2 else peaked[::-1]))
        frames += _held(int(draw.integers(5, 60)), round(float(draw.uniform(0.02, 0.15)), 3), one, other)
    return frames


def labels_of(frames: list[Frame]) -> tuple[str, ...]:
    """The labels of these probabilities."""
    return LABELS if len(frames[0][1]) == len(LABELS) else ALL


def decisions(frames: list[Frame]) -> list[list[Any]]:
    """The hand that is expected after the first frame, and after each frame at which that changes."""
    chooser = HandChooser("auto", labels_of(frames))
    found: list[list[Any]] = []
    for number, (elapsed, plain, mirrored) in enumerate(frames):
        chooser.step(elapsed, np.array(plain, np.float32), np.array(mirrored, np.float32))
        if not found or found[-1][1] != chooser.hand:
            found.append([number, chooser.hand])
    return found


def golden() -> dict[str, Any]:
    """All that is written down."""
    made = [
        {"name": name, "labels": labels_of(frames), "frames": _runs(frames), "hands": decisions(frames)}
        for name, frames in streams().items()
    ]
    return {"made_by": f"tests/golden/{Path(__file__).name}", "streams": made}


def _runs(frames: list[Frame]) -> list[list[Any]]:
    """Equal frames once, with how many there are before them."""
    runs: list[list[Any]] = []
    for frame in frames:
        if runs and runs[-1][1:] == frame:
            runs[-1][0] += 1
        else:
            runs.append([1, *frame])
    return runs


def write(value: dict[str, Any], file: Path) -> None:
    """One stream a line: readable differences, small file."""
    lines = ",\n".join(json.dumps(stream, separators=(",", ":")) for stream in value["streams"])
    file.write_text(f'{{\n"made_by": {json.dumps(value["made_by"])},\n"streams": [\n{lines}\n]\n}}\n')


if __name__ == "__main__":
    write(golden(), FILE)
