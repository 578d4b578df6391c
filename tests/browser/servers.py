"""Where the page comes from in these tests: the service, and a plain file server."""

from __future__ import annotations

import functools
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing: what failed is told by the page."""


class _Files(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Nothing: a page that is closed while it loads breaks the connection."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A plain file server; gives its address without a final slash."""
    server = _Files(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Service:
    """`fingerspell live` as a process of its own."""

    def __init__(self, bundle: Path, port: int = 0, token: str | None = None) -> None:
        command = [sys.executable, "-m", "fingerspell.cli.main", "live", str(bundle), "--no-open", "--port", str(port)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        if token is not None:
            environment["FINGERSPELL_TOKEN"] = token
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        assert self.address.startswith("http://"), f"the service did not start: {self.address!r}"
        self.port = int(self.address.rstrip("/").rpartition(":")[2])
        self.address = self.address.rstrip("/") + "/"

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.kill()
        self.process.wait()
