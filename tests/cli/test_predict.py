"""`fingerspell predict`: one line a photo on stdout, messages on stderr, exit codes that scripts can trust."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "live" / "frames"))

from recording import jpeg, multipart, record

from fingerspell.cli import console, spelled
from fingerspell.cli.predict import predict_command, text_line
from fingerspell.core.bundle import read_bundle, write_bundle
from fingerspell.core.errors import BundleError, DataError
from fingerspell.live.reader import BATCH, Reader
from fingerspell.live.recognizer import Recognizer
from fingerspell.live.spelling.event import Event

pytest.importorskip("onnxruntime")

RUN = "from fingerspell.cli import main\nmain.main()\n"


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


def test_what_is_no_bundle(run, photos, tmp_path):
    (tmp_path / "my.bundle").mkdir()
    assert isinstance(run(tmp_path / "my.bundle", photos).exception, BundleError)
    result = process(tmp_path / "my.bundle", photos)
    assert result.returncode == 2
    assert b"is not a bundle" in result.stderr
    assert b"Traceback" not in result.stderr


def test_a_bundle_without_photos(run, tiny_bundle):
    result = run(tiny_bundle)
    assert isinstance(result.exception, DataError)
    assert "no photo is named" in result.exception.found
    assert result.exception.remedy.endswith("tiny.bundle photo.jpg")


class TestCertainty:
    """A calibrated bundle says of each answer whether it is sure of it."""

    @pytest.fixture
    def at(self, tiny_bundle, tmp_path):
        def make(threshold: float | None) -> Path:
            whole = read_bundle(tiny_bundle)
            card = {**whole.card, "calibration": {"temperature": 1.0, "answer_from": threshold}}
            card.pop("format")
            return write_bundle(tmp_path / "sure.bundle", model=whole.model, card=card, golden=whole.golden, force=True)

        return make

    def test_an_answer_below_the_threshold_is_no_answer(self, run, at, photos):
        result = run(at(1.0), photos / "a.jpg", "--top", "2")
        line = result.stdout.splitlines()[0]
        assert line.startswith("?  ")
        assert re.search(r"a\.jpg  \(unsure: A \d+\.\d%, \w+ \d+\.\d%, \w+ \d+\.\d%\)$", line)
        assert result.exit_code == 0
        assert json.loads(run(at(1.0), photos / "a.jpg", "--json").stdout)["sure"] is False

    def test_the_threshold_itself_is_sure(self, run, at, tiny_bundle, photos):
        prediction = Recognizer(tiny_bundle).predict_bytes((photos / "a.jpg").read_bytes())
        first, broken, _ = [
            json.loads(x) for x in run(at(prediction.probability), photos, "--json").stdout.splitlines()
        ]
        assert list(first) == ["path", "label", "probability", "runners_up", "sure", "error"]
        assert (first["label"], first["sure"]) == ("A", True)
        assert broken["sure"] is None
        assert text_line("a.jpg", prediction, prediction.probability).startswith("A ")
        assert run(at(0.0), photos / "a.jpg").stdout.startswith("A ")

    @pytest.mark.parametrize("threshold", [None, "much", 7])
    def test_a_card_without_one_changes_nothing(self, run, at, tiny_bundle, photos, threshold):
        for options in ([], ["--json"]):
            answers = run(at(threshold), photos / "a.jpg", *options).stdout
            assert answers == run(tiny_bundle, photos / "a.jpg", *options).stdout

    def test_a_letter_must_be_as_sure_to_be_written(self, run, at, tmp_path):
        clip = record(tmp_path / "a.mp4", signed(("A", 1.5)))
        assert run(at(0.2), clip).stdout.splitlines()[-1] == "A"
        *_, unsure, text = run(at(1.0), clip).stdout.splitlines()
        assert "please repeat: A" in unsure
        assert text == ""
        assert run(at(1.0), clip, "--certain", "0.3").stdout.splitlines()[-1] == "A"


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


COLOURS = {"A": (30, 200, 100), "B": (80, 160, 100), "nothing": (180, 80, 100)}  # as tests/conftest.py draws them


def signed(*signs: tuple[str, float], fps: float = 30) -> list[np.ndarray]:
    """Pictures of signs, each shown for some seconds."""
    shown = [label for label, seconds in signs for _ in range(round(seconds * fps))]
    return [np.full((48, 64, 3), COLOURS[label], np.uint8) for label in shown]


ABA = ("A", 0.6), ("nothing", 0.4), ("B", 0.6), ("nothing", 0.4), ("A", 0.6)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("clips") / "clip.mp4", signed(*ABA))


class TestVideos:
    def test_letters_with_their_times_then_the_text(self, run, tiny_bundle, clip):
        result = run(tiny_bundle, clip)
        assert result.exit_code == 0
        *lines, text = result.stdout.splitlines()
        assert text == "ABA"
        found = [re.fullmatch(r"([AB]) {7} [ \d]{2}\d?\.\d%  +(\d\.\d\d) s", line) for line in lines]
        assert [each[1] for each in found] == ["A", "B", "A"]
        assert [float(each[2]) for each in found] == pytest.approx([0.35, 1.35, 2.35], abs=0.15)

    def test_json(self, run, tiny_bundle, clip):
        *events, last = [json.loads(line) for line in run(tiny_bundle, clip, "--json").stdout.splitlines()]
        assert [list(event) for event in events] == [
            ["path", "kind", "seconds", "label", "certainty", "candidates", "text"]
        ] * 3
        assert [event["text"] for event in events] == ["A", "AB", "ABA"]
        assert events[0]["candidates"][0] == {"label": "A", "probability": events[0]["certainty"]}
        assert last == {
            "path": str(clip),
            "kind": "text",
            "text": "ABA",
            "frames": 78,
            "seconds": pytest.approx(77 / 30, abs=0.001),
            "error": None,
        }

    def test_photos_and_videos_together(self, run, tiny_bundle, clip, photos):
        result = run(tiny_bundle, photos / "a.jpg", clip, photos / "a.jpg")
        lines = result.stdout.splitlines()
        assert lines[0] == lines[-1]
        assert lines[-2] == "ABA"
        assert "clip.mp4" in result.stderr

    def test_each_video_begins_anew(self, run, tiny_bundle, clip):
        assert [line for line in run(tiny_bundle, clip, clip).stdout.splitlines() if line == "ABA"] == ["ABA"] * 2

    def test_the_settings_count(self, run, tiny_bundle, clip):
        def text(*options: object) -> str:
            return run(tiny_bundle, clip, *options).stdout.splitlines()[-1]

        assert text("--hold", "0.2", "--release", "0.1", "--certain", "0.3") == "ABA"
        assert text("--hold", "2") == ""
        assert text("--certain", "0.99") == ""
        assert text("--hand", "left") == text("--hand", "auto") == "ABA"

    def test_what_remains_unsure_at_the_end_is_said(self, run, tiny_bundle, clip):
        *_, last, text = run(tiny_bundle, clip, "--certain", "0.99").stdout.splitlines()
        assert last.startswith("? ")
        assert "please repeat: A" in last
        assert text == ""

    def test_a_live_stream_is_read_frame_by_frame_and_a_file_in_batches(self, run, tiny_bundle, clip, monkeypatch):
        batches = []
        real = Reader.read_all

        def spy(self, frames, batch):
            batches.append(batch)
            return real(self, frames, batch)

        monkeypatch.setattr(Reader, "read_all", spy)
        run(tiny_bundle, "-", clip, input=b"".join(jpeg(picture) for picture in signed(("A", 0.2))))
        assert batches == [1, BATCH]

    def test_the_box_is_what_is_seen(self, run, tiny_bundle, tmp_path):
        pictures = [np.concatenate([a, b], axis=1) for a, b in zip(signed(("A", 1)), signed(("B", 1)), strict=True)]
        path = record(tmp_path / "two.mp4", pictures)
        assert run(tiny_bundle, path, "--box", "0,0,0.45,1").stdout.splitlines()[-1] == "A"
        assert run(tiny_bundle, path, "--box", "0.55,0,0.45,1").stdout.splitlines()[-1] == "B"

    def test_a_damaged_video_is_answered_as_far_as_it_goes(self, run, tiny_bundle, tmp_path):
        path = record(tmp_path / "a.mkv", signed(("A", 1), ("B", 1), ("A", 1)))
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.7)])
        result = run(tiny_bundle, path)
        assert isinstance(result.exception, DataError)
        assert result.stdout.splitlines()[-1].startswith("AB")
        assert "damaged" in result.stderr

    def test_all_frames_before_the_damage_are_read(self, run, tiny_bundle, tmp_path):
        """Also those of a batch that was not full."""
        path = record(tmp_path / "a.mkv", signed(("A", 2)))
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.7)])
        last = json.loads(run(tiny_bundle, path, "--json").stdout.splitlines()[-1])
        assert str(last["frames"]) in last["error"]
        assert last["text"] == "A"

    def test_a_folder_as_frames(self, run, tiny_bundle, tmp_path):
        for number, picture in enumerate(signed(*ABA, fps=10)):
            (tmp_path / f"{number}.jpg").write_bytes(jpeg(picture))
        assert run(tiny_bundle, tmp_path, "--as-frames", "--fps", "10").stdout.splitlines()[-1] == "ABA"
        assert run(tiny_bundle, tmp_path, "--as-frames", "--fps", "1000").stdout.splitlines()[-1] == ""
        assert len(run(tiny_bundle, tmp_path).stdout.splitlines()) == 26, "without it they are photos"

    @pytest.mark.parametrize("form", ["bare", "multipart"])
    def test_mjpeg_on_standard_input(self, run, tiny_bundle, form):
        jpegs = [jpeg(picture) for picture in signed(*ABA, fps=10)]
        data = b"".join(jpegs) if form == "bare" else multipart(jpegs)
        result = run(tiny_bundle, "-", "--fps", "10", input=data)
        assert result.stdout.splitlines()[-1] == "ABA"
        assert "give --fps" not in result.stderr
        assert "give --fps" in run(tiny_bundle, "-", input=data).stderr

    def test_words_are_corrected_where_asked(self, run, tiny_bundle, clip):
        pytest.importorskip("spellchecker")
        last = json.loads(run(tiny_bundle, clip, "--json", "--words").stdout.splitlines()[-1])
        assert last["text"] == "ABA"
        assert isinstance(last["corrected"], str)
        result = run(tiny_bundle, clip, "--words")
        assert result.stdout.splitlines()[-1] == last["corrected"]

    def test_a_corrected_word_and_what_was_spelled(self, run, tiny_bundle, clip, monkeypatch):
        monkeypatch.setattr(spelled, "make_dictionary", lambda wanted: object() if wanted else None)
        monkeypatch.setattr(spelled, "corrected", lambda events, dictionary: events[-1].text.lower())
        result = run(tiny_bundle, clip, "--words")
        assert result.stdout.splitlines()[-1] == "aba"
        assert "as spelled: ABA" in result.stderr

    def test_letters_arrive_while_the_stream_goes_on(self, tiny_bundle):
        command = [sys.executable, "-c", RUN, "predict", str(tiny_bundle), "-"]
        data = jpeg(signed(("A", 0.1))[0])
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
            line = None
            for _ in range(400):
                running.stdin.write(data)
                running.stdin.flush()
                if select.select([running.stdout], [], [], 0.03)[0]:
                    line = running.stdout.readline()
                    break
            assert line is not None
            assert line.startswith(b"A ")
            running.stdin.close()
            assert running.stdout.read() == b"A\n"


def test_events_for_people():
    event = Event("written", 12.345, "space", 0.5, (("space", 0.5), ("A", 0.3), ("B", 0.1), ("J", 0.1)), "A ")
    assert spelled.event_line(event) == "space    50.0%     12.35 s".replace("12.35", f"{12.345:.2f}")
    unsure = dataclasses.replace(event, kind="unsure")
    assert spelled.event_line(unsure).endswith("s  (please repeat: space 50%, A 30%, B 10%)")
    assert spelled.event_line(unsure).startswith("? ")
    assert "in place of the last letter" in spelled.event_line(dataclasses.replace(event, kind="revised"))
    assert "takes the last letter back" in spelled.event_line(dataclasses.replace(event, kind="removed"))


def test_photos_need_neither_opencv_nor_pyav(tiny_bundle, photos):
    code = (
        "import sys; from typer.testing import CliRunner; from fingerspell.cli.main import app\n"
        "result = CliRunner().invoke(app, ['predict', *sys.argv[1:]])\n"
        "sys.exit(result.exit_code or sum(name in sys.modules for name in ('cv2', 'av', 'torch', 'fastapi')))"
    )
    command = [sys.executable, "-c", code, str(tiny_bundle), str(photos / "a.jpg")]
    assert subprocess.run(command, check=False).returncode == 0
