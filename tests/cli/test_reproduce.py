"""`fingerspell reproduce` as somebody would type it: done, cut off, stopped, killed, failed, and called again."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fingerspell.cli import console, reproduce
from fingerspell.cli.main import main

torch = pytest.importorskip("torch")
from safetensors.torch import load_file  # noqa: E402 - only where torch is

from fingerspell.lab.reproduce import INTENDED, NOTEBOOK  # noqa: E402
from fingerspell.lab.training.loop import Trainer  # noqa: E402

SMALL = ("--size", "32", "--batch-size", "10", "--device", "cpu")


@pytest.fixture
def fingerspell(tmp_path, monkeypatch, capsys):
    """Run a command without drawing figures: (exit code, stdout, stderr)."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setenv("FINGERSPELL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("fingerspell.lab.figures._svg", lambda *_: "data:image/svg+xml;base64,PHN2Zy8+")

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fingerspell", *map(str, arguments)])
        code: object = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        return code, *capsys.readouterr()

    yield command
    torch.set_num_threads(threads)


@pytest.fixture
def photos(photo_folder) -> Path:
    return photo_folder({"A": 14, "B": 14})


def state_of(out: Path, name: str) -> dict:
    return json.loads((out / name / "run.json").read_text())


def record_of(out: Path) -> dict:
    return json.loads((out / "reproduce.json").read_text())


def same_weights(one: Path, other: Path) -> bool:
    first, second = (load_file(place / "weights.safetensors") for place in (one, other))
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_all_of_the_notebook_in_one_call(fingerspell, photos, photo_folder, tmp_path):
    desk = photo_folder({"A": [50, 51], "B": [50, 51]}, "desk")
    out = tmp_path / "out"
    words = ("reproduce", photos, "--out", out, *SMALL, "--epochs", 1, "--intended", "--also-score", desk)
    code, said, told = fingerspell(*words)
    assert code == 0, told
    names = sorted((*NOTEBOOK, INTENDED))
    assert [line.split()[0] for line in said.splitlines()] == [*names, str(out / "reproduce.html")]
    assert "6 networks, one after another" in told
    assert "28 in" in told
    assert "train 24, val 4; keras split), 3 steps an epoch" in told
    assert "differs from the notebook: Photos are 32×32 pixels" in told
    for name in names:
        assert state_of(out, name)["status"] == "finished"
        sources = json.loads((out / name / "evaluation.json").read_text())["sources"]
        assert sorted(source["name"] for source in sources) == ["desk", "photos (val part, keras split)"]
        report = (out / name / "report.html").read_text(encoding="utf-8")
        assert "data:image/jpeg" not in report  # nobody's photo is in it
    page = (out / "reproduce.html").read_text(encoding="utf-8")
    assert "data:image/jpeg" not in page
    assert page.count("all 1 epochs done") == 6
    assert "6 of 6 networks are done" in page
    results = record_of(out)["results"]
    assert results["sources"] == ["desk"]
    assert all(its["row"]["others"][0]["photos"] == 4 for its in results["networks"])
    with (out / "reproduce.csv").open() as file:
        assert sum(line["by"] == "fingerspell" for line in csv.DictReader(file)) == 6

    before = {path: path.read_bytes() for path in out.rglob("*.safetensors")}
    evaluated = {path: path.stat().st_mtime_ns for path in out.rglob("evaluation.json")}
    (out / "reproduce.html").unlink()
    code, said, told = fingerspell("reproduce", photos, "--out", out)  # all is done; only the page is made again
    assert code == 0, told
    assert told.count("already finished") == 5
    assert "epoch 1/" not in told
    assert (out / "reproduce.html").exists()
    assert {path: path.read_bytes() for path in out.rglob("*.safetensors")} == before
    assert {path: path.stat().st_mtime_ns for path in out.rglob("evaluation.json")} == evaluated


def test_what_is_refused_changes_nothing(fingerspell, photos, photo_folder, tmp_path):
    out, one = tmp_path / "out", ("--only", "notebook-v2")
    assert fingerspell("reproduce", photos, "--out", out, *SMALL, "--epochs", 1, *one)[0] == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    others = photo_folder({"A": 14, "B": 13}, "others")
    for words, error in (
        (("reproduce", photos, "--out", out, "--size", 48), "begun with --size 32, and now --size 48"),
        (("reproduce", photos, "--out", out, "--split-by", "block"), "begun without --split-by"),
        (("reproduce", others, "--out", out), "begun on other photos"),
        (("reproduce", photos, "--out", out, "--only", "notebook-v9"), "unknown network 'notebook-v9'"),
        (("reproduce", photos, "--out", out, "--device", "abacus"), "device 'abacus' is not available"),
        (("reproduce", photos, "--out", out, "--also-score", tmp_path / "nowhere"), "nowhere"),
        (("reproduce", tmp_path / "nowhere", "--out", out), "nowhere"),
        (("reproduce", photos, "--out", tmp_path / "new", "--size", 8), "preprocess.height is 8"),
        (("reproduce", photos, "--out", tmp_path / "new2", "--split-by", "group"), "needs to know the groups"),
    ):
        code, _, told = fingerspell(*words)
        assert (code, error in told) == (2, True), told
        assert "Traceback" not in told
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert not (tmp_path / "new" / "reproduce.json").exists()
    (out / "reproduce.json").unlink()  # the run alone is enough to refuse
    code, _, told = fingerspell("reproduce", photos, "--out", out, "--size", 48, *one)
    assert code == 2
    assert "holds a run with other settings" in told


def test_minutes_cut_off_and_more_minutes_go_on(fingerspell, photos, tmp_path, monkeypatch):
    """Each step, and each validation, takes 30 seconds of a clock that is ours."""

    def tick(trainer: Trainer) -> None:
        trainer.position.seconds += 30
        trainer.position.epoch_seconds += 30

    monkeypatch.setattr(Trainer, "_tick", tick)
    out = tmp_path / "out"
    words = ("reproduce", photos, "--out", out, "--only", "notebook-v2,notebook-v3")
    code, said, told = fingerspell(*words, *SMALL, "--epochs", 3, "--max-minutes", 2.5)
    assert code == 0, told
    assert "2 × 2.5 minutes of training" in told
    assert said.count("cut off after 1 of 3 epochs: reached the limit of 2.5 minutes") == 2
    page = (out / "reproduce.html").read_text(encoding="utf-8")
    assert "2 of 2 networks are done" in page
    assert "cut off after 2.5 minutes of training" in page
    assert state_of(out, "notebook-v2")["seconds"] == 150
    scored = (out / "notebook-v2" / "evaluation.json").read_bytes()

    assert fingerspell(*words, "--max-minutes", 2.5)[2].count("already cut off") == 2
    assert (out / "notebook-v2" / "evaluation.json").read_bytes() == scored
    code, said, told = fingerspell(*words, "--max-minutes", 4.5)
    assert said.count("cut off after 2 of 3 epochs") == 2, told
    code, said, told = fingerspell(*words)
    assert said.count("all 3 epochs done") == 2, told

    assert fingerspell(*words[:3], tmp_path / "whole", *words[4:], *SMALL, "--epochs", 3)[0] == 0
    for name in ("notebook-v2", "notebook-v3"):
        assert same_weights(out / name, tmp_path / "whole" / name)


def test_a_network_that_fails_does_not_stop_the_others(fingerspell, photos, tmp_path, monkeypatch):
    batch = Trainer._batch

    def small_memory(trainer):
        if trainer.recipe.network == "notebook-v2":
            raise torch.OutOfMemoryError("no room")
        if trainer.recipe.network == "notebook-v3":
            raise RuntimeError("odd thing\nwith details")
        return batch(trainer)

    out = tmp_path / "out"
    words = ("reproduce", photos, "--out", out, "--only", "notebook-v1,notebook-v2,notebook-v3,notebook-v4")
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_batch", small_memory)
        code, said, told = fingerspell(*words, *SMALL, "--epochs", 1)
    assert code == 1
    assert "Traceback" not in told
    assert "failed: notebook-v2, notebook-v3" in told
    lines = dict(line.split(maxsplit=1) for line in said.splitlines()[:-1])
    assert "failed after 0 of 1 epochs: memory ran out at a batch size of 10" in lines["notebook-v2"]
    assert lines["notebook-v3"].endswith("failed after 0 of 1 epochs: odd thing")
    assert "all 1 epochs done" in lines["notebook-v1"]
    assert "all 1 epochs done" in lines["notebook-v4"]
    assert "best val_accuracy      –" in lines["notebook-v2"]
    assert set(record_of(out)["failed"]) == {"notebook-v2", "notebook-v3"}
    assert "2 of 4 networks are done" in (out / "reproduce.html").read_text(encoding="utf-8")

    code, said, told = fingerspell(*words)
    assert code == 0, told
    assert record_of(out)["failed"] == {}
    assert said.count("all 1 epochs done") == 4


def test_a_collection_that_cannot_be_scored_is_a_failure_of_its_network(fingerspell, photos, photo_folder, tmp_path):
    stranger = photo_folder({"C": 3, "D": 3}, "stranger")  # labels that the networks do not know
    words = ("reproduce", photos, "--out", tmp_path / "out", "--only", "notebook-v2")
    code, said, _ = fingerspell(*words, *SMALL, "--epochs", 1, "--also-score", stranger)
    assert code == 1
    assert "no photo of stranger may be scored" in said
    desk = photo_folder({"A": [50, 51], "B": [50]}, "desk")
    code, said, told = fingerspell(*words, "--also-score", desk)  # another one instead
    assert code == 0, told
    assert record_of(tmp_path / "out")["results"]["sources"] == ["desk"]


def test_a_later_call_scores_other_collections_with_the_same_threads(fingerspell, photos, photo_folder, tmp_path):
    folders = [photo_folder({"A": [number], "B": [number]}, f"desk{number}") for number in (50, 51)]
    words = ("reproduce", photos, "--out", tmp_path / "out", "--only", "notebook-v2")
    assert fingerspell(*words, *SMALL, "--epochs", 1, "--also-score", folders[0])[0] == 0
    before = (tmp_path / "out" / "notebook-v2" / "weights.safetensors").read_bytes()
    torch.set_num_threads(2)
    code, _, told = fingerspell(*words, "--also-score", folders[0], "--also-score", folders[1])
    assert code == 0, told
    assert torch.get_num_threads() == 1  # as it was begun: another number may add in another order
    assert record_of(tmp_path / "out")["results"]["sources"] == ["desk50", "desk51"]
    assert (tmp_path / "out" / "notebook-v2" / "weights.safetensors").read_bytes() == before


def test_stopped_by_a_signal_it_saves_and_shows_what_there_is(photos, tmp_path):
    """The command itself, in mid-training of its second network."""
    out = tmp_path / "out"
    program = "from fingerspell.lab import figures; figures._svg = lambda *_: ''; "  # drawing is not what is tried here
    program += "from fingerspell.cli.main import main; main()"
    words = [sys.executable, "-c", program, "reproduce", str(photos), "--out", str(out), *SMALL]
    words += ["--epochs", "400", "--only", "notebook-v2,notebook-v3", "--cache", str(tmp_path / "cache")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment)
    until = time.monotonic() + 120
    while not (out / "notebook-v3/weights.safetensors").exists() and time.monotonic() < until and child.poll() is None:
        time.sleep(0.02)
    child.send_signal(signal.SIGTERM)
    _, told = child.communicate(timeout=60)
    assert child.returncode == 143, told
    go_on = told.partition("Go on with: ")[2].splitlines()[0].split()
    assert go_on[:3] == ["fingerspell", "reproduce", str(photos)]
    assert sorted(go_on[3:]) == sorted(words[5:])  # the very call, options perhaps in another order
    assert "Traceback" not in told
    assert state_of(out, "notebook-v3")["status"] == "paused"
    page = (out / "reproduce.html").read_text(encoding="utf-8")
    assert "1 of 2 networks are done" in page
    assert "stopped by SIGTERM" in page
    assert "no better val_accuracy for 3 epochs" in page


def test_the_command_that_goes_on_is_the_call_itself():
    given = {"folder": Path("my photos"), "out": Path("x"), "max_minutes": 20.0, "size": None, "seed": 0}
    given |= {"intended": True, "also_score": [Path("a"), Path("b")], "only": None, "more": ()}
    words = (
        "fingerspell reproduce 'my photos' --out x --max-minutes 20 --seed 0 --intended --also-score a --also-score b"
    )
    assert reproduce._same_call(given) == words
    assert "--intended" not in reproduce._same_call(given | {"intended": False})


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_outside_of_training_ends_it_at_once(number, code, capsys):
    before = signal.getsignal(number)
    with pytest.raises(reproduce.typer.Exit) as ended, reproduce._stopped_at_once("fingerspell reproduce x"):
        os.kill(os.getpid(), number)
        time.sleep(5)
    assert ended.value.exit_code == code
    assert "stopped. Go on with: fingerspell reproduce x" in capsys.readouterr().err
    assert signal.getsignal(number) is before


def test_two_at_once_are_refused(fingerspell, photos, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, _, told = fingerspell("reproduce", photos, "--out", tmp_path / "out", *SMALL)
    assert code == 2
    assert "another process is training" in told


def test_killed_again_and_again_it_ends_as_an_unbroken_one():
    script = Path(__file__).parent / "reproducing.py"
    done = subprocess.run([sys.executable, str(script), "--seed", "7"], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["differ"] == []
    assert result["kills"] >= 5
    assert len(set(result["met"])) >= 3, result["met"]
    assert {"reproduce.html", "reproduce.csv", "reproduce.json", "notebook-v3/weights.safetensors"} <= set(
        result["files"]
    )


def entry(**changes) -> dict:
    return {"epoch": 0, "step": 20, "steps": 100, "photos_per_second": 10.0, "seconds": 90.0} | changes


def test_the_time_left_is_said_once_after_the_first_epoch(capsys):
    pace = reproduce.Pace(epochs=5, batch=32, max_minutes=None)
    pace.step(entry())
    pace.epoch(entry())
    pace.epoch(entry(epoch=1))
    said = capsys.readouterr().err
    assert said == "an epoch takes about 2 min: at most 6 min more for this network; less where it stops early\n"
    bounded = reproduce.Pace(epochs=5, batch=32, max_minutes=4.0)
    bounded.epoch(entry())
    assert "and no more than 4 minutes in all" in capsys.readouterr().err
    reproduce.Pace(epochs=1, batch=32, max_minutes=4.0).epoch(entry())  # nothing is left
    assert capsys.readouterr().err == ""


def test_minutes_that_leave_no_epoch_are_warned_of(capsys):
    pace = reproduce.Pace(epochs=5, batch=32, max_minutes=5.0)  # an epoch: 100 × 32 / 10 photos/s = 320 s
    pace.step(entry(step=19))
    assert capsys.readouterr().err == ""
    pace.step(entry())
    pace.step(entry(step=21))
    assert capsys.readouterr().err.count("an epoch will take about 5 min, longer than the 5 minutes given") == 1
    reproduce.Pace(epochs=5, batch=32, max_minutes=6.0).step(entry())
    assert capsys.readouterr().err == ""


def test_a_heading_shows_names_as_they_are(capsys):
    console.heading("[bold]x[/bold]")
    assert "── [bold]x[/bold]" in capsys.readouterr().err
