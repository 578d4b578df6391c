"""The audit of a folder: what it finds, what it counts, and that it describes where others would refuse."""

import json
import os
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fingerspell.core.errors import DataError
from fingerspell.lab.data import audit_result
from fingerspell.lab.data.audit import audit
from fingerspell.lab.data.audit_page import page_of, picture, write_page
from fingerspell.lab.data.crossing import COMPARED, SplitOutcome, percent, recommend
from fingerspell.lab.data.manifest import scan
from fingerspell.lab.data.split import make_split

REAL = Path(__file__).parents[4] / "shared" / "data" / "one-signer"


def scene(seed: int, step: int = 0, side: int = 96) -> Image.Image:
    """A coarse coloured pattern; `step` changes it a little, as the next frame of a recording does."""
    coarse = np.random.default_rng(seed).integers(20, 230, size=(6, 6, 3), dtype=np.uint8)
    coarse[0, 0] += np.uint8(step)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


def recording(folder: Path, label: str, scenes: list[int]) -> None:
    """Photos label1.png … of the given scenes, in this order; equal numbers give the same shot."""
    (folder / label).mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(scenes, start=1):
        scene(seed, step=number % 9).save(folder / label / f"{label}{number}.png")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of ten shots of six frames each: every frame has five twins beside it."""
    place = tmp_path / "photos"
    for base, label in ((0, "A"), (100, "B")):
        recording(place, label, [base + frame // 6 for frame in range(60)])
    return place


def crossing_by_hand(folder: Path) -> int:
    """Held-out photos of the random split whose shot of six frames has a frame in train."""
    split = make_split(scan(folder), "random")
    shots = [(photo.label, (photo.number - 1) // 6) for photo in split.manifest.photos]
    learnt = {shot for shot, part in zip(shots, split.parts, strict=True) if part == "train"}
    return sum(part in ("val", "test") and shot in learnt for shot, part in zip(shots, split.parts, strict=True))


def kinds(found) -> dict[str, int]:
    return {kind.kind: kind.count for kind in found.files}


def finding(found, kind: str):
    return next((its for its in found.findings if its.kind == kind), None)


def test_a_recording_leaks_from_a_random_split_and_not_from_a_block_split(folder):
    found = audit(folder)
    by = {split.strategy: split for split in found.splits}
    assert found.photos == found.contents == 120
    assert by["random"].counts == {"train": 84, "val": 12, "test": 24}
    assert (by["random"].held_out, by["random"].crossing) == (36, crossing_by_hand(folder))
    assert by["random"].crossing > 30
    assert (by["block"].held_out, by["block"].crossing) == (36, 0)
    assert found.recommendation.strategy == "block"
    assert "0 of 36 held-out photos" in found.recommendation.text
    assert f"with the random split {by['random'].crossing} of 36" in found.recommendation.text
    for held, twin in by["random"].examples:
        assert held.partition("/")[0] == twin.partition("/")[0]
        assert (int(held[3:-4]) - 1) // 6 == (int(twin[3:-4]) - 1) // 6  # the same shot


def test_twins_runs_and_pairs_are_counted(folder):
    recording(folder, "C", [200, 200, 201, 202])
    found = audit(folder)
    a, _, c = found.classes
    assert (a.label, a.photos, a.with_twin, a.runs, a.longest) == ("A", 60, 60, 10, 6)
    assert (c.label, c.photos, c.with_twin, c.runs, c.longest) == ("C", 4, 2, 3, 2)
    assert found.near == 20 * 15 + 1 and found.near_photos == 122
    assert found.near_disagreeing == 0 and found.copied == 0
    assert [(run.name, run.first, run.last, run.photos) for run in found.runs][-1] == ("C/0", "C/C1.png", "C/C2.png", 2)
    assert {(near.first_label, near.second_label) for near in found.near_examples} == {
        ("A", "A"),
        ("B", "B"),
        ("C", "C"),
    }


def test_exact_copies_and_labels_that_disagree_are_found(folder):
    shutil.copy(folder / "A" / "A1.png", folder / "A" / "A900.png")
    shutil.copy(folder / "A" / "A7.png", folder / "B" / "B901.png")
    again = Image.open(folder / "B" / "B13.png").convert("RGB")
    again.save(folder / "A" / "A950.jpg", quality=92)
    found = audit(folder)
    assert (found.photos, found.contents, found.copied) == (123, 121, 2)
    assert found.copies_disagreeing == 1
    first, second = found.copies
    assert (first.paths, first.labels) == (("A/A7.png", "B/B901.png"), ("A", "B"))
    assert second.paths == ("A/A1.png", "A/A900.png")
    assert found.near_disagreeing >= 1
    assert {("A/A950.jpg", "A"), ("B/B13.png", "B")} <= {
        side
        for near in found.disagreeing
        for side in ((near.first, near.first_label), (near.second, near.second_label))
    }
    assert all(near.first_label != near.second_label for near in found.disagreeing)
    assert finding(found, "copies-disagree").level == finding(found, "near-disagree").level == "problem"


def test_a_copy_on_the_other_side_of_a_split_crosses(tmp_path):
    """No two shots look alike, but each photo lies there twice: under other numbers, far apart."""
    for base, label in ((0, "A"), (100, "B")):
        recording(tmp_path, label, [base + frame for frame in range(30)])
        for number in range(1, 31):
            shutil.copy(tmp_path / label / f"{label}{number}.png", tmp_path / label / f"{label}{number + 30}.png")
    found = audit(tmp_path)
    by = {split.strategy: split for split in found.splits}
    assert found.near == 0 and found.copied == 60 and found.near_photos == 120
    assert by["keras"].crossing > 0 and by["block"].crossing > 0


def make_odd_files(place: Path) -> None:
    good = (place / "A1.png").read_bytes()
    photo = scene(7)
    (place / "text.jpg").write_text("this is no photo")
    (place / "empty.jpg").touch()
    (place / "cut.png").write_bytes(good[: len(good) // 2])
    photo.save(place / "png.jpg", "PNG")
    photo.convert("L").save(place / "grey.png")
    photo.convert("P").save(place / "palette.png")
    photo.convert("RGBA").save(place / "rgba.png")
    photo.convert("CMYK").save(place / "cmyk.jpg")
    Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257).save(place / "sixteen.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(place / "turned.jpg", exif=exif)
    scene(8, side=20).save(place / "tiny.png")
    scene(9, side=90).save(place / "large.png")
    (place / "notes.txt").write_text("left out")


def test_files_with_something_unusual_are_named(folder):
    make_odd_files(folder / "A")
    found = audit(folder)
    assert kinds(found) == {
        "unreadable": 2,
        "truncated": 1,
        "wrong-ending": 1,
        "grey": 1,
        "palette": 1,
        "transparency": 1,
        "print-colours": 1,
        "sixteen-bit": 1,
        "rotated": 1,
        "tiny": 1,
        "odd-size": 2,
        "left-out": 1,
    }
    assert found.file_kind("wrong-ending").files == (("A/png.jpg", "the content is PNG"),)
    assert dict(found.file_kind("unreadable").files)["A/empty.jpg"] == "the file is empty"
    assert found.file_kind("rotated").files[0][0] == "A/turned.jpg"
    assert dict(found.modes)["I;16"] == 1 and dict(found.modes)["CMYK"] == 1
    assert finding(found, "unreadable").level == "problem" and finding(found, "grey").level == "notice"
    assert finding(found, "all-readable") is None


def test_a_photo_turned_by_exif_is_compared_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned clockwise: stored counter-clockwise
    for label in "AB":
        recording(tmp_path, label, [ord(label)])
    scene(ord("A"), step=1).rotate(90).save(tmp_path / "A" / "A2.jpg", exif=exif, quality=95)
    assert audit(tmp_path).near == 1


def png_of(width: int, height: int) -> bytes:
    """A black 1-bit PNG, compressed to a few kilobytes for each hundred million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes((1 + width // 8) * height), 1)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_enormous_photos_are_named_and_never_decoded(folder):
    (folder / "A" / "huge.png").write_bytes(png_of(40_000, 40_000))
    (folder / "A" / "over.png").write_bytes(png_of(12_000, 10_000))
    (folder / "A" / "long.png").write_bytes(png_of(80_000, 8))
    found = audit(folder)
    assert {path for path, _ in found.file_kind("too-large").files} == {"A/huge.png", "A/over.png", "A/long.png"}
    assert found.classes[0].photos == 63


def test_a_set_inside_the_set_is_recognised_as_a_copy(folder):
    shutil.copytree(folder, folder.parent / "copy")
    shutil.move(folder.parent / "copy", folder / "photos")
    found = audit(folder)
    assert found.photos == 120
    outer, inner = found.sets
    assert (outer.path, outer.photos, outer.inside) == (".", 120, None)
    assert (inner.path, inner.inside, inner.shared) == ("photos", ".", ((".", 120),))
    assert finding(found, "set-copy").level == "problem"


def test_sets_side_by_side_are_described_and_the_largest_is_examined(tmp_path):
    for label, base in (("A", 0), ("B", 100)):
        recording(tmp_path / "two", label, list(range(base, base + 5)))
        recording(tmp_path / "one", label, list(range(base, base + 3)))
        recording(tmp_path / "other", label, list(range(base + 500, base + 504)))
    (tmp_path / "void" / "A").mkdir(parents=True)
    found = audit(tmp_path)
    assert found.root == tmp_path / "two" and found.photos == 10
    assert [(its.path, its.photos, its.shared) for its in found.sets] == [
        ("two", 10, (("one", 6),)),
        ("other", 8, ()),
        ("one", 6, (("two", 6),)),
    ]
    assert finding(found, "set-copy").count == 6 and finding(found, "other-set").count == 8
    shutil.copy(tmp_path / "other" / "A" / "A1.png", tmp_path / "two" / "A" / "A77.png")
    assert finding(audit(tmp_path), "set-overlap").count == 1


def test_empty_missing_and_unbalanced_classes(folder):
    (folder / "D").mkdir()
    recording(folder, "C", [300, 301])
    found = audit(folder)
    assert found.empty == ("D",)
    assert len(found.missing) == 26 and "D" in found.missing and "A" not in found.missing
    assert finding(found, "unbalanced").count == 1 and "C has 2 photos, A 60" in finding(found, "unbalanced").detail
    shutil.rmtree(folder / "C")
    balanced = audit(folder)
    assert finding(balanced, "unbalanced") is None and finding(balanced, "balanced").detail == "60 photos each."


def test_one_class_is_described_not_refused(tmp_path):
    recording(tmp_path, "A", [1, 2, 3])
    found = audit(tmp_path)
    assert found.photos == 3 and finding(found, "one-class").level == "problem"
    assert found.recommendation.strategy is None
    assert all(split.problem for split in found.splits)
    assert "only one class" in page_of(found).lower()


def test_a_class_without_a_readable_photo_is_described(tmp_path):
    recording(tmp_path, "A", [1, 2, 3])
    (tmp_path / "B").mkdir()
    for number in range(3):
        (tmp_path / "B" / f"B{number}.jpg").write_text(f"text {number}")
    found = audit(tmp_path)
    assert found.classes[1].samples == () and kinds(found)["unreadable"] == 3
    assert "no readable photo" in page_of(found)


def test_names_that_are_no_text_are_left_out_and_named(folder):
    strange = os.fsencode(folder) + b"/A/\xff\xfe.png"
    try:
        with open(strange, "wb") as file:  # noqa: PTH123 (a path of bytes)
            file.write((folder / "A" / "A1.png").read_bytes())
    except OSError:
        pytest.skip("this file system takes no such names")
    found = audit(folder)
    assert found.photos == 120 and kinds(found)["odd-name"] == 1
    json.dumps(found.as_dict(), ensure_ascii=False).encode()
    page_of(found).encode()


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), lambda p: p.write_text("x"), lambda p: None])
def test_what_is_no_folder_of_photos_is_an_error_with_a_hint(tmp_path, make):
    make(tmp_path / "it")
    with pytest.raises(DataError) as caught:
        audit(tmp_path / "it")
    assert caught.value.expected and caught.value.remedy


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_an_error(folder):
    folder.chmod(0)
    try:
        with pytest.raises(DataError, match="may not be read"):
            audit(folder)
    finally:
        folder.chmod(0o755)


def test_a_file_that_cannot_be_opened_is_a_finding(folder, monkeypatch):
    real = Image.open

    def refuse(path, *args, **kwargs):
        if str(path).endswith("A5.png"):
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **kwargs)

    monkeypatch.setattr(Image, "open", refuse)
    found = audit(folder)
    assert found.file_kind("unreadable").files == (("A/A5.png", "cannot be read: Permission denied"),)


def test_nothing_is_changed(folder):
    make_odd_files(folder / "A")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}
    write_page(audit(folder), folder.parent / "page.html")
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}
    assert before == after


def test_interrupting_stops_at_once(folder):
    seen = []

    def interrupt(task, done, total):
        seen.append((task, done))
        if task == "looking at photos":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audit(folder, interrupt)
    assert seen[-1] == ("looking at photos", 32)


def test_progress_reaches_its_end(folder):
    seen = {}
    found = audit(folder, lambda task, done, total: seen.__setitem__(task, (done, total)))
    page_of(found, lambda task, done, total: seen.__setitem__(task, (done, total)))
    assert seen["looking at photos"] == (120, 120)
    assert all(done == total for done, total in seen.values()) and len(seen) == 4


def test_the_json_is_complete_and_stable(folder):
    make_odd_files(folder / "A")
    values = audit(folder).as_dict()
    assert values["format"] == "fingerspell-audit/1"
    assert json.loads(json.dumps(values, allow_nan=False)) is not None
    assert {
        "classes", "contents", "copied", "copies", "copies_disagreeing", "digest", "disagreeing", "empty", "files",
        "findings", "fingerspell", "folder", "format", "formats", "listed_at_most", "made", "missing", "modes", "near",
        "near_disagreeing", "near_examples", "near_photos", "near_when", "notes", "photos", "recommendation", "root",
        "runs", "sets", "sizes", "splits",
    } == set(values)  # fmt: skip
    assert values["near_when"]["same_label"] == {"bits": 20, "colour": 5.0, "shift": 16.0}
    assert {"strategy", "counts", "held_out", "crossing", "fraction"} <= set(values["splits"][0])
    again = audit(folder).as_dict()
    assert {**values, "made": ""} == {**again, "made": ""}


def test_long_lists_are_cut_and_counted_whole(folder, monkeypatch):
    monkeypatch.setattr("fingerspell.lab.data.audit.LISTED", 3)
    for number in range(5):
        (folder / "A" / f"bad{number}.jpg").write_text("no photo")
    found = audit(folder)
    assert found.file_kind("unreadable").count == 5 and len(found.file_kind("unreadable").files) == 3
    assert audit_result.LISTED == 200


def test_the_page_stands_alone_and_escapes_names(folder):
    if os.name == "posix":
        shutil.copy(folder / "A" / "A1.png", folder / "A" / "<script>alert(1)<.png")
    make_odd_files(folder / "A")
    page = page_of(audit(folder))
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    assert page.lstrip().startswith("<!doctype html>")
    assert page.count('src="data:image/jpeg;base64,') > 20
    assert "prefers-color-scheme: dark" in page and 'name="viewport"' in page
    assert "in training" in page and "A/text.jpg" in page


def test_photos_that_have_gone_are_left_out_of_the_page(folder):
    found = audit(folder)
    shutil.rmtree(folder)
    assert picture(folder / "A" / "A1.png", 50) == ""
    assert "data:image" not in page_of(found)


def test_a_page_that_cannot_be_written_leaves_nothing(folder, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="could not be written"):
        write_page(audit(folder), tmp_path / "file" / "page.html")


def test_disagreeing_labels_stand_side_by_side_on_the_page(folder):
    shutil.copy(folder / "A" / "A7.png", folder / "B" / "B901.png")
    Image.open(folder / "B" / "B13.png").convert("RGB").save(folder / "A" / "A950.jpg", quality=92)
    page = page_of(audit(folder))
    assert "The same photo, different labels" in page and "the same file, labels A, B" in page
    assert "A/A950.jpg" in page


def outcome(strategy: str, crossing: int, held_out: int = 100, test: int = 60, problem: str = "") -> SplitOutcome:
    counts = {"train": 200, "val": held_out - test, "test": test}
    return SplitOutcome(strategy, f"the {strategy} way", counts, held_out, crossing, problem, ())


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([outcome("block", 0), outcome("keras", 0, test=0), outcome("random", 0)], "block"),
        ([outcome("block", 9), outcome("random", 3)], "random"),
        ([outcome("block", 9), outcome("keras", 1, test=0), outcome("random", 50)], "block"),
        ([outcome("block", 0, problem="no"), outcome("keras", 5, test=0)], "keras"),
        ([outcome("block", 0, problem="too few photos")], None),
        ([], None),
    ],
)
def test_the_split_with_the_fewest_crossings_is_recommended(outcomes, expected):
    advice = recommend(outcomes)
    assert advice.strategy == expected
    if expected is None:
        assert "No split can be made" in advice.text


def test_a_recommended_split_that_still_leaks_says_so():
    assert "not free of them" in recommend([outcome("block", 2), outcome("random", 30)]).text
    assert "not free of them" not in recommend([outcome("block", 0), outcome("random", 30)]).text


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0, "0.0%"), (0.0001, "<0.1%"), (0.25, "25.0%"), (0.9999, ">99.9%"), (1, "100.0%")],
)
def test_percentages_never_round_something_to_nothing(fraction, text):
    assert percent(fraction) == text


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real photos are not in {REAL}")
def test_real_frames(tmp_path):
    for label in ("A", "U", "V", "nothing"):
        shutil.copytree(REAL / label, tmp_path / label)
    found = audit(tmp_path)
    by = {split.strategy: split for split in found.splits}
    assert found.near_disagreeing == 0  # U and V before the same wall are no twins
    assert 0.1 < found.near_photos / found.photos < 0.5
    assert by["block"].fraction < 0.06
    assert by["random"].fraction > 0.12
    pairs = {(near.first, near.second) for near in found.near_examples}
    assert len(pairs) == 4 and [split.strategy for split in found.splits] == list(COMPARED)
