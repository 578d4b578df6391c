"""PyAV, opened with limits: only containers of recordings, nothing that makes it fetch other files or hosts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import SEEK_END
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from fingerspell.core.errors import MissingExtraError
from fingerspell.live.frames.frame import MAX_PIXELS, StreamError, refuse_oversize

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

# FFmpeg also "plays" text files, playlists and lists of further files: a video from a stranger must not reach out
_RECORDINGS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,mpegts,mpeg,ogg,flv,asf,mjpeg"
_LIVE = f"{_RECORDINGS},mpjpeg,rtsp,rtp,sdp,hls,h264,hevc,image2pipe,jpeg_pipe"
_NETWORK = "http,https,tcp,tls,rtsp,rtp,udp,srtp,crypto,httpproxy"
_READ_AHEAD = 1 << 18


@contextmanager
def open_recording(file: BinaryIO) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open the video in a file.

    Raises:
        StreamError: not a video, or none with pictures of a bearable size.
        MissingExtraError: PyAV is not installed.
    """
    options = {"format_whitelist": _RECORDINGS, "protocol_whitelist": "file"}
    with _opened(file, options, buffer_size=_READ_AHEAD) as container:
        yield container, _pictures(container)  # frame threads would be faster, but lose good frames before a damage


@contextmanager
def open_url(url: str, open_timeout: float, read_timeout: float) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a camera on the network, reading ahead as little as FFmpeg can; raises as `open_recording` does.

    Args:
        url: http, https, rtsp and so on.
        open_timeout: seconds for the connection and the first pictures.
        read_timeout: seconds without a byte after which reading raises TimeoutError.
    """
    options = {
        "format_whitelist": _LIVE,
        "protocol_whitelist": _NETWORK,
        "probesize": "500000",
        "analyzeduration": "500000",
        "rtsp_transport": "tcp",
    }
    with _opened(url, options, timeout=(open_timeout, read_timeout)) as container:
        yield container, _pictures(container)


@contextmanager
def _opened(source: BinaryIO | str, options: dict[str, str], **more: Any) -> Iterator[InputContainer]:
    try:
        import av
        from av.error import FFmpegError
    except ModuleNotFoundError as error:
        raise MissingExtraError("av", "live") from error
    av.logging.set_level(None)  # what goes wrong is raised; FFmpeg's own lines would only repeat it
    try:
        container = av.open(
            source, options={**options, "max_pixels": str(MAX_PIXELS)}, metadata_errors="replace", **more
        )
    except (FFmpegError, OSError) as error:
        if isinstance(source, str):
            raise
        empty = source.seekable() and source.seek(0, SEEK_END) == 0
        raise StreamError(
            "the file is empty" if empty else "no video can be read from this file",
            expected="a whole MP4, MOV, WebM, MKV, AVI or GIF file",
            remedy="copy or record it again"
            if empty
            else "play it in a viewer; a recording that was cut off before it was saved cannot be opened",
        ) from error
    with container:
        yield cast("InputContainer", container)


def _pictures(container: InputContainer) -> VideoStream:
    from av.stream import Disposition

    for stream in container.streams.video:
        context: Any = stream.codec_context  # None where no decoder knows the stream, whatever its type says
        if stream.disposition & Disposition.attached_pic or context is None:
            continue  # the cover of a piece of music
        if context.width or context.height:
            refuse_oversize(context.width, context.height)
        context.options = {"max_pixels": str(MAX_PIXELS)}
        return stream
    others = sorted({stream.type for stream in container.streams})
    raise StreamError(
        f"there are no pictures in this file, only {' and '.join(others) or 'nothing'}",
        expected="a video that can be decoded",
        remedy="check that it is the right file",
    )
