"""The JSON bodies of answers and messages, with an example of each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from fingerspell.live.hand import Hand
from fingerspell.live.recognizer import Prediction
from fingerspell.live.spelling.event import Event, Kind

Probability = Annotated[float, Field(ge=0, le=1)]

_DIGITS = 6  # of a probability: more say nothing

_GUESSES: list[JsonValue] = [{"label": "E", "probability": 0.021}, {"label": "S", "probability": 0.008}]
_EVENT: JsonValue = {
    "kind": "written",
    "seconds": 0.533,
    "label": "A",
    "certainty": 0.94,
    "candidates": [{"label": "A", "probability": 0.94}, {"label": "S", "probability": 0.03}],
    "text": "A",
}


class Guess(BaseModel):
    """A label and how probable it is."""

    label: str
    probability: Probability


class PhotoAnswer(BaseModel):
    """What one photo shows."""

    label: str = Field(description="The most probable label.")
    probability: Probability
    runners_up: list[Guess] = Field(description="The next labels, most probable first.")
    probabilities: dict[str, Probability] = Field(description="Of every label; they add up to 1.")
    milliseconds: float = Field(description="For decoding and recognising this photo.")


class BundleMark(BaseModel):
    """Which recogniser answered."""

    network: str
    digest: str = Field(description="SHA-256 of the bundle's model.onnx.")


class Predictions(BaseModel):
    """The answer to POST /v1/predict: one prediction for each photo, in their order."""

    predictions: list[PhotoAnswer]
    bundle: BundleMark

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "predictions": [
                        {
                            "label": "A",
                            "probability": 0.962,
                            "runners_up": _GUESSES,
                            "probabilities": {"A": 0.962, "E": 0.021, "S": 0.008, "nothing": 0.009},
                            "milliseconds": 6.1,
                        }
                    ],
                    "bundle": {"network": "residual-small", "digest": "9f2c…"},
                }
            ]
        }
    )


class SpellEvent(BaseModel):
    """Something that happened while spelling."""

    kind: Kind = Field(description="A letter was written, removed, revised (an I that became a J), or is unsure.")
    seconds: float
    label: str
    certainty: Probability
    candidates: list[Guess]
    text: str = Field(description="The whole text after it.")

    @classmethod
    def of(cls, event: Event) -> SpellEvent:
        """An event as JSON."""
        return cls(
            kind=event.kind,
            seconds=event.seconds,
            label=event.label,
            certainty=rounded(event.certainty),
            candidates=guesses(event.candidates),
            text=event.text,
        )


class Spelled(BaseModel):
    """The answer to POST /v1/spell."""

    text: str
    events: list[SpellEvent]
    frames: int = Field(description="How many were read.")
    seconds: float = Field(description="The time of the last of them.")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "A", "events": [_EVENT], "frames": 42, "seconds": 1.4}]}
    )


class State(BaseModel):
    """The answer to /healthz and /readyz."""

    status: Literal["alive", "ready"]


class ProblemBody(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str


class Hello(BaseModel):
    """The first message of a stream."""

    type: Literal["hello"]
    token: str | None = Field(None, max_length=1024)
    hand: Hand = "right"


class Command(BaseModel):
    """A later text message of a stream."""

    type: Literal["undo", "clear"]


def guesses(ranked: Any) -> list[Guess]:
    """Pairs of label and probability as JSON."""
    return [Guess(label=label, probability=rounded(probability)) for label, probability in ranked]


def photo_answer(labels: tuple[str, ...], prediction: Prediction, seconds: float) -> PhotoAnswer:
    """A prediction as JSON."""
    return PhotoAnswer(
        label=prediction.label,
        probability=rounded(prediction.probability),
        runners_up=guesses(prediction.runners_up),
        probabilities={label: rounded(p) for label, p in zip(labels, prediction.probabilities, strict=True)},
        milliseconds=round(seconds * 1000, 3),
    )


def rounded(probability: float) -> float:
    """A probability with as many digits as say something."""
    return round(min(max(float(probability), 0.0), 1.0), _DIGITS)
