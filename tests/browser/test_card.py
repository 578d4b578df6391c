"""What the card says of certainty is on the page: a mark for each letter, what it is not for, and answers that are not
sure enough."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_page import AXE, violations

from fingerspell.core.bundle import read_bundle

CERTAIN = {
    "calibration": {"answer_from": 1.0},
    "reliability_from": ["desk"],
    "not_for": ["Interpreting ASL."],
    "data": {"sources": [{"name": "rooms", "where_from": "there", "licence": "MIT", "photos": 5800, "people": 1}]},
}


@pytest.fixture
def card(drawn_bundle: Path) -> dict[str, Any]:
    labels = [*read_bundle(drawn_bundle).labels]
    marks = dict(zip(labels, ["good", "fair", "weak", "unknown", "good", "good"], strict=True))
    return {**read_bundle(drawn_bundle).card, **CERTAIN, "reliability": marks}


def test_marks_and_limits(camera, site, card, shoot) -> None:
    with camera() as tab:
        tab.page.route("**/card.json", lambda route: route.fulfill(body=json.dumps(card)))
        page = tab.go(site)
        page.click("#tab-signs")
        marks = page.locator(".chart .mark")
        assert marks.count() == 6
        words = [" ".join(text.split()) for text in marks.all_inner_texts()]
        assert words[:4] == ["● reliable", "◐ fairly reliable", "○ weak", "? not measured"]
        shoot(page, "card-signs")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert not AXE.is_file() or violations(page) == [], scheme
        page.click("#tab-limits")
        told = page.locator("#reliability dt").all_inner_texts()
        assert told == ["Reliable", "Fairly reliable", "Weak", "Not measured"]
        limits = page.inner_text("#panel-limits")
        assert "From desk." in limits
        assert "Not for: Interpreting ASL." in limits
        assert "there; MIT; 5,800 photos; people: 1" in page.inner_text("#facts")
        assert "from 100% on" in page.inner_text("#facts")


@pytest.mark.parametrize("threshold", [1.0, 0.0, None])
def test_an_answer_that_is_not_sure_enough(camera, site: str, card, drawn_bundle: Path, threshold) -> None:
    card["calibration"] = {"answer_from": threshold}
    with camera() as tab:
        tab.page.route("**/card.json", lambda route: route.fulfill(body=json.dumps(card)))
        page = tab.go(site)
        page.click("#tab-photo")
        page.set_input_files("#photo", sorted((drawn_bundle / "golden").glob("*.jpg"))[0])
        page.wait_for_selector("[data-photo=done]")
        assert page.locator("#photo-unsure").count() == (threshold == 1.0)


def test_a_card_without_marks_shows_none(camera, site: str) -> None:
    with camera() as tab:
        page = tab.go(site)
        page.click("#tab-signs")
        assert page.locator(".chart li").count() == 6
        assert page.locator(".chart .mark").count() == 0
