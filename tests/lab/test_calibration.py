"""The temperature is found, on the right photos only, and changes no answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fingerspell.core.certainty import answered_at, tempered
from fingerspell.core.errors import DataError
from fingerspell.core.scoring import score
from fingerspell.lab.calibration import (
    WANTED,
    agrees,
    as_calibrated,
    calibrate,
    find_calibration,
    fit_temperature,
)
from fingerspell.lab.evaluate import evaluate_folder
from fingerspell.lab.nets.model import Model
from fingerspell.lab.nets.registry import NETWORKS, Entry
from fingerspell.lab.sources import SourceResult, evaluation_json, sure_answers
from fingerspell.lab.training.run import RunFolder

LABELS = tuple("ABCDEF")


def honest(count: int, seed: int = 0, spread: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are as sure as they are right: the truth is drawn from them."""
    draw = np.random.default_rng(seed)
    shares = tempered(np.exp(draw.normal(0, spread, (count, len(LABELS)))), 1.0)
    return shares, np.array([draw.choice(len(LABELS), p=row) for row in shares])


def result(shares: np.ndarray, truth: np.ndarray, name: str = "val", **changes: object) -> SourceResult:
    groups = tuple(str(index // 10) for index in range(len(truth)))
    made = SourceResult(
        name=name,
        strategy="block",
        part="val",
        description=f"{name}.",
        folder=Path(name),
        digest=f"digest of {name}",
        labels=LABELS,
        paths=tuple(f"{index}.png" for index in range(len(truth))),
        stored=np.zeros((0, 1, 1, 3), np.uint8),
        rows=np.zeros(len(truth), np.intp),
        probabilities=shares.astype(np.float32),
        truth=truth,
        groups=groups,
        scores=score(shares, truth, LABELS, groups),
        left_out=(),
        labels_missing=(),
    )
    return replace(made, **changes)


class TestTemperature:
    @pytest.mark.parametrize("factor", [0.4, 1.0, 2.5])
    def test_what_was_divided_is_found(self, factor):
        """A network whose logits are too small (label smoothing) or too large by a factor gets that factor."""
        shares, truth = honest(6000)
        found = fit_temperature(tempered(shares, factor), truth, np.ones(len(truth)))
        assert found == pytest.approx(1 / factor, rel=0.06)

    def test_it_is_the_least_of_all(self):
        shares, truth = honest(400, seed=2)
        crooked = tempered(shares, 0.5)
        found = fit_temperature(crooked, truth, np.ones(400))

        def nll(temperature: float) -> float:
            return -np.log(tempered(crooked, temperature)[np.arange(400), truth]).mean()

        assert nll(found) < min(nll(found * 1.02), nll(found / 1.02), nll(1.0))

    def test_photos_that_are_all_named_right_tell_nothing(self):
        shares, _ = honest(200)
        with pytest.raises(DataError, match="cannot tell how sure") as caught:
            fit_temperature(shares, shares.argmax(axis=1), np.ones(200))
        assert "--calibrate-on" in caught.value.remedy

    def test_guessing_has_no_temperature(self):
        shares, _ = honest(200)
        with pytest.raises(DataError, match="hardly better than by guessing"):
            fit_temperature(shares, shares.argmin(axis=1), np.ones(200))


class TestCalibrate:
    def test_the_error_falls_and_no_answer_changes(self):
        shares, truth = honest(3000, seed=5)
        crooked = result(tempered(shares, 0.4), truth)
        found = calibrate([crooked])
        assert found.temperature == pytest.approx(2.5, rel=0.1)
        assert found.ece_before == pytest.approx(crooked.scores.ece, abs=1e-6)
        assert found.ece_before > 0.1
        assert found.ece_after < 0.03
        assert found.nll_after < found.nll_before == pytest.approx(crooked.scores.nll, abs=1e-6)
        after = as_calibrated(crooked, found)
        assert (after.probabilities.argmax(axis=1) == crooked.probabilities.argmax(axis=1)).all()
        assert after.scores.accuracy == crooked.scores.accuracy
        assert after.scores.ece == pytest.approx(found.ece_after, abs=1e-4)
        assert after.scores.nll == pytest.approx(found.nll_after, abs=1e-4)

    def test_the_threshold_is_of_the_calibrated_probabilities(self):
        shares, truth = honest(3000, seed=6)
        crooked = result(tempered(shares, 0.4), truth)
        found = calibrate([crooked])
        after = tempered(crooked.probabilities, found.temperature)
        again = answered_at(found.answer_from, after.max(axis=1), after.argmax(axis=1) == truth)
        assert (again.share, again.accuracy) == (pytest.approx(found.answered), pytest.approx(found.right))
        assert WANTED <= found.right < WANTED + 0.01
        assert 0.1 < found.answered < 0.9

    def test_whoever_is_content_with_fewer_right_answers_gets_more(self):
        some = [result(*honest(3000, seed=6))]
        usual, easier = calibrate(some), calibrate(some, 0.9)
        assert (usual.wanted, easier.wanted) == (WANTED, 0.9) == (usual.as_dict()["wanted"], easier.as_dict()["wanted"])
        assert 0.9 <= easier.right < WANTED
        assert easier.answer_from < usual.answer_from
        assert easier.answered > usual.answered
        assert easier.temperature == usual.temperature

    def test_sources_weigh_the_same_however_large(self):
        small, large = honest(300, seed=7), honest(3000, seed=8)
        cold, hot = result(tempered(small[0], 0.5), small[1], "small"), result(tempered(large[0], 2.0), large[1])
        found = calibrate([cold, hot])
        twice = result(np.concatenate([tempered(large[0], 2.0)] * 2), np.concatenate([large[1]] * 2))
        doubled = calibrate([cold, twice])
        assert doubled.temperature == pytest.approx(found.temperature, abs=1e-5)
        assert doubled.answer_from == pytest.approx(found.answer_from, abs=1e-4)
        assert doubled.answered == pytest.approx(found.answered, abs=1e-3)
        assert (doubled.ece_after, doubled.nll_after) == pytest.approx((found.ece_after, found.nll_after), abs=1e-4)
        alone = calibrate([hot]).temperature
        many = calibrate([cold] * 10 + [hot]).temperature
        assert alone < found.temperature < many
        assert found.photos == 3300
        assert [source.name for source in found.sources] == ["small", "val"]

    def test_too_few_photos(self):
        shares, truth = honest(49)
        with pytest.raises(DataError, match="49 photos to calibrate on"):
            calibrate([result(shares, truth)])
        with pytest.raises(DataError, match="0 photos"):
            calibrate([])

    def test_nothing_is_right_often_enough(self):
        shares, truth = honest(400, spread=0.8)
        found = calibrate([result(shares, truth)])
        assert (found.answer_from, found.answered, found.right) == (None, None, None)
        assert found.as_dict()["answer_from"] is None

    def test_its_record_is_json_and_keeps_what_is_calculated_with(self):
        shares, truth = honest(500)
        found = calibrate([result(tempered(shares, 0.5), truth)])
        values = found.as_dict()
        assert values["temperature"] == found.temperature
        assert values["answer_from"] == found.answer_from
        assert values["photos"] == 500
        assert values["sources"] == [{"name": "val", "photos": 500, "digest": "digest of val"}]


class TestRecorded:
    def test_the_same_temperature_agrees(self):
        shares, truth = honest(500)
        found = calibrate([result(tempered(shares, 0.5), truth)])
        assert agrees(found, found.as_dict())
        assert agrees(None, None)
        assert not agrees(found, None)
        assert not agrees(None, found.as_dict())
        assert not agrees(found, {**found.as_dict(), "temperature": found.temperature * 1.01})
        assert not agrees(found, {"temperature": "warm"})

    def test_an_evaluation_says_what_is_answered_from_the_threshold_on(self):
        shares, truth = honest(500)
        crooked = result(tempered(shares, 0.5), truth)
        found = calibrate([crooked])
        values = evaluation_json([as_calibrated(crooked, found)], {}, found.as_dict())
        sure = values["sources"][0]["sure"]
        assert values["calibration"]["temperature"] == found.temperature
        assert sure["threshold"] == found.answer_from
        # float32 may drop the very photo that the threshold was read from
        assert sure["share"] == pytest.approx(found.answered, abs=2.5 / 500)
        assert sure["accuracy"] == pytest.approx(found.right, abs=0.003)
        assert sure["calibrated_on"] is False
        assert evaluation_json([crooked], {})["sources"][0]["sure"] is None

    def test_a_folder_that_was_calibrated_on_is_told(self):
        shares, truth = honest(500)
        folder = result(tempered(shares, 0.5), truth, "ben", strategy="", part="")
        found = calibrate([folder]).as_dict()
        assert sure_answers(folder, found)["calibrated_on"] is True
        assert sure_answers(replace(folder, digest="another"), found)["calibrated_on"] is False

    def test_without_a_threshold_nothing_is_said(self):
        shares, truth = honest(400, spread=0.8)
        found = calibrate([result(shares, truth)]).as_dict()
        assert sure_answers(result(shares, truth), found) is None


@pytest.fixture
def strangers(photos, tmp_path):
    """Photos in the colours that `by_colour` tells apart; some lie in a wrong class."""
    folder = photos.folder(tmp_path / "strangers", start=5000, each=20)
    for number in range(4):
        photos.write(folder / "A" / f"A{number + 1}.png", "C", 9000 + number)
    return folder


@pytest.fixture
def named(runs, photos, tmp_path, monkeypatch, by_colour):
    """A run of 800 photos (80 to validate) around a network that names most of them right."""
    folder = photos.folder(tmp_path / "own", each=200)
    for number in range(100, 110):
        photos.write(folder / "A" / f"A{number}.png", "B", 7000 + number)
    run = runs.make(tmp_path / "run", folder, strategy="random")
    return run, by_colour


class TestFind:
    def call(self, named, tmp_path, **options):
        run, model = named
        return find_calibration(run, model, cache_folder=tmp_path / "cache", **options)

    def test_the_validation_part_is_what_it_is_found_on(self, named, tmp_path, one_thread):
        found, why_not = self.call(named, tmp_path, wanted=True)
        split = named[0].read_split()
        assert why_not == ""
        assert [source.photos for source in found.sources] == [split.counts["val"]]
        assert "val part" in found.sources[0].name
        assert split.counts["test"] != split.counts["val"] or split.counts["test"] == 0

    def test_further_folders_count_beside_it(self, named, strangers, tmp_path, one_thread):
        found, _ = self.call(named, tmp_path, folders=[strangers])
        assert [source.name for source in found.sources][1:] == ["strangers"]
        assert found.sources[1].photos == 80

    def test_the_runs_own_photos_are_no_further_folder(self, named, tmp_path, one_thread):
        with pytest.raises(DataError, match="shares photos with those that the run was trained on"):
            self.call(named, tmp_path, folders=[tmp_path / "own"])

    def test_not_wanted(self, named, strangers, tmp_path):
        assert self.call(named, tmp_path, wanted=False) == (None, "not wanted")
        with pytest.raises(DataError, match="no calibration wanted"):
            self.call(named, tmp_path, wanted=False, folders=[strangers])

    def test_where_it_cannot_be_done_it_is_left_or_refused(self, tiny_run, tmp_path, one_thread):
        run, model = RunFolder(tiny_run), Model.load(RunFolder(tiny_run).weights)
        found, why_not = find_calibration(run, model, cache_folder=tmp_path)
        assert found is None
        assert "photos to calibrate on" in why_not
        with pytest.raises(DataError, match="photos to calibrate on"):
            find_calibration(run, model, cache_folder=tmp_path, wanted=True)

    def test_an_imported_run_is_calibrated_on_what_is_named(self, named, strangers, tmp_path, one_thread):
        run, model = named
        run.write_state({**run.read_state(), "status": "imported", "split": None})
        found, why_not = find_calibration(run, model, cache_folder=tmp_path / "cache")
        assert (found, "0 photos" in why_not) == (None, True)
        found, _ = find_calibration(run, model, cache_folder=tmp_path / "cache", folders=[strangers])
        assert [source.name for source in found.sources] == ["strangers"]


class TestStandingIn:
    def test_another_run_answers_and_its_own_photos_do_not_count(
        self, named, strangers, tmp_path, monkeypatch, one_thread
    ):
        like, model = named
        monkeypatch.setitem(NETWORKS, "by-colour", Entry(lambda *_: type(model.net)(), 32, 32, "by colour"))
        model.save(like.weights)
        found, why_not = find_calibration(like, model, cache_folder=tmp_path / "cache", folders=[strangers], like=like)
        assert why_not == ""
        assert [source.name for source in found.sources] == ["strangers"]
        assert found.as_dict()["stands_in"] == like.path.name
        alone = evaluate_folder(model, strangers, tmp_path / "cache", None)
        assert found.temperature == calibrate([alone]).temperature
        both, _ = find_calibration(like, model, cache_folder=tmp_path / "cache", folders=[strangers])
        assert found.temperature != both.temperature

    def test_its_photos_must_be_named(self, tiny_run, tmp_path):
        run = RunFolder(tiny_run)
        with pytest.raises(DataError, match="nothing to calibrate on with"):
            find_calibration(run, Model.load(run.weights), cache_folder=tmp_path, like=run)

    def test_it_must_be_trained_alike(self, tiny_run, named, strangers, tmp_path):
        run, other = RunFolder(tiny_run), named[1]
        with pytest.raises(DataError, match="is a run of"):
            find_calibration(run, other, cache_folder=tmp_path, folders=[strangers], like=run)

    def test_what_it_learnt_from_is_refused(self, tiny_run, named, tmp_path, one_thread):
        run, like = RunFolder(tiny_run), named[0]
        like.weights.write_bytes(run.weights.read_bytes())
        with pytest.raises(DataError, match="shares photos with"):
            find_calibration(
                run, Model.load(run.weights), cache_folder=tmp_path / "cache", folders=[tmp_path / "own"], like=like
            )
