"""A recording cut into contiguous stretches, some of them held out with a guard gap around each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from fingerspell.lab.data.dealing import Part, by_label, draw, held_out_counts
from fingerspell.lab.data.manifest import Manifest, Photo

_FEWEST, _SHORTEST = 10, 6  # stretches of a class, photos of a stretch; the former comes first


def _recording_order(manifest: Manifest) -> dict[str, list[int]]:
    """For each label the positions of its photos in the order of recording: frame number, then path."""
    photos = manifest.photos

    def place(index: int) -> tuple[str, int, str]:
        photo = photos[index]
        return photo.path.rpartition("/")[0], -1 if photo.number is None else photo.number, photo.path

    return {label: sorted(indices, key=place) for label, indices in by_label(photos).items()}


def _cuts(total: int, stretches: int) -> list[int]:
    """Borders of `stretches` runs of nearly equal length: stretches + 1 positions from 0 to total."""
    pieces = min(stretches, total)
    return [round(piece * total / pieces) for piece in range(pieces + 1)]


def _stretches(total: int, stretches: int) -> list[int]:
    """Borders of the stretches of a class: fewer than asked for where they would be too short to be stretches."""
    return _cuts(total, min(stretches, max(_FEWEST, total // _SHORTEST)))


def stretch_names(manifest: Manifest, stretches: int) -> list[str]:
    """The stretch that each photo belongs to, as `A/3`."""
    names = [""] * len(manifest.photos)
    for label, ordered in _recording_order(manifest).items():
        cuts = _stretches(len(ordered), stretches)
        for piece, (start, stop) in enumerate(pairwise(cuts)):
            for index in ordered[start:stop]:
                names[index] = f"{label}/{piece}"
    return names


def deal_stretches(
    manifest: Manifest, seed: int, val: float, test: float, stretches: int, guard: float
) -> tuple[list[Part], list[str]]:
    """Parts and stretch names of the block split; the arguments are those of `split.make_split`."""
    parts: list[Part] = ["train"] * len(manifest.photos)
    for label, ordered in _recording_order(manifest).items():
        cuts = _stretches(len(ordered), stretches)
        dealt = _deal_spread(len(cuts) - 1, val, test, seed, label)
        own = [part for piece, part in enumerate(dealt) for _ in range(cuts[piece], cuts[piece + 1])]
        for place, part in zip(ordered, _with_guard(manifest, ordered, own, guard), strict=True):
            parts[place] = part
    return parts, stretch_names(manifest, stretches)


def _deal_spread(pieces: int, val: float, test: float, seed: int, label: str) -> list[Part]:
    """A part for each stretch, the held-out ones spread over the recording.

    A recording passes through a few lights and distances. Dealt freely, the stretches held out can take all of one
    light, and the score then turns on the seed; so the recording is cut into as many zones as stretches are held
    out, and each zone gives one (systematic sampling).
    """
    to_val, to_test = held_out_counts(pieces, val, test)
    parts: list[Part] = ["train"] * pieces
    if not to_val + to_test:
        return parts
    zones = pairwise(_cuts(pieces, to_val + to_test))
    given = [min(range(start, stop), key=lambda piece: draw(seed, label, piece)) for start, stop in zones]
    for place, piece in enumerate(sorted(given, key=lambda piece: draw(seed, label, "part", piece))):
        parts[piece] = "test" if place < to_test else "val"
    return parts


def _timeline(photos: Sequence[Photo]) -> list[float]:
    """When each photo of a class was taken, never falling: its frame number, folders one after another.

    Where photos have no number, or share numbers so often that these cannot count frames, it is their position.
    """
    numbers = [photo.number for photo in photos if photo.number is not None]
    folders = [photo.path.rpartition("/")[0] for photo in photos]
    if len(numbers) < len(photos) or 2 * len(set(zip(folders, numbers, strict=True))) < len(numbers):
        return [float(place) for place in range(len(photos))]
    at, start = [float(numbers[0])], 0.0
    for number, (before, folder) in zip(numbers[1:], pairwise(folders), strict=True):
        if folder != before:
            start = at[-1] + 1 - number
        at.append(start + number)
    return at


def _with_guard(manifest: Manifest, ordered: list[int], parts: list[Part], guard: float) -> list[Part]:
    """Take photos near a border out: of train where it meets val or test, of val where it meets test."""
    at = _timeline([manifest.photos[index] for index in ordered])
    width = guard * (at[-1] - at[0] + 1)
    guarded = list(parts)
    for place in range(len(parts) - 1):
        left, right = parts[place], parts[place + 1]
        if left == right:
            continue
        border = (at[place] + at[place + 1]) / 2
        giving: Part = "train" if "train" in (left, right) else "val"
        towards = range(place, -1, -1) if left == giving else range(place + 1, len(parts))
        for other in towards:
            if parts[other] != giving or abs(at[other] - border) > width:
                break
            guarded[other] = "guard"
    return guarded
