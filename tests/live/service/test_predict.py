"""POST /v1/predict: the same answers as the recogniser itself, however photos come."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from fingerspell.live.service.limits import Limits
from fingerspell.live.service.photos import decoded


def _sideways() -> tuple[np.ndarray, bytes]:
    """Pixels as the sensor saw them, and a file of them that says they are to be turned."""
    pixels = np.zeros((36, 60, 3), np.uint8)
    pixels[:, :30] = (30, 200, 100)
    pixels[:18, 30:] = (180, 80, 100)
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(buffer, "PNG", exif=exif)
    return pixels, buffer.getvalue()


def test_a_bundle_that_takes_photos_as_they_lie_gets_them_so() -> None:
    pixels, data = _sideways()
    np.testing.assert_array_equal(decoded(data, Limits(), "The photo", upright=False), pixels)
    np.testing.assert_array_equal(decoded(data, Limits(), "The photo"), np.rot90(pixels, -1))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "PPM", "TIFF"])
def test_every_kind_of_image_is_answered_whatever_its_content_type_says(running, recognizer, photo, kind) -> None:
    data = photo("B", kind)
    answer = running.http.post("/v1/predict", content=data, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["predictions"]
    expected = recognizer.predict_bytes(data)
    assert found["label"] == expected.label == "B"
    assert found["probability"] == pytest.approx(expected.probability, abs=1e-6)
    assert list(found["probabilities"]) == list(recognizer.labels)
    assert list(found["probabilities"].values()) == pytest.approx(expected.probabilities.tolist(), abs=1e-6)
    assert [each["label"] for each in found["runners_up"]] == [label for label, _ in expected.runners_up]
    assert 0 < found["milliseconds"] < 20_000


def test_golden_samples_have_their_probabilities_over_http(running, recognizer) -> None:
    for sample in recognizer.bundle.golden:
        (found,) = running.http.post("/v1/predict", content=sample.data).json()["predictions"]
        assert found["label"] == sample.label
        np.testing.assert_allclose(list(found["probabilities"].values()), sample.probabilities, atol=1e-3)


def test_several_photos_are_answered_in_their_order(running, recognizer, photo) -> None:
    letters = ["J", "A", "nothing", "B", "A"]
    files = [("photos", (f"{number}.jpg", photo(label))) for number, label in enumerate(letters)]
    answer = running.http.post("/v1/predict", files=files).json()
    assert [each["label"] for each in answer["predictions"]] == letters
    model = recognizer.bundle.model
    assert answer["bundle"] == {"network": "tiny", "digest": hashlib.sha256(model).hexdigest()}


def test_a_body_without_a_length_is_read_to_its_end(running, photo) -> None:
    data = photo("J", "PNG", (200, 180))
    chunks = (data[start : start + 100] for start in range(0, len(data), 100))
    answer = running.http.post("/v1/predict", content=chunks)
    assert answer.json()["predictions"][0]["label"] == "J"


def test_a_photo_taken_sideways_is_turned_as_its_bundle_says(running, recognizer) -> None:
    pixels, data = _sideways()
    answer = running.http.post("/v1/predict", content=data).json()["predictions"][0]
    turned = recognizer.predict(np.ascontiguousarray(np.rot90(pixels, -1)))
    assert list(answer["probabilities"].values()) == pytest.approx(turned.probabilities.tolist(), abs=1e-5)
    assert turned.probabilities != pytest.approx(recognizer.predict(pixels).probabilities, abs=1e-3)
