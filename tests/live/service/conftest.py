"""The service on a real socket, in a thread of the test's own process."""

from __future__ import annotations

import io
import json
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi")
pytest.importorskip("onnxruntime")

from fingerspell.live.recognizer import Recognizer
from fingerspell.live.service.context import Service
from fingerspell.live.service.limits import Limits
from fingerspell.live.service.security import Access
from fingerspell.live.service.server import Server, listen

TINY = {"A": (30, 200, 100), "B": (80, 160, 100), "J": (130, 120, 100), "nothing": (180, 80, 100)}
"""What the photos of the tiny bundle look like on the whole."""


@dataclass
class Running:
    """A service that runs, and a client for it."""

    service: Service
    server: Server
    thread: threading.Thread
    port: int
    http: httpx.Client

    @property
    def stream_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/stream"

    def stop(self) -> None:
        self.http.close()
        self.server.stop()
        self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.fixture(scope="session")
def recognizer(tiny_bundle: Path) -> Recognizer:
    return Recognizer(tiny_bundle, threads=1)


@pytest.fixture(scope="session")
def no_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("empty") / "page"


@pytest.fixture(scope="session")
def launch(recognizer: Recognizer, no_page: Path) -> Callable[..., Running]:
    """Start a service: launch(limits=Limits(…), access=Access(…), page=…, recognizer=…)."""

    def start(**settings: Any) -> Running:
        access = settings.get("access", Access())
        service = Service(settings.get("recognizer", recognizer), settings.get("limits", Limits()), access)
        listener = listen("127.0.0.1", 0)
        port = listener.getsockname()[1]
        up = threading.Event()
        server = Server(service, settings.get("page", no_page), up.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        assert up.wait(20)
        headers = {"Authorization": f"Bearer {access.token}"} if access.token else {}
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, headers=headers)
        return Running(service, server, thread, port, client)

    return start


@pytest.fixture
def start(launch: Callable[..., Running]) -> Iterator[Callable[..., Running]]:
    """As `launch`; what was started is stopped after the test."""
    running: list[Running] = []

    def begin(**settings: Any) -> Running:
        running.append(launch(**settings))
        return running[-1]

    yield begin
    for each in running:
        each.stop()


@pytest.fixture(scope="session")
def running(launch: Callable[..., Running]) -> Iterator[Running]:
    """One service with the usual limits, for all tests that leave it as it is."""
    service = launch()
    yield service
    service.stop()


class Gated:
    """A recogniser that answers only while its gate is open, to have the service busy for as long as a test wants."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._real = recognizer
        self.bundle, self.labels = recognizer.bundle, recognizer.labels
        self.gate = threading.Event()
        self.gate.set()
        self.entered = 0

    def predict(self, photo: Any, **more: Any) -> Any:
        return self.predict_batch([photo], **more)[0]

    def predict_batch(self, photos: Any, **more: Any) -> Any:
        self.entered += 1
        assert self.gate.wait(30)
        return self._real.predict_batch(photos, **more)


@pytest.fixture
def gated(recognizer: Recognizer) -> Iterator[Gated]:
    made = Gated(recognizer)
    yield made
    made.gate.set()


def _photo(label: str = "A", kind: str = "JPEG", size: tuple[int, int] = (40, 36), **more: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, TINY[label]).save(buffer, kind, **more)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def photo() -> Callable[..., bytes]:
    """photo("B", "PNG", (40, 36)): an image file that the tiny bundle reads as B."""
    return _photo


@pytest.fixture(scope="session")
def frame() -> Callable[..., bytes]:
    """frame(0.5, "B"): a stream's binary message."""

    def make(seconds: float, label: str = "A", image: bytes | None = None) -> bytes:
        return struct.pack("<d", seconds) + (_photo(label) if image is None else image)

    return make


@pytest.fixture(scope="session")
def video() -> Callable[..., bytes]:
    """video("AAAnnnBBB", fps=10): a clip, one letter for each frame; n stands for nothing."""
    av = pytest.importorskip("av")

    def make(letters: str, fps: int = 10, size: tuple[int, int] = (48, 48), kind: str = "mp4") -> bytes:
        buffer = io.BytesIO()
        with av.open(buffer, "w", format=kind) as container:
            stream = container.add_stream("mpeg4" if kind == "mp4" else "mjpeg", rate=fps)
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p" if kind == "mp4" else "yuvj420p"
            stream.bit_rate = 2_000_000
            for letter in letters:
                pixels = np.empty((size[1], size[0], 3), np.uint8)
                pixels[:] = TINY["nothing" if letter == "n" else letter]
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode())
        return buffer.getvalue()

    return make


@pytest.fixture(scope="session")
def said() -> Callable[[str | bytes], dict[str, Any]]:
    """A stream's message as a mapping."""
    return json.loads


@pytest.fixture(scope="session")
def is_problem() -> Callable[..., dict[str, Any]]:
    """Check that an answer is a problem of this status and kind, and says nothing that it should not."""

    def check(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        body = answer.json()
        assert (answer.status_code, body["type"]) == (status, f"/docs#{kind}"), body
        assert body["status"] == status
        assert body["title"]
        assert body["detail"]
        for word in ("Traceback", "site-packages", ".py", "/tmp", "/home", "0x"):
            assert word not in answer.text
        if status in {429, 503}:
            assert int(answer.headers["retry-after"]) > 0
        return body

    return check
