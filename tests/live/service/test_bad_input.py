"""The table of bad input: what was sent → status, kind of problem, title. Each row is a real request."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from fingerspell.live.service.limits import Limits


def _png_of(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims a size, as decompression bombs do."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"\0" * 64)
    chunks = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, data, b"IEND")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _form(*parts: bytes, name: str = "photos", end: bytes = b"--X--\r\n") -> dict[str, Any]:
    head = f'--X\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n\r\n'.encode()
    body = b"".join(head + part + b"\r\n" for part in parts) + end
    return {"content": body, "headers": {"Content-Type": "multipart/form-data; boundary=X"}}


LIMITS = Limits(
    body_bytes=200_000, photo_bytes=50_000, pixels=100_000, photos=3, frames=12, video_seconds=1.0, waiting=4
)

POST, GET = "POST", "GET"
P, S = "/v1/predict", "/v1/spell"
MALFORMED, DAMAGED = "The request is malformed", "The image is damaged"
NO_IMAGE, NO_VIDEO = "This is no image of a kind that is read here", "This is no video of a kind that is read here"
BODY, PIXELS = "The body is too long", "The picture has too many pixels"

Row = tuple[str, str, str, Callable[[Callable[..., bytes], Callable[..., bytes]], dict[str, Any]], int, str, str]

ROWS: list[Row] = [
    # what, method, path, request(photo, video), status, kind, title
    ("no body", POST, P, lambda p, v: {}, 400, "malformed", MALFORMED),
    ("text", POST, P, lambda p, v: {"content": b"hello"}, 415, "not-an-image", NO_IMAGE),
    ("JSON", POST, P, lambda p, v: {"json": {"photo": "…"}}, 415, "not-an-image", NO_IMAGE),
    ("a GIF", POST, P, lambda p, v: {"content": b"GIF89a" + bytes(60)}, 415, "not-an-image", NO_IMAGE),
    ("an SVG", POST, P, lambda p, v: {"content": b"<svg xmlns='x'/>"}, 415, "not-an-image", NO_IMAGE),
    ("a video instead of a photo", POST, P, lambda p, v: {"content": v("A")}, 415, "not-an-image", NO_IMAGE),
    ("text that calls itself image/jpeg", POST, P,
     lambda p, v: {"content": b"hello", "headers": {"Content-Type": "image/jpeg"}}, 415, "not-an-image", NO_IMAGE),
    ("half a JPEG", POST, P, lambda p, v: {"content": p()[:400]}, 422, "damaged-image", DAMAGED),
    ("a JPEG's first bytes", POST, P, lambda p, v: {"content": p()[:4]}, 422, "damaged-image", DAMAGED),
    ("a PNG cut off", POST, P, lambda p, v: {"content": p("A", "PNG", (200, 200))[:60]}, 422, "damaged-image", DAMAGED),
    ("a PNG whose pixels are missing", POST, P, lambda p, v: {"content": _png_of(100, 100)}, 422, "damaged-image",
     DAMAGED),
    ("a JPEG with thousands of scans", POST, P, lambda p, v: {"content": p() + b"\xff\xda" * 5000}, 422,
     "damaged-image", DAMAGED),
    ("a PNG of a few bytes that claims 30,000×30,000", POST, P, lambda p, v: {"content": _png_of(30_000, 30_000)}, 413,
     "too-many-pixels", PIXELS),
    ("a photo with more pixels than allowed", POST, P, lambda p, v: {"content": p("A", "PNG", (400, 251))}, 413,
     "too-many-pixels", PIXELS),
    ("a photo with more bytes than allowed", POST, P, lambda p, v: {"content": p("A", "BMP", (200, 100))}, 413,
     "body-too-long", BODY),
    ("a body with more bytes than allowed", POST, P, lambda p, v: {"content": bytes(200_001)}, 413, "body-too-long",
     BODY),
    ("the same without a Content-Length", POST, P,
     lambda p, v: {"content": (bytes(1000) for _ in range(201))}, 413, "body-too-long", BODY),
    ("four photos where three are allowed", POST, P, lambda p, v: _form(*[p()] * 4), 413, "too-many-photos",
     "There are too many photos in one request"),
    ("a form without a boundary", POST, P,
     lambda p, v: {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "malformed", MALFORMED),
    ("a form that is none", POST, P,
     lambda p, v: {"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=X"}}, 400, "malformed",
     MALFORMED),
    ("a form that ends too early", POST, P, lambda p, v: _form(p(), end=b""), 400, "malformed", MALFORMED),
    ("a form without parts", POST, P, lambda p, v: _form(), 400, "malformed", MALFORMED),
    ("a form whose part has another name", POST, P, lambda p, v: _form(p(), name="images"), 400, "malformed",
     MALFORMED),
    ("another kind of multipart", POST, P,
     lambda p, v: {"content": b"x", "headers": {"Content-Type": "multipart/mixed; boundary=X"}}, 400, "malformed",
     MALFORMED),
    ("three photos, the second damaged", POST, P, lambda p, v: _form(p(), p()[:300], p()), 422, "damaged-image",
     DAMAGED),
    ("three photos, the last one text", POST, P, lambda p, v: _form(p(), p(), b"x"), 415, "not-an-image", NO_IMAGE),
    ("a photo as a video", POST, S, lambda p, v: {"content": p()}, 415, "not-a-video", NO_VIDEO),
    ("text as a video", POST, S, lambda p, v: {"content": b"hello" * 20}, 415, "not-a-video", NO_VIDEO),
    ("a playlist that names a file", POST, S,
     lambda p, v: {"content": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n"}, 415,
     "not-a-video", NO_VIDEO),
    ("half a video", POST, S, lambda p, v: {"content": v("A" * 8)[: len(v("A" * 8)) // 2]}, 422, "damaged-video",
     "The video is damaged"),
    ("a video with more frames than allowed", POST, S, lambda p, v: {"content": v("A" * 13, fps=30)}, 413,
     "video-too-long", "The video is too long"),
    ("a video with more seconds than allowed", POST, S, lambda p, v: {"content": v("A" * 12, fps=10)}, 413,
     "video-too-long", "The video is too long"),
    ("a video whose frames have too many pixels", POST, S, lambda p, v: {"content": v("A", size=(400, 252))}, 413,
     "too-many-pixels", PIXELS),
    ("frames without fps", POST, S, lambda p, v: _form(p(), name="frames"), 422, "setting",
     "A setting has no meaning"),
    ("frames, one of them damaged", POST, f"{S}?fps=10", lambda p, v: _form(p(), p()[:99], name="frames"), 422,
     "damaged-image", DAMAGED),
    ("fps=0", POST, f"{S}?fps=0", lambda p, v: _form(p(), name="frames"), 422, "setting", "A setting has no meaning"),
    ("fps=nan", POST, f"{S}?fps=nan", lambda p, v: _form(p(), name="frames"), 422, "setting",
     "A setting has no meaning"),
    ("hand=both", POST, f"{S}?hand=both", lambda p, v: {"content": v("A")}, 422, "setting",
     "A setting has no meaning"),
    ("hold=-1", POST, f"{S}?hold=-1", lambda p, v: {"content": v("A")}, 422, "setting", "A setting has no meaning"),
    ("certain=nan", POST, f"{S}?certain=nan", lambda p, v: {"content": v("A")}, 422, "setting",
     "A setting has no meaning"),
    ("box=0,0,0,0", POST, f"{S}?box=0,0,0,0", lambda p, v: {"content": v("A")}, 422, "setting",
     "A setting has no meaning"),
    ("box=here", POST, f"{S}?box=here", lambda p, v: {"content": v("A")}, 422, "setting", "A setting has no meaning"),
    ("GET instead of POST", GET, P, lambda p, v: {}, 405, "method", "This address does not know this method"),
    ("DELETE of the page", "DELETE", "/", lambda p, v: {}, 405, "method", "This address does not know this method"),
    ("a method nobody knows", "BREW", S, lambda p, v: {}, 405, "method", "This address does not know this method"),
    ("CORS preflight", "OPTIONS", P, lambda p, v: {"headers": {"Access-Control-Request-Method": "POST"}}, 405,
     "method", "This address does not know this method"),
    ("an address that is none", GET, "/v1/predictions", lambda p, v: {}, 404, "not-found",
     "There is nothing at this address"),
    ("an address with a slash too many", POST, f"{P}/", lambda p, v: {}, 404, "not-found",
     "There is nothing at this address"),
    ("a way out of the page's folder", GET, "/..%2f..%2fetc/passwd", lambda p, v: {}, 404, "not-found",
     "There is nothing at this address"),
    ("another Host", GET, "/healthz", lambda p, v: {"headers": {"Host": "evil.example"}}, 400, "wrong-host",
     "The service does not answer under this name"),
    ("another site's Origin", POST, P,
     lambda p, v: {"content": p(), "headers": {"Origin": "https://evil.example"}}, 403, "other-site",
     "Another site's page may not use this service"),
    ("a stream's address without WebSocket", GET, "/v1/stream", lambda p, v: {}, 426, "upgrade",
     "This address speaks WebSocket"),
    ("a WebSocket handshake without a key", GET, "/v1/stream",
     lambda p, v: {"headers": {"Connection": "Upgrade", "Upgrade": "websocket"}}, 426, "upgrade",
     "This address speaks WebSocket"),
]  # fmt: skip


@pytest.fixture(scope="module")
def strict(launch):
    service = launch(limits=LIMITS)
    yield service
    service.stop()


@pytest.mark.parametrize(("method", "path", "request_of", "status", "kind", "title"), [r[1:] for r in ROWS],
                         ids=[r[0] for r in ROWS])  # fmt: skip
def test_bad_input(strict, photo, video, is_problem, method, path, request_of, status, kind, title) -> None:
    answer = strict.http.request(method, path, **request_of(photo, video))
    assert is_problem(answer, status, kind)["title"] == title
    assert strict.http.get("/healthz").json() == {"status": "alive"}
    assert strict.service.pool.held == 0


def test_what_is_just_allowed_is_answered(strict, photo, video) -> None:
    assert strict.http.post(P, content=photo("A", "PNG", (400, 250))).status_code == 200
    assert strict.http.post(P, **_form(photo(), photo(), photo())).status_code == 200
    assert strict.http.post(S, content=video("A" * 11, fps=10)).status_code == 200
    longest = strict.http.post(P, content=bytes(200_000))
    assert "The photo has" in longest.json()["detail"]  # the body may be so long, a photo may not
    assert strict.http.post(P, content=bytes(50_000)).status_code == 415


def test_a_damaged_photo_among_several_is_named(strict, photo) -> None:
    assert "Photo 2" in strict.http.post(P, **_form(photo(), photo()[:300], photo())).json()["detail"]


def test_a_method_that_is_not_known_is_answered_with_those_that_are(strict) -> None:
    assert strict.http.get(P).headers["allow"] == "POST"
    assert strict.http.delete("/").headers["allow"] == "GET, HEAD"
