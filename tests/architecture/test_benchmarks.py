"""Benchmarks and scripts that make pictures are run by hand, months apart: what they take from the package exists."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(path for folder in ("benchmarks", "docs", "web") for path in (ROOT / folder).glob("*.py"))


def taken(script: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of all that a script imports from the package, inside its functions too."""
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "fingerspell":
            yield from ((node.module or "", each.name) for each in node.names)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_import_what_there_is(script):
    for module, name in taken(script):
        found = importlib.import_module(module)
        if not hasattr(found, name):
            importlib.import_module(f"{module}.{name}")  # a module; or the error that the script would meet


def test_there_are_scripts():
    assert len(SCRIPTS) > 20
    assert any(list(taken(script)) for script in SCRIPTS)
