"""`fingerspell data sheet`: which photos it chooses, where they stand, and what it refuses."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fingerspell.cli.main import main
from fingerspell.cli.sheet import chosen_labels, folder_names, spread
from fingerspell.core.errors import DataError
from fingerspell.hands.contact import grouped_sheet
from fingerspell.lab.data.manifest import Photo, scan

CELL = 32
PAPER = (250, 250, 248)


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Run the command in an empty folder: (exit code, stdout, stderr)."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fingerspell", "data", "sheet", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return command


def write(root: Path, photos: dict[str, int]) -> Path:
    """Plain grey photos: path → brightness."""
    for path, grey in photos.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((CELL, CELL, 3), grey, np.uint8)).save(root / path)
    return root


def greys(path: Path, known: set[int]) -> dict[int, list[tuple[int, int]]]:
    """Brightness → (top, left) of the plain photos of a sheet, of those brightnesses that are looked for."""
    sheet = np.asarray(Image.open(path).convert("RGB")).astype(int)
    found = {}
    for grey in known:
        whole = (sheet == grey).all(axis=-1)
        ys, xs = np.nonzero(whole)
        if len(ys) >= CELL * CELL:
            found[grey] = (int(ys.min()), int(xs.min()), int(whole.sum()) // CELL**2)
    return found


def made(*paths: str) -> list[Photo]:
    return [Photo(path, "A", "", int("".join(filter(str.isdigit, Path(path).stem)) or 0)) for path in paths]


class TestWhichPhotos:
    def test_spread_over_a_recording_in_the_order_of_its_numbers(self):
        photos = made(*(f"A/A{number}.jpg" for number in (1, 10, 100, 2, 20, 200, 3, 30, 300)))
        assert [photo.number for photo in spread(photos, 3)] == [2, 20, 200]
        assert [photo.number for photo in spread(photos, 1)] == [20]
        assert [photo.number for photo in spread(photos, 9)] == [1, 2, 3, 10, 20, 30, 100, 200, 300]
        assert len(spread(photos, 20)) == 9

    def test_a_photo_of_each_person_before_a_second_of_any(self):
        photos = made(*(f"A/p{person}/{number}.jpg" for person in range(4) for number in range(20)))
        assert [photo.path.split("/")[1] for photo in spread(photos, 4)] == ["p0", "p1", "p2", "p3"]
        assert [photo.path.split("/")[1] for photo in spread(photos, 2)] == ["p1", "p3"]
        of_six = [photo.path.split("/")[1] for photo in spread(photos, 6)]
        assert sorted(set(of_six)) == ["p0", "p1", "p2", "p3"]
        assert max(of_six.count(person) for person in set(of_six)) == 2

    def test_a_person_with_few_photos_leaves_the_rest_to_the_others(self):
        photos = made("A/few/1.jpg", *(f"A/many/{number}.jpg" for number in range(9)))
        assert [photo.path for photo in spread(photos, 4)] == ["A/few/1.jpg", *(f"A/many/{n}.jpg" for n in (1, 4, 7))]

    def test_no_photos(self):
        assert spread([], 3) == []

    def test_names_of_folders_differ_where_the_folders_do(self, tmp_path):
        places = [tmp_path / "one" / "photos", tmp_path / "two" / "photos"]
        assert folder_names(places) == ["one/photos", "two/photos"]
        assert folder_names([places[0], tmp_path / "two"]) == ["photos", "two"]
        assert folder_names([places[0], places[0]]) == ["photos", "photos"]

    def test_labels_in_any_spelling_and_in_the_order_given(self):
        assert chosen_labels("Space, b,A,b") == ("space", "B", "A")
        with pytest.raises(DataError, match=r"unknown label 'spce'.*did you mean 'space'"):
            chosen_labels("A,spce")
        with pytest.raises(DataError, match="names no label"):
            chosen_labels(" , ")


class TestTheSheet:
    def test_a_row_a_class_and_a_group_of_columns_a_folder(self, run, tmp_path):
        one = write(tmp_path / "one", {"A/1.png": 10, "A/2.png": 20, "A/3.png": 30, "B/1.png": 40})
        two = write(tmp_path / "two", {"A/1.png": 110, "A/2.png": 120, "C/1.png": 130})
        code, out, err = run(one, "--beside", two, "--columns", 2, "--cell", CELL, "-o", "sheet.png")
        assert (code, out) == (0, "sheet.png\n")
        found = greys(Path("sheet.png"), {10, 20, 30, 40, 110, 120, 130})
        assert set(found) == {10, 30, 40, 110, 120, 130}  # of three, the two that are spread evenly
        assert all(times == 1 for *_, times in found.values())
        top = {grey: place[0] for grey, place in found.items()}
        left = {grey: place[1] for grey, place in found.items()}
        assert top[10] == top[30] == top[110] == top[120] < top[40] < top[130]
        assert top[40] - top[10] == top[130] - top[40] == CELL + 4
        assert left[40] == left[10] < left[30] < left[110] == left[130] < left[120]
        assert left[110] - left[30] > left[30] - left[10] == CELL + 4  # a wider gap between folders
        assert f"{one}: 3 of 4 photos shown" in err
        assert "no photo of C" in err
        assert "no photo of B" in err

    def test_the_names_stand_above_their_columns(self):
        rows = [("A", [[np.full((CELL, CELL, 3), 9, np.uint8)], [np.full((CELL, CELL, 3), 9, np.uint8)]])]
        sheets = [np.asarray(grouped_sheet(names, rows, 2, CELL)) for names in (("one", "two"), ("one", "xyz"))]
        top, left = (int(each.min()) for each in np.nonzero((sheets[0] == 9).all(axis=-1)))
        second = left + 2 * (CELL + 4) - 4 + 20
        changed = np.argwhere((sheets[0] != sheets[1]).any(axis=-1))
        assert len(changed)
        assert changed[:, 0].max() < top
        assert changed[:, 1].min() >= second - 1
        assert (sheets[0][:top, left:second] < 100).any()

    def test_a_long_name_keeps_to_its_columns(self):
        pictures = [[np.full((CELL, CELL, 3), 9, np.uint8)]] * 2
        sheet = np.asarray(grouped_sheet(("a-very-long-name-of-a-folder-of-photos", ""), [("A", pictures)], 2, CELL))
        top, left = (int(each.min()) for each in np.nonzero((sheet == 9).all(axis=-1)))
        inked = np.nonzero((sheet[:top] < 100).all(axis=-1))[1]
        assert left - 2 <= inked.min() < left + CELL
        assert left + CELL < inked.max() <= left + 2 * (CELL + 4)

    def test_only_the_labels_asked_for_in_that_order(self, run, tmp_path):
        one = write(tmp_path / "one", {"A/1.png": 10, "B/1.png": 20, "C/1.png": 30})
        assert run(one, "--labels", "c,a", "--cell", CELL, "-o", "s.png")[0] == 0
        found = greys(Path("s.png"), {10, 20, 30})
        assert set(found) == {10, 30}
        assert found[30][0] < found[10][0]

    def test_the_columns_of_rendered_folders_are_signers(self, run, tmp_path):
        one = write(tmp_path / "one", {f"A/signer-{s}/{n}.png": 10 * (s + 1) + n for s in range(3) for n in (0, 1, 2)})
        assert run(one, "--columns", 3, "--cell", CELL)[0] == 0
        found = greys(Path("sheet.png"), set(range(10, 33)))
        assert sorted(grey // 10 for grey in found) == [1, 2, 3]

    def test_a_damaged_photo_is_named_and_another_takes_its_place(self, run, tmp_path):
        one = write(tmp_path / "one", {f"A/{number}.png": 10 * number for number in range(1, 6)})
        (one / "A" / "3.png").write_text("no photo")
        code, _, err = run(one, "--columns", 1, "--cell", CELL)
        assert code == 0
        assert set(greys(Path("sheet.png"), {10, 20, 30, 40, 50})) == {40}
        assert f"left out {one / 'A' / '3.png'}: not a readable image" in err

    def test_many_damaged_photos_are_counted(self, run, tmp_path):
        one = write(tmp_path / "one", {"A/1.png": 10})
        for number in range(2, 9):
            (one / "A" / f"{number}.png").write_text(f"no photo {number}")
        code, _, err = run(one, "--columns", 8, "--cell", CELL)
        assert code == 0
        assert err.count("left out ") == 3
        assert "… and 4 more left out" in err
        assert "1 of 8 photos shown" in err

    def test_a_jpeg_and_the_same_bytes_again(self, run, tmp_path):
        one = write(tmp_path / "one", {"A/1.png": 10, "B/1.png": 200})
        assert run(one, "-o", "a.jpg")[0] == run(one, "-o", "b.JPG")[0] == 0
        assert Image.open("a.jpg").format == "JPEG"
        assert Path("a.jpg").read_bytes() == Path("b.JPG").read_bytes()


class TestWhatItRefuses:
    @pytest.fixture
    def one(self, tmp_path) -> Path:
        return write(tmp_path / "one", {"A/1.png": 10, "B/1.png": 20})

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (("--labels", "A,Ä"), "unknown label 'Ä'"),
            (("--labels", "C"), "no readable photo of C"),
            (("-o", "sheet.gif"), "no name of a picture"),
            (("-o", "folder.png"), "exists already"),
            (("--beside", "nowhere"), "nowhere does not exist"),
            (("--columns", "100", "--cell", "1024"), "more than fit in one picture"),
        ],
    )
    def test_with_a_word_and_without_a_picture(self, run, one, arguments, told):
        Path("folder.png").mkdir()
        code, out, err = run(one, *arguments)
        assert (code, out) == (2, "")
        assert told in err
        assert [path.name for path in Path().iterdir()] == ["folder.png"]

    def test_a_picture_that_is_there_unless_told_to(self, run, one):
        Path("sheet.png").write_text("mine")
        code, _, err = run(one)
        assert code == 2
        assert "--force" in err
        assert Path("sheet.png").read_text() == "mine"
        assert run(one, "--force")[0] == 0
        assert Image.open("sheet.png").format == "PNG"

    def test_a_place_among_the_photos_of_any_folder(self, run, one, tmp_path):
        flat = write(tmp_path / "flat", {"A_test.png": 10})
        other = write(tmp_path / "other", {"A/1.png": 10})
        for place in (one / "A" / "sheet.png", one / "A" / "1.png", flat / "sheet.png"):
            before = scan(flat).digest, scan(one).digest
            code, _, err = run(other, "--beside", flat, "--beside", one, "-o", place, "--force")
            assert code == 2
            assert "lies among the photos of" in err
            assert (scan(flat).digest, scan(one).digest) == before
        assert run(one, "-o", one / "sheet.png")[0] == 0  # beside the class folders it is not in the way
        assert len(scan(one).photos) == 2
