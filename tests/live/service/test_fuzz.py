"""Hundreds of requests of nonsense: never a failure of our own, never a hang, memory stays bounded."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import struct
import sys
import time
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from fingerspell.live.service.limits import Limits

LIMITS = Limits(
    body_bytes=300_000, pixels=200_000, frames=40, body_seconds=0.5, head_seconds=0.5, hello_seconds=0.5, streams=4
)
EXPECTED = {200, 304, 400, 401, 403, 404, 405, 408, 413, 415, 422, 426, 429, 503}
SECONDS = 7.0

WORDS = [
    "",
    "a",
    "image/jpeg",
    "text/plain",
    "video/mp4",
    "gzip",
    "chunked",
    "bytes=0-1",
    "ÿ",
    "*/*",
    "multipart/form-data;",
    "multipart/form-data;boundary=",
    "x" * 3000,
    "multipart/form-data; boundary=" + "b" * 300,
]
NAMES = [
    "Content-Type",
    "Accept",
    "Authorization",
    "Origin",
    "Range",
    "If-None-Match",
    "Content-Encoding",
    "X",
    "Upgrade",
    "Sec-WebSocket-Key",
    "Cookie",
    "If-Modified-Since",
    "Connection",
    "Forwarded",
    "Expect",
    "Transfer-Encoding",
]
PATHS = [
    "/v1/predict",
    "/v1/spell",
    "/v1/spell?fps=5",
    "/v1/spell?hand=auto",
    "/",
    "/metrics",
    "/v1/stream",
    "/bundle/card.json",
    "/docs",
    "/openapi.json",
    "/v1",
    "/bundle/",
    "/%00",
    "/a/../b",
    "/v1/spell?fps=1e400",
    "/v1/spell?box=0,0,1e-9,1",
    "/v1/spell?fps=&hand=&box=",
    "/bundle/model.onnx",
    "/bundle/finder.onnx",
]


@pytest.fixture(scope="module")
def hardened(launch):
    service = launch(limits=LIMITS)
    yield service
    service.stop()


def _memory() -> int:
    """Bytes of this process, where the system tells."""
    if not sys.platform.startswith("linux"):
        return 0
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _mutated(draw: random.Random, data: bytes) -> bytes:
    """Bytes changed, cut, doubled or put in."""
    made = bytearray(data)
    for _ in range(draw.randint(1, 12)):
        where = draw.randrange(len(made) or 1)
        match draw.randrange(5):
            case 0:
                made[where : where + 1] = bytes([draw.randrange(256)])
            case 1:
                del made[where : where + draw.randint(1, 40)]
            case 2:
                made[where:where] = draw.randbytes(draw.randint(1, 40))
            case 3:
                made[where : where + 4] = struct.pack(">I", draw.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 70_000]))
            case _:
                del made[draw.randrange(len(made) or 1) :]
    return bytes(made)


def _form(draw: random.Random, name: str, parts: list[bytes]) -> tuple[bytes, str]:
    head = f'--X\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n\r\n'.encode()
    body = b"".join(head + part + b"\r\n" for part in parts) + b"--X--\r\n"
    return (_mutated(draw, body) if draw.random() < 0.6 else body), "multipart/form-data; boundary=X"


def _requests(draw: random.Random, photos: list[bytes], videos: list[bytes]):
    """Endless requests: (method, path, headers, body)."""
    while True:
        headers = {draw.choice(NAMES): draw.choice(WORDS).encode("latin-1") for _ in range(draw.randrange(3))}
        match draw.randrange(6):
            case 0:
                yield draw.choice(["GET", "PUT", "HEAD", "TRACE", "PATCH", "X"]), draw.choice(PATHS), headers, b""
            case 1:
                yield "POST", draw.choice(PATHS), headers, draw.randbytes(draw.randrange(2000))
            case 2:
                yield "POST", "/v1/predict", headers, _mutated(draw, draw.choice(photos))
            case 3:
                yield "POST", "/v1/spell", headers, _mutated(draw, draw.choice(videos))
            case 4:
                body, kind = _form(draw, "photos", [_mutated(draw, draw.choice(photos)), draw.choice(photos)])
                yield "POST", "/v1/predict", {**headers, "Content-Type": kind}, body
            case _:
                body, kind = _form(draw, "frames", [draw.choice(photos) for _ in range(draw.randrange(6))])
                yield "POST", "/v1/spell?fps=10", {**headers, "Content-Type": kind}, body


def test_nonsense_is_answered_and_nothing_breaks(hardened, photo, video, caplog) -> None:
    draw = random.Random(20)
    photos = [photo("A", kind, (60, 50)) for kind in ("JPEG", "PNG", "WEBP", "BMP", "PPM", "TIFF")]
    photos.append(photo("B", "JPEG", (60, 50), progressive=True))
    videos = [video("AAB", kind=kind) for kind in ("mp4", "matroska", "avi")] + [b"GIF89a" + bytes(100)]
    seen: dict[int, int] = {}
    end, before, slowest = time.monotonic() + SECONDS * 0.6, 0, 0.0
    for number, (method, path, headers, body) in enumerate(_requests(draw, photos, videos)):
        if time.monotonic() > end and number >= 150:
            break
        if number == 60:
            before = _memory()  # libraries and threads are there by now
        began = time.monotonic()
        try:
            answer = hardened.http.request(method, path, headers=headers, content=body, timeout=8)
        except httpx.LocalProtocolError:  # the client itself refuses to send this
            continue
        slowest = max(slowest, time.monotonic() - began)
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
        assert answer.status_code in EXPECTED, (number, method, path, headers, body, answer.text)
        if answer.status_code >= 400 and method != "HEAD":
            assert answer.json()["status"] == answer.status_code
    assert sum(seen.values()) >= 140
    assert {200, 404, 405, 415, 422} <= set(seen)
    assert slowest < 6
    assert _memory() - before < 150 << 20
    assert _failures(caplog) == []
    _still_answers(hardened, photo)


def test_raw_bytes_on_the_socket_do_no_harm(hardened, photo, caplog) -> None:
    draw = random.Random(21)
    good = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\nX: y\r\n\r\n" + bytes(20)
    end = time.monotonic() + SECONDS * 0.2
    for number in range(150):
        if time.monotonic() > end and number > 25:
            break
        sent = _mutated(draw, good) if draw.random() < 0.8 else draw.randbytes(draw.randrange(1, 400))
        with socket.create_connection(("127.0.0.1", hardened.port), timeout=5) as line, contextlib.suppress(OSError):
            line.sendall(sent)
            line.shutdown(socket.SHUT_WR)
            got = line.recv(65536)
            assert b"HTTP/1.1 5" not in got, sent
    assert _failures(caplog) == []
    _still_answers(hardened, photo)


def test_nonsense_on_streams_does_no_harm(hardened, photo, frame, caplog) -> None:
    draw = random.Random(22)
    end = time.monotonic() + SECONDS * 0.2
    for number in range(100):
        if time.monotonic() > end and number > 10:
            break
        with (
            contextlib.suppress(WebSocketException, OSError),
            connect(hardened.stream_url, close_timeout=0.3) as stream,
        ):
            if draw.random() < 0.8:
                stream.send('{"type": "hello"}')
            for _ in range(draw.randrange(12)):
                data = _mutated(draw, frame(draw.random() * 9))
                text = _mutated(draw, b'{"type": "undo"}').decode("latin-1")
                stream.send(data if draw.random() < 0.7 else text)
            if draw.random() < 0.5:
                assert json.loads(stream.recv(1))["type"] in {"ready", "problem"}
            if draw.random() < 0.3:
                stream.socket.close()
    assert _failures(caplog) == []
    _still_answers(hardened, photo)


def _failures(caplog) -> list[str]:
    """What the service itself logged with a trace; the clients' own logs are not its affair."""
    ours = [record for record in caplog.records if record.name.partition(".")[0] in {"fingerspell", "uvicorn"}]
    return [record.getMessage() for record in ours if record.exc_info]


def _still_answers(service, photo) -> None:
    end = time.monotonic() + 10
    while service.service.lifecycle.streams or service.service.lifecycle.running:
        assert time.monotonic() < end, "something never ended"
        time.sleep(0.02)
    assert service.service.pool.held == 0
    answer = service.http.post("/v1/predict", content=photo("B"))
    assert answer.json()["predictions"][0]["label"] == "B"
