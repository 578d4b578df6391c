"""The built web page's files."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from fingerspell.live.service.problems import METHOD, NOT_FOUND, Problem

BUILT_PAGE = Path(__file__).parent / "page"

_TYPES = {  # what a system's own list may lack or have otherwise
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".wasm": "application/wasm",
    ".onnx": "application/octet-stream",
    ".webp": "image/webp",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
_HASHED = "assets"  # the builder puts a hash of the content into the names of these files
_FOREVER = "public, max-age=31536000, immutable"
_ASK = "no-cache"  # keep it, but ask each time whether it has changed

_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>fingerspell</title>
<h1>The page has not been built</h1>
<p>This copy of fingerspell was installed from its source without the web page. Build it with Node.js:</p>
<pre>npm --prefix web ci
npm --prefix web run build</pre>
<p>Recognition over HTTP works without it: see <a href="docs">the service's description</a>.</p>
</html>
"""


class Page(StaticFiles):
    """Serves the page's files, and a short notice in place of a page that is not there.

    Args:
        folder: with index.html; it may be missing.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=False, check_dir=False)
        self._folder = folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for a file."""
        if scope["type"] != "http":
            raise Problem(NOT_FOUND, "There is no stream at this address.")
        # parts of files, and the problems that come with them, are more than a small page needs
        scope = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"range"]}
        path = self.get_path(scope)
        if path == ".":
            path = "index.html"
        found = self._is_file(path)
        if scope["method"] not in {"GET", "HEAD"} and (found or path == "index.html"):
            raise Problem(METHOD, "Use GET, HEAD.", {"Allow": "GET, HEAD"})
        if found:
            response = await self.get_response(path, scope)
        elif path == "index.html":
            response = HTMLResponse(_NOT_BUILT, headers={"Cache-Control": _ASK})
        else:
            raise Problem(NOT_FOUND, "See /docs for the addresses of this service.")
        await response(scope, receive, send)

    def _is_file(self, path: str) -> bool:
        """Whether it is one of the page's files, and not one that a name or a link finds elsewhere."""
        try:
            full, status = self.lookup_path(path)
            return status is not None and Path(full).is_file()
        except (OSError, ValueError):
            return False

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file with the type that its name says and how long it may be kept."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        place = Path(full_path)
        response.headers["Accept-Ranges"] = "none"
        if response.status_code != 304:
            response.headers["Content-Type"] = _TYPES.get(place.suffix.lower(), "application/octet-stream")
        top = place.resolve().relative_to(self._folder.resolve()).parts[0]
        response.headers["Cache-Control"] = _FOREVER if top == _HASHED else _ASK
        return response
