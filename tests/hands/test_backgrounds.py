"""Backgrounds: every kind has light and variety, the same seed the same bytes; a user's own folder is read safely."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("cv2", reason="rendering hands needs the 'hands' part of the package")

from fingerspell.core.errors import FingerspellError
from fingerspell.hands.backgrounds import BRIGHTEST, KINDS, Background, PhotoBackgrounds, draw, paint
from fingerspell.hands.backgrounds.light import bokeh, soften
from fingerspell.hands.backgrounds.noise import noise
from fingerspell.hands.backgrounds.sheet import Sheet, curve, to_linear

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_fills_its_picture_with_light(kind):
    for seed, (height, width) in enumerate([(64, 64), (48, 80), (90, 40), (96, 96), (64, 64), (64, 64)]):
        picture = paint(Background(kind, seed), height, width)
        assert picture.shape == (height, width, 3)
        assert picture.dtype == np.float32
        assert picture.flags.c_contiguous
        assert np.isfinite(picture).all()
        assert picture.min() >= 0 and picture.max() <= BRIGHTEST
        assert picture.max() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_background_is_the_same_and_another_seed_is_another(kind):
    first = paint(Background(kind, 7), 64, 64)
    other = paint(Background(kind, 8), 64, 64)
    assert first.tobytes() == paint(Background(kind, 7), 64, 64).tobytes()
    assert np.abs(first - other).mean() > 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_variety(kind):
    means = np.array([paint(Background(kind, seed), 32, 32).mean(axis=(0, 1)) for seed in range(24)])
    assert means.std(axis=0).mean() > 0.03
    chroma = means / means.sum(axis=1, keepdims=True).clip(1e-6)
    assert chroma.std(axis=0).max() > 0.01


def test_a_background_is_the_same_scene_at_every_size():
    """Random numbers are drawn in the same order whatever the size: a photo may be rendered larger."""
    for kind in KINDS:
        small, large = (paint(Background(kind, 3), side, side) for side in (64, 192))
        shrunk = large.reshape(64, 3, 64, 3, 3).mean(axis=(1, 3))
        blocks = [part.reshape(8, 8, 8, 8, 3).mean(axis=(1, 3)) for part in (small, shrunk)]
        if blocks[0].std() > 0.02:
            assert np.corrcoef(blocks[0].ravel(), blocks[1].ravel())[0, 1] > 0.5, kind


def test_draws_spread_from_dark_to_blown_out_and_from_plain_to_busy():
    chooser = rng(1)
    drawn = [draw(chooser) for _ in range(200)]
    pictures = [paint(each, 48, 48) @ LUMINANCE for each in drawn]
    means = np.array([picture.mean() for picture in pictures])
    assert np.percentile(means, 5) < 0.06
    assert np.percentile(means, 95) > 0.6
    assert 0.12 < np.median(means) < 0.4
    busy = np.array([np.abs(np.diff(np.sqrt(picture), axis=1)).mean() for picture in pictures])
    assert np.percentile(busy, 90) > 6 * np.percentile(busy, 10)
    assert {each.kind for each in drawn} == set(KINDS)
    assert len({each.seed for each in drawn}) == 200


def test_draw_depends_on_its_generator_alone():
    assert [draw(rng(4)) for _ in range(2)] == [draw(rng(4))] * 2
    assert draw(rng(4)) != draw(rng(5))


def test_an_unknown_kind_names_the_known_ones():
    with pytest.raises(FingerspellError, match=r"bookshelf.*did you mean 'desk'"):
        paint(Background("desc", 0), 32, 32)


def test_noise_is_standardised_and_stretched_along_its_angle():
    flat = noise(rng(), 200, 200, "stain", zoom=0.3, stretch=12)
    assert abs(noise(rng(), 300, 300, "stain", zoom=1.0).std() - 1) < 0.1
    assert abs(noise(rng(), 300, 300, "stain", zoom=1.0).mean()) < 0.2
    along, across = np.abs(np.diff(flat, axis=1)).mean(), np.abs(np.diff(flat, axis=0)).mean()
    assert across > 3 * along
    upright = noise(rng(), 200, 200, "stain", zoom=0.3, stretch=12, angle=np.pi / 2)
    assert np.abs(np.diff(upright, axis=1)).mean() > 3 * np.abs(np.diff(upright, axis=0)).mean()


def test_a_polygon_covers_the_pixels_that_its_corners_say():
    sheet = Sheet(10, 20, (0, 0, 0), relief=True)
    sheet.box(0.25, 0.1, 0.5, 0.3, (255, 0, 128), rise=200)  # columns 5–9, rows 2–5 of 20 columns
    inside = sheet.pixels[:, :, 0] > 127
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    ends = np.array([rows[0], rows[-1], columns[0], columns[-1]])
    assert np.abs(ends - [2, 5, 5, 9]).max() <= 1  # OpenCV's smooth edge may reach a pixel further
    assert abs(ends[:2].sum() - 7) <= 1 and abs(ends[2:].sum() - 14) <= 1
    assert tuple(sheet.pixels[3, 7]) == (255, 0, 128)
    assert sheet.relief is not None and sheet.relief[3, 7] == 200 and sheet.relief[8, 1] == 0


def test_raised_things_cast_shadows_and_flat_ones_none():
    sheet = Sheet(100, 100, (200, 200, 200), relief=True)
    assert np.allclose(sheet.shadows(rng()), 1)
    assert np.allclose(Sheet(8, 8, (0, 0, 0)).shadows(rng()), 1)
    sheet.box(0.4, 0.4, 0.6, 0.6, (200, 200, 200), rise=255)
    assert sheet.shadows(rng(), depth=0.1).min() < 0.85


def test_bytes_become_linear_light():
    pixels = np.array([[[0, 128, 255]]], np.uint8)
    assert np.allclose(to_linear(pixels), [[[0.0, 0.21586, 1.0]]], atol=1e-4)


def test_a_curve_goes_through_its_points():
    points = [(0.0, 0.0), (1.0, 0.5), (0.5, 1.0)]
    assert np.allclose(curve(points, closed=True, steps=4)[::4], points)


@pytest.mark.parametrize("blur", [soften, bokeh])
@pytest.mark.parametrize("width", [0.1, 2.0, 9.0])
def test_blur_keeps_the_light(blur, width):
    picture = np.zeros((96, 96, 3), np.float32)
    picture[44:52, 44:52] = 1
    blurred = blur(picture, width)
    assert blurred.shape == picture.shape
    assert abs(blurred.sum() / picture.sum() - 1) < 0.05
    assert blurred.max() <= 1.05


# the user's own pictures


def picture(path: Path, colour, size=(60, 40)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def test_photos_are_cut_from_the_folder_in_linear_light(tmp_path):
    picture(tmp_path / "b" / "grey.PNG", (128, 128, 128))
    picture(tmp_path / "a.png", (255, 255, 255), (20, 90))
    (tmp_path / "notes.txt").write_text("no picture")
    photos = PhotoBackgrounds(tmp_path)
    assert [path.name for path in photos.files] == ["a.png", "grey.PNG"]
    seen = {round(float(photos.paint(seed, 30, 50).mean()), 3) for seed in range(20)}
    assert seen == {0.216, 1.0}
    piece = photos.paint(1, 30, 50)
    assert piece.shape == (30, 50, 3) and piece.dtype == np.float32 and piece.flags.c_contiguous


def test_photos_are_cropped_and_mirrored_the_same_for_the_same_seed(tmp_path):
    ramp = np.tile(np.arange(0, 240, dtype=np.uint8)[None, :, None], (160, 1, 3))
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    photos = PhotoBackgrounds(tmp_path)
    pieces = [photos.paint(seed, 40, 40) for seed in range(24)]
    assert pieces[3].tobytes() == PhotoBackgrounds(tmp_path).paint(3, 40, 40).tobytes()
    slopes = np.array([piece[:, -1].mean() - piece[:, 0].mean() for piece in pieces])
    assert (slopes > 0).any() and (slopes < 0).any()
    assert np.ptp(np.abs(slopes)) > 0.1
    assert len({piece.tobytes() for piece in pieces}) > 18


def test_large_pictures_are_reduced_and_tiny_ones_enlarged(tmp_path):
    picture(tmp_path / "large.png", (10, 200, 30), (2000, 700))
    picture(tmp_path / "tiny.png", (10, 200, 30), (1, 1))
    photos = PhotoBackgrounds(tmp_path)
    for seed in range(8):
        assert np.allclose(photos.paint(seed, 33, 21), to_linear(np.array([[[10, 200, 30]]], np.uint8)), atol=1e-6)


def test_a_damaged_picture_is_passed_over_for_the_next_one(tmp_path):
    picture(tmp_path / "b.png", (255, 255, 255))
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8 cut short")
    (tmp_path / "c.jpg").write_bytes(b"")
    photos = PhotoBackgrounds(tmp_path)
    assert all(np.allclose(photos.paint(seed, 16, 16), 1) for seed in range(12))


def test_more_pictures_than_are_kept_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("fingerspell.hands.backgrounds.photos._KEPT", 2)
    for number in range(6):
        picture(tmp_path / f"{number}.png", (40 * number, 0, 0))
    photos = PhotoBackgrounds(tmp_path)
    assert len({float(photos.paint(seed, 8, 8)[0, 0, 0]) for seed in range(60)}) == 6


@pytest.mark.parametrize("what", ["missing", "file", "empty", "damaged"])
def test_a_folder_without_pictures_is_refused(tmp_path, what):
    folder = tmp_path / "mine"
    if what == "file":
        folder.write_text("x")
    elif what != "missing":
        folder.mkdir()
    if what == "damaged":
        (folder / "a.png").write_bytes(b"nothing")
    with pytest.raises(FingerspellError, match="mine") as error:
        PhotoBackgrounds(folder)
    assert error.value.remedy


def test_a_folder_that_cannot_be_listed_is_refused(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rglob", refuse)
    with pytest.raises(FingerspellError, match="Permission denied"):
        PhotoBackgrounds(tmp_path)


def test_pictures_that_vanish_are_reported(tmp_path, monkeypatch):
    monkeypatch.setattr("fingerspell.hands.backgrounds.photos._KEPT", 1)
    for name in "ab":
        picture(tmp_path / f"{name}.png", (9, 9, 9))
    photos = PhotoBackgrounds(tmp_path)
    for path in photos.files:
        path.unlink()
    photos._kept.clear()
    with pytest.raises(FingerspellError, match="any more"):
        photos.paint(0, 16, 16)


def test_real_photos_serve_as_backgrounds(shared_data):
    photos = PhotoBackgrounds(shared_data / "one-signer" / "nothing")
    piece = photos.paint(0, 200, 200)
    assert 0.05 < piece.mean() < 1
