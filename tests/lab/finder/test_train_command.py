"""`fingerspell finder train`: from folders to an ONNX file; a signal keeps what was learnt."""

from __future__ import annotations

import signal

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from fingerspell.cli import finder
from fingerspell.cli.main import app
from fingerspell.core.errors import DataError
from fingerspell.lab.finder import training


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr(training, "SIZES", ((64, 64),))
    monkeypatch.setattr(training, "_OFTEN", (1.0,))
    return lambda *args: CliRunner().invoke(app, ["finder", "train", *map(str, args), "--batch", "2", "--scenes", "3"])


def test_a_finder_comes_out_and_the_same_call_says_it_is_done(run, rendered, photos, tmp_path):
    folder, file = photos(6)
    out = tmp_path / "made" / "finder.onnx"
    options = ("--rendered", rendered, "--photos", folder, "--landmarks", file, "--steps", 2, "-o", out)
    result = run(*options)
    assert result.exit_code == 0, result.output
    assert out.read_bytes()[:1] == b"\x08" and result.stdout.strip().endswith("finder.onnx")
    before = out.read_bytes()
    assert run(*options).exit_code == 0
    assert out.read_bytes() == before


def test_a_signal_keeps_what_was_learnt(run, rendered, tmp_path, monkeypatch):
    step = training._step

    def stopped(*args):
        if args[-1] == 1:
            signal.raise_signal(signal.SIGINT)
        return step(*args)

    monkeypatch.setattr(training, "_step", stopped)
    out = tmp_path / "finder.onnx"
    result = run("--rendered", rendered, "--steps", 4, "-o", out)
    assert result.exit_code == 128 + signal.SIGINT and not out.exists()
    assert "2 of 4 steps" in result.output and "same command" in result.output
    monkeypatch.setattr(training, "_step", step)
    assert run("--rendered", rendered, "--steps", 4, "-o", out).exit_code == 0
    assert out.exists()


def test_a_signal_before_the_learning_ends_it(run, rendered, tmp_path, monkeypatch):
    draw = finder.draw_scenes

    def interrupted(count, seed, progress):
        signal.raise_signal(signal.SIGTERM)
        return draw(count, seed, progress)

    monkeypatch.setattr(finder, "draw_scenes", interrupted)
    result = run("--rendered", rendered, "--steps", 2, "-o", tmp_path / "finder.onnx")
    assert result.exit_code == 128 + signal.SIGTERM
    assert not (tmp_path / "finder.onnx.training.safetensors").exists()


def test_photos_need_landmarks_and_landmarks_photos(run, rendered, photos, tmp_path):
    folder, file = photos(3)
    result = run("--rendered", rendered, "--photos", folder, "-o", tmp_path / "finder.onnx")
    assert isinstance(result.exception, DataError) and "of no photo in" in str(result.exception)
    result = run("--rendered", rendered, "--landmarks", file, "-o", tmp_path / "finder.onnx")
    assert isinstance(result.exception, DataError) and "landmarks, and no photos" in str(result.exception)


def test_scenes_follow_from_the_seed_and_look_like_something():
    told = []
    one = finder.draw_scenes(3, 7, lambda task, done, total: told.append(done))
    assert one.shape == (3, 192, 256, 3) and told == [3]
    assert np.array_equal(one, finder.draw_scenes(3, 7, lambda *_: None))
    assert not np.array_equal(one[0], finder.draw_scenes(1, 8, lambda *_: None)[0])
    assert one.std() > 10


def test_exit_is_not_swallowed_by_the_bar():
    request = type("Request", (), {"number": signal.SIGINT})()
    with pytest.raises(typer.Exit):
        finder._until(lambda *_: None, request)("x", 1, 2)
