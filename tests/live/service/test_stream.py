"""The WebSocket: hello, readings, the newest wins, undo, and everything that can be wrong with a message."""

from __future__ import annotations

import struct
import time
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from fingerspell.live.service.limits import Limits
from fingerspell.live.service.security import Access

HELLO = '{"type": "hello"}'
TOKEN = "a token of many letters".replace(" ", "-")


@pytest.fixture
def opened(said):
    """Open a stream, say hello, and give it with the answer to the hello."""
    with ExitStack() as streams:

        def begin(service, hello=HELLO, **more):
            stream = streams.enter_context(connect(service.stream_url, **more))
            stream.send(hello)
            return stream, said(stream.recv(10))

        yield begin


def test_frames_are_answered_as_the_recogniser_answers_photos(running, opened, frame, photo, recognizer, said) -> None:
    stream, ready = opened(running)
    assert ready == {"type": "ready", "labels": list(recognizer.labels), "network": "tiny"}
    for number, label in enumerate("ABJ"):
        stream.send(frame(number / 10, label))
        answer = said(stream.recv(10))
        expected = recognizer.predict_bytes(photo(label))
        assert (answer["type"], answer["seconds"], answer["label"]) == ("reading", number / 10, label)
        assert answer["probability"] == pytest.approx(expected.probability, abs=1e-6)
        assert answer["probabilities"] == pytest.approx(expected.probabilities.tolist(), abs=1e-6)
        assert [guess["label"] for guess in answer["runners_up"]] == [label for label, _ in expected.runners_up]
        assert answer["dropped"] == 0
        assert answer["milliseconds"] > 0
        assert answer["hand"] == "right"


def test_held_letters_become_text_which_undo_and_clear_change(running, opened, frame, said) -> None:
    stream, _ = opened(running)
    events = []
    for number, label in enumerate(["A"] * 10 + ["nothing"] * 6 + ["B"] * 10):
        stream.send(frame(number / 10, label))
        answer = said(stream.recv(10))
        events += answer["events"]
    assert answer["text"] == "AB"
    assert [(event["kind"], event["label"], event["text"]) for event in events if event["kind"] == "written"] == [
        ("written", "A", "A"),
        ("written", "B", "AB"),
    ]
    assert all(0 <= event["certainty"] <= 1 for event in events)
    assert {guess["label"] for guess in events[0]["candidates"]} <= {"A", "B", "J", "nothing"}
    for command, text in (("undo", "A"), ("clear", ""), ("undo", "A")):
        stream.send(f'{{"type": "{command}"}}')
        assert said(stream.recv(10)) == {"type": "text", "text": text}


def test_the_newest_frame_wins_and_the_others_are_counted(start, gated, opened, frame, said) -> None:
    service = start(recognizer=gated)
    stream, _ = opened(service)
    gated.gate.clear()
    before = gated.entered
    stream.send(frame(0.0, "A"))
    _until(lambda: gated.entered > before)  # this one is being recognised
    for number in range(1, 8):
        stream.send(frame(number / 30, "B" if number < 7 else "J"))
    _until(lambda: service.service.metrics.dropped._value.get() == 6)
    gated.gate.set()
    first, second = said(stream.recv(10)), said(stream.recv(10))
    assert (first["seconds"], first["label"]) == (0.0, "A")
    assert (second["seconds"], second["label"], second["dropped"]) == (7 / 30, "J", 6)
    stream.send('{"type": "clear"}')
    assert said(stream.recv(10))["type"] == "text"  # nothing else was waiting
    assert "fingerspell_frames_dropped_total 6.0" in service.http.get("/metrics").text


def test_a_left_hand_is_turned_round_before_it_is_recognised(running, opened, recognizer, said) -> None:
    import io

    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(3).integers(0, 255, (36, 40, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    found = {}
    for hand in ("right", "left"):
        stream, _ = opened(running, f'{{"type": "hello", "hand": "{hand}"}}')
        stream.send(struct.pack("<d", 0.0) + buffer.getvalue())
        found[hand] = said(stream.recv(10))["probabilities"]
    assert found["right"] == pytest.approx(recognizer.predict(pixels).probabilities.tolist(), abs=1e-5)
    turned = recognizer.predict(np.ascontiguousarray(pixels[:, ::-1])).probabilities.tolist()
    assert found["left"] == pytest.approx(turned, abs=1e-5)
    assert found["left"] != pytest.approx(found["right"], abs=1e-4)


BAD_MESSAGES = [
    ("no JSON", "undo", 400, "malformed"),
    ("another type", '{"type": "jump"}', 422, "message"),
    ("a second hello", HELLO, 422, "message"),
    ("a list", "[]", 422, "message"),
    ("long text", '{"type": "undo"' + " " * 5000 + "}", 422, "message"),
    ("an empty frame", b"", 422, "message"),
    ("seconds without an image", struct.pack("<d", 5.0), 422, "message"),
    ("seconds that are none", struct.pack("<d", float("nan")) + b"\xff\xd8\xff", 422, "message"),
    ("seconds without end", struct.pack("<d", float("inf")) + b"\xff\xd8\xff", 422, "message"),
    ("seconds before the start", struct.pack("<d", -1.0) + b"\xff\xd8\xff", 422, "message"),
    ("big-endian seconds", struct.pack(">d", 5.0) + b"\xff\xd8\xff", 422, "message"),
    ("text as an image", struct.pack("<d", 5.0) + b"hello", 415, "not-an-image"),
    ("half an image", struct.pack("<d", 5.0) + b"\xff\xd8\xff\xe0\x00\x10", 422, "damaged-image"),
    ("a long message", struct.pack("<d", 5.0) + bytes(30_000), 413, "message-too-long"),
]


@pytest.mark.parametrize(("message", "status", "kind"), [row[1:] for row in BAD_MESSAGES],
                         ids=[row[0] for row in BAD_MESSAGES])  # fmt: skip
def test_a_bad_message_is_answered_and_the_stream_goes_on(strict, opened, frame, said, message, status, kind) -> None:
    stream, _ = opened(strict)
    stream.send(frame(1.0))
    assert said(stream.recv(10))["type"] == "reading"
    stream.send(message)
    problem = said(stream.recv(10))
    assert (problem["type"], problem["status"], problem["kind"]) == ("problem", status, kind)
    assert problem["title"]
    assert "Traceback" not in problem["detail"]
    stream.send(frame(9.0, "B"))
    assert said(stream.recv(10))["label"] == "B"


@pytest.fixture(scope="module")
def strict(launch):
    limits = Limits(message_bytes=20_000, hello_seconds=0.4, idle_seconds=0.8, streams=2)
    service = launch(limits=limits)
    yield service
    service.stop()


def test_time_does_not_run_backwards(running, opened, frame, said) -> None:
    stream, _ = opened(running)
    stream.send(frame(2.0))
    assert said(stream.recv(10))["seconds"] == 2.0
    stream.send(frame(1.9))
    assert said(stream.recv(10))["kind"] == "message"
    stream.send(frame(2.0))
    assert said(stream.recv(10))["seconds"] == 2.0


@pytest.mark.parametrize("hello", ["", "hello", "[]", "{}", '{"type": "undo"}', b"\0" * 9,
                                   '{"type": "hello", "hand": "both"}'])  # fmt: skip
def test_a_stream_without_a_proper_hello_is_closed(running, opened, hello) -> None:
    stream, answer = opened(running, hello)
    assert answer["type"] == "problem"
    assert answer["status"] in {400, 422}
    with pytest.raises(ConnectionClosed) as closed:
        stream.recv(10)
    assert closed.value.rcvd.code == 1008


def test_a_stream_that_says_nothing_is_closed(strict, opened, said) -> None:
    began = time.monotonic()
    with connect(strict.stream_url) as silent:
        assert said(silent.recv(10))["status"] == 408
        with pytest.raises(ConnectionClosed) as closed:
            silent.recv(10)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "no hello")
    assert 0.3 < time.monotonic() - began < 5
    began = time.monotonic()
    stream, _ = opened(strict)
    assert said(stream.recv(10))["status"] == 408
    with pytest.raises(ConnectionClosed) as closed:
        stream.recv(10)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "silence")
    assert 0.7 < time.monotonic() - began < 5


def test_a_message_that_is_far_too_long_ends_the_stream(strict, opened) -> None:
    stream, _ = opened(strict)
    stream.send(bytes(80_001))
    with pytest.raises(ConnectionClosed) as closed:
        stream.recv(10)
    assert closed.value.rcvd.code == 1009


def test_no_more_streams_than_allowed_are_open(strict, opened, said) -> None:
    _until(lambda: strict.service.lifecycle.streams == 0)
    first, _ = opened(strict)
    second, _ = opened(strict)
    assert "fingerspell_open_streams 2.0" in strict.http.get("/metrics").text
    with pytest.raises(InvalidStatus) as refused:
        opened(strict)
    response = refused.value.response
    assert response.status_code == 429
    assert response.headers["Content-Type"] == "application/problem+json"
    assert int(response.headers["Retry-After"]) > 0
    assert said(response.body)["type"] == "/docs#too-many-streams"
    first.close()
    _until(lambda: strict.service.lifecycle.streams == 1)
    third, ready = opened(strict)
    assert ready["type"] == "ready"
    second.close()
    third.close()


def test_the_token_comes_in_the_hello(start, opened, said) -> None:
    service = start(access=Access(token=TOKEN))
    assert opened(service, f'{{"type": "hello", "token": "{TOKEN}"}}')[1]["type"] == "ready"
    for hello in (HELLO, f'{{"type": "hello", "token": "{TOKEN[:-1]}"}}', '{"type": "hello", "token": ""}'):
        stream, answer = opened(service, hello)
        assert (answer["status"], answer["kind"]) == (401, "token")
        with pytest.raises(ConnectionClosed) as closed:
            stream.recv(10)
        assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize(("origin", "status"), [("https://evil.example", 403), ("null", 403), (None, None)])
def test_pages_of_other_sites_cannot_open_a_stream(running, opened, origin, status, said) -> None:
    if status is None:
        assert opened(running, origin=f"http://127.0.0.1:{running.port}")[1]["type"] == "ready"
        return
    with pytest.raises(InvalidStatus) as refused:
        opened(running, origin=origin)
    assert refused.value.response.status_code == status
    assert said(refused.value.response.body)["type"] == "/docs#other-site"


def test_a_stream_at_another_address_is_refused(running, said) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(running.stream_url + "s"):
        pass
    assert refused.value.response.status_code == 404
    assert said(refused.value.response.body)["type"] == "/docs#not-found"


def test_commands_that_come_too_fast_are_refused(start, gated, opened, frame, said) -> None:
    service = start(recognizer=gated)
    stream, _ = opened(service)
    gated.gate.clear()
    before = gated.entered
    stream.send(frame(0.0))
    _until(lambda: gated.entered > before)
    for _ in range(65):
        stream.send('{"type": "undo"}')
    assert said(stream.recv(10))["status"] == 429
    gated.gate.set()
    assert [said(stream.recv(10))["type"] for _ in range(65)] == ["reading", *["text"] * 64]


def test_a_stream_that_goes_away_leaves_nothing_behind(running, opened, frame) -> None:
    stream, _ = opened(running)
    stream.send(frame(0.0))
    stream.socket.close()
    _until(lambda: running.service.lifecycle.streams == 0)
    assert running.http.get("/healthz").status_code == 200


def _until(true, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
