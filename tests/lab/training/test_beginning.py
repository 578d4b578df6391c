"""A run that begins with the weights of another: they are its own, it goes on bit for bit, and no photo leaks."""

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
from fingerspell.lab.evaluate import evaluate_split
from fingerspell.lab.nets.model import Model
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


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("begun")
    draw_folder(folder / "own", "ABC", 0, each=14)
    draw_folder(folder / "far", "ABC", 1, each=9)
    begin(folder, "first", ["far"], training={"epochs": 2, "batch_size": 8, "learning_rate": 0.003})
    return folder


def recipe(**changes) -> recipes.Recipe:
    values = {
        "name": "small",
        "network": "residual-small",
        "augment": "C",
        "split": {"by": "block", "guard": 0.0},
        "preprocess": {"height": 32, "width": 32},
        "training": {"epochs": 2, "batch_size": 8, "learning_rate": 1e-6},
    }
    return recipes.from_dict(values | changes)


def begin(
    places: Path, name: str, others: list[str], first: str | None = None, pause_after: int | None = None, **changes
) -> dict:
    asked = iter(range(10_000))
    stop = (lambda: None) if pause_after is None else (lambda: "enough" if next(asked) >= pause_after else None)
    around = Surroundings(places / "cache", device="cpu", asked_to_stop=stop)
    settings = recipe(**changes)
    split = split_for(settings, scan(places / "own"))
    additions = additions_for(settings, split, [scan(places / other) for other in others], around)
    begin_with = None if first is None else RunFolder.open(places / first)
    return start(settings, split, RunFolder(places / name), around, additions, (), begin_with)


def weights_of(places: Path, name: str) -> dict[str, torch.Tensor]:
    return load_file(RunFolder(places / name).weights)


def first_loss(places: Path, name: str) -> float:
    return next(entry["loss"] for entry in read_journal(RunFolder(places / name).journal) if entry["kind"] == "step")


def test_it_begins_where_the_other_ended(places):
    """At a learning rate of next to nothing the weights stay those of the other run; fresh ones are far from them."""
    state = begin(places, "second", ["far"], "first")
    begin(places, "fresh", ["far"])
    first, second, fresh = (weights_of(places, name) for name in ("first", "second", "fresh"))
    learnt = [name for name in first if name.endswith("weight") and first[name].ndim == 4]
    assert learnt
    for name in learnt:
        assert torch.allclose(first[name], second[name], atol=1e-3)
        assert not torch.allclose(first[name], fresh[name], atol=1e-2)
    assert first_loss(places, "second") < first_loss(places, "fresh")
    told = state["began_with"]
    assert (told["recipe_name"], told["epochs_done"], Path(told["run"]).name) == ("small", 2, "first")
    assert "began_with" not in RunFolder(places / "fresh").read_state()


def test_paused_and_gone_on_equals_unbroken_though_the_other_run_is_gone(places):
    settings = {"training": {"epochs": 2, "batch_size": 8, "learning_rate": 0.003}, "seed": 3}
    begin(places, "whole", ["far"], "first", **settings)
    shutil.copytree(places / "first", places / "passing")
    assert begin(places, "parts", ["far"], "passing", pause_after=0, **settings)["status"] == "paused"
    shutil.rmtree(places / "passing")
    run = RunFolder(places / "parts")
    run.checkpoint.unlink()  # killed before the first one: only the run's own copy of the weights is left
    assert resume(run, Surroundings(places / "cache", device="cpu"))["status"] == "finished"
    whole, parts = weights_of(places, "whole"), weights_of(places, "parts")
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_other_weights_than_it_began_with_are_refused(places):
    assert begin(places, "touched", ["far"], "first", pause_after=0)["status"] == "paused"
    begin(places, "another", ["far"])
    run = RunFolder(places / "touched")
    shutil.copy(RunFolder(places / "another").weights, run.beginning)
    with pytest.raises(TrainingError, match="is not the file of weights that this run began with"):
        resume(run, Surroundings(places / "cache", device="cpu"))


def test_what_it_learnt_beside_may_not_be_left_out(places):
    """`far` might be what the new run is judged by."""
    with pytest.raises(TrainingError, match="has learnt from 27 photos that the new run does not learn from"):
        begin(places, "leaky", [], "first")
    assert not (places / "leaky").exists()


def test_another_split_of_the_same_folder_is_refused(places):
    """Some of its training photos would be held out now."""
    with pytest.raises(TrainingError, match="photos that the new run does not learn from"):
        begin(places, "leaky", ["far"], "first", split={"by": "random", "seed": 5})


def test_more_may_be_learnt_than_before(places):
    draw_folder(places / "more", "ABC", 7, each=4)
    assert begin(places, "grown", ["far", "more"], "first")["status"] == "finished"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"network": "notebook-v3"}, "the network of .*first is residual-small"),
        ({"preprocess": {"height": 40, "width": 40}}, "the input of .*first is PreprocessSpec"),
    ],
)
def test_another_network_or_input_is_refused(places, changes, said):
    with pytest.raises(TrainingError, match=said):
        begin(places, "other", ["far"], "first", **changes)


def test_a_run_without_weights_or_from_elsewhere_is_refused(places):
    assert begin(places, "unborn", ["far"], pause_after=0)["status"] == "paused"
    with pytest.raises(DataError, match="has no weights yet"):
        begin(places, "never", ["far"], "unborn")
    imported = RunFolder(places / "imported")
    shutil.copytree(places / "first", imported.path)
    imported.state.write_text(json.dumps(imported.read_state() | {"status": "imported"}))
    with pytest.raises(TrainingError, match="was imported"):
        begin(places, "never", ["far"], "imported")
    assert not (places / "never").exists()


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_the_weights_kept_are_drawn_back_to_those_begun_with(places, average):
    """With `remember` 0.25: a quarter of the old, three quarters of the new; the steps themselves are not touched."""
    training = {"epochs": 1, "batch_size": 8, "learning_rate": 0.003, "average": average}
    name = f"drawn-{average}"
    begin(places, f"free-{average}", ["far"], "first", training=training)
    begin(places, name, ["far"], "first", training=training | {"remember": 0.25})
    old, free, drawn = (weights_of(places, its) for its in ("first", f"free-{average}", name))
    moved = [its for its in old if old[its].is_floating_point() and not torch.equal(old[its], free[its])]
    assert moved
    for its in moved:
        assert torch.allclose(drawn[its], 0.25 * old[its] + 0.75 * free[its], atol=1e-6)
    ends = [load_file(RunFolder(places / its).checkpoint) for its in (f"free-{average}", name)]
    assert all(torch.equal(ends[0][its], ends[1][its]) for its in ends[0])


def test_what_is_validated_is_what_is_kept(places):
    training = {"epochs": 1, "batch_size": 8, "learning_rate": 0.003, "remember": 0.9}
    begin(places, "judged", ["far"], "first", training=training)
    run = RunFolder(places / "judged")
    (said,) = [entry["val_accuracy"] for entry in read_journal(run.journal) if entry["kind"] == "epoch"]
    split, model = Split.load(run.split), Model.load(run.weights)
    cache = open_cache(split.manifest, model.preprocess, places / "cache")
    judged = evaluate_split(model, split, cache, "val")
    assert np.mean(judged.probabilities.argmax(axis=1) == judged.truth) == pytest.approx(said)


def test_nothing_to_remember_is_an_error(places):
    with pytest.raises(TrainingError, match="keeps 50% of the weights that a run begins with"):
        begin(places, "never", ["far"], training={"epochs": 1, "batch_size": 8, "remember": 0.5})
    assert not (places / "never").exists()
