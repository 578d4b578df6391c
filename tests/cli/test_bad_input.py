"""The bad-input table of `predict` and `camera`: what was sent, what came back.

    python tests/cli/test_bad_input.py BUNDLE

prints it as Markdown.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "live" / "frames"))

from recording import corners, declare_size, jpeg, multipart, record, record_sound, steps

from fingerspell.cli.camera import camera_command
from fingerspell.cli.predict import predict_command
from fingerspell.core.errors import FingerspellError

pytest.importorskip("onnxruntime")
pytest.importorskip("av")

Made = Path | bytes | str


def part(path: Path, keep: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    return path


def holed(path: Path) -> Path:
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 20] = bytes(len(data) // 20)
    path.write_bytes(data)
    return path


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def folder(path: Path, *, broken: bool) -> Path:
    path.mkdir()
    if broken:
        for number, picture in enumerate(steps(4)):
            written(path / f"{number}.jpg", jpeg(picture) if number != 2 else b"?")
    return path


def exif_turned(path: Path) -> Path:
    return record(path, [corners()] * 12, turn=(90, False, False))


JPEGS = [jpeg(picture) for picture in steps(6)]
GOOD = 0
"""Exit code where all was answered."""

# what was sent: (how it is made, arguments after it, exit code, what is said)
SENT: dict[str, tuple[Callable[[Path], Made], list[str], int, str]] = {
    "a file that is not there, `nowhere.mp4`": (lambda t: t / "nowhere.mp4", [], 2, "there is no such file"),
    "an empty file `a.mp4`": (lambda t: written(t / "a.mp4", b""), [], 2, "the file is empty"),
    "text named `a.mp4`": (lambda t: written(t / "a.mp4", b"text\n" * 99), [], 2, "no video can be read"),
    "a photo named `a.mp4`": (lambda t: written(t / "a.mp4", JPEGS[0]), [], GOOD, "%"),
    "a video named `a.jpg`": (
        lambda t: record(t / "a.mp4", steps(9)).rename(t / "a.jpg"),
        [],
        GOOD,
        "no sign was held",
    ),
    "a playlist `a.mp4` naming another file": (
        lambda t: written(t / "a.mp4", b"#EXTM3U\n#EXTINF:9,\n/etc/hostname\n#EXT-X-ENDLIST\n"),
        [],
        2,
        "no video can be read",
    ),
    "an FFmpeg list of files `a.mp4`": (
        lambda t: written(t / "a.mp4", b"ffconcat version 1.0\nfile '/etc/hostname'\n"),
        [],
        2,
        "no video can be read",
    ),
    "sound only": (lambda t: record_sound(t / "a.mp4"), [], 2, "only audio"),
    "an MP4 cut off before it was saved": (
        lambda t: part(record(t / "a.mp4", steps(30)), 0.6),
        [],
        2,
        "no video can be read",
    ),
    "a MKV cut at 60%": (lambda t: part(record(t / "a.mkv", steps(30)), 0.6), [], 2, "the video is damaged"),
    "a GIF cut at 60%": (lambda t: part(record(t / "a.gif", steps(30)), 0.6), [], 2, "the video is damaged"),
    "an MP4 with a hole of 5%": (lambda t: holed(record(t / "a.mp4", steps(30))), [], 2, "damaged parts left out"),
    "a raw AVI that declares 100,000×100,000": (
        lambda t: declare_size(record(t / "a.avi", steps(3), codec="rawvideo"), 100_000, 100_000),
        [],
        2,
        "",
    ),
    "a GIF that declares 65,535×65,535": (
        lambda t: declare_size(record(t / "a.gif", steps(3)), 65_535, 65_535),
        [],
        2,
        "no picture of this video",
    ),
    "a video turned by 90° (a phone's)": (lambda t: exif_turned(t / "a.mp4"), [], GOOD, ""),
    "a folder without photos, `--as-frames`": (
        lambda t: folder(t / "f", broken=False),
        ["--as-frames"],
        2,
        "no photos in this folder",
    ),
    "a folder with one broken photo of four, `--as-frames`": (
        lambda t: folder(t / "f", broken=True),
        ["--as-frames"],
        2,
        "cannot be read: 1 of 4",
    ),
    "`--fps 0`": (lambda t: folder(t / "f", broken=True), ["--as-frames", "--fps", "0"], 2, "0 frames a second"),
    "`--box 30,10,40,60`": (lambda t: t / "x", ["--box", "30,10,40,60"], 2, "reaches beyond the frame"),
    "`--box 1,2`": (lambda t: t / "x", ["--box", "1,2"], 2, "is no box"),
    "`--hand third`": (lambda t: t / "x", ["--hand", "third"], 2, "there is no hand 'third'"),
    "`--hold -1`": (lambda t: t / "x", ["--hold", "-1"], 2, "hold is -1"),
    "nothing on standard input": (lambda t: b"", [], 2, "the file is empty"),
    "text on standard input": (lambda t: b"text\n" * 99, [], 2, "not a readable image"),
    "text on standard input, `--as-frames`": (lambda t: b"text\n" * 99, ["--as-frames"], 2, "no whole JPEG"),
    "MJPEG on standard input": (lambda t: b"".join(JPEGS), [], GOOD, "give --fps"),
    "multipart MJPEG, one frame cut": (
        lambda t: multipart([JPEGS[0], JPEGS[1][:300], *JPEGS[2:]]),
        ["--fps", "15"],
        GOOD,
        "damaged frames left out: 1",
    ),
    "`camera --camera nowhere.mp4`": (lambda t: "nowhere.mp4", [], 2, "there is no camera or file"),
    "`camera --camera DIR`": (str, [], 2, "is a folder"),
    "`camera --camera ftp://host/x`": (lambda t: "ftp://host/x", [], 2, "no address of a camera"),
    "`camera --camera http://127.0.0.1:9/`": (lambda t: "http://127.0.0.1:9/", [], 2, "gives no pictures"),
    "`camera --camera 99`": (lambda t: "99", [], 2, "camera 99 cannot be opened"),
}


def send(bundle: Path, name: str, place: Path) -> tuple[int, str, str]:
    """Exit code, stdout, and all messages."""
    make, args, _, _ = SENT[name]
    made = make(place)
    app = typer.Typer()
    app.command()(camera_command if isinstance(made, str) else predict_command)
    if isinstance(made, str):
        args = ["--camera", made, *args]
    else:
        args = ["-" if isinstance(made, bytes) else str(made), *args]
    result = CliRunner().invoke(app, [str(bundle), *args], input=made if isinstance(made, bytes) else b"")
    error = result.exception
    assert error is None or isinstance(error, FingerspellError | SystemExit), f"{name}: {error!r}"
    code = error.exit_code if isinstance(error, FingerspellError) else result.exit_code
    messages = result.stderr + (str(error) if isinstance(error, FingerspellError) else "")
    return code, result.stdout, messages.replace(str(place), "")


@pytest.mark.parametrize("name", SENT)
def test_what_was_sent_and_what_came_back(tiny_bundle, tmp_path, name):
    if name == "`camera --camera 99`":
        pytest.importorskip("cv2")
    _, _, expected, said = SENT[name]
    code, out, messages = send(tiny_bundle, name, tmp_path)
    assert code == expected
    assert said in out + messages
    assert "Traceback" not in messages


def test_bad_input_in_json_is_one_object_with_the_error(tiny_bundle, tmp_path):
    app = typer.Typer()
    app.command()(predict_command)
    path = part(record(tmp_path / "a.mkv", steps(30)), 0.6)
    result = CliRunner().invoke(app, [str(tiny_bundle), str(path), str(tmp_path / "none.mp4"), "--json"])
    cut, missing = [json.loads(line) for line in result.stdout.splitlines()[-2:]]
    assert (cut["kind"], cut["path"]) == ("text", str(path))
    assert cut["frames"] > 5
    assert "damaged" in cut["error"]
    assert "no such file" in missing["error"]


def _print_table(bundle: Path) -> None:
    print("| sent | exit code | what came back |\n| --- | --- | --- |")
    for name in SENT:
        with tempfile.TemporaryDirectory() as place:
            code, out, messages = send(bundle, name, Path(place))
        lines = [line for line in [*messages.splitlines(), *out.splitlines()] if line.strip()]
        first = (lines[0] if lines else "").replace(place, "").replace("|", "\\|").removeprefix("/")
        print(f"| {name} | {code} | {first} |")


if __name__ == "__main__":
    sys.stdin = io.TextIOWrapper(io.BytesIO())
    _print_table(Path(sys.argv[1]))
