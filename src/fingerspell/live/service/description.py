"""What OpenAPI and /docs say about the service: bodies, problems, streams."""

from __future__ import annotations

from typing import Any

from fingerspell.live.service.problems import MEDIA_TYPE, Kind, example
from fingerspell.live.service.schemas import ProblemBody

TITLE = "fingerspell"

ABOUT = """Names signs of the ASL alphabet in photos, and spells text from videos and live streams.
Fingerspelling is one part of ASL, not all of it. Pictures stay on the machine that runs this service; nothing of them
is kept or logged.

Where the service was started with a token, /v1, /bundle and /metrics need the header `Authorization: Bearer …`.
Every error is an `application/problem+json` object (RFC 9457).

**Streams.** Open a WebSocket at `/v1/stream`. The first message is text:
`{"type": "hello", "token": "…", "hand": "right" | "left" | "auto"}`; the answer is
`{"type": "ready", "labels": […], "network": "…"}`. Then send binary messages: 8 bytes with the seconds since the
stream's start (little-endian float64, never decreasing), then a JPEG, PNG or WebP of the part of the frame that
holds the hand, not mirrored. Each is answered by
`{"type": "reading", "seconds", "label", "probability", "runners_up", "probabilities", "milliseconds", "dropped",
"events", "text", "hand"}`, unless a newer frame arrived before it was looked at: the newest wins, and `dropped` counts
the others since the start. Text `{"type": "undo"}` or `{"type": "clear"}` changes the text and is answered by
`{"type": "text", "text"}`. What is wrong with one message is answered by `{"type": "problem", "status", "title",
"detail", "kind"}`. Codes of a close: 1000 ended, 1001 the service stops, 1008 no hello, a wrong token or silence,
1009 a message that is far too long."""

_EXAMPLES = {
    "malformed": "The request has no body.",
    "token": "Send the header 'Authorization: Bearer …' with the token that the service was started with.",
    "too-slow": "Only 3 bytes arrived in 20 seconds.",
    "body-too-long": "At most 104,857,600 bytes are taken in one request.",
    "too-many-pixels": "The photo is 20000×20000 pixels, at most 25,000,000 are taken.",
    "too-many-photos": "At most 32 are taken in one request.",
    "video-too-long": "At most 120 seconds of a video are taken.",
    "not-an-image": "The photo does not begin as JPEG, PNG, BMP, PPM, TIFF or WEBP does.",
    "not-a-video": "The body does not begin as a video does.",
    "damaged-image": "The photo begins as JPEG and cannot be decoded to its end.",
    "damaged-video": "The video is damaged; frames that could be read: 12, up to 0.40 s.",
    "setting": "hand: Input should be 'right', 'left' or 'auto'",
    "upgrade": "Open it with a WebSocket client; see /docs.",
    "busy": "16 requests are being recognised or wait for it, which is the limit.",
    "took-too-long": "What one request asks for must be recognised in 120 seconds.",
    "not-ready": "The first recognition is still running.",
    "stopping": "What was running is still answered; nothing new is.",
}

_BYTES = {"type": "string", "format": "binary"}
_IMAGES = ("image/jpeg", "image/png", "image/webp", "image/bmp", "image/tiff", "application/octet-stream")
_VIDEOS = ("video/mp4", "video/quicktime", "video/webm", "video/x-matroska", "video/x-msvideo", "image/gif")


def _body(raw: tuple[str, ...], field: str, what: str) -> dict[str, Any]:
    """Request body of OpenAPI: a raw file, or a form with files of one name."""
    files = {"type": "array", "items": _BYTES, "minItems": 1}
    form = {"type": "object", "required": [field], "properties": {field: files}, "additionalProperties": False}
    file = {"value": f"(the bytes of {what})", "summary": f"the content of {what}"}
    parts = {"value": {field: ["(first file)", "(second file)"]}, "summary": f"several parts named {field}"}
    content: dict[str, Any] = {kind: {"schema": _BYTES, "examples": {"file": file}} for kind in raw}
    content["multipart/form-data"] = {"schema": form, "examples": {"parts": parts}}
    return {"requestBody": {"required": True, "content": content}}


PREDICT = _body(_IMAGES, "photos", "a photo")
SPELL = _body(_VIDEOS, "frames", "a video")


def responses(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    """The problems of a route for OpenAPI, each with an example."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        empty = {"schema": ProblemBody.model_json_schema(), "examples": {}}
        answer = found.setdefault(kind.status, {"description": kind.title, "content": {MEDIA_TYPE: empty}})
        answer["content"][MEDIA_TYPE]["examples"][kind.name] = example(kind, _EXAMPLES.get(kind.name, kind.title))
        if kind.retry_after:
            schema = {"description": "Seconds after which to try again.", "schema": {"type": "integer"}}
            answer["headers"] = {"Retry-After": schema}
    return found
