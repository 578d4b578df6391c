"""Recording runs: where they begin and end, and what keeps them whole."""

import numpy as np
import pytest

from fingerspell.core.errors import DataError
from fingerspell.lab.data.fingerprint import fingerprints
from fingerspell.lab.data.manifest import Photo, frame_number
from fingerspell.lab.data.recordings import recording_groups, recording_order, runs


def photos_of(*paths: str) -> list[Photo]:
    return [Photo(path, path.partition("/")[0], f"sha-{path}", frame_number(path)) for path in paths]


def prints_of(*scenes: int) -> np.ndarray:
    """A fingerprint for each scene number; equal numbers look alike, others do not."""
    pixels = [np.random.default_rng(seed).integers(0, 256, size=(32, 32, 3), dtype=np.uint8) for seed in scenes]
    return fingerprints(np.stack(pixels))


def test_the_order_is_that_of_the_numbers_not_of_the_names():
    photos = photos_of("B/B1.jpg", "A/A10.jpg", "A/A9.jpg", "space/s1.jpg", "A/x/A1.jpg", "A/none.jpg")
    ordered = [photos[index].path for index in recording_order(photos)]
    assert ordered == ["A/none.jpg", "A/A9.jpg", "A/A10.jpg", "A/x/A1.jpg", "B/B1.jpg", "space/s1.jpg"]


def test_a_run_ends_where_neighbours_no_longer_match():
    photos = photos_of(*(f"A/A{number}.jpg" for number in range(6)))
    assert recording_groups(photos, prints_of(1, 1, 1, 2, 2, 2)) == ["A/0"] * 3 + ["A/1"] * 3


def test_one_odd_frame_does_not_end_a_run_but_two_do():
    photos = photos_of(*(f"A/A{number}.jpg" for number in range(5)))
    assert len(set(recording_groups(photos, prints_of(1, 1, 9, 1, 1)))) == 1
    photos = photos_of(*(f"A/A{number}.jpg" for number in range(6)))
    groups = recording_groups(photos, prints_of(1, 1, 8, 9, 1, 1))
    assert groups[0] == groups[1] != groups[4] == groups[5]


def test_runs_follow_numbers_and_come_back_in_the_given_order():
    photos = photos_of("A/A10.jpg", "A/A2.jpg", "A/A11.jpg", "A/A1.jpg")
    assert recording_groups(photos, prints_of(5, 3, 5, 3)) == ["A/1", "A/0", "A/1", "A/0"]


def test_a_run_never_crosses_a_class_or_a_folder():
    photos = photos_of("A/A1.jpg", "A/A2.jpg", "A/ben/A3.jpg", "B/B4.jpg")
    assert recording_groups(photos, prints_of(1, 1, 1, 1)) == ["A/0", "A/0", "A/1", "B/0"]


def test_runs_that_share_a_photo_are_one_group():
    photos = photos_of("A/A1.jpg", "A/A2.jpg", "A/A7.jpg", "A/A8.jpg", "B/B1.jpg")
    photos[3] = Photo("A/A8.jpg", "A", photos[0].sha256, 8)
    photos[4] = Photo("B/B1.jpg", "B", photos[2].sha256, 1)
    assert set(recording_groups(photos, prints_of(1, 1, 2, 3, 4))) == {"A/0", "A/1"}
    groups = recording_groups(photos, prints_of(1, 1, 2, 2, 4))
    assert set(groups) == {"A/0"}  # A8 joins the second run to the first, and B1 joins it too


def test_runs_are_described_in_order():
    photos = photos_of("A/A2.jpg", "A/A1.jpg", "A/A3.jpg", "B/B1.jpg")
    found = runs(photos, recording_groups(photos, prints_of(1, 1, 2, 3)))
    assert [(run.name, run.first, run.last, run.photos) for run in found] == [
        ("A/0", "A/A1.jpg", "A/A2.jpg", 2),
        ("A/1", "A/A3.jpg", "A/A3.jpg", 1),
        ("B/0", "B/B1.jpg", "B/B1.jpg", 1),
    ]


def test_one_fingerprint_a_photo_is_needed_and_none_is_fine():
    with pytest.raises(DataError, match="1 fingerprints for 2 photos"):
        recording_groups(photos_of("A/A1.jpg", "A/A2.jpg"), prints_of(1))
    assert recording_groups([], np.zeros((0, 224), dtype=np.uint8)) == []
