"""A video file → frames at the times at which they are shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from fingerspell.live.frames.clock import Clock
from fingerspell.live.frames.frame import Frame, StreamError, refuse_oversize
from fingerspell.live.frames.opening import open_recording
from fingerspell.live.frames.turning import Upright

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_EARLY = 0.3  # seconds that a whole video may end before its declared length: the last frame's own duration, rounding


def read_video(source: Path | BinaryIO) -> Iterator[Frame]:
    """Read a video, one frame in memory at a time.

    Frames are turned as a phone's rotation says. Their times are those of presentation, also where the frame rate
    varies; missing and backward ones are repaired. Parts that cannot be decoded are left out.

    Args:
        source: a file's path, or an open file (it need not be seekable, but an MP4 often must be).

    Yields:
        Frames, in order.

    Raises:
        StreamError: there is no video; or, after its last frame, the video is damaged or ends early. Its `frames`
            and `seconds` say how far it came.
        MissingExtraError: PyAV is not installed.
    """
    with _file(source) as file, open_recording(file) as (container, stream):
        yield from VideoReading(container, stream, _gif_is_whole(file)).frames()


def _file(source: Path | BinaryIO) -> AbstractContextManager[BinaryIO]:
    if not isinstance(source, Path):
        return nullcontext(source)
    try:
        return source.open("rb")
    except OSError as error:
        raise StreamError(
            f"the video cannot be read: {error.strerror}", expected="a video file", remedy="check the path"
        ) from error


def _gif_is_whole(file: BinaryIO) -> bool:
    """Whether a GIF ends as it must: FFmpeg takes what there is of one without a word. True for all else."""
    if not file.seekable():
        return True
    place = file.tell()
    try:
        file.seek(0)
        if file.read(4) != b"GIF8":
            return True
        file.seek(max(file.seek(0, 2) - 64, 0))
        return file.read().rstrip(b"\0").endswith(b";")
    finally:
        file.seek(place)


class VideoReading:
    """One pass through an opened video.

    Args:
        container: as PyAV opened it.
        stream: its pictures.
        whole: False where the file is known to be cut off.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, whole: bool = True) -> None:
        self._container = container
        self._stream = stream
        self._whole = whole
        self._clock = Clock(1 / float(stream.average_rate or 30))
        self._time_base = float(stream.time_base or 0)
        self._start: float | None = None if stream.start_time is None else stream.start_time * self._time_base
        self._upright = Upright()
        self._given = self._damaged = 0
        self._seconds = self._end = 0.0

    def frames(self) -> Iterator[Frame]:
        """Yield the frames; raises as `read_video` does."""
        for packet in self._packets():
            for picture in self._decoded(packet):
                frame = self._frame(picture)
                self._given += 1
                yield frame
        self._account()

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        from av.error import FFmpegError

        try:
            for packet in self._container.demux(self._stream):
                self._damaged += packet.is_corrupt
                yield packet
        except (FFmpegError, OSError):  # the container itself is broken from here on
            self._whole = False

    def _decoded(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        from av.error import FFmpegError

        try:
            pictures: list[Any] = packet.decode()
        except FFmpegError:
            self._damaged += 1
            return []
        good = [picture for picture in pictures if not picture.is_corrupt]
        self._damaged += len(pictures) - len(good)
        return good

    def _frame(self, picture: VideoFrame) -> Frame:
        refuse_oversize(picture.width, picture.height, self._given, self._seconds)
        self._seconds = self._clock.seconds(self._said(picture))
        self._end = self._seconds + (picture.duration or 0) * self._time_base
        return Frame(self._seconds, self._upright(picture))

    def _said(self, picture: VideoFrame) -> float | None:
        time = picture.time
        if time is None:
            return None
        if self._start is None:
            self._start = time
        return time - self._start

    def _account(self) -> None:
        """Raise where less came than the file declares."""
        if not self._given:
            raise StreamError(
                "no picture of this video can be decoded",
                expected="a whole video of at most 8K",
                remedy="play it in a viewer; copy or record it again",
            )
        declared = _declared_seconds(self._container, self._stream)
        early = declared is not None and self._end < declared - _EARLY
        if self._whole and not self._damaged and not early:
            return
        until = f"up to {self._seconds:.2f} s" + (f" of {declared:.2f} s" if early else "")
        parts = f"; damaged parts left out: {self._damaged}" if self._damaged else ""
        raise StreamError(
            f"the video is damaged; frames that could be read: {self._given}, {until}{parts}",
            expected="a whole video",
            remedy="copy or record it again; what was read before the damage is still answered",
            frames=self._given,
            seconds=self._seconds,
        )


def _declared_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    """How long the pictures should last; None where the file does not say."""
    told = []
    if stream.duration is not None and stream.time_base is not None:
        told.append(float(stream.duration * stream.time_base))
    elif tag := stream.metadata.get("DURATION"):  # Matroska as FFmpeg writes it, 00:00:02.000000000
        told.append(_clock_time(tag))
    # the whole file's length bounds it too: an edited recording keeps frames that are not shown
    if container.duration is not None and (told or len(container.streams) == 1):
        told.append(container.duration / 1_000_000)
    return min((seconds for seconds in told if seconds > 0), default=None)


def _clock_time(text: str) -> float:
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return 0.0
