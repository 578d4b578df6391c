"""The reference preprocessing: against Pillow, against hand-written matrices, and bit for bit against exact sums."""

from __future__ import annotations

import contextlib
import io
import resource
import struct
import time
import zlib

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from fingerspell.core import preprocess as reference
from fingerspell.core.errors import DataError, PhotoError
from fingerspell.core.preprocess import PreprocessSpec, decode, normalise, preprocess, resample, sampling_weights

SIZES = [(200, 200), (320, 240), (97, 131), (640, 480), (33, 64), (64, 33), (8, 8), (5, 300), (1, 1), (1280, 720)]


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(height: int, width: int) -> np.ndarray:
    """A photo-like image: ramps in each channel."""
    y, x = np.mgrid[0:height, 0:width]
    planes = (x * 255 // max(width - 1, 1), y * 255 // max(height - 1, 1), (x + y) % 256)
    return np.stack(planes, axis=-1).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


class TestAgainstPillow:
    @pytest.mark.parametrize(("width", "height"), SIZES)
    @pytest.mark.parametrize("out", [(64, 64), (48, 96), (200, 200)])
    def test_triangle_is_bilinear_within_one_level(self, width, height, out):
        photo = noise(height, width)
        ours = resample(photo, PreprocessSpec(*out)).astype(int)
        theirs = np.asarray(Image.fromarray(photo).resize(out[::-1], Image.Resampling.BILINEAR)).astype(int)
        assert np.abs(ours - theirs).max() <= 1
        if width >= height >= max(out):  # both then reduce along the rows first: hardly a pixel differs
            assert (ours != theirs).mean() < 0.01

    @pytest.mark.parametrize(("width", "height"), SIZES)
    @pytest.mark.parametrize("out", [(64, 64), (48, 96), (200, 200), (224, 160)])
    def test_nearest_is_nearest_exactly(self, width, height, out):
        photo = noise(height, width)
        ours = resample(photo, PreprocessSpec(*out, filter="nearest"))
        assert np.array_equal(ours, np.asarray(Image.fromarray(photo).resize(out[::-1], Image.Resampling.NEAREST)))

    @given(st.integers(1, 1300), st.sampled_from([8, 48, 64, 96, 192, 299]))
    @example(64, 48)  # Pillow's ties depend on how it adds up positions
    @settings(max_examples=100, deadline=None)
    def test_nearest_takes_pillows_pixels_for_every_size(self, size, out):
        places = Image.fromarray(np.arange(size, dtype=np.int32)[None]).resize((out, 1), Image.Resampling.NEAREST)
        weights = sampling_weights(size, out, size / out, 0.0, "nearest")
        assert np.array_equal(weights.argmax(axis=1), np.asarray(places)[0])

    @pytest.mark.parametrize(("width", "height"), [(320, 240), (97, 131), (300, 200), (50, 40)])
    def test_crop_is_bilinear_of_the_central_box(self, width, height):
        photo, spec = smooth(height, width), PreprocessSpec(48, 64, fit="crop")
        scale = min(width / 64, height / 48)
        left, top = (width - 64 * scale) / 2, (height - 48 * scale) / 2
        box = (left, top, left + 64 * scale, top + 48 * scale)
        theirs = Image.fromarray(photo).resize((64, 48), Image.Resampling.BILINEAR, box=box)
        assert np.abs(resample(photo, spec).astype(int) - np.asarray(theirs).astype(int)).max() <= 1


class TestByHand:
    def test_halving_weighs_one_three_three_one(self):
        weights = sampling_weights(8, 4, 2.0, 0.0, "triangle")
        assert np.array_equal(weights[1] / weights[1].sum() * 8, [0, 1, 3, 3, 1, 0, 0, 0])
        assert np.array_equal(weights[0] / weights[0].sum() * 7, [3, 3, 1, 0, 0, 0, 0, 0])  # cut off at the edge

    def test_doubling_weighs_one_and_three(self):
        weights = sampling_weights(2, 4, 0.5, 0.0, "triangle")
        assert np.array_equal(weights / 2**15, [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]])

    def test_a_step_becomes_a_ramp(self):
        photo = np.zeros((8, 16, 3), np.uint8)
        photo[:, 8:] = 80
        row = resample(photo, PreprocessSpec(8, 8))[3, :, 0]
        assert row.tolist() == [0, 0, 0, 10, 70, 80, 80, 80]

    def test_crop_of_a_wide_photo_takes_the_middle_columns(self):
        photo = np.zeros((8, 12, 3), np.uint8)
        photo[:, :, 0] = np.arange(12) * 10
        assert np.array_equal(resample(photo, PreprocessSpec(8, 8, fit="crop")), photo[:, 2:10])

    def test_crop_of_a_tall_photo_takes_the_middle_rows(self):
        photo = np.zeros((12, 8, 3), np.uint8)
        photo[:, :, 1] = (np.arange(12) * 10)[:, None]
        assert np.array_equal(resample(photo, PreprocessSpec(8, 8, fit="crop")), photo[2:10])

    @pytest.mark.parametrize("kind", ["triangle", "nearest"])
    def test_pad_of_a_tall_photo_repeats_its_left_and_right_edge(self, kind):
        photo = noise(8, 4)
        padded = np.concatenate([photo[:, :1]] * 2 + [photo] + [photo[:, -1:]] * 2, axis=1)
        assert np.array_equal(resample(photo, PreprocessSpec(8, 8, fit="pad", filter=kind)), padded)

    def test_pad_of_a_wide_photo_keeps_the_aspect_ratio(self):
        photo = smooth(16, 32)
        found = resample(photo, PreprocessSpec(16, 16, fit="pad"))
        middle = np.asarray(Image.fromarray(photo).resize((16, 8), Image.Resampling.BILINEAR)).astype(int)
        assert np.abs(found[4:12].astype(int) - middle).max() <= 1
        assert np.array_equal(found[:3], found[[0, 0, 0]])  # above the photo: one row again and again

    def test_normalise_subtracts_and_divides_by_channel(self):
        pixels = np.array([[[0, 51, 255]]], np.uint8)
        found = normalise(pixels, PreprocessSpec(mean=(0.0, 0.1, 0.5), std=(1.0, 0.5, 0.25)))
        assert found.shape == (3, 1, 1)
        assert found.dtype == np.float32
        assert found[:, 0, 0] == pytest.approx([0.0, 0.2, 2.0], abs=1e-6)

    def test_a_batch_is_normalised_photo_by_photo(self):
        pixels = noise(8, 12)[None].repeat(2, axis=0)
        assert np.array_equal(normalise(pixels, PreprocessSpec())[1], normalise(pixels[1], PreprocessSpec()))


class TestProperties:
    @pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
    @pytest.mark.parametrize("kind", ["triangle", "nearest"])
    def test_the_right_size_is_left_alone_also_by_the_weights(self, fit, kind):
        photo = noise(24, 40)
        assert np.array_equal(resample(photo, PreprocessSpec(24, 40, fit=fit, filter=kind)), photo)
        weights = sampling_weights(24, 24, 1.0, 0.0, kind)
        assert np.array_equal(weights / weights.sum(axis=1, keepdims=True), np.eye(24))

    @pytest.mark.parametrize("value", [0, 1, 127, 254, 255])
    @pytest.mark.parametrize(("width", "height"), [*SIZES, (6000, 9), (9, 6000), (65535, 1)])
    def test_one_colour_stays_that_colour(self, value, width, height):
        photo = np.full((height, width, 3), value, np.uint8)
        for fit in ("stretch", "crop", "pad"):
            assert (resample(photo, PreprocessSpec(16, 8, fit=fit)) == value).all()

    @given(
        st.integers(1, 400),
        st.integers(1, 400),
        st.integers(8, 80),
        st.integers(8, 80),
        st.sampled_from(["stretch", "crop", "pad"]),
        st.sampled_from(["triangle", "nearest"]),
        st.integers(0, 9),
    )
    @settings(max_examples=60, deadline=None)
    def test_float32_sums_are_exact(self, height, width, rows, columns, fit, kind, seed):
        photo = noise(height, width, seed)
        photo[: height // 2] |= 0xF0  # bright, where sums are largest
        spec = PreprocessSpec(rows, columns, fit=fit, filter=kind)
        assert np.array_equal(resample(photo, spec), _in_whole_numbers(photo, spec))

    @pytest.mark.parametrize("size", [1, 7, 400, 4000, 65535])
    def test_weights_are_whole_numbers_whose_sums_float32_holds(self, size):
        for kind in ("triangle", "nearest"):
            weights = sampling_weights(size, 8, size / 8, 0.0, kind)
            totals = weights.astype(np.int64).sum(axis=1)
            assert np.array_equal(weights, np.rint(weights))
            assert (totals > 0).all()
            assert (totals * 255 < 2**24).all()

    def test_mirroring_the_photo_mirrors_the_result(self):
        photo, spec = noise(50, 71), PreprocessSpec(16, 24)
        difference = resample(photo[:, ::-1], spec)[:, ::-1].astype(int) - resample(photo, spec)
        assert np.abs(difference).max() <= 1

    def test_the_photo_is_not_changed(self):
        photo = noise(20, 30)
        before = photo.copy()
        resample(photo, PreprocessSpec(8, 8))
        assert np.array_equal(photo, before)


def _in_whole_numbers(photo: np.ndarray, spec: PreprocessSpec) -> np.ndarray:
    """The same resampling with int64 sums, in another order of products."""
    height, width = photo.shape[:2]
    sides = (height, spec.height), (width, spec.width)
    down = sampling_weights(*sides[0], *reference.scale_and_offset(*sides[0], sides[1], spec.fit), spec.filter)
    along = sampling_weights(*sides[1], *reference.scale_and_offset(*sides[1], sides[0], spec.fit), spec.filter)

    def divided(sums: np.ndarray, totals: np.ndarray) -> np.ndarray:
        quotients = sums.astype(np.float32) / totals.astype(np.float32)
        return np.floor(quotients + np.float32(0.5)).astype(np.int64)

    down, along = down.astype(np.int64), along.astype(np.int64)
    narrow = divided(np.einsum("ow,hwc->hoc", along, photo.astype(np.int64)), along.sum(axis=1)[:, None])
    return divided(np.einsum("oh,hwc->owc", down, narrow), down.sum(axis=1)[:, None, None])


class TestDecode:
    @pytest.mark.parametrize("kind", ["PNG", "BMP", "PPM", "TIFF"])
    def test_lossless_formats_give_the_pixels(self, kind):
        photo = noise(9, 14)
        assert np.array_equal(decode(encoded(Image.fromarray(photo), kind)), photo)

    @pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
    def test_lossy_formats_come_near(self, kind):
        photo = np.full((16, 24, 3), (200, 40, 90), np.uint8)
        found = decode(encoded(Image.fromarray(photo), kind, quality=95))
        assert np.abs(found.astype(int) - photo).max() <= 6

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_exif_orientation(self, orientation):
        upright = np.zeros((16, 32, 3), np.uint8)
        upright[:8, :16] = (255, 0, 0)  # top left red, top right green, below blue
        upright[:8, 16:] = (0, 255, 0)
        upright[8:] = (0, 0, 255)
        stored = {
            1: upright,
            2: upright[:, ::-1],
            3: upright[::-1, ::-1],
            4: upright[::-1],
            5: upright.transpose(1, 0, 2),
            6: np.rot90(upright),
            7: upright[::-1, ::-1].transpose(1, 0, 2),
            8: np.rot90(upright, -1),
        }[orientation]
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encoded(Image.fromarray(np.ascontiguousarray(stored)), "PNG", exif=exif)
        assert np.array_equal(decode(data), upright)
        assert np.array_equal(decode(data, upright=False), stored)

    def test_damaged_exif_does_not_cost_the_photo(self, monkeypatch):
        for block in (b"Exif\0\0not a TIFF header", b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01\x03\0\x01\0\0\0\x06"):
            data = encoded(Image.fromarray(noise(16, 24)), "JPEG", exif=block)
            assert decode(data).shape == (16, 24, 3)

        def fails(image: Image.Image) -> Image.Image:  # older Pillows raise where newer ones pass over
            raise SyntaxError("not a TIFF file")

        monkeypatch.setattr(reference.ImageOps, "exif_transpose", fails)
        assert decode(data).shape == (16, 24, 3)

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "RGB"])
    def test_modes_of_png(self, mode):
        image = Image.fromarray(smooth(16, 16)).convert(mode)
        found = decode(encoded(image, "PNG"))
        assert found.dtype == np.uint8
        assert np.array_equal(found, np.asarray(image.convert("RGB")))

    def test_transparency_is_dropped(self):
        pixels = np.dstack([noise(8, 8), np.zeros((8, 8), np.uint8)])
        assert np.array_equal(decode(encoded(Image.fromarray(pixels), "PNG")), pixels[:, :, :3])

    def test_cmyk(self):
        data = encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF")
        assert decode(data)[0, 0].tolist() == [255, 0, 0]

    def test_sixteen_bit_grey_is_scaled_not_clipped(self):
        grey = np.array([[0, 257, 32896, 65535]], np.uint16).repeat(4, axis=0)
        for kind in ("PNG", "TIFF"):
            assert decode(encoded(Image.fromarray(grey), kind))[0, :, 0].tolist() == [0, 1, 128, 255]

    def test_wide_integers_that_hold_eight_bits_stay(self):
        grey = np.array([[0, 7, 255]], np.int32)
        assert decode(encoded(Image.fromarray(grey), "TIFF"))[0, :, 2].tolist() == [0, 7, 255]

    @pytest.mark.parametrize(
        ("data", "found"),
        [
            (b"", "the file is empty"),
            (b"hello, this is text\n" * 20, "unknown or damaged format"),
            (b"GIF89a" + bytes(50), "unknown or damaged format"),
            (encoded(Image.fromarray(noise(64, 64)), "JPEG")[:1500], "truncated"),
            (encoded(Image.fromarray(noise(64, 64)), "PNG")[:1500], "not a readable image"),
        ],
        ids=["empty", "text", "gif", "short JPEG", "short PNG"],
    )
    def test_what_is_no_photo_says_so(self, data, found):
        with pytest.raises(PhotoError, match=found) as caught:
            decode(data)
        assert "0x" not in str(caught.value)  # no memory addresses: the same file gives the same message
        assert caught.value.remedy

    @pytest.mark.parametrize(("width", "height"), [(40_000, 40_000), (11_000, 10_000), (70_000, 1)])
    def test_bombs_are_refused_at_once(self, width, height):
        data = _png_of_zeros(width, height)
        before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
        with pytest.raises(PhotoError, match="too large"):
            decode(data)
        assert time.perf_counter() - start < 0.5
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB

    @given(st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"P6 ", b"II*\0"]))
    @settings(max_examples=150, deadline=None)
    def test_any_bytes_are_a_photo_or_a_photo_error(self, data, start):
        with contextlib.suppress(PhotoError):
            assert decode(start + data).ndim == 3


def _png_of_zeros(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = bytes(3 * width + 1)
    rows = b"".join(packer.compress(row) for _ in range(min(height, 200))) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


class TestSpec:
    def test_the_whole_way(self):
        photo = smooth(40, 60)
        spec = PreprocessSpec(16, 24, fit="crop", mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
        found = preprocess(encoded(Image.fromarray(photo), "PNG"), spec)
        assert found.shape == (3, 16, 24)
        assert np.array_equal(found, normalise(resample(photo, spec), spec))

    def test_upright_is_followed(self):
        exif = Image.Exif()
        exif[0x0112] = 3
        data = encoded(Image.fromarray(smooth(16, 16)), "PNG", exif=exif)
        turned, as_stored = (preprocess(data, PreprocessSpec(16, 16, upright=u)) for u in (True, False))
        assert np.array_equal(turned, as_stored[:, ::-1, ::-1])

    def test_as_dict_is_read_back(self):
        spec = PreprocessSpec(32, 48, "pad", "nearest", False, (0.1, 0.2, 0.3), (1.0, 2.0, 3.0))
        assert PreprocessSpec.from_dict(spec.as_dict()) == spec

    def test_pixels_do_not_depend_on_mean_and_std(self):
        assert PreprocessSpec(std=(2.0, 2.0, 2.0)).pixels_key() == PreprocessSpec().pixels_key()
        assert PreprocessSpec(upright=False).pixels_key() != PreprocessSpec().pixels_key()

    @pytest.mark.parametrize(
        "values",
        [
            {"height": 7},
            {"width": 1025},
            {"height": 64.0},
            {"fit": "squash"},
            {"filter": "lanczos"},
            {"upright": "no"},
            {"mean": (0.0, 0.0)},
            {"std": (1.0, 0.0, 1.0)},
            {"mean": (float("nan"), 0.0, 0.0)},
            {"std": (float("inf"), 1.0, 1.0)},
            {"mean": "abc"},
            {"std": ("1", 1, 1)},
        ],
    )
    def test_impossible_values_are_refused(self, values):
        with pytest.raises(DataError, match="not possible"):
            PreprocessSpec(**values)

    @pytest.mark.parametrize("values", [{}, {"mean": 3, "std": [1, 1, 1]}, "text", None, [], {"size": 3}])
    def test_malformed_mappings_are_refused(self, values):
        with pytest.raises(DataError):
            PreprocessSpec.from_dict(values)
