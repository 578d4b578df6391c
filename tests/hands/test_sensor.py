"""The camera: each parameter does what it says, on pictures small enough to read."""

from __future__ import annotations

import io
from dataclasses import fields, replace

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("cv2", reason="rendering hands needs the 'hands' part of the package")

from fingerspell.hands.sensor import (
    METERED_LUMINANCE,
    METERED_MOST,
    NEUTRAL,
    Sensor,
    draw,
    encode_jpeg,
    expose,
    motion_kernel,
)


def linear(pixels) -> np.ndarray:
    """sRGB bytes → linear light, written independently of the library."""
    value = np.asarray(pixels, np.float64) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def grey(level, height=24, width=24) -> np.ndarray:
    return np.full((height, width, 3), level, np.float32)


def point(side=41) -> np.ndarray:
    """One bright pixel in the middle of darkness."""
    picture = np.zeros((side, side, 3), np.float32)
    picture[side // 2, side // 2] = 1
    return picture


def taken(picture, seed=0, **changes) -> np.ndarray:
    return expose(picture, replace(NEUTRAL, **changes), seed)


def spread(picture) -> tuple[float, float]:
    """Standard deviation of the light along x and along y."""
    light = linear(picture).sum(axis=2)
    y, x = np.mgrid[: light.shape[0], : light.shape[1]]
    total = light.sum()
    mean_x, mean_y = (light * x).sum() / total, (light * y).sum() / total
    return (
        float(np.sqrt((light * (x - mean_x) ** 2).sum() / total)),
        float(np.sqrt((light * (y - mean_y) ** 2).sum() / total)),
    )


def test_a_camera_without_faults_only_encodes():
    ramp = np.linspace(0, 1, 24, dtype=np.float32)[None, :, None].repeat(8, 0).repeat(3, 2)
    picture = taken(ramp)
    assert picture.dtype == np.uint8 and picture.shape == (8, 24, 3)
    assert np.abs(linear(picture) - ramp).max() < 0.005
    assert taken(grey(0.21586))[0, 0].tolist() == [128, 128, 128]


def test_one_stop_doubles_mid_grey():
    for level in (0.05, 0.1, 0.2):
        once, twice = linear(taken(grey(level))).mean(), linear(taken(grey(level), exposure=1.0)).mean()
        assert twice / once == pytest.approx(2, rel=0.03)
    assert linear(taken(grey(0.2), exposure=-1.0)).mean() == pytest.approx(0.1, rel=0.03)


def test_metering_brings_the_mean_to_its_aim():
    for level in (0.02, 0.1, METERED_MOST):
        assert linear(taken(grey(level), metering=1.0)).mean() == pytest.approx(METERED_LUMINANCE, rel=0.04)
    half = linear(taken(grey(0.05), metering=0.5)).mean()
    assert half == pytest.approx(np.sqrt(0.05 * METERED_LUMINANCE), rel=0.04)


def test_a_bright_window_does_not_darken_the_room_as_its_light_would():
    scene = grey(0.1)
    scene[:, :12] = 1.3
    room = linear(taken(scene, metering=1.0))[:, 12:].mean()
    assert room == pytest.approx(0.1 * METERED_LUMINANCE / ((0.1 + METERED_MOST) / 2), rel=0.04)


def test_nothing_but_darkness_stays_dark():
    assert taken(grey(0.0), metering=1.0).max() == 0


def test_white_balance_multiplies_each_channel():
    light = linear(taken(grey(0.2), white_balance=(2.0, 1.0, 0.5)))[0, 0]
    assert light == pytest.approx([0.4, 0.2, 0.1], rel=0.03)


def test_saturation_zero_is_grey_of_the_same_luminance_and_two_is_stronger():
    scene = np.broadcast_to(np.array([0.3, 0.2, 0.1], np.float32), (8, 8, 3))
    plain = taken(scene, saturation=0.0)[0, 0]
    assert len(set(plain.tolist())) == 1
    assert linear(plain)[0] == pytest.approx(0.3 * 0.2126 + 0.2 * 0.7152 + 0.1 * 0.0722, rel=0.02)
    strong = linear(taken(scene, saturation=1.5)[0, 0])
    assert strong[0] - strong[2] == pytest.approx(0.3, rel=0.04)


def test_contrast_darkens_shadows_and_brightens_lights_but_not_their_middle_nor_ends():
    def value(level, contrast):
        return int(taken(grey(level), contrast=contrast)[0, 0, 0])

    assert value(0.05, 0.5) < value(0.05, 0.0) < value(0.05, -0.3)
    assert value(0.6, 0.5) > value(0.6, 0.0) > value(0.6, -0.3)
    assert abs(value(0.21404, 0.5) - 128) <= 1
    assert value(0.0, 0.8) == 0 and value(1.0, 0.8) == 255


def test_highlights_roll_off_above_the_knee_only():
    assert linear(taken(grey(0.5), knee=0.6)).mean() == pytest.approx(0.5, rel=0.02)
    levels = [int(taken(grey(level), knee=0.6)[0, 0, 0]) for level in (0.7, 1.0, 1.3, 2.0)]
    assert levels == sorted(set(levels))
    assert linear(levels[1]) < 0.9
    assert taken(grey(8.0), knee=0.6).min() == 255
    assert taken(grey(1.2)).min() == 255


def test_stray_light_lifts_black():
    assert linear(taken(grey(0.0), black_lift=0.05)).mean() == pytest.approx(0.05, rel=0.03)


def test_vignette_takes_its_share_from_the_corners_and_nothing_from_the_middle():
    light = linear(taken(grey(0.4, 41, 61), vignette=0.5))[:, :, 0]
    assert light[20, 30] == pytest.approx(0.4, rel=0.02)
    assert light[[0, 0, -1, -1], [0, -1, 0, -1]] == pytest.approx(0.2, rel=0.03)
    assert light[0, 30] > light[0, 10] > light[0, 0]


def test_defocus_has_the_named_width():
    assert spread(taken(point() * 16, defocus=2.0)) == pytest.approx((2.0, 2.0), rel=0.1)


def test_motion_blurs_along_its_angle_only():
    across, down = spread(taken(point() * 4, motion_length=9.0, motion_angle=0.0))
    assert across == pytest.approx(9 / np.sqrt(12), rel=0.1) and down < 0.01
    across, down = spread(taken(point() * 4, motion_length=9.0, motion_angle=np.pi / 2))
    assert down == pytest.approx(9 / np.sqrt(12), rel=0.1) and across < 0.01
    kernel = motion_kernel(8.0, np.pi / 4)
    y, x = np.mgrid[: kernel.shape[0], : kernel.shape[1]] - kernel.shape[0] // 2
    assert (kernel * x * y).sum() == pytest.approx(8**2 / 24, rel=0.1)  # rightward is downward: rows count down
    assert (motion_kernel(8.0, -np.pi / 4) * x * y).sum() == pytest.approx(-(8**2) / 24, rel=0.1)


@pytest.mark.parametrize("length", [0.6, 1.0, 2.0, 3.7, 14.0])
@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 2, 2.5])
def test_motion_moves_no_light_and_loses_none(length, angle):
    kernel = motion_kernel(length, angle)
    middle = kernel.shape[0] // 2
    y, x = np.mgrid[: kernel.shape[0], : kernel.shape[1]] - middle
    assert kernel.shape == (2 * middle + 1,) * 2
    assert kernel.sum() == pytest.approx(1)
    assert abs((kernel * x).sum()) < 1e-4 and abs((kernel * y).sum()) < 1e-4


def test_fringes_push_red_out_and_blue_in():
    picture = np.zeros((61, 61, 3), np.float32)
    picture[28:33, 50:54] = 1
    light = linear(taken(picture, fringing=2.0))
    place = (light.sum(axis=0) * np.arange(61)[:, None]).sum(axis=0) / light.sum(axis=(0, 1))
    assert place[0] > place[1] + 0.5 and place[2] < place[1] - 0.5


def test_noise_of_light_and_of_electronics():
    def noise(level, seed=0, **changes):
        return linear(taken(grey(level, 64, 64), seed, **changes)).std()

    assert noise(0.4, shot=1e-3) == pytest.approx(np.sqrt(0.4 * 1e-3), rel=0.05)
    assert noise(0.1, shot=1e-3) == pytest.approx(np.sqrt(0.1 * 1e-3), rel=0.05)
    assert noise(0.3, read=0.01) == pytest.approx(0.01, rel=0.05)


def test_noise_grows_in_the_dark():
    """What an eye and a network see: noise relative to the light, and in display values."""
    dark, bright = (taken(grey(level, 64, 64), shot=5e-4, read=5e-3).astype(float) for level in (0.02, 0.6))
    assert dark.std() > 1.5 * bright.std()


def test_blotches_are_of_colour_not_brightness_and_fade_in_the_light():
    dark, bright = (taken(grey(level, 60, 60), blotches=0.05).astype(float) for level in (0.03, 0.9))
    luminance = dark @ np.array([0.2126, 0.7152, 0.0722])
    assert dark[:, :, 0].std() > 4
    assert luminance.std() < 1
    assert bright.std() < dark.std() / 5
    neighbours = np.corrcoef(dark[:, :-1, 0].ravel(), dark[:, 1:, 0].ravel())[0, 1]
    assert neighbours > 0.8


def test_sharpening_overshoots_at_an_edge():
    edge = grey(0.1)
    edge[:, 12:] = 0.4
    plain, sharp = taken(edge)[12, :, 0].astype(int), taken(edge, sharpening=1.0)[12, :, 0].astype(int)
    assert sharp[11] < plain[11] - 5 and sharp[12] > plain[12] + 5
    assert np.abs(sharp - plain)[[0, 1, -2, -1]].max() <= 1


def test_a_picture_taken_with_fewer_pixels_has_the_same_size_and_less_detail():
    checks = np.indices((40, 60)).sum(axis=0) % 2
    picture = np.repeat(checks[:, :, None], 3, axis=2).astype(np.float32)
    small = taken(picture, downscale=0.4)
    assert small.shape == (40, 60, 3)
    assert small.astype(float).std() < 0.3 * taken(picture).astype(float).std()


def everything_on() -> Sensor:
    return replace(
        NEUTRAL,
        metering=0.7,
        knee=0.7,
        defocus=0.5,
        motion_length=3.0,
        fringing=0.5,
        vignette=0.2,
        shot=1e-3,
        read=0.01,
        blotches=0.02,
        sharpening=0.5,
        downscale=0.7,
        saturation=0.8,
        contrast=0.2,
    )


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_noise():
    scene = np.random.default_rng(0).random((50, 70, 3), np.float32) * 1.3
    before = scene.copy()
    first = expose(scene, everything_on(), 5)
    assert first.tobytes() == expose(scene, everything_on(), 5).tobytes()
    assert first.tobytes() != expose(scene, everything_on(), 6).tobytes()
    assert np.array_equal(scene, before)


def test_draws_are_mostly_clean_with_a_heavy_tail():
    rng = np.random.Generator(np.random.PCG64(2))
    drawn = [draw(rng, 200) for _ in range(2000)]
    read, motion, focus = (np.array([getattr(s, name) for s in drawn]) for name in ("read", "motion_length", "defocus"))
    assert np.median(read) < 0.004 and np.percentile(read, 98) > 0.012
    assert (motion == 0).mean() > 0.6 and motion.max() > 10
    assert np.median(focus) < 0.6 and focus.max() > 1.8
    exposure = np.array([s.exposure for s in drawn])
    assert abs(exposure.mean()) < 0.2 and exposure.min() < -1.5 and exposure.max() > 1.4
    assert all(0 <= s.metering <= 1 and 25 <= s.jpeg_quality <= 95 and 0.3 < s.downscale <= 1 for s in drawn)
    assert all(isinstance(getattr(drawn[0], field.name), float | int | tuple) for field in fields(Sensor))


def test_blur_grows_with_the_size_of_the_photo_and_draws_repeat():
    small, large = (draw(np.random.Generator(np.random.PCG64(9)), size) for size in (200, 400))
    assert large.defocus == pytest.approx(2 * small.defocus)
    assert large.read == small.read
    assert small == draw(np.random.Generator(np.random.PCG64(9)), 200)


@pytest.mark.parametrize("seed", range(6))
def test_any_drawn_camera_takes_any_picture(seed):
    rng = np.random.Generator(np.random.PCG64(seed))
    picture = expose(rng.random((33, 20, 3), np.float32), draw(rng, 33), seed)
    assert picture.shape == (33, 20, 3) and picture.flags.c_contiguous


def test_jpeg_is_repeatable_halves_colour_and_shrinks_with_quality():
    pixels = taken(np.random.default_rng(1).random((40, 40, 3), np.float32))
    good, poor = encode_jpeg(pixels, 95), encode_jpeg(pixels, 30)
    assert good == encode_jpeg(pixels, 95)
    assert len(poor) < len(good)
    with Image.open(io.BytesIO(good)) as image:
        assert image.format == "JPEG" and image.size == (40, 40)
        assert [layer[1:3] for layer in image.layer] == [(2, 2), (1, 1), (1, 1)]
