"""How many errors go when a recogniser is adapted to a person with a few photos of each letter.

    python benchmarks/adapt_person.py asl.bundle --stills STILLS --halves ../shared/data/desk

STILLS holds stills of clips, `LETTER/SIGNER/FRAME.png`, as `clip_stills.py` cuts them. Tested are the frames of the
same signer at least 10 frames away from each that was learnt from: the same clip, so the easiest that being a person's
own can be.
--halves takes class folders in the order of their numbers: learnt from is one half, tested on the other.

Rows: photos from one moment (consecutive ones) or spread in time; of all letters, or of half of them, drawn anew each
time; then errors on the letters that were given and on those that were not. Refused: how often adapting was refused.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.head import Head, read_head, temperature_of
from fingerspell.live.adapting.adapt import features_of
from fingerspell.live.adapting.check import adapted, check
from fingerspell.live.adapting.folds import folds_of
from fingerspell.live.adapting.photos import OwnPhoto, read_own_photos
from fingerspell.live.recognizer import Recognizer

GAP = 10


@dataclass
class Person:
    """Photos of one person: what they show, when they were taken, and what the network makes of them."""

    name: str
    photos: list[OwnPhoto]
    truth: NDArray[np.int64]
    when: NDArray[np.int64]
    features: NDArray[np.float32]
    halves: bool


def number_of(name: str) -> int:
    return int("".join(each for each in Path(name).stem if each.isdigit()) or 0)


def people(recognizer: Recognizer, folder: Path, *, halves: bool) -> Iterator[Person]:
    groups: dict[str, list[OwnPhoto]] = defaultdict(list)
    for photo in read_own_photos(folder, recognizer.labels).photos:
        parent = Path(photo.name).parent
        groups[folder.name if halves else parent.name].append(photo)
    for name, photos in sorted(groups.items()):
        truth = np.array([recognizer.labels.index(photo.label) for photo in photos])
        when = np.array([number_of(photo.name) for photo in photos])
        yield Person(name, photos, truth, when, features_of(recognizer, photos, "right"), halves)


def drawn(person: Person, given: NDArray[np.int64], each: int, moment: bool, draw: np.random.Generator) -> list[int]:
    """Places of the photos to learn from."""
    chosen: list[int] = []
    half = draw.integers(2)
    for label in given:
        own = np.flatnonzero(person.truth == label)
        own = own[np.argsort(person.when[own], kind="stable")]
        if person.halves:
            own = own[: len(own) // 2] if half == 0 else own[len(own) // 2 :]
        count = min(each, len(own))
        if moment:
            first = draw.integers(len(own) - count + 1)
            chosen += own[first : first + count].tolist()
        else:
            chosen += np.sort(draw.permutation(own)[:count]).tolist()
    return chosen


def tested(person: Person, chosen: list[int]) -> NDArray[np.int64]:
    """Photos of the same person far from those that were learnt from: 10 frames, or in the other half."""
    far = []
    for label in np.unique(person.truth):
        own = np.flatnonzero(person.truth == label)
        learnt = [place for place in chosen if person.truth[place] == label]
        if not learnt:
            far.append(own)
        elif person.halves:
            own = own[np.argsort(person.when[own], kind="stable")]
            first = own[: len(own) // 2]
            far.append(own[len(own) // 2 :] if learnt[0] in first else first)
        else:
            gaps = np.abs(person.when[own][:, None] - person.when[learnt][None]).min(axis=1)
            far.append(own[gaps >= GAP])
    return np.concatenate(far)


def errors(head: Head, person: Person, places: NDArray[np.int64]) -> float | None:
    if not len(places):
        return None
    return float((head.probabilities(person.features[places, 0]).argmax(axis=1) != person.truth[places]).mean())


def measure(head: Head, person: Person, *, each: int, moment: bool, share: float, draws: int) -> dict[str, object]:
    rows = []
    for number in range(draws):
        draw = np.random.default_rng([number, each])
        every = np.unique(person.truth)
        given = np.sort(draw.permutation(every)[: max(2, round(share * len(every)))])
        chosen = drawn(person, given, each, moment, draw)
        photos = [person.photos[place] for place in chosen]
        features, truth = person.features[chosen], person.truth[chosen]
        folds = folds_of([photo.pixels for photo in photos], [photo.label for photo in photos])
        checked = check(head, features, truth, folds)
        new = adapted(head, features, truth, checked.pull) if checked.better else head
        test = tested(person, chosen)
        ours = np.isin(person.truth[test], given)
        pairs = [(errors(head, person, test[some]), errors(new, person, test[some])) for some in (ours, ~ours)]
        rows.append((*pairs[0], *pairs[1], not checked.better, checked.pull, len(folds.alike)))
    return {
        "person": person.name,
        "photos": each,
        "from": "one moment" if moment else "spread",
        "letters": "all" if share == 1 else f"{share:.0%}",
        "before": mean(row[0] for row in rows),
        "after": mean(row[1] for row in rows),
        "not_given_before": mean(row[2] for row in rows),
        "not_given_after": mean(row[3] for row in rows),
        "refused": sum(row[4] for row in rows),
        "draws": draws,
        "pulls": [row[5] for row in rows],
    }


def mean(values: Iterator[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 4) if known else None


def line(row: dict[str, object]) -> str:
    def share(key: str) -> str:
        value = row[key]
        return f"{value:6.1%}" if isinstance(value, float) else "     –"

    before, after = row["before"], row["after"]
    known = isinstance(before, float) and isinstance(after, float) and before > 0
    gone = f"{1 - after / before:5.0%}" if known else "    –"
    return (
        f"{row['person']:<10} {row['photos']:>2} {row['from']:<10} {row['letters']:<5} {share('before')} → "
        f"{share('after')}  {gone}   {share('not_given_before')} → {share('not_given_after')}   "
        f"{row['refused']}/{row['draws']}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--stills", type=Path)
    parser.add_argument("--halves", type=Path, action="append", default=[])
    parser.add_argument("--photos", type=int, nargs="+", default=[5])
    parser.add_argument("--draws", type=int, default=5)
    asked = parser.parse_args()
    recognizer = Recognizer(asked.bundle, threads=1)
    head = read_head(recognizer.bundle.model, temperature_of(recognizer.bundle.card))
    sources: list[Callable[[], Iterator[Person]]] = []
    if asked.stills:
        sources.append(lambda: people(recognizer, asked.stills, halves=False))
    sources += [lambda folder=folder: people(recognizer, folder, halves=True) for folder in asked.halves]
    if not sources:
        sys.exit("name --stills or --halves")
    print("person      n photos from letters  errors on given letters  gone   on letters not given   refused")
    rows = []
    for source in sources:
        for person in source():
            for each in asked.photos:
                for moment in (True, False):
                    for share in (1.0, 0.5):
                        rows.append(measure(head, person, each=each, moment=moment, share=share, draws=asked.draws))
                        print(line(rows[-1]), flush=True)
    print(json.dumps({"bundle": asked.bundle.name, "rows": rows}))


if __name__ == "__main__":
    main()
