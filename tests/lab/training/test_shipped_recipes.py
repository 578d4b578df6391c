"""Every recipe that comes with the package trains: two steps on made-up photos, at a small size."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from fingerspell.lab import recipe as recipes
from fingerspell.lab.data.manifest import Manifest, scan
from fingerspell.lab.training.journal import read_journal
from fingerspell.lab.training.launch import Surroundings, split_for, start
from fingerspell.lab.training.run import RunFolder

torch.set_num_threads(1)


def landmarks_of(manifest: Manifest, path: Path) -> Path:
    """A table that gives every second photo landmarks."""
    marks = np.linspace(0.2, 0.8, 42, dtype=np.float32).tolist()
    some = [photo.sha256 for photo in manifest.photos[::2]]
    rows = [{"sha256": its, "landmarks": marks, "box": [0.1, 0.1, 0.9, 0.9], "handedness": "right"} for its in some]
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.mark.parametrize("name", recipes.shipped())
def test_two_steps(name, tmp_path):
    numbers = np.random.default_rng(0)
    for label in "AB":
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(15):
            pixels = numbers.integers(0, 255, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{label}{number}.png")
    small = {"preprocess.height": 32, "preprocess.width": 32, "training.epochs": 1, "training.batch_size": 11}
    settings = recipes.read(name, [], small | {"split.by": "random"})
    run, split = RunFolder(tmp_path / "run"), split_for(settings, scan(tmp_path / "photos"))
    around, known = Surroundings(tmp_path / "cache", "cpu"), []
    if settings.hand is not None:
        known = [landmarks_of(split.manifest, tmp_path / "landmarks.parquet")]
    first = None
    if settings.training.remember:  # it goes on from another run
        first = RunFolder(tmp_path / "first")
        fresh = recipes.read(name, ["training.remember=0"], small | {"split.by": "random"})
        start(fresh, split, first, around, landmarks=known)
    state = start(settings, split, run, around, landmarks=known, begin_with=first)
    assert state["status"] == "finished"
    assert [entry["kind"] for entry in read_journal(run.journal)] == ["step", "step", "epoch"]
    assert run.weights.stat().st_size > 1000


def test_cyclic_as_the_notebook_names_it_for_v5(tmp_path):
    """The alternative that v5's header tells people to type."""
    overrides = ["plateau=none", "cyclic.base=1e-4", "cyclic.top=2e-3", "cyclic.half_cycle=4"]
    settings = recipes.read("notebook-v5", overrides)
    assert settings.plateau is None
    assert settings.cyclic is not None
    assert settings.cyclic.top == 0.002
