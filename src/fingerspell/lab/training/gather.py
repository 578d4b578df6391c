"""From packed photos to the arrays that a run learns from and chooses by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import DataError, TrainingError
from fingerspell.lab.augment import photo_ids
from fingerspell.lab.data.additions import Addition
from fingerspell.lab.data.cache import PhotoCache
from fingerspell.lab.data.dealing import Part
from fingerspell.lab.data.joined import joined, starts_of
from fingerspell.lab.data.keras_walk import keras_walk
from fingerspell.lab.data.manifest import Manifest, Photo
from fingerspell.lab.data.shapes import Shapes
from fingerspell.lab.data.split import Split
from fingerspell.lab.training.batches import TrainingData


def training_data(
    split: Split,
    cache: PhotoCache,
    labels: tuple[str, ...],
    added: Sequence[tuple[Addition, PhotoCache]] = (),
    shapes: Shapes | None = None,
    validation: PhotoCache | None = None,
) -> TrainingData:
    """The arrays of a run. Damaged photos are left out of every part; additions join the training part alone.

    Args:
        split: which photo plays which part.
        cache: packed photos of its manifest.
        labels: of the model.
        added: further folders to learn from, with their packed photos.
        shapes: of `learnt_photos`, for networks that learn hands.
        validation: packed photos to choose by, where those to learn from are packed larger.

    Raises:
        DataError: a part has no readable photo, or fewer than two classes are left to learn from.
        TrainingError: photos of an addition have no row in its cache any more.
    """
    number = {label: index for index, label in enumerate(labels)}
    chosen_from = validation or cache
    train, val = _readable(split, "train", cache), _readable(split, "val", chosen_from)
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
        _rows(val, chosen_from),
        targets(val),
        np.array(walked, dtype=np.int64),
        shapes,
        None if validation is None else validation.pixels,
    )


def learnt_photos(
    split: Split, cache: PhotoCache, added: Sequence[Addition] = ()
) -> list[tuple[Manifest, Sequence[Photo]]]:
    """The photos that a run learns from, in the order of its arrays, each folder's together."""
    own: list[tuple[Manifest, Sequence[Photo]]] = [(split.manifest, _readable(split, "train", cache))]
    return own + [(addition.manifest, addition.learnt) for addition in added]


def _readable(split: Split, part: Part, cache: PhotoCache) -> list[Photo]:
    photos = split.manifest.photos
    return [photos[index] for index in split.indices(part) if photos[index].path in cache.rows]


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
