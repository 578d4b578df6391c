"""Limits that need time or a busy service: slow clients, the queue, the time of a request, connections."""

from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from fingerspell.live.service.limits import Limits, ServiceError

TIGHT = Limits(head_seconds=0.4, body_seconds=0.4, waiting=2, workers=1, request_seconds=1.0, connections=8)


def _talk(port: int, *parts: bytes, pause: float = 0.0, seconds: float = 8.0) -> bytes:
    """Send bytes, slowly if asked, and read until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as line:
        for part in parts:
            try:
                line.sendall(part)
            except OSError:  # closed already
                break
            time.sleep(pause)
        got = b""
        while chunk := line.recv(65536):
            got += chunk
        return got


def _problem(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head.lower(), answer
    assert b"retry-after" in head.lower() or b" 503 " not in head
    return int(head.split()[1]), json.loads(body)["type"]


HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture
def tight(start, gated):
    return start(limits=TIGHT, recognizer=gated)


def test_a_head_that_never_ends_is_given_up(tight) -> None:
    began = time.monotonic()
    assert _problem(_talk(tight.port, *[b"GET /healthz HTTP/1.1\r\n", *[b"X: y\r\n"] * 40], pause=0.05)) == (
        408,
        "/docs#too-slow",
    )
    assert _problem(_talk(tight.port)) == (408, "/docs#too-slow")  # not even a first byte
    assert time.monotonic() - began < 6


def test_a_slow_second_head_on_the_same_connection_is_given_up_too(tight) -> None:
    got = _talk(tight.port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /he", b"al", pause=0.3)
    assert got.count(b"HTTP/1.1") == 2
    assert b" 408 " in got


def test_a_body_that_trickles_is_given_up(tight) -> None:
    head = HEAD + b"Content-Length: 1000\r\n\r\n"
    began = time.monotonic()
    assert _problem(_talk(tight.port, head, *[b"x"] * 12, pause=0.1)) == (408, "/docs#too-slow")
    assert time.monotonic() - began < 5
    assert tight.service.pool.held == 0


def test_a_long_body_may_take_longer_than_a_short_one(start, photo) -> None:
    """What counts is how much comes in a second, so that a large photo over a slow line is not refused."""
    service = start(limits=Limits(body_seconds=0.3))
    data = photo("A", "BMP", (400, 300))  # 360 kB: at the slowest 5 s
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as line:
        line.sendall(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(data))
        for part in range(0, len(data), 60_000):
            line.sendall(data[part : part + 60_000])
            time.sleep(0.1)
        assert line.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_body_without_end_is_read_no_further_than_allowed(start) -> None:
    service = start(limits=Limits(body_bytes=100_000))
    chunk = b"%x\r\n" % 10_000 + bytes(10_000) + b"\r\n"
    sent = 0
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as line:
        line.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(100_000):  # 1 GB
                sent += line.send(chunk)
        except OSError:
            pass
    assert sent < 120_000_000
    assert service.http.get("/healthz").status_code == 200


def test_who_sends_too_much_still_reads_why(start) -> None:
    """The answer comes before the body is sent; a connection closed at once would lose it."""
    service = start(limits=Limits(body_bytes=100_000))
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as line:
        line.sendall(HEAD + b"Content-Length: 5000000\r\n\r\n")
        time.sleep(0.3)
        for _ in range(50):
            line.sendall(bytes(100_000))
        got = b""
        while chunk := line.recv(65536):
            got += chunk
    assert _problem(got) == (413, "/docs#body-too-long")
    assert b"connection: close" in got.lower()


def test_who_asks_before_sending_is_told_at_once(start) -> None:
    """`Expect: 100-continue`: nobody uploads 100 MB to hear that it is too much."""
    service = start(limits=Limits(body_bytes=100_000))
    began = time.monotonic()
    got = _talk(service.port, HEAD + b"Expect: 100-continue\r\nContent-Length: 100001\r\n\r\n")
    assert _problem(got) == (413, "/docs#body-too-long")
    assert time.monotonic() - began < 1.5


def test_a_busy_service_says_so_and_stays_alive(tight, gated, photo, is_problem) -> None:
    _until(lambda: tight.service.lifecycle.ready)
    gated.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        url = str(tight.http.base_url) + "/v1/predict"
        busy = [pool.submit(httpx.post, url, content=photo(), timeout=20) for _ in range(2)]
        _until(lambda: tight.service.pool.held == 2)
        began = time.monotonic()
        is_problem(tight.http.post("/v1/predict", content=photo()), 503, "busy")
        assert tight.http.get("/healthz").json() == {"status": "alive"}
        assert tight.http.get("/readyz").json() == {"status": "ready"}
        assert "fingerspell_queue_depth 2.0" in tight.http.get("/metrics").text
        assert time.monotonic() - began < 1.0
        gated.gate.set()
        assert [each.result().status_code for each in busy] == [200, 200]
    assert tight.http.post("/v1/predict", content=photo()).status_code == 200


def test_a_recognition_that_takes_too_long_is_given_up(tight, gated, photo, is_problem) -> None:
    _until(lambda: tight.service.lifecycle.ready)
    gated.gate.clear()
    opener = threading.Timer(1.6, gated.gate.set)
    opener.start()
    is_problem(tight.http.post("/v1/predict", content=photo()), 503, "took-too-long")
    opener.join()
    assert tight.http.post("/v1/predict", content=photo()).status_code == 200


def test_a_long_video_lets_others_have_their_turn(start, recognizer, photo, video) -> None:
    """One thread, a video that takes seconds, and a photo that must not wait for its end."""

    class Slow:
        bundle, labels = recognizer.bundle, recognizer.labels

        def predict(self, photo, **more):
            return self.predict_batch([photo], **more)[0]

        def predict_batch(self, photos, **more):
            time.sleep(0.02 * len(photos))
            return recognizer.predict_batch(photos, **more)

    service = start(recognizer=Slow(), limits=Limits(workers=1))
    url = str(service.http.base_url) + "/v1/spell"
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(httpx.post, url, content=video("A" * 100), timeout=30)
        _until(lambda: service.service.metrics.recognised.labels("spell")._value.get() > 0)
        assert service.http.post("/v1/predict", content=photo()).status_code == 200
        assert not long.done()
        assert long.result().json()["frames"] == 100


def test_a_video_is_left_alone_once_nobody_waits_for_it(start, gated, video) -> None:
    service = start(recognizer=gated, limits=Limits(workers=1))
    data = video("A" * 120)
    gated.gate.clear()
    line = socket.create_connection(("127.0.0.1", service.port))
    line.sendall(b"POST /v1/spell HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
    _until(lambda: service.service.pool.held == 1)
    line.close()
    time.sleep(0.2)
    gated.gate.set()
    _until(lambda: service.service.pool.held == 0)
    assert service.service.metrics.recognised.labels("spell")._value.get() < 120


def test_no_more_connections_than_allowed_are_open(start) -> None:
    service = start(limits=Limits(connections=3))
    lines = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(3)]
    time.sleep(0.2)
    assert _problem(_talk(service.port)) == (503, "/docs#busy")
    for line in lines:
        line.close()
    _until(lambda: service.http.get("/healthz").status_code == 200)


@pytest.mark.parametrize("sent", [b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 5,
                                  b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                                  b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n",
                                  b"GET /" + b"a" * 100_000])  # fmt: skip
def test_what_is_no_http_is_told_so(running, sent) -> None:
    assert _problem(_talk(running.port, sent)) == (400, "/docs#malformed")
    assert running.http.get("/healthz").status_code == 200


@pytest.mark.parametrize("limits", [{"photos": 0}, {"pixels": -1}, {"request_seconds": 0.0}, {"workers": 0}])
def test_limits_are_above_nothing(limits) -> None:
    with pytest.raises(ServiceError, match="more than 0"):
        Limits(**limits)


def _until(true, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
