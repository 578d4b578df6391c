"""The verbs `evaluate` and `compare`, as somebody would type them."""

from __future__ import annotations

import json
import re
import shutil

import pytest
import typer
from typer.testing import CliRunner

from fingerspell.cli.evaluate import compare_command, evaluate_command
from fingerspell.core.errors import DataError
from fingerspell.lab.nets.model import Model


@pytest.fixture
def call(one_thread, blank_figures, monkeypatch, tmp_path):
    monkeypatch.setenv("FINGERSPELL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "400")
    app = typer.Typer()
    app.command("evaluate")(evaluate_command)
    app.command("compare")(compare_command)

    def run(*words):
        result = CliRunner().invoke(app, [str(word) for word in words])
        if isinstance(result.exception, DataError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result

    return run


@pytest.fixture
def run(runs, photos, tmp_path):
    return runs.make(tmp_path / "run", photos.folder(tmp_path / "own"))


def test_evaluate_writes_scores_and_report_and_says_where(call, run, photos, tmp_path):
    other = photos.folder(tmp_path / "desk", start=500, each=3, labels=("A", "B", "C"))
    lines = call("evaluate", run.path, other).stdout.splitlines()
    assert lines[0].startswith("desk: ")
    assert "9 photos" in lines[0]
    assert "Another collection" in lines[1]
    assert "without photos: J" in lines[2]
    assert lines[3].startswith("own (test part, block split): ")
    assert lines[-2:] == [str(run.evaluation), str(run.report)]
    assert run.report.exists()
    assert json.loads(run.evaluation.read_text())["sources"][0]["name"] == "desk"


def test_evaluate_prints_json_alone_and_takes_another_place(call, run, tmp_path):
    page = tmp_path / "pages" / "mine.html"
    values = json.loads(call("evaluate", run.path, "--json", "--report", page).stdout)
    assert values["format"] == "fingerspell-evaluation/1"
    assert len(values["sources"]) == 1
    assert page.exists()
    assert page.with_suffix(".json").exists()
    assert not run.report.exists()


def test_the_training_folder_is_not_listed_twice(call, run, tmp_path):
    result = call("evaluate", run.path, tmp_path / "own")
    assert result.stdout.count("named right") == 1
    assert "only its test part is scored" in result.stderr


def test_two_folders_of_one_name_are_told_apart(call, run, photos, tmp_path):
    first = photos.folder(tmp_path / "x" / "set", start=500, each=2)
    second = photos.folder(tmp_path / "y" / "set", start=600, each=2)
    names = {line.partition(":")[0] for line in call("evaluate", run.path, first, second).stdout.splitlines()}
    assert {"set", str(second)} <= names


def test_where_the_photos_are_gone_their_cache_serves_then_other_folders(call, run, photos, tmp_path):
    call("evaluate", run.path)
    shutil.rmtree(tmp_path / "own")
    assert "own (test part" in call("evaluate", run.path).stdout
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(DataError, match="no longer there"):
        call("evaluate", run.path)
    result = call("evaluate", run.path, photos.folder(tmp_path / "desk", start=500, each=2))
    assert "own held-out part is not scored" in result.stderr
    assert "desk: " in result.stdout


def test_one_group_gives_no_interval_and_says_why(call, run, photos, tmp_path):
    photos.write(tmp_path / "one" / "A" / "A1.png", "A", 777)
    text = call("evaluate", run.path, tmp_path / "one").stdout
    assert "no interval" in text
    assert "one group" in text


def test_answers_are_calibrated_where_that_can_be_done(call, run, photos, tmp_path, by_colour, monkeypatch):
    monkeypatch.setattr(Model, "load", lambda path: by_colour)
    ben = photos.folder(tmp_path / "ben", start=700)
    for number in range(3):
        photos.write(ben / "A" / f"A{number + 1}.png", "B", 800 + number)
    result = call("evaluate", run.path, ben, "--calibrate-on", ben)
    values = json.loads(run.evaluation.read_text())
    assert values["calibration"]["temperature"] > 1.1, "it is right less often than it is sure"
    first, own = values["sources"]
    assert (first["name"], first["sure"]["calibrated_on"], own["sure"]["calibrated_on"]) == ("ben", True, False)
    assert re.search(r"^  sure from \d+%: .*% answered, .*% of these right \(it was calibrated on", result.stdout, re.M)
    assert "temperature of" in run.report.read_text()
    plain = json.loads(call("evaluate", run.path, ben, "--no-calibrate", "--json").stdout)
    assert plain["calibration"] is None
    assert plain["sources"][0]["sure"] is None
    assert plain["sources"][0]["scores"]["accuracy"] == first["scores"]["accuracy"]
    assert plain["sources"][0]["scores"]["nll"] > first["scores"]["nll"]
    assert "sure from" not in call("evaluate", run.path, ben, "--no-calibrate").stdout
    assert "Not calibrated" in run.report.read_text()


def test_why_it_is_not_calibrated_is_told(call, run):
    assert "not calibrated: there are 8 photos" in call("evaluate", run.path).stderr
    assert "not calibrated" not in call("evaluate", run.path, "--no-calibrate").stderr
    with pytest.raises(DataError, match="photos to calibrate on"):
        call("evaluate", run.path, "--calibrate")


def test_compare_prints_a_table_with_the_record_and_writes_a_page(call, run, tmp_path):
    call("evaluate", run.path)
    result = call("compare", run.path, "--html", tmp_path / "c.html")
    assert "notebook v1, recorded" in result.stdout
    assert "17,436,765" in result.stdout
    assert "block, seed 0" in result.stdout
    assert "Not comparable" in result.stderr
    assert result.stdout.splitlines()[-1] == str(tmp_path / "c.html")
    assert (tmp_path / "c.html").exists()


def test_compare_prints_json(call, run):
    values = json.loads(call("compare", run.path, "--json").stdout)
    assert values["rows"][0]["name"] == "run"
