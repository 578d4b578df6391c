"""Which recogniser answers: the bundle that is named, or the one in the package."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fingerspell.cli.bundles import bundle_and_rest, is_bundle
from fingerspell.cli.main import app
from fingerspell.core.errors import BundleError
from fingerspell.live import shipped


@pytest.fixture
def without(monkeypatch, tmp_path):
    """An installation without a recogniser."""
    monkeypatch.setattr(shipped, "_PLACE", tmp_path / "nothing" / "asl.bundle")


@pytest.fixture
def default() -> Path:
    try:
        return shipped.default_bundle()
    except BundleError:
        pytest.skip("this checkout has no recogniser in src/fingerspell/live/shipped yet")


def run(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


class TestWords:
    def test_a_bundle_stands_first(self, tiny_bundle):
        assert bundle_and_rest([str(tiny_bundle), "a.jpg", "b.jpg"]) == (tiny_bundle, ["a.jpg", "b.jpg"])
        assert bundle_and_rest([str(tiny_bundle)]) == (tiny_bundle, [])

    @pytest.mark.parametrize("mark", ["card.json", "model.onnx", "run.json"])
    def test_a_folder_with_a_bundles_files_is_meant_as_one(self, tmp_path, mark):
        (tmp_path / "asl").mkdir()
        assert not is_bundle(str(tmp_path / "asl"))
        (tmp_path / "asl" / mark).write_text("")
        assert is_bundle(str(tmp_path / "asl"))

    @pytest.mark.parametrize("name", ["asl.bundle", "asl.bundle/", "ASL.Bundle", "deep/asl.bundle"])
    def test_a_name_that_ends_so_is_meant_as_one(self, name):
        assert is_bundle(name)

    @pytest.mark.parametrize("name", ["photo.jpg", "-", "bundle", "asl.bundle/photo.jpg", "asl.bundle.jpg", ".", ""])
    def test_everything_else_is_photos(self, name):
        assert not is_bundle(name)

    def test_only_the_first_word_is_looked_at(self, without, tiny_bundle):
        with pytest.raises(BundleError, match="comes without a recogniser"):
            bundle_and_rest(["a.jpg", str(tiny_bundle)])

    def test_none_is_named(self, default):
        assert bundle_and_rest(["a.jpg", "b.jpg"]) == (default, ["a.jpg", "b.jpg"])


@pytest.mark.parametrize(
    "words", [("predict", "photo.jpg"), ("camera",), ("live", "--no-open"), ("site", "build", "OUT")]
)
def test_without_one_in_the_package_it_must_be_named(without, tmp_path, words):
    pytest.importorskip("fastapi")
    result = run(*[tmp_path / "public" if word == "OUT" else word for word in words])
    assert isinstance(result.exception, BundleError)
    assert "comes without a recogniser" in result.exception.found
    assert not (tmp_path / "public").exists()


@pytest.mark.parametrize("words", [("predict", "x.jpg"), ("camera",), ("live",), ("site", "build", "public")])
def test_a_bundle_that_is_named_and_is_none(without, tmp_path, words):
    """It is refused by its name; the one in the package does not stand in for it."""
    pytest.importorskip("fastapi")
    missing = tmp_path / "mine.bundle"
    order = (words[0], missing, *words[1:]) if words[0] == "predict" else (*words, missing)
    result = run(*[tmp_path / "public" if word == "public" else word for word in order])
    assert isinstance(result.exception, BundleError)
    assert "mine.bundle does not exist" in result.exception.found


def test_a_run_is_named_as_what_it_is(tiny_run, tmp_path):
    result = run("predict", tiny_run, tmp_path / "a.jpg")
    assert isinstance(result.exception, BundleError)
    assert "it is a training run" in result.exception.found


def test_a_photo_alone_is_answered(default, tmp_path):
    shutil.copy(next((default / "golden").glob("*.jpg")), tmp_path / "photo.jpg")
    result = run("predict", tmp_path / "photo.jpg")
    assert result.exit_code == 0
    assert result.stdout == run("predict", default, tmp_path / "photo.jpg").stdout


def test_a_site_without_a_name_has_it(default, tmp_path):
    assert run("site", "build", tmp_path / "public").exit_code == 0
    assert (tmp_path / "public" / "bundle" / "model.onnx").read_bytes() == (default / "model.onnx").read_bytes()


@pytest.mark.parametrize("words", [("predict",), ("camera",), ("live",), ("site", "build")])
def test_help_says_that_it_may_be_left_out(words):
    text = " ".join(run(*words, "--help").output.split())
    assert "the one that comes with the package" in text.replace("│ │ ", "")
