"""A run becomes a bundle only if the exported graph agrees with the network on the golden photos."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from fingerspell.core.bundle import read_bundle
from fingerspell.core.errors import BundleError, DataError
from fingerspell.core.preprocess import PreprocessSpec, decode
from fingerspell.core.scoring import score
from fingerspell.lab.card import without_folders
from fingerspell.lab.data.cache import open_cache
from fingerspell.lab.data.split import Split
from fingerspell.lab.export import export_bundle, reference_answers, require_parity
from fingerspell.lab.golden import GoldenPhoto, encode, golden_photos, without_metadata
from fingerspell.lab.graph import BundleGraph
from fingerspell.lab.nets.model import Model
from fingerspell.lab.nets.registry import parameter_counts
from fingerspell.lab.training.run import RunFolder

pytest.importorskip("onnxscript")


@pytest.fixture(scope="module", autouse=True)
def one_thread_here() -> Iterator[None]:
    """Tiny networks lose more time by waiting for a second thread than they win."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def own_run(tiny_run: Path, tmp_path: Path) -> RunFolder:
    """A copy of the run, with a copy of its photos, that may be changed."""
    shutil.copytree(tiny_run.parent / "my photos", tmp_path / "my photos")
    shutil.copytree(tiny_run, tmp_path / "run")
    run = RunFolder.open(tmp_path / "run")
    Split.load(run.split, root=tmp_path / "my photos").save(run.split)
    return run


class TestBundle:
    def test_its_card_says_what_it_is(self, tiny_bundle, tiny_run):
        card = read_bundle(tiny_bundle).card
        model = Model.load(RunFolder(tiny_run).weights)
        split = Split.load(RunFolder(tiny_run).split)
        assert card["labels"] == ["A", "B", "J", "nothing"]
        assert PreprocessSpec.from_dict(card["preprocess"]) == model.preprocess
        assert card["network"] == "tiny"
        assert card["parameters"] == parameter_counts(model.net)[0]
        assert card["scores"] == "not measured"
        assert card["licence"] == "not stated"
        assert card["data"]["folder"] == "my photos"
        assert card["data"]["digest"] == split.manifest.digest
        assert card["data"]["photos"] == 48
        assert card["data"]["damaged"] == 0
        assert card["data"]["who_signs"] == "not stated"
        assert card["recipe"]["name"] == "tiny"
        assert card["recipe"]["digest"] == "c0ffee"
        assert card["seed"] == 11
        assert card["versions"]["export"]["torch"] == torch.__version__
        assert card["motion_letters"].startswith("J: ")
        assert "Z" in card["labels_absent"]
        assert card["intended_use"]
        assert card["limits"]

    def test_it_tells_nothing_of_the_makers_folders(self, tiny_bundle, tiny_run):
        for path in tiny_bundle.rglob("*"):
            if path.is_file():
                assert str(tiny_run.parent).encode() not in path.read_bytes(), path

    def test_the_gate_measured_what_the_card_says(self, tiny_bundle):
        bundle = read_bundle(tiny_bundle)
        largest = require_parity(bundle.model, bundle.golden, bundle.labels, upright=True)
        assert bundle.card["parity"]["photos"] == len(bundle.golden) == 8
        assert bundle.card["parity"]["largest_difference"] == pytest.approx(largest, abs=1e-6)
        assert 0 <= largest < 1e-4

    def test_golden_answers_are_decided(self, tiny_bundle):
        """Or the gate could not see a small mistake."""
        golden = read_bundle(tiny_bundle).golden
        assert [sample.label for sample in golden[:4]] == ["A", "B", "J", "nothing"]  # it knows the colours
        assert all(0.5 < sample.probabilities.max() < 0.9999 for sample in golden[:4])

    def test_scores_stand_with_the_sentence_they_come_from(self, own_run, tmp_path):
        truth = np.array([0, 1, 2, 3, 0, 1])
        probabilities = np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 1, 1]]
        scores = score(probabilities, truth, ("A", "B", "J", "nothing"), tuple("abcdef"))
        source = {"name": "desk", "description": "Another collection, /home/me/desk: unseen.", "photos": 6}
        own_run.evaluation.write_text(
            json.dumps({"format": "fingerspell-evaluation/1", "sources": [{**source, "scores": scores.as_dict()}]})
        )
        result = export_bundle(own_run, tmp_path / "b", cache_folder=tmp_path / "cache", licence=" CC0-1.0 ")
        card = read_bundle(result.path).card
        assert result.measured
        assert card["licence"] == "CC0-1.0"
        assert card["scores"][0]["accuracy"] == pytest.approx(5 / 6, abs=1e-4)
        assert card["scores"][0]["where_from"] == "Another collection, desk: unseen."
        assert card["scores"][0]["recall_by_label"]["A"] == 0.5
        own_run.evaluation.write_text(json.dumps({"sources": [{"name": "x"}]}))
        with pytest.raises(DataError, match="malformed"):
            export_bundle(own_run, tmp_path / "c", cache_folder=tmp_path / "cache")
        assert not (tmp_path / "c").exists()

    def test_a_taken_place_is_refused_before_any_work(self, tiny_bundle, tiny_run, tmp_path):
        with pytest.raises(BundleError, match="exists"):
            export_bundle(RunFolder(tiny_run), tiny_bundle, cache_folder=tmp_path)

    def test_a_run_without_weights_is_refused(self, own_run, tmp_path):
        own_run.weights.unlink()
        with pytest.raises(DataError, match="weights"):
            export_bundle(own_run, tmp_path / "b", cache_folder=tmp_path)


class Swapped(BundleGraph):
    """Reads BGR."""

    def normalise(self, pixels: Tensor) -> Tensor:
        return super().normalise(pixels.flip(1))


class RoundsDown(BundleGraph):
    """Pixels of the right size are the same, all others up to one level darker."""

    def __init__(self, net: nn.Module, spec: PreprocessSpec, temperature: float) -> None:
        super().__init__(net, spec, temperature)
        self.resample = _Bilinear(spec)


class _Bilinear(nn.Module):
    def __init__(self, spec: PreprocessSpec) -> None:
        super().__init__()
        self.size = (spec.height, spec.width)

    def forward(self, photos: Tensor) -> Tensor:
        planes = photos.permute(0, 3, 1, 2).float()
        return torch.floor(torch.nn.functional.interpolate(planes, self.size, mode="bilinear"))


class Warmer(BundleGraph):
    """The right labels, other probabilities."""

    def __init__(self, net: nn.Module, spec: PreprocessSpec, temperature: float) -> None:
        super().__init__(net, spec, temperature * 1.01)


class OneMore(BundleGraph):
    """A class too many."""

    def forward(self, photos: Tensor) -> tuple[Tensor, Tensor]:
        probabilities, features = super().forward(photos)
        return torch.nn.functional.pad(probabilities, (0, 1)), features


class TestGate:
    @pytest.mark.parametrize("wrong", [Swapped, RoundsDown, Warmer, OneMore])
    def test_a_wrong_graph_is_refused_and_nothing_is_written(self, wrong, tiny_run, tmp_path):
        with pytest.raises(BundleError, match=r"disagree on \d+ of 8 photos") as caught:
            export_bundle(RunFolder(tiny_run), tmp_path / "b", cache_folder=tmp_path / "cache", build=wrong)
        assert "0.0001" in caught.value.expected
        assert not (tmp_path / "b").exists()
        assert not list(tmp_path.glob(".b*"))

    def test_a_single_wrong_label_is_enough(self, tiny_bundle):
        bundle = read_bundle(tiny_bundle)
        first = bundle.golden[0]
        other = next(label for label in bundle.labels if label != first.label)
        changed = (type(first)(first.file, first.data, other, first.probabilities, first.pixels), *bundle.golden[1:])
        with pytest.raises(BundleError, match="disagree on 1 of 8"):
            require_parity(bundle.model, changed, bundle.labels, upright=True)

    def test_the_turn_of_a_photo_matters(self, tiny_bundle):
        bundle = read_bundle(tiny_bundle)
        with pytest.raises(BundleError, match=r"disagree on 1 of 8 .*sideways"):
            require_parity(bundle.model, bundle.golden, bundle.labels, upright=False)

    def test_a_file_that_onnx_runtime_refuses(self, tiny_bundle):
        bundle = read_bundle(tiny_bundle)
        with pytest.raises(BundleError, match="ONNX Runtime refuses"):
            require_parity(b"no graph", bundle.golden, bundle.labels, upright=True)

    def test_an_answer_that_is_no_number_is_refused(self, tiny_run):
        model = Model.load(RunFolder(tiny_run).weights)
        for parameter in model.net.parameters():
            parameter.data[:] = float("nan")
        photo = GoldenPhoto("00-A.jpg", encode(np.zeros((20, 20, 3), np.uint8)))
        with pytest.raises(BundleError, match="no probability"):
            reference_answers(model.net, model.labels, model.preprocess, [photo], 1.0)


class TestGoldenPhotos:
    def test_they_come_from_the_part_that_judges(self, own_run, tmp_path):
        split, model = Split.load(own_run.split), Model.load(own_run.weights)
        found = golden_photos(split, model.labels, model.preprocess, tmp_path, lambda *_: None)
        test = [split.manifest.photos[index] for index in split.indices("test")]
        pixels = {decode((split.manifest.root / photo.path).read_bytes()).tobytes(): photo.label for photo in test}
        assert [photo.name for photo in found[:4]] == ["00-A.jpg", "01-B.jpg", "02-J.jpg", "03-nothing.jpg"]
        assert [pixels[decode(photo.data).tobytes()] for photo in found[:4]] == ["A", "B", "J", "nothing"]

    def test_some_are_of_other_sizes_and_one_lies_on_its_side(self, own_run, tmp_path):
        split, model = Split.load(own_run.split), Model.load(own_run.weights)
        found = golden_photos(split, model.labels, model.preprocess, tmp_path, lambda *_: None)[4:]
        assert [decode(photo.data).shape[:2] for photo in found] == [(240, 320), (131, 97), (427, 240), (36, 32)]
        assert decode(found[-1].data, upright=False).shape[:2] == (32, 36)

    def test_without_the_folder_they_come_from_the_cache(self, own_run, tmp_path):
        split, model = Split.load(own_run.split), Model.load(own_run.weights)
        cache = open_cache(split.manifest, model.preprocess, tmp_path / "cache")
        shutil.rmtree(split.manifest.root)
        found = golden_photos(split, model.labels, model.preprocess, tmp_path / "cache", lambda *_: None)
        first = next(p for i, p in enumerate(split.manifest.photos) if split.parts[i] == "test")
        stored = cache.pixels[cache.rows[first.path]].astype(int)
        sample = decode(found[0].data).astype(int)
        assert len(found) == 8
        assert np.abs(sample - stored).mean() < 6  # JPEG lies between

    def test_without_folder_and_cache_it_says_so(self, own_run, tmp_path):
        shutil.rmtree(tmp_path / "my photos")
        with pytest.raises(BundleError, match="no photo for the parity check"):
            export_bundle(own_run, tmp_path / "b", cache_folder=tmp_path / "cache")

    def test_damaged_and_large_and_other_formats(self, own_run, tmp_path):
        split, model = Split.load(own_run.split), Model.load(own_run.weights)
        by_label = {}
        for index in split.indices("test"):
            by_label.setdefault(split.manifest.photos[index].label, split.manifest.photos[index].path)
        root = split.manifest.root
        (root / by_label["A"]).write_bytes(b"damaged")
        Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(root / by_label["B"], "PNG")
        noise = np.random.default_rng(0).integers(0, 256, (900, 1200, 3), dtype=np.uint8)
        Image.fromarray(noise).save(root / by_label["J"], "JPEG", quality=95)
        found = golden_photos(split, model.labels, model.preprocess, tmp_path, lambda *_: None)
        shapes = [decode(photo.data).shape[:2] for photo in found[:4]]
        assert shapes == [(36, 40), (20, 30), (480, 640), (36, 40)]
        assert all(photo.data.startswith(b"\xff\xd8") for photo in found)

    def test_metadata_is_taken_out_and_the_pixels_stay(self):
        exif = Image.Exif()
        exif[0x010F] = "Camera of Somebody"
        exif[0x0112] = 8
        exif.get_ifd(0x8825)[1] = "N"
        buffer = io.BytesIO()
        noise = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(buffer, "JPEG", exif=exif, comment=b"taken at home", icc_profile=b"profile" * 9)
        data = buffer.getvalue()
        stripped = without_metadata(data)
        assert b"Somebody" in data
        for secret in (b"Somebody", b"at home", b"profile"):
            assert secret not in stripped
        for upright in (True, False):
            assert np.array_equal(decode(stripped, upright=upright), decode(data, upright=upright))
        with Image.open(io.BytesIO(stripped)) as image:
            assert dict(image.getexif()) == {0x0112: 8}

    def test_cmyk_keeps_its_colours(self):
        buffer = io.BytesIO()
        Image.new("CMYK", (16, 16), (0, 200, 30, 10)).save(buffer, "JPEG")
        stripped = without_metadata(buffer.getvalue())
        assert np.array_equal(decode(stripped), decode(buffer.getvalue()))
        with Image.open(io.BytesIO(stripped)) as image:
            assert image.mode == "CMYK"  # the very file, not a new one

    @pytest.mark.parametrize("hidden", ["behind the picture", "after padding"])
    def test_unusual_files_lose_their_secrets_too(self, hidden):
        exif = Image.Exif()
        exif[0x010F] = "Camera of Somebody"
        buffer = io.BytesIO()
        Image.new("RGB", (16, 16), (200, 10, 90)).save(buffer, "JPEG", exif=exif)
        data = buffer.getvalue()
        data = data + data if hidden == "behind the picture" else data[:2] + b"\xff\xff" + data[2:]
        stripped = without_metadata(data)
        assert b"Somebody" not in stripped
        assert np.abs(decode(stripped).astype(int) - decode(data)).max() < 8

    def test_the_photos_of_a_bundle_are_stripped(self, own_run, tmp_path):
        split, model = Split.load(own_run.split), Model.load(own_run.weights)
        exif = Image.Exif()
        exif[0x010F] = "Camera of Somebody"
        for photo in split.manifest.photos:
            with Image.open(split.manifest.root / photo.path) as image:
                image.save(split.manifest.root / photo.path, exif=exif)
        found = golden_photos(split, model.labels, model.preprocess, tmp_path, lambda *_: None)
        assert len(found) == 8
        assert not any(b"Somebody" in photo.data for photo in found)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/home/me/photos of A", "photos of A"),
        ("C:\\Users\\me\\photos", "photos"),
        ("Test part of /home/me/photos: unseen", "Test part of photos: unseen"),
        ("see ~/a/photos, then C:/b/c", "see photos, then c"),
        ("and/or, 1/2, https://example.org/a/b", "and/or, 1/2, https://example.org/a/b"),
        ({"a": ["/x/y", 3, None, True]}, {"a": ["y", 3, None, True]}),
    ],
)
def test_paths_are_reduced_to_their_names(value, expected):
    assert without_folders(value) == expected
