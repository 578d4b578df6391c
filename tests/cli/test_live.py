"""`fingerspell live`: what it refuses, what it prints, what it opens."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

import httpx

from fingerspell.cli.main import main
from fingerspell.live.service import server as serving


def run(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["fingerspell", "live", *arguments])
    monkeypatch.delenv("FINGERSPELL_TOKEN", raising=False)
    code = 0
    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_it_listens_elsewhere_only_with_a_token(monkeypatch, capsys, tmp_path, host) -> None:
    code, out, err = run(monkeypatch, capsys, str(tmp_path), "--host", host)
    assert (code, out) == (2, "")
    assert "without a token" in err
    assert "expected: a token, or 127.0.0.1" in err
    assert "FINGERSPELL_TOKEN" in err


def test_a_short_token_is_refused_and_not_repeated(monkeypatch, capsys, tmp_path) -> None:
    code, _, err = run(monkeypatch, capsys, str(tmp_path), "--token", "hunter2")
    assert code == 2
    assert "at least 16" in err
    assert "hunter2" not in err


def test_a_bundle_that_is_none_is_refused_before_anything_listens(monkeypatch, capsys, tmp_path) -> None:
    code, _, err = run(monkeypatch, capsys, str(tmp_path / "nothing"))
    assert code == 2
    assert "does not exist" in err


def test_a_bundle_that_answers_otherwise_is_not_served(monkeypatch, capsys, tiny_bundle) -> None:
    from fingerspell.core.errors import BundleError
    from fingerspell.live.recognizer import Recognizer

    def verify(self: Recognizer) -> None:
        raise BundleError("it answers otherwise")

    monkeypatch.setattr(Recognizer, "verify", verify)
    code, out, err = run(monkeypatch, capsys, str(tiny_bundle), "--no-open")
    assert (code, out) == (2, "")
    assert "answers otherwise" in err


def test_a_port_that_is_taken_is_named(monkeypatch, capsys, tiny_bundle) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = run(monkeypatch, capsys, str(tiny_bundle), "--port", str(port), "--no-open")
    assert code == 2
    assert f"port {port}" in err
    assert "leave --port out" in err


def test_an_address_that_is_not_ours_is_named(monkeypatch, capsys, tiny_bundle) -> None:
    token = "0123456789abcdef"
    code, _, err = run(monkeypatch, capsys, str(tiny_bundle), "--host", "192.0.2.1", "--token", token, "--no-open")
    assert code == 2
    assert "192.0.2.1" in err
    assert token not in err
    code, _, err = run(monkeypatch, capsys, str(tiny_bundle), "--host", "no such name", "--token", token, "--no-open")
    assert code == 2
    assert "--host" in err


def test_without_a_port_the_next_free_one_is_taken(monkeypatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        first = taken.getsockname()[1]
        monkeypatch.setattr(serving, "FIRST_PORT", first)
        with serving.listen("127.0.0.1", None) as found:
            assert first < found.getsockname()[1] < first + 100
    with serving.listen("127.0.0.1", 0) as found:
        assert serving.address_of("localhost", found) == f"http://localhost:{found.getsockname()[1]}/"
        assert serving.address_of("0.0.0.0", found).startswith("http://127.0.0.1:")
        assert serving.address_of("::", found).startswith("http://[::1]:")
        assert serving.address_of("::1", found).startswith("http://[::1]:")


@pytest.mark.parametrize("opens", [True, False])
def test_it_prints_the_address_opens_the_page_and_answers(tiny_bundle: Path, tmp_path: Path, opens) -> None:
    """The real command, with a browser that writes down where it was sent."""
    browser, visited = tmp_path / "browser", tmp_path / "visited"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{visited}"\n')
    browser.chmod(0o755 if opens else 0o644)
    token = "0123456789abcdef"
    command = [sys.executable, "-m", "fingerspell.cli.main", "live", str(tiny_bundle), "--port", "0", "--drain", "1"]
    no_screen = {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    environment = {**no_screen, "FINGERSPELL_TOKEN": token, "BROWSER": f"{browser} %s"}
    log = tmp_path / "log"
    with (
        log.open("w") as err,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=err, text=True, env=environment) as running,
    ):
        try:
            address = running.stdout.readline().strip()
            assert httpx.get(f"{address}healthz").json() == {"status": "alive"}
            assert httpx.post(f"{address}v1/predict", content=b"x").status_code == 401
            told = visited.exists if opens else lambda: "no browser could be opened" in log.read_text()
            end = time.monotonic() + 20
            while not told():
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.05)
        finally:
            running.send_signal(signal.SIGTERM)
            out = running.stdout.read()
            assert running.wait(20) == 0
    assert token not in address + out + log.read_text()  # what is printed may be seen by others
    if opens:
        assert visited.read_text() == f"{address}#token={token}"
    assert ("no browser" in log.read_text()) is not opens


def test_a_missing_part_is_named(monkeypatch, capsys, tiny_bundle) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvicorn" else real(name))
    code, _, err = run(monkeypatch, capsys, str(tiny_bundle))
    assert code == 2
    assert "uvicorn" in err
    assert "fingerspell[service]" in err


def test_help_shows_examples(monkeypatch, capsys) -> None:
    code, out, _ = run(monkeypatch, capsys, "--help")
    assert code == 0
    assert "fingerspell live asl.bundle --no-open" in out
    assert "FINGERSPELL_TOKEN" in out
