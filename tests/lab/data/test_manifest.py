"""Reading a folder: every way in which people lay out these photos, and everything that may be wrong with it."""

import os
import shutil
from pathlib import Path

import pytest

from fingerspell.core.errors import DataError
from fingerspell.lab.data import manifest as module
from fingerspell.lab.data.manifest import NOT_TEXT, Manifest, frame_number, scan


def lay(root: Path, *paths: str) -> Path:
    """Files below root whose content is their own name: scanning does not decode."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())
    return root


def paths(found: Manifest) -> list[str]:
    return [photo.path for photo in found.photos]


def reasons(found: Manifest) -> dict[str, str]:
    return {its.path: its.reason for its in found.left_out}


class TestLayouts:
    def test_class_folders(self, tmp_path):
        found = scan(lay(tmp_path, "B/B2.jpg", "A/A10.jpg", "A/A2.jpg", "space/s.png", "del/d.jpeg"))
        assert paths(found) == ["A/A10.jpg", "A/A2.jpg", "B/B2.jpg", "del/d.jpeg", "space/s.png"]
        assert [photo.number for photo in found.photos] == [10, 2, 2, None, None]
        assert found.labels == ("A", "B", "del", "space")
        assert found.counts == {"A": 2, "B": 1, "del": 1, "space": 1}
        assert (found.root, found.left_out, found.notes) == (tmp_path, (), ())

    def test_folder_names_in_any_case(self, tmp_path):
        found = scan(lay(tmp_path, "a/1.jpg", "Del/1.jpg", "SPACE/1.jpg", "Nothing/1.jpg"))
        assert [photo.label for photo in found.photos] == ["A", "del", "nothing", "space"]

    def test_two_folders_of_one_label_are_both_read(self, tmp_path):
        assert scan(lay(tmp_path, "A/1.jpg", "a /1.jpg", "B/1.jpg")).counts == {"A": 2, "B": 1}

    def test_nested_as_kaggles_zip_unpacks(self, tmp_path):
        found = scan(lay(tmp_path, "asl_alphabet_train/asl_alphabet_train/A/A1.jpg"))
        assert found.root == tmp_path / "asl_alphabet_train" / "asl_alphabet_train"
        assert paths(found) == ["A/A1.jpg"]
        assert found.notes == ("class folders found in asl_alphabet_train/asl_alphabet_train/",)

    def test_the_whole_zip_with_its_flat_test_folder(self, tmp_path):
        lay(tmp_path, "asl_alphabet_test/asl_alphabet_test/A_test.jpg")
        found = scan(lay(tmp_path, "asl_alphabet_train/asl_alphabet_train/A/A1.jpg"))
        assert paths(found) == ["A/A1.jpg"]
        assert "not used: asl_alphabet_test/" in found.notes

    def test_flat_names(self, tmp_path):
        names = ["A_test.jpg", "space_test.jpg", "nothing_test.JPG", "B12.png", "c-3.jpg", "hello.jpg", "7.jpg"]
        found = scan(lay(tmp_path, *names, "readme.txt"))
        assert {photo.path: photo.label for photo in found.photos} == {
            "A_test.jpg": "A",
            "B12.png": "B",
            "c-3.jpg": "C",
            "nothing_test.JPG": "nothing",
            "space_test.jpg": "space",
        }
        assert reasons(found) == dict.fromkeys(["hello.jpg", "7.jpg"], "its name does not begin with a label")

    def test_flat_and_nested(self, tmp_path):
        found = scan(lay(tmp_path, "asl_alphabet_test/asl_alphabet_test/A_test.jpg"))
        assert paths(found) == ["A_test.jpg"]
        assert found.notes == ("photos found in asl_alphabet_test/asl_alphabet_test/",)

    def test_subfolders_of_classes_belong_to_the_class(self, tmp_path):
        found = scan(lay(tmp_path, "A/anna/1.jpg", "A/ben/deep/2.jpg", "B/1.jpg"))
        assert paths(found) == ["A/anna/1.jpg", "A/ben/deep/2.jpg", "B/1.jpg"]

    def test_a_set_inside_the_set_is_left_out_and_said(self, tmp_path):
        found = scan(lay(tmp_path, "A/1.jpg", "B/1.jpg", "copy/inner/A/1.jpg"))
        assert paths(found) == ["A/1.jpg", "B/1.jpg"]
        assert reasons(found) == {"copy/inner": "a set of class folders inside the set"}

    def test_sets_side_by_side_are_an_error_that_names_them(self, tmp_path):
        lay(tmp_path, "anna/A/1.jpg", "ben/B/1.jpg")
        with pytest.raises(DataError, match="2 separate sets of class folders: anna, ben") as raised:
            scan(tmp_path)
        assert str(tmp_path / "anna") in raised.value.remedy

    def test_labels_in_the_order_of_the_alphabet(self, tmp_path):
        found = scan(lay(tmp_path, *(f"{name}/1.jpg" for name in ("space", "b", "A", "del", "C", "Nothing"))))
        assert [photo.label for photo in found.photos] == ["A", "B", "C", "del", "nothing", "space"]


class TestLeftOut:
    def test_unknown_folders_and_files_are_left_out_and_said(self, tmp_path):
        found = scan(lay(tmp_path, "A/1.jpg", "B/1.jpg", "AA/1.jpg", "A/notes.txt", "A/noending", "A/x.webp"))
        assert paths(found) == ["A/1.jpg", "B/1.jpg"]
        assert reasons(found) == {
            "AA": "not a label of the alphabet",
            "A/notes.txt": "not a photo ending (.txt)",
            "A/noending": "not a photo ending (none)",
            "A/x.webp": "not a photo ending (.webp)",
        }

    def test_hidden_and_macosx_folders_are_passed_by(self, tmp_path):
        found = scan(lay(tmp_path, "A/1.jpg", "B/1.jpg", "__MACOSX/A/._1.jpg", ".git/A/1.jpg", "A/.DS_Store"))
        assert paths(found) == ["A/1.jpg", "B/1.jpg"]
        assert found.left_out == ()

    @pytest.mark.parametrize("ending", ["png", "JPG", "jpeg", "BMP", "ppm", "tif", "TIFF"])
    def test_endings_that_keras_reads_in_any_case(self, tmp_path, ending):
        assert paths(scan(lay(tmp_path, f"A/x.{ending}"))) == [f"A/x.{ending}"]

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
    def test_what_is_no_regular_file_is_not_waited_for(self, tmp_path):
        lay(tmp_path, "A/1.jpg")
        os.mkfifo(tmp_path / "A" / "pipe.jpg")
        (tmp_path / "A" / "gone.jpg").symlink_to("nowhere")
        (tmp_path / "A" / "folder.jpg").mkdir()
        found = scan(tmp_path)
        assert paths(found) == ["A/1.jpg"]
        assert reasons(found) == {
            "A/gone.jpg": "cannot be read: No such file or directory",
            "A/pipe.jpg": "not a file (a pipe, or a device)",
        }

    @pytest.mark.skipif(os.name == "nt", reason="names are always text on this system")
    def test_names_that_are_no_utf8_are_left_out_and_printable(self, tmp_path):
        lay(tmp_path, "A/1.jpg")
        for name in (b"caf\xe9.jpg", b"caf\xe9.txt"):
            Path(os.fsdecode(os.fsencode(tmp_path / "A") + b"/" + name)).write_bytes(b"x")
        (tmp_path / os.fsdecode(b"\xff")).mkdir()
        found = scan(tmp_path)
        assert paths(found) == ["A/1.jpg"]
        assert reasons(found) == {
            "A/caf�.jpg": NOT_TEXT,
            "A/caf�.txt": "not a photo ending (.txt)",
            "�": "not a label of the alphabet",
        }

    def test_a_photo_that_may_not_be_read_is_left_out(self, tmp_path, monkeypatch):
        lay(tmp_path, "A/1.jpg", "A/2.jpg")
        whole = Path.open

        def refuse(self, *args, **kwargs):
            if self.name == "2.jpg":
                raise PermissionError(13, "Permission denied")
            return whole(self, *args, **kwargs)

        monkeypatch.setattr(Path, "open", refuse)
        found = scan(tmp_path)
        assert reasons(found) == {"A/2.jpg": "cannot be read: Permission denied"}
        (tmp_path / "A" / "1.jpg").unlink()
        with pytest.raises(DataError, match=r"none of the 1 photos .* can be used.*Permission denied"):
            scan(tmp_path)

    def test_a_class_folder_that_may_not_be_listed_is_said(self, tmp_path, monkeypatch):
        lay(tmp_path, "A/1.jpg", "B/1.jpg")
        walk = os.walk

        def refuse(folder, onerror):
            if Path(folder).name == "B":
                onerror(PermissionError(13, "Permission denied", str(folder)))
                return iter(())
            return walk(folder, onerror=onerror)

        monkeypatch.setattr(module.os, "walk", refuse)
        assert reasons(scan(tmp_path)) == {"B": "cannot be opened: Permission denied"}


class TestRefused:
    @pytest.mark.parametrize("files", [(), ("notes.txt",), ("hello/1.jpg",), ("A/readme.txt",), ("hello.jpg",)])
    def test_no_photos_of_known_labels(self, tmp_path, files):
        with pytest.raises(DataError, match="no photos of known labels") as raised:
            scan(lay(tmp_path, *files))
        assert "A–Z" in raised.value.expected

    def test_a_file_in_place_of_a_folder(self, tmp_path):
        with pytest.raises(DataError, match=r"x\.jpg is a file"):
            scan(lay(tmp_path, "x.jpg") / "x.jpg")

    def test_a_missing_folder(self, tmp_path):
        with pytest.raises(DataError, match="does not exist"):
            scan(tmp_path / "nowhere")

    def test_a_name_that_no_system_takes(self, tmp_path):
        with pytest.raises(DataError, match="cannot be opened"):
            scan(tmp_path / ("x" * 5000))

    def test_a_folder_without_read_permission(self, tmp_path, monkeypatch):
        lay(tmp_path, "A/1.jpg")
        monkeypatch.setattr(module.os, "access", lambda path, mode: not mode & os.R_OK)
        with pytest.raises(DataError, match="may not be read") as raised:
            scan(tmp_path)
        assert "permission" in raised.value.remedy

    def test_permissions_as_the_system_has_them(self, tmp_path):
        lay(tmp_path, "in/A/1.jpg")
        (tmp_path / "in").chmod(0o000)
        everything = os.access(tmp_path / "in", os.R_OK)
        (tmp_path / "in").chmod(0o700)
        if everything:
            pytest.skip("this user may read everything")
        for place, mode in (("in", 0o000), ("in", 0o400), ("in", 0o100), ("in/A", 0o000)):
            (tmp_path / place).chmod(mode)
            try:
                with pytest.raises(DataError):
                    scan(tmp_path / "in")
                with pytest.raises(DataError):
                    scan(tmp_path / "in" / "A" / "deeper")
            finally:
                (tmp_path / place).chmod(0o700)

    def test_folders_that_may_be_listed_and_not_searched_count_as_empty(self, tmp_path, monkeypatch):
        lay(tmp_path, "A/1.jpg")

        def refuse(self):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "is_file", refuse)
        assert paths(scan(tmp_path)) == ["A/1.jpg"]
        assert not module._is_photo(tmp_path / "A" / "1.jpg")
        monkeypatch.setattr(Path, "iterdir", refuse)
        with pytest.raises(DataError, match="no photos"):
            scan(tmp_path)


class TestDigest:
    FILES = ("A/A1.jpg", "A/A2.jpg", "B/B1.jpg")

    def test_golden(self, tmp_path):
        """The digest is stored in splits and runs: it may never change for the same data."""
        digest = scan(lay(tmp_path, *self.FILES)).digest
        assert digest == "e04ff8082e5c974090e95bbb2e47e7e9256601b15c8857544ebb02ad7de782d8"

    def test_the_same_anywhere_and_whatever_the_times_and_the_order_of_listing(self, tmp_path, monkeypatch):
        one = scan(lay(tmp_path / "one", *self.FILES))
        other = lay(tmp_path / "two" / "inner", *reversed(self.FILES))
        os.utime(other / "A" / "A1.jpg", (0, 0))
        listed = Path.iterdir
        monkeypatch.setattr(Path, "iterdir", lambda self: reversed(list(listed(self))))
        walked = os.walk
        monkeypatch.setattr(module.os, "walk", lambda *args, **kw: ((a, b, c[::-1]) for a, b, c in walked(*args, **kw)))
        found = scan(tmp_path / "two")
        assert found.digest == one.digest
        assert found.photos == one.photos

    def test_sensitive_to_one_byte_a_name_a_label_and_a_photo(self, tmp_path):
        seen = {scan(lay(tmp_path / "one", *self.FILES)).digest}
        for number, change in enumerate((_flip, _rename, _relabel, _remove, _add)):
            root = lay(tmp_path / str(number), *self.FILES)
            change(root)
            seen.add(scan(root).digest)
        assert len(seen) == 6


def _flip(root: Path) -> None:
    data = bytearray((root / "A/A1.jpg").read_bytes())
    data[3] ^= 1
    (root / "A/A1.jpg").write_bytes(data)


def _rename(root: Path) -> None:
    (root / "A/A1.jpg").rename(root / "A/A3.jpg")


def _relabel(root: Path) -> None:
    (root / "B").rename(root / "C")


def _remove(root: Path) -> None:
    shutil.rmtree(root / "B")


def _add(root: Path) -> None:
    shutil.copy(root / "A/A1.jpg", root / "B/B2.jpg")


@pytest.mark.parametrize(
    ("name", "number"),
    [("A123.jpg", 123), ("hand2_0007.png", 7), ("A.jpg", None), ("A/12/x.jpg", None), ("frame 3 (2).jpg", 2)],
)
def test_frame_numbers(name, number):
    assert frame_number(name) == number


def test_progress_counts_every_photo(tmp_path):
    said = []
    scan(lay(tmp_path, *(f"A/{n}.jpg" for n in range(7))), lambda *told: said.append(told))
    assert said == [("reading photos", 7, 7)]


def test_the_real_folders(shared_data):
    found = scan(shared_data / "desk")
    assert (len(found.photos), len(found.labels), found.left_out) == (870, 29, ())
    assert set(found.counts.values()) == {30}
    with pytest.raises(DataError, match="separate sets"):
        scan(shared_data)
