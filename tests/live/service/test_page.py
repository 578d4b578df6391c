"""The page's files: types, keeping, headers, and no way out of their folder."""

from __future__ import annotations

import hashlib
import socket

import pytest

from fingerspell.core.bundle import write_bundle
from fingerspell.live.recognizer import Recognizer
from fingerspell.live.service.envelope import POLICY


@pytest.fixture(scope="module")
def page(launch, tmp_path_factory):
    place = tmp_path_factory.mktemp("page")
    folder = place / "page"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    for name in ("a-1.js", "ort-2.mjs", "ort-3.wasm", "s-4.css", "x.unknown"):
        (folder / "assets" / name).write_bytes(b"x" * 10)
    (folder / "chart.webp").write_bytes(b"RIFF")
    (folder / "words.json").write_text("{}")
    (folder / "empty").mkdir()
    (place / "secret.txt").write_text("secret")
    (place / "page-secret").mkdir()
    (place / "page-secret" / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(place / "secret.txt")
    (folder / "linked").symlink_to(place)
    service = launch(page=folder)
    yield service
    service.stop()


def test_the_root_is_the_page(page) -> None:
    answer = page.http.get("/")
    assert "<title>page</title>" in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", "/assets/a-1.js", "/healthz", "/v1/nothing", "/docs"])
def test_every_answer_carries_the_security_headers(page, path) -> None:
    headers = page.http.get(path).headers
    assert headers["content-security-policy"] == POLICY
    assert "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'" in POLICY
    assert "frame-ancestors 'none'; base-uri 'none'; form-action 'none'" in POLICY
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "require-corp"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["permissions-policy"] == "camera=(self)"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


@pytest.mark.parametrize(
    ("path", "kind"),
    [("assets/a-1.js", "text/javascript; charset=utf-8"), ("assets/ort-2.mjs", "text/javascript; charset=utf-8"),
     ("assets/ort-3.wasm", "application/wasm"), ("assets/s-4.css", "text/css; charset=utf-8"),
     ("assets/x.unknown", "application/octet-stream"), ("chart.webp", "image/webp"),
     ("words.json", "application/json")],
)  # fmt: skip
def test_types_do_not_depend_on_the_system(page, path, kind) -> None:
    answer = page.http.get(f"/{path}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == kind
    forever = path.startswith("assets/")
    assert answer.headers["cache-control"] == ("public, max-age=31536000, immutable" if forever else "no-cache")


@pytest.mark.parametrize("path", ["/", "/assets/a-1.js", "/bundle/model.onnx", "/bundle/card.json"])
def test_what_has_not_changed_is_not_sent_again(page, path) -> None:
    first = page.http.get(path)
    again = page.http.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert page.http.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_bundle_is_served_as_it_was_verified(page, recognizer) -> None:
    assert page.http.get("/bundle/model.onnx").content == recognizer.bundle.model
    answer = page.http.get("/bundle/card.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == dict(recognizer.bundle.card)
    assert page.http.get("/bundle/golden/expected.json").status_code == 404


def test_a_bundle_without_a_finder_says_so(page, is_problem) -> None:
    is_problem(page.http.get("/bundle/finder.onnx"), 404, "not-found")


def test_a_bundles_finder_is_served_as_it_was_verified(launch, recognizer, tmp_path) -> None:
    tiny = recognizer.bundle
    about = {"input": [192, 192], "framing": 1.5, "score": 0.4, "about": "any network will do here"}
    place = tmp_path / "finding.bundle"
    finder = tiny.model  # a network, and not asked here
    write_bundle(place, model=tiny.model, card={**tiny.card, "finder": about}, golden=tiny.golden, finder=finder)
    service = launch(recognizer=Recognizer(place, threads=1))
    try:
        first = service.http.get("/bundle/finder.onnx")
        assert (first.content, first.headers["content-type"]) == (finder, "application/octet-stream")
        assert first.headers["etag"] == f'"{hashlib.sha256(finder).hexdigest()}"'
        assert first.headers["cache-control"] == "private, no-cache"
        assert first.headers["content-security-policy"] == POLICY
        again = service.http.get("/bundle/finder.onnx", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert 'route="/bundle/finder.onnx"' in service.http.get("/metrics").text
    finally:
        service.stop()


@pytest.mark.parametrize("wanted", ["bytes=0-3", "bytes=9-99", "bytes=50-", "lines=1", "bytes=3-1", "bytes=0-1,4-5"])
def test_files_come_whole(page, wanted) -> None:
    answer = page.http.get("/assets/a-1.js", headers={"Range": wanted})
    assert (answer.status_code, len(answer.content)) == (200, 10)


def test_head_gives_the_head(page) -> None:
    answer = page.http.head("/assets/a-1.js")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "10")


OUTSIDE = [
    "/../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/assets/../../secret.txt",
    "/..\\secret.txt",
    "/..%5csecret.txt",
    "//secret.txt",
    "/link.txt",
    "/linked/secret.txt",
    "/../page-secret/secret.txt",
    "/%00",
    "/assets%00/a-1.js",
    "/index.html%00",
    "/empty",
    "/empty/",
    "/assets",
    "/assets/",
    "/C:/secret.txt",
    "/%ff%fe",
    "//etc/passwd",
    "/.%2e/.%2e/.%2e/.%2e/etc/passwd",
    "/%252e%252e/secret.txt",
]


@pytest.mark.parametrize("target", [*OUTSIDE, "/" + "a" * 5000, "/" + "a/" * 2000])
def test_there_is_no_way_out_of_the_folder(page, target) -> None:
    """Sent as it stands, because clients tidy addresses up."""
    with socket.create_connection(("127.0.0.1", page.port), timeout=5) as line:
        line.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        got = b""
        while chunk := line.recv(65536):
            got += chunk
    assert got.startswith(b"HTTP/1.1 404"), got[:200]
    assert b"secret" not in got.partition(b"\r\n\r\n")[2]
    assert b"application/problem+json" in got


def test_without_a_built_page_the_root_says_how_to_build_it(running) -> None:
    answer = running.http.get("/")
    assert answer.status_code == 200
    assert "not been built" in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert running.http.get("/assets/a.js").status_code == 404
