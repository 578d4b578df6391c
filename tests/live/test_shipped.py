"""The recogniser that comes with the package: where it is, that it is whole and light, and that a wheel holds it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest

from fingerspell.core.bundle import read_bundle
from fingerspell.core.errors import BundleError
from fingerspell.live import shipped
from fingerspell.live.shipped import LARGEST, default_bundle

ROOT = Path(__file__).parents[2]
PLACE = "src/fingerspell/live/shipped/asl.bundle"


@pytest.fixture
def bundle() -> Path:
    try:
        return default_bundle()
    except BundleError:
        pytest.skip("this checkout has no recogniser in src/fingerspell/live/shipped yet")


def test_an_installation_without_one_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(shipped, "_PLACE", tmp_path / "asl.bundle")
    with pytest.raises(BundleError, match="comes without a recogniser") as caught:
        default_bundle()
    assert "fingerspell predict asl.bundle photo.jpg" in caught.value.remedy
    (tmp_path / "asl.bundle").mkdir()
    with pytest.raises(BundleError):
        default_bundle()


def test_it_is_found_in_the_package(bundle):
    assert bundle == ROOT / PLACE


def test_it_is_whole_and_answers_as_its_network_did(bundle):
    recognizer = pytest.importorskip("fingerspell.live.recognizer").Recognizer(bundle)
    assert recognizer.verify().samples > 0


def test_it_is_light(bundle):
    assert sum(each.stat().st_size for each in bundle.rglob("*") if each.is_file()) <= LARGEST == 8_000_000


def test_its_card_says_what_its_user_must_know(bundle):
    card = read_bundle(bundle).card
    assert len(card["labels"]) == 29
    assert card["licence"] != "not stated"
    assert card["data"]["who_signs"] != "not stated"
    assert all({"name", "where_from", "licence", "photos", "people"} <= set(each) for each in card["data"]["sources"])
    assert not any("clips" in each["name"] for each in card["data"]["sources"])
    assert card["not_for"]
    assert card["motion_letters"].startswith("J and Z")
    assert card["calibration"]["answer_from"] is not None
    assert set(card["reliability"]) == set(card["labels"])
    assert card["scores"]
    assert all(score["interval"] for score in card["scores"])


def rules() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]


def test_git_and_so_the_build_backend_leave_it_in():
    """Hatchling takes what git does not ignore; other bundles are ignored."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git checkout")

    def ignored(path: str) -> bool:
        return subprocess.run(["git", "check-ignore", "-q", path], cwd=ROOT, check=False).returncode == 0

    assert not ignored(f"{PLACE}/model.onnx")
    assert not ignored(f"{PLACE}/golden/00-A.jpg")
    assert ignored("mine.bundle/model.onnx")
    assert "src/fingerspell" in rules()["wheel"]["packages"]
    assert "src" in rules()["sdist"]["include"]


def test_a_wheel_holds_it(tiny_bundle, tmp_path, monkeypatch):
    """The wheel of a package of the same rules, with a small bundle in the place of the real one."""
    wheel = pytest.importorskip("hatchling.builders.wheel")
    for name in ("pyproject.toml", ".gitignore", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    package = tmp_path / "src" / "fingerspell"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('__version__ = "0"\n')
    shutil.copytree(tiny_bundle, tmp_path / PLACE)
    shutil.copytree(tiny_bundle, package / "other.bundle")
    monkeypatch.chdir(tmp_path)
    (built,) = wheel.WheelBuilder(os.fspath(tmp_path)).build(
        directory=os.fspath(tmp_path / "dist"), versions=["standard"]
    )
    with zipfile.ZipFile(built) as archive:
        names = archive.namelist()
    inside = PLACE.removeprefix("src/")
    files = {
        f"{inside}/{each.relative_to(tiny_bundle).as_posix()}" for each in tiny_bundle.rglob("*") if each.is_file()
    }
    assert files <= set(names)
    assert not any("other.bundle" in name for name in names)
