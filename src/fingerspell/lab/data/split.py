"""Who is learnt from, who chooses, who judges: the split of a manifest into train, val and test.

Every assignment follows from SHA-256 of the seed and of names, never from a random generator's stream or from the
order in which a system lists files: the same seed gives the same split on any machine and any version.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from fingerspell.core.durable import digest_of, read_json, write_json
from fingerspell.core.errors import DataError, known_names
from fingerspell.lab.data.dealing import PARTS, Part, by_label, deal, draw
from fingerspell.lab.data.keras_walk import keras_walk
from fingerspell.lab.data.manifest import Manifest, Photo
from fingerspell.lab.data.stretches import deal_stretches, stretch_names

STRATEGIES = ("random", "keras", "block", "group")
FORMAT = "fingerspell-split/1"


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
        parts, blocks = deal_stretches(manifest, seed, val, test, stretches, guard)
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


def _random(manifest: Manifest, seed: int, val: float, test: float) -> tuple[list[Part], list[str]]:
    parts: list[Part] = ["train"] * len(manifest.photos)
    for indices in by_label(manifest.photos).values():
        shuffled = sorted(indices, key=lambda index: draw(seed, manifest.photos[index].path))
        for index, part in deal(shuffled, val, test).items():
            parts[index] = part
    return parts, [photo.path for photo in manifest.photos]


def _keras(manifest: Manifest, val: float) -> tuple[list[Part], list[str]]:
    """The first int(val·n) files of each class in the order of Keras's directory walk (keras-semantics: sorted by
    folder, then lexicographically by file name) are validation, the rest training."""
    parts: list[Part] = ["train"] * len(manifest.photos)
    by_folder: dict[str, list[int]] = defaultdict(list)
    for index in keras_walk(manifest.photos):
        by_folder[manifest.photos[index].path.partition("/")[0]].append(index)
    for walked in by_folder.values():
        for index in walked[: int(val * len(walked))]:
            parts[index] = "val"
    return parts, stretch_names(manifest, 10)


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
    rest = sorted(set(own) - set(fixed), key=lambda name: draw(seed, name))
    # a part whose groups were named is complete; the rest is dealt among the others
    left = 1 - (val if "val" in fixed.values() else 0) - (test if "test" in fixed.values() else 0)
    to_val = 0.0 if "val" in fixed.values() else val / left
    to_test = 0.0 if "test" in fixed.values() else test / left
    part_of = deal(rest, to_val, to_test) | dict(fixed)
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
