"""What people see: plain text on the right stream, names as they are, errors without tracebacks."""

import os
import subprocess
import sys

import pytest

from fingerspell.cli import console
from fingerspell.cli import main as module
from fingerspell.core.errors import DataError, FingerspellError

ODD = [r"[bold]x[/bold]", r"a[/b]", r"pattern \[a-z]+", ":smile:", "[link=x]", "back\\", "[0]", "Zoë 手"]


@pytest.mark.parametrize("text", ODD)
def test_names_are_printed_as_they_are(capsys, text):
    console.give(text)
    assert capsys.readouterr() == (text + "\n", "")
    console.show_error(DataError(text, expected=text, remedy=text))
    console.note(text)
    assert capsys.readouterr() == ("", f"error: {text}\n  expected: {text}\n  hint: {text}\n{text}\n")


def test_long_lines_are_not_broken(capsys):
    console.give("x" * 500)
    console.note("y" * 500)
    assert capsys.readouterr() == ("x" * 500 + "\n", "y" * 500 + "\n")


def test_what_is_not_said_has_no_line(capsys):
    console.show_error(DataError("x"))
    assert capsys.readouterr() == ("", "error: x\n")


def test_progress_where_nobody_watches_is_a_line_now_and_then(capsys):
    with console.progress_bar() as progress:
        for done in range(101):
            progress("reading [photos]", done, 100)
        progress("nothing to do", 0, 0)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [f"reading [photos]: {done}/100" for done in (25, 50, 75, 100)]


def test_progress_on_a_terminal_is_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with console.progress_bar() as progress:
        progress("reading photos", 1, 2)
        progress("reading photos", 2, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "reading photos" in captured.err
    assert "2/2" in captured.err


def run_main(monkeypatch, raised: BaseException) -> int:
    def app():
        raise raised

    monkeypatch.setattr(module, "app", app)
    with pytest.raises(SystemExit) as ended:
        module.main()
    return ended.value.code


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (FingerspellError("x is odd", remedy="make it even"), "error: x is odd\n  hint: make it even\n"),
        (ModuleNotFoundError("m", name="torch.nn"), "pip install 'fingerspell[lab]'"),
        (ModuleNotFoundError("m", name="tomli_w"), "pip install 'fingerspell[lab]'"),
        (ModuleNotFoundError("m", name="av"), "pip install 'fingerspell[live]'"),
        (ModuleNotFoundError("m", name="uvicorn.config"), "pip install 'fingerspell[service]'"),
        (ModuleNotFoundError("m", name="spellchecker"), "pip install 'fingerspell[words]'"),
        (ModuleNotFoundError("m", name="onnxruntime"), "pip install 'fingerspell[live]'"),
        (PermissionError(13, "Permission denied", "/x/y"), "error: /x/y: Permission denied"),
        (OSError("odd"), "error: odd"),
        (DataError("caf\udce9"), "error: caf\\udce9"),  # a file name that is no UTF-8
    ],
)
def test_errors_become_exit_code_two_and_a_hint(monkeypatch, capsys, raised, said):
    assert run_main(monkeypatch, raised) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_a_terminal_that_lacks_letters_gets_escapes():
    done = subprocess.run(
        [sys.executable, "-m", "fingerspell.cli.main", "--help"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u2192" in done.stdout  # the arrow of the first line


def test_a_module_that_no_part_brings_is_a_fault_of_ours(monkeypatch):
    def app():
        raise ModuleNotFoundError("m", name="fingerspell.nowhere")

    monkeypatch.setattr(module, "app", app)
    with pytest.raises(ModuleNotFoundError):
        module.main()


@pytest.mark.skipif(os.name == "nt", reason="no such pipes on this system")
def test_a_reader_that_goes_away_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "fingerspell.cli.main", "--help"], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode in (1, 141)


def test_help_lists_the_verbs_and_loads_nothing_heavy():
    program = (
        "import sys; sys.argv = ['fingerspell', '--help']\n"
        "from fingerspell.cli.main import main\n"
        "try: main()\n"
        "finally: print(sorted({'torch', 'pydantic', 'matplotlib', 'onnxruntime'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    for verb in ("data", "train", "evaluate", "compare", "export", "predict", "demo", "nets", "doctor"):
        assert f" {verb} " in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
    assert done.stderr == ""
