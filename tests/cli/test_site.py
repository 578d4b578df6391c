"""`fingerspell site build`: where the site is on stdout, the rest on stderr."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from fingerspell.cli.main import app
from fingerspell.core.errors import BundleError, DataError


@pytest.fixture
def run():
    return lambda *args: CliRunner().invoke(app, ["site", *map(str, args)])


def test_it_says_where_the_site_is_and_how_to_look_at_it(run, tiny_bundle, tmp_path: Path):
    out = tmp_path / "public"
    result = run("build", out, tiny_bundle)
    assert result.exit_code == 0, result.exception
    assert result.stdout.strip() == str(out)
    assert (out / "bundle" / "model.onnx").is_file()
    assert f"--directory {out}" in result.stderr
    count = sum(each.is_file() for each in out.rglob("*"))
    assert f"{count} files" in result.stderr


def test_a_site_is_replaced_only_by_force(run, tiny_bundle, tmp_path: Path):
    assert run("build", tmp_path / "public", tiny_bundle).exit_code == 0
    assert isinstance(run("build", tmp_path / "public", tiny_bundle).exception, DataError)
    assert run("build", tmp_path / "public", tiny_bundle, "--force").exit_code == 0


def test_what_is_no_bundle(run, tmp_path: Path):
    assert isinstance(run("build", tmp_path / "public", tmp_path).exception, BundleError)
    assert not (tmp_path / "public").exists()


def test_help_names_the_verb(run):
    result = run("--help")
    assert "build" in result.output
    assert "--force" in run("build", "--help").output
