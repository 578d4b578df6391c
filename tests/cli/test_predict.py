"""`fingerspell predict`: one line a photo on stdout, messages on stderr, exit codes that scripts can trust."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from fingerspell.cli import console
from fingerspell.cli.predict import predict_command, text_line
from fingerspell.core.errors import BundleError, DataError
from fingerspell.live.recognizer import Recognizer

pytest.importorskip("onnxruntime")

RUN = (
    "import sys, typer\n"
    "from fingerspell.cli import main\n"
    "if not any(c.name == 'predict' for c in main.app.registered_commands):\n"
    "    from fingerspell.cli.predict import predict_command\n"
    "    main.app.command('predict')(predict_command)\n"
    "main.main()\n"
)


@pytest.fixture
def run():
    app = typer.Typer()
    app.command()(predict_command)
    return lambda *args, **options: CliRunner().invoke(app, [str(a) for a in args], **options)


def process(*args: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", RUN, "predict", *map(str, args)], input=stdin, capture_output=True, check=False
    )


@pytest.fixture
def photos(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A folder with two photos, a broken one and a file that is none."""
    golden = tiny_bundle / "golden"
    (tmp_path / "mine" / "more").mkdir(parents=True)
    shutil.copy(golden / "00-A.jpg", tmp_path / "mine" / "a.jpg")
    shutil.copy(golden / "01-B.jpg", tmp_path / "mine" / "more" / "b.JPEG")
    (tmp_path / "mine" / "broken.jpg").write_bytes((golden / "02-J.jpg").read_bytes()[:400])
    (tmp_path / "mine" / "notes.txt").write_text("not a photo")
    return tmp_path / "mine"


def test_json_has_exactly_the_promised_keys(run, tiny_bundle, photos):
    result = run(tiny_bundle, photos, "--json")
    first, broken, second = [json.loads(line) for line in result.stdout.splitlines()]
    expected = Recognizer(tiny_bundle).predict_bytes((photos / "a.jpg").read_bytes())
    assert list(first) == ["path", "label", "probability", "runners_up", "error"]
    assert first["path"] == str(photos / "a.jpg")
    assert first["label"] == expected.label == "A"
    assert first["probability"] == pytest.approx(expected.probability, abs=1e-6)
    assert first["error"] is None
    assert [list(entry) for entry in first["runners_up"]] == [["label", "probability"]] * 3
    assert [entry["label"] for entry in first["runners_up"]] == [label for label, _ in expected.runners_up]
    assert list(broken) == list(first)
    assert broken["path"] == str(photos / "broken.jpg")
    assert (broken["label"], broken["probability"], broken["runners_up"]) == (None, None, [])
    assert "truncated" in broken["error"].lower()
    assert second["path"] == str(photos / "more" / "b.JPEG")
    assert second["label"] == "B"


def test_exit_code_0_only_if_every_photo_was_answered(run, tiny_bundle, photos):
    assert run(tiny_bundle, photos / "a.jpg").exit_code == 0
    assert isinstance(run(tiny_bundle, photos).exception, DataError)
    assert process(tiny_bundle, photos / "a.jpg").returncode == 0
    assert process(tiny_bundle, photos).returncode == 2


def test_lines_for_people(run, tiny_bundle, photos):
    result = run(tiny_bundle, photos, "--top", "1")
    lines = result.stdout.splitlines()
    assert len(lines) == 2  # data alone; the broken photo is named on stderr
    assert lines[0].split()[0] == "A"
    assert str(photos / "a.jpg") in lines[0]
    assert lines[0].count("%") == 2
    assert "broken.jpg" in process(tiny_bundle, photos).stderr.decode()


def test_top_0_names_no_runners_up(run, tiny_bundle, photos):
    assert json.loads(run(tiny_bundle, photos / "a.jpg", "--json", "--top", "0").stdout)["runners_up"] == []
    assert "(" not in run(tiny_bundle, photos / "a.jpg", "--top", "0").stdout.rpartition("jpg")[2]


def test_a_photo_on_standard_input(run, tiny_bundle, photos):
    result = run(tiny_bundle, "-", "--json", input=(photos / "more" / "b.JPEG").read_bytes())
    assert json.loads(result.stdout)["label"] == "B"


def test_no_photos_is_an_error(tiny_bundle, tmp_path):
    (tmp_path / "empty").mkdir()
    result = process(tiny_bundle, tmp_path / "empty")
    assert result.returncode == 2
    assert result.stdout == b""
    assert b"no photos in this folder" in result.stderr
    assert b"Traceback" not in result.stderr


def test_a_path_that_does_not_exist(run, tiny_bundle, photos):
    missing, there = run(tiny_bundle, photos / "nowhere", photos / "a.jpg", "--json").stdout.splitlines()
    assert "no such file" in json.loads(missing)["error"]
    assert json.loads(there)["label"] == "A"


def test_what_is_no_bundle(run, photos):
    assert isinstance(run(photos, photos).exception, BundleError)
    result = process(photos, photos)
    assert result.returncode == 2
    assert b"is not a bundle" in result.stderr
    assert b"Traceback" not in result.stderr


def test_a_reader_that_goes_away_gives_no_traceback(tiny_bundle, photos):
    many = [str(photos / "a.jpg")] * 50
    command = [sys.executable, "-c", RUN, "predict", str(tiny_bundle), *many, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert json.loads(running.stdout.readline())["label"] == "A"
        running.stdout.close()
        messages = running.stderr.read()
    assert b"Traceback" not in messages
    assert b"Exception ignored" not in messages


def test_answers_arrive_one_by_one(tiny_bundle, photos):
    """The first line is there while the second photo is still awaited."""
    command = [sys.executable, "-c", RUN, "predict", str(tiny_bundle), str(photos / "a.jpg"), "-", "--json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert json.loads(running.stdout.readline())["label"] == "A"
        running.stdin.write((photos / "a.jpg").read_bytes())
        running.stdin.close()
        assert json.loads(running.stdout.readline())["path"] == "-"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_text(tiny_bundle, photos):
    odd = os.fsencode(photos) + b"/\xff\x1b[31m\n.jpg"
    shutil.copy(photos / "a.jpg", odd)
    plain = process(tiny_bundle, os.fsdecode(odd))
    assert plain.returncode == 0
    assert b"\x1b" not in plain.stdout
    assert len(plain.stdout.splitlines()) == 1
    as_json = process(tiny_bundle, os.fsdecode(odd), "--json")
    assert json.loads(as_json.stdout)["path"] == os.fsdecode(odd)


def test_the_table_is_aligned(tiny_bundle):
    recognizer = Recognizer(tiny_bundle)
    lines = [text_line("x.jpg", recognizer.predict_bytes(s.data)) for s in recognizer.bundle.golden]
    assert len({line.index("x.jpg") for line in lines}) == 1


def test_errors_are_shown_without_markup(capsys):
    console.show_error(DataError("photo [bold]1[/bold].jpg"))
    assert "[bold]1[/bold]" in capsys.readouterr().err
