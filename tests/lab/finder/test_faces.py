"""Painted heads: the same seed gives the same ones, and they lie where their cover says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fingerspell.lab.finder import faces
from fingerspell.lab.finder.frames import Wish, compose


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


@pytest.fixture(scope="module")
def heads() -> faces.Faces:
    return faces.draw_faces(24, 0)


def test_the_same_seed_gives_the_same_heads_and_another_others(heads):
    again, other = faces.draw_faces(3, 0), faces.draw_faces(3, 1)
    assert np.array_equal(again.pixels, heads.pixels[:3]) and np.array_equal(again.cover, heads.cover[:3])
    assert not np.array_equal(other.pixels, again.pixels)
    assert heads.pixels.shape == (24, faces.HIGH, faces.WIDE, 3) and heads.pixels.dtype == np.uint8


def test_a_head_fills_the_middle_of_its_patch_and_never_its_sides(heads):
    assert (heads.cover[:, faces._EYES, faces.WIDE // 2] > 250).all()
    assert (heads.cover[:, 0] == 0).all() and (heads.cover[:, :, 0] == 0).all() and (heads.cover[:, :, -1] == 0).all()
    assert (heads.cover[:, -1, faces.WIDE // 2] > 250).mean() > 0.5  # with a trunk that leaves the patch below


def test_a_face_has_its_tone_and_its_features(heads):
    cheeks = heads.pixels[:, 72:84, 75:115].astype(float)  # between the eyes and the mouth
    means, tones = cheeks.mean(axis=(1, 2)), heads.tones
    assert np.corrcoef(means.mean(axis=1), tones.mean(axis=1))[0, 1] > 0.8
    assert (means[:, 0] >= means[:, 2]).mean() > 0.9
    across = [np.abs(np.diff(face[40:110, 65:125].mean(axis=2), axis=0)).max() for face in heads.pixels.astype(float)]
    assert np.median(across) > 5  # no plain oval


def test_a_progress_is_told_and_ends():
    told: list[tuple[int, int]] = []
    faces.draw_faces(27, 0, lambda task, done, total: told.append((done, total)))
    assert told == [(25, 27), (27, 27)]


def test_a_painted_head_is_seen_in_the_frame_and_takes_the_tone_asked_for(heads):
    sizes = []
    for seed in range(40):
        canvas = np.full((120, 160, 3), (0, 0, 255), np.float32)
        faces.paint(rng(seed), canvas, heads, None)
        assert np.isfinite(canvas).all() and canvas.min() >= 0
        sizes.append(float((np.abs(canvas - (0, 0, 255)).max(axis=2) > 60).mean()))
    assert min(sizes) > 0.001 and max(sizes) > 0.4 and np.median(sizes) < 0.6
    dark, light = (np.full(3, value, np.float32) for value in (50, 210))
    means = []
    for tone in (dark, light):
        some = [np.full((120, 160, 3), 0, np.float32) for _ in range(20)]
        for seed, canvas in enumerate(some):
            faces.paint(rng(seed), canvas, heads, tone)
        means.append(np.mean([canvas.mean() for canvas in some]))
    assert means[1] > 1.5 * means[0]


def test_shoulders_go_on_below_the_patch(heads):
    whole = dataclasses.replace(heads, cover=np.full_like(heads.cover, 0))
    whole.cover[:, -1] = 255  # of the patch its last row alone: what is painted below it is that row's
    below = []
    for seed in range(30):
        canvas = np.zeros((120, 160, 3), np.float32)
        faces.paint(rng(seed), canvas, whole, np.full(3, 200, np.float32))
        below.append(float((canvas[-1].max(axis=1) > 0).mean()))
    assert np.mean(np.array(below) > 0.1) > 0.5


def test_heads_come_into_frames_behind_the_hand(stock, heads):
    some = dataclasses.replace(stock, faces=heads)
    wish = Wish(size=0.5, hand=True, edge=False, backlit=False)
    differ = []
    for seed in range(30):
        one, same, plain = (compose(rng(seed), its, 96, 128, wish) for its in (some, some, stock))
        assert np.array_equal(one.pixels, same.pixels) and one.boxes.shape == (1, 4)
        differ.append(not np.array_equal(one.pixels, plain.pixels))
    assert np.mean(differ) > 0.5
