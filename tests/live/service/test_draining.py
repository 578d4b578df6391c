"""Stopping: a real process, real sockets, a real SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@contextmanager
def process(bundle, *more: str):
    """`fingerspell live` on a free port: (process, port)."""
    command = [sys.executable, "-m", "fingerspell.cli.main", "live", str(bundle), "--no-open", "--port", "0", *more]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("FINGERSPELL_TOKEN", None)
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        address = run.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), run.stderr.read()
        yield run, int(address.rstrip("/").rpartition(":")[2])
    finally:
        run.kill()
        run.communicate()


def test_sigterm_ends_what_runs_and_sends_away_what_comes(tiny_bundle, photo, frame) -> None:
    data = photo("B")
    with process(tiny_bundle) as (run, port):
        url = f"http://127.0.0.1:{port}"
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as line,
            connect(f"ws://127.0.0.1:{port}/v1/stream") as stream,
            httpx.Client(base_url=url) as client,
        ):
            stream.send('{"type": "hello"}')
            stream.recv(10)
            stream.send(frame(0.0))
            assert json.loads(stream.recv(10))["label"] == "A"
            assert client.get("/readyz").status_code == 200
            head = f"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
            line.sendall(head.encode() + data[:100])
            time.sleep(0.3)  # it is being answered now
            run.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                stream.recv(10)
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "the service is stopping")
            refused = httpx.post(f"{url}/v1/predict", content=data)
            assert (refused.status_code, refused.json()["type"]) == (503, "/docs#stopping")
            assert int(refused.headers["retry-after"]) > 0
            assert client.get("/readyz").json()["type"] == "/docs#stopping"
            assert client.get("/healthz").status_code == 200
            assert run.poll() is None
            line.sendall(data[100:])
            answer = b""
            while chunk := line.recv(65536):  # the connection is closed behind the answer
                answer += chunk
            assert answer.startswith(b"HTTP/1.1 200")
            assert b'"label":"B"' in answer
            began = time.monotonic()
            out, err = run.communicate(timeout=10)
            assert time.monotonic() - began < 4
    assert run.returncode == 0
    assert (out, err) == ("", "")


def test_what_does_not_end_is_ended(tiny_bundle) -> None:
    with (
        process(tiny_bundle, "--drain", "0.5") as (run, port),
        socket.create_connection(("127.0.0.1", port), timeout=10) as line,
    ):
        line.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n123")
        time.sleep(0.3)
        began = time.monotonic()
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=15)
        assert 0.4 < time.monotonic() - began < 6
        assert line.recv(65536).startswith(b"HTTP/1.1 503")  # even what is cut short is told so
    assert run.returncode == 0
    assert "Traceback" not in out + err


def test_a_second_signal_ends_it_at_once(tiny_bundle) -> None:
    with (
        process(tiny_bundle, "--drain", "60") as (run, port),
        socket.create_connection(("127.0.0.1", port), timeout=10) as line,
    ):
        line.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n123")
        time.sleep(0.3)
        run.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert run.poll() is None
        began = time.monotonic()
        run.send_signal(signal.SIGTERM)
        _, err = run.communicate(timeout=15)
        assert time.monotonic() - began < 5
    assert run.returncode == 0
    assert "Traceback" not in err
