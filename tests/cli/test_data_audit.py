"""`fingerspell data audit`: what it prints and writes, and its exit codes."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fingerspell.cli import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "photos"
    for label in ("A", "B", "space"):
        (place / label).mkdir(parents=True)
        for number in range(12):
            coarse = np.random.default_rng(ord(label[0]) * 10 + number // 3).integers(
                20, 230, (6, 6, 3), dtype=np.uint8
            )
            coarse[0, 0] += np.uint8(number)
            image = Image.fromarray(coarse).resize((48, 48), Image.Resampling.BICUBIC)
            image.save(place / label / f"{label}{number}.png")
    (place / "A" / "odd [bold]name.jpg").write_text("no photo")
    return place


def run(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["fingerspell", "data", "audit", *arguments])
    try:
        main.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_findings_and_advice_are_on_stdout_and_progress_on_stderr(folder, monkeypatch, capsys):
    assert run(monkeypatch, str(folder)) == 0
    printed = capsys.readouterr()
    for text in ("37 photos, 3 classes", "unreadable files", "odd [bold]name.jpg", "space", "random", "Use the "):
        assert text in printed.out
    assert "looking at photos" in printed.err and "looking at photos" not in printed.out


def test_json_and_page_are_written(folder, monkeypatch, capsys, tmp_path):
    report, page = tmp_path / "out" / "audit.json", tmp_path / "audit.html"
    assert run(monkeypatch, str(folder), "--json", str(report), "--html", str(page)) == 0
    values = json.loads(report.read_text())
    assert values["format"] == "fingerspell-audit/1" and values["photos"] == 37
    assert page.read_text().startswith("<!doctype html>")
    assert "audit.json" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_photo_or_a_folder_is_never_written_over(folder, monkeypatch, capsys, option):
    photo = folder / "A" / "A1.png"
    before = photo.read_bytes()
    assert run(monkeypatch, str(folder), option, str(photo)) == 2
    assert photo.read_bytes() == before
    assert "hint:" in capsys.readouterr().err
    assert run(monkeypatch, str(folder), option, str(folder)) == 2


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), lambda p: p.write_text("x"), lambda p: None])
def test_bad_folders_exit_with_2_and_no_traceback(monkeypatch, capsys, tmp_path, make):
    make(tmp_path / "it")
    assert run(monkeypatch, str(tmp_path / "it")) == 2
    printed = capsys.readouterr()
    assert "error:" in printed.err and "hint:" in printed.err and "Traceback" not in printed.err


def test_one_class_is_described(folder, monkeypatch, capsys):
    for label in ("B", "space"):
        for photo in (folder / label).iterdir():
            photo.unlink()
    assert run(monkeypatch, str(folder)) == 0
    out = capsys.readouterr().out
    assert "only one class" in out and "No split can be made" in out and "class folders without photos" in out


def test_interrupting_leaves_no_file(folder, monkeypatch, tmp_path):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("fingerspell.lab.data.audit.near_pairs", interrupt)
    report, page = tmp_path / "out.json", tmp_path / "out.html"
    assert run(monkeypatch, str(folder), "--json", str(report), "--html", str(page)) != 0
    assert not [path for path in tmp_path.iterdir() if path.name != "photos"]
