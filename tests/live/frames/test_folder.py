"""A folder of photos as frames: in counting order, at the rate that was given."""

from __future__ import annotations

import pytest
from recording import jpeg, steps

from fingerspell.core.errors import DataError
from fingerspell.live.frames.folder import read_folder
from fingerspell.live.frames.frame import StreamError


@pytest.fixture
def folder(tmp_path):
    for number, picture in enumerate(steps(12)):
        (tmp_path / f"f{number}.jpg").write_bytes(jpeg(picture))
    (tmp_path / "notes.txt").write_text("?")
    (tmp_path / ".hidden.jpg").write_text("?")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "f3.jpg").write_text("?")
    return tmp_path


def test_counting_order_and_times(folder):
    frames = list(read_folder(folder, 4))
    assert [frame.seconds for frame in frames] == [n / 4 for n in range(12)]
    assert [frame.pixels.mean() for frame in frames] == pytest.approx([p.mean() for p in steps(12)], abs=3)


def test_a_broken_photo_leaves_a_gap(folder):
    (folder / "f1.jpg").write_bytes(b"?")
    found = []
    with pytest.raises(StreamError, match=r"1 of 12, first f1\.jpg") as caught:
        for frame in read_folder(folder, 4):
            found.append(frame.seconds)
    assert found == [0, *(n / 4 for n in range(2, 12))]
    assert (caught.value.frames, caught.value.seconds) == (11, 11 / 4)


def test_names_without_numbers(tmp_path):
    for name in ("b.jpg", "a.jpg", "2.jpg", "10.jpg"):
        (tmp_path / name).write_bytes(jpeg(steps(1)[0]))
    assert len(list(read_folder(tmp_path, 10))) == 4


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf"), 1001])
def test_impossible_rates(folder, fps):
    with pytest.raises(DataError, match="frames a second"):
        list(read_folder(folder, fps))


def test_no_photos_and_no_folder(tmp_path):
    with pytest.raises(StreamError, match="no photos"):
        list(read_folder(tmp_path, 10))
    with pytest.raises(StreamError, match="cannot be read"):
        list(read_folder(tmp_path / "nowhere", 10))
