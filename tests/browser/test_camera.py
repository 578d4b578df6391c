"""Everything that can go wrong with a camera has its own words, and the page goes on."""

from __future__ import annotations

import pytest
from chromium import ALLOWED, opened
from test_spelling import wait_for_text

# what the tests below can take away and give back
HELD = """
const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
window.gone = false;
navigator.mediaDevices.getUserMedia = async (wanted) => {
  if (window.gone) throw new DOMException("Requested device not found", "NotFoundError");
  window.wanted = wanted;
  window.stream = await real(wanted);
  return window.stream;
};
window.unplug = () => {
  window.gone = true;
  const [track] = window.stream.getVideoTracks();
  track.stop();
  track.dispatchEvent(new Event("ended"));
};
window.plugIn = () => {
  window.gone = false;
  navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
};
"""


def failing(name: str) -> str:
    """A script that makes the camera fail as Chromium would."""
    failure = f"new DOMException('said by the browser', '{name}')"
    return f"navigator.mediaDevices.getUserMedia = async () => {{ throw {failure}; }};"


def problem(page) -> tuple[str, str]:
    page.wait_for_selector(".problem:not([hidden])")
    return page.get_attribute(".problem", "data-kind"), page.inner_text(".problem")


def test_it_is_refused(launch, site, shoot):
    """Without the flag that says yes for the user, headless Chromium says no."""
    with opened(launch("--use-fake-device-for-media-stream", "--deny-permission-prompts")) as tab:
        page = tab.go(site, "#camera")
        page.click("#camera")
        kind, words = problem(page)
        assert kind == "refused"
        assert "allow the camera" in words
        assert page.inner_text("#camera") == "Start camera"
        shoot(page, "refused-1280-light")
        page.click("#tab-photo")  # the rest of the page goes on
        assert page.is_visible("#photo-title")


def test_there_is_none(launch, site):
    with opened(launch(*ALLOWED)) as tab:
        page = tab.go(site, "#camera")
        page.click("#camera")
        kind, words = problem(page)
        assert kind == "none"
        assert "Plug one in" in words


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("NotReadableError", "busy", "another program"),
        ("AbortError", "busy", "another program"),
        ("TypeError", "other", "said by the browser"),
    ],
)
def test_it_cannot_be_used(launch, site, name, kind, words):
    with opened(launch(*ALLOWED), failing(name)) as tab:
        page = tab.go(site, "#camera")
        page.click("#camera")
        found, said = problem(page)
        assert found == kind
        assert words in said


def test_the_page_came_over_an_insecure_connection(launch, site):
    with opened(launch(*ALLOWED)) as tab:
        page = tab.go(site.replace("127.0.0.1", "insecure.test"), "#camera")
        page.click("#camera")
        kind, words = problem(page)
        assert kind == "insecure"
        assert "https" in words


def test_the_browser_has_none_to_give(launch, site):
    with opened(launch(*ALLOWED), "delete Navigator.prototype.mediaDevices;") as tab:
        page = tab.go(site, "#camera")
        page.click("#camera")
        assert problem(page)[0] == "unsupported"


def test_it_is_unplugged_and_comes_back(camera, site):
    with camera(HELD) as tab:
        page = tab.go(site)
        page.click("#camera")
        wait_for_text(page, "B")
        page.evaluate("window.unplug()")
        kind, words = problem(page)
        assert kind == "lost"
        assert "goes on by itself" in words
        assert page.inner_text(".certainty") == "The camera has gone"
        kept = page.inner_text("#text")
        page.evaluate("navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")  # another device, not a camera
        assert problem(page)[0] == "lost"
        page.evaluate("window.plugIn()")
        page.wait_for_selector(".picture[data-state=running]")
        assert page.is_hidden(".problem")
        wait_for_text(page, kept + "B")
        assert tab.complaints == []


def test_it_sends_no_pictures(camera, site):
    with camera("HTMLVideoElement.prototype.requestVideoFrameCallback = () => 0;") as tab:
        page = tab.go(site, "#camera")
        page.click("#camera")
        assert problem(page)[0] == "silent"


def test_a_browser_that_announces_no_frames_is_asked_for_them(camera, site):
    with camera("delete HTMLVideoElement.prototype.requestVideoFrameCallback;") as tab:
        page = tab.go(site)
        page.click("#camera")
        wait_for_text(page, "BA")


def test_a_second_one_is_chosen_and_remembered(launch, site):
    with opened(launch("--use-fake-device-for-media-stream=device-count=2", *ALLOWED), HELD) as tab:
        page = tab.go(site, "#camera")
        page.click("#camera")
        page.wait_for_selector("#camera-choice option:nth-child(2)", state="attached")
        first = page.input_value("#camera-choice")
        values = page.eval_on_selector_all("#camera-choice option", "options => options.map(each => each.value)")
        other = next(value for value in values if value != first)
        page.select_option("#camera-choice", other)
        page.wait_for_selector(".picture[data-state=running]")
        assert page.evaluate("window.wanted.video.deviceId.exact") == other
        page.reload()
        page.wait_for_selector("#camera")
        page.click("#camera")
        page.wait_for_selector(".picture[data-state=running]")
        assert page.evaluate("window.wanted.video.deviceId.exact") == other
