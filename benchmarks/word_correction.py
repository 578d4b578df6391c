"""How many spelled words a dictionary puts right, and how many it spoils.

    python benchmarks/word_correction.py BUNDLE PHOTOS [MORE_PHOTOS …] [--words 300] [--seed 0]

PHOTOS are class folders of photos in the order of their recording. A letter is spelled as the mean of what the
recogniser says about a few neighbouring photos of it. What would not be written (no letter leads, or not with 0.5) is
spelled again, as the signer would; a letter that is never written stays missing. Some letters are missed, written twice
or missed where they are double. Words are drawn by their frequency, evenly from those that people were heard to say,
and from names that are not in the list. The first rows are of the recogniser as it is; in the others its right and
wrong letters are mixed to a given accuracy. Prints tables for people and one JSON line last. About a minute.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.preprocess import decode
from fingerspell.live.recognizer import Recognizer
from fingerspell.live.words.dictionary import Dictionary
from fingerspell.live.words.lexicon import ADDED, LETTERS, Lexicon

WINDOW = 5  # neighbouring photos that one letter is the mean of
WRITTEN = 0.5  # lowest mean probability of a letter that is written, as in the speller
CANDIDATES = 5  # as in the speller's events
ACCURACIES = (0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
MISSED_DOUBLE, MISSED, TWICE = 0.15, 0.01, 0.01
NAMES = """
ADAEZE AKOSUA ANJALI AOIFE ASANTE AYODELE BJORK BRONWYN CAOIMHE CHIAMAKA CHIDI CHUKWU DARIUSZ DEEPIKA DIMITRI EKATERINA
ELIF EMEKA ESZTER FATOUMATA FUMIKO GAURAV GHISLAINE GIANLUCA GRZEGORZ HYUNJIN IFEOMA ILKAY INES JAROSLAV JORGEN KAVYA
KERSTI KWABENA LAKSHMI LEIF LIEUWE MAARTEN MAGDA MAIRE MATEUSZ MEHMET MIHAI MILAGROS NANDINI NGOZI NIAMH NKECHI NURIA
OISIN OLUWASEUN ORLAITH OYELARAN PAVLOS PRZEMEK QUYNH RAFAL RAJESH RUAIRI SAOIRSE SEYDOU SHREYA SINEAD SOREN SUNNIVA
TADHG TEMITOPE THANDIWE TOMASZ UCHENNA VAISHNAVI VIKRAM WOJCIECH XIOMARA YAGMUR YEWANDE YUSUF ZAINAB ZBIGNIEW ZSOFIA
ASL USA CODA GUSTAVO GALLAUDET LSF BSL HTTP UNICEF NATO NGO WIFI PDF HTML COVID
""".split()  # noqa: SIM905 - a list of a hundred strings reads worse

Letter = Mapping[str, float]


@dataclass(frozen=True)
class Windows:
    """What the recogniser says about one letter: the spelled letters where it is right, and where it is wrong."""

    right: tuple[Letter, ...]
    wrong: tuple[Letter, ...]
    never: int

    @property
    def all(self) -> tuple[Letter, ...]:
        return self.right + self.wrong


def read_windows(bundle: Path, folder: Path) -> dict[str, Windows]:
    """Letter → its windows."""
    recognizer = Recognizer(bundle, threads=1)
    found = {}
    for letter in LETTERS:
        paths = sorted((folder / letter).glob("*.jpg"), key=lambda path: int("".join(filter(str.isdigit, path.stem))))
        if not paths:
            continue
        photos = [decode(path.read_bytes(), upright=True) for path in paths]
        rows = np.concatenate(
            [
                [each.probabilities for each in recognizer.predict_batch(photos[start : start + 64])]
                for start in range(0, len(photos), 64)
            ]
        )
        found[letter] = _windows(letter, rows, recognizer.labels)
    return found


def _windows(letter: str, rows: NDArray[np.float32], labels: tuple[str, ...]) -> Windows:
    right: list[Letter] = []
    wrong: list[Letter] = []
    never = 0
    for start in range(len(rows) - WINDOW + 1):
        mean = rows[start : start + WINDOW].mean(axis=0)
        best = [int(index) for index in np.argsort(-mean, kind="stable")[:CANDIDATES]]
        candidates = {labels[index]: min(1.0, float(mean[index])) for index in best}
        top = labels[best[0]]
        if top not in LETTERS or mean[best[0]] < WRITTEN:
            never += 1
            continue
        (right if top == letter else wrong).append(candidates)
    return Windows(tuple(right), tuple(wrong), never)


def drawn(
    rng: np.random.Generator, letter: str, windows: Mapping[str, Windows], accuracy: float | None
) -> Letter | None:
    """One spelled letter; None where the recogniser never writes anything for it, so that it stays missing."""
    known = windows.get(letter)
    if known is None or not known.all:
        return None
    if accuracy is None:
        return known.all[int(rng.integers(len(known.all)))]
    right = bool(rng.random() < accuracy)
    pool = (known.right if right else known.wrong) or known.all
    one = pool[int(rng.integers(len(pool)))]
    return one if pool is not known.all else exchanged(one, letter, right)


def exchanged(one: Letter, letter: str, right: bool) -> Letter:
    """The same doubts with the names of two letters exchanged, where a letter is never right, or never wrong."""
    ranked = sorted((name for name in one if name in LETTERS), key=lambda name: -one[name])
    first = ranked[0]
    other = letter if right else next((name for name in ranked if name != letter), "A" if letter != "A" else "B")
    names = {first: other, other: first}
    return {names.get(name, name): chance for name, chance in one.items()}


def spell(rng: np.random.Generator, word: str, windows: Mapping[str, Windows], accuracy: float | None) -> list[Letter]:
    """A word's letters as the speller would report them."""
    letters: list[Letter] = []
    for place, letter in enumerate(word):
        chance = MISSED_DOUBLE if place and letter == word[place - 1] else MISSED
        times = 0 if rng.random() < chance else 1 + int(rng.random() < TWICE)
        written = (drawn(rng, letter, windows, accuracy) for _ in range(times))
        letters += [one for one in written if one is not None]
    return letters


def sampled(rng: np.random.Generator, lexicon: Lexicon, count: int) -> dict[str, list[str]]:
    """Kind → words: by frequency, evenly from the words that people said, names that are not in the list."""
    said = np.flatnonzero(lexicon.counts > ADDED)
    by_frequency = rng.choice(len(lexicon.words), count, p=lexicon.counts / lexicon.counts.sum())
    evenly = rng.choice(said, count)
    names = [name for name in NAMES if name not in lexicon][:50]
    return {
        "by frequency": [lexicon.words[place] for place in by_frequency],
        "evenly": [lexicon.words[place] for place in evenly],
        "names": names,
    }


def distance(one: str, other: str) -> int:
    """Letters to insert, leave out or replace (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, start=1):
        before, row[0] = row[0], number
        for place, its in enumerate(other, start=1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (letter != its))
    return row[-1]


@dataclass
class Tally:
    """Counts over words."""

    words: int = 0
    letters: int = 0
    wrong_before: int = 0
    wrong_after: int = 0
    edits_before: int = 0
    edits_after: int = 0
    spoiled: int = 0
    repaired: int = 0

    def add(self, meant: str, before: str, after: str) -> None:
        self.words += 1
        self.letters += len(meant)
        self.wrong_before += before != meant
        self.wrong_after += after != meant
        self.edits_before += distance(before, meant)
        self.edits_after += distance(after, meant)
        self.spoiled += before == meant != after
        self.repaired += before != meant == after

    def rates(self) -> dict[str, float]:
        words, letters = max(self.words, 1), max(self.letters, 1)
        return {
            "words": self.words,
            "wer_before": round(100 * self.wrong_before / words, 1),
            "wer_after": round(100 * self.wrong_after / words, 1),
            "cer_before": round(100 * self.edits_before / letters, 1),
            "cer_after": round(100 * self.edits_after / letters, 1),
            "spoiled": self.spoiled,
            "repaired": self.repaired,
        }


def measure(
    windows: Mapping[str, Windows], dictionary: Dictionary, count: int, seed: int, accuracies: tuple[float | None, ...]
) -> Iterator[tuple[str, str, Tally, list[float]]]:
    """(accuracy, kind of words, counts, milliseconds of each word)."""
    for accuracy in accuracies:
        rng = np.random.default_rng([seed, int(1000 * (accuracy or 0))])
        for kind, words in sampled(rng, dictionary.lexicon, count).items():
            tally, times = Tally(), []
            for word in words * (3 if kind == "names" else 1):
                letters = spell(rng, word, windows, accuracy)
                if not letters:
                    continue
                began = time.perf_counter()
                found = dictionary.correct(letters)
                times.append(1000 * (time.perf_counter() - began))
                tally.add(word, found.as_spelled, found.word)
            yield ("its own" if accuracy is None else f"{accuracy:.0%}"), kind, tally, times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--words", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    dictionary = Dictionary()
    dictionary.read_list()
    result: dict[str, object] = {"benchmark": "word_correction", "words": options.words, "seed": options.seed}
    times: list[float] = []
    for folder in options.photos:
        windows = read_windows(options.bundle, folder)
        right, total = (sum(len(getattr(each, side)) for each in windows.values()) for side in ("right", "all"))
        never = sum(each.never for each in windows.values())
        print(f"\n{folder.name}: letters right {right / total:.1%} of {total} written, {never} windows not written")
        print(f"{'letters':8} {'words':13} {'n':>4}  {'WER':>12}  {'CER':>12}  repaired spoiled")
        rows = {}
        for accuracy, kind, tally, took in measure(
            windows, dictionary, options.words, options.seed, (None, *ACCURACIES)
        ):
            rates = tally.rates()
            rows[f"{accuracy}/{kind}"] = rates
            times += took
            print(
                f"{accuracy:8} {kind:13} {tally.words:4}  {rates['wer_before']:4.1f} → {rates['wer_after']:4.1f}  "
                f"{rates['cer_before']:5.1f} → {rates['cer_after']:4.1f}  {tally.repaired:8} {tally.spoiled:7}"
            )
        result[folder.name] = {"letter_accuracy": round(right / total, 4), "rows": rows}
    result["milliseconds_median"], result["milliseconds_p95"] = (
        round(float(np.percentile(times, share)), 2) for share in (50, 95)
    )
    print(f"\n{result['milliseconds_median']} ms a word, 95th percentile {result['milliseconds_p95']} ms")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
