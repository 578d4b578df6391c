"""Fingerprints: which photos count as the same shot, and which do not."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fingerspell.core.errors import DataError
from fingerspell.lab.data.fingerprint import (
    HASH_BYTES,
    SAME_RECORDING,
    SAME_SHOT,
    SAME_SHOT_OTHER_LABEL,
    WIDTH,
    are_near,
    colour_distance,
    fingerprints,
    hash_distance,
)


def scene(seed: int, side: int = 200) -> Image.Image:
    """A smooth background with a few shapes: as different from another seed's as two photos are."""
    draw = np.random.default_rng(seed)
    coarse = draw.integers(0, 256, size=(5, 5, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(image)
    for _ in range(4):
        x, y, size = draw.integers(0, side - 40, size=3) * side // side
        colour = tuple(int(level) for level in draw.integers(0, 256, size=3))
        pen.ellipse((x, y, x + 20 + size // 4, y + 20 + size // 4), fill=colour)
    return image


def small(image: Image.Image) -> np.ndarray:
    return np.asarray(image.resize((64, 64), Image.Resampling.BOX).convert("RGB"))


def near(one: Image.Image, other: Image.Image, rule=SAME_SHOT) -> bool:
    prints = fingerprints(np.stack([small(one), small(other)]))
    return bool(are_near(prints, np.array([0]), np.array([1]), rule)[0])


def saved_again(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=quality)
    return Image.open(buffer)


def test_the_hash_follows_brightness_from_left_to_right():
    ramp = np.repeat(np.linspace(0, 255, 64, dtype=np.uint8)[None, :], 64, axis=0)
    rising = np.repeat(ramp[:, :, None], 3, axis=2)
    prints = fingerprints(np.stack([rising, rising[:, ::-1], rising.transpose(1, 0, 2)]))
    assert prints.shape == (3, WIDTH) and prints.dtype == np.uint8
    assert (prints[0, :HASH_BYTES] == 255).all()  # each cell is brighter than the one to its left
    assert (prints[1, :HASH_BYTES] == 0).all()  # mirrored: none is
    assert (prints[2, :HASH_BYTES] == 0).all()  # brighter downwards: none is
    assert hash_distance(prints, np.array([0, 0]), np.array([1, 0])).tolist() == [256, 0]


def test_the_cells_hold_the_mean_colour_of_their_place():
    photo = np.zeros((32, 32, 3), dtype=np.uint8)
    photo[:4, 4:8] = (200, 100, 50)  # cell 1 of the first row of 8
    cells = fingerprints(photo[None])[0, HASH_BYTES:].reshape(8, 8, 3)
    assert cells[0, 1].tolist() == [200, 100, 50]
    cells[0, 1] = 0
    assert not cells.any()


def test_colour_distance_leaves_a_change_of_exposure_to_the_shift():
    dark = np.full((64, 64, 3), 100, dtype=np.uint8)
    bright = dark + 10
    half = dark.copy()
    half[:, :32] += 20
    prints = fingerprints(np.stack([dark, bright, half]))
    distance, shift = colour_distance(prints, np.array([0, 0]), np.array([1, 2]))
    assert distance.tolist() == pytest.approx([0, 10])
    assert shift.tolist() == pytest.approx([10, 10])


def test_a_fingerprint_hardly_depends_on_the_size_of_the_photo():
    photo = scene(3)
    large = np.asarray(photo)[None]
    halved = np.asarray(photo.resize((100, 100), Image.Resampling.BOX))[None]
    prints = np.concatenate([fingerprints(large), fingerprints(halved)])
    assert hash_distance(prints, np.array([0]), np.array([1]))[0] <= 4


@pytest.mark.parametrize("seed", range(6))
def test_copies_that_were_changed_a_little_are_the_same_shot_under_either_rule(seed):
    photo = scene(seed)
    for rule in (SAME_SHOT, SAME_SHOT_OTHER_LABEL):
        assert near(photo, saved_again(photo, 75), rule)
        assert near(photo, photo.resize((150, 150), Image.Resampling.LANCZOS), rule)
        assert near(photo, photo.point([min(level + 5, 255) for level in range(256)] * 3), rule)


def test_other_scenes_are_neither_the_same_shot_nor_the_same_recording():
    pixels = np.stack([small(scene(seed)) for seed in range(30)])
    first, second = np.triu_indices(30, k=1)
    prints = fingerprints(pixels)
    assert not are_near(prints, first, second, SAME_SHOT).any()
    assert not are_near(prints, first, second, SAME_RECORDING).any()


def test_much_brighter_is_another_shot():
    photo = scene(1).point([level // 2 for level in range(256)] * 3)
    assert not near(photo, photo.point([level + 40 for level in range(256)] * 3))


def test_many_pairs_are_compared_in_pieces_without_a_seam():
    prints = np.random.default_rng(0).integers(0, 256, size=(50, WIDTH), dtype=np.uint8)
    draw = np.random.default_rng(1)
    first, second = draw.integers(0, 50, size=(2, 40_000))
    bits = np.unpackbits(prints[:, :HASH_BYTES], axis=1)
    assert (hash_distance(prints, first, second) == (bits[first] != bits[second]).sum(axis=1)).all()
    distance, _ = colour_distance(prints, first, second)
    alone, _ = colour_distance(prints, first[-1:], second[-1:])
    assert distance[-1] == alone[0]


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((2, 31, 64, 3), dtype=np.uint8),
        np.zeros((2, 64, 64), dtype=np.uint8),
        np.zeros((2, 64, 64, 3), dtype=np.float32),
        np.zeros((2, 64, 64, 4), dtype=np.uint8),
    ],
)
def test_other_arrays_are_refused(pixels):
    with pytest.raises(DataError, match="fingerprints cannot be taken"):
        fingerprints(pixels)


def test_no_photos_give_no_fingerprints():
    assert fingerprints(np.zeros((0, 64, 64, 3), dtype=np.uint8)).shape == (0, WIDTH)
