"""`fingerspell export`: says what was compared, what is not measured, and that photos are in the bundle."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from fingerspell.cli.export import export_command
from fingerspell.core.bundle import read_bundle
from fingerspell.core.errors import BundleError, DataError
from fingerspell.live.recognizer import Recognizer

pytest.importorskip("onnxscript")


@pytest.fixture
def run():
    app = typer.Typer()
    app.command()(export_command)
    return lambda *args: CliRunner().invoke(app, [str(a) for a in args])


def test_it_writes_a_bundle_that_answers(run, tiny_run, tmp_path, monkeypatch):
    monkeypatch.setenv("FINGERSPELL_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "new" / "asl.bundle"
    result = run(tiny_run, "-o", out, "--licence", "CC-BY-4.0")
    assert result.exit_code == 0, result.exception
    assert result.stdout.strip() == str(out)  # data on stdout: where it is
    assert "8 photos agree" in result.stderr
    assert "not measured" in result.stderr
    assert "golden/" in result.stderr
    assert read_bundle(out).card["licence"] == "CC-BY-4.0"
    assert Recognizer(out).verify().samples == 8


def test_a_bundle_that_is_there_is_left_alone(run, tiny_run, tiny_bundle):
    before = (tiny_bundle / "checksums.json").read_bytes()
    result = run(tiny_run, "-o", tiny_bundle)
    assert isinstance(result.exception, BundleError)
    assert "--force" in result.exception.remedy
    assert (tiny_bundle / "checksums.json").read_bytes() == before


def test_a_folder_that_is_no_run(run, tmp_path: Path):
    result = run(tmp_path, "-o", tmp_path / "b")
    assert isinstance(result.exception, DataError)
    assert "is not a run" in str(result.exception)
