"""`fingerspell export`: says what was compared, what is not measured, and that photos are in the bundle."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from fingerspell.cli.evaluate import evaluate_run
from fingerspell.cli.export import export_command
from fingerspell.core.bundle import read_bundle
from fingerspell.core.certainty import tempered
from fingerspell.core.errors import BundleError, DataError
from fingerspell.lab.training.run import RunFolder
from fingerspell.live.recognizer import Recognizer

pytest.importorskip("onnxscript")

TINY_LABELS = ("A", "B", "J", "nothing")


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


@pytest.fixture
def strangers(tmp_path) -> Path:
    """Eighty photos that the run has not seen, in its colours; one in ten lies in a wrong class."""
    draw = np.random.default_rng(8)
    for number, label in enumerate(TINY_LABELS):
        (tmp_path / "ben" / label).mkdir(parents=True)
        for index in range(20):
            looks = (number + (index % 10 == 0)) % len(TINY_LABELS)
            base = np.full((36, 40, 3), (50 * looks + 30, 200 - 40 * looks, 100), np.float64)
            base += draw.normal(0, 8, base.shape)
            photo = Image.fromarray(np.clip(base, 0, 255).astype(np.uint8))
            photo.save(tmp_path / "ben" / label / f"{label}{index + 1}.png")
    return tmp_path / "ben"


class TestCalibrated:
    @pytest.fixture(autouse=True)
    def cache(self, tmp_path, monkeypatch):
        monkeypatch.setenv("FINGERSPELL_CACHE", str(tmp_path / "cache"))

    def test_the_bundle_answers_with_the_temperature_that_was_found(
        self, run, tiny_run, tiny_bundle, strangers, tmp_path
    ):
        result = run(tiny_run, "-o", tmp_path / "sure.bundle", "--calibrate-on", strangers, "--sure-right", "0.6")
        assert result.exit_code == 0, result.exception
        card = read_bundle(tmp_path / "sure.bundle").card
        assert card["calibration"]["wanted"] == 0.6
        temperature = card["calibration"]["temperature"]
        assert card["temperature"] == temperature != 1
        assert f"temperature {temperature:.3f}" in result.stderr
        assert "ben" in result.stderr
        assert [source["name"] for source in card["calibration"]["sources"]][-1] == "ben"
        assert card["calibration"]["nll_after"] < card["calibration"]["nll_before"]
        before, after = Recognizer(tiny_bundle), Recognizer(tmp_path / "sure.bundle")
        data = read_bundle(tiny_bundle).golden[0].data
        plain, sure = (each.predict_bytes(data).probabilities[None] for each in (before, after))
        assert sure == pytest.approx(tempered(plain, temperature), abs=1e-4)
        assert sure != pytest.approx(plain, abs=1e-3)
        assert after.verify().samples == 8

    def test_the_scores_are_those_of_the_calibrated_network_or_say_nothing_of_certainty(
        self, run, tiny_run, strangers, tmp_path
    ):
        shutil.copytree(tiny_run, tmp_path / "run")
        own = RunFolder.open(tmp_path / "run")
        counts = dict(own.read_split().counts)
        split = {"strategy": "block", "seed": 0, "digest": "", "counts": counts}
        own.write_state({**own.read_state(), "split": split, "parameters": 1, "reason": ""})
        scored = evaluate_run(own, [], tmp_path / "cache", photos=False, calibrate_on=[strangers])
        assert scored.calibration is not None
        result = run(tmp_path / "run", "-o", tmp_path / "same.bundle", "--calibrate-on", strangers)
        assert "another calibration" not in result.stderr
        score = read_bundle(tmp_path / "same.bundle").card["scores"][0]
        assert score["calibration_error"] is not None
        result = run(tmp_path / "run", "-o", tmp_path / "plain.bundle", "--no-calibrate")
        assert "measured with another calibration" in result.stderr
        card = read_bundle(tmp_path / "plain.bundle").card
        assert card["scores"][0]["calibration_error"] is None
        assert "calibration" not in card
        assert card["temperature"] == 1
        assert set(card["reliability"]) == set(TINY_LABELS)

    def test_too_few_photos_are_told_and_refused_where_it_must_be_done(self, run, tiny_run, tmp_path):
        result = run(tiny_run, "-o", tmp_path / "a.bundle")
        assert "not calibrated: there are 4 photos" in result.stderr
        result = run(tiny_run, "-o", tmp_path / "b.bundle", "--calibrate")
        assert isinstance(result.exception, DataError)
        assert not (tmp_path / "b.bundle").exists()

    def test_what_only_the_maker_can_say(self, run, tiny_run, tmp_path):
        about = tmp_path / "about.toml"
        about.write_text(
            'who_signs = "Anna"\nlicence = "CC0-1.0"\nnot_for = ["Judging people."]\n'
            '[[sources]]\nname="a"\nwhere_from="b"\nlicence="c"\nphotos=3\npeople=1\n'
        )
        assert run(tiny_run, "-o", tmp_path / "a.bundle", "--about", about).exit_code == 0
        card = read_bundle(tmp_path / "a.bundle").card
        assert card["data"]["who_signs"] == "Anna"
        assert card["data"]["folder"] == "my photos"
        source = {"name": "a", "where_from": "b", "licence": "c", "photos": 3, "people": 1}
        assert card["data"]["sources"] == [source]
        assert card["not_for"] == ["Judging people."]
        assert card["licence"] == "CC0-1.0"
        run(tiny_run, "-o", tmp_path / "b.bundle", "--about", about, "--licence", "MIT")
        assert read_bundle(tmp_path / "b.bundle").card["licence"] == "MIT"
        about.write_text("who_sings = 'x'")
        assert isinstance(run(tiny_run, "-o", tmp_path / "c.bundle", "--about", about).exception, DataError)
        assert not (tmp_path / "c.bundle").exists()
