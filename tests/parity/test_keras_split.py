"""The keras split takes exactly the files that Keras's own flow_from_directory takes.

Reference: keras.src.legacy.preprocessing.image.ImageDataGenerator on Keras's torch backend, a development-only
dependency.
"""

import os
from pathlib import Path

import pytest

from fingerspell.lab.data.manifest import scan
from fingerspell.lab.data.split import make_split


@pytest.fixture(scope="module")
def generator():
    """Keras's ImageDataGenerator class."""
    os.environ["KERAS_BACKEND"] = "torch"  # before the import, or Keras looks for TensorFlow
    image = pytest.importorskip("keras.src.legacy.preprocessing.image", reason="keras (group parity) is not installed")
    return image.ImageDataGenerator


def keras_files(generator, folder: Path, fraction: float) -> tuple[list[str], list[str]]:
    """(training, validation) paths below the folder, in Keras's order."""
    source = generator(validation_split=fraction)

    def files(subset: str) -> list[str]:
        flow = source.flow_from_directory(folder, target_size=(8, 8), subset=subset, shuffle=False)
        return [name.replace(os.sep, "/") for name in flow.filenames]

    return files("training"), files("validation")


def our_files(folder: Path, fraction: float) -> tuple[list[str], list[str]]:
    split = make_split(scan(folder), "keras", val=fraction)
    paths = [photo.path for photo in split.manifest.photos]
    return [paths[i] for i in split.indices("train")], [paths[i] for i in split.indices("val")]


def same(generator, folder: Path, fraction: float) -> None:
    theirs, ours = keras_files(generator, folder, fraction), our_files(folder, fraction)
    assert sorted(ours[0]) == sorted(theirs[0])
    assert sorted(ours[1]) == sorted(theirs[1])
    assert ours[1]
    assert not {*ours[0]} & {*ours[1]}


def touch(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())  # neither side decodes while it lists
    return root


FRACTIONS = [0.1, 0.2, 0.25, 0.33]
ODD = (
    *(f"A/A{n}.jpg" for n in range(1, 31)),
    *(f"B/b {n} é.JPG" for n in range(1, 14)),
    *(f"C/{n}.{ending}" for n, ending in enumerate(("jpg", "jpeg", "png", "bmp", "ppm", "tif", "tiff", "TIFF", "Png"))),
    *(f"C/{name}" for name in ("notes.txt", "x.webp", "x.gif", "noending", "x.jpg.bak", "._1.jpg", ".hidden.jpg")),
    *(f"D/z{n}.jpg" for n in (1, 2, 10)),  # Keras walks a folder's own files first, whatever the subfolders' names
    *(f"D/{sub}{n}.jpg" for sub in ("s2/", "s10/", "s-1/", "s2/x/", "Z/") for n in (1, 2, 10, 11)),
    *(f"E/{name}.jpg" for name in ("a", "B", "Ä", "ä", "_", "-", "~", "手", "a b", "a.b", "🤟", "﷼")),
    *(f"F/{n:04d}.jpg" for n in range(7)),
    *(f"del/del{n}.jpg" for n in range(10)),
    *(f"nothing/{n}.tiff" for n in range(9)),
    *(f"space/space{n}.jpg" for n in range(11)),
)


@pytest.mark.filterwarnings("ignore:Using .*tiff:UserWarning")
@pytest.mark.parametrize("fraction", FRACTIONS)
def test_odd_names_endings_and_subfolders(generator, tmp_path, fraction):
    same(generator, touch(tmp_path, *ODD), fraction)


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("count", [10, 15, 30, 100, 333])
def test_counts_are_cut_off_as_keras_cuts_them(generator, tmp_path, fraction, count):
    same(generator, touch(tmp_path, *(f"{c}/{c}{n}.jpg" for c in "AB" for n in range(count))), fraction)


def test_folder_names_in_other_spellings(generator, tmp_path):
    same(generator, touch(tmp_path, *(f"{c}/{n}.jpg" for c in ("a", "Del", "SPACE", "b", "B") for n in range(12))), 0.2)


def test_the_order_of_validation_within_a_class(generator, tmp_path):
    """flow_from_directory walks A1, A10, A11, A2: the first files of that order, not of the recording."""
    folder = touch(tmp_path, *(f"A/A{n}.jpg" for n in range(1, 21)), *(f"B/B{n}.jpg" for n in range(1, 21)))
    assert keras_files(generator, folder, 0.2)[1][:4] == ["A/A1.jpg", "A/A10.jpg", "A/A11.jpg", "A/A12.jpg"]
    same(generator, folder, 0.2)


@pytest.mark.parametrize("fraction", [0.1, 0.2])
def test_real_photos(generator, shared_data, fraction):
    same(generator, shared_data / "one-signer", fraction)
