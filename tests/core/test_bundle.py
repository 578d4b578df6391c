"""The bundle format: written whole, read only when whole, and nothing trusted that it says about itself."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

from fingerspell.core import bundle as bundles
from fingerspell.core.bundle import GoldenSample, pixels_digest, read_bundle, write_bundle
from fingerspell.core.errors import BundleError
from fingerspell.core.onnx_file import require_self_contained
from fingerspell.core.preprocess import PreprocessSpec

onnx = pytest.importorskip("onnx")
LABELS = ("A", "B", "space")
CARD = {"labels": list(LABELS), "preprocess": PreprocessSpec(16, 16).as_dict(), "network": "none"}


def onnx_model(*, external: str = "", nested: bool = False) -> bytes:
    """A graph with one weight; `external` keeps it in another file, `nested` in the branch of an If."""
    weight = onnx.helper.make_tensor("weight", onnx.TensorProto.FLOAT, [2], [1.0, 2.0])
    if external:
        weight.ClearField("float_data")
        weight.data_location = onnx.TensorProto.EXTERNAL
        weight.external_data.add(key="location", value=external)
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [2])
    inner = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["weight"], ["y"])], "g", [], [output], [weight])
    if not nested:
        return onnx.helper.make_model(inner).SerializeToString()
    condition = onnx.helper.make_tensor_value_info("c", onnx.TensorProto.BOOL, [])
    branch = onnx.helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    return onnx.helper.make_model(onnx.helper.make_graph([branch], "g", [condition], [output])).SerializeToString()


def samples(count: int = 2) -> tuple[GoldenSample, ...]:
    probabilities = np.array([0.25, 0.5, 0.25], np.float32)
    return tuple(
        GoldenSample(f"golden/{i:02d}.jpg", b"\xff\xd8 photo %d" % i, "B", probabilities, "00") for i in range(count)
    )


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "asl.bundle", model=onnx_model(), card=CARD, golden=samples())


def rewrite(folder: Path, name: str, data: bytes) -> None:
    """Change a file and its checksum, as somebody would who means to."""
    (folder / name).write_bytes(data)
    checksums = json.loads((folder / "checksums.json").read_text())
    checksums[name] = hashlib.sha256(data).hexdigest()
    (folder / "checksums.json").write_text(json.dumps(checksums))


class TestReading:
    def test_what_was_written_is_read(self, written):
        found = read_bundle(written)
        assert found.labels == LABELS
        assert found.preprocess == PreprocessSpec(16, 16)
        assert found.model == onnx_model()
        assert found.card["format"] == "fingerspell-bundle/2"
        assert [s.data for s in found.golden] == [s.data for s in samples()]
        assert np.array_equal(found.golden[1].probabilities, samples()[1].probabilities)

    def test_the_folder_holds_what_the_format_says(self, written):
        names = {path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file()}
        assert names == {
            "model.onnx",
            "card.json",
            "checksums.json",
            "golden/00.jpg",
            "golden/01.jpg",
            "golden/expected.json",
        }
        checksums = json.loads((written / "checksums.json").read_text())
        assert set(checksums) == names - {"checksums.json"}
        for name, checksum in checksums.items():
            assert hashlib.sha256((written / name).read_bytes()).hexdigest() == checksum

    @pytest.mark.parametrize(
        "name", ["model.onnx", "card.json", "checksums.json", "golden/00.jpg", "golden/expected.json"]
    )
    def test_a_missing_file_is_named(self, written, name):
        (written / name).unlink()
        with pytest.raises(BundleError, match=name.replace(".", r"\.")) as caught:
            read_bundle(written)
        assert caught.value.remedy

    @pytest.mark.parametrize("name", ["model.onnx", "golden/01.jpg", "golden/expected.json"])
    def test_a_changed_byte_is_found(self, written, name):
        data = bytearray((written / name).read_bytes())
        data[len(data) // 2] ^= 1
        (written / name).write_bytes(data)
        with pytest.raises(BundleError, match=f"{name} .*damaged"):
            read_bundle(written)

    def test_a_changed_card_is_found(self, written):
        card = json.loads((written / "card.json").read_text())
        (written / "card.json").write_text(json.dumps(card | {"licence": "MIT"}))
        with pytest.raises(BundleError, match=r"card\.json .*damaged"):
            read_bundle(written)

    def test_a_truncated_model_is_found(self, written):
        data = (written / "model.onnx").read_bytes()
        (written / "model.onnx").write_bytes(data[:-20])
        with pytest.raises(BundleError, match="damaged"):
            read_bundle(written)
        rewrite(written, "model.onnx", data[:-20])  # even where the checksum fits
        with pytest.raises(BundleError, match="not a whole ONNX model"):
            read_bundle(written)

    def test_a_file_that_is_not_its_own_is_refused_a_hidden_one_is_not(self, written):
        (written / ".DS_Store").write_text("left behind by a file manager")
        read_bundle(written)
        (written / "weights.bin").write_text("?")
        with pytest.raises(BundleError, match=r"not its own: weights\.bin"):
            read_bundle(written)

    def test_a_link_out_of_the_bundle_is_refused(self, written, tmp_path):
        (written / "model.onnx").rename(tmp_path / "elsewhere.onnx")
        (written / "model.onnx").symlink_to(tmp_path / "elsewhere.onnx")
        with pytest.raises(BundleError, match="is a link"):
            read_bundle(written)

    def test_a_linked_golden_folder_is_refused(self, written, tmp_path):
        (written / "golden").rename(tmp_path / "elsewhere")
        (written / "golden").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(BundleError, match="is a link"):
            read_bundle(written)

    def test_a_foreign_folder_a_file_and_nothing(self, tmp_path):
        (tmp_path / "photos").mkdir()
        with pytest.raises(BundleError, match="is not a bundle"):
            read_bundle(tmp_path / "photos")
        (tmp_path / "model.onnx").write_bytes(onnx_model())
        with pytest.raises(BundleError, match="is a file"):
            read_bundle(tmp_path / "model.onnx")
        with pytest.raises(BundleError, match="does not exist"):
            read_bundle(tmp_path / "nowhere")

    def test_a_run_is_told_from_a_bundle(self, tmp_path):
        (tmp_path / "run.json").write_text("{}")
        with pytest.raises(BundleError, match="it is a training run") as caught:
            read_bundle(tmp_path)
        assert "fingerspell export" in caught.value.remedy

    def test_a_newer_format_asks_for_an_update(self, written):
        rewrite(written, "card.json", json.dumps({"format": "fingerspell-bundle/3", "all": "new"}).encode())
        with pytest.raises(BundleError, match="bundle format 3") as caught:
            read_bundle(written)
        assert "update" in caught.value.remedy

    @pytest.mark.parametrize("value", [None, "fingerspell-bundle/", "fingerspell-bundle/0", "other/1", 1])
    def test_another_format_is_not_ours(self, written, value):
        rewrite(written, "card.json", json.dumps({**CARD, "format": value}).encode())
        with pytest.raises(BundleError, match="not a bundle of ours"):
            read_bundle(written)

    @pytest.mark.parametrize(
        "name", ["../secret", "/etc/passwd", "golden/../../secret", "golden//00.jpg", "./card.json", "a\\b", "C:x", ""]
    )
    def test_checksums_lead_nowhere_else(self, written, name):
        (written.parent / "secret").write_text("secret")
        checksums = json.loads((written / "checksums.json").read_text())
        checksums[name] = hashlib.sha256(b"secret").hexdigest()
        (written / "checksums.json").write_text(json.dumps(checksums))
        with pytest.raises(BundleError, match=r"checksums\.json names"):
            read_bundle(written)

    @pytest.mark.parametrize("data", [b"", b"not json", b"[1]", b"[" * 100_000, b"\xff\xfe"])
    @pytest.mark.parametrize("name", ["card.json", "checksums.json"])
    def test_json_that_is_none(self, written, name, data):
        (written / name).write_bytes(data)
        with pytest.raises(BundleError, match="JSON"):
            read_bundle(written)

    @pytest.mark.parametrize(
        "change",
        [
            {"labels": None},
            {"labels": ["A"]},
            {"labels": ["A", 3]},
            {"labels": ["A", "B", "A"]},
            {"preprocess": None},
            {"preprocess": {}},
            {"preprocess": {**CARD["preprocess"], "height": 3}},
        ],
    )
    def test_a_card_without_usable_labels_or_preprocessing(self, written, change):
        rewrite(written, "card.json", json.dumps({"format": bundles.FORMAT, **CARD, **change}).encode())
        with pytest.raises(BundleError, match=r"card\.json"):
            read_bundle(written)

    @pytest.mark.parametrize(
        "change",
        [
            {"file": "99.jpg"},
            {"file": "../../secret"},
            {"label": "Q"},
            {"probabilities": [1.0]},
            {"probabilities": "x"},
            {"pixels": ...},
        ],
    )
    def test_malformed_golden_samples(self, written, change):
        expected = json.loads((written / "golden/expected.json").read_text())
        entry = expected["samples"][0]
        for key, value in change.items():
            if value is ...:
                del entry[key]
            else:
                entry[key] = value
        rewrite(written, "golden/expected.json", json.dumps(expected).encode())
        with pytest.raises(BundleError, match=r"expected\.json"):
            read_bundle(written)

    def test_checksums_must_name_the_model(self, written):
        checksums = json.loads((written / "checksums.json").read_text())
        del checksums["model.onnx"]
        (written / "checksums.json").write_text(json.dumps(checksums))
        with pytest.raises(BundleError, match=r"does not name model\.onnx"):
            read_bundle(written)


class TestOnnxFile:
    @pytest.mark.parametrize("nested", [False, True])
    @pytest.mark.parametrize("location", ["weights.bin", "../../../etc/passwd"])
    def test_weights_elsewhere_are_refused(self, written, location, nested):
        require_self_contained(onnx_model(nested=nested))
        rewrite(written, "model.onnx", onnx_model(external=location, nested=nested))
        with pytest.raises(BundleError, match="from other files"):
            read_bundle(written)

    def test_a_constant_with_weights_elsewhere_is_refused(self):
        model = onnx.load_from_string(onnx_model(external="weights.bin"))
        tensor = model.graph.initializer.pop()
        model.graph.node.append(onnx.helper.make_node("Constant", [], ["weight"], value=tensor))
        with pytest.raises(BundleError, match="from other files"):
            require_self_contained(model.SerializeToString())

    @pytest.mark.parametrize("place", ["graph", "attribute"])
    def test_sparse_weights_elsewhere_are_refused(self, place):
        model = onnx.load_from_string(onnx_model(external="weights.bin"))
        tensor = model.graph.initializer.pop()
        shape = onnx.helper.make_tensor("i", onnx.TensorProto.INT64, [2], [0, 1])
        sparse = onnx.helper.make_sparse_tensor(tensor, shape, [2])
        if place == "graph":
            model.graph.sparse_initializer.append(sparse)
        else:
            model.graph.node.append(onnx.helper.make_node("Constant", [], ["weight"], sparse_value=sparse))
        with pytest.raises(BundleError, match="from other files"):
            require_self_contained(model.SerializeToString())

    @pytest.mark.parametrize(
        "data", [b"", b"hello", b"\x80" * 30, b"\x3b\x00", b"\x3a\xff\xff\x03", b"\x0d\x00", b"\x3a"]
    )
    def test_what_is_no_onnx_is_refused(self, data):
        with pytest.raises(BundleError, match="not a whole ONNX model"):
            require_self_contained(data)

    def test_nesting_has_an_end(self):
        inner = b""
        for _ in range(80):  # graph in attribute in node in graph …
            for field in (0x32, 0x2A, 0x0A):
                inner = bytes([field]) + _varint(len(inner)) + inner
        with pytest.raises(BundleError, match="nested too deep"):
            require_self_contained(b"\x3a" + _varint(len(inner)) + inner)

    def test_every_cut_is_found_or_harmless(self):
        data = onnx_model(nested=True)
        for end in range(len(data)):
            with pytest.raises(BundleError) if end < len(data) - 8 else _nothing():
                require_self_contained(data[:end])


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


class _nothing:  # noqa: N801 - stands where a context manager does
    def __enter__(self) -> None: ...
    def __exit__(self, *_error: object) -> bool:
        return True


FINDER_CARD = {"input": [192, 256], "framing": 1.5, "score": 0.4, "about": "for tests"}


class TestFormats:
    def test_format_1_is_still_read(self, written):
        card = json.loads((written / "card.json").read_text()) | {"format": "fingerspell-bundle/1"}
        rewrite(written, "card.json", json.dumps(card).encode())
        assert read_bundle(written).format == 1

    def test_format_1_is_never_written_again(self, written, tmp_path):
        found = read_bundle(written)
        assert found.format == 2
        old = {**found.card, "format": "fingerspell-bundle/1"}
        again = write_bundle(tmp_path / "again", model=found.model, card=old, golden=found.golden)
        assert read_bundle(again).card["format"] == "fingerspell-bundle/2"

    @pytest.mark.parametrize("version", ["0", "02", "1.0", "", "²", "-1"])
    def test_no_other_version(self, written, version):
        rewrite(written, "card.json", json.dumps({**CARD, "format": f"fingerspell-bundle/{version}"}).encode())
        with pytest.raises(BundleError, match="not a bundle of ours"):
            read_bundle(written)

    def test_the_digest_is_the_models(self, written):
        assert read_bundle(written).digest() == hashlib.sha256(onnx_model()).hexdigest()


class TestFinder:
    def write(self, place: Path, finder: bytes | None, about: object) -> Path:
        card = CARD if about is None else {**CARD, "finder": about}
        return write_bundle(place, model=onnx_model(), card=card, golden=samples(), finder=finder)

    def test_it_comes_back(self, tmp_path, written):
        found = read_bundle(self.write(tmp_path / "f.bundle", onnx_model(nested=True), FINDER_CARD))
        assert found.finder == onnx_model(nested=True)
        assert found.card["finder"] == FINDER_CARD
        assert read_bundle(written).finder is None
        # one with a finder may be replaced by one without
        write_bundle(found.path, model=onnx_model(), card=CARD, golden=samples(), force=True)
        assert not (found.path / "finder.onnx").exists()

    def test_finder_and_card_belong_together(self, tmp_path):
        for finder, about in ((onnx_model(), None), (None, FINDER_CARD)):
            with pytest.raises(BundleError, match=r"finder\.onnx"):
                self.write(tmp_path / "f.bundle", finder, about)
        assert not (tmp_path / "f.bundle").exists()

    @pytest.mark.parametrize("missing", ["finder.onnx", "card"])
    def test_one_without_the_other_is_not_read(self, tmp_path, missing):
        folder = self.write(tmp_path / "f.bundle", onnx_model(), FINDER_CARD)
        if missing == "card":
            card = json.loads((folder / "card.json").read_text())
            rewrite(folder, "card.json", json.dumps({k: v for k, v in card.items() if k != "finder"}).encode())
        else:
            checksums = json.loads((folder / "checksums.json").read_text())
            checksums.pop("finder.onnx")
            (folder / "checksums.json").write_text(json.dumps(checksums))
            (folder / "finder.onnx").unlink()
        with pytest.raises(BundleError, match="finder"):
            read_bundle(folder)

    def test_a_changed_byte_and_foreign_weights(self, tmp_path):
        folder = self.write(tmp_path / "f.bundle", onnx_model(), FINDER_CARD)
        rewrite(folder, "finder.onnx", onnx_model(external="../secret"))
        with pytest.raises(BundleError, match=r"finder\.onnx reads weights from other files"):
            read_bundle(folder)
        (folder / "finder.onnx").write_bytes(b"?")
        with pytest.raises(BundleError, match=r"finder\.onnx .*damaged"):
            read_bundle(folder)

    @pytest.mark.parametrize(
        "change",
        [
            {"input": [192]},
            {"input": [192, 0]},
            {"input": [192, 256.5]},
            {"input": "192"},
            {"input": [True, 256]},
            {"framing": 0.5},
            {"framing": float("nan")},
            {"framing": None},
            {"score": 1.5},
            {"score": True},
        ],
        ids=str,
    )
    def test_a_card_that_makes_no_sense(self, tmp_path, change):
        with pytest.raises(BundleError, match="makes no sense"):
            self.write(tmp_path / "f.bundle", onnx_model(), {**FINDER_CARD, **change})
        with pytest.raises(BundleError, match="makes no sense"):
            self.write(tmp_path / "f.bundle", onnx_model(), [1])


class TestWriting:
    def test_an_existing_bundle_is_replaced_only_by_force_and_whole(self, written):
        first = (written / "card.json").read_bytes()
        with pytest.raises(BundleError, match="exists") as caught:
            write_bundle(written, model=onnx_model(), card={**CARD, "network": "b"}, golden=samples(1))
        assert "--force" in caught.value.remedy
        assert (written / "card.json").read_bytes() == first
        write_bundle(written, model=onnx_model(), card={**CARD, "network": "b"}, golden=samples(1), force=True)
        found = read_bundle(written)
        assert found.card["network"] == "b"
        assert not (written / "golden/01.jpg").exists()  # nothing of the old one remains
        assert [path.name for path in written.parent.iterdir()] == [written.name]

    def test_force_replaces_a_damaged_bundle(self, written):
        (written / "model.onnx").unlink()
        write_bundle(written, model=onnx_model(), card=CARD, golden=samples(), force=True)
        read_bundle(written)

    def test_force_never_replaces_anything_else(self, tmp_path, written):
        photos = tmp_path / "photos"
        photos.mkdir()
        (photos / "A1.jpg").write_text("precious")
        file = tmp_path / "notes.txt"
        file.write_text("precious")
        (written / "notes.txt").write_text("precious")
        for place in (photos, file, written):
            with pytest.raises(BundleError, match="is not a bundle"):
                write_bundle(place, model=onnx_model(), card=CARD, golden=samples(), force=True)
        assert {path.read_text() for path in (photos / "A1.jpg", file, written / "notes.txt")} == {"precious"}

    def test_an_empty_folder_may_be_filled(self, tmp_path):
        (tmp_path / "empty").mkdir()
        read_bundle(write_bundle(tmp_path / "empty", model=onnx_model(), card=CARD, golden=samples()))

    def test_a_folder_that_cannot_be_written_leaves_nothing(self, tmp_path):
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(BundleError, match="could not be written") as caught:
            write_bundle(tmp_path / "file" / "asl.bundle", model=onnx_model(), card=CARD, golden=samples())
        assert caught.value.remedy
        assert [path.name for path in tmp_path.iterdir()] == ["file"]

    @pytest.mark.parametrize("fails_at", [1, 3])
    def test_a_full_disk_keeps_the_old_bundle(self, written, monkeypatch, fails_at):
        calls = iter(range(100))
        real = os.fsync

        def full(descriptor: int) -> None:
            if next(calls) >= fails_at:
                raise OSError(28, "No space left on device")
            real(descriptor)

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(BundleError, match="No space left"):
            write_bundle(written, model=onnx_model(), card={**CARD, "network": "b"}, golden=samples(), force=True)
        monkeypatch.undo()
        assert read_bundle(written).card["network"] == "none"
        assert [path.name for path in written.parent.iterdir()] == [written.name]

    def test_a_failed_swap_puts_the_old_bundle_back(self, written, monkeypatch):
        real = Path.rename

        def refuses(self: Path, target: Path) -> Path:
            if self.name.endswith(".tmp"):
                raise OSError(5, "Input/output error")
            return real(self, target)

        monkeypatch.setattr(Path, "rename", refuses)
        with pytest.raises(BundleError, match="Input/output"):
            write_bundle(written, model=onnx_model(), card={**CARD, "network": "b"}, golden=samples(), force=True)
        monkeypatch.undo()
        assert read_bundle(written).card["network"] == "none"
        assert [path.name for path in written.parent.iterdir()] == [written.name]

    def test_a_link_is_followed(self, written, tmp_path):
        (tmp_path / "latest").symlink_to(written)
        write_bundle(
            tmp_path / "latest", model=onnx_model(), card={**CARD, "network": "b"}, golden=samples(), force=True
        )
        assert (tmp_path / "latest").is_symlink()
        assert read_bundle(written).card["network"] == "b"


def test_the_pixels_digest_knows_the_shape():
    photo = np.zeros((2, 6, 3), np.uint8)
    assert pixels_digest(photo) != pixels_digest(photo.reshape(6, 2, 3))
    assert pixels_digest(photo) == pixels_digest(photo[:, ::-1])
