"""`finder add` puts a finder into a bundle; `predict` then finds the hand in photos and videos, unless told not to."""

from __future__ import annotations

import io
import json

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from fingerspell.cli.main import app
from fingerspell.cli.predict import predict_command
from fingerspell.core.bundle import read_bundle
from fingerspell.core.errors import BundleError, DataError

pytest.importorskip("onnxruntime")


@pytest.fixture
def add():
    return lambda *args: CliRunner().invoke(app, ["finder", "add", *map(str, args)])


@pytest.fixture
def predict():
    app = typer.Typer()
    app.command()(predict_command)
    return lambda *args: CliRunner().invoke(app, [str(a) for a in args])


@pytest.fixture
def onnx(colour_finder, tmp_path):
    path = tmp_path / "finder.onnx"
    path.write_bytes(colour_finder)
    return path


def test_a_copy_of_the_bundle_finds_hands(add, tiny_bundle, onnx, tmp_path):
    out = tmp_path / "finding.bundle"
    result = add(tiny_bundle, onnx, "-o", out, "--score", 0.25, "--framing", 1.2)
    assert result.exit_code == 0, result.output
    before, after = read_bundle(tiny_bundle), read_bundle(out)
    assert after.finder == onnx.read_bytes() and after.model == before.model
    assert {name: its for name, its in after.card.items() if name != "finder"} == before.card
    assert after.card["finder"] | {"about": ""} == {"input": [192, 192], "framing": 1.2, "score": 0.25, "about": ""}
    assert [sample.file for sample in after.golden] == [sample.file for sample in before.golden]
    again = add(tiny_bundle, onnx, "-o", out)
    assert isinstance(again.exception, BundleError) and "--force" in str(again.exception)
    assert add(tiny_bundle, onnx, "-o", out, "--force").exit_code == 0


def test_what_is_no_finder_is_refused_before_anything_is_written(add, tiny_bundle, tmp_path):
    out = tmp_path / "finding.bundle"
    for content, said in (
        (None, "cannot be read"),
        (b"", "finder"),
        ((tiny_bundle / "model.onnx").read_bytes(), "outputs"),
    ):
        path = tmp_path / "finder.onnx"
        if content is not None:
            path.write_bytes(content)
        result = add(tiny_bundle, path, "-o", out)
        assert isinstance(result.exception, BundleError | DataError) and said in str(result.exception)
    assert not out.exists()


def test_an_older_bundle_is_to_be_exported_again(add, tiny_bundle, onnx, tmp_path, monkeypatch):
    import dataclasses

    old = dataclasses.replace(read_bundle(tiny_bundle), format=1)
    monkeypatch.setattr("fingerspell.core.bundle.read_bundle", lambda path: old)
    result = add(tiny_bundle, onnx, "-o", tmp_path / "out")
    assert isinstance(result.exception, BundleError) and "format 1" in str(result.exception)


def test_a_small_hand_of_a_photo_is_found_unless_it_is_not_to_be(predict, finding_bundle, tiny_bundle, scene, tmp_path):
    photo = tmp_path / "photo.png"
    Image.fromarray(scene("A", 200, 150, 40)).save(photo)
    assert json.loads(predict(finding_bundle, photo, "--json").stdout)["label"] == "A"
    whole = json.loads(predict(finding_bundle, photo, "--json", "--no-find").stdout)
    assert whole["label"] != "A"
    plain = json.loads(predict(tiny_bundle, photo, "--json").stdout)
    assert plain == whole


def test_a_photo_without_a_hand_is_answered_whole(predict, finding_bundle, scene, tmp_path):
    photo = tmp_path / "photo.png"
    Image.fromarray(scene(None)).save(photo)
    found, whole = (json.loads(predict(finding_bundle, photo, "--json", way).stdout) for way in ("--find", "--no-find"))
    assert found == whole


def test_a_recording_of_whole_frames_is_spelled(predict, finding_bundle, scene, tmp_path):
    from fingerspell.live.frames.frame import Frame  # noqa: F401 - what a folder of photos becomes

    shown = [None] * 8 + ["B"] * 14 + [None] * 14
    (tmp_path / "frames").mkdir()
    for number, label in enumerate(shown):
        buffer = io.BytesIO()
        Image.fromarray(scene(label, 200, 150, 40)).save(buffer, "PNG")
        (tmp_path / "frames" / f"{number:03}.png").write_bytes(buffer.getvalue())
    options = (finding_bundle, tmp_path / "frames", "--as-frames", "--fps", 20, "--json")
    assert json.loads(predict(*options).stdout.splitlines()[-1])["text"] == "B"
    assert json.loads(predict(*options, "--no-find").stdout.splitlines()[-1])["text"] == ""


def test_a_box_and_finding_at_once_is_said_at_once(predict, finding_bundle, tiny_bundle, tmp_path):
    result = predict(finding_bundle, tmp_path, "--find", "--box", "0,0,1,1")
    assert isinstance(result.exception, DataError) and "one of them" in str(result.exception)
    result = predict(tiny_bundle, tmp_path, "--find")
    assert isinstance(result.exception, BundleError) and "no finder" in str(result.exception)
