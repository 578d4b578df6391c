"""A video gives its frames upright, at their own times; what is broken says how far it came."""

from __future__ import annotations

import gc
import io
import itertools
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from recording import corners, declare_size, read_corners, record, record_sound, steps

from fingerspell.core.errors import MissingExtraError
from fingerspell.live.frames import frame as frame_module
from fingerspell.live.frames import kinds
from fingerspell.live.frames.frame import Frame, StreamError
from fingerspell.live.frames.turning import turn_of, turned
from fingerspell.live.frames.video import read_video

pytest.importorskip("av")


def read(path: Path | io.BytesIO) -> tuple[list[Frame], StreamError | None]:
    """All frames, and the error after them."""
    found = []
    try:
        for frame in read_video(path):
            found.append(frame)
    except StreamError as error:
        return found, error
    return found, None


def times(frames: list[Frame]) -> list[float]:
    return [round(frame.seconds, 3) for frame in frames]


class TestWhole:
    @pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".webm", ".avi", ".gif"])
    def test_every_format(self, tmp_path, ending):
        pictures = steps(20)
        frames, error = read(
            record(tmp_path / f"a{ending}", pictures, [n / 10 for n in range(20)] if ending == ".gif" else None)
        )
        assert error is None
        assert len(frames) == 20
        assert times(frames) == pytest.approx([n / (10 if ending == ".gif" else 30) for n in range(20)], abs=0.002)
        for frame, picture in zip(frames, pictures, strict=True):
            assert frame.pixels.shape == (48, 64, 3)
            assert frame.pixels.dtype == np.uint8
            assert frame.pixels.mean() == pytest.approx(picture.mean(), abs=12)

    def test_colours_are_red_green_blue(self, tmp_path):
        (frame,), error = read(record(tmp_path / "a.mp4", [corners()]))
        assert (error, read_corners(frame.pixels)) == (None, "RGBK")

    def test_variable_frame_rate_keeps_the_real_times(self, tmp_path):
        said = [0.0, 0.033, 0.066, 0.4, 0.41, 1.9, 1.95, 3.0]
        for ending in (".mp4", ".mkv", ".webm"):
            frames, error = read(record(tmp_path / f"a{ending}", steps(8), said))
            assert error is None
            assert times(frames) == pytest.approx(said, abs=0.0015)

    def test_a_stream_that_begins_late_begins_at_zero(self, tmp_path):
        frames, _ = read(record(tmp_path / "a.mkv", steps(4), [5.0, 5.1, 5.2, 5.3]))
        assert times(frames) == pytest.approx([0, 0.1, 0.2, 0.3], abs=0.002)

    def test_sound_beside_it_does_not_matter(self, tmp_path):
        frames, error = read(record(tmp_path / "a.mp4", steps(10), sound=True))
        assert (len(frames), error) == (10, None)

    def test_an_open_file_is_as_good_as_a_path(self, tmp_path):
        data = record(tmp_path / "a.mp4", steps(5), movflags="faststart").read_bytes()
        assert len(read(io.BytesIO(data))[0]) == 5

    def test_a_file_that_cannot_be_wound_back(self, tmp_path):
        class Pipe(io.RawIOBase):
            def __init__(self, data: bytes) -> None:
                self._data = io.BytesIO(data)

            def readable(self) -> bool:
                return True

            def read(self, size: int = -1) -> bytes:
                return self._data.read(size)

        frames, error = read(Pipe(record(tmp_path / "a.mkv", steps(5)).read_bytes()))
        assert (len(frames), error) == (5, None)

    def test_frames_are_given_one_by_one(self, tmp_path):
        path = record(tmp_path / "a.mkv", steps(60, (240, 320)))
        tracemalloc.start()
        for _ in read_video(path):
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 12 * 240 * 320 * 3, "60 frames would be 14 MB"

    def test_no_picture_waits_for_the_garbage_collector(self, tmp_path):
        import av

        gc.collect()
        gc.disable()
        try:
            for _ in read_video(record(tmp_path / "a.mp4", steps(40), turn=(90, False, False))):
                pass
            kept = sum(type(each) is av.VideoFrame for each in gc.get_objects())
        finally:
            gc.enable()
        assert kept <= 2, "1080p frames by the hundred would fill the memory"

    def test_reading_may_end_early(self, tmp_path):
        frames = read_video(record(tmp_path / "a.mkv", steps(30)))
        assert len(list(itertools.islice(frames, 3))) == 3
        frames.close()


# what a viewer must show for (degrees counter-clockwise, mirrored sideways, mirrored upside down)
SHOWN = {
    (0, False, False): "RGBK",
    (90, False, False): "GKRB",
    (180, False, False): "KBGR",
    (270, False, False): "BRKG",
    (0, True, False): "GRKB",
    (90, True, False): "KGBR",
    (0, False, True): "BKRG",
    (90, False, True): "RBGK",
}


class TestTurned:
    @pytest.mark.parametrize("turn", SHOWN, ids=str)
    def test_phones_videos_are_upright(self, tmp_path, turn):
        path = record(tmp_path / "a.mp4", [corners()] * 3, turn=turn)
        frames, error = read(path)
        assert error is None
        assert {read_corners(frame.pixels) for frame in frames} == {SHOWN[turn]}
        assert frames[0].pixels.shape == ((64, 48, 3) if turn[0] in (90, 270) else (48, 64, 3))
        assert frames[0].pixels.flags.c_contiguous

    @pytest.mark.parametrize("matrix", [b"", bytes(36), b"\xff" * 36, bytes(35)], ids=len)
    def test_a_matrix_without_meaning_turns_by_whole_quarters_at_most(self, matrix):
        turn = turn_of(matrix)
        assert sorted(map(abs, turn)) == [0, 0, 1, 1]
        assert turned(corners(), turn).shape in {(48, 64, 3), (64, 48, 3)}

    def test_nearly_a_quarter_is_a_quarter(self):
        angle = np.deg2rad(88)
        a, b = (round(float(x) * 65536) for x in (np.cos(angle), np.sin(angle)))
        assert turn_of(struct.pack("9i", a, b, 0, -b, a, 0, 0, 0, 1 << 30)) == (0, 1, -1, 0)


def flip_bytes(path: Path, start: float, length: float) -> Path:
    data = bytearray(path.read_bytes())
    first, count = int(len(data) * start), int(len(data) * length)
    data[first : first + count] = np.random.default_rng(1).integers(0, 256, count, dtype=np.uint8).tobytes()
    path.write_bytes(data)
    return path


def cut(path: Path, keep: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    return path


class TestBroken:
    @pytest.mark.parametrize(
        ("ending", "options"),
        [
            (".mp4", {"movflags": "faststart"}),
            (".mkv", {}),
            (".webm", {}),
            (".avi", {}),
            (".gif", {}),
        ],
        ids=["mp4", "mkv", "webm", "avi", "gif"],
    )
    def test_a_cut_file_gives_what_it_has_and_says_how_far_it_came(self, tmp_path, ending, options):
        times_ = [n / 10 for n in range(40)] if ending == ".gif" else None
        frames, error = read(cut(record(tmp_path / f"a{ending}", steps(40, (96, 128)), times_, **options), 0.7))
        assert 5 <= len(frames) < 36
        assert error is not None
        assert "damaged" in error.found
        assert str(len(frames)) in error.found
        assert (error.frames, error.seconds) == (len(frames), frames[-1].seconds)
        assert error.remedy

    def test_what_is_left_of_a_cut_file_is_good(self, tmp_path):
        whole, _ = read(record(tmp_path / "a.mp4", steps(40), movflags="faststart"))
        frames, _ = read(cut(tmp_path / "a.mp4", 0.6))
        for before, after in zip(whole, frames, strict=False):
            assert np.array_equal(before.pixels, after.pixels)
            assert before.seconds == after.seconds

    def test_damage_in_the_middle_is_left_out_and_reading_goes_on(self, tmp_path):
        frames, error = read(flip_bytes(record(tmp_path / "a.mp4", steps(60)), 0.4, 0.05))
        assert 30 < len(frames) < 60
        assert frames[-1].seconds > 1.8
        assert "left out" in error.found
        assert times(frames) == sorted(times(frames))

    def test_a_half_decoded_picture_is_left_out(self, tmp_path):
        path = record(tmp_path / "a.avi", steps(60, (96, 128)))
        data = bytearray(path.read_bytes())
        place = data.index(b"movi") + 6000
        data[place : place + 300] = bytes(300)
        path.write_bytes(data)
        frames, error = read(path)
        assert len(frames) == 59
        assert "left out: 1" in error.found

    def test_a_recording_that_was_never_finished(self, tmp_path):
        frames, error = read(cut(record(tmp_path / "a.mp4", steps(20)), 0.6))
        assert frames == []
        assert "no video" in error.found
        assert "cut off" in error.remedy

    def test_only_headers(self, tmp_path):
        path = record(tmp_path / "a.mkv", steps(20))
        data = path.read_bytes()
        path.write_bytes(data[: data.index(b"\x1f\x43\xb6\x75")])
        frames, error = read(path)
        assert frames == []
        assert error is not None


NO_VIDEO = {
    "empty": (b"", "empty"),
    "text": (b"not a video at all\n" * 40, "no video"),
    "zeros": (bytes(5000), "no video"),
    "a photo": (None, "no video"),
    "a playlist": (b"#EXTM3U\n#EXTINF:10,\n/etc/passwd\n#EXT-X-ENDLIST\n", "no video"),
    "a list of files": (b"ffconcat version 1.0\nfile '/etc/hostname'\n", "no video"),
}


class TestRefused:
    @pytest.mark.parametrize("name", NO_VIDEO)
    def test_what_is_no_video(self, tmp_path, name):
        from recording import jpeg

        data, said = NO_VIDEO[name]
        (tmp_path / "a.mp4").write_bytes(jpeg(corners()) if data is None else data)
        frames, error = read(tmp_path / "a.mp4")
        assert frames == []
        assert said in error.found
        assert error.expected
        assert error.remedy

    def test_a_playlist_beside_its_file_is_not_followed(self, tmp_path):
        record(tmp_path / "a.mkv", steps(3))
        (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile 'a.mkv'\n")
        assert read(tmp_path / "list.mp4")[0] == []

    def test_a_text_file_is_not_played(self, tmp_path):
        (tmp_path / "a.txt").write_text("FFmpeg would draw these letters\n" * 40)
        assert read(tmp_path / "a.txt")[0] == []

    def test_sound_only(self, tmp_path):
        frames, error = read(record_sound(tmp_path / "a.mp4"))
        assert frames == []
        assert "only audio" in error.found

    @pytest.mark.parametrize("size", [(100_000, 100_000), (30_000, 1300), (2**30, 2**30)], ids=str)
    def test_an_absurd_size(self, tmp_path, size):
        path = record(tmp_path / "a.avi", steps(3), codec="rawvideo")
        assert len(read(path)[0]) == 3
        frames, error = read(declare_size(path, *size))
        assert frames == []
        assert error is not None

    def test_an_absurd_size_that_the_pictures_do_not_have(self, tmp_path):
        frames, error = read(declare_size(record(tmp_path / "a.avi", steps(3)), 100_000, 100_000))
        assert [frame.pixels.shape for frame in frames] == [(48, 64, 3)] * 3
        assert error is None

    def test_an_absurd_gif(self, tmp_path):
        frames, error = read(declare_size(record(tmp_path / "a.gif", steps(3)), 65_535, 65_535))
        assert frames == []
        assert "no picture" in error.found

    def test_frames_larger_than_the_limit(self, tmp_path, monkeypatch):
        monkeypatch.setattr(frame_module, "MAX_PIXELS", 48 * 64 - 1)
        _, error = read(record(tmp_path / "a.mkv", steps(2)))
        assert "64×48" in error.found

    def test_missing_and_unreadable(self, tmp_path):
        assert "No such file" in read(tmp_path / "nowhere.mp4")[1].found
        assert "directory" in read(tmp_path)[1].found.lower()

    def test_without_pyav_it_names_the_extra(self, tmp_path, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "av", None)
        (tmp_path / "a.mp4").write_bytes(b"?")
        with pytest.raises(MissingExtraError, match="live"):
            list(read_video(tmp_path / "a.mp4"))


class TestKinds:
    def test_the_content_counts_before_the_name(self, tmp_path):
        from recording import jpeg

        for ending in (".mp4", ".webm", ".avi", ".gif"):
            path = record(tmp_path / f"a{ending}", steps(2))
            assert kinds.of_file(path) == "video"
            assert kinds.of_file(path.rename(tmp_path / "x.jpg")) == "video"
        (tmp_path / "p.mp4").write_bytes(jpeg(corners()))
        assert kinds.of_file(tmp_path / "p.mp4") == "photo"

    def test_the_name_decides_where_the_content_tells_nothing(self, tmp_path):
        for name, kind in {"a.mp4": "video", "a.MOV": "video", "a.txt": "photo", "a": "photo"}.items():
            (tmp_path / name).write_bytes(b"text")
            assert kinds.of_file(tmp_path / name) == kind
        assert kinds.of_file(tmp_path / "nowhere.mp4") == "photo"

    @pytest.mark.parametrize(
        ("head", "kind"),
        [
            (b"\x89PNG\r\n\x1a\n", "photo"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "photo"),
            (b"RIFF\0\0\0\0AVI LIST", "video"),
            (b"\0\0\0\x1cftypheic", "photo"),
            (b"\0\0\0\x1cftypqt  ", "video"),
            (b"\x1aE\xdf\xa3", "video"),
            (b"RIFF\0\0\0\0WAVE", None),
            (b"", None),
        ],
        ids=repr,
    )
    def test_first_bytes(self, head, kind):
        assert kinds.of_bytes(head) == kind


def test_real_clips_are_read_whole(shared_data):
    clips = sorted((shared_data / "clips").glob("*/[AJZ].mp4"))
    for clip in clips:
        frames, error = read(clip)
        assert error is None
        assert len(frames) > 20
        assert frames[-1].seconds == pytest.approx((len(frames) - 1) / 30, abs=0.001)
