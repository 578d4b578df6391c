"""The faithful augmentation gives Keras's own parameters, pixels, order and files.

Reference: keras.src.legacy.preprocessing.image on Keras's torch backend, with SciPy; development-only dependencies.
Found equal to the last bit; what is asked is the same parameters exactly, and pixels within one level of 255, far less
where nothing is cut off.
"""

import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from fingerspell.core.preprocess import PreprocessSpec
from fingerspell.lab import recipe as recipes
from fingerspell.lab.affine import FILLS, affine_map
from fingerspell.lab.augment import POLICIES, Policy
from fingerspell.lab.data.cache import open_cache
from fingerspell.lab.data.keras_walk import keras_walk
from fingerspell.lab.data.manifest import scan
from fingerspell.lab.data.split import make_split
from fingerspell.lab.keras_augment import KerasDraw, apply, apply_one, draw_one, keras_arguments
from fingerspell.lab.keras_order import batches_per_pass, order_of_pass, stream_of_batch
from fingerspell.lab.training import loop
from fingerspell.lab.training.launch import Surroundings, split_for, start
from fingerspell.lab.training.run import RunFolder

os.environ["KERAS_BACKEND"] = "torch"  # before the import, or Keras looks for TensorFlow
image = pytest.importorskip("keras.src.legacy.preprocessing.image", reason="keras (group parity) is not installed")
scipy_image = pytest.importorskip("scipy.ndimage", reason="scipy (group parity) is not installed")

torch.set_num_threads(1)
# Keras's own use of SciPy, not ours
pytestmark = pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning")
NAMES = ("A", "B", "C")
SIZES = ((40, 40), (36, 60), (57, 33))


def photo(kind: str, height: int, width: int) -> np.ndarray:
    """(h, w, 3) uint8: `hard` has steps of 255 between neighbours, `smooth` slopes, `flat` one level."""
    if kind == "hard":
        blocks = np.random.default_rng(1).integers(0, 2, (height // 3 + 1, width // 2 + 1, 3), dtype=np.uint8) * 255
        return blocks.repeat(3, axis=0).repeat(2, axis=1)[:height, :width]
    if kind == "flat":
        return np.full((height, width, 3), 100, dtype=np.uint8)
    y, x = np.mgrid[:height, :width]
    return np.stack([255 * y / height, 255 * x / width, 128 + 120 * np.sin(x / 5 + y / 9)], axis=2).astype(np.uint8)


class TestParameters:
    @pytest.mark.parametrize("name", [*NAMES, "none", "mild"])
    def test_hundreds_of_photos_of_one_stream(self, name):
        """And after them the stream stands at the same place, so nothing was drawn too many."""
        policy = POLICIES[name]
        generator = image.ImageDataGenerator(**keras_arguments(policy))
        for seed in (0, 1, 12345, 2**31 - 1):
            np.random.seed(seed)
            stream = np.random.RandomState(seed)
            for number in range(150):
                height, width = SIZES[number % 3]
                theirs = generator.get_random_transform((height, width, 3))
                assert not theirs.pop("flip_vertical")
                assert asdict(draw_one(policy, stream, height, width)) == theirs
            assert np.random.random() == stream.random_sample()

    ranges = st.floats(0, 60, allow_nan=False)
    parts = st.one_of(st.just(0.0), st.floats(1e-6, 0.99))

    @settings(max_examples=150, deadline=None)
    @given(ranges, parts, parts, ranges, st.booleans(), parts, parts, st.integers(0, 2**32 - 1), st.integers(8, 400))
    def test_any_policy(self, rotation, shift, zoom, shear, flip, brightness, channel, seed, width):
        policy = Policy(rotation, shift, zoom, shear, flip, brightness, channel)
        generator = image.ImageDataGenerator(**keras_arguments(policy))
        np.random.seed(seed)
        stream = np.random.RandomState(seed)
        for _ in range(3):
            theirs = generator.get_random_transform((50, width, 3))
            assert not theirs.pop("flip_vertical")
            assert asdict(draw_one(policy, stream, 50, width)) == theirs
        assert np.random.random() == stream.random_sample()

    def test_whole_numbers_serve_as_well(self):
        policy = Policy(rotation=15, shear=10, zoom=0, shift=0, brightness=1)
        generator = image.ImageDataGenerator(**keras_arguments(policy))
        theirs = generator.get_random_transform((8, 8, 3), seed=4)
        theirs.pop("flip_vertical")
        assert asdict(draw_one(policy, np.random.RandomState(4), 8, 8)) == theirs


class TestPixels:
    @pytest.mark.parametrize("fill", FILLS)
    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("name", NAMES)
    def test_of_the_notebooks_policies(self, name, size, fill):
        policy = POLICIES[name]
        generator = image.ImageDataGenerator(**keras_arguments(policy), fill_mode=fill, cval=37.0)
        for kind in ("hard", "smooth", "flat"):
            source = photo(kind, *size)
            for seed in range(10):
                theirs = generator.apply_transform(
                    source.astype(np.float32), generator.get_random_transform(source.shape, seed=seed)
                )
                ours = apply_one(source, draw_one(policy, np.random.RandomState(seed), *size), fill, 37.0)
                assert ours.dtype == theirs.dtype == np.float32
                assert np.abs(ours - theirs).max() <= (1 if policy.brightness else 1e-3)
                assert (ours != theirs).mean() < 0.001  # found 0: only a place exactly between two levels could differ

    @pytest.mark.parametrize("fill", FILLS)
    def test_photos_pushed_right_out_of_the_frame(self, fill):
        """Shifts, zooms and angles far beyond the notebook's: several periods of reflect and wrap."""
        policy = Policy(rotation=180, shift=0.99, zoom=0.99, shear=60, flip=True, channel_shift=0.5, brightness=1.5)
        generator = image.ImageDataGenerator(**keras_arguments(policy), fill_mode=fill, cval=200.0)
        for seed in range(60):
            source = photo("hard", *SIZES[seed % 3])
            drawn = draw_one(policy, np.random.RandomState(seed), *source.shape[:2])
            theirs = generator.apply_transform(
                source.astype(np.float32), generator.get_random_transform(source.shape, seed=seed)
            )
            assert np.abs(apply_one(source, drawn, fill, 200.0) - theirs).max() <= 1

    numbers = st.floats(-3, 3).map(lambda value: round(value, 2))  # coarse, so that whole and half places are met

    @settings(max_examples=300, deadline=None)
    @given(
        st.lists(numbers, min_size=4, max_size=4),
        st.tuples(st.floats(-40, 40), st.floats(-40, 40)).map(lambda pair: np.round(pair, 1)),
        st.sampled_from(FILLS),
        st.sampled_from([(1, 5), (2, 2), (3, 7), (8, 4)]),
    )
    @example([1.58, 1.57, -2.74, -0.06], np.array([-14.6, -18.2]), "wrap", (2, 2))  # −21 or just above, by rounding
    @example([2.49, 2.12, -0.31, 0.0], np.array([34.9, 27.4]), "wrap", (3, 7))
    def test_any_affine_map_as_scipy_makes_it(self, matrix, offset, fill, size):
        numbers = np.random.default_rng(3).integers(0, 256, (*size, 3)).astype(np.float32)
        square = np.array(matrix).reshape(2, 2)
        theirs = [
            scipy_image.affine_transform(numbers[:, :, c], square, offset, order=1, mode=fill, cval=9) for c in range(3)
        ]
        assert np.abs(affine_map(numbers, square, offset, fill, 9) - np.stack(theirs, axis=2)).max() < 1e-3

    def test_brightness_of_every_level(self):
        """By hundredths, where products fall on whole levels, and by factors that do not."""
        levels = np.repeat(np.arange(256, dtype=np.float32).reshape(16, 16, 1), 3, axis=2)
        for factor in (*(number / 100 for number in range(-20, 301)), *np.random.default_rng(0).uniform(0, 3, 100)):
            ours = apply_one(levels, KerasDraw(brightness=factor))
            assert np.array_equal(ours, image.apply_brightness_shift(levels, factor, False))

    def test_real_photos(self, shared_data):
        policy = POLICIES["C"]
        generator = image.ImageDataGenerator(**keras_arguments(policy))
        for number, path in enumerate(sorted((shared_data / "one-signer").glob("[AKRZ]/*0.jpg"))[:24]):
            source = np.asarray(Image.open(path).convert("RGB"))
            theirs = generator.apply_transform(
                source.astype(np.float32), generator.get_random_transform(source.shape, seed=number)
            )
            ours = apply_one(source, draw_one(policy, np.random.RandomState(number), *source.shape[:2]))
            assert np.abs(ours - theirs).max() <= 1


class Numbered(image.Iterator):
    """Keras's iterator with batches that say which photos they hold and where the stream stands."""

    def _get_batches_of_transformed_samples(self, index_array):
        return list(index_array), np.random.random()


def ours_numbered(seed: int, seen: int, photos: int, batch_size: int) -> tuple[list[int], float]:
    """The same from our functions, for one batch alone."""
    number, place = divmod(seen, batches_per_pass(photos, batch_size))
    order = order_of_pass(seed, number, photos, batch_size)[place * batch_size : (place + 1) * batch_size]
    return list(order), stream_of_batch(seed, seen, photos, batch_size).random_sample()


class TestOrder:
    @settings(max_examples=150, deadline=None)
    @given(st.integers(1, 40), st.integers(1, 15), st.integers(0, 2**31 - 1), st.integers(1, 30))
    def test_next_gives_what_follows_from_the_numbers_alone(self, photos, batch_size, seed, batches):
        iterator = Numbered(photos, batch_size, True, seed)
        for seen in range(batches):
            assert next(iterator) == ours_numbered(seed, seen, photos, batch_size)

    def test_batches_by_number_as_fit_asks_for_them_are_others(self):
        """The first pass is the same if asked for in turn; later orders come from where the last batch left the
        stream, and no later batch draws after an order."""
        iterator = Numbered(10, 4, True, 7)
        assert [iterator[place] for place in range(3)] == [ours_numbered(7, seen, 10, 4) for seen in range(3)]
        left = np.random.RandomState(7 + 2)
        left.random_sample()
        iterator.on_epoch_end()
        order = list(left.permutation(10))
        assert iterator[0] == (order[:4], np.random.RandomState(7 + 3).random_sample())
        assert iterator[0] != ours_numbered(7, 3, 10, 4)
        assert iterator[2] == (order[8:], np.random.RandomState(7 + 5).random_sample())
        mixed = Numbered(10, 4, True, 7)
        assert mixed[1][0] == ours_numbered(7, 1, 10, 4)[0]
        assert mixed[0][1] == np.random.RandomState(7 + 1).random_sample()  # counted as asked for


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Class folders whose order, names and sizes are awkward: photos of several shapes, subfolders, grey and RGBA."""
    root = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(2)
    files = [f"{label}/{label}{n}.jpg" for label in ("B", "A", "del") for n in (1, 2, 3, 10, 11, 20, 100)]
    files += [f"C/{name}" for name in ("z.png", "sub/1.png", "sub-1/2.png", "Z/3.png", "é.png", "_.PNG", "10.bmp")]
    for number, name in enumerate(files):
        shape = ((45, 45), (38, 64), (90, 50))[number % 3]
        mode = "RGB" if name.endswith(".jpg") else ("L", "RGBA", "RGB")[number % 3]
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
        pixels = random.integers(0, 256, (*(side // 3 for side in shape), *channels), dtype=np.uint8)
        Image.fromarray(pixels).resize(shape[::-1]).save(root / name)
    return root


SPEC = PreprocessSpec(32, 48, "stretch", "nearest", upright=False)


def flow(folder: Path, policy: Policy, seed: int, batch_size: int, **values):
    """Keras's iterator over a folder, at our size, as the notebook makes it."""
    generator = image.ImageDataGenerator(rescale=1 / 255, validation_split=0.2, **keras_arguments(policy), **values)
    return generator.flow_from_directory(
        folder, (SPEC.height, SPEC.width), batch_size=batch_size, shuffle=True, seed=seed, subset="training"
    )


class TestWholeFolder:
    """flow_from_directory with next(), over more than two passes."""

    @pytest.mark.parametrize(("name", "fill"), [("A", "nearest"), ("B", "wrap"), ("C", "nearest"), ("C", "reflect")])
    def test_same_files_labels_and_pixels(self, folder, tmp_path, name, fill):
        split = make_split(scan(folder), "keras", val=0.2)
        cache = open_cache(split.manifest, SPEC, tmp_path)
        train = [split.manifest.photos[index] for index in split.indices("train")]
        walked = [train[index] for index in keras_walk(train)]
        policy, seed, batch_size = POLICIES[name], 77, 5
        theirs = flow(folder, policy, seed, batch_size, fill_mode=fill)
        assert [photo.path for photo in walked] == [path.replace(os.sep, "/") for path in theirs.filenames]
        classes = sorted(theirs.class_indices)
        assert len(walked) % batch_size not in (0, 1)  # a short last batch
        per_pass = batches_per_pass(len(walked), batch_size)
        for seen in range(2 * per_pass + 3):
            number, place = divmod(seen, per_pass)
            some = order_of_pass(seed, number, len(walked), batch_size)[place * batch_size : (place + 1) * batch_size]
            stream = stream_of_batch(seed, seen, len(walked), batch_size)
            pixels = cache.pixels[[cache.rows[walked[index].path] for index in some]]
            ours = apply(pixels, [draw_one(policy, stream, SPEC.height, SPEC.width) for _ in some], fill)
            photos, labels = next(theirs)
            assert photos.shape == ours.shape
            assert [classes[label] for label in labels.argmax(1)] == [walked[index].label for index in some]
            assert np.abs(255 * photos - ours).max() <= (1.001 if policy.brightness else 1e-3)

    def test_what_training_is_given(self, folder, tmp_path, monkeypatch):
        """The loop itself, with augment_as = "keras": two whole passes and the beginning of a third."""
        taken = []
        given_by = loop.Trainer._batch

        def spied(trainer):
            given = given_by(trainer)
            taken.append((given.photos, given.labels))
            return given

        monkeypatch.setattr(loop.Trainer, "_batch", spied)
        settings = recipes.from_dict(
            {
                "name": "parity",
                "network": "notebook-v2",
                "augment": "C",
                "augment_as": "keras",
                "seed": 31,
                "split": {"by": "keras"},
                "preprocess": {name: SPEC.as_dict()[name] for name in ("height", "width", "filter", "upright")},
                "training": {"epochs": 3, "batch_size": 5},
            }
        )
        start(
            settings, split_for(settings, scan(folder)), RunFolder(tmp_path / "run"), Surroundings(tmp_path / "cache")
        )
        theirs = flow(folder, POLICIES["C"], 31, 5)
        assert len(taken) == 3 * len(theirs)
        for photos, labels in taken:
            expected, expected_labels = next(theirs)
            assert labels.tolist() == expected_labels.argmax(1).tolist()
            assert np.abs(photos.permute(0, 2, 3, 1).numpy() - expected).max() <= 1.001 / 255
