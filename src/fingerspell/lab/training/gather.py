"""From packed photos to the arrays that a run learns from and chooses by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import DataError, TrainingError
from fingerspell.lab.augment import photo_ids
from fingerspell.lab.data.additions import Addition
from fingerspell.lab.data.cache import PhotoCache
from fingerspell.lab.data.joined import joined, starts_of
from fingerspell.lab.data.keras_walk import keras_walk
from fingerspell.lab.data.manifest import Photo
from fingerspell.lab.data.split import Split
from fingerspell.lab.training.loop import TrainingData


def training_data(
    split: Split, cache: PhotoCache, labels: tuple[str, ...], added: Sequence[tuple[Addition, PhotoCache]] = ()
) -> TrainingData:
    """The arrays of a run. Damaged photos are left out of every part; additions join the training part alone.

    Raises:
        DataError: a part has no readable photo, or fewer than two classes are left to learn from.
        TrainingError: photos of an addition have no row in its cache any more.
    """
    photos, number = split.manifest.photos, {label: index for index, label in enumerate(labels)}
    train, val = (
        [photos[index] for index in split.indices(part) if photos[index].path in cache.rows]
        for part in ("train", "val")
    )
    if not val or len({photo.label for photo in train}) < 2:
        raise DataError(
            f"too few readable photos in {split.manifest.root}: {len(train)} to learn from, {len(val)} to choose by",
            expected="at least 2 classes to learn from and a photo to choose by",
            remedy="look at the folder with 'fingerspell data audit'",
        )
    packed = [cache.pixels, *(its.pixels for _, its in added)]
    rows, walked = [_rows(train, cache)], keras_walk(train)
    for (addition, its), first in zip(added, starts_of(packed)[1:], strict=True):
        _require_rows(addition, its)
        walked += [len(train) + index for index in keras_walk(addition.learnt)]
        train += addition.learnt
        rows.append(first + _rows(addition.learnt, its))

    def targets(some: Sequence[Photo]) -> NDArray[np.int64]:
        return np.array([number[photo.label] for photo in some], dtype=np.int64)

    return TrainingData(
        joined(packed),
        np.concatenate(rows),
        targets(train),
        photo_ids(train),
        _rows(val, cache),
        targets(val),
        np.array(walked, dtype=np.int64),
    )


def _rows(photos: Sequence[Photo], cache: PhotoCache) -> NDArray[np.int64]:
    return np.array([cache.rows[photo.path] for photo in photos], dtype=np.int64)


def _require_rows(addition: Addition, cache: PhotoCache) -> None:
    missing = [photo.path for photo in addition.learnt if photo.path not in cache.rows]
    if missing:
        raise TrainingError(
            f"{len(missing)} photos of {addition.manifest.root} can no longer be read, first {missing[0]}",
            expected="the photos that this run was started with",
            remedy="put the folder back as it was, or begin a new run",
        )
