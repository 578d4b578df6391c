"""`fingerspell camera`: a file played as a camera, on a screen in a real terminal and as lines in a pipe."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "live" / "frames"))

from recording import jpeg, record

from fingerspell.cli import camera as module
from fingerspell.cli import spelled
from fingerspell.cli.camera_screen import Pace, Shown, big_sign, draw
from fingerspell.cli.camera_shows import Lines, Screen
from fingerspell.cli.keys import BACKSPACE, NoKeys, terminal_keys
from fingerspell.live.frames import camera as camera_module
from fingerspell.live.frames.camera import CameraNews
from fingerspell.live.frames.frame import StreamError
from fingerspell.live.spelling.event import Event

pytest.importorskip("onnxruntime")
pytest.importorskip("av")

COLOURS = {"A": (30, 200, 100), "B": (80, 160, 100), "nothing": (180, 80, 100)}  # as tests/conftest.py draws them


def signed(*signs: tuple[str, float], fps: float = 30) -> tuple[list[np.ndarray], list[float]]:
    """Pictures of signs, each shown for some seconds, and their times."""
    shown = [label for label, seconds in signs for _ in range(round(seconds * fps))]
    pictures = [np.full((48, 64, 3), COLOURS[label], np.uint8) for label in shown]
    return pictures, [number / fps for number in range(len(shown))]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ABA, in 1.6 seconds."""
    signs = ("A", 0.5), ("B", 0.5), ("A", 0.6)
    return record(tmp_path_factory.mktemp("clip") / "clip.mp4", *signed(*signs))


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A for half a minute."""
    return record(tmp_path_factory.mktemp("clip") / "long.mp4", *signed(("A", 30), fps=10))


def command(*args: object) -> list[str]:
    return [sys.executable, "-m", "fingerspell.cli.main", "camera", *map(str, args)]


def process(*args: object, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*args), input=stdin, stdin=None if stdin else subprocess.DEVNULL, capture_output=True, check=False
    )


@pytest.fixture
def run():
    app = typer.Typer()
    app.command()(module.camera_command)
    return lambda *args, **options: CliRunner().invoke(app, [str(a) for a in args], **options)


class TestPiped:
    def test_a_line_for_each_letter_then_the_text(self, run, tiny_bundle, clip):
        result = run(tiny_bundle, "--camera", clip)
        assert result.exit_code == 0, result.stderr
        *lines, text = result.stdout.splitlines()
        assert text == "ABA"
        assert [line.split()[0] for line in lines] == ["A", "B", "A"]
        assert re.fullmatch(r"A {7} [ \d]\d\.\d%  +\d\.\d\d s", lines[0])
        assert "dropped" in result.stderr
        assert "\x1b" not in result.stdout

    def test_json(self, run, tiny_bundle, clip):
        *events, last = [json.loads(line) for line in run(tiny_bundle, "--camera", clip, "--json").stdout.splitlines()]
        assert [event["text"] for event in events] == ["A", "AB", "ABA"]
        assert {event["kind"] for event in events} == {"written"}
        assert (last["kind"], last["text"]) == ("text", "ABA")
        assert last["frames"] + last["dropped"] == 48
        assert 0 < last["milliseconds"] <= last["milliseconds_95"] < 2000
        assert [event["seconds"] for event in events] == pytest.approx([0.35, 0.9, 1.4], abs=0.2)

    def test_words_and_settings(self, run, tiny_bundle, clip, monkeypatch):
        monkeypatch.setattr(spelled, "make_dictionary", lambda wanted: object() if wanted else None)
        monkeypatch.setattr(spelled, "corrected", lambda events, dictionary: events[-1].text.lower())
        result = run(tiny_bundle, "--camera", clip, "--words", "--release", "0.1", "--hand", "auto")
        assert result.stdout.splitlines()[-1] == "aba"
        assert "as spelled: ABA" in result.stderr

    def test_keys_while_it_is_piped(self, run, tiny_bundle, clip, monkeypatch):
        pressed = iter([""] * 30 + [BACKSPACE, "c", "?", "q"])

        class Pressed:
            def pressed(self) -> str:
                return next(pressed)

        monkeypatch.setattr(module, "terminal_keys", lambda: nullcontext(Pressed()))
        result = run(tiny_bundle, "--camera", clip)
        assert result.exit_code == 0
        assert "taken back: " in result.stderr
        assert "cleared" in result.stderr
        assert "34 frames read" in result.stderr

    def test_a_camera_that_is_lost_for_good(self, run, tiny_bundle, monkeypatch):
        left = [np.full((48, 64, 3), COLOURS["A"], np.uint8)] * 40

        class Device:
            def read(self):
                time.sleep(0.02)
                return left.pop() if left else None

            def close(self) -> None:
                pass

        def connect(source, silence):
            if len(left) < 40:
                raise StreamError("camera 0 cannot be opened")
            return Device()

        monkeypatch.setattr(camera_module, "open_capture", connect)
        result = run(tiny_bundle, "--camera", "0", "--give-up", "0.5")
        assert isinstance(result.exception, StreamError)
        assert "did not come back within 0.5 s" in str(result.exception)
        assert result.stdout.splitlines()[-1] == "A"
        assert "the camera is gone: camera 0 was unplugged" in result.stderr
        assert "trying again" in result.stderr

    def test_mjpeg_on_standard_input(self, tiny_bundle):
        data = b"".join(jpeg(picture) for picture in signed(("A", 1))[0])
        result = process(tiny_bundle, "--camera", "-", stdin=data)
        assert result.returncode == 0, result.stderr
        assert b"frames read" in result.stderr

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=str)
    def test_a_signal_ends_it_well(self, tiny_bundle, long_clip, number):
        with subprocess.Popen(
            command(tiny_bundle, "--camera", long_clip), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as running:
            assert running.stdout.readline().startswith(b"A ")
            running.send_signal(number)
            out, err = running.communicate(timeout=10)
        assert running.returncode == 0
        assert out.decode().splitlines() == ["A"]
        assert b"Traceback" not in err

    def test_a_damaged_recording_gives_its_text_and_the_error(self, tiny_bundle, tmp_path):
        path = record(tmp_path / "a.mkv", *signed(("A", 0.8), ("nothing", 0.2), ("B", 0.8)))
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.8)])
        result = process(tiny_bundle, "--camera", path)
        assert result.returncode == 2
        assert result.stdout.decode().splitlines()[-1].startswith("A")
        assert b"damaged" in result.stderr

    def test_nothing_spelled_is_said(self, tiny_bundle, tmp_path):
        result = process(tiny_bundle, "--camera", record(tmp_path / "a.mp4", *signed(("nothing", 0.5))))
        assert (result.returncode, result.stdout) == (0, b"\n")
        assert b"no sign was held" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
class TestScreen:
    class Terminal:
        """A command in a terminal of its own: what it draws, and keys for it."""

        def __init__(self, args: list[str], columns: int = 80, rows: int = 24) -> None:
            import fcntl
            import pty
            import struct
            import termios

            self.main, self.end = pty.openpty()
            fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            self.before = termios.tcgetattr(self.end)
            environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
            environment |= {"TERM": "xterm-256color", "PYTHONUTF8": "1"}
            ends = {"stdin": self.end, "stdout": self.end, "stderr": self.end}
            self.process = subprocess.Popen(args, **ends, env=environment, preexec_fn=self._own_terminal)  # noqa: PLW1509
            self.seen = ""

        def _own_terminal(self) -> None:
            import fcntl
            import termios

            os.setsid()
            fcntl.ioctl(self.end, termios.TIOCSCTTY, 0)

        def until(self, pattern: str, seconds: float = 20) -> str:
            """All that was drawn since the last call, up to what is awaited."""
            until = time.monotonic() + seconds
            while not (found := re.search(pattern, self.plain())):
                assert time.monotonic() < until, self.plain()[-3000:]
                self.read()
            plain, self.seen = self.plain(), ""
            return plain[: found.end()]

        def read(self) -> None:
            if select.select([self.main], [], [], 0.1)[0]:
                self.seen += os.read(self.main, 1 << 16).decode(errors="replace")

        def plain(self) -> str:
            return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.seen)

        def press(self, keys: str) -> None:
            os.write(self.main, keys.encode())

        def wait(self) -> int:
            until = time.monotonic() + 10
            while self.process.poll() is None and time.monotonic() < until:
                self.read()
            self.read()
            return self.process.wait(1)

        def close(self) -> None:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            os.close(self.main)
            os.close(self.end)

    @pytest.fixture
    def terminal(self, tiny_bundle, long_clip):
        terminal = self.Terminal(command(tiny_bundle, "--camera", long_clip))
        yield terminal
        terminal.close()

    def test_letter_text_keys_and_a_clean_end(self, terminal):
        import termios

        screen = terminal.until(r"│ A▏")
        assert "━" in screen
        assert "right hand" in terminal.until("q quit · backspace undo · c clear") + screen
        terminal.press("\x7f")
        terminal.until(r"│ ▏[\s\S]*taken back")
        terminal.press("q")
        assert terminal.wait() == 0
        assert "\x1b[?1049l" in terminal.seen, "the screen before is shown again"
        assert "\x1b[?25h" in terminal.seen, "the cursor is shown again"
        assert termios.tcgetattr(terminal.end) == terminal.before

    def test_clearing_and_ctrl_c(self, terminal):
        import termios

        terminal.until(r"│ A▏")
        terminal.press("c")
        terminal.until(r"│ ▏[\s\S]*cleared")
        terminal.press("\x7f")
        terminal.until(r"│ A▏")
        terminal.press("\x03")
        assert terminal.wait() == 0
        after = terminal.seen.rpartition("\x1b[?1049l")[2]
        assert "A\r\n" in after
        assert termios.tcgetattr(terminal.end) == terminal.before

    def test_an_arrow_is_no_key(self, terminal):
        terminal.until(r"│ A▏")
        terminal.press("\x1b[C")
        time.sleep(0.3)
        assert terminal.process.poll() is None
        terminal.press("q")
        assert terminal.wait() == 0
        assert "A\r\n" in terminal.seen.rpartition("\x1b[?1049l")[2]

    def test_an_error_leaves_the_terminal_as_it_was(self, tiny_bundle):
        import termios

        terminal = self.Terminal(command(tiny_bundle, "--camera", "http://127.0.0.1:9/video"))
        try:
            assert terminal.wait() == 2
            assert "refused" in terminal.plain()
            assert "Traceback" not in terminal.plain()
            assert termios.tcgetattr(terminal.end) == terminal.before
        finally:
            terminal.close()


def drawn(shown: Shown, width: int = 80, height: int = 24, encoding: str = "utf-8") -> str:
    class Fixed(Console):
        @property
        def encoding(self) -> str:
            return encoding

    console = Fixed(width=width, height=height, force_terminal=True, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(draw(shown, console))
    return captured.get()


FULL = Shown(
    ranked=(("W", 0.93), ("V", 0.04), ("nothing", 0.02), ("space", 0.01)),
    text="HELLO ",
    camera="camera 0",
    hand="left",
    dropped=3,
)


class TestDrawing:
    def test_it_fits_terminals_of_many_sizes(self):
        long = dataclasses.replace(FULL, text="X" * 500 + "END")
        for width in (40, 60, 74, 80, 120, 200):
            for height in (12, 14, 18, 19, 20, 23, 24, 50):
                lines = drawn(long, width, height).splitlines()
                assert max(map(len, lines)) <= width
                assert len(lines) <= height
                assert "93%" in "".join(lines)
                assert "END▏" in "".join(lines)
        assert len(drawn(FULL, 24, 30).splitlines()) <= 30

    def test_the_large_sign_is_shown_where_there_is_room(self):
        for width, height, large in [(80, 24, True), (80, 19, True), (80, 18, False), (60, 24, True), (60, 22, False)]:
            assert ("█" in drawn(FULL, width, height)) == large, (width, height)

    def test_nothing_jumps_where_there_is_no_sign(self):
        nothing = dataclasses.replace(FULL, ranked=(("nothing", 1.0), *FULL.ranked[1:]))
        for size in ((80, 24), (60, 24)):
            assert len(drawn(nothing, *size).splitlines()) == len(drawn(FULL, *size).splitlines())

    def test_a_bar_is_as_long_as_it_is_certain_without_colours_too(self):
        (line,) = [line for line in drawn(FULL).splitlines() if "93%" in line]
        assert (line.count("━"), line.count("─")) == (22, 2)

    def test_a_space_at_the_end_can_be_seen(self):
        assert "HELLO␣▏" in drawn(FULL)

    def test_a_long_text_shows_its_end(self):
        shown = Shown(text="X" * 500 + "END")
        assert "END▏" in drawn(shown)
        assert len(drawn(shown).splitlines()) <= 23

    def test_trouble_comes_before_all_else(self):
        shown = Shown(camera="camera 0", trouble="unplugged: trying again …", message="please repeat")
        assert "camera 0: unplugged: trying again …" in drawn(shown)
        assert "please repeat" not in drawn(shown)
        assert "please repeat" in drawn(Shown(message="please repeat"))

    def test_terminals_without_unicode(self):
        text = drawn(FULL, encoding="ascii")
        assert "#" in text
        assert not re.search(r"[━─▀▄█╭␣▏]", text)

    def test_no_keys(self):
        assert "Ctrl-C quit" in drawn(Shown(keys=False))

    def test_big_signs(self):
        for sign in [*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "space", "del"]:
            rows = big_sign(sign, 9, 24)
            assert len(rows) == 9
            assert len({len(row) for row in rows}) == 1
            assert 2 <= len(rows[0]) <= 24
            assert any("█" in row or "▀" in row for row in rows)
        assert len({big_sign(sign, 9, 24) for sign in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}) == 26
        assert big_sign("", 9, 24) == (" " * 24,) * 9
        top, bottom = big_sign("L", 9, 24)[1], big_sign("L", 9, 24)[-1]
        assert len(top.rstrip()) < len(bottom.rstrip())


class TestPace:
    def test_figures(self):
        pace = Pace()
        assert (pace.per_second, pace.milliseconds()) == (0.0, (0.0, 0.0))
        for number in range(101):
            pace.add(10 + number / 25, number / 1000)
        assert pace.frames == 101
        assert pace.per_second == pytest.approx(25)
        assert pace.milliseconds() == pytest.approx((50, 95))
        assert pace.line() == "25 frames/s · frame to letter 50 ms, 95% within 95 ms"

    def test_only_the_last_frames_count(self):
        pace = Pace()
        for number in range(1000):
            pace.add(number / 10, 1.0 if number < 500 else 0.002)
        assert pace.milliseconds() == pytest.approx((2, 2))


class TestShowing:
    def test_news_of_the_camera(self, capsys):
        screen = Screen("camera 0", keys=True)
        for state, trouble in {
            "there": "",
            "gone": "unplugged",
            "trying": "unplugged: trying again …",
            "back": "",
        }.items():
            screen.news(CameraNews(state, 1.0))
            assert screen.shown.trouble == trouble
        assert "back" in screen.shown.message
        Lines("0", as_json=False).news(CameraNews("gone", 2.5, "camera 0 was unplugged\x1b[31m"))
        assert (
            capsys.readouterr().err
            == "2.5 s: the camera is gone: camera 0 was unplugged\N{REPLACEMENT CHARACTER}[31m\n"
        )

    def test_the_screen_tells_what_the_text_does_not(self):
        screen = Screen("camera 0", keys=True)
        unsure = Event("unsure", 1.0, "A", 0.4, (("A", 0.4),), "")
        screen.event(dataclasses.replace(unsure, kind="written"))
        assert screen.shown.message == ""
        screen.event(unsure)
        assert screen.shown.message == "please repeat"
        screen.changed("AB", "taken back")
        assert (screen.shown.text, screen.shown.message) == ("AB", "taken back")
        screen.refresh(Pace(), 7)
        assert (screen.shown.dropped, screen.shown.message) == (7, "taken back")
        screen._message_until = screen._drawn_at = 0.0
        screen.refresh(Pace(), 8)
        assert (screen.shown.dropped, screen.shown.message) == (8, "")

    def test_a_second_signal_stops_at_once(self):
        with module.stop_on_signals() as stopped:
            os.kill(os.getpid(), signal.SIGINT)
            assert stopped.wait(2)
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(1)

    @pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
    def test_keys_of_a_terminal(self, monkeypatch):
        import pty
        import termios

        main, end = pty.openpty()
        before = termios.tcgetattr(end)
        with os.fdopen(end, closefd=True) as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            with pytest.raises(ZeroDivisionError), terminal_keys() as keys:
                assert keys.pressed() == ""
                os.write(main, b"qc\x7f\x08")
                time.sleep(0.05)
                assert keys.pressed() == "qc" + 2 * BACKSPACE
                os.write(main, b"\x1b[A")
                time.sleep(0.05)
                assert keys.pressed() == ""
                raise ZeroDivisionError
            assert termios.tcgetattr(end) == before
            monkeypatch.setattr(os, "tcgetpgrp", lambda number: os.getpgrp() + 1)
            with terminal_keys() as keys:
                assert isinstance(keys, NoKeys)
        os.close(main)

    def test_no_terminal_no_keys(self, monkeypatch):
        monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: PTH123, SIM115
        with terminal_keys() as keys:
            assert isinstance(keys, NoKeys)
            assert keys.pressed() == ""
