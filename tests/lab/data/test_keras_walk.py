"""The order of Keras's directory walk, written down by hand."""

import numpy as np

from fingerspell.lab.data.keras_walk import keras_walk
from fingerspell.lab.data.manifest import Photo

WALKED = [
    "A/A1.jpg",
    "A/A10.jpg",
    "A/A2.jpg",
    "B/z.jpg",  # a folder's own files come first
    "B/Z/1.jpg",
    "B/s/1.jpg",
    "B/s-1/1.jpg",  # '-' is before '/': by the whole folder, s-1 is after s and before s/x
    "B/s/x/1.jpg",
    "B/s2/1.jpg",
    "a/1.jpg",  # capitals first
    "del/_.jpg",
    "del/a.jpg",
    "del/é.jpg",
]


def photos(paths) -> list[Photo]:
    return [Photo(path, "A", "0" * 64, None) for path in paths]


def test_by_class_folder_then_subfolder_then_name():
    for seed in range(5):
        shuffled = [WALKED[index] for index in np.random.default_rng(seed).permutation(len(WALKED))]
        assert [shuffled[index] for index in keras_walk(photos(shuffled))] == WALKED


def test_a_flat_folder_goes_by_name():
    assert keras_walk(photos(["b.jpg", "a2.jpg", "a10.jpg"])) == [2, 1, 0]
    assert keras_walk([]) == []
