"""Shared fixtures: small folders of photos that can be learnt, the real photos if there, a tiny run and its bundle."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from fingerspell.core.alphabet import LABELS

if TYPE_CHECKING:
    from fingerspell.lab.data.manifest import Manifest
    from fingerspell.lab.nets.model import Model

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"

os.environ["COLUMNS"] = "200"  # what the command line prints must not depend on the terminal that runs the tests


@pytest.fixture
def shared_data() -> Path:
    """Folder of real photos, which is not part of the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no real photos beside the repository (../shared/data)")
    return SHARED_DATA


def draw_photo(label: str, number: int = 0, side: int = 32) -> Image.Image:
    """A bright bar before a tinted ground: its place and the tint tell the label, a little noise the frame."""
    index = LABELS.index(label)
    noise = np.random.default_rng([index, number]).integers(0, 24, (side, side, 3))
    tint = np.array([37 * index % 160, 71 * index % 160, 113 * index % 160])
    pixels = tint + noise
    bar = (5 * index % 8) * side // 8
    pixels[:, bar : bar + side // 8] += 60
    return Image.fromarray(pixels.astype(np.uint8))


def photo_bytes(label: str, number: int = 0, side: int = 32, kind: str = "JPEG") -> bytes:
    """The photo as a file's content."""
    buffer = io.BytesIO()
    draw_photo(label, number, side).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def photo_folder(tmp_path: Path) -> Callable[..., Path]:
    """Factory of class folders: photo_folder({"A": 12, "B": [1, 5, 9]}) gives photos/A/A1.jpg … A12.jpg and so on."""

    def make(classes: Mapping[str, int | Sequence[int]], name: str = "photos", side: int = 32) -> Path:
        root = tmp_path / name
        for label, wanted in classes.items():
            (root / label).mkdir(parents=True)
            for number in range(1, wanted + 1) if isinstance(wanted, int) else wanted:
                (root / label / f"{label}{number}.jpg").write_bytes(photo_bytes(label, number, side))
        return root

    return make


TINY_LABELS = ("A", "B", "J", "nothing")


def write_photos(folder: Path, labels: tuple[str, ...] = TINY_LABELS, each: int = 12) -> Path:
    """Class folders with JPEG photos of 40×36 pixels, each label in a colour of its own with noise."""
    draw = np.random.default_rng(5)
    for number, label in enumerate(labels):
        (folder / label).mkdir(parents=True)
        for index in range(each):
            base = np.full((36, 40, 3), (50 * number + 30, 200 - 40 * number, 100), np.float64)
            base[5 + index : 20 + index, 8:30] += draw.normal(0, 40, (15, 22, 3))
            photo = Image.fromarray(np.clip(base, 0, 255).astype(np.uint8))
            photo.save(folder / label / f"{label}{index + 1}.jpg", quality=90)
    return folder


@pytest.fixture(scope="session")
def tiny_network() -> Iterator[str]:
    """A network of the registry, for tests only, that is exported in a second."""
    torch = pytest.importorskip("torch")
    from fingerspell.lab.nets.blocks import Network
    from fingerspell.lab.nets.registry import NETWORKS, Entry

    class Tiny(Network):
        def __init__(self, classes: int, height: int, width: int) -> None:
            super().__init__()
            self.first = self.conv(3, 6, 3, same=True)
            self.norm = torch.nn.BatchNorm2d(6)
            self.last = self.dense(6 * (height // 4) * (width // 4), classes)

        def features(self, photos: torch.Tensor) -> torch.Tensor:
            x = torch.relu(self.norm(self.first(photos)))
            return torch.nn.functional.avg_pool2d(x, 4).flatten(1)

        def classify(self, features: torch.Tensor) -> torch.Tensor:
            return self.last(features)

    NETWORKS["tiny"] = Entry(Tiny, 32, 32, "for tests")
    yield "tiny"
    del NETWORKS["tiny"]


def _tell_colours_apart(model: Model, manifest: Manifest) -> None:
    """Set the last layer to the nearest mean of each class's features, as training would find it."""
    import torch

    from fingerspell.core.preprocess import preprocess

    tensors = [preprocess((manifest.root / p.path).read_bytes(), model.preprocess) for p in manifest.photos]
    with torch.no_grad():
        features = model.net.eval().features(torch.from_numpy(np.stack(tensors)))
        shown = [torch.tensor([p.label == label for p in manifest.photos]) for label in model.labels]
        means = torch.stack([features[photos].mean(dim=0) for photos in shown])
        apart = (means - means.mean(dim=0)) / 40
        model.net.last.weight.data = apart
        model.net.last.bias.data = -(apart * (means + means.mean(dim=0)) / 2).sum(dim=1)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, tiny_network: str) -> Path:
    """The folder of a finished run: weights, split and state. Do not change it."""
    pytest.importorskip("torch")
    import torch

    from fingerspell.core.preprocess import PreprocessSpec
    from fingerspell.core.provenance import provenance
    from fingerspell.lab.data.manifest import scan
    from fingerspell.lab.data.split import make_split
    from fingerspell.lab.nets.model import Model
    from fingerspell.lab.training.run import RunFolder

    place = tmp_path_factory.mktemp("tiny")
    split = make_split(scan(write_photos(place / "my photos")), "block")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        spec = PreprocessSpec(32, 40, fit="crop", mean=(0.5, 0.4, 0.45), std=(0.25, 0.2, 0.3))
        model = Model.fresh(tiny_network, split.manifest.labels, spec)
        _tell_colours_apart(model, split.manifest)
    (place / "run").mkdir()
    run = RunFolder(place / "run")
    split.save(run.split)
    model.save(run.weights)
    run.write_state(
        {
            "status": "finished",
            "network": model.network,
            "recipe_name": "tiny",
            "recipe": {"name": "tiny", "seed": 11, "notes": str(place / "my photos")},
            "labels": list(model.labels),
            "data": {"folder": str(place / "my photos"), "damaged": []},
            "best": {"epoch": 2},
            "provenance": provenance(seed=11, recipe="c0ffee"),
        }
    )
    return run.path


@pytest.fixture(scope="session")
def tiny_bundle(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of `tiny_run`. Do not change it."""
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    from fingerspell.lab.export import export_bundle
    from fingerspell.lab.training.run import RunFolder

    place = tmp_path_factory.mktemp("bundles")
    return export_bundle(RunFolder.open(tiny_run), place / "tiny.bundle", cache_folder=place / "cache").path
