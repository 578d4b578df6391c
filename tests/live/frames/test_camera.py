"""Cameras: named in several ways, read with the newest first, and awaited when they are unplugged."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import threading
import time
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from recording import jpeg, record, steps

from fingerspell.core.errors import MissingExtraError
from fingerspell.live.frames import capture as capture_module
from fingerspell.live.frames.camera import Camera, CameraNews, Patience, read_camera
from fingerspell.live.frames.capture import Finished, OpenCvCapture
from fingerspell.live.frames.frame import Frame, StreamError
from fingerspell.live.frames.newest import Newest
from fingerspell.live.frames.realtime import RealTime
from fingerspell.live.frames.source import Source, parse_source

QUICK = Patience(silence=0.4, opening=2, first_wait=0.02, longest_wait=0.1, limit=5)
PICTURE = np.full((4, 6, 3), 7, np.uint8)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    until = time.monotonic() + 4
    while any(thread.name in {"camera", "newest"} for thread in threading.enumerate()):
        assert time.monotonic() < until, "a thread was left behind"
        time.sleep(0.01)


class Script:
    """A camera whose connections do what is written: a number of pictures, then None, an error, or `hang`."""

    def __init__(self, *connections: object) -> None:
        self.connections = list(connections)
        self.opened = self.closed = 0
        self.release = threading.Event()

    def __call__(self) -> Script:
        self.opened += 1
        self._now = self.connections.pop(0) if self.connections else OSError("no more")
        if isinstance(self._now, BaseException):
            raise self._now
        self._left, self._end = self._now
        return self

    def read(self):
        if self._left:
            self._left -= 1
            return PICTURE
        if self._end == "hang":
            self.release.wait(10)
            return None
        if isinstance(self._end, BaseException):
            raise self._end
        return self._end

    def close(self) -> None:
        self.closed += 1


def watch(
    script: Script, patience: Patience = QUICK, frames: int = 10**6
) -> tuple[list[Frame], list[CameraNews], object]:
    """Frames, news, and the error in the end."""
    news: list[CameraNews] = []
    camera = Camera(script, "camera 0", patience, news.append)
    found: list[Frame] = []
    try:
        for frame in camera:
            found.append(frame)
            if len(found) >= frames:
                camera.stop()
    except Exception as error:
        return found, news, error
    finally:
        script.release.set()
    return found, news, None


class TestUnplugged:
    def test_it_comes_back_and_time_goes_on(self):
        script = Script((3, None), OSError(19, "No such device"), OSError(19, "No such device"), (4, None))
        frames, news, error = watch(script, frames=7)
        assert error is None
        assert [each.state for each in news] == ["there", "gone", "trying", "trying", "trying", "back"]
        assert "unplugged" in news[1].reason
        seconds = [frame.seconds for frame in frames]
        assert seconds == sorted(seconds)
        assert seconds[0] == pytest.approx(0, abs=0.01)
        assert seconds[3] - seconds[2] >= 0.02 + 0.04 + 0.08
        assert script.closed == 2

    def test_one_that_hangs_counts_as_gone(self):
        script = Script((2, "hang"), (2, None))
        begun = time.monotonic()
        frames, news, _ = watch(script, frames=4)
        assert len(frames) == 4
        assert 0.4 <= time.monotonic() - begun < 3
        assert "no picture for 0.4 s" in news[1].reason

    def test_errors_of_the_camera_are_told(self):
        _, news, _ = watch(Script((1, OSError(5, "Input/output error")), (1, StreamError("bad")), (1, None)), frames=3)
        assert [each.reason for each in news if each.state == "gone"] == ["camera 0: Input/output error", "bad"]

    def test_the_waits_grow_and_begin_anew(self):
        waits = []

        class Counting(threading.Event):
            def wait(self, timeout: float | None = None) -> bool:
                waits.append(timeout)
                return super().wait(0.001)

        script = Script((1, None), *[OSError("x")] * 4, (1, None), (1, None))
        camera = Camera(script, "c", Patience(silence=5, opening=5, first_wait=0.02, longest_wait=0.1))
        camera._stopped = Counting()
        for number, _ in enumerate(camera):
            if number == 2:
                camera.stop()
        assert waits == [0.02, 0.04, 0.08, 0.1, 0.1, 0.02]

    def test_in_the_end_it_gives_up(self):
        patience = Patience(silence=0.2, opening=0.2, first_wait=0.02, longest_wait=0.05, limit=0.3)
        begun = time.monotonic()
        frames, news, error = watch(Script((2, None)), patience)
        assert len(frames) == 2
        assert 0.3 <= time.monotonic() - begun < 2
        assert isinstance(error, StreamError)
        assert "did not come back within 0.3 s" in error.found
        assert error.frames == 2
        assert {each.state for each in news} == {"there", "gone", "trying"}

    def test_many_hanging_connections_are_not_piled_up(self):
        script = Script(*[(1, "hang")] * 20)
        patience = Patience(silence=0.05, opening=0.05, first_wait=0.01, longest_wait=0.02, limit=0.6)
        _, _, error = watch(script, patience)
        assert script.opened <= 4
        assert isinstance(error, StreamError)

    def test_a_slow_consumer_is_no_silence(self):
        script = Script((5, None))
        camera = Camera(script, "c", Patience(silence=0.05, limit=0.1, first_wait=0.01))
        found = []
        with pytest.raises(StreamError):
            for frame in camera:
                found.append(frame)
                time.sleep(0.1)
        assert len(found) == 5


class TestFirst:
    def test_no_camera_in_the_first_place_is_an_error_at_once(self):
        script = Script(StreamError("camera 0 cannot be opened"), (3, None))
        frames, news, error = watch(script)
        assert (frames, news, script.opened) == ([], [], 1)
        assert "cannot be opened" in error.found

    def test_one_that_opens_and_gives_nothing(self):
        patience = Patience(silence=0.1, opening=0.2)
        _, _, error = watch(Script((0, "hang")), patience)
        assert "no picture for 0.2 s" in error.found

    def test_what_can_never_work_is_raised(self):
        assert isinstance(watch(Script(MissingExtraError("cv2", "live")))[2], MissingExtraError)
        assert isinstance(watch(Script((2, ZeroDivisionError("a bug"))))[2], ZeroDivisionError)

    def test_a_recording_ends(self):
        frames, news, error = watch(Script((3, Finished())))
        assert (len(frames), error) == (3, None)
        assert [each.state for each in news] == ["there"]


class TestStopping:
    @pytest.mark.parametrize(
        "connections", [((1, "hang"),), ((1, None),), ((10**9, None),)], ids=["hanging", "gone", "reading"]
    )
    def test_it_stops_soon_whatever_it_is_doing(self, connections):
        script = Script(*connections)
        camera = Camera(script, "c", Patience(first_wait=60, longest_wait=60))
        with Newest(camera, camera.stop) as newest:
            assert newest.take(5) is not None
            time.sleep(0.05)
            begun = time.monotonic()
        assert time.monotonic() - begun < 1
        script.release.set()


class TestOpenCv:
    class Device:
        def __init__(self, pictures, opened=True) -> None:
            self.pictures, self.opened, self.released = list(pictures), opened, False

        def isOpened(self):  # noqa: N802
            return self.opened

        def read(self):
            return self.pictures.pop(0)

        def release(self):
            self.released = True

    def test_blue_comes_first_in_opencv(self):
        device = self.Device([(True, np.array([[[1, 2, 3]]], np.uint8)), (False, None), (True, None)])
        camera = OpenCvCapture(0, "camera 0", lambda _: device)
        pixels = camera.read()
        assert pixels.tolist() == [[[3, 2, 1]]]
        assert pixels.flags.c_contiguous
        assert camera.read() is None
        assert camera.read() is None
        camera.close()
        assert device.released

    def test_one_that_cannot_be_opened(self):
        device = self.Device([], opened=False)
        with pytest.raises(StreamError, match="camera 3 cannot be opened") as caught:
            OpenCvCapture(3, "camera 3", lambda _: device)
        assert device.released
        assert caught.value.remedy

    @pytest.mark.skipif(sys.platform != "linux" or Path("/dev/video0").exists(), reason="there may be a camera")
    def test_the_real_opencv_without_a_camera(self, capfd):
        pytest.importorskip("cv2")
        with pytest.raises(StreamError, match="camera 0 cannot be opened"):
            next(iter(read_camera("0")))
        assert capfd.readouterr() == ("", "")

    def test_without_opencv_it_names_the_extra(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "cv2", None)
        with pytest.raises(MissingExtraError, match=r"fingerspell\[live\]"):
            next(iter(read_camera("0")))


class Server:
    """The IP camera of ip_camera.py, to be killed and started again at the same place."""

    def __init__(self) -> None:
        self.port = 0
        self.start()

    def start(self) -> None:
        script = Path(__file__).with_name("ip_camera.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(self.port)], stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def at(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture(scope="class")
def server():
    pytest.importorskip("av")
    server = Server()
    yield server
    server.kill()


class TestOnTheNetwork:
    PATIENCE = Patience(silence=1.0, first_wait=0.1, longest_wait=0.3, limit=20)

    def test_killed_and_started_again(self, server):
        news: list[CameraNews] = []
        camera = read_camera(server.at("/video"), patience=self.PATIENCE, tell=news.append)
        with Newest(camera, camera.stop) as newest:
            assert newest.take(10).pixels.shape == (48, 64, 3)
            server.kill()
            self.wait(newest, lambda: sum(each.state == "trying" for each in news) >= 2)
            lost = newest.take(0) or Frame(0, PICTURE)
            server.start()
            self.wait(newest, lambda: news[-1].state == "back")
            again = newest.take(10)
        assert [each.state for each in news][:3] == ["there", "gone", "trying"]
        assert again.seconds > lost.seconds
        assert again.pixels.shape == (48, 64, 3)
        assert again.pixels[0, 0, 1] == pytest.approx(128, abs=4)
        assert again.pixels[0, 0, 2] == pytest.approx(64, abs=4)

    @staticmethod
    def wait(newest, condition) -> None:
        until = time.monotonic() + 15
        while not condition():
            assert time.monotonic() < until
            newest.take(0.05)

    def test_one_that_falls_silent(self, server):
        news: list[CameraNews] = []
        camera = read_camera(server.at("/silent"), patience=self.PATIENCE, tell=news.append)
        for _ in camera:
            if news[-1].state == "back":
                camera.stop()
        assert [each.state for each in news] == ["there", "gone", "trying", "back"]
        assert re.search("nothing came|no picture for 1 s", news[1].reason), "whoever noticed first"

    def test_one_that_closes_the_connection(self, server):
        news: list[CameraNews] = []
        camera = read_camera(server.at("/end"), patience=self.PATIENCE, tell=news.append)
        for _ in camera:
            if news[-1].state == "back":
                camera.stop()
        assert news[-1].state == "back"

    def test_an_address_that_does_not_exist(self, server):
        with pytest.raises(StreamError, match="404"):
            next(iter(read_camera(server.at("/nowhere"))))

    def test_nobody_there(self):
        with pytest.raises(StreamError, match="refused") as caught:
            next(iter(read_camera("http://me:secret@127.0.0.1:9/video?token=secret")))
        assert "secret" not in str(caught.value)

    def test_a_recording_is_played_at_its_own_speed_and_ends(self, tmp_path):
        from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

        record(tmp_path / "a.mp4", steps(15), movflags="faststart")

        class Quiet(SimpleHTTPRequestHandler):
            def __init__(self, *args: object) -> None:
                super().__init__(*args, directory=str(tmp_path))

            def log_message(self, *args: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as http:
            threading.Thread(target=http.serve_forever, daemon=True).start()
            frames = list(islice(read_camera(f"http://127.0.0.1:{http.server_port}/a.mp4"), 40))
            http.shutdown()
        assert len(frames) == 15
        assert frames[-1].seconds == pytest.approx(14 / 30, abs=0.1)


class TestPlayed:
    def test_a_file_is_played_in_real_time(self, tmp_path):
        path = record(tmp_path / "a.mkv", steps(6), [0, 0.1, 0.2, 0.3, 0.4, 0.5])
        begun, arrived = None, []
        for frame in read_camera(str(path)):
            begun = begun or time.monotonic()
            arrived.append((time.monotonic() - begun, frame.seconds))
        assert [said for _, said in arrived] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5], abs=0.002)
        assert all(said - 0.02 <= came <= said + 0.3 for came, said in arrived)

    def test_it_can_be_stopped_while_it_waits(self):
        player = RealTime([Frame(0, PICTURE), Frame(3600, PICTURE)])
        with Newest(player, player.stop) as newest:
            assert newest.take(5).seconds == 0
            begun = time.monotonic()
        assert time.monotonic() - begun < 0.5

    def test_a_pipe(self):
        found = read_camera("-", stream=io.BytesIO(b"".join(jpeg(picture) for picture in steps(3))))
        assert len(list(found)) == 3
        stopped = read_camera("-", stream=io.BytesIO(b"".join(jpeg(picture) for picture in steps(3))))
        stopped.stop()
        assert list(stopped) == []


@pytest.fixture
def cameras(tmp_path):
    for number, name in enumerate(["Integrated Camera", "Logitech C920", "Logitech C270"]):
        (tmp_path / f"video{number}").mkdir()
        (tmp_path / f"video{number}" / "name").write_text(f"{name}\n")
    return tmp_path


class TestNames:
    @pytest.mark.parametrize(
        ("text", "source"),
        [
            ("0", Source("device", 0, "camera 0")),
            ("007", Source("device", 7, "camera 7")),
            ("/dev/video9", Source("device", "/dev/video9", "/dev/video9")),
            ("integrated camera", Source("device", "/dev/video0", "Integrated Camera")),
            ("C920", Source("device", "/dev/video1", "Logitech C920")),
            ("http://1.2.3.4:8080/video", Source("url", "http://1.2.3.4:8080/video", "http://1.2.3.4:8080/video")),
            ("rtsp://u:p@cam/1?k=v", Source("url", "rtsp://u:p@cam/1?k=v", "rtsp://cam/1?…")),
            ("-", Source("pipe", "-", "standard input")),
        ],
    )
    def test_what_names_a_camera(self, cameras, text, source):
        assert parse_source(text, cameras) == source

    @pytest.mark.parametrize(
        ("text", "said", "remedy"),
        [
            ("Logitech", "no one camera", "whole name"),
            ("Logitek C920", "no one camera", "Logitech C920"),
            ("ftp://host/x", "no address", ""),
            ("file:///etc/passwd", "no address", ""),
            ("http://", "no address", ""),
            ("http://host:99999/", "no address", ""),
            ("", "no one camera", ""),
        ],
    )
    def test_what_does_not(self, cameras, text, said, remedy):
        with pytest.raises(StreamError, match=said) as caught:
            parse_source(text, cameras)
        assert remedy in caught.value.remedy
        assert caught.value.expected

    def test_where_no_cameras_are_listed(self, tmp_path):
        with pytest.raises(StreamError, match=r"no camera or file 'x\.mp4'"):
            parse_source("x.mp4", tmp_path)

    def test_files_and_folders(self, tmp_path):
        (tmp_path / "a.mp4").write_bytes(b"")
        assert parse_source(str(tmp_path / "a.mp4")).kind == "file"
        with pytest.raises(StreamError, match="is a folder"):
            parse_source(str(tmp_path))

    def test_a_device_and_an_address_are_opened_as_such(self, monkeypatch):
        asked = []
        monkeypatch.setattr(capture_module, "_open_video_capture", lambda device: asked.append(device) or 1 / 0)
        with suppress(ZeroDivisionError):
            capture_module.open_capture(Source("device", 4, "camera 4"), 1.0)
        assert asked == [4]
