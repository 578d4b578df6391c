"""How much of a text comes through: words spelled by streams made from folders of photos, and single letters by clips.

    python benchmarks/spelling_streams.py asl.bundle DIR [DIR …] [--clips DIR] [--words 200] [--set hold=0.25]

A stream shows each letter of a word for 0.5–0.9 s, with 0.3–0.6 s of "nothing" before, between and after: neighbouring
photos of one recording, ten a second, at 15 and at 30 frames a second. J and Z are movements that photos cannot show,
so no word has them; clips show them. A third of the words has a double letter. Clips show one letter each, which their
file is named after. `--texts` scores rendered clips, made by `fingerspell data synth --clips`, against their texts.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fingerspell.core.alphabet import MOTION_LETTERS
from fingerspell.live.frames.frame import Frame
from fingerspell.live.frames.stills import ENDINGS
from fingerspell.live.hand import Hand
from fingerspell.live.reader import Reader
from fingerspell.live.recognizer import Recognizer
from fingerspell.live.spelling.event import Event
from fingerspell.live.spelling.movement import MovementTracker
from fingerspell.live.spelling.settings import SpellingSettings
from fingerspell.live.spelling.speller import Speller
from fingerspell.live.words.dictionary import Dictionary
from fingerspell.live.words.text import correct_text

Floats = NDArray[np.float32]

PHOTOS_A_SECOND = 10
BATCH = 64
SHORTEST, LONGEST, MOST_FREQUENT = 3, 8, 5000


@dataclass(frozen=True)
class Shown:
    """One sign of a stream: what is shown, from when to when."""

    label: str
    start: float
    end: float


@dataclass
class Tally:
    """Counts over streams."""

    letters: int = 0
    edits: int = 0
    words: int = 0
    wrong: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    pairs: Counter[str] = field(default_factory=Counter)
    delays: list[float] = field(default_factory=list)
    corrected_edits: int = 0
    corrected_wrong: int = 0

    def row(self) -> dict[str, Any]:
        delays = self.delays
        return {
            "words": self.words,
            "word_error_rate": round(self.wrong / max(self.words, 1), 4),
            "letters": self.letters,
            "letter_error_rate": round(self.edits / max(self.letters, 1), 4),
            "corrected_word_error_rate": round(self.corrected_wrong / max(self.words, 1), 4),
            "corrected_letter_error_rate": round(self.corrected_edits / max(self.letters, 1), 4),
            "seconds_to_letter_median": round(float(np.median(delays)), 3) if delays else None,
            "seconds_to_letter_p95": round(float(np.quantile(delays, 0.95)), 3) if delays else None,
            "causes": dict(self.causes.most_common()),
            "pairs": dict(self.pairs.most_common(12)),
        }


def in_time_order(folder: Path) -> list[Path]:
    """Photos by the number in their names."""
    photos = [path for path in folder.iterdir() if path.suffix.lower() in ENDINGS]
    return sorted(photos, key=lambda path: ([int(n) for n in re.findall(r"\d+", path.stem)], path.name))


def recognise(recognizer: Recognizer, photos: Sequence[NDArray[np.uint8]]) -> Floats:
    """(photos, labels) probabilities."""
    rows = []
    for first in range(0, len(photos), BATCH):
        rows += [answer.probabilities for answer in recognizer.predict_batch(photos[first : first + BATCH])]
    return np.stack(rows)


def answers_of(recognizer: Recognizer, folder: Path) -> dict[str, Floats]:
    """What the recogniser says of every photo, by label."""
    answers = {}
    for label in recognizer.labels:
        paths = in_time_order(folder / label) if (folder / label).is_dir() else []
        if paths:
            photos = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
            answers[label] = recognise(recognizer, photos)
        print(f"\r{folder.name}: {label}      ", end="", file=sys.stderr)
    print(file=sys.stderr)
    return answers


def words_of(count: int, letters: frozenset[str], rng: np.random.Generator) -> list[str]:
    """Frequent English words that these letters can spell, a third with a double letter."""
    from spellchecker import SpellChecker

    frequency = SpellChecker().word_frequency
    ranked = sorted(frequency.words(), key=lambda word: (-frequency[word], word))[:MOST_FREQUENT]
    fit = [w.upper() for w in ranked if SHORTEST <= len(w) <= LONGEST and w.isascii() and set(w.upper()) <= letters]
    double = [word for word in fit if re.search(r"(.)\1", word)]
    single = [word for word in fit if word not in set(double)]
    thirds = min(count // 3, len(double))
    return [str(w) for w in rng.choice(double, thirds, replace=False)] + [
        str(w) for w in rng.choice(single, count - thirds, replace=False)
    ]


def stream_of(
    word: str, answers: dict[str, Floats], fps: float, rng: np.random.Generator
) -> tuple[list[Shown], Iterator[tuple[float, Floats]]]:
    """The signs of a word with their times, and the stream's (seconds, probabilities)."""
    shown, now = [], 0.0
    for label in ["nothing", *[part for letter in word for part in (letter, "nothing")]]:
        length = rng.uniform(0.3, 0.6) if label == "nothing" else rng.uniform(0.5, 0.9)
        shown.append(Shown(label, now, now + length))
        now += length
    return shown, _frames(shown, answers, fps, rng)


def _frames(
    shown: list[Shown], answers: dict[str, Floats], fps: float, rng: np.random.Generator
) -> Iterator[tuple[float, Floats]]:
    number = 0
    for sign in shown:
        rows = answers[sign.label]
        first = int(rng.integers(len(rows)))
        while number / fps < sign.end:
            passed = int((number / fps - sign.start) * PHOTOS_A_SECOND)
            yield number / fps, rows[(first + passed) % len(rows)]
            number += 1


def align(wanted: str, found: str) -> list[tuple[str, int | None, int | None]]:
    """Cheapest edits: (same | substituted | missed | added, place in wanted, place in found)."""
    cost = np.zeros((len(wanted) + 1, len(found) + 1), int)
    cost[:, 0], cost[0] = np.arange(len(wanted) + 1), np.arange(len(found) + 1)
    for i, a in enumerate(wanted, 1):
        for j, b in enumerate(found, 1):
            cost[i, j] = min(cost[i - 1, j] + 1, cost[i, j - 1] + 1, cost[i - 1, j - 1] + (a != b))
    steps: list[tuple[str, int | None, int | None]] = []
    i, j = len(wanted), len(found)
    while i or j:
        if i and j and cost[i, j] == cost[i - 1, j - 1] + (wanted[i - 1] != found[j - 1]):
            i, j = i - 1, j - 1
            steps.append(("same" if wanted[i] == found[j] else "substituted", i, j))
        elif i and cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
            steps.append(("missed", i, None))
        else:
            j -= 1
            steps.append(("added", None, j))
    return steps[::-1]


def spell(
    word: str,
    answers: dict[str, Floats],
    labels: Sequence[str],
    settings: SpellingSettings,
    fps: float,
    seed: int,
    tally: Tally,
    dictionary: Dictionary,
) -> str:
    """Spell one word and count what went wrong."""
    rng = np.random.default_rng([seed, *(ord(letter) for letter in word)])
    shown, frames = stream_of(word, answers, fps, rng)
    speller, events = Speller(labels, settings), []
    means = {sign.start: np.zeros(len(labels)) for sign in shown}
    holds = [sign for sign in shown if sign.label != "nothing"]
    place = 0
    for seconds, seen in frames:
        while seconds >= shown[place].end and place + 1 < len(shown):
            place += 1
        means[shown[place].start] += seen
        events += speller.step(seconds, seen)
    events += speller.finish()
    written = [event for event in events if event.kind == "written"]
    tally.words, tally.letters = tally.words + 1, tally.letters + len(word)
    tally.wrong += speller.text != word
    for kind, i, j in align(word, speller.text):
        tally.edits += kind != "same"
        if kind in {"missed", "substituted"} and i is not None:
            _why(kind, word[i], means[holds[i].start], labels, settings, tally)
        if kind == "added" and j is not None:
            tally.causes["added: " + _when(written, j, holds)] += 1
        if kind == "same" and i is not None and j is not None and len(written) == len(speller.text):
            tally.delays.append(written[j].seconds - holds[i].start)
    _correct(word, events, dictionary, tally)
    return speller.text


def _correct(word: str, events: Sequence[Event], dictionary: Dictionary, tally: Tally) -> None:
    corrected = correct_text(events, dictionary).text.strip()
    tally.corrected_wrong += corrected != word
    tally.corrected_edits += sum(kind != "same" for kind, _, _ in align(word, corrected))


def _why(
    kind: str, wanted: str, total: NDArray[np.float64], labels: Sequence[str], settings: SpellingSettings, tally: Tally
) -> None:
    mean = total / max(total.sum(), 1e-9)
    best = labels[int(mean.argmax())]
    if best != wanted:
        tally.causes[f"{kind}: recogniser takes the hand for another sign"] += 1
        tally.pairs[f"{wanted}→{best}"] += 1
    elif mean.max() < settings.certain:
        tally.causes[f"{kind}: right but not certain enough"] += 1
        tally.pairs[f"{wanted} unsure"] += 1
    else:
        tally.causes[f"{kind}: right and certain, lost in time"] += 1


def _when(written: Sequence[Event], place: int, holds: Sequence[Shown]) -> str:
    if place >= len(written):
        return "elsewhere"
    moment = written[place].seconds
    return (
        "a second sign read into one hold" if any(h.start <= moment < h.end for h in holds) else "between two letters"
    )


def read_clip(path: Path) -> tuple[list[float], list[NDArray[np.uint8]]]:
    """All frames of a short clip, with their times."""
    from fingerspell.live.frames.video import read_video

    frames = list(read_video(path))
    return [frame.seconds for frame in frames], [np.ascontiguousarray(frame.pixels) for frame in frames]


def spell_clip(recognizer: Recognizer, path: Path, settings: SpellingSettings) -> tuple[str, list[Event]]:
    """The text of a video, and its events."""
    seconds, photos = read_clip(path)
    speller, tracker = Speller(recognizer.labels, settings), MovementTracker()
    events: list[Event] = []
    for moment, photo, seen in zip(seconds, photos, recognise(recognizer, photos), strict=True):
        events += speller.step(moment, seen, tracker.step(moment, photo))
    return speller.text, [*events, *speller.finish()]


def spell_clips(recognizer: Recognizer, folder: Path, settings: SpellingSettings) -> tuple[Tally, list[dict[str, Any]]]:
    """Each clip shows one letter, named by its file."""
    tally, rows = Tally(), []
    for path in sorted(folder.rglob("*.mp4")):
        wanted = path.stem
        text, events = spell_clip(recognizer, path, settings)
        tally.words, tally.letters, tally.wrong = tally.words + 1, tally.letters + 1, tally.wrong + (text != wanted)
        tally.edits += sum(kind != "same" for kind, _, _ in align(wanted, text))
        if text != wanted:
            tally.causes[_clip_cause(wanted, text)] += 1
            tally.pairs[f"{wanted}→{text or '–'}"] += 1
        asked = [event.candidates[0][0] for event in events if event.kind == "unsure"]
        rows.append({"clip": f"{path.parent.name}/{path.name}", "text": text, "please repeat, perhaps": asked})
    return tally, rows


def _clip_cause(wanted: str, text: str) -> str:
    if not text:
        return "nothing written"
    return "right and more" if wanted in text else "another letter"


def spell_with_hands(recognizer: Recognizer, folder: Path, settings: SpellingSettings) -> dict[str, int]:
    """How many clips are spelled right as they are and mirrored, read as a right, a left, or either hand."""
    found: Counter[str] = Counter()
    for path in sorted(folder.rglob("*.mp4")):
        seconds, photos = read_clip(path)
        for side, turn in (("as it is", 1), ("mirrored", -1)):
            frames = [Frame(when, np.ascontiguousarray(p[:, ::turn])) for when, p in zip(seconds, photos, strict=True)]
            for hand in get_args(Hand):
                reader = Reader(recognizer, settings, hand=hand)
                for _ in reader.read_all(frames):
                    pass
                found[f"{side}, --hand {hand}"] += reader.text == path.stem
    return dict(found)


def spell_texts(recognizer: Recognizer, folder: Path, settings: SpellingSettings, dictionary: Dictionary) -> Tally:
    """Rendered clips against the texts that they were made from."""
    import pyarrow.parquet

    tally = Tally()
    for row in pyarrow.parquet.read_table(folder / "clips.parquet").to_pylist():
        wanted = row["text"].upper()
        text, events = spell_clip(recognizer, folder / row["path"], settings)
        text = text.strip()  # the hand goes away at the end, which may pass through a space
        tally.words, tally.letters, tally.wrong = (
            tally.words + 1,
            tally.letters + len(wanted),
            tally.wrong + (text != wanted),
        )
        tally.edits += sum(kind != "same" for kind, _, _ in align(wanted, text))
        tally.pairs[f"{wanted}→{text or '–'}"] += text != wanted
        _correct(wanted, events, dictionary, tally)
    return tally


def settings_of(pairs: Sequence[str]) -> SpellingSettings:
    values: dict[str, Any] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        values[name] = float(value) if name != "motion" else value == "true"
    return SpellingSettings(**values)


def _line(name: str, fps: int | None, tally: Tally) -> dict[str, Any]:
    row = tally.row()
    raw = f"{row['letter_error_rate']:>14.1%}{row['word_error_rate']:>8.1%}"
    corrected = f"{row['corrected_letter_error_rate']:>18.1%}{row['corrected_word_error_rate']:>8.1%}"
    times = f"{row['seconds_to_letter_median']:.2f} s, {row['seconds_to_letter_p95']:.2f} s" if tally.delays else "–"
    print(f"{name:<18}{fps or '':>4}  {raw}  {corrected}  {times}")
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--hands", action="store_true", help="clips also mirrored, and with each choice of the hand")
    parser.add_argument("--texts", type=Path, help="folder of rendered clips, with clips.parquet")
    parser.add_argument("--words", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--out", type=Path, help="every clip's text, as JSON")
    given = parser.parse_args()
    recognizer, settings, dictionary = Recognizer(given.bundle), settings_of(given.settings), Dictionary()
    result: dict[str, dict[str, Any]] = {}
    print(
        f"{'source':<18}{'fps':>4}  {'wrong: letters':>14}{'words':>8}  {'corrected: letters':>18}{'words':>8}"
        "  to letter, 95%"
    )
    for folder in given.folders:
        answers = answers_of(recognizer, folder)
        letters = frozenset(answers) - MOTION_LETTERS - {"nothing", "space", "del"}
        words = words_of(given.words, letters, np.random.default_rng(given.seed))
        for fps in (15, 30):
            tally = Tally()
            for word in words:
                spell(
                    word,
                    answers,
                    recognizer.labels,
                    replace(settings, motion=False),
                    fps,
                    given.seed,
                    tally,
                    dictionary,
                )
            result[f"{folder.name}@{fps}"] = _line(folder.name, fps, tally)
    if given.texts:
        result["texts"] = _line("rendered clips", None, spell_texts(recognizer, given.texts, settings, dictionary))
    if given.clips:
        tally, clips = spell_clips(recognizer, given.clips, settings)
        result["clips"] = tally.row()
        print(f"{'clips, one letter':<22}  {tally.edits / tally.letters:>14.1%}{tally.wrong / tally.words:>8.1%}")
        if given.hands:
            for name, right in spell_with_hands(recognizer, given.clips, settings).items():
                print(f"  {name}: {right} of {tally.words} clips right")
        if given.out:
            given.out.write_text(json.dumps(clips, indent=1))
    for source, row in result.items():
        print(f"\n{source}: " + "; ".join(f"{cause} {count}" for cause, count in row["causes"].items()))
        print("  " + ", ".join(f"{pair} {count}" for pair, count in row["pairs"].items()))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
