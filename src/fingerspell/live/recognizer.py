"""A bundle → answers about photos. Preprocessing and weights are both inside the bundle's graph."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.bundle import (
    FEATURES,
    INPUT,
    OUTPUT,
    TOLERANCE,
    Bundle,
    GoldenSample,
    pixels_digest,
    read_bundle,
)
from fingerspell.core.errors import BundleError
from fingerspell.core.preprocess import decode
from fingerspell.live.session import open_session

RUNNERS_UP = 3

_OTHER_DECODER = 0.05  # how far probabilities may move where another JPEG decoder gives other pixels


@dataclass(frozen=True)
class Prediction:
    """What a recogniser says about one photo.

    Attributes:
        label: the most probable label.
        probability: of that label, 0–1.
        runners_up: the next labels with their probabilities, most probable first.
        probabilities: (labels,) float32 in the order of the recogniser's `labels`.
    """

    label: str
    probability: float
    runners_up: tuple[tuple[str, float], ...]
    probabilities: NDArray[np.float32]


@dataclass(frozen=True)
class Verification:
    """What `Recognizer.verify` found.

    Attributes:
        samples: golden samples that were answered as expected.
        largest_difference: between a probability and the expected one.
        other_decoder: samples that this machine's JPEG decoder reads a little differently.
    """

    samples: int
    largest_difference: float
    other_decoder: int


class Recognizer:
    """Names the letter that a photo shows. May be used from several threads at once.

    Args:
        path: the bundle's folder.
        threads: for each photo; by default as many as there are cores, at most 4.

    Attributes:
        bundle: the bundle that was read.
        labels: of the probabilities, in order.

    Raises:
        BundleError: not a bundle, damaged, or not to be run.
        MissingExtraError: ONNX Runtime is not installed.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        self.bundle: Bundle = read_bundle(path)
        self.labels = self.bundle.labels
        self._session = _open_session(self.bundle, threads)

    @classmethod
    def of_bundle(cls, bundle: Bundle, model: bytes, threads: int | None = None) -> Recognizer:
        """One for a bundle that was read, with another model in place of its own."""
        found = cls.__new__(cls)
        found.bundle = replace(bundle, model=model)
        found.labels = bundle.labels
        found._session = _open_session(found.bundle, threads)
        return found

    def predict(self, photo: NDArray[np.uint8], *, runners_up: int = RUNNERS_UP) -> Prediction:
        """Recognise one photo.

        Args:
            photo: (H, W, 3) uint8, RGB, upright, any size.
            runners_up: how many further labels to name.

        Raises:
            ValueError: not such an array.
        """
        return self.predict_batch([photo], runners_up=runners_up)[0]

    def predict_batch(self, photos: Sequence[NDArray[np.uint8]], *, runners_up: int = RUNNERS_UP) -> list[Prediction]:
        """Recognise photos, those of one size together. Arguments as for `predict`; answers in the same order."""
        return [self._prediction(row, runners_up) for row in self._run(OUTPUT, photos)]

    def features(self, photos: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """What the last layer reads: probabilities = softmax((features @ weight.T + bias) / temperature).

        Args:
            photos: at least one, each as for `predict`; those of one size are looked at together.

        Returns:
            (N, D) float32 in the photos' order.

        Raises:
            BundleError: a bundle of format 1, which gives no features.
            ValueError: no photos, or not such arrays.
        """
        if self.bundle.format < 2:
            raise BundleError(
                f"the bundle {self.bundle.path} gives no features: it is of format {self.bundle.format}",
                expected="a bundle of format 2",
                remedy="make it again from its run with 'fingerspell export', or take the bundle that is shipped",
            )
        if not photos:
            raise ValueError("no photos")
        return np.stack(self._run(FEATURES, photos))

    def _run(self, output: str, photos: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        """One row of an output for each photo."""
        places: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for place, photo in enumerate(photos):
            _require_photo(photo)
            places[photo.shape].append(place)
        rows: dict[int, NDArray[np.float32]] = {}
        for some in places.values():
            batch = np.stack([photos[place] for place in some])  # (n, H, W, 3)
            rows |= zip(some, self._session.run([output], {INPUT: batch})[0], strict=True)
        return [rows[place] for place in range(len(photos))]

    def predict_bytes(self, data: bytes, *, runners_up: int = RUNNERS_UP) -> Prediction:
        """Recognise the content of an image file. Raises PhotoError if it is none."""
        return self.predict(decode(data, upright=self.bundle.preprocess.upright), runners_up=runners_up)

    def warm_up(self, *sizes: tuple[int, int]) -> float:
        """Recognise a grey photo of each size, so that the first real one does not wait for memory and threads.

        Args:
            sizes: (height, width) in pixels of the photos to come; by default the network's own.

        Returns:
            Seconds that it took.

        Raises:
            ValueError: a size has no pixels.
        """
        started = time.perf_counter()
        for height, width in sizes or ((self.bundle.preprocess.height, self.bundle.preprocess.width),):
            self.predict(np.full((height, width, 3), 128, np.uint8))
        return time.perf_counter() - started

    def verify(self) -> Verification:
        """Answer the bundle's golden samples and compare.

        Raises:
            BundleError: an answer is not the expected one; the bundle must not be trusted on this machine.
        """
        largest, other_decoder = 0.0, 0
        for sample in self.bundle.golden:
            photo = decode(sample.data, upright=self.bundle.preprocess.upright)
            found = self.predict(photo)
            alike = pixels_digest(photo) == sample.pixels
            difference = _difference(found, sample)
            if not difference <= (TOLERANCE if alike else _OTHER_DECODER) or (alike and found.label != sample.label):
                raise BundleError(
                    f"the recogniser answers {sample.file} with {found.label} {found.probability:.4f}, "
                    f"{difference:.2g} away from the network it was made from",
                    expected=f"{sample.label} {sample.probabilities.max():.4f}",
                    remedy="get the bundle again, or update onnxruntime",
                )
            largest, other_decoder = max(largest, difference), other_decoder + (not alike)
        return Verification(len(self.bundle.golden), largest, other_decoder)

    def _prediction(self, probabilities: NDArray[np.float32], runners_up: int) -> Prediction:
        order = np.argsort(-probabilities, kind="stable")[: runners_up + 1]
        ranked = [(self.labels[index], float(probabilities[index])) for index in order]
        return Prediction(*ranked[0], tuple(ranked[1:]), probabilities)


def surest(predictions: Iterable[Prediction]) -> Prediction:
    """Of the answers to several views of one photo, that which is surest of a sign.

    A place that was cut out may hold no hand, and a hand that is small in the whole photo looks like none.
    """
    return max(predictions, key=lambda its: 0.0 if its.label == "nothing" else its.probability)


def _difference(found: Prediction, sample: GoldenSample) -> float:
    return float(np.abs(found.probabilities.astype(np.float64) - sample.probabilities).max())


def _require_photo(photo: NDArray[np.uint8]) -> None:
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or 0 in photo.shape:
        raise ValueError(f"a photo must be (H, W, 3) uint8, not {photo.shape} {photo.dtype}")


def _open_session(bundle: Bundle, threads: int | None) -> Any:
    outputs = [OUTPUT] if bundle.format < 2 else [OUTPUT, FEATURES]
    remedy = "make the bundle again with 'fingerspell export'"
    session = open_session(
        bundle.model, [INPUT], outputs, threads=threads, what="model", bundle=bundle.path, remedy=remedy
    )
    shape = list(session.get_outputs()[0].shape)
    classes = shape[-1] if shape else 0
    if classes != len(bundle.labels):
        raise BundleError(
            f"the model of {bundle.path} has {classes} classes", expected=f"{len(bundle.labels)} classes", remedy=remedy
        )
    return session
