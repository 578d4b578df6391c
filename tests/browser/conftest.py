"""The page in real Chromium, its camera fed with clips: over the service, and as a site of plain files."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from chromium import ALLOWED, CHROMIUM, QUIET, SHOTS, Launch, Opened, camera_of, opened
from servers import Service, serving
from signed_clips import drawn_photos, drawn_sign, real_photos, real_sign, write_clip

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def launch() -> Iterator[Launch]:
    """Start Chromium with such flags; the same flags give the same browser."""
    api = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}: apt-get install chromium, or set CHROMIUM")
    with api.sync_playwright() as playwright:
        started: dict[tuple[str, ...], Browser] = {}

        def start(*flags: str) -> Browser:
            if flags not in started:
                started[flags] = playwright.chromium.launch(
                    executable_path=CHROMIUM, headless=True, args=[*QUIET, *flags]
                )
            return started[flags]

        yield start
        for browser in started.values():
            browser.close()


@pytest.fixture(scope="session")
def drawn_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that knows five letters of the page's own chart, and "nothing". Do not change it."""
    return _trained(drawn_photos, tmp_path_factory.mktemp("drawn"), **{"training.epochs": 8})


@pytest.fixture(scope="session")
def real_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that learnt the first part of a real person's recordings."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no real photos beside the repository (../shared/data)")
    quickly = {"training.epochs": 10, "training.learning_rate": 0.002, "augment": '"none"'}
    return _trained(functools.partial(real_photos, SHARED_DATA), tmp_path_factory.mktemp("real"), **quickly)


def _trained(write_photos: Callable[[Path], None], place: Path, **changed: float | str) -> Path:
    pytest.importorskip("onnxscript")
    write_photos(place / "photos")
    settings = {"preprocess.height": 32, "preprocess.width": 32, "training.batch_size": 16, **changed}
    flags = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    # one thread: the same network on every machine, whatever its cores
    environment = {**os.environ, "FINGERSPELL_CACHE": str(place / "cache"), "OMP_NUM_THREADS": "1"}
    for command in (
        ["train", str(place / "photos"), "--recipe", "quick", *flags, "--out", str(place / "run")],
        ["export", str(place / "run"), "--out", str(place / "signs.bundle")],
    ):
        whole = [sys.executable, "-m", "fingerspell.cli.main", *command]
        result = subprocess.run(whole, env=environment, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
    return place / "signs.bundle"


@pytest.fixture(scope="session")
def drawn_clip(drawn_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BALL, signed in pictures that were not learnt from."""
    return write_clip(tmp_path_factory.mktemp("clips") / "drawn.mjpeg", drawn_sign, "BALL", drawn_bundle)


@pytest.fixture(scope="session")
def real_clip(real_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BALL, signed by a real hand in photos that were not learnt from."""
    sign = functools.partial(real_sign, SHARED_DATA)
    return write_clip(tmp_path_factory.mktemp("clips") / "real.mjpeg", sign, "BALL", real_bundle)


@pytest.fixture(scope="session")
def site(drawn_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a site of plain files, below a path prefix."""
    from fingerspell.live.site import build_site

    root = tmp_path_factory.mktemp("www")
    build_site(root / "some" / "place", drawn_bundle)
    with serving(root) as address:
        yield f"{address}/some/place/"


@pytest.fixture
def serve() -> Iterator[Callable[..., Service]]:
    """Start services that are ended after the test."""
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    started: list[Service] = []

    def start(*args: Any, **named: Any) -> Service:
        started.append(Service(*args, **named))
        return started[-1]

    yield start
    for each in started:
        each.kill()


@pytest.fixture(scope="session")
def service(drawn_bundle: Path) -> Iterator[Service]:
    """A service that all tests may ask; none may end it."""
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    running = Service(drawn_bundle)
    yield running
    running.kill()


@pytest.fixture
def camera(launch: Launch, drawn_clip: Path) -> Callable[..., AbstractContextManager[Opened]]:
    """A page whose camera shows the drawn clip."""
    browser = launch(*camera_of(drawn_clip), *ALLOWED)
    return functools.partial(opened, browser)


@pytest.fixture
def shoot() -> Callable[[Page, str], None]:
    """Keep a screenshot, where a folder for them was named."""

    def take(page: Page, name: str) -> None:
        if SHOTS:
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(Path(SHOTS, f"{name}.png")), full_page=True)

    return take
