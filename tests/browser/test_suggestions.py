"""Words that the unfinished one may become: off unless asked for, one press, one undo."""

from __future__ import annotations

import pytest
from chromium import READY
from test_page import AXE, focused, violations
from test_spelling import text_of, wait_for_text

WANTED = "localStorage.setItem('fingerspell.suggest', 'true');"


def suggested(page) -> list[str]:
    return page.locator("#suggestions button:visible").all_inner_texts()


def spell(page, letters: str) -> None:
    """Spell these first letters of BALL, and no more; each without a doubt, as after an undo."""
    page.click("#camera")
    wait_for_text(page, letters + "BALL"[len(letters)])
    page.click("#camera")
    while text_of(page) != letters:
        page.click("#undo")


def asked_for_words(tab) -> list[str]:
    return [each for each in tab.requests if each.endswith("words.json")]


def test_a_word_is_chosen_and_taken_back(camera, site):
    with camera() as tab:
        page = tab.go(site)
        spell(page, "BA")
        assert not page.is_checked("#suggest"), "off unless asked for"
        assert page.is_hidden(".suggestions")
        assert asked_for_words(tab) == []
        page.check("#suggest")
        page.locator("#suggestions button:visible").first.wait_for()
        assert asked_for_words(tab) == [f"GET {site}words.json"]
        assert suggested(page) == ["BACK", "BAD", "BABY"]  # as Python's Dictionary().complete("BA") begins
        top = page.locator("#undo").bounding_box()["y"]

        page.get_by_role("group", name="Suggested words").get_by_role("button", name="BABY").click()
        assert page.text_content("#text") == "BABY "
        assert suggested(page) == []
        assert page.inner_text("#suggest-hint") == "Words come here while you spell."
        assert page.inner_text("#said-letters") == "BABY."
        assert page.locator("#undo").bounding_box()["y"] == top, "the room is kept"
        page.click("#undo")
        assert page.text_content("#text") == "BA"
        assert suggested(page) == ["BACK", "BAD", "BABY"]
        page.click("#space")
        assert suggested(page) == []

        page.click("#tab-practise")
        assert page.locator("#suggestions:visible").count() == 0, "not while practising"
        page.reload()
        page.wait_for_selector(READY)
        assert page.is_checked("#suggest"), "the choice is kept"
        page.uncheck("#suggest")
        assert page.is_hidden(".suggestions")
        assert tab.complaints == []


def test_by_keyboard(camera, site):
    with camera(WANTED) as tab:
        page = tab.go(site)
        spell(page, "BA")
        page.focus("#text")
        page.keyboard.press("Tab")
        assert page.inner_text(":focus") == "BACK"
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.text_content("#text") == "BAD "
        assert focused(page) == "suggestions", "the keyboard stays where it was"
        page.keyboard.press("Tab")
        assert focused(page) == "undo"
        page.keyboard.press("Enter")
        assert text_of(page) == "BA"
        page.keyboard.press("Shift+Tab")
        assert page.inner_text(":focus") == "BABY"


def test_they_change_with_each_letter_and_are_not_announced(camera, site):
    with camera(WANTED) as tab:
        page = tab.go(site)
        page.click("#camera")
        wait_for_text(page, "B")
        page.locator("#suggestions button:visible").first.wait_for()
        wait_for_text(page, "BAL")
        page.wait_for_function("() => /^BAL/.test(document.querySelector('#suggestions button').textContent)")
        assert page.locator("[aria-live] #suggestions, #suggestions[aria-live]").count() == 0


@pytest.mark.parametrize(("width", "height"), [(320, 640), (390, 844), (1280, 800)])
def test_they_stay_on_one_line(camera, site, shoot, width, height):
    longest = '{"words": "BATTLEGROUNDS BALANCINGACTS BALLOONFLIGHTS BE BY", "runs": [[5, -90]]}'
    with camera(WANTED, viewport={"width": width, "height": height}, reduced_motion="reduce") as tab:
        page = tab.go(site)
        spell(page, "B")
        assert suggested(page) == ["BE", "BUT", "BEEN"]
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            shoot(page, f"suggest-{width}-{scheme}")
            if AXE.is_file():
                assert violations(page) == []
        row = page.locator(".suggestions").bounding_box()["height"]

        tab.page.route("**/words.json", lambda route: route.fulfill(body=longest))
        page.reload()
        page.wait_for_selector(READY)
        spell(page, "B")
        words = suggested(page)
        assert words == ["BATTLEGROUNDS", "BALANCINGACTS", "BALLOONFLIGHTS"][: len(words)]
        assert 1 <= len(words) <= (2 if width < 400 else 3), "what does not fit is left out, least frequent first"
        tops = {each.bounding_box()["y"] for each in page.locator("#suggestions button:visible").all()}
        assert len(tops) == 1
        assert page.locator(".suggestions").bounding_box()["height"] == row
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.set_viewport_size({"width": 860, "height": 800})  # one wide column
        page.wait_for_function("() => document.querySelectorAll('#suggestions button:not([hidden])').length === 3")


@pytest.mark.parametrize(
    ("answer", "why"),
    [({"status": 404}, "the answer was 404"), ({"body": "{}"}, "it is damaged"), (None, "no connection")],
)
def test_a_list_that_cannot_be_loaded(camera, site, answer, why):
    with camera() as tab:
        page = tab.go(site)
        page.route("**/words.json", lambda route: route.abort() if answer is None else route.fulfill(**answer))
        page.check("#suggest")
        page.get_by_text("the word list cannot be loaded").wait_for()
        assert f"({why})" in page.inner_text("#suggest-problem")
        page.unroute("**/words.json")
        page.uncheck("#suggest")
        assert page.is_hidden("#suggest-problem")
        page.check("#suggest")
        page.wait_for_function("() => document.getElementById('suggest-hint').textContent !== ''")
        assert page.text_content("#suggest-problem") == ""
        spell(page, "B")
        assert suggested(page) == ["BE", "BUT", "BEEN"]
