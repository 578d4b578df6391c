"""What an evaluation gives to a card: scores of the very network that is exported, and a mark for each letter."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fingerspell.core.errors import DataError
from fingerspell.core.scoring import score
from fingerspell.lab.calibration import Calibration, Source
from fingerspell.lab.measured import NOT_MEASURED, read_measured
from fingerspell.lab.training.run import RunFolder

LABELS = ("A", "B", "C", "J")
CALIBRATION = Calibration(0.5, (Source("val", 60, "d"),), 0.1, 0.02, 0.3, 0.2, 0.61, 0.8, 0.97)


def source(name, right, *, strategy=None, sure=None):
    """A source in which `right` gives, for each label, how many photos are named right, and how many there are."""
    truth = np.concatenate([np.full(count, place) for place, (_, count) in enumerate(right)])
    said = np.concatenate([[p] * hits + [(p + 1) % 4] * (count - hits) for p, (hits, count) in enumerate(right)])
    shares = np.full((len(truth), 4), 0.05)
    shares[np.arange(len(truth)), said.astype(int)] = 0.85
    scores = score(shares, truth.astype(int), LABELS, [str(at) for at in range(len(truth))])
    return {"name": name, "description": f"{name}.", "strategy": strategy, "scores": scores.as_dict(), "sure": sure}


@pytest.fixture
def measured(tmp_path):
    def read(*sources, calibration=None, given=None):
        run = RunFolder(tmp_path)
        values = {"format": "fingerspell-evaluation/1", "calibration": calibration, "sources": list(sources)}
        run.evaluation.write_text(json.dumps(values))
        return read_measured(run, given)

    return read


SURE = {"threshold": 0.61, "share": 0.71234, "accuracy": 0.975, "calibrated_on": False}
HARD = source("clips", [(30, 30), (25, 30), (10, 30), (0, 0)], sure=SURE)
EASIER = source("desk", [(1, 30), (30, 30), (30, 30), (27, 30)])
OWN = source("own (test part)", [(30, 30)] * 4, strategy="block")


def test_marks_are_from_the_hardest_source_that_shows_the_letter(measured):
    found = measured(HARD, EASIER, OWN).reliability
    assert found["reliability"] == {"A": "good", "B": "fair", "C": "weak", "J": "fair"}
    assert found["reliability_from"] == ["clips", "desk"]


def test_easier_kinds_of_sources_do_not_count(measured):
    found = measured(HARD, OWN).reliability
    assert found["reliability"]["J"] == "unknown"
    assert found["reliability_from"] == ["clips"]
    assert measured(OWN).reliability["reliability"]["J"] == "good"  # where there is nothing harder


def test_scores_say_how_sure_they_are(measured):
    same = measured(HARD, calibration=CALIBRATION.as_dict(), given=CALIBRATION)
    assert same.is_of_this
    assert same.scores[0]["sure"] == {"answered": 0.7123, "right": 0.975}
    assert same.scores[0]["calibration_error"] == pytest.approx(HARD["scores"]["ece"], abs=1e-4)


@pytest.mark.parametrize(("recorded", "given"), [(CALIBRATION.as_dict(), None), (None, CALIBRATION)])
def test_what_another_calibration_said_of_certainty_is_left_out(measured, recorded, given):
    other = measured(HARD, calibration=recorded, given=given)
    assert not other.is_of_this
    assert other.scores[0]["calibration_error"] is None
    assert "sure" not in other.scores[0]
    assert other.scores[0]["accuracy"] == pytest.approx(65 / 90, abs=1e-4)  # a temperature changes no answer
    assert other.reliability == measured(HARD).reliability


def test_a_source_that_was_calibrated_on_stays_marked(measured):
    sure = {"threshold": 0.6, "share": 0.5, "accuracy": None, "calibrated_on": True}
    found = measured({**HARD, "sure": sure})
    assert found.scores[0]["sure"] == {"answered": 0.5, "right": None, "calibrated_on": True}


def test_an_evaluation_of_an_older_version_is_read(measured):
    old = {key: HARD[key] for key in ("name", "description")}
    scores = {key: value for key, value in HARD["scores"].items() if key != "refusals"}
    found = measured({**old, "scores": scores})
    assert found.scores[0]["source"] == "clips"
    assert found.reliability["reliability"]["A"] == "good"


def test_nothing_measured(measured, tmp_path):
    assert measured().scores == NOT_MEASURED
    assert measured().reliability == {}
    (tmp_path / "evaluation.json").unlink()
    assert read_measured(RunFolder(tmp_path), CALIBRATION).scores == NOT_MEASURED


@pytest.mark.parametrize("sources", (3, [3], [{"name": "x"}], [{**HARD, "scores": None}], [{**HARD, "sure": {}}]))
def test_a_malformed_evaluation(tmp_path, sources):
    RunFolder(tmp_path).evaluation.write_text(json.dumps({"sources": sources}))
    with pytest.raises(DataError, match="malformed"):
        read_measured(RunFolder(tmp_path), None)
