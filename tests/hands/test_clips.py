"""Clips: the words that are accepted, videos with the right frames, the truth of each, and going on after a kill."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fingerspell.core.errors import DataError, FingerspellError
from fingerspell.hands.clips import FPS, LONGEST, make_clips, read_words
from fingerspell.hands.plan import SynthPlan
from fingerspell.hands.workplace import UNFINISHED

av = pytest.importorskip("av", reason="the extra 'hands' is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="the extra 'hands' is not installed")

HERE = Path(__file__).parent
PLAN = SynthPlan(per_class=5, size=64, signers=3, seed=7)
TEXTS = ("HELLO", "A Q", "HELLO")


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    import fake_renderer

    return fake_renderer


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def words(tmp_path: Path, content: bytes) -> Path:
    (tmp_path / "words.txt").write_bytes(content)
    return tmp_path / "words.txt"


def test_words_are_read_one_a_line_in_capitals(tmp_path):
    content = b"\xef\xbb\xbf# names\r\nhello\r\n\r\n  Fingers  spell \n#no\nA\nA"
    assert read_words(words(tmp_path, content)) == ("HELLO", "FINGERS SPELL", "A", "A")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"abc\ncaf\xc3\xa9\n", "line 2 of .*words.txt holds 'é' .latin small letter e with acute"),
        (b"abc\n\n# x\nroom 7", "line 4 of .*words.txt holds '7' .digit seven"),
        (b"don't", 'holds "\'" .apostrophe'),
        (b"a\tb", r"holds '\\t' .a control character"),
        ("stra\u00dfe".encode(), "holds 'ß'"),
        ("\u0131".encode(), "holds 'ı'"),
        (b"a\x00b", "control character"),
        (b"ok\nabc\xff\n", "line 2 of .* is not UTF-8"),
        (b"\n# only this\n\n", "holds no text"),
        (b"", "holds no text"),
        (b"a" * (LONGEST + 1), f"line 1 of .* is {LONGEST + 1} characters long"),
    ],
)
def test_words_that_cannot_be_spelled_are_refused_by_line_and_character(tmp_path, content, told):
    with pytest.raises(DataError, match=told) as raised:
        read_words(words(tmp_path, content))
    assert raised.value.expected


def test_the_longest_text_is_accepted(tmp_path):
    assert read_words(words(tmp_path, b"a" * LONGEST)) == ("A" * LONGEST,)


def test_a_words_file_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "absent.txt", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_words(path)


def test_videos_have_every_frame_and_the_right_size_and_speed(fake, tmp_path):
    result = make_clips(tmp_path / "clips", PLAN, TEXTS, jobs=1, perform=fake.perform)
    assert (result.clips, result.made, result.stopped) == (3, 3, None)
    assert sorted(path.name for path in result.folder.iterdir()) == [
        "0000-hello.mp4",
        "0001-a-q.mp4",
        "0002-hello.mp4",
        "clips.json",
        "clips.parquet",
        "frames.parquet",
    ]
    for number, text in enumerate(TEXTS):
        wanted = [frame.sample.pixels for frame in fake.perform(text, number, PLAN, FPS)]
        path = next(result.folder.glob(f"{number:04}-*.mp4"))
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            assert stream.codec_context.name == "h264"
            assert stream.codec_context.pix_fmt == "yuv420p"
            assert stream.average_rate == 30
            assert (stream.width, stream.height, stream.frames) == (64, 64, 4 * len(text))
            frames = list(container.decode(stream))
        assert [frame.time for frame in frames] == pytest.approx([index / 30 for index in range(len(wanted))])
        for frame, pixels in zip(frames, wanted, strict=True):
            assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - pixels).mean() < 6


def test_an_odd_size_gets_one_more_line(fake, tmp_path):
    plan = SynthPlan(1, 65, 1, 0)
    result = make_clips(tmp_path, plan, ("A",), jobs=1, perform=fake.perform)
    with av.open(str(tmp_path / "0000-a.mp4")) as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == (66, 66)
    given = next(fake.perform("A", 0, plan, FPS)).sample.pixels
    found = frame.to_ndarray(format="rgb24").astype(int)
    assert np.abs(found[:65, :65] - given).mean() < 6
    assert np.abs(found[:, 65] - found[:, 64]).mean() < 6  # the edge again, no dark line
    assert np.abs(found[65] - found[64]).mean() < 6
    row = pq.read_table(result.folder / "clips.parquet").to_pylist()[0]
    assert (row["width"], row["height"]) == (66, 66)


def test_the_tables_say_what_was_rendered(fake, tmp_path):
    make_clips(tmp_path, PLAN, TEXTS, jobs=1, perform=fake.perform)
    clips = pq.read_table(tmp_path / "clips.parquet").to_pylist()
    assert [(row["path"], row["text"], row["frames"], row["fps"]) for row in clips] == [
        ("0000-hello.mp4", "HELLO", 20, 30.0),
        ("0001-a-q.mp4", "A Q", 12, 30.0),
        ("0002-hello.mp4", "HELLO", 20, 30.0),
    ]
    assert [(row["signer"], row["handedness"]) for row in clips] == [(0, "left"), (1, "right"), (2, "right")]
    table = pq.read_table(tmp_path / "frames.parquet")
    rows = iter(table.to_pylist())
    for number, text in enumerate(TEXTS):
        for index, frame in enumerate(fake.perform(text, number, PLAN, FPS)):
            row = next(rows)
            assert (row["clip"], row["frame"], row["seconds"]) == (number, index, index / 30)
            assert (row["label"], row["phase"]) == (frame.held, frame.phase)
            if frame.sample.landmarks is None:
                assert row["landmarks"] is None
                assert row["box"] is None
            else:
                assert np.array_equal(np.array(row["landmarks"], np.float32), frame.sample.landmarks.ravel())
                assert row["box"] == [np.float32(edge) for edge in frame.sample.box]
    assert next(rows, None) is None
    assert {field.name for field in table.schema if field.nullable} == {"label", "landmarks", "box"}
    told = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert told["fingerspell.format"] == "fingerspell-frames/1"
    assert json.loads(told["fingerspell.plan"])["texts"] == list(TEXTS)


def test_the_same_seed_gives_the_same_bytes_with_one_process_or_two(fake, tmp_path):
    for name, jobs in (("one", 1), ("two", 2)):
        make_clips(tmp_path / name, PLAN, TEXTS, jobs=jobs, perform=fake.perform)
    one = bytes_of(tmp_path / "one")
    assert bytes_of(tmp_path / "two") == one
    assert one["0000-hello.mp4"] != one["0002-hello.mp4"]  # another clip number, another performance
    make_clips(tmp_path / "other", SynthPlan(5, 64, 3, 8), TEXTS, jobs=1, perform=fake.perform)
    assert not set(one.values()) & set(bytes_of(tmp_path / "other").values())


def test_how_many_photos_there_are_does_not_change_the_clips(fake, tmp_path):
    make_clips(tmp_path / "one", PLAN, ("A",), jobs=1, perform=fake.perform)
    again = make_clips(tmp_path / "one", SynthPlan(99, 64, 3, 7), ("A",), jobs=1, perform=fake.perform)
    assert again.made == 0


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_killed_in_the_middle_finished_clips_are_kept_and_the_others_made_anew(fake, tmp_path):
    program = (
        "from pathlib import Path\nimport fake_renderer as fake\n"
        "from fingerspell.hands.clips import make_clips\nfrom fingerspell.hands.plan import SynthPlan\n"
        "if __name__ == '__main__':\n"
        f"    make_clips(Path({str(tmp_path / 'out')!r}), SynthPlan(5, 64, 3, 7), {TEXTS!r}, jobs=1,"
        " perform=fake.perform_slowly)\n"
    )
    (tmp_path / "program.py").write_text(program)
    found = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(tmp_path / "program.py")]
    running = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": found})
    end = time.monotonic() + 30
    while not (tmp_path / "out" / UNFINISHED / "0000.json").exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    running.kill()
    running.wait(10)
    assert not (tmp_path / "out" / "clips.parquet").exists()
    first = (tmp_path / "out" / "0000-hello.mp4").stat().st_mtime_ns
    result = make_clips(tmp_path / "out", PLAN, TEXTS, jobs=1, perform=fake.perform)
    assert 1 <= result.made <= 2
    assert (tmp_path / "out" / "0000-hello.mp4").stat().st_mtime_ns == first
    make_clips(tmp_path / "whole", PLAN, TEXTS, jobs=1, perform=fake.perform)
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")


def test_stopping_is_heard_within_a_clip(fake, tmp_path):
    steps = iter([None] * 30 + ["stopped by SIGINT"] * 99)
    told = []
    result = make_clips(
        tmp_path,
        PLAN,
        TEXTS,
        jobs=1,
        perform=fake.perform,
        stop=lambda: next(steps),
        progress=lambda *step: told.append(step),
    )
    assert (result.clips, result.stopped) == (1, "stopped by SIGINT")
    assert told[:2] == [("rendering clips", 0, 3), ("rendering clips", 1, 3)]
    assert make_clips(tmp_path, PLAN, TEXTS, jobs=1, perform=fake.perform).made == 2
    assert make_clips(tmp_path, PLAN, TEXTS, jobs=1, perform=fake.perform_nothing).made == 0  # left alone


def test_other_texts_or_files_of_others_are_refused(fake, tmp_path):
    make_clips(tmp_path / "clips", PLAN, ("A",), jobs=1, perform=fake.perform)
    with pytest.raises(DataError, match=r"another plan .other texts"):
        make_clips(tmp_path / "clips", PLAN, ("B",), jobs=1, perform=fake.perform)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "holiday.mp4").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"holiday\.mp4"):
        make_clips(tmp_path / "mine", PLAN, ("A",), jobs=1, perform=fake.perform)
    assert bytes_of(tmp_path / "mine") == {"holiday.mp4": b"mine"}


def test_a_text_without_frames_and_no_jobs_are_errors(fake, tmp_path):
    with pytest.raises(FingerspellError, match="no frame was rendered of 'A'"):
        make_clips(tmp_path, PLAN, ("A",), jobs=1, perform=fake.perform_nothing)
    with pytest.raises(FingerspellError, match="--jobs is 0"):
        make_clips(tmp_path, PLAN, ("A",), jobs=0, perform=fake.perform)


def test_a_long_text_names_its_file_by_its_beginning(fake, tmp_path):
    make_clips(tmp_path, PLAN, ("AB " * 33,), jobs=1, perform=fake.perform)
    name = next(tmp_path.glob("*.mp4")).name
    assert name.startswith("0000-ab-ab-")
    assert len(name) < 60
    with av.open(io.BytesIO((tmp_path / name).read_bytes())) as container:
        assert container.streams.video[0].frames == 396
