"""The whole way as a user goes it: one command, killed and gone on with, on photos made for the test."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Four classes told apart by where a bright bar is, nested as Kaggle's zip unpacks them."""
    folder = tmp_path_factory.mktemp("archive") / "asl_alphabet_train" / "asl_alphabet_train"
    numbers = np.random.default_rng(1)
    for index, label in enumerate(("A", "B", "nothing", "space")):
        (folder / label).mkdir(parents=True)
        for number in range(1, 31):
            pixels = numbers.integers(0, 80, (64, 64, 3), dtype=np.uint8)
            pixels[16 * index + 2 : 16 * index + 12] += 150
            Image.fromarray(pixels).save(folder / label / f"{label}{number}.jpg")
    return folder.parent.parent


def fingerspell(*arguments: object, cache: Path) -> subprocess.CompletedProcess:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "FINGERSPELL_CACHE": str(cache)}
    command = [sys.executable, "-m", "fingerspell.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


@pytest.fixture(scope="module")
def done(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    other = folder / "other"
    for label in ("a", "SPACE"):  # somebody else's folder: other spelling, other numbers
        (other / label).mkdir(parents=True)
        source = sorted(
            (photos / "asl_alphabet_train/asl_alphabet_train" / label.upper().replace("SPACE", "space")).iterdir()
        )
        for number, path in enumerate(source[:8]):
            Image.open(path).rotate(2).save(other / label / f"x{number}.png")
    result = fingerspell("demo", photos, "--out", folder / "out", "--also", other, "--short", cache=folder / "cache")
    return folder, photos, other, result


def test_demo_goes_the_whole_way(done):
    folder, _, _, result = done
    assert result.returncode == 0, result.stderr
    out = folder / "out"
    for name in (
        "audit.html",
        "audit.json",
        "split.json",
        "run/report.html",
        "run/evaluation.json",
        "asl.bundle/card.json",
    ):
        assert (out / name).stat().st_size > 100, name
    assert str(out / "run" / "report.html") in result.stdout
    assert str(out / "asl.bundle") in result.stdout
    assert "block split" in result.stdout
    assert "Traceback" not in result.stderr
    evaluation = json.loads((out / "run" / "evaluation.json").read_text())
    assert len(evaluation["sources"]) == 2


def test_demo_again_goes_on_and_does_not_train_anew(done):
    folder, photos, other, _ = done
    before = (folder / "out" / "run" / "weights.safetensors").read_bytes()
    again = fingerspell("demo", photos, "--out", folder / "out", "--also", other, "--short", cache=folder / "cache")
    assert again.returncode == 0, again.stderr
    assert "going on" in again.stderr
    assert "epoch 1/" not in again.stderr
    assert (folder / "out" / "run" / "weights.safetensors").read_bytes() == before


def test_demo_on_other_photos_does_not_overwrite(done, tmp_path):
    folder, _, other, _ = done
    result = fingerspell("demo", other, "--out", folder / "out", "--short", cache=folder / "cache")
    assert result.returncode == 2
    assert "hint:" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_bundle_of_the_demo_predicts(done):
    folder, photos, _, _ = done
    result = fingerspell("predict", folder / "out" / "asl.bundle", photos, "--json", cache=folder / "cache")
    assert result.returncode == 0, result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(rows) == 120
    assert {tuple(row) for row in rows} == {("path", "label", "probability", "runners_up", "error")}


def test_compare_shows_the_run_and_the_notebook(done):
    folder, _, _, _ = done
    result = fingerspell("compare", folder / "out" / "run", "--html", folder / "compare.html", cache=folder / "cache")
    assert result.returncode == 0, result.stderr
    assert "notebook" in result.stdout + result.stderr
    assert (folder / "compare.html").stat().st_size > 1000


def test_evaluate_never_scores_what_was_learnt_from(done):
    """Given the very folder it was trained on, only the test part is scored."""
    folder, photos, _, _ = done
    result = fingerspell("evaluate", folder / "out" / "run", photos, "--json", cache=folder / "cache")
    assert result.returncode == 0, result.stderr
    evaluation = json.loads(result.stdout)
    split = json.loads((folder / "out" / "split.json").read_text())
    tested = {row[0] for row in split["photos"] if row[3] == "test"}
    for source in evaluation["sources"]:
        assert source["predictions"]["path"]
        assert set(source["predictions"]["path"]) <= tested


def test_demo_without_photos_and_without_the_renderer_says_what_to_give(tmp_path):
    program = "import sys; sys.modules['numba'] = None; from fingerspell.cli.main import main; main()"
    command = [sys.executable, "-c", program, "demo"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert result.returncode == 2
    assert "DATA=folder" in result.stderr
    assert "fingerspell[hands]" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "demo" / "rendered" / "A").exists()


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """The demo in a folder without photos beside it, with a renderer that is quick and simple."""
    pytest.importorskip("pyarrow", reason="the extra 'hands' is not installed")
    place = tmp_path_factory.mktemp("rendered")
    program = (
        "import sys, types, fake_renderer\n"
        "sys.modules['fingerspell.hands.scene'] = types.SimpleNamespace(render_one=fake_renderer.render)\n"
        "from fingerspell.cli import demo, main\n"
        "demo._RENDERED_SHORT, demo._RENDERED_SIZE, demo.default_jobs = 12, 48, lambda: 1\n"
        "main.main()\n"
    )
    found = os.pathsep.join([str(Path(__file__).parents[1] / "hands"), os.environ.get("PYTHONPATH", "")])
    own = {"OMP_NUM_THREADS": "1", "FINGERSPELL_CACHE": str(place / "cache"), "PYTHONPATH": found}
    environment = os.environ | own
    command = [sys.executable, "-c", program, "demo", "--short"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=place, env=environment, timeout=300)
    return place / "demo", result


def test_demo_without_photos_renders_some_and_holds_signers_out(rendered):
    out, result = rendered
    assert result.returncode == 0, result.stderr
    assert len(list((out / "rendered" / "space").rglob("*.jpg"))) == 12
    split = json.loads((out / "split.json").read_text())
    assert split["strategy"] == "group"
    parts = {}
    for path, _, _, part, _ in split["photos"]:
        parts.setdefault(path.split("/")[1], set()).add(part)
    assert len(parts) == 12
    assert all(len(its) == 1 for its in parts.values())
    assert set.union(*parts.values()) == {"train", "val", "test"}


def test_demo_of_rendered_hands_says_what_its_number_is_of(rendered):
    _, result = rendered
    assert "rendered hands only" in result.stdout
    assert "stretches" not in result.stderr
    assert "signers" in result.stderr
    assert "stranger" not in result.stdout


def test_a_rendered_folder_of_too_few_signers_is_split_by_stretches(tmp_path):
    from fingerspell.cli.demo import _split

    numbers = np.random.default_rng(1)
    for name in ("synth.json", "labels.parquet"):
        (tmp_path / name).write_bytes(b"")
    for label in "AB":
        for number in range(30):
            path = tmp_path / label / f"signer-{number % 2:02}" / f"{number:05}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(numbers.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(path)
    assert _split(tmp_path).strategy == "block"
