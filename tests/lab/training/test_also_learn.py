"""Learning from further folders: they join the training part alone, and a run with them goes on bit for bit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from fingerspell.core.errors import DataError, TrainingError
from fingerspell.lab import recipe as recipes
from fingerspell.lab.data.cache import open_cache
from fingerspell.lab.data.manifest import scan
from fingerspell.lab.data.split import Split
from fingerspell.lab.training import launch
from fingerspell.lab.training.gather import training_data
from fingerspell.lab.training.journal import read_journal
from fingerspell.lab.training.launch import Surroundings, additions_for, resume, split_for, start
from fingerspell.lab.training.run import RunFolder

torch.set_num_threads(1)


def draw_folder(folder: Path, labels: str, seed: int, each: int) -> Path:
    """A bright bar whose place is the class, on noise; every seed gives other photos."""
    numbers = np.random.default_rng(seed)
    for label in labels:
        (folder / label).mkdir(parents=True)
        for number in range(each):
            pixels = numbers.integers(0, 90, (40, 40, 3), dtype=np.uint8)
            place = 12 * "ABC".index(label)
            pixels[place + 2 : place + 9] += 130
            Image.fromarray(pixels).save(folder / label / f"{label}{number}.jpg")
    return folder


@pytest.fixture
def own(tmp_path) -> Path:
    return draw_folder(tmp_path / "own", "ABC", seed=0, each=14)


@pytest.fixture
def others(tmp_path) -> list[Path]:
    return [draw_folder(tmp_path / "far", "AB", 1, each=9), draw_folder(tmp_path / "rendered", "ABC", 2, each=5)]


@pytest.fixture
def around(tmp_path) -> Surroundings:
    return Surroundings(tmp_path / "cache", device="cpu")


def recipe(**changes) -> recipes.Recipe:
    values = {
        "name": "small",
        "network": "residual-small",
        "augment": "C",
        "split": {"by": "block", "guard": 0.0},
        "preprocess": {"height": 32, "width": 32},
        "training": {"epochs": 3, "batch_size": 8, "learning_rate": 0.003},
    }
    return recipes.from_dict(values | changes)


def begin(own: Path, others: list[Path], out: Path, around: Surroundings, **changes) -> dict:
    settings = recipe(**changes)
    split = split_for(settings, scan(own))
    additions = additions_for(settings, split, [scan(folder) for folder in others], around)
    return start(settings, split, RunFolder(out), around, additions)


def paused(around: Surroundings, after: int) -> Surroundings:
    asked = iter(range(10_000))
    return Surroundings(
        around.cache_folder, device="cpu", asked_to_stop=lambda: "enough" if next(asked) >= after else None
    )


def used_data(monkeypatch) -> list:
    """The data that each run works with, as it is gathered."""
    seen = []
    monkeypatch.setattr(launch, "training_data", lambda *given: seen.append(training_data(*given)) or seen[-1])
    return seen


def test_additions_join_the_training_part_alone(own, others, around, tmp_path, monkeypatch):
    seen = used_data(monkeypatch)
    begin(own, [], tmp_path / "alone", around, training={"epochs": 1, "batch_size": 8})
    state = begin(own, others, tmp_path / "more", around, training={"epochs": 1, "batch_size": 8})
    alone, more = seen
    count = len(alone.train_rows)
    assert len(more.train_rows) == count + 18 + 15
    assert len(set(more.train_ids.tolist())) == len(more.train_ids)
    for name in ("rows", "labels"):
        assert np.array_equal(getattr(alone, f"val_{name}"), getattr(more, f"val_{name}"))
        assert np.array_equal(getattr(alone, f"train_{name}"), getattr(more, f"train_{name}")[:count])
    assert (tmp_path / "alone/split.json").read_bytes() == (tmp_path / "more/split.json").read_bytes()
    assert "also_learnt" not in RunFolder(tmp_path / "alone").read_state()["provenance"]["digests"]
    assert not RunFolder(tmp_path / "alone").also_learnt.exists()
    steps = [entry for entry in read_journal(RunFolder(tmp_path / "more").journal) if entry["kind"] == "step"]
    assert len(steps) == -(-(count + 33) // 8)
    assert state["labels"] == ["A", "B", "C"]


def test_each_photo_keeps_its_pixels_and_label(own, others, around, tmp_path, monkeypatch):
    """The bar in the pixels that a step gets stands where its label says, for photos of all folders."""
    seen = used_data(monkeypatch)
    begin(own, others, tmp_path / "run", around, training={"epochs": 1, "batch_size": 8})
    (data,) = seen
    shown = data.pixels[data.train_rows].astype(float).mean(axis=(2, 3)).argmax(axis=1) * 40 // 32 // 12
    assert shown.tolist() == data.train_labels.tolist()
    first = scan(others[0])
    cache = open_cache(first, recipe().preprocess.spec(), around.cache_folder)
    its = data.pixels[data.train_rows[-33:-15]]
    assert np.array_equal(its, cache.pixels[[cache.rows[photo.path] for photo in first.photos]])


def test_what_was_learnt_is_recorded(own, others, around, tmp_path):
    (others[0] / "A" / "torn.jpg").write_text("no photo")
    (others[1] / "K").mkdir()
    shutil.copy(others[1] / "A" / "A0.jpg", others[1] / "K" / "K0.jpg")
    state = begin(own, others, tmp_path / "run", around, training={"epochs": 1, "batch_size": 8})
    far, rendered = state["data"]["also_learnt"]
    additions = RunFolder(tmp_path / "run").read_additions()
    assert far == {
        "folder": str(others[0].resolve()),
        "digest": additions[0].digest,
        "photos": 18,
        "left_out_counts": {"damaged": 1},
    }
    assert (rendered["photos"], rendered["left_out_counts"]) == (
        15,
        {"its label is none of the folder that the split is of": 1},
    )
    assert state["data"]["photos"] == 42
    assert len(state["provenance"]["digests"]["also_learnt"]) == 64
    assert state["data"]["damaged"] == []


@pytest.mark.parametrize("network", ["residual-small", "notebook-v5"])
def test_paused_and_gone_on_equals_unbroken(own, others, around, tmp_path, network):
    settings = {"network": network, "plateau": {"patience": 0}, "stopping": {"patience": 2}}
    begin(own, others, tmp_path / "whole", around, **settings)
    state = begin(own, others, tmp_path / "parts", paused(around, 3), **settings)
    sittings = 1
    while state["status"] == "paused":
        state = resume(RunFolder.open(tmp_path / "parts"), paused(around, 6))
        sittings += 1
    assert sittings > 2
    for name in ("weights", "checkpoint"):
        whole, parts = (load_file(getattr(RunFolder(tmp_path / run), name)) for run in ("whole", "parts"))
        assert whole.keys() == parts.keys()
        assert all(torch.equal(whole[key], parts[key]) for key in whole)


def change_a_photo(folder: Path) -> None:
    shutil.copy(folder / "B" / "B1.jpg", folder / "A" / "A1.jpg")


def remove_a_photo(folder: Path) -> None:
    (folder / "A" / "A1.jpg").unlink()


def add_a_photo(folder: Path) -> None:
    shutil.copy(folder / "A" / "A1.jpg", folder / "A" / "A99.jpg")


@pytest.mark.parametrize("change", [change_a_photo, remove_a_photo, add_a_photo])
def test_a_changed_folder_is_refused(own, others, around, tmp_path, change):
    begin(own, others, tmp_path / "run", paused(around, 3))
    change(others[1])
    with pytest.raises(TrainingError, match="rendered, which this run also learns from, have changed"):
        resume(RunFolder.open(tmp_path / "run"), around)
    assert RunFolder(tmp_path / "run").read_state()["status"] == "paused"


def test_a_changed_record_is_refused(own, others, around, tmp_path):
    begin(own, others, tmp_path / "run", paused(around, 3))
    begin(own, others[:1], tmp_path / "fewer", around, training={"epochs": 1, "batch_size": 8})
    run = RunFolder.open(tmp_path / "run")
    shutil.copy(RunFolder(tmp_path / "fewer").also_learnt, run.also_learnt)
    with pytest.raises(TrainingError, match="does not name the photos"):
        resume(run, around)
    run.also_learnt.unlink()
    with pytest.raises(DataError, match=r"also-learnt\.json cannot be read"):
        resume(run, around)


def test_a_folder_that_is_gone_is_served_by_its_packed_photos(own, others, around, tmp_path):
    begin(own, others, tmp_path / "whole", around)
    begin(own, others, tmp_path / "parts", paused(around, 3))
    shutil.rmtree(others[0])
    state = resume(RunFolder.open(tmp_path / "parts"), around)
    assert state["status"] == "finished"
    whole, parts = (load_file(RunFolder(tmp_path / run).weights) for run in ("whole", "parts"))
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
    begin(own, others[1:], tmp_path / "third", paused(around, 3))
    shutil.rmtree(others[1])
    shutil.rmtree(around.cache_folder)
    with pytest.raises(DataError, match="none of 15 photos could be decoded"):
        resume(RunFolder.open(tmp_path / "third"), around)


def test_photos_without_a_row_are_not_passed_over(own, others, around, tmp_path):
    """A run gone on with fewer photos than it began with would not be the same run."""
    spec = recipe().preprocess.spec()
    split: Split = split_for(recipe(), scan(own))
    cache = open_cache(split.manifest, spec, around.cache_folder)
    (addition,) = additions_for(recipe(), split, [scan(others[0])], around)
    (others[0] / "A" / "A3.jpg").write_text("no photo any more")
    shutil.rmtree(around.cache_folder)
    packed = open_cache(addition.manifest, spec, around.cache_folder)
    with pytest.raises(TrainingError, match=r"1 photos of .*far can no longer be read, first A/A3\.jpg"):
        training_data(split, cache, ("A", "B", "C"), [(addition, packed)])


def test_a_run_of_before_has_no_additions(own, around, tmp_path):
    begin(own, [], tmp_path / "run", paused(around, 2))
    run = RunFolder.open(tmp_path / "run")
    state = json.loads(run.state.read_text())
    del state["data"]["also_learnt"]
    run.state.write_text(json.dumps(state))
    assert run.read_additions() == ()
    assert resume(run, around)["status"] == "finished"
