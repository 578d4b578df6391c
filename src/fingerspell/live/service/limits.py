"""How much one request, one stream and all of them together may ask for."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

from fingerspell.core.errors import FingerspellError

MIB = 1 << 20

SLOWEST_UPLOAD = 64 << 10
"""Bytes a second that a body must bring on average, once its first seconds (`body_seconds`) are over."""


class ServiceError(FingerspellError):
    """The service cannot start as it was asked to."""


@dataclass(frozen=True)
class Limits:
    """Bounds of what the service takes on. All are whole numbers or seconds above 0.

    Attributes:
        body_bytes: of one request: a photo, several, a video, or frames.
        photo_bytes: of each photo or frame.
        pixels: of each photo or frame, before it is decoded.
        photos: in one request.
        frames: of one video.
        video_seconds: of one video.
        request_seconds: for recognising what one request holds, waiting included.
        body_seconds: how long a body may take before it must have brought `SLOWEST_UPLOAD` a second.
        head_seconds: how long the head of a request may take.
        waiting: requests that are recognised or wait for it.
        workers: threads that recognise.
        connections: that are open at once.
        streams: that are open at once.
        message_bytes: of one message on a stream.
        hello_seconds: until a stream must have said hello.
        idle_seconds: until a silent stream, or one that reads nothing, is closed.
        drain_seconds: for what is running when the service is told to stop.

    Raises:
        ServiceError: a value is 0 or less.
    """

    body_bytes: int = 100 * MIB
    photo_bytes: int = 20 * MIB
    pixels: int = 25_000_000
    photos: int = 32
    frames: int = 3600
    video_seconds: float = 120.0
    request_seconds: float = 120.0
    body_seconds: float = 20.0
    head_seconds: float = 10.0
    waiting: int = 16
    workers: int = min(4, os.cpu_count() or 1)
    connections: int = 256
    streams: int = 8
    message_bytes: int = 2 * MIB
    hello_seconds: float = 10.0
    idle_seconds: float = 60.0
    drain_seconds: float = 20.0

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not value > 0:
                raise ServiceError(
                    f"the limit {each.name} is {value}", expected="more than 0", remedy="leave it out for the default"
                )
