"""`fingerspell nets` and `fingerspell doctor`."""

import re
import shutil
import sys
from collections import namedtuple
from typing import ClassVar

import pytest

from fingerspell.cli import about
from fingerspell.cli.main import main
from fingerspell.cli.places import cache_folder
from fingerspell.lab.nets.registry import NETWORKS
from fingerspell.live import shipped


def run(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["fingerspell", *arguments])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


class TestNets:
    def test_lists_every_network_with_its_cost(self, monkeypatch, capsys):
        assert run(monkeypatch, "nets") == 0
        lines = capsys.readouterr().out.splitlines()
        for name in NETWORKS:
            assert any(line.split()[0] == name for line in lines)
        first = next(line for line in lines if line.strip().startswith("notebook-v1"))
        assert "200×200×3" in first
        assert "17,436,765" in first
        assert re.search(r"17,436,765\s+17,436,765\s+435 M", first)
        fourth = next(line for line in lines if line.strip().startswith("notebook-v4"))
        assert re.search(r"317,885\s+316,733", fourth)

    def test_at_another_size_and_for_other_classes(self, monkeypatch, capsys):
        monkeypatch.setattr("fingerspell.lab.nets.registry.NETWORKS", {"notebook-v2": NETWORKS["notebook-v2"]})
        assert run(monkeypatch, "nets", "--size", "64", "--classes", "5") == 0
        out = capsys.readouterr().out
        assert "64×64×3" in out
        assert f"{137_181 - 24 * (256 + 1):,}" in out  # 24 of the 29 outputs fewer

    @pytest.mark.parametrize("wrong", [("--size", "16"), ("--classes", "1")])
    def test_what_cannot_be_built(self, monkeypatch, capsys, wrong):
        assert run(monkeypatch, "nets", *wrong) == 2
        captured = capsys.readouterr()
        assert "cannot be built" in captured.err
        assert "expected: at least 2 classes" in captured.err


class TestDoctor:
    def test_names_versions_machine_parts_and_places(self, monkeypatch, capsys, tmp_path):
        monkeypatch.setenv("FINGERSPELL_CACHE", str(tmp_path / "deep" / "[cache]"))
        monkeypatch.setattr(about, "_installed", lambda module: True)
        code = run(monkeypatch, "doctor")
        out = capsys.readouterr().out
        assert code == 0
        told = {line.split()[0] for line in out.splitlines()}
        assert told >= {"fingerspell", "python", "numpy", "machine", "live", "lab", "device", "allocator", "cache"}
        assert str(tmp_path / "deep" / "[cache]") in out
        assert out.endswith("all is well\n")
        assert not (tmp_path / "deep").exists()

    def test_a_part_that_is_not_there_is_told_and_is_no_trouble(self, monkeypatch, capsys):
        monkeypatch.setattr(about, "_installed", lambda module: module != "tensorboard")
        assert run(monkeypatch, "doctor") == 0
        assert "not installed (lacks tensorboard)" in capsys.readouterr().out

    def test_half_a_part_is_trouble(self, monkeypatch, capsys):
        monkeypatch.setattr(about, "_installed", lambda module: module not in ("onnxscript", "torch"))
        assert run(monkeypatch, "doctor") == 2
        captured = capsys.readouterr()
        assert "care: the part 'lab' is incomplete: pip install 'fingerspell[lab]'" in captured.err
        assert "all is well" not in captured.out

    def test_what_another_part_brought_along_is_no_half_part(self, monkeypatch, capsys):
        there = {"onnxruntime", "pydantic", "jinja2", "numba", "pyarrow"}
        monkeypatch.setattr(about, "_installed", lambda module: module in there or module in {"av", "cv2"})
        assert run(monkeypatch, "doctor") == 0
        out = capsys.readouterr().out
        assert re.search(r"^hands +installed$", out, re.MULTILINE)
        assert re.search(r"^lab +not installed \(lacks torch", out, re.MULTILINE)

    def test_a_page_that_was_not_built_is_trouble(self, monkeypatch, capsys, tmp_path):
        assert run(monkeypatch, "doctor") == 0
        assert re.search(r"^page +built, \d+\.\d MB$", capsys.readouterr().out, re.MULTILINE)
        monkeypatch.setattr(about, "files", lambda _: tmp_path)
        assert run(monkeypatch, "doctor") == 2
        assert "make page" in capsys.readouterr().err

    def test_little_room_is_trouble(self, monkeypatch, capsys):
        usage = namedtuple("usage", "free")
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2**30))
        assert run(monkeypatch, "doctor") == 2
        assert "FINGERSPELL_CACHE" in capsys.readouterr().err


class TestRecogniser:
    CARD: ClassVar = {
        "network": "residual-small",
        "scores": [{"source": "desk", "accuracy": 0.948}, {"source": "own", "accuracy": 0.99}],
        "reliability": {"A": "good", "H": "weak", "N": "weak", "P": "fair"},
        "calibration": {"answer_from": 0.61},
    }

    def test_a_card_in_a_few_words(self):
        words = about.described(self.CARD)
        assert words == ["residual-small", "95% right on desk", "weak letters: H N", "sure from 61%"]
        assert about.described({**self.CARD, "reliability": {"A": "good"}})[2] == "no weak letters"
        assert about.described({"network": "x", "scores": "not measured"}) == ["x"]

    def test_doctor_tells_of_the_one_in_the_package(self, monkeypatch, capsys, tmp_path):
        monkeypatch.setattr(shipped, "_PLACE", tmp_path / "asl.bundle")
        assert run(monkeypatch, "doctor") == 0
        assert "none comes with this installation" in capsys.readouterr().out

    def test_one_that_is_damaged_is_trouble(self, monkeypatch, capsys, tmp_path):
        (tmp_path / "asl.bundle").mkdir()
        (tmp_path / "asl.bundle" / "card.json").write_text("{}")
        monkeypatch.setattr(shipped, "_PLACE", tmp_path / "asl.bundle")
        assert run(monkeypatch, "doctor") == 2
        captured = capsys.readouterr()
        assert "asl.bundle is not a bundle of ours" in captured.err
        assert "recogniser    not usable" in captured.out


def test_the_place_of_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("FINGERSPELL_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("FINGERSPELL_CACHE")
    assert "fingerspell" in str(cache_folder())
