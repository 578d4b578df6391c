"""One connection to a camera: OpenCV for those plugged in, PyAV for those on the network."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import MissingExtraError
from fingerspell.live.frames.frame import StreamError, refuse_oversize
from fingerspell.live.frames.opening import open_url
from fingerspell.live.frames.source import Source
from fingerspell.live.frames.turning import Upright

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

OPENING = 10.0  # seconds that a camera may take to give its first picture


class Capture(Protocol):
    """An open camera. Both methods are called from one thread."""

    def read(self) -> NDArray[np.uint8] | None:
        """The next picture, (H, W, 3) uint8 RGB upright; None: the camera is gone.

        Raises StreamError or OSError where it can say why, and Finished at the end of a recording.
        """
        ...

    def close(self) -> None:
        """Let go of the camera."""
        ...


class Finished(Exception):  # noqa: N818  nothing went wrong
    """What was taken for a camera is a recording, and it is over."""


class OpenCvCapture:
    """A camera plugged in.

    Args:
        device: its number, or its path on Linux.
        name: for messages.
        open_device: stands in for `cv2.VideoCapture` in tests; called with the device.

    Raises:
        StreamError: it cannot be opened.
        MissingExtraError: OpenCV is not installed.
    """

    def __init__(self, device: int | str, name: str, open_device: Callable[[int | str], Any] | None = None) -> None:
        self._device = (open_device or _open_video_capture)(device)
        if not self._device.isOpened():
            self._device.release()
            raise StreamError(
                f"{name} cannot be opened",
                expected="a camera that is plugged in and that no other program uses",
                remedy="close other programs that use it, allow the terminal to use the camera, or try --camera 1",
            )

    def read(self) -> NDArray[np.uint8] | None:
        """The next picture, or None."""
        there, picture = self._device.read()
        if not there or picture is None or picture.ndim != 3:
            return None
        return np.ascontiguousarray(picture[:, :, ::-1])  # OpenCV has blue first

    def close(self) -> None:
        """Let go of the camera."""
        self._device.release()


def _open_video_capture(device: int | str) -> Any:
    try:
        import cv2
    except ModuleNotFoundError as error:
        raise MissingExtraError("cv2", "live") from error
    cv2.utils.logging.setLogLevel(0)  # what goes wrong is raised or told; OpenCV's own lines would cover the screen
    backends = {"linux": cv2.CAP_V4L2, "darwin": cv2.CAP_AVFOUNDATION, "win32": cv2.CAP_DSHOW}
    capture = cv2.VideoCapture(device, backends.get(sys.platform, cv2.CAP_ANY))
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # where the driver heeds it: no queue of old frames
    return capture


class UrlCapture:
    """A camera on the network, or a recording there, which is played at its own speed.

    Args:
        url: http(s) with MJPEG, rtsp, …
        name: for messages; without secrets.
        silence: seconds without a byte after which reading gives up.
    """

    def __init__(self, url: str, name: str, silence: float) -> None:
        from av.error import FFmpegError

        self._name = name
        self._close = ExitStack()
        try:
            container, stream = self._close.enter_context(open_url(url, OPENING, silence))
        except (FFmpegError, OSError) as error:
            raise self._refused(error) from error
        self._pictures = _decoded(container, stream)
        self._upright = Upright()
        self._recording = container.duration is not None
        self._begun: float | None = None

    def read(self) -> NDArray[np.uint8] | None:
        """The next picture; None where the connection ended."""
        from av.error import FFmpegError

        try:
            picture = next(self._pictures, None)
        except (FFmpegError, OSError) as error:
            raise self._refused(error) from error
        if picture is None:
            if self._recording:
                raise Finished
            return None
        refuse_oversize(picture.width, picture.height)
        if self._recording and picture.time is not None:
            self._wait_until(picture.time)
        return self._upright(picture)

    def close(self) -> None:
        """Close the connection."""
        self._close.close()

    def _wait_until(self, seconds: float) -> None:
        if self._begun is None:
            self._begun = time.monotonic() - seconds
        time.sleep(min(max(self._begun + seconds - time.monotonic(), 0.0), 1.0))

    def _refused(self, error: Exception) -> StreamError:
        from av.error import ExitError  # what PyAV raises where its time is over

        over = isinstance(error, ExitError)
        reason = "nothing came" if over else getattr(error, "strerror", None) or type(error).__name__
        return StreamError(
            f"{self._name} gives no pictures: {reason}",
            expected="MJPEG over HTTP, RTSP, or a video",
            remedy="check the address in a browser; the phone and this computer must be in the same network",
        )


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """What can be decoded: after a lost packet some cannot, until the next key frame comes."""
    from av.error import FFmpegError

    for packet in container.demux(stream):
        try:
            pictures: list[Any] = packet.decode()
        except FFmpegError:
            continue
        yield from (picture for picture in pictures if not picture.is_corrupt)


def open_capture(source: Source, silence: float) -> Capture:
    """Connect to a `device` or `url`. Raises StreamError where there is none."""
    if source.kind == "url":
        return UrlCapture(str(source.value), source.name, silence)
    return OpenCvCapture(source.value, source.name)
