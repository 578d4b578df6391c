"""A bundle answers as the network did, alone and in batches, and refuses what it cannot trust."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent / "adapting"))

from older_format import as_format_1

from fingerspell.core.bundle import pixels_digest, read_bundle
from fingerspell.core.errors import BundleError, MissingExtraError, PhotoError
from fingerspell.core.head import Head, read_head, temperature_of, with_head
from fingerspell.core.preprocess import decode
from fingerspell.live.recognizer import Prediction, Recognizer, surest

pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def recognizer(tiny_bundle: Path) -> Recognizer:
    return Recognizer(tiny_bundle, threads=1)


def rewrite(folder: Path, name: str, data: bytes) -> None:
    (folder / name).write_bytes(data)
    checksums = json.loads((folder / "checksums.json").read_text())
    checksums[name] = hashlib.sha256(data).hexdigest()
    (folder / "checksums.json").write_text(json.dumps(checksums))


@pytest.fixture
def own_bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "own.bundle"))


class TestPredicting:
    def test_golden_photos_get_the_networks_answers(self, recognizer):
        for sample in recognizer.bundle.golden:
            found = recognizer.predict_bytes(sample.data)
            assert found.label == sample.label
            assert np.abs(found.probabilities - sample.probabilities).max() < 1e-4

    def test_a_prediction_is_in_order(self, recognizer):
        found = recognizer.predict(np.full((50, 60, 3), 90, np.uint8))
        ranked = [(found.label, found.probability), *found.runners_up]
        assert len(found.runners_up) == 3
        assert {label for label, _ in ranked} == set(recognizer.labels)
        assert [p for _, p in ranked] == sorted(found.probabilities.tolist(), reverse=True)
        assert dict(ranked) == dict(zip(recognizer.labels, found.probabilities.tolist(), strict=True))
        assert sum(p for _, p in ranked) == pytest.approx(1, abs=1e-5)

    def test_runners_up_may_be_none_or_all(self, recognizer):
        photo = np.zeros((8, 8, 3), np.uint8)
        assert recognizer.predict(photo, runners_up=0).runners_up == ()
        assert len(recognizer.predict(photo, runners_up=50).runners_up) == 3

    def test_a_batch_of_mixed_sizes_is_answered_in_order(self, recognizer):
        draw = np.random.default_rng(0)
        sizes = [(36, 40), (90, 20), (36, 40), (1, 1), (90, 20)]
        batch = [draw.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
        for found, photo in zip(recognizer.predict_batch(batch), batch, strict=True):
            assert found.probabilities == pytest.approx(recognizer.predict(photo).probabilities, abs=1e-6)
        assert recognizer.predict_batch([]) == []

    def test_memory_order_does_not_matter(self, recognizer):
        photo = np.random.default_rng(0).integers(0, 256, (30, 44, 3), dtype=np.uint8)
        turned = np.asfortranarray(photo)[:, ::-1][:, ::-1]
        assert np.array_equal(recognizer.predict(turned).probabilities, recognizer.predict(photo).probabilities)

    @pytest.mark.parametrize(
        "photo",
        [
            np.zeros((8, 8), np.uint8),
            np.zeros((8, 8, 4), np.uint8),
            np.zeros((8, 8, 3), np.float32),
            np.zeros((0, 8, 3), np.uint8),
            np.zeros((1, 8, 8, 3), np.uint8),
        ],
        ids=str,
    )
    def test_what_is_no_photo_is_refused(self, recognizer, photo):
        with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8"):
            recognizer.predict(photo)

    def test_bytes_that_are_no_photo(self, recognizer):
        with pytest.raises(PhotoError):
            recognizer.predict_bytes(b"text")

    def test_several_threads_may_ask(self, recognizer):
        photos = [np.full((20 + i, 30, 3), 10 * i, np.uint8) for i in range(16)]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(recognizer.predict, photos))
        for prediction, photo in zip(found, photos, strict=True):
            assert np.array_equal(prediction.probabilities, recognizer.predict(photo).probabilities)


class TestFeatures:
    def test_the_last_layer_makes_the_probabilities_of_them(self, recognizer):
        photos = [np.full((20 + i % 2, 30, 3), 10 * i, np.uint8) for i in range(6)]
        features = recognizer.features(photos)
        head = read_head(recognizer.bundle.model, temperature_of(recognizer.bundle.card))
        assert features.dtype == np.float32
        assert features.shape == (6, head.weight.shape[1])
        expected = np.stack([found.probabilities for found in recognizer.predict_batch(photos)])
        assert head.probabilities(features) == pytest.approx(expected, abs=1e-5)

    def test_no_photos_and_none(self, recognizer):
        with pytest.raises(ValueError, match="no photos"):
            recognizer.features([])
        with pytest.raises(ValueError, match="uint8"):
            recognizer.features([np.zeros((3, 3), np.uint8)])

    def test_a_bundle_of_format_1_answers_and_has_none(self, tiny_bundle, tmp_path):
        pytest.importorskip("onnx")
        old = Recognizer(as_format_1(tiny_bundle, tmp_path / "old.bundle"))
        assert old.verify().samples == 8
        with pytest.raises(BundleError, match="gives no features") as caught:
            old.features([np.zeros((9, 9, 3), np.uint8)])
        assert "fingerspell export" in caught.value.remedy

    def test_format_2_must_give_them(self, tiny_bundle, tmp_path):
        pytest.importorskip("onnx")
        old = as_format_1(tiny_bundle, tmp_path / "old.bundle")
        card = json.loads((old / "card.json").read_text()) | {"format": "fingerspell-bundle/2"}
        rewrite(old, "card.json", json.dumps(card).encode())
        with pytest.raises(BundleError, match="features"):
            Recognizer(old)

    def test_one_with_another_model(self, recognizer):
        head = read_head(recognizer.bundle.model, temperature_of(recognizer.bundle.card))
        turned = with_head(recognizer.bundle.model, Head(head.weight[::-1].copy(), head.bias[::-1].copy(), 1.0))
        photo = np.full((20, 30, 3), 90, np.uint8)
        found = Recognizer.of_bundle(recognizer.bundle, turned).predict(photo)
        assert found.probabilities == pytest.approx(recognizer.predict(photo).probabilities[::-1], abs=1e-5)


class TestWarmingUp:
    def test_it_runs_once_at_each_size(self, recognizer, monkeypatch):
        seen = []
        monkeypatch.setattr(recognizer, "predict", lambda photo: seen.append((photo.shape, photo.dtype)))
        assert recognizer.warm_up((30, 50), (480, 480)) >= 0
        recognizer.warm_up()
        assert seen == [((30, 50, 3), np.uint8), ((480, 480, 3), np.uint8), ((32, 40, 3), np.uint8)]

    def test_it_changes_no_answer(self, recognizer):
        photo = np.random.default_rng(0).integers(0, 256, (30, 44, 3), dtype=np.uint8)
        before = recognizer.predict(photo).probabilities
        assert 0 < recognizer.warm_up((90, 90)) < 10
        assert np.array_equal(recognizer.predict(photo).probabilities, before)

    def test_a_size_without_pixels(self, recognizer):
        with pytest.raises(ValueError, match="uint8"):
            recognizer.warm_up((0, 5))


class TestVerifying:
    def test_a_good_bundle(self, recognizer):
        found = recognizer.verify()
        assert found.samples == 8
        assert found.other_decoder == 0
        assert found.largest_difference < 1e-4

    def test_a_wrong_expectation_is_found(self, own_bundle):
        expected = json.loads((own_bundle / "golden/expected.json").read_text())
        expected["samples"][2]["probabilities"][0] += 0.001
        rewrite(own_bundle, "golden/expected.json", json.dumps(expected).encode())
        with pytest.raises(BundleError, match=r"02-J.* away from the network"):
            Recognizer(own_bundle).verify()

    def test_another_decoder_is_noticed_and_forgiven_a_little(self, own_bundle):
        expected = json.loads((own_bundle / "golden/expected.json").read_text())
        expected["samples"][2]["pixels"] = "another decoder's"
        expected["samples"][2]["probabilities"][0] += 0.001
        rewrite(own_bundle, "golden/expected.json", json.dumps(expected).encode())
        assert Recognizer(own_bundle).verify().other_decoder == 1
        expected["samples"][2]["probabilities"][0] += 0.1
        rewrite(own_bundle, "golden/expected.json", json.dumps(expected).encode())
        with pytest.raises(BundleError):
            Recognizer(own_bundle).verify()

    def test_the_bundle_kept_the_decoded_pixels_digest(self, tiny_bundle):
        for sample in read_bundle(tiny_bundle).golden:
            assert pixels_digest(decode(sample.data)) == sample.pixels


class TestOpening:
    def test_a_damaged_bundle_is_refused(self, own_bundle):
        (own_bundle / "model.onnx").write_bytes(b"")
        with pytest.raises(BundleError, match="damaged"):
            Recognizer(own_bundle)

    def test_a_model_that_cannot_be_run(self, own_bundle):
        onnx = pytest.importorskip("onnx")
        model = onnx.load(own_bundle / "model.onnx")
        model.graph.node[3].op_type = "NoSuchOperation"
        rewrite(own_bundle, "model.onnx", model.SerializeToString())
        with pytest.raises(BundleError, match="cannot be run"):
            Recognizer(own_bundle)

    def test_a_model_of_something_else(self, own_bundle):
        onnx = pytest.importorskip("onnx")
        value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 4])
        other = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 4])
        graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [value], [other])
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
        rewrite(own_bundle, "model.onnx", model.SerializeToString())
        with pytest.raises(BundleError, match="inputs and outputs"):
            Recognizer(own_bundle)

    def test_labels_and_outputs_must_be_as_many(self, own_bundle):
        card = json.loads((own_bundle / "card.json").read_text())
        card["labels"] = ["A", "B", "J", "nothing", "Z"]
        rewrite(own_bundle, "card.json", json.dumps(card).encode())
        expected = json.loads((own_bundle / "golden/expected.json").read_text())
        rewrite(own_bundle, "golden/expected.json", json.dumps(expected | {"samples": []}).encode())
        with pytest.raises(BundleError, match="4 classes"):
            Recognizer(own_bundle)

    def test_without_onnx_runtime_it_names_the_extra(self, tiny_bundle, monkeypatch):
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        with pytest.raises(MissingExtraError, match=r"fingerspell\[live\]"):
            Recognizer(tiny_bundle)

    def test_it_needs_no_torch(self, tiny_bundle):
        code = (
            "import sys; from pathlib import Path; from fingerspell.live.recognizer import Recognizer;"
            "r = Recognizer(Path(sys.argv[1])); r.verify();"
            "sys.exit(any(n in sys.modules for n in ('torch', 'onnx', 'safetensors', 'fingerspell.lab')))"
        )
        assert subprocess.run([sys.executable, "-c", code, str(tiny_bundle)], check=False).returncode == 0


def test_the_answer_that_is_surest_of_a_sign_is_believed():
    def said(label: str, probability: float) -> Prediction:
        return Prediction(label, probability, (), np.zeros(3, np.float32))

    assert surest([said("A", 0.4), said("nothing", 0.99), said("B", 0.6)]).label == "B"
    assert surest([said("nothing", 0.5), said("nothing", 0.9)]).probability == 0.5  # the first view stays
    assert surest(iter([said("C", 0.2), said("A", 0.2)])).label == "C"
