"""Further folders that a run also learns from: their photos join the training part, and none of them is ever scored.

What is held out must stay unseen. So a photo of such a folder is refused where it is a copy of one of the split's val,
test or guard photos, or nearly matches one (see `fingerprint`). Copies of photos that are learnt from anyway are
refused too: then photos of different folders have different contents, and so different identities for augmentation.
Refused are photos of labels that the split's folder lacks, since nothing could tell how well those are known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.alphabet import LABELS
from fingerspell.core.durable import read_json, write_json
from fingerspell.core.errors import DataError
from fingerspell.core.progress import Progress, silent
from fingerspell.lab.data.cache import PhotoCache
from fingerspell.lab.data.fingerprint import WIDTH, fingerprints
from fingerspell.lab.data.manifest import LeftOut, Manifest, Photo, frame_number
from fingerspell.lab.data.neighbours import nearest_twins
from fingerspell.lab.data.split import Split

FORMAT = "fingerspell-additions/1"
OTHER_LABEL = "its label is none of the folder that the split is of"
COPY_HELD = "a copy of a photo that is held out"
NEAR_HELD = "nearly the same as a photo that is held out"
COPY_LEARNT = "a copy of a photo that is learnt from anyway"
DAMAGED = "damaged"
_AT_ONCE = 512  # photos whose fingerprints are taken at once


@dataclass(frozen=True)
class Addition:
    """One further folder, and which of its photos are learnt from.

    Attributes:
        manifest: all photos of the folder.
        refused: those that are not learnt from, each with its reason (before the colon, if there is one).
    """

    manifest: Manifest
    refused: tuple[LeftOut, ...] = ()

    @property
    def name(self) -> str:
        """The folder's own name, without the folders above it."""
        return self.manifest.root.resolve().name

    @cached_property
    def learnt(self) -> tuple[Photo, ...]:
        """The photos learnt from, in the order of the manifest."""
        refused = {item.path for item in self.refused}
        return tuple(photo for photo in self.manifest.photos if photo.path not in refused)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the photos learnt from; where none is refused, the digest of the folder's manifest."""
        return Manifest(self.manifest.root, self.learnt).digest

    @cached_property
    def left_out_counts(self) -> Counter[str]:
        """Photos and files that are not learnt from, by reason."""
        return Counter(item.reason.partition(":")[0] for item in (*self.refused, *self.manifest.left_out))


def admit(
    split: Split,
    cache: PhotoCache,
    others: Sequence[tuple[Manifest, PhotoCache]],
    progress: Progress = silent,
) -> tuple[Addition, ...]:
    """Decide which photos of further folders may be learnt from beside a split's training part.

    Args:
        split: of the folder that is judged by.
        cache: of the split's manifest.
        others: each further folder with its cache, of the same preprocessing.
        progress: called while photos are compared.

    Returns:
        One addition for each folder, in the order given.

    Raises:
        DataError: nothing of a folder may be learnt from.
    """
    known = _known_contents(split)
    held = [photo for photo, part in zip(split.manifest.photos, split.parts, strict=True) if part != "train"]
    held = [photo for photo in held if photo.path in cache.rows]
    held_prints = _prints(held, cache)
    found = []
    for manifest, its in others:
        refused = _refused_alone(manifest, its, split.manifest.labels, known)
        rest = [photo for photo in manifest.photos if photo.path not in refused]
        twins = nearest_twins(_prints(rest, its), _ranks(rest), held_prints, _ranks(held), progress)
        for photo, twin in zip(rest, twins, strict=True):
            if twin >= 0:
                refused[photo.path] = f"{NEAR_HELD}: {held[twin].path}"
        addition = Addition(manifest, tuple(LeftOut(path, reason) for path, reason in refused.items()))
        _require_some(addition)
        known |= {photo.sha256: COPY_LEARNT for photo in addition.learnt}
        found.append(addition)
    return tuple(found)


def _known_contents(split: Split) -> dict[str, str]:
    """Why a copy of each content of the split is refused; where copies stand in several parts, held out weighs more."""
    known: dict[str, str] = {}
    for photo, part in zip(split.manifest.photos, split.parts, strict=True):
        if part != "train":
            known[photo.sha256] = COPY_HELD
        else:
            known.setdefault(photo.sha256, COPY_LEARNT)
    return known


def _refused_alone(
    manifest: Manifest, cache: PhotoCache, labels: Sequence[str], known: Mapping[str, str]
) -> dict[str, str]:
    """Path → reason of the photos that are refused for their label, content or damage."""
    damage = {item.path: item.reason for item in cache.damaged}
    refused = {}
    for photo in manifest.photos:
        if photo.sha256 in known:
            refused[photo.path] = known[photo.sha256]
        elif photo.label not in labels:
            refused[photo.path] = OTHER_LABEL
        elif photo.path not in cache.rows:
            refused[photo.path] = f"{DAMAGED}: {damage.get(photo.path, 'not decoded')}"
    return refused


def _prints(photos: Sequence[Photo], cache: PhotoCache) -> NDArray[np.uint8]:
    """(N, 224) uint8 fingerprints of photos that have a row, taken in pieces: a cache may be larger than memory."""
    rows = np.array([cache.rows[photo.path] for photo in photos], dtype=np.int64)
    prints = np.empty((len(rows), WIDTH), dtype=np.uint8)
    for start in range(0, len(rows), _AT_ONCE):
        prints[start : start + _AT_ONCE] = fingerprints(cache.pixels[rows[start : start + _AT_ONCE]])
    return prints


def _ranks(photos: Iterable[Photo]) -> NDArray[np.intp]:
    return np.array([LABELS.index(photo.label) for photo in photos], dtype=np.intp)


def _require_some(addition: Addition) -> None:
    if addition.learnt:
        return
    reasons = ", ".join(f"{count} × {reason}" for reason, count in addition.left_out_counts.most_common(3))
    raise DataError(
        f"no photo of {addition.manifest.root} may be learnt from ({reasons})",
        expected="photos that are not held out nor learnt from already, of labels that the first folder has",
        remedy="give another folder with --also-learn, or leave it out",
    )


def save_additions(path: Path, additions: Sequence[Addition]) -> None:
    """Write the additions, atomically, as JSON that `load_additions` reads."""
    write_json(path, {"format": FORMAT, "folders": [_as_dict(addition) for addition in additions]})


def _as_dict(addition: Addition) -> dict[str, Any]:
    return {
        "folder": str(addition.manifest.root.resolve()),
        "digest": addition.digest,
        "refused": [[item.path, item.reason] for item in addition.refused],
        "columns": ["path", "label", "sha256"],
        "photos": [[photo.path, photo.label, photo.sha256] for photo in addition.manifest.photos],
    }


def load_additions(path: Path) -> tuple[Addition, ...]:
    """Read what `save_additions` wrote. Raises DataError if it is not that, or was changed."""
    values = read_json(path, what="the further folders that a run learnt from")
    try:
        if values["format"] != FORMAT:
            raise ValueError(f"format is {values['format']!r}, not {FORMAT!r}")
        return tuple(_addition_of(folder) for folder in values["folders"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} does not name the further folders of a run: {error}",
            expected="the file that 'fingerspell train' wrote, unchanged",
            remedy="train again",
        ) from error


def _addition_of(values: Mapping[str, Any]) -> Addition:
    photos = tuple(Photo(path, label, sha256, frame_number(path)) for path, label, sha256 in values["photos"])
    refused = tuple(LeftOut(path, reason) for path, reason in values["refused"])
    addition = Addition(Manifest(Path(values["folder"]), photos), refused)
    if addition.digest != values["digest"]:
        raise ValueError("its content does not match its digest")
    return addition
