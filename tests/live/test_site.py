"""A site of plain files: whole or not there, with nothing of the bundle in it but its model and its card."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from fingerspell.core.bundle import read_bundle, write_bundle
from fingerspell.core.errors import BundleError, DataError, FingerspellError
from fingerspell.live import site
from fingerspell.live.site import PAGE, build_site

WEB = Path(__file__).parents[2] / "web"
SOURCES = (  # as vite.config.ts names them
    "index.html",
    "licences",
    "package-lock.json",
    "package.json",
    "public",
    "src",
    "tsconfig.json",
    "vite.config.ts",
)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_site_is_the_page_with_the_model_and_its_card(tiny_bundle, tmp_path):
    assert build_site(tmp_path / "new" / "site", tiny_bundle) == tmp_path / "new" / "site"
    built, page = files_of(tmp_path / "new" / "site"), files_of(PAGE)
    assert built.pop("bundle/model.onnx") == (tiny_bundle / "model.onnx").read_bytes()
    assert built.pop("bundle/card.json") == (tiny_bundle / "card.json").read_bytes()
    assert b'name="fingerspell-service" content="none"' in built.pop("index.html")
    assert b'name="fingerspell-service" content="here"' in page.pop("index.html")
    assert built == page
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["site"], "nothing half-made is left"


def test_a_bundle_that_finds_hands_brings_its_finder(tiny_bundle, tmp_path):
    tiny = read_bundle(tiny_bundle)
    about = {"input": [192, 192], "framing": 1.5, "score": 0.4, "about": "any network will do here"}
    finding = write_bundle(
        tmp_path / "finding.bundle",
        model=tiny.model,
        card={**tiny.card, "finder": about},
        golden=tiny.golden,
        finder=tiny.model,
    )
    with_it, without = (
        files_of(build_site(tmp_path / "with", finding)),
        files_of(build_site(tmp_path / "w", tiny_bundle)),
    )
    assert with_it["bundle/finder.onnx"] == tiny.model
    assert json.loads(with_it["bundle/card.json"])["finder"] == about
    assert set(with_it) - set(without) == {"bundle/finder.onnx"}


def test_an_empty_folder_is_filled_and_a_site_is_replaced_only_by_force(tiny_bundle, tmp_path):
    out = tmp_path / "site"
    out.mkdir()
    build_site(out, tiny_bundle)
    (out / "icon.svg").write_text("old")
    with pytest.raises(DataError, match="--force"):
        build_site(out, tiny_bundle)
    assert (out / "icon.svg").read_text() == "old"
    build_site(out, tiny_bundle, force=True)
    assert (out / "icon.svg").read_bytes() == (PAGE / "icon.svg").read_bytes()


@pytest.mark.parametrize("stranger", ["notes.txt", "index.html"])
def test_what_is_no_site_is_left_alone_even_by_force(tiny_bundle, tmp_path, stranger):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / stranger).write_text("mine")
    with pytest.raises(DataError, match="not a site"):
        build_site(tmp_path / "site", tiny_bundle, force=True)
    assert (tmp_path / "site" / stranger).read_text() == "mine"


def test_a_site_with_something_of_the_users_in_it_is_left_alone(tiny_bundle, tmp_path):
    build_site(tmp_path / "site", tiny_bundle)
    (tmp_path / "site" / "CNAME").write_text("example.org")
    with pytest.raises(DataError, match="not a site"):
        build_site(tmp_path / "site", tiny_bundle, force=True)
    assert (tmp_path / "site" / "CNAME").exists()


def test_a_file_in_the_way_is_left_alone(tiny_bundle, tmp_path):
    (tmp_path / "site").write_text("mine")
    with pytest.raises(DataError, match="not a site"):
        build_site(tmp_path / "site", tiny_bundle, force=True)
    assert (tmp_path / "site").read_text() == "mine"


def test_a_damaged_bundle_makes_no_site(tiny_bundle, tmp_path):
    bundle = shutil.copytree(tiny_bundle, tmp_path / "own.bundle")
    (bundle / "card.json").write_bytes((bundle / "card.json").read_bytes() + b" ")
    with pytest.raises(BundleError):
        build_site(tmp_path / "site", bundle)
    assert not (tmp_path / "site").exists()


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_cannot_be_written(tiny_bundle, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(DataError, match="could not be written"):
        build_site(tmp_path / "closed" / "site", tiny_bundle)


def test_a_file_where_a_folder_should_be(tiny_bundle, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DataError, match="could not be written"):
        build_site(tmp_path / "file" / "site", tiny_bundle)


def test_an_installation_without_the_page_says_so(tiny_bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(site, "PAGE", tmp_path / "nowhere")
    with pytest.raises(FingerspellError, match="no built page"):
        build_site(tmp_path / "site", tiny_bundle)


def test_a_page_of_another_version_is_not_guessed_at(tiny_bundle, tmp_path, monkeypatch):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("<!doctype html>")
    monkeypatch.setattr(site, "PAGE", tmp_path / "page")
    with pytest.raises(FingerspellError, match="another version"):
        build_site(tmp_path / "site", tiny_bundle)
    assert not (tmp_path / "site").exists()


class TestThePage:
    """What is committed in service/page/."""

    def test_it_was_built_from_these_sources(self):
        if not WEB.is_dir():
            pytest.skip("no sources of the page beside the tests")
        tops = [WEB / name for name in SOURCES]
        files = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*")) if path.is_file()]
        names = sorted(path.relative_to(WEB).as_posix() for path in files)
        digest = hashlib.sha256()
        for name in names:
            digest.update(f"{name}:{hashlib.sha256((WEB / name).read_bytes()).hexdigest()}\n".encode())
        told = (PAGE / "sources.sha256").read_text().strip()
        assert told == digest.hexdigest(), "web/ has changed since the page was built: make page"

    def test_all_its_addresses_are_its_own_and_relative(self):
        index = (PAGE / "index.html").read_text(encoding="utf-8")
        for address in re.findall(r'(?:src|href)="([^"]+)"', index):
            assert address.startswith("./"), address
            assert (PAGE / address).is_file(), address

    def test_it_has_no_inline_script_or_style(self):
        index = (PAGE / "index.html").read_text(encoding="utf-8")
        assert re.findall(r"<script(?![^>]*\bsrc=)", index) == []
        assert "<style" not in index
        assert " style=" not in index
        assert re.search(r"\son\w+=", index) is None

    def test_the_runtime_lies_beside_its_licence(self):
        ort = PAGE / "ort"
        names = {path.name for path in ort.iterdir()}
        assert {"ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm", "LICENSE.txt"} <= names
        assert "Microsoft" in (ort / "LICENSE.txt").read_text(encoding="utf-8")
        assert (ort / "ort-wasm-simd-threaded.wasm").read_bytes()[:4] == b"\0asm"

    def test_the_lockfile_names_no_download_address(self):
        if not WEB.is_dir():
            pytest.skip("no sources of the page beside the tests")
        lock = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))
        assert len(lock["packages"]) > 10
        assert [name for name, each in lock["packages"].items() if "resolved" in each] == []
        assert all("integrity" in each for name, each in lock["packages"].items() if name)


def test_a_failed_swap_puts_the_old_site_back(tiny_bundle, tmp_path, monkeypatch):
    out = build_site(tmp_path / "site", tiny_bundle)
    before = sorted(each.name for each in out.rglob("*"))
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.name.endswith(".partial"):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(DataError, match="No space left"):
        build_site(out, tiny_bundle, force=True)
    assert sorted(each.name for each in out.rglob("*")) == before
    assert [each.name for each in tmp_path.iterdir()] == ["site"]


def test_of_a_link_what_it_leads_to_is_replaced(tiny_bundle, tmp_path):
    real = build_site(tmp_path / "real", tiny_bundle)
    (tmp_path / "link").symlink_to(real)
    assert build_site(tmp_path / "link", tiny_bundle, force=True) == real
    assert (tmp_path / "link").is_symlink()
    assert (real / "index.html").is_file()
