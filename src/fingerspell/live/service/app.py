"""The service as an ASGI application: its routes, and the layers around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from fingerspell import __version__
from fingerspell.core.bundle import CARD, FINDER, MODEL
from fingerspell.live.service import predict, problems, spell, stream
from fingerspell.live.service.context import Service
from fingerspell.live.service.description import ABOUT, TITLE, responses
from fingerspell.live.service.docs import docs_page
from fingerspell.live.service.envelope import Envelope
from fingerspell.live.service.metrics import MEDIA_TYPE as METRICS_TYPE
from fingerspell.live.service.problems import NOT_FOUND, NOT_READY, OF_THE_GATE, STOPPING, Kind, Problem
from fingerspell.live.service.schemas import State
from fingerspell.live.service.security import Gate
from fingerspell.live.service.static import BUILT_PAGE, Page

_BYTES = {"type": "string", "format": "binary"}


def create_app(service: Service, page: Path = BUILT_PAGE) -> FastAPI:
    """Make the application.

    Args:
        service: what it works with; it belongs to one application.
        page: the folder of the built web page; it may be missing.

    Returns:
        To be run by an ASGI server that knows lifespan, as uvicorn does.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.create_task(service.warm_up())
        yield
        warming.cancel()
        service.pool.close()

    app = FastAPI(
        title=TITLE,
        version=__version__,
        description=ABOUT,
        docs_url=None,  # FastAPI's own page fetches its scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    problems.install(app)
    for routes in (predict.routes(service), spell.routes(service), stream.routes(service), _others(service)):
        app.include_router(routes)
    app.router.default = Page(page)
    app.add_middleware(Gate, access=service.access, lifecycle=service.lifecycle)
    app.add_middleware(Envelope, lifecycle=service.lifecycle, metrics=service.metrics)
    return app


def _others(service: Service) -> APIRouter:
    router = APIRouter()

    @router.get("/healthz", summary="Whether the service is alive")
    async def healthz() -> State:
        return State(status="alive")

    @router.get("/readyz", summary="Whether the service takes requests", responses=responses(NOT_READY, STOPPING))
    async def readyz() -> State:
        if service.lifecycle.draining:
            raise Problem(STOPPING, "What was running is still answered; nothing new is.")
        if not service.lifecycle.ready:
            raise Problem(NOT_READY, "The first recognition is still running.")
        return State(status="ready")

    @router.get(
        "/metrics",
        summary="Counters for Prometheus",
        response_class=Response,
        responses={200: {"content": {METRICS_TYPE: {"schema": {"type": "string"}}}}, **responses(*OF_THE_GATE)},
    )
    async def metrics() -> Response:
        return Response(service.metrics.page(), media_type=METRICS_TYPE)

    @router.get(f"/bundle/{MODEL}", summary="The recogniser's network", **_file("application/octet-stream", _BYTES))
    async def model(request: Request) -> Response:
        return _kept(request, service.recognizer.bundle.model, service.digest, "application/octet-stream")

    of_finder = _file("application/octet-stream", _BYTES, NOT_FOUND)

    @router.get(f"/bundle/{FINDER}", summary="What finds the hand in a frame, where the bundle has it", **of_finder)
    async def finder(request: Request) -> Response:
        content, digest = service.recognizer.bundle.finder, service.finder_digest
        if content is None or digest is None:
            raise Problem(NOT_FOUND, "This service's bundle finds no hands: it has no finder.")
        return _kept(request, content, digest, "application/octet-stream")

    @router.get(f"/bundle/{CARD}", summary="The recogniser's card", **_file("application/json", {"type": "object"}))
    async def card(request: Request) -> Response:
        return _kept(request, service.card, service.card_digest, "application/json")

    @router.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(docs_page(request.app.openapi()))

    return router


def _file(kind: str, schema: dict[str, str], *others: Kind) -> dict[str, Any]:
    """How OpenAPI describes a route that gives a file; `others` are problems that only this route has."""
    content = {200: {"content": {kind: {"schema": schema}}}}
    return {"response_class": Response, "responses": {**content, **responses(*OF_THE_GATE, *others)}}


def _kept(request: Request, content: bytes, digest: str, kind: str) -> Response:
    """A file that a browser may keep as long as it asks each time whether it is still the same."""
    headers = {"ETag": f'"{digest}"', "Cache-Control": "private, no-cache"}
    if f'"{digest}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=kind, headers=headers)
