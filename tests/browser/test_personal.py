""" "Make it yours": the page learns a hand that the recogniser reads badly, and nothing leaves it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chromium import ALLOWED, opened
from signed_clips import LETTERS

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"

# A camera that shows what the test says: a sign of the chart in other colours, upside down, moved a little each time.
CANVAS = """
const canvas = document.createElement("canvas");
canvas.width = canvas.height = 200;
const context = canvas.getContext("2d");
setInterval(() => context.fillRect(0, 0, 1, 1), 40); // a still canvas sends no frames
navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(30);
window.show = async (label, number) => {
  const image = new Image();
  image.src = `./signs/${label}.webp`;
  await image.decode();
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.filter = `invert(1) brightness(${1 - 0.05 * (number % 4)})`;
  context.translate(100 + 4 * (number % 3), 100 - 3 * (number % 5));
  context.scale(1 - 0.03 * number, -1 + 0.03 * number);
  context.drawImage(image, -110, -110, 220, 220);
  context.setTransform(1, 0, 0, 1, 0, 0);
  await new Promise((resolve) => document.querySelector("video").requestVideoFrameCallback(() => resolve()));
  await new Promise((resolve) => setTimeout(resolve, 120)); // frames of before are on their way
};
"""
HOME, REFUSED = ".personal[data-state=home]", ".personal[data-state=refused]"


@pytest.fixture
def tab(launch, site):
    with opened(launch(*ALLOWED), CANVAS, accept_downloads=True) as found:
        page = found.go(site)
        page.click("#camera")
        page.wait_for_selector(".picture[data-state=running]")
        page.click("#tab-yours")
        page.wait_for_selector(HOME)
        yield found


def take(page, rounds: int, shown=lambda letter: letter) -> None:
    """Show what is asked for, and take the photo."""
    page.click("#personal-begin")
    letters = len(LETTERS)
    for number in range(rounds * letters):
        letter = page.get_attribute(".personal", "data-letter")
        page.evaluate("([label, number]) => window.show(label, number)", [shown(letter), number // letters])
        page.click("#personal-take")
        page.wait_for_function(
            "count => parseInt(document.querySelector('#personal-count')?.textContent) >= count "
            "|| !document.querySelector('#personal-take')",
            arg=number + 1,
        )


def learn(page, rounds: int = 3) -> None:
    take(page, rounds)
    page.click("#personal-fit")
    page.wait_for_selector("#personal-scores")


def right(page) -> list[int]:
    return [int(each.get_attribute("data-right")) for each in page.query_selector_all("#personal-scores [data-right]")]


def read_as(page, letter: str) -> str:
    """What the page reads while the camera shows a letter."""
    page.click("#tab-spell")
    page.evaluate("label => window.show(label, 1)", letter)
    page.wait_for_timeout(700)
    found = page.get_attribute(".glyph", "data-letter")
    page.click("#tab-yours")
    return found


def test_it_learns_a_hand_keeps_it_and_gives_it_back(tab, site, shoot, tmp_path):
    page = tab.page
    tab.requests.clear()
    learn(page)
    before, after = right(page)
    assert before <= 9  # of fifteen
    assert after >= 12
    assert "It has learnt your hand" in page.inner_text("#place-detail")
    shoot(page, "personal-result-1280-light")
    own = [read_as(page, letter) for letter in LETTERS]
    page.uncheck("#personal-on")
    shipped = [read_as(page, letter) for letter in LETTERS]
    assert sum(a == b for a, b in zip(own, LETTERS, strict=True)) > sum(
        a == b for a, b in zip(shipped, LETTERS, strict=True)
    )
    page.check("#personal-on")
    with page.expect_download() as waiting:
        page.click("#personal-save")
    waiting.value.save_as(tmp_path / "mine.json")
    # nothing but the page's own files was asked for, and nothing was sent
    assert all(each.startswith((f"GET {site}", "GET blob:")) for each in tab.requests)

    tab.go(site)
    page.click("#tab-yours")
    page.wait_for_selector("#personal-scores")
    assert right(page) == [before, after]
    assert page.is_checked("#personal-on")
    page.click("#personal-delete")
    page.click("#personal-delete")
    page.wait_for_selector("#personal-scores", state="detached")
    tab.go(site)
    page.click("#tab-yours")
    page.wait_for_selector(HOME)
    assert not page.is_visible("#personal-scores")

    page.set_input_files("#personal-file", tmp_path / "mine.json")
    page.wait_for_selector("#personal-scores")
    assert right(page) == [before, after]
    other = json.loads((tmp_path / "mine.json").read_text()) | {"digest": "0" * 64}
    (tmp_path / "other.json").write_text(json.dumps(other))
    page.set_input_files("#personal-file", tmp_path / "other.json")
    page.wait_for_selector("#personal-problem:not([hidden])")
    assert "another recogniser" in page.inner_text("#personal-problem")
    assert right(page) == [before, after]
    assert tab.complaints == []


def test_wrong_photos_are_refused_and_change_nothing(tab):
    page = tab.page
    signs = iter("LOYABYALOBOBLYABYOAL" * 5)
    take(page, 3, shown=lambda _: next(signs))
    page.click("#personal-fit")
    page.wait_for_selector(REFUSED)
    assert "Nothing was changed" in page.inner_text("#personal-problem")
    assert not page.is_visible("#personal-scores")
    assert "learnt your hand" not in page.inner_text("#place-detail")


def test_by_keyboard_with_skipping_and_taking_back(tab, shoot):
    page = tab.page
    page.focus("#personal-begin")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "personal-take"
    page.evaluate("window.show('A', 0)")
    page.keyboard.press("Space")
    page.wait_for_selector("#personal-count:has-text('1 photo taken')")
    assert page.evaluate("document.activeElement.id") == "personal-take"
    assert page.get_attribute(".personal", "data-letter") == "B"
    page.click("#personal-skip")
    assert page.get_attribute(".personal", "data-letter") == "L"
    assert page.is_disabled("#personal-fit")
    shoot(page, "personal-taking-1280-light")
    page.click("#personal-undo")
    assert page.get_attribute(".personal", "data-letter") == "A"
    page.click("#personal-leave")
    page.wait_for_selector(HOME)
    assert page.evaluate("document.activeElement.id") == "personal-title"


def test_without_a_camera_no_photo_is_taken(tab):
    page = tab.page
    page.click("#camera")
    page.click("#personal-begin")
    page.click("#personal-take")
    page.wait_for_selector("#personal-problem:not([hidden])")
    assert "camera is off" in page.inner_text("#personal-problem")


def test_by_the_service_it_says_why_not(launch, service):
    with opened(launch(*ALLOWED), CANVAS) as found:
        page = found.go(service.address)
        page.click("label:has-text('by the service')")
        page.wait_for_selector(".where[data-place=service]")
        page.click("#tab-yours")
        page.wait_for_selector(".personal[data-state=waiting]")
        assert "no picture leaves your device" in page.inner_text("#personal")


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (360, "dark")])
def test_axe_finds_nothing(launch, site, shoot, width, theme):
    if not AXE.is_file():
        pytest.skip("no axe-core: npm ci in web/")
    options = {"viewport": {"width": width, "height": 800}, "color_scheme": theme, "bypass_csp": True}
    with opened(launch(*ALLOWED), CANVAS, **options) as found:
        page = found.go(site)
        page.click("#camera")
        page.click("#tab-yours")
        page.wait_for_selector(HOME)
        page.add_script_tag(path=str(AXE))
        for state in ("home", "taking"):
            if state == "taking":
                page.click("#personal-begin")
            violations = page.evaluate("axe.run().then(({violations}) => violations.map(({id}) => id))")
            assert violations == []
            shoot(page, f"personal-{state}-{width}-{theme}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
