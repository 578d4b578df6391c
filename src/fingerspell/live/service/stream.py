"""The WebSocket: frames as they are taken, answered at once. The newest wins, so that lag never builds up."""

from __future__ import annotations

import asyncio
import math
import struct
import time
from collections import deque
from collections.abc import Coroutine
from typing import Any, NamedTuple, TypeVar

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ValidationError
from starlette.websockets import WebSocketState

from fingerspell.live.frames.box import Box
from fingerspell.live.frames.frame import Frame
from fingerspell.live.reader import Reader, Reading
from fingerspell.live.service.context import Service
from fingerspell.live.service.description import responses
from fingerspell.live.service.photos import decoded
from fingerspell.live.service.problems import (
    MALFORMED,
    MESSAGE,
    MESSAGE_TOO_LONG,
    OF_THE_GATE,
    TOKEN,
    TOO_MANY_MESSAGES,
    TOO_MANY_STREAMS,
    TOO_SLOW,
    UPGRADE,
    Problem,
)
from fingerspell.live.service.schemas import Command, Hello, SpellEvent, guesses, rounded

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

GOING_AWAY = 1001
REFUSED = 1008

_SECONDS = struct.Struct("<d")
_LATEST = 1e9  # seconds: no stream is that old
_LONGEST_TEXT = 4096
_MOST_COMMANDS = 64
_WHOLE = Box(0, 0, 1, 1)  # whoever sends frames has cut out the box already


class _End(NamedTuple):
    """How a stream is closed."""

    code: int
    reason: str


class _Sent(NamedTuple):
    """A frame as it came."""

    seconds: float
    image: bytes


def routes(service: Service) -> APIRouter:
    """The routes, for one service."""
    router = APIRouter()

    @router.websocket("/v1/stream")
    async def stream(websocket: WebSocket) -> None:
        lifecycle, most = service.lifecycle, service.limits.streams
        if lifecycle.streams >= most:
            raise Problem(TOO_MANY_STREAMS, f"{most} streams are open, which is the limit.")
        lifecycle.streams += 1
        try:
            await websocket.accept()
            await _Stream(service, websocket).run()
        finally:
            lifecycle.streams -= 1

    @router.get("/v1/stream", summary="Recognise a live stream (WebSocket)", responses=responses(UPGRADE, *OF_THE_GATE))
    async def upgrade() -> None:
        """Opened as a WebSocket, this address takes frames and answers each; see the description above."""
        raise Problem(UPGRADE, "Open it with a WebSocket client; see /docs.", {"Upgrade": "websocket"})

    return router


class _Stream:
    """One open stream.

    Args:
        service: that it belongs to.
        websocket: accepted.
    """

    def __init__(self, service: Service, websocket: WebSocket) -> None:
        self._service, self._limits, self._socket = service, service.limits, websocket
        self._reader: Reader | None = None
        self._newest: _Sent | None = None
        self._commands: deque[Command] = deque()
        self._work = asyncio.Event()
        self._dropped = 0
        self._latest = 0.0

    async def run(self) -> None:
        """Talk until one side ends it."""
        try:
            end = await _first(self._talk(), self._stopped())
            if end is not None:
                await self._socket.close(*end)
        except (WebSocketDisconnect, TimeoutError):  # whoever was there has gone, or reads nothing any more
            return

    async def _stopped(self) -> _End:
        await self._service.lifecycle.stop.wait()
        return _End(GOING_AWAY, "the service is stopping")

    async def _talk(self) -> _End | None:
        try:
            hello = await asyncio.wait_for(self._hello(), self._limits.hello_seconds)
        except TimeoutError:
            await self._problem(Problem(TOO_SLOW, f"No hello came in {self._limits.hello_seconds:g} seconds."))
            return _End(REFUSED, "no hello")
        except Problem as problem:
            await self._problem(problem)
            return _End(REFUSED, problem.kind.name)
        self._reader = reader = Reader(self._service.recognizer, box=_WHOLE, hand=hello.hand)
        labels = list(self._service.recognizer.labels)
        await self._send({"type": "ready", "labels": labels, "network": self._service.network})
        return await _first(self._listen(), self._answer(reader))

    async def _hello(self) -> Hello:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        hello = _parsed(Hello, message.get("text"), "a hello as text")
        if not self._service.access.admits_token(hello.token):
            raise Problem(TOKEN, "The hello must bring the token that the service was started with.")
        return hello

    async def _listen(self) -> _End | None:
        """Take in messages as fast as they come; of the frames among them only the newest is kept."""
        while True:
            try:
                message = await asyncio.wait_for(self._socket.receive(), self._limits.idle_seconds)
            except TimeoutError:
                await self._problem(Problem(TOO_SLOW, f"Nothing came for {self._limits.idle_seconds:g} seconds."))
                return _End(REFUSED, "silence")
            if message["type"] == "websocket.disconnect":
                return None
            try:
                self._take(message)
            except Problem as problem:
                await self._problem(problem)

    def _take(self, message: Any) -> None:
        if message.get("bytes") is None:
            if len(self._commands) >= _MOST_COMMANDS:
                raise Problem(TOO_MANY_MESSAGES, f"{_MOST_COMMANDS} messages wait to be answered, which is the limit.")
            self._commands.append(_parsed(Command, message.get("text"), "undo or clear as text, or a frame as bytes"))
        else:
            sent = self._checked(message["bytes"])
            if self._newest is not None:
                self._dropped += 1
                self._service.metrics.dropped.inc()
            self._newest, self._latest = sent, sent.seconds
        self._work.set()

    def _checked(self, data: bytes) -> _Sent:
        if len(data) > self._limits.message_bytes:
            raise Problem(MESSAGE_TOO_LONG, f"At most {self._limits.message_bytes:,} bytes are taken in one message.")
        if len(data) <= _SECONDS.size:
            raise Problem(MESSAGE, "A frame is 8 bytes with its seconds, then an image.")
        (seconds,) = _SECONDS.unpack_from(data)
        if not (math.isfinite(seconds) and self._latest <= seconds <= _LATEST):
            detail = f"The seconds must be a number that never decreases, from {self._latest:g} to {_LATEST:g}."
            raise Problem(MESSAGE, f"{detail} They are a little-endian float64.")
        return _Sent(seconds, data[_SECONDS.size :])

    async def _answer(self, reader: Reader) -> None:
        """Answer what was taken in: commands in order, and the newest frame."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._commands:
                command = self._commands.popleft()
                text = reader.speller.undo() if command.type == "undo" else reader.speller.clear()
                await self._send({"type": "text", "text": text})
            sent, self._newest = self._newest, None
            if sent is not None:
                await self._read(reader, sent)

    async def _read(self, reader: Reader, sent: _Sent) -> None:
        try:
            reading, seconds = await self._service.pool.run(self._recognised, reader, sent)
        except Problem as problem:
            await self._problem(problem)
            return
        self._service.metrics.recognised_in("stream", seconds)
        prediction = reading.prediction
        await self._send(
            {
                "type": "reading",
                "seconds": reading.seconds,
                "label": prediction.label,
                "probability": rounded(prediction.probability),
                "runners_up": [guess.model_dump() for guess in guesses(prediction.runners_up)],
                "probabilities": [rounded(probability) for probability in prediction.probabilities],
                "milliseconds": round(seconds * 1000, 3),
                "dropped": self._dropped,
                "events": [SpellEvent.of(event).model_dump() for event in reading.events],
                "text": reading.text,
                "hand": reading.hand,
            }
        )

    def _recognised(self, reader: Reader, sent: _Sent) -> tuple[Reading, float]:
        began = time.perf_counter()
        frame = Frame(sent.seconds, decoded(sent.image, self._limits, "The frame"))
        return reader.read(frame), time.perf_counter() - began

    async def _problem(self, problem: Problem) -> None:
        await self._send({**problem.body(), "type": "problem", "kind": problem.kind.name})

    async def _send(self, message: dict[str, Any]) -> None:
        if self._socket.application_state is not WebSocketState.CONNECTED:  # the other task has noticed it already
            raise WebSocketDisconnect
        async with asyncio.timeout(self._limits.idle_seconds):  # whoever reads nothing does not hold a stream open
            await self._socket.send_json(message)


def _parsed(model: type[M], text: str | None, expected: str) -> M:
    if text is None or len(text) > _LONGEST_TEXT:
        raise Problem(MESSAGE, f"Expected {expected}.")
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        errors = error.errors(include_input=False, include_url=False, include_context=False)
        kind = MALFORMED if errors[0]["type"] == "json_invalid" else MESSAGE
        places = (".".join(map(str, each["loc"])) or "the message" for each in errors)
        detail = "; ".join(f"{place}: {each['msg']}" for place, each in zip(places, errors, strict=True))
        raise Problem(kind, f"Expected {expected}. {detail}.") from error


async def _first(*coroutines: Coroutine[Any, Any, T]) -> T:
    """What the first of them returns or raises; the others are cancelled and have ended."""
    tasks = [asyncio.ensure_future(each) for each in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    done = [task for task in tasks if not task.cancelled()]
    for task in done[1:]:
        task.exception()  # looked at, so that it is not reported as lost
    return done[0].result()
