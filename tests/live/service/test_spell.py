"""POST /v1/spell: videos and frames become text, and nothing of them stays."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pytest

from fingerspell.live.frames.video import read_video
from fingerspell.live.reader import Reader
from fingerspell.live.spelling.event import Event

LETTERS = "nnn" + "A" * 9 + "nnnn" + "B" * 9 + "nnnn"


@pytest.mark.parametrize("kind", ["mp4", "matroska", "avi"])
def test_a_video_is_spelled_as_the_reader_spells_it(running, recognizer, video, kind) -> None:
    data = video(LETTERS, kind=kind)
    answer = running.http.post("/v1/spell", content=data)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    reader = Reader(recognizer)
    readings = [reader.read(frame) for frame in read_video(io.BytesIO(data))]
    events = [event for reading in readings for event in reading.events] + list(reader.finish())
    assert found["text"] == reader.text == "AB"
    assert found["frames"] == len(LETTERS)
    assert found["seconds"] == pytest.approx(readings[-1].seconds, abs=1e-6)
    assert [(each["kind"], each["label"], each["seconds"], each["text"]) for each in found["events"]] == [
        (event.kind, event.label, event.seconds, event.text) for event in events
    ]


@pytest.mark.parametrize("fps", [10, 30])
def test_frames_are_spelled_at_the_rate_that_is_said(running, photo, fps) -> None:
    """What is held for 0.9 s at 10 frames a second is held for 0.3 s at 30."""
    letters = ["A"] * 9 + ["nothing"] * 9 + ["B"] * 9
    files = [("frames", (f"{n}.jpg", photo(label))) for n, label in enumerate(letters)]
    answer = running.http.post("/v1/spell", params={"fps": fps}, files=files).json()
    assert answer["frames"] == 27
    assert answer["seconds"] == pytest.approx(26 / fps, abs=1e-6)
    if fps == 10:
        assert answer["text"] == "AB"
    assert all(event["seconds"] <= 26 / fps for event in answer["events"])


def test_the_pace_is_a_setting(running, photo) -> None:
    letters = ["nothing"] * 5 + ["A"] * 9 + ["nothing"] * 9
    files = [("frames", (f"{n}.jpg", photo(label))) for n, label in enumerate(letters)]

    def text(**settings: float) -> str:
        return running.http.post("/v1/spell", params={"fps": 10, **settings}, files=files).json()["text"]

    assert text() == "A"
    assert text(hold=2) == ""
    assert text(certain=0.99) == ""


def test_what_the_reader_says_at_the_end_is_not_lost(running, photo, monkeypatch) -> None:
    event = Event("written", 0.2, "B", 0.9, (("B", 0.9),), "B")
    monkeypatch.setattr(Reader, "finish", lambda self: (event,))
    files = [("frames", (f"{n}.jpg", photo("A"))) for n in range(3)]
    answer = running.http.post("/v1/spell", params={"fps": 10}, files=files).json()
    assert (answer["text"], answer["events"][-1]["label"]) == ("B", "B")


def test_the_box_is_what_is_looked_at(running) -> None:
    from PIL import Image

    picture = Image.new("RGB", (80, 40), (80, 160, 100))
    picture.paste((30, 200, 100), (0, 0, 40, 40))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    files = [("frames", (f"{n}.png", buffer.getvalue())) for n in range(9)]

    def text(box: str) -> str:
        return running.http.post("/v1/spell", params={"fps": 10, "box": box}, files=files).json()["text"]

    assert text("0,0,0.5,1") == "A"
    assert text("0.5,0,0.5,1") == "B"


def test_of_a_damaged_video_what_was_read_before_is_told(running, video, is_problem) -> None:
    data = video(LETTERS, kind="avi")
    answer = running.http.post("/v1/spell", content=data[: int(len(data) * 0.7)])
    body = is_problem(answer, 422, "damaged-video")
    assert body["text"] == "A"
    assert 12 < body["frames"] < len(LETTERS)
    assert [event["label"] for event in body["events"]] == ["A"]


def test_nothing_stays_on_the_disk(start, video, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    from fingerspell.live.service import body

    monkeypatch.setattr(body, "_IN_MEMORY", 1)
    service = start()
    data = video(LETTERS)
    for content, status in ((data, 200), (data[:-400], 422), (b"hello" * 100, 415), (data, 200)):
        answer = service.http.post("/v1/spell", content=content)
        assert answer.status_code == status, answer.text
        assert list(Path(tmp_path).iterdir()) == []
    assert answer.json()["text"] == "AB"


def test_a_disk_without_room_is_a_problem_and_no_failure(start, photo, is_problem, monkeypatch) -> None:
    from fingerspell.live.service import body

    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    service = start()
    monkeypatch.setattr(body.tempfile, "SpooledTemporaryFile", lambda **_: Full())
    is_problem(service.http.post("/v1/predict", content=photo()), 503, "no-room")
