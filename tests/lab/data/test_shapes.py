"""What is known about hands is found by content or by path, in fractions, and damaged tables are clear errors."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fingerspell.core.errors import DataError
from fingerspell.lab.data.manifest import scan
from fingerspell.lab.data.shapes import LEFT, RENDERED_TABLE, RIGHT, UNKNOWN, Shapes, shapes_of

PLACES = np.linspace(0, 1, 42, dtype=np.float32)


@pytest.fixture
def folder(tmp_path) -> Path:
    for label, grey in (("A", 10), ("B", 90), ("C", 200)):
        (tmp_path / "set" / label).mkdir(parents=True)
        Image.new("RGB", (40, 20), (grey,) * 3).save(tmp_path / "set" / label / "1.png")
    return tmp_path / "set"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def table(path: Path, *rows: dict) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


def taught(path: Path, **changes) -> dict:
    row = {"sha256": digest(path), "landmarks": PLACES.tolist(), "box": [0.1, 0.2, 0.5, 0.9], "handedness": "right"}
    return row | changes


def all_shapes(folder: Path, *files: Path) -> Shapes:
    manifest = scan(folder)
    return shapes_of([(manifest, manifest.photos)], files)


def test_photos_are_found_by_their_content_wherever_they_lie(folder, tmp_path):
    file = table(
        tmp_path / "marks.parquet",
        taught(folder / "B" / "1.png", handedness="left"),
        taught(folder / "C" / "1.png", landmarks=None, box=None, handedness=None),
    )
    shapes = all_shapes(folder, file)
    assert shapes.known == 1
    assert shapes.hands.tolist() == [UNKNOWN, LEFT, UNKNOWN]
    assert np.allclose(shapes.landmarks[1], PLACES.reshape(21, 2))
    assert np.allclose(shapes.boxes[1], [0.1, 0.2, 0.5, 0.9])
    assert np.isnan(shapes.landmarks[[0, 2]]).all()
    assert np.isnan(shapes.boxes[[0, 2]]).all()


def test_a_later_file_is_believed(folder, tmp_path):
    first = table(tmp_path / "1.parquet", taught(folder / "A" / "1.png", handedness="left"))
    second = table(tmp_path / "2.parquet", taught(folder / "A" / "1.png", handedness="right"))
    assert all_shapes(folder, first, second).hands[0] == RIGHT
    assert all_shapes(folder, second, first).hands[0] == LEFT


def test_a_rendered_folders_own_table_becomes_fractions(folder):
    marks = np.stack([PLACES[:21] * 40, PLACES[:21] * 20, PLACES[:21]], axis=1)  # pixels, pixels, centimetres
    row = {"path": "A/1.png", "landmarks": marks.ravel().tolist(), "box": [4.0, 4.0, 20.0, 18.0], "handedness": "left"}
    table(folder / RENDERED_TABLE, row | {"width": 40, "height": 20})
    shapes = all_shapes(folder)
    assert np.allclose(shapes.landmarks[0], np.stack([PLACES[:21]] * 2, axis=1), atol=1e-6)
    assert np.allclose(shapes.boxes[0], [0.1, 0.2, 0.5, 0.9])
    assert shapes.hands.tolist() == [LEFT, UNKNOWN, UNKNOWN]


def test_folders_follow_each_other(folder, tmp_path):
    file = table(tmp_path / "marks.parquet", taught(folder / "C" / "1.png"))
    manifest = scan(folder)
    shapes = shapes_of([(manifest, manifest.photos[:1]), (manifest, manifest.photos[1:])], [file])
    assert shapes.hands.tolist() == [UNKNOWN, UNKNOWN, RIGHT]
    assert shapes.of(np.array([2, 0])).hands.tolist() == [RIGHT, UNKNOWN]


def test_saved_and_read_again(folder, tmp_path):
    shapes = all_shapes(folder, table(tmp_path / "m.parquet", taught(folder / "A" / "1.png")))
    shapes.save(tmp_path / "shapes.npz")
    again = Shapes.load(tmp_path / "shapes.npz")
    assert np.array_equal(again.landmarks, shapes.landmarks, equal_nan=True)
    assert np.array_equal(again.boxes, shapes.boxes, equal_nan=True)
    assert np.array_equal(again.hands, shapes.hands)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 torn"])
def test_damaged_shapes_of_a_run(tmp_path, content):
    (tmp_path / "shapes.npz").write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        Shapes.load(tmp_path / "shapes.npz")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"landmarks": [0.5] * 40}, "40 numbers"),
        ({"box": [0.1, 0.2]}, "2 for a box"),
        ({"landmarks": [float("nan")] * 42}, "numbers for landmarks"),
    ],
)
def test_rows_that_are_no_hand(folder, tmp_path, change, found):
    file = table(tmp_path / "marks.parquet", taught(folder / "A" / "1.png", **change))
    with pytest.raises(DataError, match=found):
        all_shapes(folder, file)


@pytest.mark.parametrize("content", [None, b"", b"PAR1 but torn PAR1", b"text"])
def test_a_table_that_is_none(folder, tmp_path, content):
    file = tmp_path / "marks.parquet"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as a table"):
        all_shapes(folder, file)


def test_a_table_of_another_kind(folder, tmp_path):
    file = table(tmp_path / "other.parquet", {"sha256": "0", "name": "x"})
    with pytest.raises(DataError, match=r"table of landmarks|no column"):
        all_shapes(folder, file)
