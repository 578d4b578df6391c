"""The page for everybody: keyboard, screen readers, narrow screens, dark and light."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chromium import READY
from test_spelling import text_of, wait_for_text

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
TABS = ("spell", "practise", "yours", "signs", "photo", "limits")


def focused(page) -> str:
    return page.evaluate("document.activeElement.id")


def test_all_by_keyboard(camera, site):
    with camera() as tab:
        page = tab.go(site)
        page.keyboard.press("Tab")
        assert page.inner_text(":focus") == "Skip to the content"
        page.keyboard.press("Tab")
        assert focused(page) == "tab-spell"
        for name in (*TABS[1:], TABS[0]):
            page.keyboard.press("ArrowRight")
            assert focused(page) == f"tab-{name}"
            assert page.is_visible(f"#panel-{name}")
        page.keyboard.press("Tab")
        assert focused(page) == "theme"
        page.keyboard.press("Tab")
        assert focused(page) == "camera"
        page.keyboard.press("Enter")
        page.wait_for_selector(".picture[data-state=running]")
        page.keyboard.press("Shift+Tab")
        assert focused(page) == "box"
        before = page.get_attribute("#box", "data-box")
        for key in ("-", "ArrowLeft", "ArrowDown"):
            page.keyboard.press(key)
            after = page.get_attribute("#box", "data-box")
            assert after != before, key
            before = after
        page.keyboard.press("Home")
        assert page.get_attribute("#box", "data-box") == "0.1250,0.0000,0.7500,1.0000"
        wait_for_text(page, "B")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # stop the camera
        for _ in range(12):
            page.keyboard.press("Tab")
            if focused(page) == "undo":
                break
        spelled = text_of(page)
        page.keyboard.press("Enter")
        assert text_of(page) == spelled[:-1]


def test_the_box_is_moved_and_resized_and_remembered(camera, site):
    with camera() as tab:
        page = tab.go(site)
        page.click("#camera")
        page.wait_for_selector(".picture[data-state=running]")
        area = page.locator(".overlay").bounding_box()
        corner = page.locator(".corner.se").bounding_box()
        page.mouse.move(corner["x"] + 18, corner["y"] + 18)
        page.mouse.down()
        page.mouse.move(corner["x"] + 18 - area["height"] / 2, corner["y"] + 18 - area["height"] / 2, steps=4)
        page.mouse.up()
        left, top, width, height = map(float, page.get_attribute("#box", "data-box").split(","))
        assert height == pytest.approx(0.5, abs=0.02)
        assert width == pytest.approx(0.375, abs=0.02)
        # the preview is mirrored: its upper left corner is the frame's upper right one
        assert (left + width, top) == (pytest.approx(0.875, abs=0.01), pytest.approx(0, abs=0.01))
        box = page.locator("#box").bounding_box()
        page.mouse.move(box["x"] + 60, box["y"] + 60)
        page.mouse.down()
        page.mouse.move(box["x"] + 60 + 0.1 * area["width"], box["y"] + 60 + 0.2 * area["height"], steps=4)
        page.mouse.up()
        moved = tuple(map(float, page.get_attribute("#box", "data-box").split(",")))
        assert moved == pytest.approx((left - 0.1, top + 0.2, width, height), abs=0.01)
        page.uncheck("#mirror")
        assert tuple(map(float, page.get_attribute("#box", "data-box").split(","))) == pytest.approx(moved, abs=1e-3)
        page.reload()
        page.wait_for_selector(READY)
        assert not page.is_checked("#mirror")
        page.click("#camera")
        page.wait_for_selector(".picture[data-state=running]")
        assert tuple(map(float, page.get_attribute("#box", "data-box").split(","))) == pytest.approx(moved, abs=1e-3)
        page.click("#box-centre")
        assert page.get_attribute("#box", "data-box") == "0.1250,0.0000,0.7500,1.0000"


def test_the_box_is_moved_by_a_finger(camera, site):
    with camera(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as tab:
        page = tab.go(site)
        page.tap("#camera")
        page.wait_for_selector(".picture[data-state=running]")
        page.focus("#box")
        page.keyboard.press("-")
        before = page.get_attribute("#box", "data-box")
        box = page.locator("#box").bounding_box()
        touch = page.context.new_cdp_session(page)
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for kind, points in (
            ("touchStart", [{"x": x, "y": y}]),
            ("touchMove", [{"x": x + 10, "y": y}]),
            ("touchMove", [{"x": x + 20, "y": y}]),
            ("touchEnd", []),
        ):
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.wait_for_function("before => document.getElementById('box').dataset.box !== before", arg=before)
        assert page.evaluate("scrollY") == 0


@pytest.mark.parametrize(("width", "height", "axe_in"), [(320, 640, "dark"), (390, 844, ""), (1280, 800, "light")])
def test_every_part_fits_and_passes_axe(camera, site, shoot, width, height, axe_in):
    with camera(viewport={"width": width, "height": height}, reduced_motion="reduce") as tab:
        page = tab.go(site)
        page.click("#camera")
        wait_for_text(page, "B")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for name in TABS:
                page.click(f"#tab-{name}")
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (
                    f"{name} is wider than the screen"
                )
                shoot(page, f"{name}-{width}-{scheme}")
                if scheme == axe_in and AXE.is_file():
                    assert violations(page) == [], name


def violations(page) -> list[tuple[str, list[str]]]:
    """What axe-core finds against WCAG 2.1 A and AA."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
    return [(each["id"], [node["html"][:120] for node in each["nodes"]]) for each in found["violations"]]


def test_light_and_dark_are_chosen_and_remembered(camera, site):
    with camera(color_scheme="light") as tab:
        page = tab.go(site)
        light = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.click("#theme")
        page.click("#theme")
        assert "Dark" in page.inner_text("#theme")
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert dark != light
        page.reload()
        page.wait_for_selector(READY)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_what_it_is_bad_at_comes_from_the_card(camera, site):
    card = {
        "labels": ["A", "B", "J", "nothing"],
        "scores": [
            {"source": "easy", "accuracy": 0.91, "recall_by_label": {"A": 0.9, "B": 1.0}},
            {"source": "hard", "accuracy": 0.42, "interval": [0.3, 0.55], "recall_by_label": {"A": 0.0, "B": None}},
            {"source": "never"},
        ],
        "limits": ["Look at the probability."],
        "motion_letters": "J is a movement.",
    }
    with camera() as tab:
        tab.page.route("**/card.json", lambda route: route.fulfill(body=json.dumps(card)))
        page = tab.go(site, ".where[data-state=failed]")  # that card is not this model's
        assert "its card names 4 labels" in page.inner_text("#place-detail")
        page.click("#tab-limits")
        assert "42%" in page.inner_text("#hardest")
        assert page.locator("#sources tbody th").all_inner_texts() == ["hard", "easy", "never"]
        assert "not measured" in page.locator("#sources tbody tr").nth(2).inner_text()
        assert page.locator("#weak li").all_inner_texts() == ["A 0% hard"]
        limits = page.inner_text("#panel-limits")
        assert "Not measured in any test: J, no sign." in limits
        assert "J is a movement." in limits
        assert "Look at the probability." in limits
        assert "not stated" in page.inner_text("#facts")


def test_a_bundle_that_was_not_measured_never_shows_a_zero(camera, site):
    with camera() as tab:
        page = tab.go(site)
        page.click("#tab-limits")
        assert "was not measured" in page.inner_text("#hardest")
        assert "0%" not in page.inner_text("#panel-limits")


def test_letters_and_text_are_announced(camera, site):
    with camera() as tab:
        page = tab.go(site)
        page.click("#camera")
        page.wait_for_function("() => document.getElementById('said-letters').textContent.trim() === 'B'")
        page.click("#camera")
        page.wait_for_function("() => /^Text: B/.test(document.getElementById('said-text').textContent)")


def test_the_chart_has_a_picture_with_words_for_each_sign(camera, service):
    with camera() as tab:
        page = tab.go(service.address)
        page.click("#tab-signs")
        alts = page.eval_on_selector_all(".chart img", "all => all.map(each => each.alt)")
        assert len(alts) == len(set(alts)) == 6
        assert all(len(alt) > 30 for alt in alts)
        page.wait_for_function("() => [...document.images].every(each => each.loading === 'lazy' || each.complete)")
        assert tab.complaints == [], "nothing is against the service's policy"
