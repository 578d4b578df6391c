"""Frames → readings: the box is cut out, turned round for a left hand, recognised, followed, and spelled."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fingerspell.live.finding.aim import Aim
from fingerspell.live.finding.finder import FoundHand, HandFinder
from fingerspell.live.frames.box import Box, require_one_way
from fingerspell.live.frames.frame import Frame
from fingerspell.live.hand import Hand, HandChooser
from fingerspell.live.recognizer import Prediction, Recognizer
from fingerspell.live.spelling.event import Event
from fingerspell.live.spelling.movement import MovementTracker
from fingerspell.live.spelling.settings import SpellingSettings, settings_for
from fingerspell.live.spelling.speller import NOTHING, Speller

SIDE = 256
"""Pixels of a frame's shorter side that are recognised at most: networks see less, and larger ones only take time."""
BATCH = 16
"""Frames that are recognised at once where they are all there already, as in a file."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What one frame has brought.

    Attributes:
        seconds: of the frame.
        prediction: of the recogniser, for this frame alone.
        events: what the speller made of it and of those before.
        text: all that has been spelled.
        hand: the hand that is expected.
        milliseconds: from the frame to this reading; of a batch, its share.
        found: the hand that was found; None where none was, or where none was looked for.
    """

    seconds: float
    prediction: Prediction
    events: tuple[Event, ...]
    text: str
    hand: Literal["right", "left"]
    milliseconds: float
    found: FoundHand | None = None


@dataclass(frozen=True, eq=False)
class _Shown:
    """What a frame shows: the photo to recognise, if there is a hand; where to watch, and whether that jumped."""

    photo: NDArray[np.uint8] | None
    watched: NDArray[np.uint8]
    jumped: bool = False
    found: FoundHand | None = None


class Reader:
    """Reads a stream of frames. One stream, one reader; the recogniser may be shared by many.

    Args:
        recognizer: names the sign of each frame.
        settings: of the speller; by default those that suit the recogniser's card.
        box: what is looked at; by default the largest centred square of each frame.
        hand: `right`, `left`, or `auto`: found out where the bundle can tell.
        find: find the hand in each frame and cut it out: a frame without a hand is then `nothing`. `auto`: where the
            bundle can, and no box is given.

    Attributes:
        speller: of this stream, with its text.
        finds: whether hands are found.

    Raises:
        BundleError: hands are to be found, and the bundle cannot.
        DataError: hands are to be found, and a box is given.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        settings: SpellingSettings | None = None,
        box: Box | None = None,
        hand: Hand = "right",
        find: bool | Literal["auto"] = False,
    ) -> None:
        self.recognizer = recognizer
        self.speller = Speller(recognizer.labels, settings or settings_for(recognizer.bundle.card))
        self._box = box
        self._hand = HandChooser(hand, recognizer.labels)
        self._movement = MovementTracker()
        self._before: float | None = None
        require_one_way(box, find)
        self.finds = find is True or (find == "auto" and box is None and recognizer.bundle.finder is not None)
        self._aim = Aim(HandFinder(recognizer.bundle)) if self.finds else None

    @property
    def text(self) -> str:
        """What has been spelled."""
        return self.speller.text

    def read(self, frame: Frame) -> Reading:
        """Read the next frame. Raises ValueError if it is earlier than the one before."""
        return self.read_batch([frame])[0]

    def read_batch(self, frames: Sequence[Frame]) -> list[Reading]:
        """Read the next frames of the stream, recognised together; the same readings as one by one."""
        started = time.perf_counter()
        shown = [self._look(frame) for frame in frames]
        turned = self._hand.mirrored and not self._hand.automatic
        answers = self._recognise(shown, turned)
        others = self._recognise(shown, True) if self._hand.automatic else answers
        milliseconds = (time.perf_counter() - started) * 1000 / max(len(frames), 1)
        return [
            self._spell(frame.seconds, its, plain, other, milliseconds)
            for frame, its, plain, other in zip(frames, shown, answers, others, strict=True)
        ]

    def read_all(self, frames: Iterable[Frame], batch: int = BATCH) -> Iterator[Reading]:
        """Read a stream to its end, some frames at a time; for files, not for cameras. Ends without `finish`.

        Where the stream raises, the frames that it gave before are read first.
        """
        waiting: list[Frame] = []
        try:
            for frame in frames:
                waiting.append(frame)
                if len(waiting) == batch:
                    some, waiting = waiting, []
                    yield from self.read_batch(some)
        except Exception:
            yield from self.read_batch(waiting)
            raise
        yield from self.read_batch(waiting)

    def finish(self) -> tuple[Event, ...]:
        """The stream has ended. Returns what remains to be said."""
        return self.speller.finish()

    def _look(self, frame: Frame) -> _Shown:
        if self._aim is None:
            part = self._cut(frame)
            return _Shown(part, part)
        aimed = self._aim.step(frame.seconds, frame.pixels)
        photo = None if aimed.photo is None else _reduced(aimed.photo)
        if photo is None and NOTHING not in self.recognizer.labels:
            photo = self._cut(frame)  # a recogniser that cannot say "nothing" is asked all the same
        return _Shown(photo, _reduced(aimed.watched), aimed.jumped, aimed.hand)

    def _cut(self, frame: Frame) -> NDArray[np.uint8]:
        box = self._box or Box.centred(*frame.pixels.shape[:2])
        return _reduced(box.cut(frame.pixels))

    def _recognise(self, shown: Sequence[_Shown], turned: bool) -> list[Prediction]:
        """An answer to each: `nothing` where there is no hand."""
        photos = [its.photo for its in shown if its.photo is not None]
        answers = iter(self.recognizer.predict_batch([_flip(photo) if turned else photo for photo in photos]))
        return [nothing(self.recognizer.labels) if its.photo is None else next(answers) for its in shown]

    def _spell(
        self, seconds: float, shown: _Shown, plain: Prediction, other: Prediction, milliseconds: float
    ) -> Reading:
        elapsed = 0.0 if self._before is None else seconds - self._before
        if elapsed > self.speller.settings.gap:  # one frame after a pause is no evidence for the whole pause
            elapsed = 0.0
        self._before = seconds
        self._hand.step(elapsed, plain.probabilities, other.probabilities)
        prediction = other if self._hand.automatic and self._hand.mirrored else plain
        if shown.jumped:  # what it shows now is no movement of what it showed before
            self._movement.reset()
        movement = self._movement.step(
            seconds, shown.watched
        )  # J and Z are known from either hand: no need to turn round
        events = self.speller.step(seconds, prediction.probabilities, movement)
        return Reading(seconds, prediction, events, self.speller.text, self._hand.hand, milliseconds, shown.found)


def nothing(labels: Sequence[str]) -> Prediction:
    """The answer where no hand is: `nothing`, for certain. Raises ValueError where that is none of the labels."""
    probabilities = np.zeros(len(labels), np.float32)
    probabilities[list(labels).index(NOTHING)] = 1
    return Prediction(NOTHING, 1.0, (), probabilities)


def _reduced(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same picture with a shorter side of `SIDE` at most, by the mean of areas."""
    height, width = photo.shape[:2]
    shrink = min(height, width) / SIDE
    if shrink <= 1:
        return photo
    size = max(round(width / shrink), SIDE), max(round(height / shrink), SIDE)
    return np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BOX))


def _flip(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(photo[:, ::-1])
