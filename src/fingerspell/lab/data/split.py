"""Who is learnt from, who chooses, who judges: the split of a manifest into train, val and test.

Every assignment follows from SHA-256 of the seed and of names, never from a random generator's stream or from the
order in which a system lists files: the same seed gives the same split on any machine and any version.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, cast

from fingerspell.core.durable import digest_of, read_json, write_json
from fingerspell.core.errors import DataError, known_names
from fingerspell.lab.data.manifest import Manifest, Photo

Part = Literal["train", "val", "test", "guard"]
PARTS: tuple[Part, ...] = ("train", "val", "test", "guard")
STRATEGIES = ("random", "keras", "block", "group")
FORMAT = "fingerspell-split/1"
_FEWEST, _SHORTEST = 10, 6  # stretches of a class, photos of a stretch; the former comes first


@dataclass(frozen=True)
class Split:
    """A manifest, and the part each of its photos plays.

    Attributes:
        strategy: one of `STRATEGIES`.
        seed: what the assignment follows from.
        settings: the strategy's other settings, JSON-ready.
        manifest: the photos.
        parts: for each photo of the manifest; `guard` photos stand between parts and are used by none.
        blocks: for each photo the stretch of recording (or the group) it belongs to: what an interval resamples.
    """

    strategy: str
    seed: int
    settings: Mapping[str, Any]
    manifest: Manifest
    parts: tuple[Part, ...]
    blocks: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the data, the strategy and every assignment."""
        return digest_of([self.strategy, self.seed, dict(self.settings), self.manifest.digest, self.parts, self.blocks])

    @cached_property
    def counts(self) -> Counter[str]:
        """Photos by part."""
        return Counter(self.parts)

    def indices(self, part: Part) -> list[int]:
        """Positions in the manifest of the photos of one part, in manifest order."""
        return [index for index, its in enumerate(self.parts) if its == part]

    def require_same_photos(self, manifest: Manifest) -> None:
        """Raise DataError unless the split was made of exactly these photos."""
        if manifest.digest == self.manifest.digest:
            return
        ours, theirs = ({(p.path, p.sha256) for p in m.photos} for m in (self.manifest, manifest))
        raise DataError(
            f"the split was made of other photos: {len(ours - theirs)} of its {len(ours)} are not in "
            f"{manifest.root}, {len(theirs - ours)} there are not in it",
            expected="the folder the split was made of, unchanged",
            remedy="make the split again with 'fingerspell data split'",
        )

    def save(self, path: Path) -> None:
        """Write the split, atomically, as JSON that `load` reads."""
        photos = [
            [photo.path, photo.label, photo.sha256, part, block]
            for photo, part, block in zip(self.manifest.photos, self.parts, self.blocks, strict=True)
        ]
        write_json(
            path,
            {
                "format": FORMAT,
                "digest": self.digest,
                "strategy": self.strategy,
                "seed": self.seed,
                "settings": dict(self.settings),
                "folder": str(self.manifest.root.resolve()),
                "columns": ["path", "label", "sha256", "part", "block"],
                "photos": photos,
            },
        )

    @classmethod
    def load(cls, path: Path, root: Path | None = None) -> Split:
        """Read a split.

        Args:
            path: the JSON file.
            root: where the photos are now; by default where they were.

        Raises:
            DataError: not a split, or its content does not give its digest.
        """
        values = read_json(path, what="a split made by 'fingerspell data split'")
        try:
            if values["format"] != FORMAT:
                raise ValueError(f"format is {values['format']!r}, not {FORMAT!r}")
            return _split_of(values, root)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{path} is not a split: {error}",
                expected="a file from 'fingerspell data split'",
                remedy="make it again",
            ) from error


def _split_of(values: Mapping[str, Any], root: Path | None) -> Split:
    from fingerspell.lab.data.manifest import frame_number

    rows = values["photos"]
    photos = tuple(Photo(path, label, sha256, frame_number(path)) for path, label, sha256, _, _ in rows)
    for part in {row[3] for row in rows}:
        if part not in PARTS:
            raise ValueError(f"unknown part {part!r}")
    split = Split(
        values["strategy"],
        values["seed"],
        values["settings"],
        Manifest(root or Path(values["folder"]), photos),
        tuple(cast(Part, row[3]) for row in rows),
        tuple(row[4] for row in rows),
    )
    if split.digest != values["digest"]:
        raise ValueError("its content does not match its digest")
    return split


def require_strategy(name: str) -> None:
    """Raise DataError, listing the known ones, unless `name` is one of `STRATEGIES`."""
    if name not in STRATEGIES:
        expected, remedy = known_names("split", name, STRATEGIES)
        raise DataError(f"unknown split '{name}'", expected=expected, remedy=remedy)


def make_split(
    manifest: Manifest,
    strategy: str,
    *,
    seed: int = 0,
    val: float | None = None,
    test: float | None = None,
    stretches: int = 20,
    guard: float = 0.01,
    groups: Mapping[str, str] | None = None,
    fixed_groups: Mapping[str, Part] | None = None,
) -> Split:
    """Split a manifest.

    Args:
        manifest: the photos.
        strategy: `random` (stratified by label), `keras` (exactly the files that `flow_from_directory` with a
            `validation_split` takes), `block` (contiguous stretches of each class's recording, with a guard gap)
            or `group` (whole groups: people, rooms, sessions).
        seed: for `random`, `block` and `group`.
        val: fraction to choose by; default 0.1, for `keras` 0.2.
        test: fraction to judge by; default 0.2, for `keras` 0 (Keras makes two parts).
        stretches: for `block`, into how many stretches of equal length each class is cut; fewer where these would
            have less than 6 photos, down to 10. Those held out are spread over the recording.
        guard: for `block`, the width of the gap on the training side of each border, as a fraction of the
            recording's length in frame numbers.
        groups: for `group`, the group of each path.
        fixed_groups: for `group`, parts given to some groups by name; the rest follow val and test.

    Raises:
        DataError: unknown strategy, impossible fractions, a part without photos, a group that straddles.
    """
    require_strategy(strategy)
    val = (0.2 if strategy == "keras" else 0.1) if val is None else val
    test = (0.0 if strategy == "keras" else 0.2) if test is None else test
    if not (0 < val < 1 and 0 <= test < 1 and val + test < 1):
        found = f"val {val:g} and test {test:g} leave nothing to learn from"
        raise DataError(found, expected="0 < val, 0 ≤ test, val + test < 1")
    settings: dict[str, Any] = {"val": val, "test": test}
    if strategy == "keras":
        if test:
            raise DataError(
                "the keras split has no test part",
                expected="test = 0",
                remedy="use --by block for a test part",
            )
        parts, blocks = _keras(manifest, val)
    elif strategy == "random":
        parts, blocks = _random(manifest, seed, val, test)
    elif strategy == "block":
        if stretches < 3 or not 0 <= guard < 0.5:
            raise DataError(
                f"{stretches} stretches with a guard of {guard:g}",
                expected="at least 3 stretches, 0 ≤ guard < 0.5",
            )
        settings |= {"stretches": stretches, "guard": guard}
        parts, blocks = _block(manifest, seed, val, test, stretches, guard)
    else:
        settings["fixed_groups"] = dict(sorted((fixed_groups or {}).items()))
        parts, blocks = _group(manifest, seed, val, test, groups or {}, fixed_groups or {})
    split = Split(strategy, seed, settings, manifest, tuple(parts), tuple(blocks))
    _require_parts(split, with_test=test > 0)
    return split


def _require_parts(split: Split, *, with_test: bool) -> None:
    photos = split.manifest.photos
    learnt = {photos[index].label for index in split.indices("train")}
    if len(learnt) < 2:
        raise DataError(
            f"only {len(learnt)} class{'' if len(learnt) == 1 else 'es'} to learn from in {split.manifest.root}",
            expected="at least 2 classes with photos in the training part",
            remedy="add class folders, or photos to them",
        )
    for part in ("val", "test") if with_test else ("val",):
        if not split.counts[part]:
            raise DataError(
                f"the {split.strategy} split gives no photo to '{part}'",
                expected="photos in every part",
                remedy="use more photos a class, more groups, or larger fractions",
            )


def _draw(seed: int, *names: object) -> str:
    """A random-looking key that follows from the seed and the names alone."""
    return hashlib.sha256(":".join(map(str, (seed, *names))).encode()).hexdigest()


def _by_label(photos: Sequence[Photo]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for index, photo in enumerate(photos):
        found[photo.label].append(index)
    return found


def _counts(total: int, val: float, test: float) -> tuple[int, int]:
    """How many of `total` go to val and test: rounded, at least one where there is enough and one is asked for."""
    spare = total - 1
    to_test = min(max(round(test * total), 1 if test and spare > 1 else 0), spare - (1 if val and spare > 1 else 0))
    to_val = min(max(round(val * total), 1 if val and spare > 0 else 0), spare - to_test)
    return max(to_val, 0), max(to_test, 0)


def _deal(ordered: Sequence[Any], val: float, test: float) -> dict[Any, Part]:
    """Give the first of an already shuffled sequence to test, the next to val, the rest to train."""
    to_val, to_test = _counts(len(ordered), val, test)
    dealt: dict[Any, Part] = dict.fromkeys(ordered, "train")
    dealt |= dict.fromkeys(ordered[:to_test], "test")
    return dealt | dict.fromkeys(ordered[to_test : to_test + to_val], "val")


def _random(manifest: Manifest, seed: int, val: float, test: float) -> tuple[list[Part], list[str]]:
    parts: list[Part] = ["train"] * len(manifest.photos)
    for indices in _by_label(manifest.photos).values():
        shuffled = sorted(indices, key=lambda index: _draw(seed, manifest.photos[index].path))
        for index, part in _deal(shuffled, val, test).items():
            parts[index] = part
    return parts, [photo.path for photo in manifest.photos]


def _keras(manifest: Manifest, val: float) -> tuple[list[Part], list[str]]:
    """The first int(val·n) files of each class in the order of Keras's directory walk (keras-semantics: sorted by
    folder, then lexicographically by file name) are validation, the rest training."""
    parts: list[Part] = ["train"] * len(manifest.photos)
    by_folder: dict[str, list[int]] = defaultdict(list)
    for index, photo in enumerate(manifest.photos):
        by_folder[photo.path.partition("/")[0]].append(index)
    for indices in by_folder.values():
        walked = sorted(indices, key=lambda index: tuple(manifest.photos[index].path.rpartition("/")[::2]))
        for index in walked[: int(val * len(walked))]:
            parts[index] = "val"
    return parts, _stretch_names(manifest, 10)


def _recording_order(manifest: Manifest) -> dict[str, list[int]]:
    """For each label the positions of its photos in the order of recording: frame number, then path."""
    photos = manifest.photos

    def place(index: int) -> tuple[str, int, str]:
        photo = photos[index]
        return photo.path.rpartition("/")[0], -1 if photo.number is None else photo.number, photo.path

    return {label: sorted(indices, key=place) for label, indices in _by_label(photos).items()}


def _cuts(total: int, stretches: int) -> list[int]:
    """Borders of `stretches` runs of nearly equal length: stretches + 1 positions from 0 to total."""
    pieces = min(stretches, total)
    return [round(piece * total / pieces) for piece in range(pieces + 1)]


def _stretches(total: int, stretches: int) -> list[int]:
    """Borders of the stretches of a class: fewer than asked for where they would be too short to be stretches."""
    return _cuts(total, min(stretches, max(_FEWEST, total // _SHORTEST)))


def _stretch_names(manifest: Manifest, stretches: int) -> list[str]:
    names = [""] * len(manifest.photos)
    for label, ordered in _recording_order(manifest).items():
        cuts = _stretches(len(ordered), stretches)
        for piece, (start, stop) in enumerate(pairwise(cuts)):
            for index in ordered[start:stop]:
                names[index] = f"{label}/{piece}"
    return names


def _block(
    manifest: Manifest, seed: int, val: float, test: float, stretches: int, guard: float
) -> tuple[list[Part], list[str]]:
    parts: list[Part] = ["train"] * len(manifest.photos)
    for label, ordered in _recording_order(manifest).items():
        cuts = _stretches(len(ordered), stretches)
        dealt = _deal_spread(len(cuts) - 1, val, test, seed, label)
        own = [part for piece, part in enumerate(dealt) for _ in range(cuts[piece], cuts[piece + 1])]
        for place, part in zip(ordered, _with_guard(manifest, ordered, own, guard), strict=True):
            parts[place] = part
    return parts, _stretch_names(manifest, stretches)


def _deal_spread(pieces: int, val: float, test: float, seed: int, label: str) -> list[Part]:
    """A part for each stretch, the held-out ones spread over the recording.

    A recording passes through a few lights and distances. Dealt freely, the stretches held out can take all of one
    light, and the score then turns on the seed; so the recording is cut into as many zones as stretches are held
    out, and each zone gives one (systematic sampling).
    """
    to_val, to_test = _counts(pieces, val, test)
    parts: list[Part] = ["train"] * pieces
    if not to_val + to_test:
        return parts
    zones = pairwise(_cuts(pieces, to_val + to_test))
    given = [min(range(start, stop), key=lambda piece: _draw(seed, label, piece)) for start, stop in zones]
    for place, piece in enumerate(sorted(given, key=lambda piece: _draw(seed, label, "part", piece))):
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


def _group(
    manifest: Manifest,
    seed: int,
    val: float,
    test: float,
    groups: Mapping[str, str],
    fixed: Mapping[str, Part],
) -> tuple[list[Part], list[str]]:
    photos = manifest.photos
    missing = [photo.path for photo in photos if photo.path not in groups]
    if missing:
        raise DataError(
            f"{len(missing)} photos have no group, first {missing[0]}",
            expected="a group for every photo",
            remedy="check the pattern or the CSV column that gives the groups",
        )
    own = [groups[photo.path] for photo in photos]
    unknown = set(fixed) - set(own)
    if unknown:
        expected, remedy = known_names("group", min(unknown), set(own))
        raise DataError(f"unknown group '{min(unknown)}'", expected=expected, remedy=remedy)
    rest = sorted(set(own) - set(fixed), key=lambda name: _draw(seed, name))
    # a part whose groups were named is complete; the rest is dealt among the others
    left = 1 - (val if "val" in fixed.values() else 0) - (test if "test" in fixed.values() else 0)
    to_val = 0.0 if "val" in fixed.values() else val / left
    to_test = 0.0 if "test" in fixed.values() else test / left
    part_of = _deal(rest, to_val, to_test) | dict(fixed)
    _refuse_straddling(photos, own, part_of)
    return [part_of[name] for name in own], own


def _refuse_straddling(photos: Sequence[Photo], own: Sequence[str], part_of: Mapping[str, Part]) -> None:
    """The same photo in two groups of different parts would be learnt from and judged by."""
    seen: dict[str, int] = {}
    for index, photo in enumerate(photos):
        first = seen.setdefault(photo.sha256, index)
        if part_of[own[first]] != part_of[own[index]]:
            raise DataError(
                f"groups '{own[first]}' and '{own[index]}' share a photo ({photos[first].path} = {photo.path}) but "
                f"would fall into {part_of[own[first]]} and {part_of[own[index]]}",
                expected="groups that have no photo in common, or in one part",
                remedy="give both the same group, or remove the copy",
            )
