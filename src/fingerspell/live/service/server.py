"""The running service: where it listens, and how it stops when it is told to."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import uvicorn

from fingerspell.live.service.app import create_app
from fingerspell.live.service.context import Service
from fingerspell.live.service.limits import ServiceError
from fingerspell.live.service.protocol import protocol_with
from fingerspell.live.service.static import BUILT_PAGE

FIRST_PORT = 8000
_PORTS = 100  # so many are tried from the first one on

_LAST_SECONDS = 2  # for connections to close once all is answered


def listen(host: str, port: int | None) -> socket.socket:
    """Open the socket that the service listens on.

    Args:
        host: an address or a name of this machine.
        port: 0 for any that is free; None for 8000 or the next one that is free.

    Raises:
        ServiceError: the address is not this machine's, or the port is taken or not allowed.
    """
    ports = [port] if port is not None else range(FIRST_PORT, FIRST_PORT + _PORTS)
    error: OSError = OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    for each in ports:
        try:
            return _bound(host, each)
        except OSError as failed:
            error = failed
            if failed.errno != errno.EADDRINUSE:
                break
    wanted = f"port {port}" if port is not None else f"ports {FIRST_PORT} to {FIRST_PORT + _PORTS - 1}"
    raise ServiceError(
        f"the service cannot listen on {host}, {wanted}: {error.strerror or error}",
        expected="an address of this machine and a free port above 1023",
        remedy="leave --port out to take the next free one" if port else "check --host",
    ) from error


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere this would let two services share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def address_of(host: str, listener: socket.socket) -> str:
    """The address to open in a browser on this machine, such as http://127.0.0.1:8000/."""
    try:
        where = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{listener.getsockname()[1]}/"
    if where.is_unspecified:
        where = ipaddress.ip_address("127.0.0.1" if where.version == 4 else "::1")
    name = f"[{where}]" if where.version == 6 else str(where)
    return f"http://{name}:{listener.getsockname()[1]}/"


class Server(uvicorn.Server):
    """Runs the service until it is told to stop, by SIGTERM, SIGINT or `stop`, and then until what runs is answered.

    It stops in two steps: first nothing new is taken and what runs is ended, only then is the door closed.

    Args:
        service: to run.
        page: the folder of the built web page.
        started: called in a thread of its own once the service answers.
    """

    def __init__(self, service: Service, page: Path = BUILT_PAGE, started: Callable[[], None] | None = None) -> None:
        super().__init__(_config(service, page))
        self._service, self._on_start = service, started
        self._told = False
        self._draining: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Stop well; asked a second time, without waiting for what runs."""
        if self._told:
            self.should_exit = True
        self._told = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        if self._on_start is not None:
            threading.Thread(target=self._on_start, daemon=True).start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal asks to stop; the process does not fail by it."""
        self.stop()

    async def on_tick(self, counter: int) -> bool:
        """Notice, ten times a second, that the service has been told to stop."""
        if self._told and self._draining is None:
            self._draining = asyncio.create_task(self._drain())
        return await super().on_tick(counter)

    async def _drain(self) -> None:
        await self._service.lifecycle.drain(self._service.limits.drain_seconds)
        self.should_exit = True


def _config(service: Service, page: Path) -> uvicorn.Config:
    limits = service.limits
    return uvicorn.Config(
        create_app(service, page),
        http=protocol_with(limits),
        ws_max_size=4 * limits.message_bytes,  # between the two a message is refused and the stream goes on
        ws_per_message_deflate=False,  # pictures are compressed already
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody is believed to be somebody else
        lifespan="on",
        timeout_graceful_shutdown=_LAST_SECONDS,
    )
