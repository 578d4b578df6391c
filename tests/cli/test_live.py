"""`fingerspell live`: what it refuses, what it prints, what it opens."""

from __future__ import annotations

import socket
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

import httpx

from fingerspell.cli import live
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
def test_it_prints_the_address_opens_the_page_and_answers(monkeypatch, capsys, tiny_bundle: Path, opens) -> None:
    """In a thread: the command itself, up to its end."""
    servers: list[serving.Server] = []
    opened: list[str] = []

    class Kept(serving.Server):
        def __init__(self, *arguments, **settings) -> None:
            super().__init__(*arguments, **settings)
            servers.append(self)

    monkeypatch.setattr(serving, "Server", Kept)
    monkeypatch.setattr(live.webbrowser, "open", lambda url: bool(opened.append(url)))
    token = "0123456789abcdef"
    more = {"open_page": opens, "token": token, "port": 0, "host": "127.0.0.1", "allow_host": None, "queue": 3}
    limits = {"max_body": 1, "max_pixels": 1, "max_video": 5.0, "max_time": 5.0, "streams": 2, "drain": 1.0}
    thread = threading.Thread(target=live.live_command, args=(tiny_bundle,), kwargs={**more, **limits})
    thread.start()
    end = time.monotonic() + 20
    out = err = ""
    while "http" not in out or (opens and "note:" not in err):
        assert time.monotonic() < end
        time.sleep(0.05)
        more_out, more_err = capsys.readouterr()
        out, err = out + more_out, err + more_err
    address = out.strip()
    assert httpx.get(f"{address}healthz").json() == {"status": "alive"}
    assert httpx.post(f"{address}v1/predict", content=b"x").status_code == 401
    assert token not in out + err  # what is printed may be seen by others
    assert opened == ([f"{address}#token={token}"] if opens else [])
    assert ("no browser" in err) is opens
    servers[0].stop()
    thread.join(10)
    assert not thread.is_alive()


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
