"""Chromium as these tests start it, and a page in it that remembers what it complained of."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
SHOTS = os.environ.get("FINGERSPELL_SCREENSHOTS")
"""Folder for screenshots, to be looked at; without it none are made."""

QUIET = (  # a browser that asks nobody for anything
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--host-resolver-rules=MAP insecure.test 127.0.0.1",
)
ALLOWED = ("--use-fake-ui-for-media-stream",)
READY = ".where[data-state=ready]"
WAIT = 30_000  # milliseconds; a loaded machine starts slowly

Launch = Callable[..., "Browser"]


def camera_of(clip: Path) -> tuple[str, ...]:
    """Flags that make Chromium's camera show a clip, over and over."""
    return "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={clip}"


class Opened:
    """A page with all that it complained of and all that it asked the network for."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(f"{request.method} {request.url}"))
        self.page.on("websocket", lambda socket: self.requests.append(f"WS {socket.url}"))

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def go(self, address: str, wait_for: str = READY) -> Page:
        """Open the address, and wait until the page recognises (or shows something else)."""
        self.page.goto(address)
        self.page.wait_for_selector(wait_for, timeout=WAIT)
        return self.page


@contextmanager
def opened(browser: Browser, script: str = "", **options: Any) -> Iterator[Opened]:
    """A fresh page in a profile of its own. `script` runs before the page's own."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    if script:
        context.add_init_script(script)
    context.set_default_timeout(WAIT)
    try:
        yield Opened(context)
    finally:
        context.close()
