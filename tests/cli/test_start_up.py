"""What starting a command loads, and that loading less changes nothing that is seen. Times are in benchmarks/."""

import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from fingerspell.cli import light_help, plain_values
from fingerspell.cli.main import app
from fingerspell.cli.on_demand import OnDemand
from fingerspell.cli.verbs import VERBS, Group, Verb

ALL = [((name,), verb) for name, verb in VERBS.items() if isinstance(verb, Verb)] + [
    ((name, below), verb)
    for name, group in VERBS.items()
    if isinstance(group, Group)
    for below, verb in group.verbs.items()
]
LOADED = (
    "import json, sys\n"
    "from fingerspell.cli.main import main\n"
    "try: main()\n"
    "finally: print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
)
HEAVY = {
    "numpy", "PIL", "cv2", "av", "onnxruntime", "torch", "pandas", "scipy", "sklearn", "matplotlib", "pydantic",
    "jinja2", "fastapi", "starlette", "uvicorn", "websockets", "numba", "pyarrow", "onnx", "h5py", "safetensors",
    "importlib.metadata", "markdown_it", "pygments", "asyncio",
}  # fmt: skip


def loaded(*words: object, code: int = 0) -> set[str]:
    """Modules that a command has loaded when it ends, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *map(str, words)], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == code, done.stderr[-2000:]
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("words", [("--help",), ("data", "--help"), ("predict", "--help"), ("site", "build", "--help")])
def test_help_loads_nothing_heavy(words):
    found = loaded(*words)
    assert "typer.rich_utils" in found  # it was help in full dress
    assert not HEAVY & found
    others = {name for name in found if re.match(r"fingerspell\.(lab|hands|live)", name)}
    assert not others


def test_help_of_all_loads_no_command():
    places = {verb.place.partition(":")[0] for _, verb in ALL}
    assert not {f"fingerspell.cli.{place}" for place in places} & loaded("--help")


def test_a_command_loads_none_of_the_others(tmp_path):
    found = loaded("predict", tmp_path / "none.bundle", "x.jpg", code=2)
    assert "fingerspell.cli.predict" in found
    assert not {"fingerspell.cli.train", "fingerspell.cli.evaluate", "fingerspell.cli.camera"} & found


def test_an_answer_needs_no_more_than_it_uses(tiny_bundle):
    """NumPy, Pillow and ONNX Runtime; of the rest nothing: not for photos, whose hand needs no following."""
    photo = next(path for path in (tiny_bundle / "golden").iterdir() if path.suffix != ".json")
    found = loaded("predict", tiny_bundle, photo, "--hand", "left", "--json")
    assert {"numpy", "PIL", "onnxruntime"} <= found
    assert not (HEAVY - {"numpy", "PIL", "onnxruntime"}) & found
    assert not {"rich", "typer.rich_utils", "fingerspell.live.reader", "fingerspell.live.spelling.speller"} & found
    assert not {name for name in found if name.startswith(("fingerspell.lab", "fingerspell.hands"))}


@pytest.mark.parametrize(("words", "verb"), ALL, ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_the_table_says_what_the_commands_say(words, verb):
    module, _, function = verb.place.partition(":")
    text = inspect.getdoc(getattr(importlib.import_module(f"fingerspell.cli.{module}"), function)) or ""
    assert verb.line == text.split("\n\n")[0]
    shown = CliRunner().invoke(app, [*words, "--help"]).output
    assert verb.line[:40].partition(" ")[0] in shown


def test_every_command_of_a_module_is_in_the_table():
    places = {verb.place for _, verb in ALL}
    for module in {place.partition(":")[0] for place in places}:
        found = vars(importlib.import_module(f"fingerspell.cli.{module}"))
        here = {
            f"{module}:{name}"
            for name, value in found.items()
            if name.endswith("_command") and getattr(value, "__module__", "") == f"fingerspell.cli.{module}"
        }
        assert here <= places


def eager() -> typer.Typer:
    """The same commands, each there from the beginning, as Typer makes them."""

    def function(verb):
        module, _, name = verb.place.partition(":")
        return getattr(importlib.import_module(f"fingerspell.cli.{module}"), name)

    settings = {"no_args_is_help": True, "pretty_exceptions_enable": False, "add_completion": False}
    whole = typer.Typer(name="fingerspell", help=app.info.help, rich_markup_mode="rich", **settings)
    for name, verb in VERBS.items():
        if isinstance(verb, Verb):
            whole.command(name)(function(verb))
            continue
        below = typer.Typer(help=verb.line, no_args_is_help=True)
        below.callback()(lambda: None)
        for each, its in verb.verbs.items():
            below.command(each)(function(its))
        whole.add_typer(below, name=name)
    return whole


@pytest.mark.parametrize("columns", ["80", "130"])
@pytest.mark.parametrize(
    "words",
    [
        ("--help",), (), ("data",), ("data", "--help"), ("site", "--help"), ("finder", "--help"), ("predict", "--help"),
        ("data", "sheet", "--help"), ("trian",), ("data", "spilt"), ("--nope",), ("--version",), ("predict", "--nope"),
        ("nets", "--size", "x"), ("predict",), ("predict", "x.jpg", "--top", "99"), ("camera", "--hold", "long"),
        ("data", "synth"), ("live", "--port", "99999999"), ("data", "audit"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_everything_looks_as_if_all_were_there(words, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    ours, theirs = (CliRunner().invoke(each, [*words], prog_name="fingerspell") for each in (app, eager()))
    assert (ours.exit_code, ours.stdout, ours.stderr) == (theirs.exit_code, theirs.stdout, theirs.stderr)
    assert ours.exit_code in (0, 2) and "Traceback" not in ours.output


def test_what_a_module_raises_is_no_unknown_command(monkeypatch):
    """A KeyError while a command is imported must not read as 'No such command'."""
    from fingerspell.cli import on_demand

    def broken(name):
        raise KeyError(name)

    monkeypatch.setattr(on_demand, "import_module", broken)
    result = CliRunner().invoke(app, ["nets"])
    assert isinstance(result.exception, KeyError)


def test_a_group_of_one_is_a_group():
    group = typer.main.get_command(app).commands["site"]
    assert isinstance(group, OnDemand) and list(group.commands) == ["build"] and len(group.commands) == 1
    assert "build" in group.commands and "nothing" not in group.commands and group.commands.get("nothing") is None


STAND_INS = """
import sys
from fingerspell.cli import light_help
light_help.load()
import typer.rich_utils as drawing
assert "rich.markdown" not in sys.modules and "markdown_it" not in sys.modules
made = drawing.Markdown("# x")
import rich.markdown, rich.traceback
assert type(made) is rich.markdown.Markdown
assert drawing.Traceback.from_exception == rich.traceback.Traceback.from_exception
light_help.load()
assert drawing is sys.modules["typer.rich_utils"]
"""


def test_what_was_left_out_of_the_help_is_there_when_it_is_asked_for():
    done = subprocess.run([sys.executable, "-c", STAND_INS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_typer_that_will_not_have_it_imports_in_its_own_way(monkeypatch):
    monkeypatch.delitem(sys.modules, "typer.rich_utils", raising=False)
    for place in ("rich.markdown", "rich.traceback"):
        monkeypatch.delitem(sys.modules, place, raising=False)

    def refused(name):
        raise ImportError(name)

    monkeypatch.setattr(light_help, "import_module", refused)
    light_help.load()
    assert not {"typer.rich_utils", "rich.markdown", "rich.traceback"} & set(sys.modules)
    assert CliRunner().invoke(app, ["--help"]).exit_code == 0


class TestPlainValues:
    @staticmethod
    def parsed(*words: str, environment: dict[str, str] | None = None):
        """What a command gets, with values taken as they are and as Typer takes them."""
        got: list[dict] = []

        def command(
            rest: Annotated[list[str], typer.Argument()],
            name: str = "auto",
            more: str | None = typer.Option(None, envvar="MORE_TEXT"),
            many: list[str] | None = None,
            number: int = typer.Option(3, min=0, max=50),
            share: float | None = typer.Option(None, callback=lambda value: value if value is None else value * 2),
            whole: float = 120,
            flag: bool = False,
            either: bool | None = typer.Option(None, "--either/--or"),
            loud: str = typer.Option("a", parser=lambda text: text.upper()),
            said: str = typer.Option("b", callback=lambda value: value + "!"),
        ) -> None:
            got.append(locals() | {"got": None})

        results = []
        for spared in (True, False):
            alone = typer.Typer(add_completion=False)
            alone.command()(command)
            group = typer.main.get_command(alone)
            if spared:
                plain_values.spare(group.params)
                plain_values.spare(group.params)  # once is enough
            try:
                group.main([*words], prog_name="x", standalone_mode=False)
            except Exception as error:  # whatever it is: the same on both ways
                got.append({"error": str(error), "kind": type(error).__name__})
            results.append(got.pop())
        return results

    @pytest.mark.parametrize(
        "words",
        [
            ["x"], ["x", "y", "--name", "left"], [], ["x", "--number", "7"], ["x", "--number", "77"],
            ["x", "--number", "seven"], ["x", "--share", "0.5"], ["x", "--many", "a", "--many", "b"], ["x", "--flag"],
            ["x", "--or"], ["x", "--loud", "quiet"], ["x", "--said", "so"], ["x", "--more", ""], ["", "é\udce9"],
            ["x", "--whole", "1e3"], ["x", "--name"], ["x", "--either", "--nope"],
        ],
    )  # fmt: skip
    def test_they_are_what_typer_makes_of_them(self, words):
        ours, theirs = self.parsed(*words)
        assert ours == theirs
        assert {name: type(value) for name, value in ours.items()} == {
            name: type(value) for name, value in theirs.items()
        }

    def test_from_the_environment_too(self, monkeypatch):
        monkeypatch.setenv("MORE_TEXT", "from there")
        ours, theirs = self.parsed("x")
        assert ours == theirs and ours["more"] == "from there"

    def test_another_typer_is_left_alone(self):
        class Older:
            def process_value(self, ctx, value):
                return value

        parameter = Older()
        plain_values.spare([parameter])
        assert vars(parameter) == {}


def test_settings_that_make_no_sense_are_said_before_a_photo_is_read(tiny_bundle, tmp_path):
    for options in (("--hold", "99"), ("--box", "1,2"), ("--hand", "third"), ("--certain", "-1")):
        result = CliRunner().invoke(app, ["predict", str(tiny_bundle), str(tmp_path / "absent.jpg"), *options])
        assert result.exit_code != 0 and result.output == "" and "absent" not in str(result.exception)


@pytest.mark.skipif(os.name == "nt", reason="signals are others there")
def test_a_first_message_in_a_signal_handler_imports_nothing():
    """Who is told to stop while Rich is being imported would find half of it."""
    program = (
        "import os, signal, sys\n"
        "from fingerspell.cli.train import stop_on_signals\n"
        "assert 'rich.console' not in sys.modules\n"
        "with stop_on_signals() as request:\n"
        "    assert 'rich.console' in sys.modules\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "assert request.number == signal.SIGTERM\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "stopping after this step; everything is being saved …\n"
