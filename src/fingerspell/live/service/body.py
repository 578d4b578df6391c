"""Reading a request's body: never more than is allowed, never longer, and never all of it in memory."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from fingerspell.live.service.limits import MIB, SLOWEST_UPLOAD, Limits
from fingerspell.live.service.problems import (
    BODY_TOO_LONG,
    MALFORMED,
    NO_ROOM,
    TOO_SLOW,
    Kind,
    Problem,
)

_IN_MEMORY = MIB  # of each body; the rest goes to a temporary file without a name
_PART_HEAD = 16 << 10  # bytes of one part's headers


@dataclass
class Part:
    """A part of a body: `size` bytes of the spooled file from `start` on."""

    name: str
    start: int
    size: int = 0


@dataclass
class Body:
    """A body that has been received whole. It is gone after the `async with` that gave it.

    Attributes:
        file: its content; of a form only what the parts hold.
        parts: of a form, in order; of anything else the one whole body, which has no name.
        form: whether it is a form.
    """

    file: BinaryIO
    parts: list[Part] = field(default_factory=list)
    form: bool = False

    def read(self, part: Part) -> bytes:
        """The content of a part."""
        self.file.seek(part.start)
        return self.file.read(part.size)


@asynccontextmanager
async def received(request: Request, limits: Limits, field_name: str, most: int, too_many: Kind) -> AsyncIterator[Body]:
    """Receive a body, raw or as a form of files.

    Args:
        request: whose body nobody has read yet.
        limits: body_bytes and body_seconds are used.
        field_name: what the parts of a form must be called.
        most: how many of them there may be.
        too_many: the kind of problem if there are more.

    Raises:
        Problem: too long, too slow, empty, not a form though it says so, or no room for it on the disk.
    """
    with _spool() as file:
        body = Body(file)
        boundary = _boundary(request)
        with _no_room_is_a_problem():
            if boundary is None:
                await _read_raw(request, limits, body)
            else:
                await _read_form(request, limits, body, _Form(body, boundary, field_name, most, too_many))
        yield body


@contextmanager
def _spool() -> Iterator[BinaryIO]:
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        yield cast("BinaryIO", file)


@contextmanager
def _no_room_is_a_problem() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Problem(NO_ROOM, "The body could not be stored while it was received.") from error


def _boundary(request: Request) -> bytes | None:
    """What parts a form's parts from each other; None where the body is no form."""
    kind, options = parse_options_header(request.headers.get("content-type"))
    if not kind.startswith(b"multipart/"):
        return None
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 256:
        raise Problem(MALFORMED, "A form must be multipart/form-data and name its boundary.")
    return boundary


async def _read_raw(request: Request, limits: Limits, body: Body) -> None:
    whole = Part("", 0)
    async for chunk in chunks(request, limits):
        body.file.write(chunk)
        whole.size += len(chunk)
    if not whole.size:
        raise Problem(MALFORMED, "The request has no body.")
    body.parts.append(whole)


async def _read_form(request: Request, limits: Limits, body: Body, form: _Form) -> None:
    body.form = True
    try:
        async for chunk in chunks(request, limits):
            form.parser.write(chunk)
        form.parser.finalize()
    except FormParserError as error:
        raise Problem(MALFORMED, "The body is no well-formed multipart/form-data.") from error
    if not form.ended:  # the parser itself says nothing of what is missing
        raise Problem(MALFORMED, "The form ends before its last boundary.")
    if not body.parts:
        raise Problem(MALFORMED, f"The form has no part named '{form.field_name}'.")


async def chunks(request: Request, limits: Limits) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises Problem as soon as it is too long or too slow."""
    _refuse_length(request, limits)
    loop = asyncio.get_running_loop()
    began, got = loop.time(), 0
    stream = request.stream()
    while True:
        left = began + limits.body_seconds + got / SLOWEST_UPLOAD - loop.time()
        try:
            chunk = await asyncio.wait_for(anext(stream), max(left, 0))
        except StopAsyncIteration:
            return
        except ClientDisconnect as error:  # nobody will read this, but it is no failure of ours
            raise Problem(MALFORMED, "The connection ended before the body did.") from error
        except TimeoutError as error:
            raise Problem(TOO_SLOW, f"Only {got:,} bytes arrived in {loop.time() - began:.0f} seconds.") from error
        got += len(chunk)
        if got > limits.body_bytes:
            raise _too_long(limits)
        if chunk:
            yield chunk


def _refuse_length(request: Request, limits: Limits) -> None:
    said = request.headers.get("content-length", "0")
    if not said.isascii() or not said.isdecimal():
        raise Problem(MALFORMED, "The Content-Length is no number.")
    if len(said) > 18 or int(said) > limits.body_bytes:
        raise _too_long(limits)


def _too_long(limits: Limits) -> Problem:
    return Problem(BODY_TOO_LONG, f"At most {limits.body_bytes:,} bytes are taken in one request.")


class _Form:
    """Writes the parts of a form, one behind the other, to the body's file."""

    def __init__(self, body: Body, boundary: bytes, field_name: str, most: int, too_many: Kind) -> None:
        self.field_name = field_name
        self.ended = False
        self._body, self._most, self._too_many = body, most, too_many
        self._header, self._value, self._disposition = bytearray(), bytearray(), b""
        self._head = 0
        self.parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_end": self._on_end,
            },
        )

    def _on_part_begin(self) -> None:
        self._disposition, self._head = b"", 0

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._grow(self._header, data[start:end])

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._grow(self._value, data[start:end])

    def _grow(self, target: bytearray, data: bytes) -> None:
        self._head += len(data)
        if self._head > _PART_HEAD:
            raise Problem(MALFORMED, "The headers of a part are too long.")
        target += data

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        if options.get(b"name") != self.field_name.encode():
            raise Problem(MALFORMED, f"Every part of the form must be a file named '{self.field_name}'.")
        if len(self._body.parts) >= self._most:
            raise Problem(self._too_many, f"At most {self._most:,} are taken in one request.")
        self._body.parts.append(Part(self.field_name, self._body.file.tell()))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._body.file.write(data[start:end])
        self._body.parts[-1].size += end - start

    def _on_end(self) -> None:
        self.ended = True
