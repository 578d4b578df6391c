"""The page finds the hand by itself, wherever it is in the camera's frame, and reads it as Python does."""

from __future__ import annotations

import base64
import functools
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from chromium import ALLOWED, READY, camera_of, opened
from found_clips import PLACES, SIDE, certain_rooms, read_in_python, room, sequence, with_finder, write
from PIL import Image
from servers import serving
from test_spelling import report, wait_for_text

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
FOUND, BOX, HINT = "#found", "#box", "#find-hint"

# A camera that shows what the test says: a picture, or nobody.
CANVAS = """
const canvas = document.createElement("canvas");
canvas.width = 640;
canvas.height = 480;
const context = canvas.getContext("2d");
context.fillStyle = "rgb(96 96 96)";
context.fillRect(0, 0, 640, 480);
setInterval(() => context.fillRect(0, 0, 1, 1), 40); // a still canvas sends no frames
navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(30);
window.show = async (picture) => {
  context.fillRect(0, 0, 640, 480);
  if (picture !== null) {
    const image = new Image();
    image.src = picture;
    await image.decode();
    context.drawImage(image, 0, 0);
  }
  await new Promise((resolve) => document.querySelector("video").requestVideoFrameCallback(() => resolve()));
  await new Promise((resolve) => setTimeout(resolve, 200)); // frames of before are on their way
};
"""


@pytest.fixture(scope="module")
def bundle(drawn_bundle, tmp_path_factory):
    return with_finder(drawn_bundle, tmp_path_factory.mktemp("finding") / "finding.bundle")


@pytest.fixture(scope="module")
def rooms(bundle):
    return certain_rooms(bundle, "BAL")


@pytest.fixture(scope="module")
def frames(rooms):
    return sequence(rooms, "BALL")


@pytest.fixture
def camera(launch, frames, tmp_path_factory):
    clip = write(frames, tmp_path_factory.mktemp("clips") / "rooms.mjpeg")
    return functools.partial(opened, launch(*camera_of(clip), *ALLOWED))


@pytest.fixture(scope="module")
def place(bundle, tmp_path_factory):
    """Address of a site of plain files."""
    from fingerspell.live.site import build_site

    root = tmp_path_factory.mktemp("www")
    build_site(root / "site", bundle)
    with serving(root) as address:
        yield f"{address}/site/"


@pytest.fixture
def shown(launch, place):
    """A page, and a camera that shows what the test says."""
    with opened(launch(*ALLOWED), CANVAS) as tab:
        page = tab.go(place)
        page.click("#camera")
        page.wait_for_selector(".picture[data-state=running]")
        yield tab


def show(page, frame: Image.Image | None) -> None:
    if frame is None:
        page.evaluate("window.show(null)")
        return
    buffer = io.BytesIO()
    frame.save(buffer, "PNG")
    page.evaluate(
        "picture => window.show(picture)", f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    )


def box_of(page) -> list[float]:
    """Left, top, width and height of the hand in the camera's frame, fractions."""
    page.wait_for_selector(f"{FOUND}:not([hidden])")
    return [float(each) for each in page.get_attribute(FOUND, "data-box").split(",")]


def test_a_hand_is_found_wherever_it_is_and_read_as_in_python(camera, place, frames, bundle, shoot):
    assert read_in_python(bundle, [np.asarray(frame) for frame in frames]) == "BALL"
    with camera() as tab:
        page = tab.go(place)
        assert page.is_checked("#find") and page.is_enabled("#find")
        assert "found by itself" in page.inner_text(HINT)
        before = len(tab.requests)
        page.click("#camera")
        wait_for_text(page, "BALL")
        shoot(page, "finding-1280-light")
        report(page, "in the page, the hand found in whole frames")
        assert not page.is_visible(BOX) and not page.is_visible("#box-keys")
        assert tab.requests[before:] == [], "nothing is sent while a camera runs"
        assert [each.rpartition("/")[2] for each in tab.requests].count("finder.onnx") == 1
        assert tab.complaints == []


@pytest.mark.parametrize("letter", sorted(PLACES))
def test_the_hand_is_shown_where_it_is_as_the_preview_is_seen(shown, rooms, letter):
    page = shown.page
    show(page, rooms[letter])
    page.wait_for_timeout(600)
    left, top, width, height = box_of(page)
    x, y = PLACES[letter]
    for found, low, high in ((left, x, x + SIDE / 2), (left + width, x + SIDE / 2, x + SIDE)):
        assert low - 8 <= 640 * found <= high + 8
    for found, low, high in ((top, y, y + SIDE / 2), (top + height, y + SIDE / 2, y + SIDE)):
        assert low - 8 <= 480 * found <= high + 8
    assert page.get_attribute(".glyph", "data-letter") == letter

    def seen() -> float:
        """The hand's left edge on the screen, as a fraction of the preview."""
        hand, picture = page.locator(FOUND).bounding_box(), page.locator(".overlay").bounding_box()
        return (hand["x"] - picture["x"]) / picture["width"]

    assert seen() == pytest.approx(1 - left - width, abs=0.02)  # in the mirror
    page.uncheck("#mirror")
    page.wait_for_timeout(300)
    assert seen() == pytest.approx(left, abs=0.02)


def test_without_a_hand_that_is_said_and_nothing_is_read(shown, rooms, shoot):
    page = shown.page
    show(page, rooms["B"])
    wait_for_text(page, "B")
    assert page.inner_text("#no-hand") == ""
    show(page, None)
    page.wait_for_function("() => document.querySelector('#no-hand').textContent.startsWith('No hand found')")
    assert not page.is_visible(FOUND)
    assert page.get_attribute(".glyph", "data-letter") == "nothing"
    shoot(page, "no-hand-1280-light")
    show(page, rooms["B"])
    page.wait_for_selector(f"{FOUND}:not([hidden])")
    assert page.inner_text("#no-hand") == ""
    assert shown.complaints == []


def test_the_box_by_hand_is_one_switch_away_and_the_choice_is_kept(shown, place, rooms):
    page = shown.page
    page.focus("#find")
    page.keyboard.press("Space")
    assert page.is_visible(BOX) and page.is_visible("#box-keys") and not page.is_visible(FOUND)
    show(page, rooms["B"])
    page.wait_for_timeout(800)
    assert page.get_attribute(".glyph", "data-letter") != "B", "the hand is not in the box"
    assert not page.is_visible(FOUND) and page.inner_text("#no-hand") == ""
    shown.go(place)
    assert not page.is_checked("#find")
    page.click("#camera")
    page.wait_for_selector(".picture[data-state=running]")
    assert page.is_visible(BOX)
    page.check("#find")
    show(page, rooms["A"])
    page.wait_for_selector(f"{FOUND}:not([hidden])")
    assert not page.is_visible(BOX)
    assert shown.complaints == []


def test_photos_of_ones_own_hand_show_the_hand_that_was_found(shown, rooms):
    page = shown.page
    page.click("#tab-yours")
    page.click("#personal-begin")
    page.wait_for_selector("#personal-take")
    assert not page.is_visible(FOUND)
    page.click("#personal-take")
    page.wait_for_selector("#personal-problem:not([hidden])")
    assert "no hand was found" in page.inner_text("#personal-problem")
    assert page.inner_text("#personal-count").startswith("0 photos")
    show(page, rooms["A"])
    page.click("#personal-take")
    page.wait_for_function("() => document.querySelector('#personal-count').textContent.startsWith('1 photo ')")
    assert not page.is_visible("#personal-problem")
    left, top, *_ = box_of(page)
    assert (640 * left, 480 * top) == pytest.approx(PLACES["A"], abs=SIDE / 2)


def test_a_single_photo_is_named_as_predict_names_it(shown, rooms, bundle, tmp_path):
    """The surer of the cut-out hand and the whole photo."""
    from fingerspell.core.bundle import read_bundle
    from fingerspell.live.finding.finder import HandFinder
    from fingerspell.live.recognizer import Recognizer, surest

    recognizer, finder = Recognizer(bundle, threads=1), HandFinder(read_bundle(bundle), 1)
    page = shown.page
    page.click("#tab-photo")
    assert "found and cut out" in page.inner_text(".drop")
    for number, frame in enumerate(rooms.values()):
        views = finder.views(np.asarray(frame))
        assert len(views) == 2
        wanted = surest(recognizer.predict(view) for view in views)
        frame.save(tmp_path / f"{number}.png")
        page.set_input_files("#photo", tmp_path / f"{number}.png")
        page.wait_for_selector(f"#photo-letter[data-label={wanted.label}]")
    room(None).save(tmp_path / "empty.png")
    page.set_input_files("#photo", tmp_path / "empty.png")
    page.wait_for_function("() => document.querySelector('.photo .note')?.textContent.startsWith('empty.png')")


def test_the_service_stays_with_the_box_and_says_so(camera, serve, bundle):
    service = serve(bundle)
    with camera() as tab:
        page = tab.go(service.address)
        page.click("#camera")
        wait_for_text(page, "BA")
        page.check("input[name=place][value=service]", force=True)
        page.wait_for_selector(f"{READY}[data-place=service]")
        assert "the hand is not searched for" in page.inner_text(HINT)
        assert page.is_disabled("#find") and not page.is_checked("#find")
        assert page.is_visible(BOX) and not page.is_visible(FOUND)
        page.check("input[name=place][value=page]", force=True)
        page.wait_for_selector(f"{READY}[data-place=page]")
        assert page.is_enabled("#find") and page.is_checked("#find"), "the choice was kept"
        page.wait_for_selector(f"{FOUND}:not([hidden])")
        assert tab.complaints == []


@pytest.mark.parametrize(
    ("answer", "why"), [({"status": 404}, "cannot be fetched (404)"), ({"body": b"no finder"}, "cannot be found: ")]
)
def test_a_finder_that_cannot_be_used_leaves_the_box(launch, place, answer, why):
    with opened(launch(*ALLOWED), CANVAS) as tab:
        tab.page.route("**/finder.onnx", lambda route: route.fulfill(**answer))
        page = tab.go(place)
        page.click("#camera")
        page.wait_for_selector(".picture[data-state=running]")
        assert why in page.inner_text(HINT)
        assert page.is_disabled("#find")
        assert page.is_visible(BOX)
        page.wait_for_function("() => document.querySelector('#times').dataset.answered > 0")


def test_a_bundle_without_a_finder_offers_none(launch, site):
    with opened(launch(*ALLOWED), CANVAS) as tab:
        page = tab.go(site)
        assert not page.is_visible("#find") and not page.is_visible(HINT)
        assert not any("finder" in each for each in tab.requests)
        assert tab.complaints == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (768, "light"), (320, "light"), (320, "dark")])
def test_it_is_accessible_and_fits(launch, place, rooms, shoot, width, scheme):
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: cd web && npm ci")
    with opened(launch(*ALLOWED), CANVAS, viewport={"width": width, "height": 800}, color_scheme=scheme) as tab:
        page = tab.go(place)
        page.click("#camera")
        page.wait_for_selector(".picture[data-state=running]")
        for frame, name in ((rooms["L"], "found"), (None, "missing")):
            show(page, frame)
            page.wait_for_timeout(3000 if frame is None else 500)
            shoot(page, f"{name}-{width}-{scheme}")
            page.evaluate(AXE.read_text())
            result = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
            assert [each["id"] for each in result["violations"]] == []
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_rendered_hands_with_the_bundle_of_the_package(launch, tmp_path, shoot):
    """With a finder and a recogniser that were trained: the page sees in a frame what Python sees in it."""
    from fingerspell.core.bundle import read_bundle
    from fingerspell.core.errors import BundleError
    from fingerspell.live.finding.square import HandBox
    from fingerspell.live.frames.frame import Frame
    from fingerspell.live.reader import Reader
    from fingerspell.live.recognizer import Recognizer
    from fingerspell.live.shipped import default_bundle
    from fingerspell.live.site import build_site

    try:
        bundle = default_bundle()
    except BundleError:
        pytest.skip("this checkout has no bundle in the package")
    if read_bundle(bundle).finder is None:
        pytest.skip("the package's bundle has no finder")
    recognizer = Recognizer(bundle, threads=1)
    frames = []
    for frame in _rendered(tmp_path)[::6]:
        reader = Reader(recognizer, find=True)
        held = [reader.read(Frame(number / 30, np.asarray(frame))) for number in range(6)][-1]
        if held.found is not None and held.found.score > 0.5 and held.prediction.probability > 0.95:
            frames.append((frame, held.found.box, held.prediction.label))
    assert len(frames) >= 3, "the bundle finds and reads rendered hands"
    build_site(tmp_path / "www" / "site", bundle)
    with serving(tmp_path / "www") as address, opened(launch(*ALLOWED), CANVAS) as tab:
        page = tab.go(f"{address}/site/")
        page.click("#camera")
        page.wait_for_selector(".picture[data-state=running]")
        for frame, box, label in frames[:: max(1, len(frames) // 4)]:
            show(page, None)
            page.wait_for_selector(FOUND, state="hidden")
            show(page, frame)
            page.wait_for_timeout(600)
            left, top, width, height = box_of(page)
            found = HandBox(640 * left, 480 * top, 640 * (left + width), 480 * (top + height))
            assert found.shared(box) > 0.7, (found, box)
            assert page.get_attribute(".glyph", "data-letter") == label
        shoot(page, "found-1280-rendered")
        assert tab.complaints == []


def _rendered(place: Path) -> list[Image.Image]:
    """Frames of a word that a rendered hand spells, each small, at one side of a larger picture."""
    from fingerspell.live.frames.video import read_video

    (place / "words.txt").write_text("BALL\n")
    out = ["data", "synth", str(place / "rendered"), "--clips", str(place / "words.txt")]
    few = ["--per-class", "1", "--signers", "1", "--size", "160", "--jobs", "1"]
    result = subprocess.run([sys.executable, "-m", "fingerspell.cli.main", *out, *few], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    (clip,) = (place / "rendered" / "clips").glob("*.mp4")
    return [_at_a_desk(frame.pixels) for frame in read_video(clip)]


def _at_a_desk(pixels) -> Image.Image:
    """The rendered frame, small, at one side of a larger one: a wall and a table."""
    frame = Image.new("RGB", (640, 480), (140, 140, 136))
    frame.paste((110, 95, 80), (0, 300, 640, 480))
    frame.paste(Image.fromarray(pixels).resize((200, 200), Image.Resampling.BOX), (380, 200))
    return frame
