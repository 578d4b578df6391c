"""Runs side by side: what is read, what is warned of, and the page."""

from __future__ import annotations

import json

import pytest

from fingerspell.core.errors import DataError
from fingerspell.lab.compare import RECORDED, compare_runs, write_comparison
from fingerspell.lab.data.cache import open_cache
from fingerspell.lab.data.split import Split
from fingerspell.lab.evaluate import evaluate_folder, evaluate_split
from fingerspell.lab.sources import write_evaluation


@pytest.fixture
def own(photos, tmp_path):
    return photos.folder(tmp_path / "own")


@pytest.fixture
def evaluated(runs, own, photos, tmp_path, by_colour):
    run = runs.make(tmp_path / "first", own)
    split = Split.load(run.split)
    cache = open_cache(split.manifest, by_colour.preprocess, tmp_path / "cache")
    other = photos.folder(tmp_path / "desk", start=500)
    photos.write(other / "A" / "A99.png", "B", 999)
    results = [evaluate_split(by_colour, split, cache), evaluate_folder(by_colour, other, tmp_path / "cache", split)]
    write_evaluation(run.evaluation, results, run.read_state())
    return run


def test_a_row_holds_what_the_run_did(evaluated):
    (row,) = compare_runs([evaluated.path], recorded=False).rows
    assert (row.name, row.network, row.parameters, row.status) == ("first", "residual-small", 123456, "finished")
    assert (row.split, row.epochs, row.best_val_accuracy) == ("block, seed 0", 3, 0.9)
    assert row.val_accuracy == (0.4, 0.9, 0.8)
    assert row.seconds_per_epoch == 3.0  # the median of 2, 3 and 9
    assert row.held_out is not None
    assert (row.held_out.accuracy, row.held_out.photos) == (1.0, 16)
    assert [(score.name, score.accuracy) for score in row.others] == [("desk", 80 / 81)]
    assert row.others[0].interval is not None
    assert row.others[0].other_collection


def test_the_notebooks_record_is_added_and_marked(evaluated):
    comparison = compare_runs([evaluated.path])
    assert [row.best_val_accuracy for row in comparison.rows[1:]] == [0.7832, 0.8349, 0.7352, 0.8504]
    assert [len(row.val_accuracy) for row in RECORDED] == [6, 5, 5, 5]
    assert all(row.recorded and row.status == "recorded" and row.held_out is None for row in RECORDED)
    assert any("Not comparable" in warning for warning in comparison.warnings)
    assert not any("different" in warning for warning in comparison.warnings)
    assert comparison.sources == ("desk",)


def test_different_splits_are_warned_of(runs, own, tmp_path):
    places = [runs.make(tmp_path / "a", own).path, runs.make(tmp_path / "b", own, strategy="random").path]
    warnings = " ".join(compare_runs(places).warnings)
    assert "different splits (block, seed 0; random, seed 0)" in warnings
    assert "different photos:" not in warnings
    seeds = [places[0], runs.make(tmp_path / "c", own, seed=1).path]
    assert "different splits" in " ".join(compare_runs(seeds).warnings)
    other = {"strategy": "block", "seed": 0, "digest": "of other fractions", "counts": {}}
    alike = [places[0], runs.make(tmp_path / "d", own, split=other).path]
    assert "(block, seed 0; the same with other settings)" in " ".join(compare_runs(alike).warnings)


def test_different_photos_are_warned_of(runs, own, photos, tmp_path):
    places = [runs.make(tmp_path / "a", own).path]
    places.append(runs.make(tmp_path / "b", photos.folder(tmp_path / "own2", each=10)).path)
    assert "trained on different photos" in " ".join(compare_runs(places).warnings)


def test_unfinished_and_unevaluated_runs_are_named(runs, own, tmp_path):
    run = runs.make(tmp_path / "young", own, status="paused", best=None)
    run.journal.unlink()
    comparison = compare_runs([run.path])
    assert comparison.rows[0].best_val_accuracy is None
    assert comparison.rows[0].seconds_per_epoch is None
    warnings = " ".join(comparison.warnings)
    assert "Not finished: young." in warnings
    assert "Not evaluated yet, so without a test accuracy: young." in warnings


def test_runs_of_one_name_are_told_apart(runs, own, tmp_path):
    places = [runs.make(tmp_path / name / "run", own).path for name in ("x", "y")]
    assert [row.name for row in compare_runs(places, recorded=False).rows] == ["x/run", "y/run"]


def test_what_is_no_run_is_an_error(evaluated, tmp_path):
    with pytest.raises(DataError, match="not a run"):
        compare_runs([tmp_path])
    with pytest.raises(DataError, match="twice"):
        compare_runs([evaluated.path, evaluated.path / "."])
    with pytest.raises(DataError, match="nothing to compare"):
        compare_runs([])


@pytest.mark.parametrize("content", ['{"sources": [{}]}', "[]", "not json"])
def test_a_damaged_evaluation_is_an_error(evaluated, content):
    evaluated.evaluation.write_text(content)
    with pytest.raises(DataError, match=r"evaluation\.json"):
        compare_runs([evaluated.path])


def test_a_damaged_state_is_an_error(runs, own, tmp_path):
    run = runs.make(tmp_path / "odd", own, split=None)
    with pytest.raises(DataError, match="cannot be read"):
        compare_runs([run.path])


def test_the_page_shows_all_rows_and_stands_alone(evaluated, runs, own, tmp_path):
    second = runs.make(tmp_path / "second <i>", own, strategy="random")
    comparison = compare_runs([evaluated.path, second.path])
    write_comparison(comparison, tmp_path / "compare.html")
    text = (tmp_path / "compare.html").read_text(encoding="utf-8")
    assert all(name in text for name in ("first", "second &lt;i&gt;", "notebook v4, recorded", "98.8%", "desk"))
    assert "second <i>" not in text
    assert "http" not in text.replace("http://www.w3.org", "")
    assert "Best of each: first 90.0%" in text
    assert "<title>2 runs compared</title>" in text
    assert json.loads(json.dumps(comparison.as_dict()))["rows"][0]["name"] == "first"


def test_a_page_without_any_epoch_has_no_figure(runs, own, tmp_path):
    run = runs.make(tmp_path / "young", own)
    run.journal.unlink()
    write_comparison(compare_runs([run.path], recorded=False), tmp_path / "compare.html")
    assert "<picture>" not in (tmp_path / "compare.html").read_text(encoding="utf-8")
