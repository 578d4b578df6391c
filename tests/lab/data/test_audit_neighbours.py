"""The bounded search for near pairs, against a comparison of all pairs."""

import numpy as np
import pytest

from fingerspell.lab.data import neighbours
from fingerspell.lab.data.fingerprint import (
    HASH_BYTES,
    SAME_SHOT,
    SAME_SHOT_OTHER_LABEL,
    WIDTH,
    are_near,
    colour_distance,
    hash_distance,
)
from fingerspell.lab.data.neighbours import IN_TABLE, IN_TIME, TABLES, near_pairs


def prints_near(centre: np.ndarray, bits: int, draw: np.random.Generator) -> np.ndarray:
    """A fingerprint `bits` hash bits away from another, with the same colours."""
    flipped = np.unpackbits(centre[:HASH_BYTES])
    flipped[draw.permutation(256)[:bits]] ^= 1
    return np.concatenate([np.packbits(flipped), centre[HASH_BYTES:]])


def crowd(total: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random fingerprints, every third of which has a twin up to 20 bits away somewhere else in the order."""
    draw = np.random.default_rng(seed)
    prints = draw.integers(0, 256, size=(total, WIDTH), dtype=np.uint8)
    places = draw.permutation(total)
    for one, other in zip(places[: total // 3], places[total // 3 : 2 * (total // 3)], strict=True):
        prints[other] = prints_near(prints[one], int(draw.integers(0, 21)), draw)
    return prints, draw.integers(0, 3, size=total)


def all_pairs(prints: np.ndarray, labels: np.ndarray) -> set[tuple[int, int]]:
    first, second = np.triu_indices(len(prints), k=1)
    same = labels[first] == labels[second]
    loose = are_near(prints, first, second, SAME_SHOT)
    strict = are_near(prints, first, second, SAME_SHOT_OTHER_LABEL)
    near = np.where(same, loose, strict)
    return set(zip(first[near].tolist(), second[near].tolist(), strict=True))


def found_pairs(pairs) -> set[tuple[int, int]]:
    return set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


def test_every_pair_found_is_near_and_nearly_every_near_pair_is_found():
    prints, labels = crowd(900)
    pairs = near_pairs(prints, labels, np.arange(900))
    truth, found = all_pairs(prints, labels), found_pairs(pairs)
    assert len(truth) > 150
    assert found <= truth
    assert len(found) >= 0.95 * len(truth)


def test_distances_belong_to_their_pairs():
    prints, labels = crowd(300, seed=4)
    pairs = near_pairs(prints, labels, np.arange(300))
    assert (pairs.first < pairs.second).all()
    assert (pairs.bits == hash_distance(prints, pairs.first, pairs.second)).all()
    assert (pairs.colour == colour_distance(prints, pairs.first, pairs.second)[0]).all()
    assert len(found_pairs(pairs)) == len(pairs)


@pytest.mark.parametrize(("apart", "found"), [(1, True), (8, True), (9, False)])
def test_neighbours_in_time_reach_eight_places_along_the_given_order(monkeypatch, apart, found):
    monkeypatch.setattr(neighbours, "TABLES", 0)
    draw = np.random.default_rng(2)
    prints = draw.integers(0, 256, size=(40, WIDTH), dtype=np.uint8)
    prints[39] = prints_near(prints[0], 20, draw)
    order = np.r_[0, 1:apart, 39, apart:39]
    pairs = near_pairs(prints, np.zeros(40, dtype=np.intp), order)
    assert found_pairs(pairs) == ({(0, 39)} if found else set())


@pytest.mark.parametrize(("bits", "same", "expected"), [(20, True, 1), (21, True, 0), (10, False, 1), (11, False, 0)])
def test_other_labels_must_be_closer(bits, same, expected):
    draw = np.random.default_rng(bits)
    one = draw.integers(0, 256, size=WIDTH, dtype=np.uint8)
    prints = np.stack([one, prints_near(one, bits, draw)])
    labels = np.array([0, 0 if same else 1])
    assert len(near_pairs(prints, labels, np.arange(2))) == expected


def test_a_flood_of_equal_photos_stays_bounded():
    prints = np.zeros((3_000, WIDTH), dtype=np.uint8)
    pairs = near_pairs(prints, np.zeros(3_000, dtype=np.intp), np.arange(3_000))
    assert len(pairs) <= 3_000 * (IN_TIME + TABLES * IN_TABLE)
    assert set(pairs.first) | set(pairs.second) == set(range(3_000))


@pytest.mark.parametrize("total", [0, 1, 2])
def test_few_photos_are_no_trouble(total):
    prints = np.zeros((total, WIDTH), dtype=np.uint8)
    assert len(near_pairs(prints, np.zeros(total, dtype=np.intp), np.arange(total))) == max(total - 1, 0)
