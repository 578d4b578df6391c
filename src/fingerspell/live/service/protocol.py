"""HTTP/1.1 as uvicorn speaks it, with what it leaves open: slow heads, too many connections, and problems as JSON."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from fingerspell.live.service.limits import Limits
from fingerspell.live.service.problems import BUSY, MALFORMED, MEDIA_TYPE, TOO_SLOW, Problem


def protocol_with(limits: Limits) -> type[asyncio.Protocol]:
    """The protocol with some limits: connections and head_seconds are used."""

    class Limited(GuardedProtocol):
        limits_of_service = limits

    return Limited


class GuardedProtocol(H11Protocol):
    """uvicorn's protocol; a subclass gives the limits, because uvicorn makes the objects itself."""

    limits_of_service = Limits()
    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, and wait for its first head."""
        super().connection_made(transport)  # type: ignore[arg-type]
        if len(self.connections) > self.limits_of_service.connections:
            self._answer(Problem(BUSY, "Too many connections are open."))
        else:
            self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take in data; a head that is not whole after a while is given up."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._head_is_here()
        elif self._head is None:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._head_is_here()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is told so, as a problem."""
        self._answer(Problem(MALFORMED, "This is no HTTP request that can be read."))

    def _should_upgrade(self) -> bool:
        # a handshake that is none is an ordinary request for a stream's address, and answered as one
        return super()._should_upgrade() and self.scope["method"] == "GET" and _is_handshake(dict(self.headers))

    def _await_head(self) -> None:
        self._head = self.loop.call_later(self.limits_of_service.head_seconds, self._on_slow_head)

    def _head_is_here(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _on_slow_head(self) -> None:
        self._head = None
        if not self.transport.is_closing():
            self._answer(Problem(TOO_SLOW, "The head of the request did not arrive in time."))

    def _answer(self, problem: Problem) -> None:
        """Answer without an application, and close."""
        self._unset_keepalive_if_required()
        body = json.dumps(problem.body()).encode()
        headers = {**problem.headers, "Content-Type": MEDIA_TYPE, "Content-Length": str(len(body))}
        lines = [f"{name}: {value}" for name, value in (*headers.items(), ("Connection", "close"))]
        head = f"HTTP/1.1 {problem.kind.status} {problem.kind.title}\r\n" + "\r\n".join(lines) + "\r\n\r\n"
        if self.cycle is None or self.cycle.response_complete:  # never into the middle of another answer
            self.transport.write(head.encode("ascii") + body)
        self.transport.close()


def _is_handshake(headers: dict[bytes, Any]) -> bool:
    try:
        key = base64.b64decode(headers.get(b"sec-websocket-key", b""), validate=True)
    except binascii.Error:
        return False
    return len(key) == 16 and headers.get(b"sec-websocket-version") == b"13"
