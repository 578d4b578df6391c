"""What can be wrong with a request, and how the service says so: RFC 9457, without paths and without traces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Kind:
    """A kind of problem.

    Attributes:
        name: of its type, which is `/docs#name`.
        status: HTTP status.
        title: what is wrong, the same for every occurrence.
        retry_after: seconds after which it is worth trying again; 0 where it is not.
    """

    name: str
    status: int
    title: str
    retry_after: int = 0


MALFORMED = Kind("malformed", 400, "The request is malformed")
WRONG_HOST = Kind("wrong-host", 400, "The service does not answer under this name")
TOKEN = Kind("token", 401, "A token is required")
OTHER_SITE = Kind("other-site", 403, "Another site's page may not use this service")
NOT_FOUND = Kind("not-found", 404, "There is nothing at this address")
METHOD = Kind("method", 405, "This address does not know this method")
TOO_SLOW = Kind("too-slow", 408, "The request came too slowly")
BODY_TOO_LONG = Kind("body-too-long", 413, "The body is too long")
TOO_MANY_PIXELS = Kind("too-many-pixels", 413, "The picture has too many pixels")
TOO_MANY_PHOTOS = Kind("too-many-photos", 413, "There are too many photos in one request")
VIDEO_TOO_LONG = Kind("video-too-long", 413, "The video is too long")
MESSAGE_TOO_LONG = Kind("message-too-long", 413, "The message is too long")
NOT_AN_IMAGE = Kind("not-an-image", 415, "This is no image of a kind that is read here")
NOT_A_VIDEO = Kind("not-a-video", 415, "This is no video of a kind that is read here")
DAMAGED_IMAGE = Kind("damaged-image", 422, "The image is damaged")
DAMAGED_VIDEO = Kind("damaged-video", 422, "The video is damaged")
SETTING = Kind("setting", 422, "A setting has no meaning")
MESSAGE = Kind("message", 422, "The message has no meaning")
UPGRADE = Kind("upgrade", 426, "This address speaks WebSocket")
TOO_MANY_STREAMS = Kind("too-many-streams", 429, "Too many streams are open", retry_after=10)
TOO_MANY_MESSAGES = Kind("too-many-messages", 429, "The messages come too fast", retry_after=1)
INTERNAL = Kind("internal", 500, "Something is wrong with the service")
BUSY = Kind("busy", 503, "The service is busy", retry_after=2)
TOOK_TOO_LONG = Kind("took-too-long", 503, "The recognition took too long", retry_after=10)
NO_ROOM = Kind("no-room", 503, "The service has no room for the body", retry_after=60)
NOT_READY = Kind("not-ready", 503, "The service is not ready yet", retry_after=1)
STOPPING = Kind("stopping", 503, "The service is stopping", retry_after=10)

KINDS: tuple[Kind, ...] = tuple(each for each in [*vars().values()] if isinstance(each, Kind))
"""All of them, by status."""

OF_THE_GATE = (WRONG_HOST, TOKEN, OTHER_SITE, STOPPING)
"""What any request for /v1 may be answered with."""


class Problem(Exception):  # noqa: N818 - it is the answer, not only an error
    """Ends the work on a request or a message, and is its answer.

    Args:
        kind: what is wrong.
        detail: what is wrong this time: full sentences without anything that was in a picture.
        headers: for the answer.
        more: further members of the answer, what was read before the damage for instance.
    """

    def __init__(
        self,
        kind: Kind,
        detail: str,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.more = {**(more or {})}
        self.headers = {**(headers or {})}
        if kind.retry_after:
            self.headers.setdefault("Retry-After", str(kind.retry_after))

    def body(self) -> dict[str, Any]:
        """The answer's JSON object: type, title, status, detail, and what else there is."""
        kind = self.kind
        always = {"type": f"/docs#{kind.name}", "title": kind.title, "status": kind.status, "detail": self.detail}
        return {**self.more, **always}

    def response(self) -> JSONResponse:
        """The answer."""
        return JSONResponse(self.body(), self.kind.status, self.headers, MEDIA_TYPE)


def example(kind: Kind, detail: str) -> dict[str, Any]:
    """How OpenAPI shows a problem."""
    return {"summary": kind.title, "value": Problem(kind, detail).body()}


def install(app: FastAPI) -> None:
    """Have every error of the framework answered as a problem, too."""
    for kind in (Problem, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> JSONResponse:
    return _as_problem(error).response()


def _as_problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return Problem(SETTING, "; ".join(_sentence(each) for each in error.errors()))
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (headers or {}).get("Allow", "another one")
        return Problem(METHOD, f"Use {allowed}.", headers)
    # a file of the page that may not be read is, for whoever asks, not there
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED}:
        return Problem(NOT_FOUND, "See /docs for the addresses of this service.")
    if status < 500:
        return Problem(MALFORMED, "The request could not be read.", headers)
    return Problem(INTERNAL, "The request was not answered. The service's own log says more.")


def _sentence(error: Mapping[str, Any]) -> str:
    """What a validation error means for whoever sent the request; never what they sent."""
    place = ".".join(str(part) for part in error["loc"][1:]) or "the request"
    return f"{place}: {error['msg']}"
