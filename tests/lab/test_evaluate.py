"""Scoring a model over parts and folders, and above all what must never be scored."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from fingerspell.core.errors import DataError
from fingerspell.lab.data.cache import open_cache
from fingerspell.lab.data.manifest import scan
from fingerspell.lab.data.split import make_split
from fingerspell.lab.evaluate import (
    evaluate_folder,
    evaluate_split,
    held_out_part,
    probabilities,
    recording_stretches,
)
from fingerspell.lab.sources import evaluation_json, hardest_first, write_evaluation


@pytest.fixture
def trained(tmp_path, photos):
    """A block split of 4 × 20 photos."""
    return make_split(scan(photos.folder(tmp_path / "own")), "block", guard=0.05)


def score_split(model, split, tmp_path, part=None):
    return evaluate_split(model, split, open_cache(split.manifest, model.preprocess, tmp_path / "cache"), part)


def copy_photos(split, part, target):
    for index in split.indices(part):
        path = split.manifest.photos[index].path
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(split.manifest.root / path, target / path.replace(".png", "-copy.png"))


def test_probabilities_do_not_depend_on_the_batch_and_leave_the_mode(by_colour):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)
    by_colour.net.train()
    told = []
    whole = probabilities(by_colour, pixels, range(7))
    pieces = probabilities(by_colour, pixels, range(7), 3, device="cpu", progress=lambda *said: told.append(said))
    assert by_colour.net.training
    assert whole.dtype == np.float32
    assert whole.shape == (7, 4)
    assert whole == pytest.approx(pieces, abs=1e-6)
    assert whole.sum(axis=1) == pytest.approx(1)
    assert [said[1:] for said in told] == [(3, 7), (6, 7), (7, 7)]


def test_probabilities_follow_the_rows(by_colour):
    pixels = np.zeros((3, 32, 32, 3), dtype=np.uint8)
    pixels[..., 0] = np.array([20, 120, 170])[:, None, None]
    assert probabilities(by_colour, pixels, [2, 0, 1]).argmax(axis=1).tolist() == [3, 0, 2]


def test_a_batch_norm_network_is_scored_in_evaluation_mode(runs, photos, tmp_path):
    from fingerspell.lab.nets.model import Model

    model = Model.load(runs.make(tmp_path / "run", photos.folder(tmp_path / "own")).weights)
    model.net.train()
    pixels = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    before = {name: value.clone() for name, value in model.net.state_dict().items()}
    alone = probabilities(model, pixels, [4])
    assert alone[0] == pytest.approx(probabilities(model, pixels, range(6))[4], abs=1e-5)
    assert all((before[name] == value).all() for name, value in model.net.state_dict().items())


def test_the_held_out_part_is_scored_with_its_blocks_as_groups(by_colour, trained, tmp_path):
    result = score_split(by_colour, trained, tmp_path)
    test = trained.indices("test")
    assert result.photos == len(test) == 16
    assert result.paths == tuple(trained.manifest.photos[index].path for index in test)
    assert result.groups == tuple(trained.blocks[index] for index in test)
    assert result.scores.accuracy == 1.0
    assert result.scores.groups == 8
    assert (result.strategy, result.part, result.hardness) == ("block", "test", 1)
    assert result.description.startswith("Test part of the block split of own: stretches")
    assert result.labels_missing == ()
    assert result.pixels([0, 1]).shape == (2, 32, 32, 3)
    assert result.pixels([5])[0, 9, 9, 0] == 20 + 50 * result.truth[5]


def test_a_split_without_a_test_part_is_judged_by_val_and_says_so(by_colour, trained, tmp_path):
    split = make_split(trained.manifest, "keras")
    assert held_out_part(split) == "val"
    result = score_split(by_colour, split, tmp_path)
    assert result.photos == split.counts["val"]
    assert result.description.startswith("Validation part of Keras's own split of own")
    assert "chose the epoch" in result.description
    assert "flatters" in result.description
    assert result.hardness == 0


@pytest.mark.parametrize(("part", "words"), [("train", "learnt from"), ("val", "chose the epoch")])
def test_other_parts_say_what_they_are(by_colour, trained, tmp_path, part, words):
    result = score_split(by_colour, trained, tmp_path, part)
    assert result.photos == trained.counts[part]
    assert words in result.description


def test_a_copy_of_a_training_photo_in_the_test_part_is_left_out(by_colour, trained, tmp_path):
    photos = trained.manifest.photos
    source, target = photos[trained.indices("train")[0]].path, photos[trained.indices("test")[-1]].path
    root = trained.manifest.root
    assert source[0] != target[0]
    shutil.copy(root / source, root / target)
    result = score_split(by_colour, make_split(scan(root), "block", guard=0.05), tmp_path)
    assert result.photos == 15
    assert [item.path for item in result.left_out] == [target]
    assert "learnt" in result.left_out[0].reason


def test_a_damaged_photo_is_counted_not_scored(by_colour, trained, tmp_path):
    path = trained.manifest.photos[trained.indices("test")[0]].path
    (trained.manifest.root / path).write_bytes(b"no photo")
    result = score_split(by_colour, make_split(scan(trained.manifest.root), "block", guard=0.05), tmp_path)
    assert result.photos == 15
    assert result.left_out_counts == {"damaged": 1}


def test_another_folder_is_another_collection(by_colour, trained, photos, tmp_path):
    other = photos.folder(tmp_path / "other", start=500, labels=("A", "B", "C"))
    photos.write(other / "A" / "A99.png", "B", 999)  # an A that looks like B
    photos.write(other / "K" / "K1.png", "A", 998)
    result = evaluate_folder(by_colour, other, tmp_path / "cache", trained)
    assert result.photos == 61
    assert result.scores.accuracy == 60 / 61
    assert [(pair.truth, pair.said) for pair in result.scores.pairs] == [("A", "B")]
    assert result.left_out_counts == {"its label is none that the model knows": 1}
    assert result.labels_missing == ("J",)
    assert result.hardness == 3
    assert result.description.startswith("Another collection, other: the recogniser learnt from own")
    assert result.scores.groups == 15


def test_what_the_run_has_seen_is_never_scored(by_colour, trained, photos, tmp_path):
    """Copies under other names of train, val and guard photos stay out; those of test and new photos are scored."""
    mixed = photos.folder(tmp_path / "mixed", start=500, each=3)
    for part in ("train", "val", "guard", "test"):
        copy_photos(trained, part, mixed)
    result = evaluate_folder(by_colour, mixed, tmp_path / "cache", trained)
    counts = trained.counts
    assert counts["guard"] > 0
    assert result.photos == 12 + counts["test"]
    seen = {p.sha256 for i, p in enumerate(trained.manifest.photos) if trained.parts[i] != "test"}
    scored = {p.path: p.sha256 for p in scan(mixed).photos}
    assert not seen & {scored[path] for path in result.paths}
    reasons = result.left_out_counts
    assert sorted(reasons.values()) == sorted([counts["train"], counts["val"], counts["guard"]])
    assert result.hardness == 0  # it is no other collection
    assert "shares 80 photos" in result.description
    assert "flatters" in result.description


def test_a_photo_that_stands_in_train_and_test_counts_as_learnt(by_colour, trained, tmp_path, photos):
    root = trained.manifest.root
    path = trained.manifest.photos[trained.indices("test")[0]].path
    learnt = next(trained.manifest.photos[i] for i in trained.indices("train") if path[0] != "B")
    shutil.copy(root / learnt.path, root / path)
    split = make_split(scan(root), "block", guard=0.05)
    other = photos.folder(tmp_path / "other", start=500, each=30)
    shutil.copy(root / path, other / "A" / "A77.png")
    result = evaluate_folder(by_colour, other, tmp_path / "cache", split)
    assert result.photos == 120
    assert result.hardness == 3  # one shared photo of 121 makes no overlap
    assert "1 shared" in result.description


def test_the_folder_the_run_was_trained_on_gives_its_held_out_part(by_colour, trained, tmp_path):
    moved = trained.manifest.root.rename(tmp_path / "elsewhere")
    result = evaluate_folder(by_colour, moved, tmp_path / "cache", make_split(scan(moved), "block", guard=0.05))
    assert (result.photos, result.part, result.strategy) == (16, "test", "block")
    keras = make_split(scan(moved), "keras")
    assert evaluate_folder(by_colour, moved, tmp_path / "cache", keras).part == "val"


def test_a_folder_of_nothing_but_test_photos_is_filed_under_the_split(by_colour, trained, tmp_path):
    copy_photos(trained, "test", tmp_path / "held")
    result = evaluate_folder(by_colour, tmp_path / "held", tmp_path / "cache", trained)
    assert (result.photos, result.hardness) == (16, 1)
    assert "test part of the run's block split" in result.description


def test_nothing_left_to_score_is_an_error_that_says_why(by_colour, trained, tmp_path):
    copy_photos(trained, "train", tmp_path / "seen")
    with pytest.raises(DataError, match="the run learnt from this very photo"):
        evaluate_folder(by_colour, tmp_path / "seen", tmp_path / "cache", trained)


def test_without_a_split_nothing_is_claimed(by_colour, photos, tmp_path):
    result = evaluate_folder(by_colour, photos.folder(tmp_path / "some"), tmp_path / "cache")
    assert result.hardness == 0
    assert "may have seen" in result.description


def test_stretches_are_contiguous_and_in_order_of_number(photos, tmp_path):
    manifest = scan(photos.folder(tmp_path / "some", each=12, labels=("A", "B")))
    groups = recording_stretches(manifest)
    by_number = sorted(
        (photo.number, group) for photo, group in zip(manifest.photos, groups, strict=True) if photo.label == "A"
    )
    names = [group for _, group in by_number]
    assert names == sorted(names)
    assert [names.count(f"A/{place}") for place in range(5)] == [3, 2, 3, 2, 2]
    assert len(set(groups)) == 10
    few = scan(photos.folder(tmp_path / "few", each=2, labels=("A", "B")))
    assert sorted(recording_stretches(few)) == ["A/0", "A/1", "B/0", "B/1"]


def test_hardest_first_goes_by_kind_then_by_accuracy(by_colour, trained, photos, tmp_path):
    easy = evaluate_folder(by_colour, photos.folder(tmp_path / "easy", start=500), tmp_path / "cache", trained)
    hard = photos.folder(tmp_path / "hard", start=700)
    photos.write(hard / "A" / "A99.png", "C", 998)
    harder = evaluate_folder(by_colour, hard, tmp_path / "cache", trained)
    own = score_split(by_colour, trained, tmp_path)
    assert [result.name for result in hardest_first([own, easy, harder])] == [
        "hard",
        "easy",
        "own (test part, block split)",
    ]


def test_the_evaluation_file_holds_scores_and_every_answer(by_colour, trained, photos, tmp_path):
    other = photos.folder(tmp_path / "other", start=500)
    photos.write(other / "A" / "A99.png", "B", 999)
    results = [
        score_split(by_colour, trained, tmp_path),
        evaluate_folder(by_colour, other, tmp_path / "cache", trained),
    ]
    path = tmp_path / "evaluation.json"
    write_evaluation(path, results, {"network": "by-colour", "best": None})
    values = json.loads(path.read_text())
    assert values["format"] == "fingerspell-evaluation/1"
    assert values["run"]["network"] == "by-colour"
    first, second = values["sources"]
    assert (first["name"], first["other_collection"], first["part"]) == ("other", True, None)
    assert (second["part"], second["strategy"], second["photos"]) == ("test", "block", 16)
    answers = first["predictions"]
    place = answers["path"].index("A/A99.png")
    assert (answers["truth"][place], answers["said"][place]) == ("A", "B")
    assert answers["confidence"][place] > 0.9 > answers["probability_of_truth"][place]
    assert {len(column) for column in answers.values()} == {81}
    assert str(tmp_path) not in path.read_text()
    assert evaluation_json(results, {})["sources"][0]["scores"]["accuracy"] == 80 / 81
