"""`fingerspell adapt`: figures on stderr, the bundle on stdout, and a refusal with exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from fingerspell.cli.adapt import adapt_command
from fingerspell.core.bundle import read_bundle
from fingerspell.core.errors import DataError

pytest.importorskip("onnxruntime")
COLOURS = {"A": (100, 100, 190), "B": (80, 160, 100), "J": (130, 120, 100), "nothing": (180, 80, 100)}


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder of photos whose A is bluer than the recogniser knows it."""
    draw = np.random.default_rng(0)
    for label, colour in COLOURS.items():
        (tmp_path / "mine" / label).mkdir(parents=True)
        for number in range(5):
            pixels = np.full((40, 40, 3), colour, np.float64)
            pixels[2 + 7 * number : 8 + 7 * number] += draw.normal(50, 12, (6, 40, 3))
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(tmp_path / f"mine/{label}/{number}.png")
    return tmp_path / "mine"


@pytest.fixture
def run():
    app = typer.Typer()
    app.command()(adapt_command)
    return lambda *args: CliRunner().invoke(app, [str(a) for a in args])


def test_it_tells_before_and_after(run, tiny_bundle, mine, tmp_path):
    result = run(tiny_bundle, mine, "-o", tmp_path / "out.bundle")
    assert result.exit_code == 0, result.exception
    assert result.stdout.strip() == str(tmp_path / "out.bundle")
    assert "20 photos of 4 letters; 20 were held back in turn" in result.stderr
    assert "before: 15 of 20 named right, 75.0% (53.1%–88.8%)" in result.stderr
    assert "after:  20 of 20 named right, 100.0% (83.9%–100.0%)" in result.stderr
    assert read_bundle(tmp_path / "out.bundle").card["adapted"]["hand"] == "right"


def test_as_json_and_notes(run, tiny_bundle, mine, tmp_path):
    (mine / "A/broken.png").write_bytes(b"x")
    result = run(tiny_bundle, mine, "-o", tmp_path / "out.bundle", "--json", "--hand", "LEFT", "--no-find")
    values = json.loads(result.stdout)
    assert values["after"]["right"] == 20
    assert values["photos"] == {"A": 5, "B": 5, "J": 5, "nothing": 5}
    assert "left out" in result.stderr
    assert "broken.png" in result.stderr
    assert read_bundle(tmp_path / "out.bundle").card["adapted"]["hand"] == "left"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("{bundle}",), "0 folders"),
        (("{mine}", "{mine}"), "2 folders"),
        (("{mine}", "--hand", "both"), "no hand 'both'"),
    ],
)
def test_wrong_words(run, tiny_bundle, mine, tmp_path, words, said):
    places = {"bundle": tiny_bundle, "mine": mine}
    given = [word.format(**places) for word in words]
    first = [] if "{bundle}" in words else [tiny_bundle]
    result = run(*first, *given, "-o", tmp_path / "out")
    assert isinstance(result.exception, DataError)
    assert said in str(result.exception)


def test_a_refusal_is_an_error_without_a_trace(tiny_bundle, mine, tmp_path):
    for path in sorted((mine / "A").iterdir())[1:]:
        path.unlink()
    for label in ("J", "nothing"):
        for path in (mine / label).iterdir():
            path.unlink()
    command = [sys.executable, "-m", "fingerspell.cli.main", "adapt", tiny_bundle, mine, "-o", tmp_path / "out"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stdout == ""
    assert "too few photos: 6 of 2 letters; only one of A; none of J, nothing" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_it_needs_no_torch(tiny_bundle, mine, tmp_path):
    code = (
        "import sys; from pathlib import Path; from fingerspell.live.adapting.adapt import adapt_bundle;"
        "adapt_bundle(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]));"
        "sys.exit(any(n in sys.modules for n in ('torch', 'onnx', 'safetensors', 'fingerspell.lab')))"
    )
    command = [sys.executable, "-c", code, tiny_bundle, mine, tmp_path / "out"]
    assert subprocess.run(command, check=False).returncode == 0
