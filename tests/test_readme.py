"""What the README and docs/ tell people to type exists: every verb, option and recipe; and their pictures and links."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from fingerspell.cli.main import app
from fingerspell.lab.recipe import read, shipped

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
README = PAGES[0].read_text(encoding="utf-8")


def commands() -> list[list[str]]:
    """The `fingerspell …` lines of the pages' code blocks, without their comments; each once."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    blocks = re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [shlex.split(line) for line in dict.fromkeys(lines) if line.startswith("fingerspell ")]


def test_there_are_commands():
    assert {words[1] for words in commands()} >= {"data", "train", "evaluate", "compare", "export", "predict"}


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_the_command_exists_with_its_options(words):
    command = typer.main.get_command(app)
    rest = words[1:]
    while hasattr(command, "commands"):
        name = rest.pop(0)
        assert name in command.commands, f"no verb '{name}'"
        command = command.commands[name]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for word in rest:
        if word.startswith("-"):
            assert word in known, f"'{words[1]}' has no option {word}"


def test_the_recipes_it_names_are_shipped():
    for words in commands():
        if "--recipe" in words:
            assert words[words.index("--recipe") + 1] in shipped()
        overrides = [words[place + 1] for place, word in enumerate(words) if word == "--set"]
        if overrides:
            assert read("quick", overrides)


def test_make_targets_exist():
    targets = re.findall(r"^make (\w+)", README, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    assert targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_the_tree_it_draws_is_there():
    for name in re.findall(r"[├└]─ (\w+)/", README):
        assert list((ROOT / "src" / "fingerspell").rglob(name)), name
    for name in ("tests", "docs", "benchmarks", "records"):
        assert (ROOT / name).is_dir()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_its_links_and_pictures_are_there(page):
    for place in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / place).is_file(), place
