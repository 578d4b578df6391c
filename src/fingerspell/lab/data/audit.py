"""A folder of photos, examined before anybody trains on it. Reads every photo, and changes nothing.

Time and memory grow with the number of photos: each is decoded once and becomes 224 bytes, and each is compared
with at most 136 others (see `neighbours`).
"""

from __future__ import annotations

import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.alphabet import LABELS, canonical_label
from fingerspell.core.progress import Progress, silent
from fingerspell.core.provenance import now
from fingerspell.lab.data import crossing, recordings
from fingerspell.lab.data.audit_result import (
    LISTED,
    SAMPLES,
    Audit,
    ClassSummary,
    Copies,
    FileKind,
    Near,
    printable,
)
from fingerspell.lab.data.examine import SIDE, Facts, examine
from fingerspell.lab.data.fingerprint import WIDTH, fingerprints
from fingerspell.lab.data.manifest import NOT_TEXT, Manifest, Photo
from fingerspell.lab.data.neighbours import Pairs, near_pairs
from fingerspell.lab.data.sets import describe_sets, scan_sets

_THREADS = 2
_CHUNK = 32  # photos a thread decodes before their fingerprints are taken: 32·64·64·3 bytes
_RUNS_LISTED = 50  # of each class
_TINY = 32  # pixels; fingers can no longer be told apart


def audit(folder: Path, progress: Progress = silent) -> Audit:
    """Examine a folder of photos.

    Args:
        folder: class folders, the same nested or several times, or flat photos, as `manifest.scan` reads them.
            Of several sets the one with most photos is examined, and the others are compared with it.
        progress: called while photos are read, decoded and compared.

    Raises:
        DataError: not a folder, not readable, or no photos of known labels in it.
    """
    manifests = scan_sets(folder, progress)
    manifest = manifests[0]
    photos = manifest.photos
    facts, prints = _look(manifest, progress)
    readable = np.array([fact.readable for fact in facts], dtype=bool)
    order = recordings.recording_order(photos)
    contents, shown = _contents(photos, order)
    pairs = _near_pairs(photos, prints, readable, shown, progress)
    seen = [photos[index] for index in np.flatnonzero(readable)]
    runs = recordings.runs(seen, recordings.recording_groups(seen, prints[readable]))
    twins = _has_twin(contents, pairs)
    copies = _copies(photos)
    disagreeing = _disagreeing(photos, shown, pairs)
    splits = crossing.outcomes(manifest, contents, pairs)
    return Audit(
        folder=folder,
        root=manifest.root,
        digest=manifest.digest,
        photos=len(photos),
        contents=len(shown),
        classes=_classes(manifest, readable, twins, order, runs),
        missing=tuple(label for label in LABELS if label not in manifest.labels),
        empty=_empty_folders(manifest),
        sets=describe_sets(folder, manifests),
        sizes=_sizes(facts),
        modes=tuple(Counter(fact.mode for fact in facts if fact.mode).most_common()),
        formats=tuple(Counter(fact.format for fact in facts if fact.format).most_common()),
        files=_file_kinds(manifest, facts),
        copied=len(photos) - len(shown),
        copies=tuple(copies[:LISTED]),
        copies_disagreeing=sum(len(group.labels) > 1 for group in copies),
        near=len(pairs),
        near_photos=int(twins.sum()),
        near_examples=_middle_pairs(photos, shown, pairs),
        near_disagreeing=len(disagreeing),
        disagreeing=tuple(_described(photos, shown, pairs, row) for row in disagreeing[:LISTED]),
        runs=_longest_runs(runs),
        splits=splits,
        recommendation=crossing.recommend(splits),
        notes=manifest.notes,
        made=now(),
    )


def _look(manifest: Manifest, progress: Progress) -> tuple[list[Facts], NDArray[np.uint8]]:
    """Facts and fingerprint (N, 224) of every photo; the fingerprint of an unreadable one is zero."""
    photos = manifest.photos
    starts = range(0, len(photos), _CHUNK)

    def chunk(start: int) -> tuple[list[Facts], NDArray[np.uint8]]:
        pixels = np.zeros((min(_CHUNK, len(photos) - start), SIDE, SIDE, 3), dtype=np.uint8)
        facts = []
        for place, photo in enumerate(photos[start : start + _CHUNK]):
            fact, small = examine(manifest.root / photo.path)
            facts.append(fact)
            if small is not None:
                pixels[place] = small
        return facts, fingerprints(pixels)

    facts: list[Facts] = []
    prints = np.zeros((len(photos), WIDTH), dtype=np.uint8)
    # Pillow warns about sizes and odd metadata; examine() decides. Filters belong to the process, hence here.
    with warnings.catch_warnings(), ThreadPoolExecutor(_THREADS) as pool:
        warnings.simplefilter("ignore")
        for start, (found, rows) in zip(starts, pool.map(chunk, starts), strict=True):
            facts += found
            prints[start : start + len(rows)] = rows
            progress("looking at photos", len(facts), len(photos))
    return facts, prints


def _contents(photos: Sequence[Photo], order: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Number the different contents in recording order: (N,) content of each photo, (C,) first photo of each."""
    number: dict[str, int] = {}
    contents = np.empty(len(photos), dtype=np.intp)
    shown: list[int] = []
    for index in order:
        content = number.setdefault(photos[index].sha256, len(number))
        contents[index] = content
        if content == len(shown):
            shown.append(int(index))
    return contents, np.array(shown, dtype=np.intp)


def _near_pairs(
    photos: Sequence[Photo],
    prints: NDArray[np.uint8],
    readable: NDArray[np.bool_],
    shown: NDArray[np.intp],
    progress: Progress,
) -> Pairs:
    """Pairs of different contents that nearly match, in numbers of contents."""
    usable = np.flatnonzero(readable[shown])  # contents that can be seen, in recording order
    rank = {label: place for place, label in enumerate(LABELS)}
    labels = np.array([rank[photos[index].label] for index in shown[usable]], dtype=np.intp)
    found = near_pairs(prints[shown[usable]], labels, np.arange(len(usable)), progress)
    return Pairs(usable[found.first], usable[found.second], found.bits, found.colour)


def _has_twin(contents: NDArray[np.intp], pairs: Pairs) -> NDArray[np.bool_]:
    """(N,) whether each photo has an exact copy or a near-duplicate."""
    twin = np.bincount(contents) > 1
    twin[pairs.first] = True
    twin[pairs.second] = True
    found: NDArray[np.bool_] = twin[contents]
    return found


def _copies(photos: Sequence[Photo]) -> list[Copies]:
    """Groups of exact copies; those whose labels disagree first, then the largest."""
    groups: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        groups[photo.sha256].append(photo)
    found = [
        Copies(sha256, tuple(photo.path for photo in its), tuple(sorted({photo.label for photo in its})))
        for sha256, its in groups.items()
        if len(its) > 1
    ]
    return sorted(found, key=lambda group: (len(group.labels) == 1, -len(group.paths), group.paths))


def _disagreeing(photos: Sequence[Photo], shown: NDArray[np.intp], pairs: Pairs) -> NDArray[np.intp]:
    """Rows of `pairs` whose labels differ, the closest first."""
    labels = np.array([photos[index].label for index in shown])
    rows = np.flatnonzero(labels[pairs.first] != labels[pairs.second])
    return rows[np.lexsort((pairs.colour[rows], pairs.bits[rows]))]


def _middle_pairs(photos: Sequence[Photo], shown: NDArray[np.intp], pairs: Pairs) -> tuple[Near, ...]:
    """For each class the pair of middle distance: neither the closest nor the most doubtful."""
    labels = np.array([photos[index].label for index in shown])
    same = np.flatnonzero(labels[pairs.first] == labels[pairs.second])
    closest_first = same[np.lexsort((pairs.colour[same], pairs.bits[same]))]
    by_label: dict[str, list[int]] = defaultdict(list)
    for row, label in zip(closest_first, labels[pairs.first[closest_first]], strict=True):
        by_label[str(label)].append(int(row))
    middle = [by_label[label][len(by_label[label]) // 2] for label in LABELS if label in by_label]
    return tuple(_described(photos, shown, pairs, row) for row in middle)


def _described(photos: Sequence[Photo], shown: NDArray[np.intp], pairs: Pairs, row: int) -> Near:
    first, second = photos[shown[pairs.first[row]]], photos[shown[pairs.second[row]]]
    colour = round(float(pairs.colour[row]), 2)
    return Near(first.path, second.path, first.label, second.label, int(pairs.bits[row]), colour)


def _classes(
    manifest: Manifest,
    readable: NDArray[np.bool_],
    twins: NDArray[np.bool_],
    order: NDArray[np.intp],
    runs: Sequence[recordings.Run],
) -> tuple[ClassSummary, ...]:
    photos = manifest.photos
    seen: dict[str, list[int]] = defaultdict(list)
    for index in order[readable[order]]:
        seen[photos[index].label].append(int(index))
    with_twin = Counter(photo.label for photo, has in zip(photos, twins, strict=True) if has)
    lengths: dict[str, list[int]] = defaultdict(list)
    for run in runs:
        lengths[run.label].append(run.photos)
    return tuple(
        ClassSummary(
            label,
            manifest.counts[label],
            with_twin[label],
            len(lengths[label]),
            max(lengths[label], default=0),
            tuple(photos[index].path for index in _spread(seen[label])),
        )
        for label in manifest.labels
    )


def _spread(indices: Sequence[int]) -> list[int]:
    """Up to `SAMPLES` of them, evenly spaced, the middle of each stretch."""
    count = min(SAMPLES, len(indices))
    return [indices[(2 * place + 1) * len(indices) // (2 * count)] for place in range(count)]


def _longest_runs(runs: Sequence[recordings.Run]) -> tuple[recordings.Run, ...]:
    """The longest runs of each class that have at least two photos, in recording order."""
    by_label: dict[str, list[recordings.Run]] = defaultdict(list)
    for run in runs:
        if run.photos > 1:
            by_label[run.label].append(run)
    kept = set()
    for its in by_label.values():
        kept |= {run.name for run in sorted(its, key=lambda run: -run.photos)[:_RUNS_LISTED]}
    return tuple(run for run in runs if run.name in kept)


def _empty_folders(manifest: Manifest) -> tuple[str, ...]:
    """Class folders of the set that hold no photo."""
    filled = {photo.path.partition("/")[0] for photo in manifest.photos}
    with os.scandir(manifest.root) as entries:
        names = [entry.name for entry in entries if entry.is_dir() and canonical_label(entry.name)]
    return tuple(sorted(printable(name) for name in names if name not in filled))


def _sizes(facts: Sequence[Facts]) -> tuple[tuple[int, int, int], ...]:
    counted = Counter((fact.width, fact.height) for fact in facts if fact.width)
    return tuple((width, height, count) for (width, height), count in counted.most_common())


def _file_kinds(manifest: Manifest, facts: Sequence[Facts]) -> tuple[FileKind, ...]:
    """Unusual files by kind, each kind in the order of the manifest."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    usual = _usual_size(facts)
    for photo, fact in zip(manifest.photos, facts, strict=True):
        for kind, detail in fact.unusual:
            found[kind].append((photo.path, detail))
        size = (fact.width, fact.height)
        if fact.width and min(size) < _TINY:
            found["tiny"].append((photo.path, f"{fact.width}×{fact.height} pixels"))
        if fact.width and usual and size != usual:
            found["odd-size"].append((photo.path, f"{fact.width}×{fact.height} instead of {usual[0]}×{usual[1]}"))
    for its in manifest.left_out:
        found["odd-name" if its.reason == NOT_TEXT else "left-out"].append((its.path, its.reason))
    return tuple(FileKind(kind, len(files), tuple(files[:LISTED])) for kind, files in sorted(found.items()))


def _usual_size(facts: Sequence[Facts]) -> tuple[int, int] | None:
    """The size that nearly all photos have; None where there is no such size."""
    sizes = Counter((fact.width, fact.height) for fact in facts if fact.width)
    if not sizes:
        return None
    size, count = sizes.most_common(1)[0]
    return size if 10 * count >= 9 * sizes.total() else None
