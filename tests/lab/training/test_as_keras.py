"""Training as Keras's iterator would feed it: its order, its changes, and going on bit for bit.

That these are Keras's is shown in tests/parity/test_keras_augment.py; here is what the loop makes of them.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from fingerspell.lab import recipe as recipes
from fingerspell.lab.augment import POLICIES, Policy
from fingerspell.lab.data.manifest import scan
from fingerspell.lab.keras_augment import apply_one, draw_one
from fingerspell.lab.training import launch, loop
from fingerspell.lab.training.as_keras import AsKeras
from fingerspell.lab.training.gather import training_data
from fingerspell.lab.training.journal import read_journal
from fingerspell.lab.training.launch import Surroundings, additions_for, resume, split_for, start
from fingerspell.lab.training.run import RunFolder

torch.set_num_threads(1)
HERE = Path(__file__).parent


def draw_folder(folder: Path, labels: tuple[str, ...], seed: int, each: int) -> Path:
    """A bright bar whose place is the class, on noise; names in numbers, so that the walk is not by number."""
    numbers = np.random.default_rng(seed)
    for place, label in enumerate(labels):
        (folder / label).mkdir(parents=True)
        for number in range(1, each + 1):
            pixels = numbers.integers(0, 90, (32, 32, 3), dtype=np.uint8)
            pixels[9 * place + 2 : 9 * place + 8] += 130
            Image.fromarray(pixels).save(folder / label / f"{label}{number}.png")
    return folder


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Path:
    """A, B and del, spelt so that Keras's walk finds b after Del, where the alphabet has it before."""
    return draw_folder(tmp_path_factory.mktemp("photos") / "own", ("A", "b", "Del"), 0, 14)


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("photos") / "other", ("Del", "b"), 1, 11)


@pytest.fixture
def around(tmp_path) -> Surroundings:
    return Surroundings(tmp_path / "cache", device="cpu")


def recipe(**changes) -> recipes.Recipe:
    values = {
        "name": "small",
        "network": "notebook-v2",
        "augment": "C",
        "augment_as": "keras",
        "seed": 9,
        "split": {"by": "keras"},
        "preprocess": {"height": 32, "width": 32},
        "training": {"epochs": 3, "batch_size": 8},
    }
    return recipes.from_dict(values | changes)


def begin(settings: recipes.Recipe, own: Path, others: list[Path], out: Path, around: Surroundings) -> dict:
    split = split_for(settings, scan(own))
    additions = additions_for(settings, split, [scan(folder) for folder in others], around)
    return start(settings, split, RunFolder(out), around, additions)


@pytest.fixture
def watched(monkeypatch):
    """What each run works with, and each batch that a step gets: (photos, labels)."""
    data, batches = [], []
    given_by = loop.Trainer._batch

    def spied(self):
        given = given_by(self)
        batches.append((given.photos, given.labels))
        return given

    monkeypatch.setattr(launch, "training_data", lambda *given: data.append(training_data(*given)) or data[-1])
    monkeypatch.setattr(loop.Trainer, "_batch", spied)
    return data, batches


def test_steps_get_keras_order_and_pixels(own, around, tmp_path, watched):
    """Written down from the specification: walk, seed + batches seen, permutation, draws."""
    data, batches = watched
    settings = recipe(preprocess={"height": 32, "width": 32, "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4)})
    begin(settings, own, [], tmp_path / "run", around)
    split = split_for(settings, scan(own))
    train = [split.manifest.photos[index].path for index in split.indices("train")]
    walked = sorted(train)  # no subfolders, so by path: A, Del, b
    assert walked[0] == "A/A11.png"  # A1 and A10, the first two of 14, are held out
    assert walked != train
    labels = {"A": 0, "b": 1, "Del": 2}
    pixels = {path: np.asarray(Image.open(own / path)) for path in train}
    mean, std = np.float32([0.5, 0.4, 0.3]), np.float32([0.2, 0.3, 0.4])
    assert len(walked) == 36
    assert len(batches) == 3 * 5
    for seen, (photos, targets) in enumerate(batches):
        epoch, step = divmod(seen, 5)
        order = np.random.RandomState(9 + 5 * epoch).permutation(36)
        stream = np.random.RandomState(9 + seen)
        if step == 0:
            stream.permutation(36)
        some = [walked[index] for index in order[8 * step : 8 * step + 8]]
        changed = [apply_one(pixels[path], draw_one(POLICIES["C"], stream, 32, 32)) for path in some]
        expected = (np.stack(changed) * np.float32(1 / 255) - mean) / std
        assert np.allclose(photos.permute(0, 2, 3, 1).numpy(), expected, atol=1e-6)
        assert targets.tolist() == [labels[path.partition("/")[0]] for path in some]
    assert data[0].keras_walk.tolist() == [train.index(path) for path in walked]


def test_further_folders_come_after_each_in_its_own_walk(own, other, around, tmp_path, watched):
    (data, _) = watched
    begin(recipe(training={"epochs": 1, "batch_size": 8}), own, [other], tmp_path / "run", around)
    walk = data[0].keras_walk
    assert sorted(walk) == list(range(36 + 22))
    assert sorted(walk[:36]) == list(range(36))
    paths = [photo.path for photo in scan(other).photos]
    assert [paths[index - 36] for index in walk[36:]] == sorted(paths) != paths


def test_a_last_batch_of_one_is_left_out_but_counted(own, around, tmp_path, watched):
    """36 photos in batches of 7 or 5: 7 leaves one over, and Keras's sixth batch is passed by, not taken back."""
    _, batches = watched
    begin(recipe(training={"epochs": 2, "batch_size": 7}), own, [], tmp_path / "run", around)
    steps = [e for e in read_journal(RunFolder(tmp_path / "run").journal) if e["kind"] == "step"]
    assert len(steps) == len(batches) == 2 * 5
    source = AsKeras(POLICIES["C"], 9, 7, np.arange(36))
    stream = np.random.RandomState(9 + 6)
    assert source.order(1).tolist() == stream.permutation(36).tolist()
    assert source.draws(7, 1, 0, 32, 32)[0] == draw_one(POLICIES["C"], stream, 32, 32)


def test_the_recipes_mirror_is_kept_to(own, around, tmp_path, watched):
    """With nothing but mirroring switched off the photos come as they are."""
    _, batches = watched
    settings = recipe(augment="none", mirror=False, training={"epochs": 1, "batch_size": 8})
    assert settings.policy() == Policy()
    begin(settings, own, [], tmp_path / "still", around)
    begin(recipe(augment="none", mirror=True, training={"epochs": 1, "batch_size": 8}), own, [], tmp_path / "m", around)
    mirrored = 0
    for (still, _), (other, _) in zip(batches[:5], batches[5:], strict=True):
        for one, two in zip(still, other, strict=True):
            assert torch.equal(one, two) or torch.equal(one.flip(2), two)
            mirrored += not torch.equal(one, two)
    assert 8 < mirrored < 28


def test_the_intended_mode_is_untouched_by_the_walk(own, around, tmp_path, watched):
    data, batches = watched
    begin(recipe(augment_as="intended", training={"epochs": 1, "batch_size": 8}), own, [], tmp_path / "ours", around)
    begin(recipe(training={"epochs": 1, "batch_size": 8}), own, [], tmp_path / "keras", around)
    assert not any(torch.equal(one[0], two[0]) for one, two in zip(batches[:5], batches[5:], strict=True))
    assert sorted(torch.cat([labels for _, labels in batches[:5]]).tolist()) == sorted(data[0].train_labels.tolist())


def pause_after(around: Surroundings, count: int) -> Surroundings:
    asked = iter(range(10_000))
    return Surroundings(
        around.cache_folder, device="cpu", asked_to_stop=lambda: "enough" if next(asked) >= count else None
    )


@pytest.mark.parametrize("batch_size", [8, 7])
def test_paused_and_gone_on_equals_unbroken(own, other, around, tmp_path, batch_size):
    settings = recipe(training={"epochs": 3, "batch_size": batch_size}, plateau={"patience": 0})
    begin(settings, own, [other], tmp_path / "whole", around)
    state = begin(settings, own, [other], tmp_path / "parts", pause_after(around, 3))
    sittings = 1
    while state["status"] == "paused":
        state = resume(RunFolder.open(tmp_path / "parts"), pause_after(around, 4))
        sittings += 1
    assert sittings > 2
    for name in ("weights", "checkpoint"):
        whole, parts = (load_file(getattr(RunFolder(tmp_path / run), name)) for run in ("whole", "parts"))
        assert whole.keys() == parts.keys()
        assert all(torch.equal(whole[key], parts[key]) for key in whole)


def test_killed_at_random_moments_equals_unbroken():
    done = subprocess.run(
        [sys.executable, HERE / "killing.py", "--runs", "1", "--network", "notebook-v2", "--augment-as", "keras"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["augment_as"] == "keras"
    assert result["equal"] == [True]
    assert result["kills"][0] >= 2
