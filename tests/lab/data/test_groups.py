"""Groups: people, rooms or sessions that stay whole, told by folder, pattern or CSV."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from fingerspell.core.errors import DataError
from fingerspell.lab.data.groups import groups_by_folder, groups_by_pattern, groups_from_csv
from fingerspell.lab.data.manifest import Manifest, Photo, frame_number
from fingerspell.lab.data.split import make_split


def manifest_of(*paths: str) -> Manifest:
    """A manifest without files: label = first folder, content = path."""
    photos = (Photo(p, p[0], hashlib.sha256(p.encode()).hexdigest(), frame_number(p)) for p in paths)
    return Manifest(Path("photos"), tuple(sorted(photos, key=lambda photo: (photo.label, photo.path))))


TINY = manifest_of(*(f"{c}/{c}{n}.jpg" for c, count in (("A", 12), ("B", 12), ("C", 7)) for n in range(1, count + 1)))
GROUPS = {photo.path: f"g{photo.number % 6}" for photo in TINY.photos}


class TestGroup:
    def test_groups_stay_whole(self):
        split = make_split(TINY, "group", groups=GROUPS)
        part_of = dict(zip(split.blocks, split.parts, strict=True))
        assert all(part_of[block] == part for block, part in zip(split.blocks, split.parts, strict=True))
        assert set(split.blocks) == {f"g{n}" for n in range(6)}
        assert Counter(part_of.values()) == {"train": 4, "val": 1, "test": 1}

    @pytest.mark.parametrize(
        ("fixed", "expected"),
        [
            ({"g1": "test", "g2": "val"}, {"train": 4, "val": 1, "test": 1}),
            ({"g1": "test"}, {"train": 4, "val": 1, "test": 1}),
            ({"g1": "test", "g2": "test"}, {"train": 3, "val": 1, "test": 2}),
            ({"g1": "val"}, {"train": 4, "val": 1, "test": 1}),
            ({"g1": "train"}, {"train": 4, "val": 1, "test": 1}),
        ],
    )
    def test_named_groups_have_their_part_and_the_rest_is_dealt(self, fixed, expected):
        split = make_split(TINY, "group", groups=GROUPS, fixed_groups=fixed)
        part_of = dict(zip(split.blocks, split.parts, strict=True))
        assert Counter(part_of.values()) == expected
        assert {name: part_of[name] for name in fixed} == fixed
        assert split.settings["fixed_groups"] == fixed

    def test_an_unknown_group_is_named_and_the_nearest_suggested(self):
        with pytest.raises(DataError, match="unknown group 'G1'") as raised:
            make_split(TINY, "group", groups=GROUPS, fixed_groups={"G1": "test"})
        assert raised.value.remedy == "did you mean 'g1'?"

    def test_photos_without_a_group_are_counted(self):
        with pytest.raises(DataError, match=r"30 photos have no group, first A/A10\.jpg"):
            make_split(TINY, "group", groups={"A/A1.jpg": "x"})

    def test_one_photo_in_groups_of_two_parts_is_refused(self):
        copy = Photo("B/copy.jpg", "B", TINY.photos[0].sha256, None)
        photos = Manifest(TINY.root, (*TINY.photos, copy))
        groups = {**GROUPS, "B/copy.jpg": "other"}
        with pytest.raises(DataError, match="groups 'g1' and 'other' share a photo"):
            make_split(photos, "group", groups=groups, fixed_groups={"g1": "train", "other": "test"})
        together = make_split(photos, "group", groups=groups, fixed_groups={"g1": "test", "other": "test"})
        assert together.parts[photos.photos.index(copy)] == "test"

    def test_too_few_groups(self):
        groups = dict.fromkeys(GROUPS, "one")
        with pytest.raises(DataError, match="gives no photo to 'val'") as raised:
            make_split(TINY, "group", groups=groups)
        assert "more groups" in raised.value.remedy

    def test_by_folder(self):
        photos = manifest_of("A/anna/1.jpg", "B/anna/day2/1.jpg").photos
        assert groups_by_folder(photos) == {"A/anna/1.jpg": "anna", "B/anna/day2/1.jpg": "anna/day2"}
        with pytest.raises(DataError, match=r"A/1\.jpg lies in no folder below its class") as raised:
            groups_by_folder(manifest_of("A/1.jpg").photos)
        assert "--pattern" in raised.value.remedy

    def test_by_pattern(self):
        photos = manifest_of("A/p1_3.jpg", "B/p22_4.jpg", "B/x.jpg").photos
        assert groups_by_pattern(photos, r"p(\d+)") == {"A/p1_3.jpg": "1", "B/p22_4.jpg": "22"}
        assert groups_by_pattern(photos, r"p\d+") == {"A/p1_3.jpg": "p1", "B/p22_4.jpg": "p22"}
        with pytest.raises(DataError, match="not a regular expression"):
            groups_by_pattern(photos, "p(")


class TestCsv:
    def write(self, folder: Path, text: str | bytes) -> Path:
        path = folder / "groups.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def test_groups_and_parts(self, tmp_path):
        path = self.write(tmp_path, "path,group,part\nA/1.jpg,anna,train\nA/2.jpg,ben,\nB/1.jpg,cleo,test\n")
        assert groups_from_csv(path) == (
            {"A/1.jpg": "anna", "A/2.jpg": "ben", "B/1.jpg": "cleo"},
            {"anna": "train", "cleo": "test"},
        )

    def test_a_byte_order_mark_and_another_column(self, tmp_path):
        path = self.write(tmp_path, "\ufeffpath,signer\r\nA/é 1.jpg,Ann\r\n")
        assert groups_from_csv(path, "signer") == ({"A/é 1.jpg": "Ann"}, {})

    @pytest.mark.parametrize(("text", "column"), [("path,x\n", "group"), ("file,group\n", "path"), ("", "group")])
    def test_a_missing_column_is_named(self, tmp_path, text, column):
        with pytest.raises(DataError, match=f"has no column '{column}'"):
            groups_from_csv(self.write(tmp_path, text))

    def test_a_group_that_stands_in_two_parts(self, tmp_path):
        path = self.write(tmp_path, "path,group,part\nA/1.jpg,anna,train\nA/2.jpg,anna,test\n")
        with pytest.raises(DataError, match="group 'anna' straddles: it stands in train and in test"):
            groups_from_csv(path)

    def test_an_unknown_part(self, tmp_path):
        with pytest.raises(DataError, match="the part 'training'"):
            groups_from_csv(self.write(tmp_path, "path,group,part\nA/1.jpg,anna,training\n"))

    @pytest.mark.parametrize("row", ["A/1.jpg", "A/1.jpg,", ",anna"])
    def test_a_row_without_a_group_gives_none(self, tmp_path, row):
        """A short row or an empty cell is a photo without a group, never a group without a name."""
        groups, _ = groups_from_csv(self.write(tmp_path, f"path,group\nB/1.jpg,ben\n{row}\n"))
        assert groups == {"B/1.jpg": "ben"}
        with pytest.raises(DataError, match="1 photos have no group, first A/1"):
            make_split(manifest_of("A/1.jpg", "B/1.jpg"), "group", groups=groups)

    @pytest.mark.parametrize("text", [b"path,group\n\xff\xfe,x\n", b"path,group\n" + b"x" * 200_000 + b",y\n"])
    def test_what_is_no_csv(self, tmp_path, text):
        with pytest.raises(DataError, match="cannot be read as CSV"):
            groups_from_csv(self.write(tmp_path, text))
        with pytest.raises(DataError, match="cannot be read as CSV"):
            groups_from_csv(tmp_path / "nowhere.csv")
