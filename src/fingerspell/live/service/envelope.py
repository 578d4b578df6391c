"""Around every request: security headers, counts and times, and a good end even where a body was not read."""

from __future__ import annotations

import asyncio
import logging
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fingerspell.live.service.lifecycle import Lifecycle
from fingerspell.live.service.metrics import Metrics
from fingerspell.live.service.problems import INTERNAL, STOPPING, Problem

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self)",
}
KNOWN = frozenset(
    {
        *("/", "/v1/predict", "/v1/spell", "/v1/stream"),
        *("/bundle/model.onnx", "/bundle/finder.onnx", "/bundle/card.json"),
        *("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"),
    }
)
"""Routes that are counted by their own name; all others together, so that nobody can make the counters grow."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LINGER_SECONDS = 2.0
_LINGER_BYTES = 32 << 20

_log = logging.getLogger("fingerspell.service")


class Envelope:
    """The outermost layer of the service.

    Args:
        app: all the rest.
        lifecycle: counts what is running.
        metrics: counts what was answered.
    """

    def __init__(self, app: ASGIApp, lifecycle: Lifecycle, metrics: Metrics) -> None:
        self._app, self._lifecycle, self._metrics = app, lifecycle, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:  # at the end of its time the server cancels what still runs
            if not self._lifecycle.draining:
                raise

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(scope, receive, send)
        began = time.perf_counter()
        self._lifecycle.running += 1
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except asyncio.CancelledError:
            if not self._lifecycle.draining:
                raise
            if exchange.status is None:
                problem = Problem(STOPPING, "The service had to stop before this was answered.")
                await problem.response()(scope, exchange.receive, send)
        except Exception:  # the last resort: whoever asked is told that it failed, the log is told how
            _log.exception("a request was not answered")
            if exchange.status is None:
                problem = Problem(INTERNAL, "The request was not answered. The service's own log says more.")
                await problem.response()(scope, exchange.receive, exchange.send)
            else:
                raise
        finally:
            self._lifecycle.running -= 1
            route = scope["path"] if scope["path"] in KNOWN else "other"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(route, method, str(exchange.status or 0)).inc()
            self._metrics.request_seconds.labels(route).observe(time.perf_counter() - began)


class _Exchange:
    """One request and its answer, as the server sees them."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        headers = Headers(scope=scope)
        length = headers.get("content-length")
        self._unread = "transfer-encoding" in headers or (length is not None and length != "0")
        # who waits for "100 Continue" has sent no body yet, and will not once there is an answer
        self._waits = headers.get("expect", "").lower() == "100-continue"
        self.status: int | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._unread = False
        self._waits = False
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
            if self._unread:
                headers["Connection"] = "close"
        elif message["type"] == "http.response.body" and self._unread and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def _linger(self) -> None:
        """Take in what is still being sent, for a while: a connection that is cut off loses the answer, too."""
        got = 0
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                while self._unread and not self._waits and got < _LINGER_BYTES:
                    message = await self.receive()
                    got += len(message.get("body", b""))
        except TimeoutError:
            return
