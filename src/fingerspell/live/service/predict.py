"""POST /v1/predict: photos → labels."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Request

from fingerspell.live.recognizer import Prediction
from fingerspell.live.service.body import Body, Part, received
from fingerspell.live.service.context import Service
from fingerspell.live.service.description import PREDICT, responses
from fingerspell.live.service.limits import Limits
from fingerspell.live.service.photos import decoded
from fingerspell.live.service.problems import (
    BODY_TOO_LONG,
    BUSY,
    DAMAGED_IMAGE,
    MALFORMED,
    NOT_AN_IMAGE,
    OF_THE_GATE,
    TOO_MANY_PHOTOS,
    TOO_MANY_PIXELS,
    TOO_SLOW,
    TOOK_TOO_LONG,
    Problem,
)
from fingerspell.live.service.schemas import BundleMark, Predictions, photo_answer

_PROBLEMS = responses(
    *(MALFORMED, TOO_SLOW, BODY_TOO_LONG, TOO_MANY_PIXELS, TOO_MANY_PHOTOS, NOT_AN_IMAGE, DAMAGED_IMAGE),
    *(BUSY, TOOK_TOO_LONG, *OF_THE_GATE),
)


def routes(service: Service) -> APIRouter:
    """The route, for one service."""
    router = APIRouter()

    @router.post("/v1/predict", summary="Name the letter in photos", responses=_PROBLEMS, openapi_extra=PREDICT)
    async def predict(request: Request) -> Predictions:
        """One photo as the raw body, or several as parts named `photos` of a form.

        What the body is, is told from its bytes; its Content-Type is not believed.
        """
        service.pool.require_room()
        async with received(request, service.limits, "photos", service.limits.photos, TOO_MANY_PHOTOS) as body:
            with service.pool.place():
                async with in_time(service.limits):
                    return await _answers(service, body)

    return router


async def _answers(service: Service, body: Body) -> Predictions:
    answers = []
    for number, part in enumerate(body.parts, 1):
        name = f"Photo {number}" if body.form else "The photo"
        prediction, seconds = await service.pool.run(_recognised, service, body, part, name)
        service.metrics.recognised_in("predict", seconds)
        answers.append(photo_answer(service.recognizer.labels, prediction, seconds))
    return Predictions(predictions=answers, bundle=BundleMark(network=service.network, digest=service.digest))


def _recognised(service: Service, body: Body, part: Part, name: str) -> tuple[Prediction, float]:
    began = time.perf_counter()
    photo = decoded(body.read(part), service.limits, name, upright=service.recognizer.bundle.preprocess.upright)
    return service.recognizer.predict(photo), time.perf_counter() - began


@asynccontextmanager
async def in_time(limits: Limits) -> AsyncIterator[None]:
    """Raise Problem where what is inside takes longer than a request may."""
    try:
        async with asyncio.timeout(limits.request_seconds):
            yield
    except TimeoutError as error:
        detail = f"What one request asks for must be recognised in {limits.request_seconds:g} seconds."
        raise Problem(TOOK_TOO_LONG, detail) from error
