"""What the service says of itself: OpenAPI with examples, /docs, metrics."""

from __future__ import annotations

import re
import time

import pytest

from fingerspell.live.service import problems
from fingerspell.live.service.problems import KINDS, Problem
from fingerspell.live.service.schemas import Predictions, Spelled


@pytest.fixture(scope="module")
def openapi(running):
    return running.http.get("/openapi.json").json()


def test_every_body_and_every_error_has_an_example(openapi) -> None:
    for path in ("/v1/predict", "/v1/spell"):
        operation = openapi["paths"][path]["post"]
        assert all(content["examples"] for content in operation["requestBody"]["content"].values())
        assert "multipart/form-data" in operation["requestBody"]["content"]
        statuses = set(operation["responses"])
        assert {"200", "400", "401", "403", "408", "413", "415", "422", "503"} <= statuses
        assert "500" not in statuses
        for status, answer in operation["responses"].items():
            if status == "200":
                continue
            content = answer["content"]["application/problem+json"]
            assert content["schema"]["required"] == ["type", "title", "status", "detail"]
            for name, example in content["examples"].items():
                assert example["value"]["type"] == f"/docs#{name}"
                assert example["value"]["status"] == int(status)
            if status == "503":
                assert "Retry-After" in answer["headers"]


def test_the_examples_of_answers_are_answers(openapi) -> None:
    schemas = openapi["components"]["schemas"]
    for name, model in (("Predictions", Predictions), ("Spelled", Spelled)):
        (example,) = schemas[name]["examples"]
        model.model_validate(example)


def test_no_problem_has_another_ones_name_and_what_may_be_retried_says_when() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) > 20
    assert all(bool(kind.retry_after) == (kind.status in {429, 503}) for kind in KINDS)
    assert [kind.status for kind in KINDS] == sorted(kind.status for kind in KINDS)


def test_the_page_of_the_description_needs_nothing_from_elsewhere(running, openapi) -> None:
    page = running.http.get("/docs").text
    assert all(f'id="{kind.name}"' in page for kind in KINDS)
    assert all(path in page for path in openapi["paths"])
    assert "<script" not in page
    assert "style=" not in page
    assert "http://" not in page
    assert "https://" not in page


def test_metrics_count_by_route_and_status_and_nothing_else_grows(start, photo) -> None:
    service = start()
    for _ in range(3):
        service.http.post("/v1/predict", content=photo())
    service.http.post("/v1/predict", content=b"x")
    for number in range(20):
        service.http.request(f"M{number}", f"/{number}")
    text = service.http.get("/metrics").text
    assert 'fingerspell_requests_total{method="POST",route="/v1/predict",status="200"} 3.0' in text
    assert 'fingerspell_requests_total{method="POST",route="/v1/predict",status="415"} 1.0' in text
    assert 'fingerspell_requests_total{method="other",route="other",status="404"} 20.0' in text
    assert 'fingerspell_frames_recognised_total{source="predict"} 3.0' in text
    assert 'fingerspell_recognition_seconds_count{source="predict"} 3.0' in text
    assert 'fingerspell_request_seconds_count{route="/v1/predict"} 4.0' in text
    assert "fingerspell_queue_depth 0.0" in text
    assert len(re.findall(r"^fingerspell_requests_total", text, re.MULTILINE)) < 6


def test_two_services_count_apart(start, photo) -> None:
    one, two = start(), start()
    one.http.post("/v1/predict", content=photo())
    assert 'route="/v1/predict"' in one.http.get("/metrics").text
    assert 'route="/v1/predict"' not in two.http.get("/metrics").text


def test_it_is_ready_only_when_it_is_warm(start, gated, is_problem) -> None:
    gated.gate.clear()
    service = start(recognizer=gated)
    is_problem(service.http.get("/readyz"), 503, "not-ready")
    assert service.http.get("/healthz").status_code == 200
    gated.gate.set()
    end = time.monotonic() + 10
    while not service.service.lifecycle.ready and time.monotonic() < end:
        time.sleep(0.01)
    assert service.http.get("/readyz").json() == {"status": "ready"}


def test_even_a_failure_of_our_own_shows_no_trace(start, recognizer, photo, caplog, is_problem) -> None:
    class Broken:
        bundle, labels = recognizer.bundle, recognizer.labels

        def predict(self, photo, **more):
            raise RuntimeError("secret /home/somebody")

    service = start(recognizer=Broken())
    body = is_problem(service.http.post("/v1/predict", content=photo()), 500, "internal")
    assert "secret" not in str(body)
    assert "secret" in caplog.text
    assert service.http.get("/healthz").status_code == 200


def test_a_problem_has_its_own_members_last() -> None:
    problem = Problem(problems.BUSY, "wait", more={"status": 200, "text": "A"})
    assert problem.body() == {
        "text": "A",
        "type": "/docs#busy",
        "title": "The service is busy",
        "status": 503,
        "detail": "wait",
    }
