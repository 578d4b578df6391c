"""The compiled way of changing photos: `augment_torch.apply` within 1e-5, from each photo's draws alone."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fingerspell.core.errors import DataError
from fingerspell.lab.augment import POLICIES, Draws, Policy, draw
from fingerspell.lab.augment_cpu import UNCHANGED, Normal, Workers, change
from fingerspell.lab.augment_torch import apply

NORMAL = Normal((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
FULL = Policy(
    rotation=30, shift=0.3, zoom=0.4, shear=15, flip=True, brightness=0.5, channel_shift=0.3, contrast=0.5, gamma=1.0,
    saturation=0.5, colour=0.3, gradient=1.5, grey=0.5, blur=1.0, noise=0.2, erase=1.0, erase_side=0.8,
)  # fmt: skip
"""Further than any named policy goes, in everything."""


def levels(count: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    """Photos of blocks, ramps and noise, one all black and one all white."""
    numbers = np.random.default_rng(seed)
    photos = numbers.integers(0, 256, (count, height, width, 3), dtype=np.uint8)
    photos[::2] = (np.arange(width)[None, :, None] * 255 // width + photos[::2] // 8).clip(0, 255)
    photos[0], photos[-1] = 0, 255
    return photos


def by_torch(photos: np.ndarray, draws: Draws, size: tuple[int, int], normal: Normal = UNCHANGED) -> np.ndarray:
    """(N, *size, 3), as training on another device has it."""
    scaled = torch.from_numpy(photos).permute(0, 3, 1, 2).float() * float(np.float32(1 / 255))
    mean, std = (torch.tensor(part).view(1, 3, 1, 1) for part in (normal.mean, normal.std))
    return ((apply(scaled, draws, size) - mean) / std).permute(0, 2, 3, 1).numpy()


def some(count: int, first: int = 1000) -> np.ndarray:
    return np.arange(first, first + count, dtype=np.uint64)


def alone() -> dict[str, Policy]:
    """Policies of a single change each."""
    single = {each.name: Policy(**{each.name: getattr(FULL, each.name)}) for each in fields(Policy)}
    del single["erase_side"]
    return {f"only {name}": one for name, one in single.items()} | POLICIES


@pytest.mark.parametrize("size", [(40, 32), (20, 16), (31, 25), (64, 64)])
@pytest.mark.parametrize("name", alone())
def test_each_change_and_policy_is_what_torch_does(name, size):
    photos, draws = levels(12, 40, 32), draw(alone()[name], 5, 1, some(12), 40, 32)
    assert np.abs(change(photos, np.arange(12), draws, size) - by_torch(photos, draws, size)).max() < 1e-5


@settings(max_examples=30, deadline=None)
@given(
    reach=st.lists(st.floats(0, 1), min_size=len(fields(Policy)), max_size=len(fields(Policy))),
    sides=st.tuples(*[st.integers(8, 48)] * 4),
    seed=st.integers(0, 2**31 - 1),
)
def test_any_policy_is_what_torch_does(reach, sides, seed):
    values = {each.name: part * getattr(FULL, each.name) for each, part in zip(fields(Policy), reach, strict=True)}
    policy = Policy(**values | {"flip": reach[0] > 0.5})
    height, width, *size = sides
    photos, draws = levels(6, height, width, seed), draw(policy, seed, 0, some(6), height, width)
    apart = np.abs(change(photos, np.arange(6), draws, tuple(size)) - by_torch(photos, draws, tuple(size)))
    # where the map's last bits decide whether a place lies beyond the edge, single pixels may differ by more
    assert apart.mean() < 1e-6
    assert np.quantile(apart, 0.999) < 1e-5
    assert apart.max() < 1e-4


def test_unchanged_photos_are_normalised_to_the_bit():
    photos, draws = levels(6, 24, 20), draw(Policy(), 0, 0, some(6), 24, 20)
    assert np.array_equal(
        change(photos, np.arange(6), draws, (24, 20), NORMAL), by_torch(photos, draws, (24, 20), NORMAL)
    )


def test_noise_and_cover_are_the_same_function():
    """Hashed from the same words: equal to the bit, where nothing is computed but a sum."""
    photos, policy = levels(6, 24, 20), Policy(noise=0.2, erase=1.0, erase_side=0.6)
    draws = draw(policy, 3, 2, some(6), 24, 20)
    assert np.array_equal(change(photos, np.arange(6), draws, (24, 20)), by_torch(photos, draws, (24, 20)))


def test_what_changes_one_photo_leaves_the_next_alone():
    """Every other photo has every change switched off, as framing alone would leave it."""
    photos, draws = levels(8, 24, 20), draw(FULL, 2, 0, some(8), 24, 20)
    off = draw(Policy(), 2, 0, some(8), 24, 20)
    for each in fields(Draws):
        if each.name not in ("moved", "matrix"):
            getattr(draws, each.name)[::2] = getattr(off, each.name)[::2]
    changed = change(photos, np.arange(8), draws, (24, 20))
    assert np.abs(changed - by_torch(photos, draws, (24, 20))).max() < 1e-5


def part_of(draws: Draws, places: np.ndarray) -> Draws:
    """The draws of some of the photos."""
    arrays = {each.name: getattr(draws, each.name) for each in fields(Draws) if each.name != "moved"}
    return replace(draws, **{name: values[places] for name, values in arrays.items()})


@pytest.mark.parametrize("size", [(40, 32), (20, 16)])
def test_a_photos_bits_follow_from_its_own_draws(size):
    """Whole or split, in any order, with any number of threads, beside any other photos."""
    photos, draws, rows = levels(13, 40, 32), draw(FULL, 7, 0, some(13), 40, 32), np.arange(13)
    whole = change(photos, rows, draws, size, NORMAL)
    for count in (1, 2, 3, 5, 20):
        workers = Workers(count)
        assert np.array_equal(change(photos, rows, draws, size, NORMAL, workers), whole)
        workers.close()
    shuffled = np.random.default_rng(1).permutation(13)
    assert np.array_equal(change(photos, shuffled, part_of(draws, shuffled), size, NORMAL), whole[shuffled])
    for place in range(13):
        one = np.array([place])
        assert np.array_equal(change(photos, one, part_of(draws, one), size, NORMAL)[0], whole[place])


def test_photos_are_read_where_they_lie(tmp_path):
    """From a mapped file that is not written to; rows in any order, some twice."""
    photos, rows = levels(9, 16, 16), np.array([8, 0, 3, 3])
    photos.tofile(tmp_path / "pixels.u8")
    mapped = np.memmap(tmp_path / "pixels.u8", np.uint8, "r", shape=photos.shape)
    draws = draw(POLICIES["B"], 0, 0, some(4), 16, 16)
    assert np.array_equal(change(mapped, rows, draws, (16, 16)), change(photos[rows], np.arange(4), draws, (16, 16)))
    assert change(mapped, rows[:0], part_of(draws, np.arange(0)), (16, 16)).shape == (0, 16, 16, 3)


def test_what_cannot_be_read_is_refused():
    photos, draws = levels(4, 16, 16), draw(Policy(), 0, 0, some(2), 16, 16)
    for rows in ([0, 4], [-1, 0]):
        with pytest.raises(DataError, match="of 4 are asked for"):
            change(photos, np.array(rows), draws, (16, 16))
    for wrong in (photos.astype(np.float32), photos[0], photos[..., :1], photos[:, :, ::2]):
        with pytest.raises(DataError, match="photos as"):
            change(wrong, np.array([0, 1]), draws, (16, 16))


def test_an_error_in_a_worker_is_raised():
    def broken(first: int, last: int) -> None:
        raise RuntimeError(f"at {first}")

    workers = Workers(2)
    with pytest.raises(RuntimeError, match="at 0"):
        workers.share(broken, 4)
    workers.close()
