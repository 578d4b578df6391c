"""JPEGs on a pipe: whole ones are frames, damaged ones are counted, and nothing grows without end."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from recording import corners, jpeg, multipart, read_corners, steps

from fingerspell.live.frames import mjpeg
from fingerspell.live.frames.frame import StreamError
from fingerspell.live.frames.jpegs import JpegScanner
from fingerspell.live.frames.mjpeg import read_mjpeg
from fingerspell.live.frames.standard_input import Resumed, photo_or_frames
from fingerspell.live.frames.stills import Still


class Drip(io.BytesIO):
    """Gives a few bytes at a time, as a pipe may."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self.size = size

    def read1(self, size: int = -1) -> bytes:
        return super().read1(self.size)


JPEGS = [jpeg(picture) for picture in steps(6)]
MEANS = [picture.mean() for picture in steps(6)]


def read(data: bytes, **options: object) -> tuple[list[float], int]:
    """Mean brightness of each frame, and how many were damaged."""
    frames = read_mjpeg(io.BytesIO(data), **options)
    means = [float(frame.pixels.mean()) for frame in frames]
    return means, frames.damaged


def like(*numbers: int) -> object:
    return pytest.approx([MEANS[number] for number in numbers], abs=3)


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
@pytest.mark.parametrize("form", ["bare", "multipart"])
def test_both_forms_in_pieces_of_any_size(form, size):
    data = b"".join(JPEGS) if form == "bare" else multipart(JPEGS)
    frames = read_mjpeg(Drip(data, size))
    assert [frame.pixels.mean() for frame in frames] == like(0, 1, 2, 3, 4, 5)
    assert (frames.given, frames.damaged) == (6, 0)


def test_as_ffmpeg_writes_them():
    av = pytest.importorskip("av")
    for form in ("mjpeg", "mpjpeg"):
        buffer = io.BytesIO()
        buffer.name = f"x.{form}"
        with av.open(buffer, "w", format=form) as container:
            stream = container.add_stream("mjpeg", rate=30)
            stream.height, stream.width, stream.pix_fmt = 48, 64, "yuvj420p"
            for picture in steps(6):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        assert read(buffer.getvalue()) == (like(0, 1, 2, 3, 4, 5), 0)


def test_colours_and_uprightness():
    (frame,) = read_mjpeg(io.BytesIO(jpeg(corners())))
    assert read_corners(frame.pixels) == "RGBK"
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    (frame,) = read_mjpeg(io.BytesIO(jpeg(corners(), exif=exif)))
    assert (frame.pixels.shape, read_corners(frame.pixels)) == ((64, 48, 3), "BRKG")


def test_progressive_and_restart_markers():
    for options in ({"progressive": True}, {"restart_marker_blocks": 2}, {"subsampling": 0, "quality": 100}):
        assert read(b"".join(jpeg(picture, **options) for picture in steps(6)))[0] == like(0, 1, 2, 3, 4, 5)


def test_a_thumbnail_inside_is_no_frame():
    inside = jpeg(np.full((8, 8, 3), 255, np.uint8))
    with_thumbnail = JPEGS[0][:2] + b"\xff\xe1" + (len(inside) + 2).to_bytes(2, "big") + inside + JPEGS[0][2:]
    assert read(with_thumbnail + JPEGS[1]) == (like(0, 1), 0)


class TestDamaged:
    def test_one_that_is_cut_does_not_take_the_next_with_it(self):
        for keep in (5, 30, 400, 700, len(JPEGS[1]) - 2):
            assert read(JPEGS[0] + JPEGS[1][:keep] + JPEGS[2] + JPEGS[3]) == (like(0, 2, 3), 1), keep

    def test_one_cut_between_its_segments_does_not_make_the_next_wait(self):
        scanner = JpegScanner()
        scanner.feed(JPEGS[0][:20] + JPEGS[1])
        assert scanner.next() == JPEGS[1]
        assert scanner.damaged == 1

    def test_one_that_looks_whole_and_cannot_be_decoded(self):
        assert read(JPEGS[0] + b"\xff\xd8\xff\xd9" + JPEGS[1] + JPEGS[2]) == (like(0, 1, 2), 1)

    def test_one_that_swallowed_the_next(self):
        hole = b"\xff\xd8\xff\xe1\x00\x60" + bytes(10)  # a segment that reaches into the next
        assert read(JPEGS[0] + hole + JPEGS[1] + JPEGS[2]) == (like(0, 1, 2), 1)

    def test_the_last_one_is_cut(self):
        assert read(JPEGS[0] + JPEGS[1][:500]) == (like(0), 1)

    def test_it_begins_in_the_middle_of_one(self):
        means, damaged = read(JPEGS[0][300:] + JPEGS[1] + JPEGS[2])
        assert (means, damaged) == (like(1, 2), 0)

    def test_noise_between_them(self):
        draw = np.random.default_rng(3)
        noise = draw.integers(0, 255, 3000, dtype=np.uint8).tobytes()  # no 255: it cannot look like a beginning
        assert read(noise + JPEGS[0] + noise + JPEGS[1])[0] == like(0, 1)

    def test_one_that_is_too_long(self):
        long = jpeg(np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8))
        assert len(long) > 20_000
        assert read(JPEGS[0] + long + JPEGS[1], limit=20_000) == (like(0, 1), 1)

    def test_one_without_end_is_left_at_the_limit(self):
        scanner = JpegScanner(limit=10_000)
        scanner.feed(JPEGS[0][:-2])
        for _ in range(1000):
            scanner.feed(bytes(1000))
            assert scanner.next() is None
            assert len(scanner.rest()) <= 11_000
        assert scanner.damaged == 1
        scanner.feed(JPEGS[1])
        assert scanner.next() == JPEGS[1]

    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=400), st.integers(0, 3000), st.integers(1, 3000))
    def test_whatever_comes_the_scanner_ends_and_finds_what_follows(self, noise, start, size):
        broken = JPEGS[0][:start] + noise + JPEGS[0][start + size :]
        frames = read_mjpeg(io.BytesIO(broken + b"\xff\xd9" + JPEGS[1] + JPEGS[2]))
        assert float(list(frames)[-1].pixels.mean()) == pytest.approx(MEANS[2], abs=3)


class TestRefused:
    @pytest.mark.parametrize(
        ("data", "said"), [(b"", "empty"), (b"text\n" * 99, "no whole JPEG")], ids=["empty", "text"]
    )
    def test_no_frames(self, data, said):
        with pytest.raises(StreamError, match=said) as caught:
            read(data)
        assert "ffmpeg" in caught.value.remedy

    def test_a_stream_without_end_and_without_frames(self, monkeypatch):
        monkeypatch.setattr(mjpeg, "MOST_WITHOUT_A_FRAME", 1 << 20)

        class Zeros:
            left = 100

            def read1(self, size: int) -> bytes:
                self.left -= 1
                return bytes(size) if self.left else b""

        with pytest.raises(StreamError, match="1 MiB"):
            list(read_mjpeg(Zeros()))


class TestTimes:
    def test_they_are_those_of_arrival(self):
        clock = iter([100.0, 100.5, 100.7]).__next__
        frames = list(read_mjpeg(io.BytesIO(b"".join(JPEGS[:3])), clock=clock))
        assert [frame.seconds for frame in frames] == pytest.approx([0, 0.5, 0.7])

    def test_or_counted(self):
        frames = list(read_mjpeg(io.BytesIO(b"".join(JPEGS[:3])), 10))
        assert [frame.seconds for frame in frames] == pytest.approx([0, 0.1, 0.2])


class TestStandardInput:
    @pytest.mark.parametrize("size", [1, 100, 1 << 20])
    def test_several_jpegs_are_frames(self, size):
        for data in (
            b"".join(JPEGS),
            multipart(JPEGS),
            b"\r\n" + multipart(JPEGS),
            JPEGS[0] + b"\r\n--x\r\n\r\n" + JPEGS[1],
        ):
            found = photo_or_frames(Drip(data, size))
            assert isinstance(found, Resumed)
            assert found.read() == data

    @pytest.mark.parametrize("size", [1, 100, 1 << 20])
    def test_everything_else_is_a_photo_read_whole(self, size):
        phones = JPEGS[0][:2] + b"\xff\xe2\x00\x06MPF\0"[:8] + JPEGS[0][2:] + JPEGS[1]
        png = io.BytesIO()
        Image.fromarray(corners()).save(png, "PNG")
        photos = [JPEGS[0], JPEGS[0] + bytes(50), JPEGS[0][:400], JPEGS[0] + b"ftypmp42" * 9, phones, png.getvalue()]
        for data in [*photos, b"", b"text", b"\xff\xd8\xff"]:
            assert photo_or_frames(Drip(data, size)) == Still("-", data)

    def test_frames_are_told_before_the_stream_ends(self):
        class Endless:
            count = 0

            def read1(self, size: int) -> bytes:
                self.count += 1
                assert self.count < 9, "it read on and on"
                return JPEGS[0]

        assert isinstance(photo_or_frames(Endless()), Resumed)
