"""A folder may hold several sets of class folders: read each, and tell which photos they share."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from fingerspell.core.errors import DataError
from fingerspell.core.progress import Progress, silent
from fingerspell.lab.data.manifest import Manifest, find_sets, scan

_COMPARED = 16  # a photo that lies in more sets than this is counted for the first so many


@dataclass(frozen=True, slots=True)
class SetSummary:
    """One set of class folders found in a folder.

    Attributes:
        path: below the audited folder, "." for the folder itself.
        photos: files in it.
        contents: different photos in it, byte for byte.
        labels: classes in it.
        inside: path of the set it lies in, or None.
        shared: (path of another set, how many different photos both hold), largest first.
    """

    path: str
    photos: int
    contents: int
    labels: int
    inside: str | None
    shared: tuple[tuple[str, int], ...]


def scan_sets(folder: Path, progress: Progress = silent) -> tuple[Manifest, ...]:
    """Read every set in a folder, the one with most photos first. A folder with one set, or flat, gives one.

    Raises:
        DataError: as `manifest.scan` does; several sets are no error here.
    """
    places = find_sets(folder)
    if len(places) < 2:
        return (scan(folder, progress),)
    found: list[Manifest] = []
    for place in places:
        try:
            found.append(scan(place, progress))
        except DataError:  # class folders without a photo: the other sets are still worth reading
            continue
    if not found:
        return (scan(places[0], progress),)  # raises what there is to say
    return tuple(sorted(found, key=lambda manifest: -len(manifest.photos)))


def describe_sets(folder: Path, manifests: tuple[Manifest, ...]) -> tuple[SetSummary, ...]:
    """Summaries of the sets, in the given order, compared by the content of their photos."""
    paths = [_below(folder, manifest.root) for manifest in manifests]
    holders: dict[str, list[int]] = defaultdict(list)
    for place, manifest in enumerate(manifests):
        for content in {photo.sha256 for photo in manifest.photos}:
            holders[content].append(place)
    both: Counter[tuple[int, int]] = Counter()
    for places in holders.values():
        both.update(combinations(places[:_COMPARED], 2))
    summaries = []
    for place, manifest in enumerate(manifests):
        shared = [(paths[a + b - place], count) for (a, b), count in both.items() if place in (a, b)]
        outer = [other.root for other in manifests if other is not manifest]
        above = [root for root in outer if manifest.root.is_relative_to(root)]
        inside = _below(folder, max(above, key=lambda root: len(root.parts))) if above else None
        contents = len({photo.sha256 for photo in manifest.photos})
        ordered = tuple(sorted(shared, key=lambda item: (-item[1], item[0])))
        summaries.append(
            SetSummary(paths[place], len(manifest.photos), contents, len(manifest.labels), inside, ordered)
        )
    return tuple(summaries)


def _below(folder: Path, place: Path) -> str:
    return place.relative_to(folder).as_posix()
