"""Small recordings for tests: made with PyAV, then broken on purpose."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CODECS = {
    ".mp4": "libx264",
    ".mov": "libx264",
    ".mkv": "libx264",
    ".avi": "mpeg4",
    ".webm": "libvpx-vp9",
    ".gif": "gif",
}
_TICKS = 1000


def corners(height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """Red, green above blue, black: tells how a picture lies."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    return pixels


def read_corners(pixels: NDArray[np.uint8]) -> str:
    """The letters of the four corners: RGBK as `corners` gives them."""
    height, width = pixels.shape[:2]
    found = ""
    for row in (height // 4, 3 * height // 4):
        for column in (width // 4, 3 * width // 4):
            colour = pixels[row - 2 : row + 2, column - 2 : column + 2].astype(float).mean((0, 1))
            found += "K" if colour.max() < 80 else "RGB"[int(colour.argmax())]
    return found


def steps(count: int, size: tuple[int, int] = (48, 64)) -> list[NDArray[np.uint8]]:
    """Greys that get brighter, with noise so that they are not compressed to nothing."""
    draw = np.random.default_rng(4)
    return [
        np.clip(40 + 160 * n // count + draw.integers(-20, 20, (*size, 3)), 0, 255).astype(np.uint8)
        for n in range(count)
    ]


def record(
    path: Path,
    pictures: Iterable[NDArray[np.uint8]],
    times: Sequence[float] | None = None,
    *,
    turn: tuple[int, bool, bool] | None = None,
    sound: bool = False,
    codec: str = "",
    **options: str,
) -> Path:
    """Write a video; its format is told by the path's ending.

    Args:
        path: the file.
        pictures: RGB, of one size with even sides.
        times: seconds of each; 30 a second by default.
        turn: degrees counter-clockwise, mirrored sideways, mirrored upside down: how a viewer shows it.
        sound: add a second of silence.
        codec: of the pictures; by default what is usual for the format.
        options: of the container, such as movflags="faststart".
    """
    import av

    pictures = list(pictures)
    times = [n / 30 for n in range(len(pictures))] if times is None else times
    gif = path.suffix == ".gif"
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec or CODECS[path.suffix], rate=30, options={"g": "8"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "rgb8" if gif else "yuv420p"
        stream.codec_context.time_base = Fraction(1, 100 if gif else 30 if path.suffix == ".avi" else _TICKS)
        if turn is not None:
            stream.set_display_rotation(turn[0], hflip=turn[1], vflip=turn[2])
        silence = container.add_stream("aac", rate=44100) if sound else None
        for pixels, seconds in zip(pictures, times, strict=True):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.time_base = stream.codec_context.time_base
            frame.pts = round(seconds / frame.time_base)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if silence is not None:
            container.mux(_silence(silence))
            container.mux(silence.encode())
    return path


def _silence(stream):
    import av

    packets = []
    for number in range(44):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, 1024 * number
        packets += stream.encode(frame)
    return packets


def record_sound(path: Path) -> Path:
    """A file with sound only."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        container.mux(_silence(stream))
        container.mux(stream.encode())
    return path


def declare_size(path: Path, width: int, height: int) -> Path:
    """Change the size that an AVI's or a GIF's headers declare."""
    data = bytearray(path.read_bytes())
    if data[:4] == b"GIF8":
        data[6:10] = struct.pack("<HH", width, height)
    else:
        place = data.index(b"strf") + 8 + 4
        data[place : place + 8] = struct.pack("<ii", width, height)
    path.write_bytes(data)
    return path


def jpeg(pixels: NDArray[np.uint8], **options: object) -> bytes:
    """A picture as a JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **{"quality": 92} | options)
    return buffer.getvalue()


def multipart(jpegs: Iterable[bytes]) -> bytes:
    """As `ffmpeg -f mpjpeg` writes them."""
    parts = (b"--ffmpeg\r\nContent-type: image/jpeg\r\nContent-length: %d\r\n\r\n" % len(each) + each for each in jpegs)
    return b"\r\n".join(parts)
