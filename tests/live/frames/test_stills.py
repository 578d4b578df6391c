"""Stills come from files, folders and a stream, in sorted order, and nothing unreadable stops them."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from fingerspell.live.frames import stills as module
from fingerspell.live.frames.stills import Still, stills


def read(*paths: object, stream: bytes = b"") -> list[Still]:
    return list(stills([str(path) for path in paths], io.BytesIO(stream)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    names = ["b.JPG", "a.png", "notes.txt", ".hidden.jpg", "sub/c.webp", "sub/Thumbs.db", ".git/d.jpg", "a2/e.tiff"]
    for name in [*names, "__MACOSX/f.jpg"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def test_a_folder_gives_its_photos_sorted_and_nothing_else(folder):
    found = read(folder)
    assert [Path(still.name).relative_to(folder).as_posix() for still in found] == [
        "a.png",
        "b.JPG",
        "a2/e.tiff",
        "sub/c.webp",
    ]
    assert [still.data for still in found] == [b"a.png", b"b.JPG", b"a2/e.tiff", b"sub/c.webp"]
    assert all(still.error is None for still in found)


def test_a_named_file_is_read_whatever_its_ending(folder):
    assert read(folder / "notes.txt")[0].data == b"notes.txt"


def test_the_order_of_the_arguments_is_kept(folder):
    assert [Path(s.name).name for s in read(folder / "b.JPG", "-", folder / "a.png")] == ["b.JPG", "-", "a.png"]


def test_a_dash_reads_the_stream():
    assert read("-", stream=b"bytes")[0] == Still("-", b"bytes")


def test_what_is_not_there_is_named_and_the_rest_goes_on(folder):
    missing, there = read(folder / "nowhere.jpg", folder / "a.png")
    assert "no such file" in str(missing.error)
    assert missing.name.endswith("nowhere.jpg")
    assert there.data == b"a.png"


def test_a_folder_without_photos_says_so(tmp_path):
    (tmp_path / "notes.txt").write_text("?")
    (found,) = read(tmp_path)
    assert "no photos in this folder" in str(found.error)
    assert ".webp" in str(found.error)


def test_a_broken_link_and_an_unreadable_folder_are_named(folder, monkeypatch):
    (folder / "link.jpg").symlink_to(folder / "gone.jpg")
    real = os.scandir

    def refuses(path: str) -> object:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refuses)
    found = {Path(still.name).name: still for still in read(folder)}
    assert "no such file" in str(found["link.jpg"].error)
    assert "Permission denied" in str(found["sub"].error)
    assert found["e.tiff"].data == b"a2/e.tiff"


def test_an_unreadable_folder_alone_is_one_error(tmp_path, monkeypatch):
    def refuses(path: str) -> object:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuses)
    (found,) = read(tmp_path)
    assert "Permission denied" in str(found.error)


def test_a_file_without_end_is_cut_off(monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    assert "too long" in str(read("/dev/zero")[0].error)
    assert read("-", stream=bytes(1000))[0].error is None


def test_a_loop_of_links_ends(folder):
    (folder / "sub" / "again").symlink_to(folder)
    assert len(read(folder)) == 4
