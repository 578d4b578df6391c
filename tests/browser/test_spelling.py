"""The page spells what the camera shows, in real Chromium; and what can be done with the text."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from chromium import ALLOWED, READY, camera_of, opened
from PIL import ImageOps
from signed_clips import LETTERS, drawn_sign, in_mirror, write_clip

from fingerspell.live.recognizer import Recognizer

LISTEN = """
window.spoken = [];
speechSynthesis.speak = (said) => { window.spoken.push(said.text); said.onstart?.(new Event("start")); };
"""
NO_VOICE = "delete window.speechSynthesis;"


def text_of(page) -> str:
    return page.inner_text("#text").strip()


def wait_for_text(page, text: str, seconds: float = 30) -> None:
    script = "text => document.getElementById('text').textContent.includes(text)"
    try:
        page.wait_for_function(script, arg=text, timeout=1000 * seconds)
    except Exception as error:
        raise AssertionError(f"the text is {text_of(page)!r} and not {text!r}") from error


def report(page, name: str) -> None:
    times = page.locator("#times")
    median, high = (float(times.get_attribute(f"data-{each}") or "nan") for each in ("median", "p95"))
    answered, dropped = (times.get_attribute(f"data-{each}") for each in ("answered", "dropped"))
    counts = f"{answered} answers, {dropped} dropped"
    print(f"\n{name}: from frame to letter {median:.0f} ms median, {high:.0f} ms p95; {counts}")
    assert 0 < median <= high < 2000


def test_a_word_with_a_double_letter_and_what_is_done_with_it(camera, site, shoot):
    with camera(LISTEN, permissions=["camera", "clipboard-read", "clipboard-write"]) as tab:
        page = tab.go(site)
        assert page.inner_text("#place") == "In this page: nothing is sent"
        before = len(tab.requests)
        page.click("#camera")
        wait_for_text(page, "BALL")
        shoot(page, "spell-1280-light")
        report(page, "in the page, over a static site")
        page.click("#camera")  # stop
        assert tab.requests[before:] == [], "nothing is sent while a camera runs"
        assert page.inner_text("#camera") == "Start camera"

        spelled = text_of(page)
        assert "BALL".startswith(spelled) or spelled.startswith("BALL")
        page.click("#undo")
        assert text_of(page) == spelled[:-1]
        page.click("#space")
        page.click("#speak")
        assert page.evaluate("window.spoken") == [spelled[:-1].lower()]
        assert "Reading aloud" in page.inner_text(".composed .note")
        page.click("#copy")
        page.wait_for_function("() => document.querySelector('.composed .note').textContent === 'Copied.'")
        assert page.evaluate("navigator.clipboard.readText()") == spelled[:-1]
        page.click("#clear")
        assert text_of(page) == ""
        assert page.is_disabled("#speak")
        page.click("#undo")  # brings it back
        assert text_of(page) == spelled[:-1]
        assert tab.complaints == []


def test_a_real_hand(launch, real_bundle, real_clip, tmp_path, shoot):
    from servers import serving

    from fingerspell.live.site import build_site

    build_site(tmp_path / "real", real_bundle)
    with serving(tmp_path) as address, opened(launch(*camera_of(real_clip), *ALLOWED)) as tab:
        page = tab.go(f"{address}/real/")
        page.click("#camera")
        wait_for_text(page, "BALL")
        shoot(page, "spell-1280-real-hand")
        report(page, "in the page, a real hand")


def test_the_service_spells_the_same(camera, service):
    with camera() as tab:
        page = tab.go(service.address)
        page.check("input[name=place][value=service]", force=True)
        page.wait_for_selector(f"{READY}[data-place=service]")
        assert page.inner_text("#place") == "By the service at 127.0.0.1"
        page.click("#camera")
        wait_for_text(page, "BALL")
        report(page, "by the service")
        assert any(each.startswith("WS ") and each.endswith("/v1/stream") for each in tab.requests)
        assert tab.complaints == []


def test_a_left_hand_is_mirrored_before_it_is_recognised(launch, site, drawn_bundle, tmp_path):
    letter, photo = one_sided(drawn_bundle)
    signed = write_clip(
        tmp_path / "right.mjpeg",
        lambda label, number: photo if label == letter else drawn_sign(label, number),
        letter * 2,
        drawn_bundle,
    )
    with opened(launch(*camera_of(in_mirror(signed, tmp_path / "left.mjpeg")), *ALLOWED)) as tab:
        page = tab.go(site)
        page.check("input[name=hand][value=left]", force=True)
        page.click("#camera")
        wait_for_text(page, letter * 2)
        page.reload()
        page.wait_for_selector(READY)
        assert page.is_checked("input[name=hand][value=left]"), "the choice is kept"


@pytest.mark.parametrize("place", ["page", "service"])
def test_which_hand_signs_is_found_out(launch, request, drawn_bundle, tmp_path, shoot, place):
    letter, photo = one_sided(drawn_bundle, doubtful=0.6)
    signed = write_clip(
        tmp_path / "right.mjpeg",
        lambda label, number: photo if label == letter else drawn_sign(label, number),
        letter * 3,
        drawn_bundle,
    )
    address = request.getfixturevalue("site") if place == "page" else request.getfixturevalue("service").address
    with opened(launch(*camera_of(in_mirror(signed, tmp_path / "left.mjpeg")), *ALLOWED)) as tab:
        sent = []

        def keep(frame):  # playwright takes no method of a list
            sent.append(frame)

        tab.page.on("websocket", lambda socket: socket.on("framesent", keep))
        page = tab.go(address)
        assert page.is_checked("input[name=hand][value=right]"), "nobody waits for it without being asked"
        assert page.is_hidden("#expected-hand")
        page.check("input[name=hand][value=auto]", force=True)
        if place == "page":
            assert page.inner_text("#expected-hand") == "auto: right hand"
        else:
            page.check("input[name=place][value=service]", force=True)
            page.wait_for_selector(f"{READY}[data-place=service]")
            assert page.inner_text("#expected-hand") == "auto: the service chooses"
            assert json.loads(sent[0])["hand"] == "auto"
        page.click("#camera")
        wait_for_text(page, letter * 2)
        assert page.inner_text("#expected-hand") == "auto: left hand"
        if place == "page":
            shoot(page, "auto-1280-light")
            report(page, "in the page, both hands looked at")
        page.check("input[name=hand][value=right]", force=True)
        assert page.is_hidden("#expected-hand")
        assert tab.complaints == []


def one_sided(bundle, doubtful=1.0):
    """A sign that the bundle reads rightly, and wrongly in a mirror, where none is more probable than `doubtful`."""
    recognizer = Recognizer(bundle, threads=1)
    for letter, number in itertools.product(LETTERS, range(2000, 2040)):
        photo = drawn_sign(letter, number)
        straight = recognizer.predict(np.asarray(photo))
        turned = recognizer.predict(np.asarray(ImageOps.mirror(photo)))
        if (
            straight.label == letter
            and straight.probability > 0.8
            and turned.probabilities[recognizer.labels.index(letter)] < 0.2
            and turned.label != "nothing"
            and turned.probability <= doubtful
        ):
            return letter, photo
    raise AssertionError("the bundle takes every sign for its mirror image")


def test_only_the_box_is_looked_at(launch, site, drawn_bundle, tmp_path):
    left, top, side = 384, 24, 240
    clip = write_clip(tmp_path / "corner.mjpeg", drawn_sign, "LB", drawn_bundle, (left, top, side))
    box = {"left": left / 640, "top": top / 480, "width": side / 640, "height": side / 480}
    script = f"localStorage.setItem('fingerspell.box', '{json.dumps(box)}')"
    with opened(launch(*camera_of(clip), *ALLOWED), script) as tab:
        page = tab.go(site)
        page.click("#camera")
        wait_for_text(page, "LB")
        # the preview is mirrored, and the box is drawn where the hand is seen
        area, drawn = page.locator(".overlay").bounding_box(), page.locator("#box").bounding_box()
        assert (drawn["x"] - area["x"]) / area["width"] == pytest.approx(1 - (left + side) / 640, abs=0.01)


def test_a_browser_without_a_voice_says_so(camera, site):
    with camera(NO_VOICE) as tab:
        page = tab.go(site)
        page.click("#space")
        page.evaluate("document.getElementById('speak').disabled = false")
        page.click("#speak")
        assert page.inner_text(".composed .note") == "This browser cannot read aloud."


def test_practice_asks_scores_and_remembers(camera, site, shoot):
    with camera("Math.random = () => 0;") as tab:
        page = tab.go(site)
        page.click("#tab-practise")
        assert page.get_attribute("#prompt", "data-letter") == "A"
        assert page.get_attribute(".hint-sign img", "alt").startswith("Sign A: A fist")
        page.uncheck("#hint")
        assert page.locator(".hint-sign img").count() == 0
        page.check("#hint")
        page.click("#camera")
        page.wait_for_function("() => Number(document.getElementById('score').dataset.asked) >= 1")
        shoot(page, "practise-1280-letters")
        page.check("input[name=practice-kind][value=words]", force=True)
        word = page.get_attribute("#prompt", "data-asked")
        assert len(word) > 1
        assert set(word) <= set("ABLOY")
        page.wait_for_function(
            "word => document.getElementById('prompt').dataset.letter === word[1]", arg=word
        )  # its first letter was seen
        page.click("#camera")
        asked = int(page.get_attribute("#score", "data-asked"))
        page.click("#skip")
        assert int(page.get_attribute("#score", "data-asked")) == asked + 1
        assert f"{word[1]} " in page.inner_text("#fails")
        page.reload()
        page.wait_for_selector(READY)
        page.click("#tab-practise")
        assert int(page.get_attribute("#score", "data-asked")) == asked + 1, "the score is kept"
        page.click("#reset")
        assert int(page.get_attribute("#score", "data-asked")) == asked + 1, "one press is not enough"
        page.click("#reset")
        assert int(page.get_attribute("#score", "data-asked")) == 0
        assert page.evaluate("document.getElementById('text').textContent") == "", "practice writes no text"
