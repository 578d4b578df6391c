"""Keras's augmentation on photos small enough to read, and each way in which it differs from what is intended.

Nothing here needs Keras: that these are its pixels and its draws is shown in tests/parity/test_keras_augment.py.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fingerspell.core.errors import DataError, RecipeError
from fingerspell.lab import augment, augment_torch
from fingerspell.lab.affine import affine_map
from fingerspell.lab.augment import POLICIES, Policy
from fingerspell.lab.keras_augment import KerasDraw, apply, apply_one, draw_one, keras_arguments, sampling_map
from fingerspell.lab.keras_order import batches_per_pass, order_of_pass, stream_of_batch

NINE = [[10, 20, 30], [40, 50, 60], [70, 80, 90]]


def photo(rows, kind=np.uint8) -> np.ndarray:
    """(h, w, 3), the same in all channels."""
    return np.repeat(np.array(rows, dtype=kind)[:, :, None], 3, axis=2)


def keras(rows, fill="nearest", cval=0.0, kind=np.uint8, **parameters) -> list[list[float]]:
    """What Keras makes of a photo with these parameters; the channels must agree."""
    result = apply_one(photo(rows, kind), KerasDraw(**parameters), fill, cval)
    assert result.dtype == np.float32
    assert (result == result[:, :, :1]).all()
    return result[:, :, 0].round(4).tolist()


def intended(rows, light=None, **moves) -> list[list[float]]:
    """What our own augmentation makes of it, in levels: moves in pixels, degrees and factors, light as in Draws."""
    height, width = np.shape(rows)
    still = {"angle": 0, "shift_x": 0, "shift_y": 0, "zoom_x": 1, "zoom_y": 1, "shear": 0, "mirrored": False} | moves
    still["angle"], still["shear"] = np.deg2rad(still["angle"]), np.deg2rad(still["shear"])
    matrix = augment._inverse_affine(
        **{name: np.array([value]) for name, value in still.items()}, height=height, width=width
    )
    draws = augment.draw(Policy(), 0, 0, np.zeros(1, np.uint64), height, width)
    draws = replace(draws, matrix=matrix, moved=bool(moves))
    draws = replace(draws, **{name: np.array([value], np.float32) for name, value in (light or {}).items()})
    levels = torch.from_numpy(photo(rows, np.float32)).permute(2, 0, 1)[None] / 255
    return (augment_torch.apply(levels, draws)[0, 0] * 255).numpy().round(2).tolist()


class TestOneChangeAtATime:
    def test_no_change(self):
        assert keras(NINE) == NINE

    def test_a_positive_angle_turns_counter_clockwise(self):
        assert keras(NINE, theta=90) == np.rot90(NINE).tolist()

    def test_tx_moves_columns_to_the_left(self):
        assert keras(NINE, tx=1) == [[20, 30, 30], [50, 60, 60], [80, 90, 90]]

    def test_ty_moves_rows_up(self):
        assert keras(NINE, ty=1) == [[40, 50, 60], [70, 80, 90], [70, 80, 90]]

    def test_zoom_above_one_shrinks_about_the_centre(self):
        assert keras([[0, 0, 200, 200, 200, 200, 0, 0]] * 8, zx=2) == [[0, 0, 0, 200, 200, 0, 0, 0]] * 8
        assert keras([[10, 20, 30, 40]] * 4, zx=2) == [[10, 15, 35, 40]] * 4

    def test_zx_is_of_columns_and_zy_of_rows(self):
        assert keras([[v] * 4 for v in (10, 20, 30, 40)], zy=2) == [[v] * 4 for v in (10, 15, 35, 40)]
        assert keras([[v] * 4 for v in (10, 20, 30, 40)], zx=2) == [[v] * 4 for v in (10, 20, 30, 40)]

    def test_shear_slants_columns_and_stretches_rows(self):
        """30°: x takes half a pixel for each row, rows are read cos 30° = 0.866 apart."""
        assert keras([[10, 20, 30]] * 3, shear=30) == [[15, 25, 30], [10, 20, 30], [10, 15, 25]]
        cos = float(np.cos(np.deg2rad(30)))
        assert keras([[v] * 3 for v in (0, 100, 200)], shear=30)[0][1] == pytest.approx(100 - 100 * cos, abs=1e-3)

    def test_the_mirror_swaps_columns(self):
        assert keras(NINE, flip_horizontal=True) == [row[::-1] for row in NINE]

    def test_the_channel_shift_stays_within_the_photos_own_range(self):
        assert keras(NINE, channel_shift_intensity=25.0) == [[35, 45, 55], [65, 75, 85], [90, 90, 90]]
        assert keras(NINE, channel_shift_intensity=-25.0) == [[10, 10, 10], [15, 25, 35], [45, 55, 65]]

    def test_the_range_is_taken_over_all_channels(self):
        colours = photo([[100] * 2] * 2)
        colours[0, 0] = 0, 100, 200
        shifted = apply_one(colours, KerasDraw(channel_shift_intensity=50.0))
        assert shifted[0].tolist() == [[50, 150, 200], [150, 150, 150]]

    def test_brightness_cuts_off_before_and_after(self):
        """15 · 0.5 = 7.5 gives 7; 15.9 counts as 15; 200 · 1.5 stops at 255."""
        assert keras([[15, 200], [0, 255]], brightness=0.5) == [[7, 100], [0, 127]]
        assert keras([[15.9, 200.9]], kind=np.float32, brightness=1.5) == [[22, 255]]

    def test_brightness_multiplies_in_single_precision(self):
        """Where 0.7 · 90 is not less than 63 and 0.58 · 50 not less than 29, but 0.52 · 225 is less than 117; in double
        precision it is the other way round."""
        assert keras([[90, 170]], brightness=0.7) == [[63, 119]]
        assert keras([[50, 100]], brightness=0.58) == [[29, 58]]
        assert keras([[225, 225]], brightness=0.52) == [[116, 116]]

    def test_without_brightness_fractions_stay(self):
        assert keras([[10, 21, 30, 40]] * 2, tx=0.5)[0][0] == 15.5

    def test_flat_areas_stay_exactly_flat(self):
        """A level of 99.99999 would be cut off to 99."""
        drawn = KerasDraw(theta=17.3, tx=3.1, ty=-2.7, shear=8.1, zx=0.83, zy=1.19, brightness=1.0)
        assert (apply_one(photo(np.full((30, 30), 100)), drawn) == 100).all()


class TestFills:
    """[10 20 30 40] moved by tx: the column at place x is taken from x + tx."""

    @pytest.mark.parametrize(
        ("fill", "tx", "expected"),
        [
            ("nearest", 2, [30, 40, 40, 40]),
            ("constant", 2, [30, 40, 7, 7]),
            ("reflect", 2, [30, 40, 40, 30]),  # the edge is repeated: … 30 40 | 40 30 …
            ("wrap", 2, [30, 40, 20, 30]),  # first and last share a place: … 30 40 | 20 30 …
            ("nearest", -2, [10, 10, 10, 20]),
            ("constant", -2, [7, 7, 10, 20]),
            ("reflect", -2, [20, 10, 10, 20]),
            ("wrap", -2, [20, 30, 10, 20]),
            ("nearest", 0.5, [15, 25, 35, 40]),
            ("constant", 0.5, [15, 25, 35, 7]),  # half a pixel beyond the last centre is outside, and not blended
            ("reflect", 0.5, [15, 25, 35, 40]),
            ("wrap", 0.5, [15, 25, 35, 15]),
            ("nearest", -0.5, [10, 15, 25, 35]),
            ("constant", -0.5, [7, 15, 25, 35]),
            ("reflect", -0.5, [10, 15, 25, 35]),
            ("wrap", -0.5, [35, 15, 25, 35]),
            ("nearest", 9.5, [40, 40, 40, 40]),
            ("constant", 9.5, [7, 7, 7, 7]),
            ("reflect", 9.5, [25, 35, 40, 35]),  # more than a whole period away
            ("wrap", 9.5, [15, 25, 35, 15]),
            ("reflect", -9.5, [15, 10, 15, 25]),
            ("wrap", -9.5, [35, 15, 25, 35]),
        ],
    )
    def test_beyond_the_edge(self, fill, tx, expected):
        assert keras([[10, 20, 30, 40]] * 4, fill, 7, tx=tx) == [expected] * 4
        assert keras(np.transpose([[10, 20, 30, 40]] * 4), fill, 7, ty=tx) == np.transpose([expected] * 4).tolist()

    @pytest.mark.parametrize("fill", ["nearest", "constant", "reflect", "wrap"])
    def test_a_photo_of_one_pixel(self, fill):
        result = affine_map(photo([[9]]), np.eye(2), np.array([0.0, 0.4]), fill, 3)
        assert result[0, 0, 0] == (3 if fill == "constant" else 9)

    def test_an_unknown_one(self):
        with pytest.raises(RecipeError, match=r"unknown fill 'mirror'.*constant, nearest, reflect, wrap"):
            keras(NINE, "mirror")

    @pytest.mark.parametrize("cval", [-1.0, 256.0, float("nan")])
    def test_a_level_that_is_none(self, cval):
        with pytest.raises(RecipeError, match="0–255"):
            keras(NINE, "constant", cval)


@pytest.mark.parametrize("value", [-0.5, 255.5, float("nan")])
def test_levels_that_are_none(value):
    with pytest.raises(DataError, match="0–255"):
        keras([[0, value]], kind=np.float32, brightness=1.1)


class TestDraws:
    def test_the_order_of_the_stream(self):
        """C draws ten numbers: angle, height shift, width shift, shear, two zooms, two flips, channel, brightness."""
        for seed in range(8):
            u = np.random.RandomState(seed).random_sample(10)
            found = draw_one(POLICIES["C"], np.random.RandomState(seed), 100, 300)
            assert found.theta == pytest.approx(-20 + 40 * u[0])
            assert found.tx == pytest.approx((-0.2 + 0.4 * u[1]) * 100)
            assert found.ty == pytest.approx((-0.2 + 0.4 * u[2]) * 300)
            assert found.shear == pytest.approx(-10 + 20 * u[3])
            assert (found.zx, found.zy) == (pytest.approx(0.8 + 0.4 * u[4]), pytest.approx(0.8 + 0.4 * u[5]))
            assert found.flip_horizontal == (u[6] < 0.5)
            assert found.channel_shift_intensity == pytest.approx(-20 + 40 * u[8])
            assert found.brightness == pytest.approx(0.8 + 0.4 * u[9])

    @pytest.mark.parametrize(
        ("policy", "taken"),
        [
            (POLICIES["none"], 2),  # both flips
            (POLICIES["A"], 7),
            (POLICIES["B"], 8),
            (POLICIES["C"], 10),
            (Policy(flip=True), 2),
            (Policy(zoom=0.1), 4),
            (Policy(shift=0.1), 4),
            (Policy(channel_shift=0.1, brightness=0.1), 4),
        ],
    )
    def test_what_is_switched_off_draws_nothing_but_the_flips(self, policy, taken):
        random, other = np.random.RandomState(7), np.random.RandomState(7)
        draw_one(policy, random, 8, 8)
        other.random_sample(taken)
        assert random.random_sample() == other.random_sample()

    def test_nothing_is_changed_by_none(self):
        assert draw_one(POLICIES["none"], np.random.RandomState(0), 8, 8) == KerasDraw()
        assert sampling_map(KerasDraw(), 8, 8) is None

    def test_without_mirroring_nothing_is_mirrored(self):
        still = replace(POLICIES["A"], flip=False)
        draws = [draw_one(still, np.random.RandomState(seed), 8, 8) for seed in range(40)]
        mirroring = [draw_one(POLICIES["A"], np.random.RandomState(seed), 8, 8) for seed in range(40)]
        assert not any(drawn.flip_horizontal for drawn in draws)
        assert draws == [replace(drawn, flip_horizontal=False) for drawn in mirroring]
        assert 8 < sum(drawn.flip_horizontal for drawn in mirroring) < 32


class TestArguments:
    def test_of_the_notebooks_policies(self):
        none = {
            "rotation_range": 0,
            "width_shift_range": 0,
            "height_shift_range": 0,
            "shear_range": 0,
            "zoom_range": 0,
            "horizontal_flip": False,
            "brightness_range": None,
            "channel_shift_range": 0,
        }
        shifts = {"width_shift_range": 0.1, "height_shift_range": 0.1}
        a = none | shifts | {"rotation_range": 15, "zoom_range": 0.1, "horizontal_flip": True}
        wider = {"width_shift_range": 0.2, "height_shift_range": 0.2, "rotation_range": 20, "zoom_range": 0.2}
        b = a | wider | {"brightness_range": (0.8, 1.2)}
        assert keras_arguments(POLICIES["none"]) == none
        assert keras_arguments(POLICIES["A"]) == a
        assert keras_arguments(POLICIES["B"]) == b
        assert keras_arguments(POLICIES["C"]) == b | {"shear_range": 10, "channel_shift_range": 20.0}

    @pytest.mark.parametrize(
        "name", ["contrast", "gamma", "saturation", "colour", "gradient", "grey", "blur", "noise", "erase"]
    )
    def test_what_keras_cannot_say_is_refused(self, name):
        with pytest.raises(RecipeError, match=f"has no {name};.*augment_as"):
            keras_arguments(Policy(rotation=5, **{name: 0.1}))
        with pytest.raises(RecipeError):
            draw_one(Policy(**{name: 0.1}), np.random.RandomState(0), 8, 8)

    def test_all_that_is_refused_is_named(self):
        with pytest.raises(
            RecipeError, match="blur, colour, contrast, erase, gamma, gradient, grey, noise, saturation"
        ):
            keras_arguments(POLICIES["strong"])

    def test_the_size_of_a_cover_that_is_never_drawn_matters_not(self):
        assert keras_arguments(Policy(erase_side=0.1)) == keras_arguments(Policy())

    def test_a_shift_of_the_whole_size_would_be_pixels(self):
        with pytest.raises(RecipeError, match="below 1"):
            keras_arguments(Policy(shift=1.0))
        assert keras_arguments(Policy(shift=0.99))["width_shift_range"] == 0.99


class TestBatches:
    def test_each_photo_has_its_own_change(self):
        photos = np.random.default_rng(0).integers(0, 256, (9, 20, 30, 3), dtype=np.uint8)
        random = np.random.RandomState(1)
        draws = [draw_one(POLICIES["C"], random, 20, 30) for _ in photos]
        whole = apply(photos, draws, "reflect")
        assert whole.shape == photos.shape
        assert whole.dtype == np.float32
        assert all(np.array_equal(whole[n], apply_one(photos[n], draws[n], "reflect")) for n in range(9))
        assert np.array_equal(whole, apply(photos, draws, "reflect", threads=3))
        assert np.array_equal(whole, apply(photos.astype(np.float32), draws, "reflect"))

    def test_the_photos_given_are_not_changed(self):
        photos = np.full((2, 8, 8, 3), 60, dtype=np.float32)
        apply(photos, [KerasDraw(), KerasDraw(brightness=2.0, flip_horizontal=True)])[:] = 1
        assert (photos == 60).all()


class TestDifferences:
    """Keras's own way beside the intended one. Each test says when the difference cannot be seen."""

    def test_height_shift_moves_columns_and_width_shift_rows(self):
        """`tx` is drawn within height_shift_range · height and moves along x. With equal ranges on square photos both
        axes move as far either way; on photos twice as wide as high Keras moves columns half as far as is meant."""
        policy = Policy(shift=0.1)
        random = np.random.RandomState(0)
        drawn = [draw_one(policy, random, 20, 40) for _ in range(2000)]
        assert max(abs(one.tx) for one in drawn) == pytest.approx(0.1 * 20, rel=0.01)
        assert max(abs(one.ty) for one in drawn) == pytest.approx(0.1 * 40, rel=0.01)
        ours = augment.draw(policy, 0, 0, np.arange(2000, dtype=np.uint64), 20, 40).matrix
        assert np.abs(ours[:, 0, 2]).max() * 20 == pytest.approx(0.1 * 40, rel=0.01)  # columns; half-sides → pixels
        assert np.abs(ours[:, 1, 2]).max() * 10 == pytest.approx(0.1 * 20, rel=0.01)  # rows
        random = np.random.RandomState(0)
        square = [draw_one(policy, random, 40, 40) for _ in range(2000)]
        assert max(abs(one.tx) for one in square) == pytest.approx(0.1 * 40, rel=0.01)  # as ours, in columns too

    def test_a_positive_shift_goes_left_and_up_ours_right_and_down(self):
        """Invisible: both ranges are symmetric."""
        assert keras(NINE, tx=1, ty=1) == [[50, 60, 60], [80, 90, 90], [80, 90, 90]]
        assert intended(NINE, shift_x=1.0, shift_y=1.0) == [[10, 10, 20], [10, 10, 20], [40, 40, 50]]
        assert intended(NINE, shift_x=-1.0, shift_y=-1.0) == keras(NINE, tx=1, ty=1)

    def test_zoom_above_one_shrinks_ours_enlarges(self):
        """A factor of 2 halves the bar, ours doubles it. With 1 ± z Keras's magnification is within 1/(1 + z) and
        1/(1 − z): for 0.2 that is 0.83–1.25 where 0.8–1.2 is meant, which equal ranges do not hide."""
        bar, twice = [[0, 0, 0, 200, 200, 0, 0, 0]] * 8, [[0, 0, 200, 200, 200, 200, 0, 0]] * 8
        assert keras(bar, zx=0.5)[0] == intended(bar, zoom_x=2.0)[0] == [0, 50, 150, 200, 200, 150, 50, 0]
        assert keras(twice, zx=2.0) == intended(twice, zoom_x=0.5) == bar
        drawn = [draw_one(POLICIES["B"], np.random.RandomState(seed), 8, 8).zx for seed in range(3000)]
        assert (1 / max(drawn), 1 / min(drawn)) == (pytest.approx(0.833, abs=2e-3), pytest.approx(1.25, abs=2e-3))

    def test_shear_runs_the_other_way_and_stretches_where_ours_compresses(self):
        """Above the centre ours moves to the right; Keras looks to the right, and so moves to the left. And where ours
        draws rows together by cos 30°, Keras spreads them by as much. The direction is invisible, the spread is not:
        1.5% with 10°."""
        slanted = [[10, 20, 30]] * 3
        assert keras(slanted, shear=30)[0][1] == 25
        assert intended(slanted, shear=30)[0][1] == pytest.approx(20 - 10 * np.tan(np.deg2rad(30)), abs=0.02)
        band = [[200 * (3 <= row <= 5)] * 9 for row in range(9)]
        theirs, ours = (np.sum(result) for result in (keras(band, shear=30), intended(band, shear=30)))
        assert theirs > np.sum(band) > ours

    def test_a_rotation_alone_is_the_same_on_square_photos(self):
        rows = np.random.default_rng(0).integers(0, 256, (12, 12))
        assert np.allclose(keras(rows, theta=23.0), intended(rows, angle=23.0), atol=0.02)

    def test_photos_that_are_not_square_turn_about_another_place(self):
        """Half a turn of 2×4: about the centre it swaps the rows and mirrors them. Keras takes (row 1.5, column 0.5)
        for the centre, where (0.5, 1.5) is meant, so that the photo leaves the frame."""
        rows = [[10, 20, 30, 40], [50, 60, 70, 80]]
        assert intended(rows, angle=180.0) == [[80, 70, 60, 50], [40, 30, 20, 10]]
        assert keras(rows, theta=180.0) == [[60, 50, 50, 50], [60, 50, 50, 50]]
        (matrix, offset) = sampling_map(KerasDraw(theta=180), 2, 4)
        assert matrix @ [1.5, 0.5] + offset == pytest.approx([1.5, 0.5])
        square = [[10, 20], [50, 60]]
        assert intended(square, angle=180.0) == keras(square, theta=180.0) == [[60, 50], [20, 10]]

    def test_zoom_and_shear_are_off_centre_there_too(self):
        (matrix, offset) = sampling_map(KerasDraw(zx=1.2, zy=0.9, shear=5), 20, 40)
        assert matrix @ [19.5, 9.5] + offset == pytest.approx([19.5, 9.5])

    def test_a_shift_grows_and_shrinks_with_the_zoom_ours_does_not(self):
        """Keras shifts what is looked at: two pixels of the photo are four of the enlarged result. Ours moves the
        result. Never invisible, but small: lengths differ by the zoom's tenth or two."""
        spot = [[0, 0, 0, 0, 200, 200, 0, 0]] * 8
        assert keras(spot, zx=0.5)[0] == intended(spot, zoom_x=2.0)[0] == [0, 0, 0, 50, 150, 200, 200, 150]
        assert keras(spot, zx=0.5, tx=2)[0] == [150, 200, 200, 150, 50, 0, 0, 0]
        assert intended(spot, zoom_x=2.0, shift_x=-2.0)[0] == [0, 50, 150, 200, 200, 150, 50, 0]

    def test_a_shift_is_turned_by_the_rotation_ours_is_not(self):
        """With a quarter turn Keras's shift along x goes along y. Invisible with equal ranges on square photos."""
        (_, moved), (_, still) = (sampling_map(KerasDraw(theta=90, tx=tx), 8, 8) for tx in (1, 0))
        assert moved - still == pytest.approx([1, 0])  # rows, where tx is of columns
        turned = intended(NINE, angle=90.0)
        assert intended(NINE, angle=90.0, shift_x=1.0) == [[row[0], *row[:2]] for row in turned]

    def test_the_mirror_comes_last_ours_first(self):
        """Invisible: angles and shifts of the mirrored photo have the other sign, and are as likely."""
        assert keras(NINE, tx=1, flip_horizontal=True)[0] == [30, 30, 20]
        assert intended(NINE, shift_x=-1.0, mirrored=True)[0] == [20, 10, 10]
        assert keras(NINE, theta=90, flip_horizontal=True) == np.fliplr(np.rot90(NINE)).tolist()
        assert intended(NINE, angle=90.0, mirrored=True) == np.rot90(np.fliplr(NINE)).tolist()

    def test_brightness_cuts_off_twice_ours_keeps_fractions(self):
        """On average Keras's photo is darker by about one level of 255, half of one for each cut."""
        between = [[10, 21, 32, 43]] * 2
        assert keras(between, tx=0.5, brightness=1.1)[0][:3] == [16, 28, 40]  # 15 → 16.5, 26 → 28.6, 37 → 40.7
        moved = intended(between, shift_x=-0.5, light={"brightness": 1.1})[0][:3]
        assert moved == pytest.approx([15.5 * 1.1, 26.5 * 1.1, 37.5 * 1.1], abs=0.01)
        smooth = np.random.default_rng(0).uniform(0, 200, (50, 50))
        theirs, ours = keras(smooth, kind=np.float32, brightness=1.2), intended(smooth, light={"brightness": 1.2})
        assert np.mean(ours) - np.mean(theirs) == pytest.approx(0.5 * 1.2 + 0.5, abs=0.1)

    def test_a_brightness_of_one_still_cuts_off(self):
        assert keras([[10.9, 20.2]], kind=np.float32, brightness=1.0) == [[10, 20]]
        assert intended([[10.9, 20.2]], light={"brightness": 1.0}) == [pytest.approx([10.9, 20.2])]

    def test_channel_shift_is_in_levels_ours_in_fractions_and_otherwise_the_same(self):
        """Both keep to the photo's own least and greatest value, over all channels and after it was moved."""
        assert keras(NINE, channel_shift_intensity=25.0) == intended(NINE, light={"channel_shift": 25 / 255})
        assert keras_arguments(POLICIES["C"])["channel_shift_range"] == pytest.approx(255 * POLICIES["C"].channel_shift)
        filled = keras([[100, 100, 100, 100]] * 4, "constant", 0, tx=2, channel_shift_intensity=-30.0)
        assert filled == [[70, 70, 0, 0]] * 4  # the fill has joined the range

    def test_draws_are_shared_by_a_batch_ours_belong_to_the_photo(self):
        policy, ids = POLICIES["B"], np.arange(6, dtype=np.uint64)

        def theirs(count):
            random = np.random.RandomState(3)
            return [draw_one(policy, random, 8, 8) for _ in range(count)]

        assert theirs(1)[0] != theirs(2)[1]  # the same photo, first or second of its batch
        backwards = augment.draw(policy, 3, 0, ids[::-1].copy(), 8, 8).matrix[::-1]
        assert np.array_equal(augment.draw(policy, 3, 0, ids, 8, 8).matrix, backwards)

    def test_one_setting_changes_the_draws_of_the_others_ours_not(self):
        shear = replace(POLICIES["A"], shear=10)
        one, other = (draw_one(policy, np.random.RandomState(3), 8, 8) for policy in (POLICIES["A"], shear))
        assert (one.theta, one.tx, one.ty) == (other.theta, other.tx, other.ty)
        assert one.zx != other.zx  # drawn after the shear
        ids = np.arange(200, dtype=np.uint64)
        plain, sheared = (augment.draw(replace(p, brightness=0.2), 3, 0, ids, 8, 8) for p in (POLICIES["A"], shear))
        assert np.array_equal(plain.brightness, sheared.brightness)

    def test_beyond_the_photo_keras_has_four_fills_ours_repeats_the_edge(self):
        row = [[10, 20, 30, 40]] * 4
        assert intended(row, shift_x=-2.0) == keras(row, "nearest", tx=2) == [[30, 40, 40, 40]] * 4


class TestOrder:
    def test_a_pass_takes_every_photo_once_in_an_order_of_its_own(self):
        first, second = (order_of_pass(5, number, 40, 8) for number in (0, 1))
        assert sorted(first) == sorted(second) == list(range(40))
        assert not np.array_equal(first, second)
        assert np.array_equal(first, np.random.RandomState(5).permutation(40))
        assert np.array_equal(second, np.random.RandomState(5 + 5).permutation(40))

    def test_a_short_last_batch_counts_as_one(self):
        assert [batches_per_pass(photos, 8) for photos in (1, 8, 9, 16, 17)] == [1, 1, 2, 2, 3]
        assert np.array_equal(order_of_pass(5, 2, 17, 8), np.random.RandomState(5 + 6).permutation(17))

    def test_the_first_batch_of_a_pass_draws_after_the_order_the_others_at_once(self):
        for seen in range(9):
            expected = np.random.RandomState(5 + seen)
            if seen in (0, 3, 6):
                expected.permutation(17)
            assert stream_of_batch(5, seen, 17, 8).random_sample() == expected.random_sample()

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 2**31 - 1), st.integers(0, 50), st.integers(1, 60), st.integers(1, 20))
    def test_nothing_but_the_numbers_decides(self, seed, seen, photos, batch_size):
        one, other = (stream_of_batch(seed, seen, photos, batch_size).random_sample(3) for _ in range(2))
        np.random.RandomState(1).random_sample()
        assert np.array_equal(one, other)
        assert sorted(order_of_pass(seed, seen, photos, batch_size)) == list(range(photos))
