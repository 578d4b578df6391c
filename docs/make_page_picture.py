"""Make docs/page.jpg: `make page-picture`, the page in Chromium, before a rendered hand that spells a word.

The recogniser is the package's own; nothing is picked but the clip's seed. A change of the page, of the recogniser or
of the renderer changes the picture: run this again and look at it.
"""

from __future__ import annotations

import functools
import http.server
import io
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from fingerspell.hands.clips import make_clips
from fingerspell.hands.plan import SynthPlan
from fingerspell.live.frames.video import read_video
from fingerspell.live.shipped import default_bundle
from fingerspell.live.site import build_site

HERE = Path(__file__).parent
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
WORD, PLAN = "BOWL", SynthPlan(per_class=1, size=480, signers=1, seed=2)
WIDE, HIGH = 640, 480  # of the camera's frames
SECONDS = 60


def main() -> None:
    """Render a clip, let the page read it, and keep what the page shows once the word is written."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        clip = as_camera(place)
        build_site(place / "www", default_bundle())
        with served(place / "www") as address:
            shown(address, clip).save(HERE / "page.jpg", quality=85, optimize=True)


def as_camera(place: Path) -> Path:
    """The clip as motion JPEG of a camera's shape: what is missing at both sides mirrors what is there."""
    result = make_clips(place / "clips", PLAN, [WORD], jobs=1)
    (video,) = result.folder.glob("*.mp4")
    side = (WIDE - HIGH) // 2
    frames = io.BytesIO()
    for frame in read_video(video):
        wider = cv2.copyMakeBorder(np.asarray(frame.pixels), 0, 0, side, side, cv2.BORDER_REFLECT_101)
        Image.fromarray(wider).save(frames, "JPEG", quality=90)
    path = place / "camera.mjpeg"
    path.write_bytes(frames.getvalue())
    return path


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a plain file server."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def shown(address: str, clip: Path) -> Image.Image:
    """The page when the word has been spelled."""
    camera = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={clip}"]
    flags = ["--no-sandbox", "--use-fake-ui-for-media-stream", *camera]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=flags)
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto(address)
        page.wait_for_selector(".where[data-state=ready]")
        page.click("#camera")
        spelled = "word => document.getElementById('text').textContent.endsWith(word)"
        page.wait_for_function(spelled, arg=WORD, timeout=1000 * SECONDS)
        if page.text_content("#text") != WORD:  # the first letters were seen while the page was still slow
            page.click("#clear")
            page.wait_for_function(spelled, arg=WORD, timeout=1000 * SECONDS)
        picture = page.screenshot(full_page=True)
        browser.close()
    return Image.open(io.BytesIO(picture)).convert("RGB")


if __name__ == "__main__":
    main()
