"""Photos whose colour is their label, a network that reads it, and a whole run folder around a real network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from fingerspell.core.preprocess import PreprocessSpec
from fingerspell.core.provenance import provenance
from fingerspell.lab.data.manifest import scan
from fingerspell.lab.data.split import make_split
from fingerspell.lab.nets.blocks import Network
from fingerspell.lab.nets.model import Model
from fingerspell.lab.training.run import RunFolder

LABELS = ("A", "B", "C", "J")
SPEC = PreprocessSpec(32, 32)


class ByColour(Network):
    """Names the label whose red, 20 + 50·place, is nearest to the photo's mean red."""

    def __init__(self) -> None:
        super().__init__()
        self.targets = torch.nn.Parameter(torch.tensor([20.0, 70.0, 120.0, 170.0]))

    def features(self, photos: Tensor) -> Tensor:
        return photos[:, 0].mean(dim=(1, 2))[:, None] * 255

    def classify(self, features: Tensor) -> Tensor:
        return -((features - self.targets) ** 2) / 400


@pytest.fixture
def by_colour() -> Model:
    return Model("by-colour", LABELS, SPEC, ByColour())


@pytest.fixture(scope="session")
def shared_by_colour() -> Model:
    """The same for fixtures that live longer than a test; nobody changes it."""
    return Model("by-colour", LABELS, SPEC, ByColour())


@pytest.fixture
def one_thread():
    """Tiny networks lose more time by waiting for a second thread than they win."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def blank_figures(monkeypatch) -> None:
    """Figures without drawing: most of a page's time goes there."""
    monkeypatch.setattr("fingerspell.lab.figures._svg", lambda *_: "data:image/svg+xml;base64,PHN2Zy8+")


class Photos:
    """Writes PNG photos; each has a content of its own, the same arguments give the same content."""

    def write(self, path: Path, colour: str, unique: int) -> None:
        pixels = np.full((32, 32, 3), 90, dtype=np.uint8)
        pixels[:, :, 0] = 20 + 50 * LABELS.index(colour)
        pixels[0, 0] = (unique % 251, unique // 251, 7)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)

    def folder(self, place: Path, *, each: int = 20, start: int = 0, labels: tuple[str, ...] = LABELS) -> Path:
        for label in labels:
            for number in range(1, each + 1):
                self.write(place / label / f"{label}{number}.png", label, start + number)
        return place


@pytest.fixture(scope="session")
def photos() -> Photos:
    return Photos()


class Runs:
    """Makes run folders as training leaves them, around a real network with random weights."""

    def make(self, path: Path, folder: Path, *, strategy: str = "block", seed: int = 0, **changes: object) -> RunFolder:
        split = make_split(scan(folder), strategy, seed=seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            model = Model.fresh("residual-small", split.manifest.labels, SPEC)
        run = RunFolder(path)
        path.mkdir(parents=True)
        split.save(run.split)
        model.save(run.weights)
        run.write_state({**_state(split), **changes})
        epochs = [_epoch(0, 0.4, 2.0), _epoch(1, 0.9, 3.0), _epoch(2, 0.8, 9.0)]
        run.journal.write_text("".join(json.dumps(entry) + "\n" for entry in epochs) + '{"kind": "epo')
        return run


def _state(split):
    return {
        "status": "finished",
        "reason": "all epochs done",
        "network": "residual-small",
        "recipe_name": "tiny",
        "recipe": {"training": {"epochs": 3}},
        "labels": list(split.manifest.labels),
        "parameters": 123456,
        "epochs_done": 3,
        "best": {"epoch": 1, "val_accuracy": 0.9},
        "seconds": 14.0,
        "split": {
            "strategy": split.strategy,
            "seed": split.seed,
            "digest": split.digest,
            "counts": dict(split.counts),
        },
        "data": {
            "folder": str(split.manifest.root),
            "digest": split.manifest.digest,
            "photos": len(split.manifest.photos),
            "left_out": [{"path": "notes.txt", "reason": "not a photo ending (.txt)"}],
            "damaged": [{"path": "A/broken.png", "reason": "not a <readable> image"}],
        },
        "provenance": provenance(seed=0, data=split.manifest.digest),
    }


def _epoch(number, accuracy, seconds):
    return {
        "kind": "epoch",
        "epoch": number,
        "train_loss": 1.0 / (number + 1),
        "train_accuracy": accuracy,
        "val_loss": None if number == 0 else 1.1,
        "val_accuracy": accuracy,
        "lr": 0.001,
        "seconds": seconds,
        "photos_per_second": 10.0,
        "best": number == 1,
    }


@pytest.fixture(scope="session")
def runs() -> Runs:
    return Runs()
