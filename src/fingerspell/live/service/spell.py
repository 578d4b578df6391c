"""POST /v1/spell: a video, or frames in order → text."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Generator, Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Request

from fingerspell.core.errors import DataError
from fingerspell.live.frames import kinds
from fingerspell.live.frames.box import Box
from fingerspell.live.frames.frame import Frame, StreamError
from fingerspell.live.frames.video import read_video
from fingerspell.live.hand import Hand
from fingerspell.live.reader import Reader
from fingerspell.live.service.body import Body, received
from fingerspell.live.service.context import Service
from fingerspell.live.service.description import SPELL, responses
from fingerspell.live.service.limits import Limits
from fingerspell.live.service.photos import decoded
from fingerspell.live.service.predict import in_time
from fingerspell.live.service.problems import (
    BODY_TOO_LONG,
    BUSY,
    DAMAGED_IMAGE,
    DAMAGED_VIDEO,
    MALFORMED,
    NOT_A_VIDEO,
    NOT_AN_IMAGE,
    OF_THE_GATE,
    SETTING,
    TOO_MANY_PIXELS,
    TOO_SLOW,
    TOOK_TOO_LONG,
    VIDEO_TOO_LONG,
    Problem,
)
from fingerspell.live.service.schemas import Spelled, SpellEvent
from fingerspell.live.spelling.event import Event
from fingerspell.live.spelling.settings import SpellingError, SpellingSettings, settings_for

_TURN = 0.1  # seconds that a video may keep a thread before others have their turn

_PROBLEMS = responses(
    *(MALFORMED, TOO_SLOW, BODY_TOO_LONG, TOO_MANY_PIXELS, VIDEO_TOO_LONG, NOT_A_VIDEO, NOT_AN_IMAGE),
    *(DAMAGED_VIDEO, DAMAGED_IMAGE, SETTING, BUSY, TOOK_TOO_LONG, *OF_THE_GATE),
)


def routes(service: Service) -> APIRouter:
    """The route, for one service."""
    router = APIRouter()

    @router.post("/v1/spell", summary="Spell the text of a video", responses=_PROBLEMS, openapi_extra=SPELL)
    async def spell(
        request: Request,
        hand: Annotated[Hand, Query(description="Which hand signs; auto looks at both ways.")] = "auto",
        box: Annotated[
            str | None,
            Query(
                description="Where the hand is: left,top,width,height as fractions of the frame. "
                "Without it the largest centred square.",
                examples=["0.3,0.1,0.4,0.6"],
                max_length=100,
            ),
        ] = None,
        fps: Annotated[
            float | None, Query(description="Frames a second; needed where frames are sent.", ge=0.5, le=240)
        ] = None,
        hold: Annotated[float | None, Query(description="Seconds that a sign must be held.")] = None,
        release: Annotated[float | None, Query(description="Seconds until the same sign counts again.")] = None,
        certain: Annotated[float | None, Query(description="Lowest certainty of a letter, 0–1.")] = None,
    ) -> Spelled:
        """A video as the raw body, or its frames in order as parts named `frames` of a form, with `fps`."""
        where, settings = _parsed(box), _settings(service, hold=hold, release=release, certain=certain)
        service.pool.require_room()
        async with received(request, service.limits, "frames", service.limits.frames, VIDEO_TOO_LONG) as body:
            reader = Reader(service.recognizer, settings, where, hand)
            with service.pool.place(), contextlib.closing(_frames(service.limits, body, fps)) as frames:
                spelling = _Spelling(service, reader, frames)
                async with in_time(service.limits):
                    while not await service.pool.run(spelling.go_on):
                        if await request.is_disconnected():
                            raise Problem(MALFORMED, "Whoever asked has gone.")
                    return spelling.result()

    return router


def _parsed(box: str | None) -> Box | None:
    try:
        return None if box is None else Box.parse(box)
    except DataError as error:
        raise Problem(SETTING, f"box: expected {error.expected}.") from error


def _settings(service: Service, **given: float | None) -> SpellingSettings:
    try:
        return settings_for(service.recognizer.bundle.card, **given)
    except SpellingError as error:
        raise Problem(SETTING, f"{error.found}: expected {error.expected}.") from error


def _frames(limits: Limits, body: Body, fps: float | None) -> Generator[Frame, None, None]:
    if not body.form:
        return _of_video(body)
    if fps is None:
        raise Problem(SETTING, "fps: say with ?fps= how many of the frames make a second.")
    return _of_parts(limits, body, fps)


def _of_parts(limits: Limits, body: Body, fps: float) -> Generator[Frame, None, None]:
    for number, part in enumerate(body.parts):
        yield Frame(number / fps, decoded(body.read(part), limits, f"Frame {number + 1}"))


def _of_video(body: Body) -> Generator[Frame, None, None]:
    body.file.seek(0)
    head = body.file.read(kinds.HEAD)
    if kinds.of_bytes(head) == "photo":
        raise Problem(NOT_A_VIDEO, "The body is a photo. Send photos to /v1/predict, or frames as a form.")
    try:
        with os.fdopen(os.dup(body.file.fileno()), "rb") as file:  # PyAV takes a file that may be written for an output
            file.seek(0)  # the first handle has read ahead
            yield from read_video(file)
    except StreamError as error:
        raise _as_problem(error, head) from error


def _as_problem(error: StreamError, head: bytes) -> Problem:
    if "pixels" in error.expected:
        return Problem(TOO_MANY_PIXELS, f"{_sentence(error.found)} Expected {error.expected}.")
    if error.frames == 0 and kinds.of_bytes(head) is None:
        return Problem(NOT_A_VIDEO, f"The body is no video that can be read; expected {error.expected}.")
    return Problem(DAMAGED_VIDEO, _sentence(error.found))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


class _Spelling:
    """A video on its way to text, a turn at a time.

    Args:
        service: whose limits hold.
        reader: that recognises and spells.
        frames: of the video.
    """

    def __init__(self, service: Service, reader: Reader, frames: Iterator[Frame]) -> None:
        self._service, self._reader, self._frames = service, reader, frames
        self._events: list[Event] = []
        self._count, self._seconds = 0, 0.0

    def go_on(self) -> bool:
        """Read frames for one turn. Returns True once the video is over.

        Raises:
            Problem: the video is none, too long or damaged; what was read before is among its members.
        """
        end = time.perf_counter() + _TURN
        try:
            while time.perf_counter() < end:
                began = time.perf_counter()
                frame = next(self._frames, None)
                if frame is None:
                    self._events += self._reader.finish()
                    return True
                self._refuse(frame)
                self._events += self._reader.read(frame).events
                self._count, self._seconds = self._count + 1, frame.seconds
                self._service.metrics.recognised_in("spell", time.perf_counter() - began)
        except Problem as problem:
            if self._count:
                self._events += self._reader.finish()
                problem.more |= self.result().model_dump()
            raise
        return False

    def _refuse(self, frame: Frame) -> None:
        limits = self._service.limits
        if self._count >= limits.frames:
            raise Problem(VIDEO_TOO_LONG, f"At most {limits.frames:,} frames of a video are taken.")
        if frame.seconds > limits.video_seconds:
            raise Problem(VIDEO_TOO_LONG, f"At most {limits.video_seconds:g} seconds of a video are taken.")
        height, width = frame.pixels.shape[:2]
        if height * width > limits.pixels:
            detail = f"The frames are {width}×{height} pixels, at most {limits.pixels:,} are taken."
            raise Problem(TOO_MANY_PIXELS, detail)

    def result(self) -> Spelled:
        """What has been spelled so far."""
        events = [SpellEvent.of(event) for event in self._events]
        text = self._events[-1].text if self._events else ""
        return Spelled(text=text, events=events, frames=self._count, seconds=round(self._seconds, 6))
