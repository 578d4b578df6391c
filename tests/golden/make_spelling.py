"""Makes spelling.json: streams of probabilities and movements, and the events that the speller answers with.

Python and the page's TypeScript are both held to it. After a change that is meant:
`python tests/golden/make_spelling.py`, and read the difference before it is committed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.alphabet import LABELS
from fingerspell.live.spelling.event import Event
from fingerspell.live.spelling.movement import Movement, MovementTracker
from fingerspell.live.spelling.settings import SpellingSettings
from fingerspell.live.spelling.speller import Speller

FILE = Path(__file__).with_name("spelling.json")
Frame = dict[str, Any]

Z_PATH = [(-0.4, 0.0), (0.35, 0.3), (-0.4, 0.0)]
WIDE_Z = [(-0.4, 0.0), (0.8, 0.3), (-0.4, 0.0)]
TREMBLING_Z = [(-0.2, 0), (0.03, 0), (-0.2, 0), (0.2, 0.15), (-0.03, 0), (0.2, 0.15), (-0.2, 0), (0.03, 0), (-0.2, 0)]
WOBBLING = [(-0.4, 0.0), (0.2, 0.1), (-0.08, 0.0), (0.2, 0.1), (-0.4, 0.0)]
STEEP = [(-0.2, 0.3), (0.2, 0.3), (-0.2, 0.3)]
STILL = [(0.0, 0.0)]
J_PATH = [(0.0, 0.35), (0.25, -0.15)]


class Scenario:
    """A stream that is written down sign by sign."""

    def __init__(self, name: str, labels: tuple[str, ...] = LABELS, fps: float = 30, **settings: Any) -> None:
        self.name, self.labels, self.fps, self.settings = name, labels, fps, settings
        self.frames: list[Frame] = []
        self._now = 0.0
        self._rng = np.random.default_rng([ord(letter) for letter in name])

    def show(self, signs: dict[str, float], seconds: float, path: Iterable[tuple[float, float]] = ()) -> Scenario:
        """Hold signs with such probabilities for some time, moving along a path in sides of the box meanwhile."""
        count = max(round(seconds * self.fps), 1)
        for movement in _movements(list(path), count):
            self._frame(signs, movement)
        return self

    def rest(self, seconds: float = 0.4) -> Scenario:
        return self.show({"nothing": 0.9}, seconds)

    def word(self, text: str, hold: float = 0.6, rest: float = 0.4, sure: float = 0.8) -> Scenario:
        for letter in text:
            sign = {" ": "space", "<": "del"}.get(letter, letter)
            self.show({sign: sure}, hold).rest(rest)
        return self

    def act(self, action: str) -> Scenario:
        self.frames.append({"act": action})
        return self

    def pause(self, seconds: float) -> Scenario:
        self._now += seconds
        return self

    def again(self) -> Scenario:
        """The last frame once more, at the same moment."""
        self.frames.append(dict(self.frames[-1]))
        return self

    def _frame(self, signs: dict[str, float], movement: tuple[float, float] | None) -> None:
        noise = self._rng.random(len(self.labels)) ** 4
        left = max(1 - sum(signs.values()), 0.0)
        mean = noise / noise.sum() * left
        for label, probability in signs.items():
            mean[self.labels.index(label)] += probability
        moved = None
        if movement is not None:
            moved = [round(movement[0], 5), round(movement[1], 5), 0.2 if any(movement) else 0.0]
        sparse = {str(i): round(float(p), 3) for i, p in enumerate(mean) if p >= 0.02}
        self.frames.append({"seconds": round(self._now, 4), "seen": sparse, **({"moved": moved} if moved else {})})
        self._now += 1 / self.fps


def _movements(path: list[tuple[float, float]], count: int) -> Iterator[tuple[float, float] | None]:
    if not path:
        yield from [None] * count
        return
    for number in range(count):
        part = path[number * len(path) // count]
        yield part[0] * len(path) / count, part[1] * len(path) / count


def scenarios() -> list[Scenario]:
    """All streams."""
    made = [
        Scenario("a word with a double letter").rest().word("HELLO"),
        Scenario("the same at 15 frames a second", fps=15).rest().word("HELLO"),
        Scenario("the same at 60 frames a second", fps=60).rest().word("HI"),
        Scenario("a double letter without a rest").rest().show({"L": 0.8}, 1.4).rest(),
        Scenario("a rest that is too short").rest().word("LL", rest=0.1).rest(),
        Scenario("a double letter that slides").rest().show({"L": 0.8}, 0.7).show({"L": 0.7}, 0.3, [(-0.15, 0.02)]),
        Scenario("a hand that drifts").rest().show({"L": 0.8}, 0.7).show({"L": 0.8}, 1.2, [(-0.2, 0.0)]),
        Scenario("a hand that sinks").rest().show({"L": 0.8}, 0.7).show({"L": 0.8}, 0.3, [(0.12, 0.3)]),
        Scenario("a hand that comes sliding in").rest().show({"L": 0.8}, 0.3, [(0.4, 0.0)]),
        Scenario("letters that follow at once").rest().word("BAD", hold=0.8, rest=0.0).rest(),
        Scenario("space and del").rest().word("A B<C <<"),
        Scenario("del where there is nothing to delete").rest().word("<A"),
        Scenario("undo and clear").rest().word("AB").act("undo").word("C").act("clear").act("undo").act("undo"),
        Scenario("two signs that take turns").rest(),
        Scenario("unclear hand").rest().show({"K": 0.3, "V": 0.25}, 3.5).rest().show({"P": 0.2, "Q": 0.25}, 2.5),
        Scenario("ends while unclear").rest().show({"K": 0.3, "V": 0.25}, 1.0),
        Scenario("a held J is an I").rest().show({"J": 0.7, "I": 0.1}, 0.8).rest(),
        Scenario("a held Z is nothing to write").rest().show({"Z": 0.8}, 0.8).rest(),
        Scenario("without motion they are letters", motion=False).rest().word("JZ"),
        Scenario("an I that becomes a J")
        .rest()
        .show({"I": 0.8}, 0.7)
        .show({"I": 0.5}, 0.7, J_PATH)
        .show({"I": 0.6}, 0.5),
        Scenario("a J at once").rest().show({"I": 0.8}, 0.1).show({"I": 0.4, "J": 0.2}, 0.5, J_PATH).rest(),
        Scenario("a path without the shape").rest().show({"A": 0.8}, 0.1).show({"A": 0.7}, 0.7, J_PATH).rest(),
        Scenario("a Z").rest().show({"Z": 0.4, "D": 0.3}, 0.8, Z_PATH).rest(),
        Scenario("a Z of the other hand").rest().show({"D": 0.4}, 0.8, [(-x, y) for x, y in Z_PATH]).rest(),
        Scenario("a D that becomes a Z").rest().show({"D": 0.9}, 0.8).show({"D": 0.4}, 0.9, Z_PATH).rest().word("A"),
        Scenario("an I, a rest, and a J").rest().word("I").show({"I": 0.8}, 0.1).show({"I": 0.5}, 0.7, J_PATH).rest(),
        Scenario("an I, a rest, and a quick J").rest().word("I").show({"I": 0.2, "J": 0.1}, 0.6, J_PATH).rest(),
        Scenario("a Z, a rest, and what it resembled").rest(),
        Scenario("three doubtful signs while the hand travels").rest(),
        Scenario("an I, then a Z that looks like a J")
        .rest()
        .show({"I": 0.9}, 0.8)
        .show({"I": 0.4}, 0.8, Z_PATH)
        .rest(),
        Scenario("an I, then a wide Z").rest().show({"I": 0.9}, 0.8).show({"I": 0.4}, 0.9, WIDE_Z).rest(),
        Scenario("a Z of a trembling hand").rest().show({"D": 0.4}, 0.9, TREMBLING_Z).rest(),
        Scenario("a path that turns too often").rest().show({"D": 0.4}, 0.9, WOBBLING).rest(),
        Scenario("a path that is too steep for a Z").rest().show({"D": 0.4}, 0.9, STEEP).rest(),
        Scenario("two doubtful signs while a Z is drawn").rest(),
        Scenario("a Z with rests between its strokes").rest(),
        Scenario("signs that were meant while the hand travels").rest(),
        Scenario("waving without a hand sign").rest().show({"nothing": 0.8}, 0.8, Z_PATH).rest(),
        Scenario("two Zs")
        .rest()
        .word("PI")
        .show({"Z": 0.4}, 0.8, Z_PATH)
        .show({"Z": 0.4}, 0.8, Z_PATH)
        .rest()
        .word("A"),
        Scenario("a camera that was unplugged").rest().show({"A": 0.8}, 0.25).pause(3).show({"A": 0.8}, 0.6).rest(),
        Scenario("frames of the same moment").rest().show({"A": 0.8}, 0.2).again().again().show({"A": 0.8}, 0.3).rest(),
        Scenario("a slower hand", hold=0.8, release=0.5, certain=0.7).rest().word("AA", hold=1.2, rest=0.7).word("B"),
        Scenario("no label for nothing", labels=("A", "B", "I", "J")).show({"A": 0.9}, 0.8).show({"A": 0.3}, 2.5),
        Scenario("a quick and doubtful recogniser", looks=25, changes=6, between=0.15, certain=0.3).rest(),
    ]
    named = {scenario.name: scenario for scenario in made}
    for name in (
        "a double letter that slides",
        "a hand that drifts",
        "a hand that sinks",
        "a hand that comes sliding in",
    ):
        named[name].show({"L": 0.8}, 0.7, STILL).rest()
    named["a Z, a rest, and what it resembled"].show({"D": 0.3, "nothing": 0.3}, 0.8, Z_PATH).rest().word("D")
    doubtful = named["three doubtful signs while the hand travels"]
    for letter, stroke in zip("BOA", [Z_PATH[0], (0.15, 0.15), (0.2, 0.15)], strict=True):
        doubtful.show({letter: 0.55}, 0.3, [stroke]).show({letter: 0.6}, 0.5, STILL)
    doubtful.show({"A": 0.5}, 0.3, [Z_PATH[2]]).rest()
    for _ in range(6):
        named["two signs that take turns"].show({"K": 0.75}, 0.1).show({"V": 0.75}, 0.1)
    read_into = named["two doubtful signs while a Z is drawn"]
    for letter, stroke in zip("BO", Z_PATH, strict=False):
        read_into.show({letter: 0.55}, 0.3, [stroke]).show({letter: 0.6}, 0.5, STILL)
    read_into.show({"O": 0.5}, 0.3, [Z_PATH[2]]).rest()
    resting = named["a Z with rests between its strokes"]
    for stroke in Z_PATH:
        resting.show({"X": 0.3, "B": 0.2}, 0.4, [stroke]).show({"X": 0.3, "U": 0.2}, 0.5, STILL)
    travelling = named["signs that were meant while the hand travels"]
    for letter, stroke in zip("LOA", Z_PATH, strict=True):
        travelling.show({letter: 0.95}, 0.6).show({letter: 0.5}, 0.3, [stroke])
    named["a quick and doubtful recogniser"].word("QUICK", hold=0.35, rest=0.15, sure=0.45)
    return made


def run(scenario: Scenario) -> list[dict[str, Any]]:
    """The events of a stream, and after each action the text."""
    speller = Speller(scenario.labels, SpellingSettings(**scenario.settings))
    answers: list[dict[str, Any]] = []
    for frame in scenario.frames:
        if "act" in frame:
            answers.append({"text": getattr(speller, frame["act"])()})
            continue
        seen = np.zeros(len(scenario.labels))
        for index, probability in frame["seen"].items():
            seen[int(index)] = probability
        movement = None if "moved" not in frame else Movement(*frame["moved"])
        answers += [_plain(event) for event in speller.step(frame["seconds"], seen, movement)]
    return answers + [_plain(event) for event in speller.finish()]


def _plain(event: Event) -> dict[str, Any]:
    plain = asdict(event)
    plain["certainty"] = round(event.certainty, 9)
    plain["candidates"] = [[label, round(probability, 9)] for label, probability in event.candidates]
    return plain


def photo(number: int, height: int, width: int) -> NDArray[np.uint8]:
    """A picture that can be made in any language: a bright patterned square that wanders over a still pattern.

    With x and y from 0: the ground is (5x + 9y) mod 61 + 40 in all channels; the square's left edge is
    width·(2 + number) div 12, its top height·(9 − number) div 15, its side min(height, width) div 3; inside, channel c
    is 120 + (7u² + 11v·(c + 1)) mod 100 with u and v counted from the square's corner.
    """
    y, x = np.mgrid[:height, :width]
    picture = np.repeat((((5 * x + 9 * y) % 61) + 40)[..., None], 3, axis=2)
    side, left, top = min(height, width) // 3, width * (2 + number) // 12, height * (9 - number) // 15
    inside = (x >= left) & (x < left + side) & (y >= top) & (y < top + side)
    u, v = x - left, y - top
    for channel in range(3):
        picture[..., channel][inside] = (120 + (7 * u * u + 11 * v * (channel + 1)) % 100)[inside]
    return picture.astype(np.uint8)


SIZES = ((120, 120), (97, 131), (200, 200), (40, 30), (40, 200))


def movements(height: int, width: int) -> list[list[float] | None]:
    """What the tracker says to eight such pictures, a tenth of a second apart, the third one shown twice."""
    tracker = MovementTracker()
    order = [0, 1, 2, 2, 3, 5, 5, 8]
    found: list[list[float] | None] = []
    for place, number in enumerate(order):
        moved = tracker.step(place / 10, photo(number, height, width))
        found.append(None if moved is None else [round(each, 9) for each in (moved.right, moved.down, moved.share)])
    return found


def golden() -> dict[str, Any]:
    """All that the file holds."""
    return {
        "made_by": "tests/golden/make_spelling.py",
        "defaults": asdict(SpellingSettings()),
        "streams": [
            {
                "name": each.name,
                "labels": list(each.labels),
                "settings": each.settings,
                "frames": each.frames,
                "answers": run(each),
            }
            for each in scenarios()
        ],
        "pictures": [{"height": h, "width": w, "movements": movements(h, w)} for h, w in SIZES],
    }


def write(value: dict[str, Any], file: Path) -> None:
    """One stream, answer or picture a line: readable differences, small file."""
    parts = [f'"made_by": {json.dumps(value["made_by"])}', f'"defaults": {json.dumps(value["defaults"])}']
    streams = ",\n".join(json.dumps(stream, separators=(",", ":")) for stream in value["streams"])
    pictures = ",\n".join(json.dumps(picture, separators=(",", ":")) for picture in value["pictures"])
    file.write_text(
        "{\n" + ",\n".join([*parts, f'"streams": [\n{streams}\n]', f'"pictures": [\n{pictures}\n]']) + "\n}\n"
    )


if __name__ == "__main__":
    made = golden()
    if any(isinstance(v, float) and not math.isfinite(v) for v in made["defaults"].values()):
        raise SystemExit("a default is not finite")
    write(made, FILE)
