"""The floors and rooms are a failing test: the contracts hold, and each fails when it is broken."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("importlinter", reason="import-linter (group dev) is not installed")

ROOT = Path(__file__).parents[2]
LINT = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"


def lint(place: Path, contract: str | None = None) -> tuple[int, str]:
    """Exit code and output of import-linter over place/src with place/pyproject.toml."""
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache", "--no-logo", *(["--contract", contract] if contract else [])],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(place / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources and their contracts, to be broken."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold():
    code, said = lint(ROOT)
    assert code == 0, said
    assert "0 broken" in said


BROKEN = {
    # name: (module, what is added to it, the contract that must fail)
    "torch in core": ("core/scoring.py", "import torch", "core-light"),
    "torch inside a function of core": ("core/scoring.py", "def f() -> None:\n    import torch", "core-light"),
    "pydantic in core": ("core/bundle.py", "import pydantic", "core-light"),
    "h5py in core": ("core/bundle.py", "import h5py", "core-light"),
    "weights in file": ("lab/keras_model/file.py", "from fingerspell.lab.keras_model import weights", "keras-model"),
    "lab in core": ("core/bundle.py", "from fingerspell.lab import recipe", "floors"),
    "lab in live": ("live/recognizer.py", "from fingerspell.lab.data import manifest", "floors"),
    "live in lab": ("lab/evaluate.py", "def f() -> None:\n    from fingerspell.live import recognizer", "floors"),
    "cli in lab": ("lab/data/cache.py", "from fingerspell.cli import console", "floors"),
    "torch in live": ("live/frames/video.py", "import torch", "live-without-torch"),
    "a camera in spelling": ("live/spelling/speller.py", "import cv2", "spelling-pure"),
    "frames in spelling": ("live/spelling/event.py", "from fingerspell.live.frames import frame", "live-rooms"),
    "a web framework in frames": ("live/frames/box.py", "def f() -> None:\n    import fastapi", "web-in-service"),
    "routes in limits": ("live/service/limits.py", "from fingerspell.live.service import predict", "service-rooms"),
    "training in data": ("lab/data/cache.py", "from fingerspell.lab.training import run", "lab-rooms"),
    "report in training": ("lab/training/loop.py", "from fingerspell.lab import report", "lab-rooms"),
    "recipe in augment": ("lab/augment.py", "from fingerspell.lab import recipe", "lab-rooms"),
    "data in nets": ("lab/nets/blocks.py", "from fingerspell.lab.data import manifest", "lab-rooms"),
    "a room without a place": ("lab/attic.py", "import json", "lab-rooms"),
    "one family in another": ("lab/nets/residual.py", "from fingerspell.lab.nets import notebook", "families"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_contract_is_seen(copy, name):
    module, line, contract = BROKEN[name]
    with (copy / "src" / "fingerspell" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n\n{line}\n")
    code, said = lint(copy, contract)
    assert code == 1, said
    assert "BROKEN" in said
    assert module.removesuffix(".py").rpartition("/")[2] in said


def test_core_imports_numpy_and_pillow_only():
    """The contract names what must not be imported; this names what may be."""
    allowed = {*sys.stdlib_module_names, "numpy", "PIL", "fingerspell"}
    for path in (ROOT / "src" / "fingerspell" / "core").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.partition(".")[0] for name in names} <= allowed, path.name
