"""Runs that learn hands: paused ones go on bit for bit, the last weights are kept, and what is missing is said."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from typer.testing import CliRunner

from fingerspell.cli.main import app
from fingerspell.core.errors import RecipeError, TrainingError
from fingerspell.lab import recipe as recipes
from fingerspell.lab.data.manifest import scan
from fingerspell.lab.training.launch import Surroundings, resume, split_for, start
from fingerspell.lab.training.run import RunFolder

torch.set_num_threads(1)

SMALL = {
    "preprocess.height": 32,
    "preprocess.width": 32,
    "hand.packed": 48,
    "training.epochs": 3,
    "training.batch_size": 8,
    "split.guard": 0,
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Two classes told apart by where the bright bar is; 20 photos each."""
    folder, numbers = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for index, label in enumerate("AB"):
        (folder / label).mkdir()
        for number in range(20):
            pixels = numbers.integers(0, 90, (60, 60, 3), dtype=np.uint8)
            pixels[28 * index + 5 : 28 * index + 25] += 130
            Image.fromarray(pixels).save(folder / label / f"{label}{number}.png")
    return folder


@pytest.fixture(scope="module")
def landmarks(photos, tmp_path_factory) -> Path:
    path, numbers = tmp_path_factory.mktemp("known") / "landmarks.parquet", np.random.default_rng(1)
    rows = [
        {
            "sha256": photo.sha256,
            "landmarks": numbers.uniform(0.2, 0.8, 42).astype(np.float32).tolist(),
            "box": [0.15, 0.15, 0.85, 0.85],
            "handedness": ("right", "left")[index % 2],
        }
        for index, photo in enumerate(scan(photos).photos)
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.fixture(scope="module")
def around(tmp_path_factory) -> Surroundings:
    return Surroundings(tmp_path_factory.mktemp("cache"), device="cpu")


def recipe(**changes) -> recipes.Recipe:
    return recipes.read("hand", [], SMALL | {key.replace("__", "."): value for key, value in changes.items()})


def begin(settings, photos, landmarks, out, around) -> dict:
    split = split_for(settings, scan(photos))
    return start(settings, split, RunFolder(out), around, landmarks=[landmarks] if landmarks else [])


def test_a_whole_run_says_what_was_known(photos, landmarks, around, tmp_path):
    state = begin(recipe(), photos, landmarks, tmp_path / "run", around)
    assert state["status"] == "finished"
    known = state["data"]["landmarks"]
    assert known["known"] == known["photos"] == state["split"]["counts"]["train"]
    assert [its["file"] for its in known["files"]] == ["landmarks.parquet"]


def test_paused_and_gone_on_equals_unbroken(photos, landmarks, around, tmp_path):
    begin(recipe(), photos, landmarks, tmp_path / "whole", around)
    asked = iter([None] * 5 + ["enough"] + [None] * 1000)
    pausing = replace(around, asked_to_stop=lambda: next(asked), checkpoint_seconds=1e9)
    assert begin(recipe(), photos, landmarks, tmp_path / "broken", pausing)["status"] == "paused"
    assert resume(RunFolder(tmp_path / "broken"), around)["status"] == "finished"
    for name in ("weights.safetensors", "checkpoint.safetensors"):
        whole, broken = (load_file(tmp_path / run / name) for run in ("whole", "broken"))
        assert whole.keys() == broken.keys()
        assert all(torch.equal(whole[key], broken[key]) for key in whole)


def test_the_last_epochs_averaged_weights_are_kept(photos, landmarks, around, tmp_path):
    state = begin(recipe(), photos, landmarks, tmp_path / "run", around)
    assert state["best"]["epoch"] == 2
    kept = load_file(tmp_path / "run" / "weights.safetensors")
    last = load_file(tmp_path / "run" / "checkpoint.safetensors")
    assert all(torch.equal(kept[name], last[f"avg.{name}"]) for name in kept)
    assert not torch.equal(kept["output.weight"], last["net.output.weight"])


def test_another_table_of_landmarks_teaches_something_else(photos, landmarks, around, tmp_path):
    rows = pq.read_table(landmarks).to_pylist()
    other = tmp_path / "other.parquet"
    pq.write_table(pa.Table.from_pylist([row | {"landmarks": row["landmarks"][::-1]} for row in rows]), other)
    weights = []
    for name, file in (("one", landmarks), ("two", other)):
        begin(recipe(training__epochs=1), photos, file, tmp_path / name, around)
        weights.append(load_file(tmp_path / name / "weights.safetensors")["heat.weight"])
    assert not torch.equal(*weights)


def test_without_any_landmarks_it_says_how_to_get_some(photos, around, tmp_path):
    with pytest.raises(TrainingError, match="where the hand is") as caught:
        begin(recipe(), photos, None, tmp_path / "run", around)
    assert "--landmarks" in caught.value.remedy


def test_stopping_early_and_keeping_the_last_exclude_each_other():
    with pytest.raises(RecipeError, match="stops early and keeps the last"):
        recipes.read("hand", ["stopping.patience=3"])


@pytest.mark.parametrize("overrides", [["hand=none"], ["network=residual-small"], ["augment_as=keras"]])
def test_settings_that_do_not_fit_together(overrides):
    with pytest.raises(RecipeError, match=r"\[hand\]|framed by the hand"):
        recipes.read("hand", overrides)


def test_the_command(photos, landmarks, tmp_path):
    small = [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]
    common = ["--cache", str(tmp_path / "cache"), "--set", "training.epochs=1"]
    command = ["train", str(photos), *small, *common, "--landmarks", str(landmarks)]
    done = CliRunner().invoke(app, [*command, "--recipe", "hand", "--out", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "run" / "run.json").read_text())["data"]["landmarks"]["known"] > 0
    refused = CliRunner().invoke(app, [*command[:2], "--recipe", "quick", "--landmarks", str(landmarks)])
    assert refused.exit_code != 0
    assert "learns no landmarks" in str(refused.exception)
