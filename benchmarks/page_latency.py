"""From a camera's frame to its letter in the page, in real Chromium, headless.

    python benchmarks/page_latency.py BUNDLE VIDEO [--seconds 10] [--rounds 3]

Starts `fingerspell live BUNDLE`, opens its page in Chromium with the video as the camera (640×480, 30 frames a second,
over and over), and reads what the page itself measures: from a frame's arrival to its letter, median and 95th
percentile, and how many frames were passed over for newer ones; recognised inside the page, and by the service. The
rounds are interleaved; each row is the median of its rounds. Prints a table for people and one JSON line last.
CHROMIUM names another browser than the system's.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from fingerspell.core.provenance import machine, now, versions
from fingerspell.live.frames.video import read_video

WIDTH, HEIGHT, FPS = 640, 480, 30
QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")
READY = ".where[data-state=ready]"


def write_camera(video: Path, out: Path) -> None:
    """The video as Motion JPEG of a usual camera's size, which Chromium plays as its camera."""
    import av

    with av.open(str(out), "w", format="mjpeg") as file:
        stream = file.add_stream("mjpeg", rate=Fraction(FPS))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        for frame in read_video(video):
            picture = ImageOps.pad(Image.fromarray(frame.pixels), (WIDTH, HEIGHT))
            for packet in stream.encode(av.VideoFrame.from_image(picture).reformat(format="yuvj420p")):
                file.mux(packet)
        for packet in stream.encode():
            file.mux(packet)


@contextmanager
def service(bundle: Path) -> Iterator[str]:
    """The address of a service that runs."""
    command = [sys.executable, "-m", "fingerspell.cli.main", "live", str(bundle), "--no-open", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def measured(browser: Any, address: str, place: str, seconds: float) -> dict[str, float]:
    """What the page says of itself after the camera has run for some time."""
    context = browser.new_context(permissions=["camera"])
    try:
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector(READY, timeout=60_000)
        page.check(f"input[name=place][value={place}]", force=True)
        page.wait_for_selector(f"{READY}[data-place={place}]", timeout=60_000)
        page.click("#camera")
        page.wait_for_timeout(seconds * 1000)
        times = page.locator("#times")
        names = {"median": "median_ms", "p95": "p95_ms", "answered": "answered", "dropped": "dropped"}
        return {name: float(times.get_attribute(f"data-{each}")) for each, name in names.items()}
    finally:
        context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("video", type=Path)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    rounds: dict[str, list[dict[str, float]]] = {"page": [], "service": []}
    with tempfile.TemporaryDirectory() as folder, service(given.bundle) as address, sync_playwright() as playwright:
        camera = Path(folder, "camera.mjpeg")
        write_camera(given.video, camera)
        flags = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
        browser = playwright.chromium.launch(
            executable_path=chromium, args=[*QUIET, *flags, f"--use-file-for-fake-video-capture={camera}"]
        )
        for _ in range(given.rounds):
            for place, found in rounds.items():
                found.append(measured(browser, address, place, given.seconds))
        browser.close()
    print(f"{'recognised':<12}{'median':>10}{'95%':>10}{'answers':>9}{'dropped':>9}")
    rows = []
    for place, found in rounds.items():
        row = {name: statistics.median(each[name] for each in found) for name in found[0]}
        counts = f"{row['answered']:>9.0f}{row['dropped']:>9.0f}"
        print(f"{place:<12}{row['median_ms']:>7.1f} ms{row['p95_ms']:>7.1f} ms{counts}")
        rows.append({"place": place, **row, "rounds": found})
    print(
        json.dumps(
            {"benchmark": "page_latency", "made": now(), "machine": machine(), "versions": versions(), "results": rows}
        )
    )


if __name__ == "__main__":
    main()
