"""`fingerspell data synth` as a user types it: what it makes, says and refuses, and how it stops."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="the extra 'hands' is not installed")

FAKES = Path(__file__).parents[1] / "hands"
MAIN = "from fingerspell.cli.main import main\nif __name__ == '__main__': main()\n"
FAKE = (
    "import sys, types, fake_renderer\n"
    "sys.modules['fingerspell.hands.scene'] = types.SimpleNamespace(render_one=fake_renderer.RENDER)\n"
    "sys.modules['fingerspell.hands.perform'] = types.SimpleNamespace(perform=fake_renderer.perform)\n"
)


def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "pids").mkdir(exist_ok=True)
    found = os.pathsep.join([str(FAKES), os.environ.get("PYTHONPATH", "")])
    own = {"PYTHONPATH": found, "FAKE_PIDS": str(tmp_path / "pids"), "OMP_NUM_THREADS": "1"}
    return os.environ | own | {"FINGERSPELL_CACHE": str(tmp_path / "cache")}


def program(tmp_path: Path, before: str = "", render: str = "render") -> Path:
    path = tmp_path / "program.py"
    path.write_text(FAKE.replace("RENDER", render) + before + MAIN)
    return path


def fingerspell(tmp_path: Path, *arguments: object, before: str = "") -> subprocess.CompletedProcess:
    command = [sys.executable, str(program(tmp_path, before)), *map(str, arguments)]
    result = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment(tmp_path), timeout=120
    )
    assert "Traceback" not in result.stderr
    return result


SMALL = ("--per-class", "4", "--size", "32", "--signers", "4", "--jobs", "1")


def test_it_makes_a_folder_and_the_commands_it_names_work(tmp_path):
    result = fingerspell(tmp_path, "data", "synth", "out", *SMALL)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "out\n"  # data on stdout, messages on stderr
    assert "116 photos of 4 signers in out, 116 of them made now" in result.stderr
    for name in ("labels.parquet", "contact-sheet.png"):
        assert (tmp_path / "out" / name).is_file()
        assert f"out/{name}" in result.stderr
    assert len(list((tmp_path / "out").glob("*/signer-0*/*.jpg"))) == 116
    if importlib.util.find_spec("torch") is None:
        pytest.skip("the extra 'lab' is not installed")
    told = [line.split() for line in result.stderr.splitlines() if line.startswith("  fingerspell ")]
    assert [words[1:3] for words in told] == [["data", "split"], ["train", "out"]]
    split = fingerspell(tmp_path, *told[0][1:])
    assert split.returncode == 0, split.stderr
    assert "train 58, val 29, test 29 of 116 photos" in split.stderr  # two signers, one, one
    train = fingerspell(tmp_path, *told[1][1:], "--epochs", 1, "--size", 32, "--out", "run")
    assert train.returncode == 0, train.stderr
    assert (tmp_path / "run" / "weights.safetensors").is_file()


def test_again_it_makes_nothing_anew_and_other_options_are_refused(tmp_path):
    assert fingerspell(tmp_path, "data", "synth", "out", *SMALL).returncode == 0
    again = fingerspell(tmp_path, "data", "synth", "out", *SMALL)
    assert again.returncode == 0
    assert "116 photos of 4 signers in out, 0 of them made now" in again.stderr
    other = fingerspell(tmp_path, "data", "synth", "out", *SMALL, "--seed", 1)
    assert other.returncode == 2
    assert "seed 0, now 1" in other.stderr
    assert "hint:" in other.stderr


def test_too_few_signers_to_hold_out_are_said(tmp_path):
    result = fingerspell(tmp_path, "data", "synth", "out", "--per-class", 1, "--size", 32, "--signers", 2, "--jobs", 1)
    assert "too few signers" in result.stderr
    assert "--by group" not in result.stderr


def test_clips_are_made_beside_the_photos(tmp_path):
    pytest.importorskip("av", reason="the extra 'hands' is not installed")
    (tmp_path / "words.txt").write_text("hello\nno\n")
    result = fingerspell(tmp_path, "data", "synth", "out", *SMALL, "--clips", "words.txt")
    assert result.returncode == 0, result.stderr
    assert "2 clips in out/clips, 2 of them made now" in result.stderr
    assert sorted(path.name for path in (tmp_path / "out" / "clips").glob("*.mp4")) == ["0000-hello.mp4", "0001-no.mp4"]
    again = fingerspell(tmp_path, "data", "synth", "out", *SMALL, "--clips", "words.txt")
    assert "2 clips in out/clips, 0 of them made now" in again.stderr


def test_words_are_read_before_anything_is_rendered(tmp_path):
    (tmp_path / "words.txt").write_text("hello\ncaf\u00e9\n", encoding="utf-8")
    result = fingerspell(tmp_path, "data", "synth", "out", *SMALL, "--clips", "words.txt")
    assert result.returncode == 2
    assert "line 2" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--per-class", 0), "--per-class is 0"),
        (("--size", 16), "--size is 16"),
        (("--size", 4000), "--size is 4000"),
        (("--signers", 0), "--signers is 0"),
        (("--seed", -1), "--seed is -1"),
        (("--jobs", 0), "--jobs is 0"),
        (("--backgrounds", "nowhere"), "nowhere is not there"),
        (("--clips", "nowhere.txt"), "nowhere.txt cannot be read"),
    ],
)
def test_values_that_make_no_sense_are_refused(tmp_path, options, told):
    result = fingerspell(tmp_path, "data", "synth", "out", *options)
    assert result.returncode == 2
    assert told in result.stderr
    assert "expected:" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("module", "options"), [("pyarrow", ()), ("av", ("--clips", "words.txt"))])
def test_a_missing_library_is_said_before_the_work(tmp_path, module, options):
    (tmp_path / "words.txt").write_text("hello\n")
    result = fingerspell(tmp_path, "data", "synth", "out", *SMALL, *options, before=f"sys.modules['{module}'] = None\n")
    assert result.returncode == 2
    assert f"'{module}' is not installed" in result.stderr
    assert "pip install 'fingerspell[hands]'" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups on this system")
def test_ctrl_c_keeps_what_is_finished_and_says_how_to_go_on(tmp_path):
    command = [sys.executable, str(program(tmp_path, render="slowly")), "data", "synth", "out", "--per-class", "16"]
    command += ["--size", "32", "--signers", "4", "--jobs", "2"]
    running = subprocess.Popen(
        command, cwd=tmp_path, env=environment(tmp_path), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    end = time.monotonic() + 60
    while len(list(tmp_path.glob("out/.unfinished/*.json"))) < 2:
        assert time.monotonic() < end
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to all of its processes
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Go on with the same command" in said
    assert "Traceback" not in said
    kept = len(list(tmp_path.glob("out/.unfinished/*.json")))
    assert 2 <= kept < 29
    result = fingerspell(tmp_path, *command[2:-1], "1")
    assert result.returncode == 0, result.stderr
    assert f"464 photos of 4 signers in out, {464 - 16 * kept} of them made now" in result.stderr


def test_help_ends_with_examples(tmp_path):
    result = fingerspell(tmp_path, "data", "synth", "--help")
    assert result.returncode == 0
    assert "fingerspell data synth rendered --clips words.txt" in result.stdout
