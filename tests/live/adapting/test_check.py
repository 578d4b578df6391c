"""Held-out photos decide; near-twins are held back together; scores come with intervals. And the golden file."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from own_photos_drawn import draw_own

from fingerspell.core.errors import DataError
from fingerspell.live.adapting import check as checking
from fingerspell.live.adapting.check import Checked, Score, _chosen, check
from fingerspell.live.adapting.folds import FOLDS, Folds, folds_of
from fingerspell.live.adapting.photos import LONGEST, read_own_photos
from fingerspell.live.adapting.varying import VARIATIONS, varied

PLACE = Path(__file__).parents[2] / "golden"
GOLDEN = json.loads((PLACE / "adapt.json").read_text())
CASES = {case["name"]: case for case in GOLDEN["cases"]}


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("make_adapt", PLACE / "make_adapt.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestGolden:
    @pytest.mark.parametrize("name", CASES)
    def test_each_case_comes_out_as_before(self, maker, name):
        found, expected = maker.answered(CASES[name]), CASES[name]["expected"]
        for key in ("weight", "bias"):
            assert np.abs(np.array(found.pop(key)) - np.array(expected[key])).max() < 1e-6
        assert found["before"]["loss"] == pytest.approx(expected["before"]["loss"], abs=1e-5)
        assert found["after"]["loss"] == pytest.approx(expected["after"]["loss"], abs=1e-4)
        for key in ("better", "gained", "lost", "pull"):
            assert found[key] == expected[key]
        assert found["after"]["right"] == expected["after"]["right"]

    def test_the_cases_are_those_of_the_script(self, maker):
        assert maker.cases() == {
            name: {key: value for key, value in case.items() if key not in {"name", "expected"}}
            for name, case in CASES.items()
        }
        assert maker.picture() == GOLDEN["picture"]
        assert {case["expected"]["better"] for case in CASES.values()} == {True, False}
        assert len({case["expected"]["pull"] for case in CASES.values()}) > 2


class TestChecking:
    def test_a_photo_is_never_asked_of_a_layer_that_learnt_it(self, maker, monkeypatch):
        head, features, truth, folds = maker.arrays(CASES["a hand of its own"])
        seen = []
        real = checking.task_of

        def noted(head, rows, labels):
            seen.append({row.tobytes() for row in rows})
            return real(head, rows, labels)

        monkeypatch.setattr(checking, "task_of", noted)
        check(head, features, truth, folds)
        assert len(seen) == folds.count
        for turn, rows in enumerate(seen):
            for photo, of in zip(features, folds.of, strict=True):
                assert all((row.tobytes() in rows) == (of != turn) for row in photo)

    def test_photos_that_are_never_held_back_are_not_scored(self, maker):
        head, features, truth, folds = maker.arrays(CASES["a hand of its own"])
        some = replace(folds, of=np.where(truth == 0, -1, folds.of))
        found = check(head, features, truth, some)
        assert found.before.photos == found.after.photos == (truth != 0).sum()
        assert 0 not in found.recall

    def test_the_strongest_pull_within_one_standard_error(self):
        losses = np.array([[0.9, 1.1, 1.0, 1.2], [0.5, 0.9, 0.7, 0.9], [0.2, 1.0, 0.4, 1.0], [0.1, 1.0, 0.4, 0.9]])
        assert _chosen(losses) == 1
        assert _chosen(losses - np.array([[0], [0], [0], [0.6]])) == 3
        assert _chosen(np.ones((4, 3))) == 0

    @pytest.mark.parametrize(
        ("gained", "lost", "better"),
        [(1, 0, True), (0, 1, False), (4, 1, True), (3, 2, False), (5, 5, False), (6, 5, False), (9, 4, True)],
    )
    def test_better_means_more_than_a_throw_of_coins(self, gained, lost, better):
        before, after = Score(30, 20, 1.0, 0.1), Score(30, 20 + gained - lost, 0.5, 0.1)
        assert Checked(before, after, 0.1, np.arange(30), {}, gained, lost).better is better

    def test_the_same_answers_must_be_more_certain(self):
        score = Score(30, 30, 0.3, 0.1)
        for loss, better in ((0.2, True), (0.3, False), (0.4, False)):
            assert Checked(score, replace(score, loss=loss), 0.1, np.arange(30), {}, 0, 0).better is better

    def test_the_interval_is_wilsons(self):
        assert Score(10, 9, 0, 0).as_dict()["interval"] == [0.5958, 0.9821]


class TestFolds:
    def test_every_turn_has_each_letter_once(self):
        photos = [np.asarray(draw_own(label, number)) for label in "AB" for number in range(5)]
        found = folds_of(photos, ["A"] * 5 + ["B"] * 5)
        assert sorted(found.of[:5]) == sorted(found.of[5:]) == list(range(FOLDS))
        assert found.alike == ()
        assert found.held == 10

    def test_near_twins_share_a_turn(self):
        first, second = np.asarray(draw_own("A", 1)), np.asarray(draw_own("A", 2))
        found = folds_of([first, first + 2, second, second], ["A"] * 4)
        assert found.of[0] == found.of[1] != found.of[2] == found.of[3]
        assert found.alike == ()

    def test_other_light_alone_makes_no_other_moment(self):
        photo = np.asarray(draw_own("A", 1)) // 2
        assert folds_of([photo, photo + 40], ["A", "A"]).alike == ("A",)

    def test_twins_only_are_halved_and_told(self):
        photo = np.asarray(draw_own("A", 1))
        found = folds_of([photo] * 5, ["A"] * 5)
        assert found.alike == ("A",)
        assert found.of.tolist() == [0, 0, 0, 1, 1]

    def test_a_single_photo_is_always_learnt_from(self):
        photos = [np.asarray(draw_own("A", 1)), np.asarray(draw_own("B", 1)), np.asarray(draw_own("B", 2))]
        found = folds_of(photos, ["A", "B", "B"])
        assert found.of[0] == -1
        assert found.held == 2
        assert isinstance(found, Folds)


class TestVarying:
    def test_pixels_by_hand(self):
        photo = np.arange(300, dtype=np.int64).reshape(10, 10, 3) % 256
        photo = photo.astype(np.uint8)
        found = varied(photo)
        assert len(found) == 1 + len(VARIATIONS)
        assert found[0] is photo
        assert found[1].shape == found[2].shape == (9, 9, 3)
        assert found[1][0, 1, 0] == (int(photo[0, 1, 0]) * 112 + 50) // 100
        assert found[2][0, 0, 0] == (int(photo[1, 1, 0]) * 88 + 50) // 100
        assert found[3].shape == (11, 11, 3)
        assert np.array_equal(found[3][:, 0], found[3][:, 1])  # beyond the left edge
        assert np.array_equal(found[4][0], found[4][1])  # beyond the upper edge
        assert found[1].max() == 255  # no overflow
        assert varied(np.zeros((1, 1, 3), np.uint8))[1].shape == (1, 1, 3)


class TestReading:
    LABELS = ("A", "B", "space")

    def test_in_the_order_of_numbers(self, tmp_path):
        (tmp_path / "A" / "more").mkdir(parents=True)
        for name in ("a10.png", "a2.png", "more/a1.png"):
            draw_own("A", 1).save(tmp_path / "A" / name)
        found = read_own_photos(tmp_path, self.LABELS).photos
        assert [Path(photo.name).name for photo in found] == ["a2.png", "a10.png", "a1.png"]
        assert {photo.label for photo in found} == {"A"}

    def test_capitals_do_not_matter_and_hidden_folders_neither(self, tmp_path):
        for name in ("a", "Space", ".git", "__MACOSX"):
            (tmp_path / name).mkdir()
            draw_own("A", 1).save(tmp_path / name / "1.png")
        assert [photo.label for photo in read_own_photos(tmp_path, self.LABELS).photos] == ["A", "space"]

    def test_an_unknown_folder_is_named(self, tmp_path):
        (tmp_path / "spce").mkdir()
        with pytest.raises(DataError, match="spce") as caught:
            read_own_photos(tmp_path, self.LABELS)
        assert "space" in caught.value.remedy

    def test_two_folders_of_one_letter(self, tmp_path):
        for name in ("a", "A"):
            (tmp_path / name).mkdir(exist_ok=True)
        if len(list(tmp_path.iterdir())) == 2:
            with pytest.raises(DataError, match="two folders for A"):
                read_own_photos(tmp_path, self.LABELS)

    def test_nothing_to_read(self, tmp_path):
        with pytest.raises(DataError, match="does not exist"):
            read_own_photos(tmp_path / "no", self.LABELS)
        (tmp_path / "file").write_text("x")
        with pytest.raises(DataError, match="is a file"):
            read_own_photos(tmp_path / "file", self.LABELS)
        (tmp_path / "A").mkdir()
        with pytest.raises(DataError, match="no photo that can be read"):
            read_own_photos(tmp_path, self.LABELS)

    def test_large_photos_are_reduced_and_cut_in_full_size(self, tmp_path):
        (tmp_path / "A").mkdir()
        draw_own("A", 1).resize((1600, 800)).save(tmp_path / "A/1.png")
        seen = []

        def cut(photo: np.ndarray) -> np.ndarray:
            seen.append(photo.shape)
            return photo[:, :800]

        whole, part = read_own_photos(tmp_path, self.LABELS), read_own_photos(tmp_path, self.LABELS, cut=cut)
        assert whole.photos[0].pixels.shape == (LONGEST // 2, LONGEST, 3)
        assert part.photos[0].pixels.shape == (LONGEST, LONGEST, 3)
        assert seen == [(800, 1600, 3)]
