"""Further folders to learn from: what is refused and why, what is recorded, how their photos are gathered."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fingerspell.core.errors import DataError
from fingerspell.core.preprocess import PreprocessSpec
from fingerspell.lab.data import additions
from fingerspell.lab.data.additions import Addition, admit, load_additions, save_additions
from fingerspell.lab.data.cache import open_cache
from fingerspell.lab.data.fingerprint import fingerprints
from fingerspell.lab.data.joined import JoinedPixels, joined, starts_of
from fingerspell.lab.data.manifest import LeftOut, scan
from fingerspell.lab.data.neighbours import nearest_twins
from fingerspell.lab.data.split import Split, make_split

SPEC = PreprocessSpec(32, 32)


def scene(number: int) -> np.ndarray:
    """Coarse coloured patches, another picture for each number: (32, 32, 3) uint8."""
    patches = np.random.default_rng(number).integers(30, 220, (8, 8, 3))
    return np.kron(patches, np.ones((4, 4, 1))).astype(np.uint8)


def write(folder: Path, label: str, name: int, pixels: np.ndarray) -> Path:
    path = folder / label / f"{label}{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def make_folder(folder: Path, labels: str, first: int, each: int = 20) -> Path:
    for place, label in enumerate(labels):
        for number in range(each):
            write(folder, label, number, scene(first + 100 * place + number))
    return folder


@pytest.fixture
def split(tmp_path) -> Split:
    return make_split(scan(make_folder(tmp_path / "own", "ABC", 0)), "block", guard=0.05)


@pytest.fixture
def other(tmp_path) -> Path:
    return make_folder(tmp_path / "other", "AB", 5000, each=6)


def admitted(split: Split, *folders: Path) -> tuple[Addition, ...]:
    place = split.manifest.root.parent / "cache"
    manifests = [scan(folder) for folder in folders]
    packed = [(manifest, open_cache(manifest, SPEC, place)) for manifest in manifests]
    return admit(split, open_cache(split.manifest, SPEC, place), packed)


def a_photo_of(split: Split, part: str) -> Path:
    index = split.indices(part)[0]
    return split.manifest.root / split.manifest.photos[index].path


def test_all_photos_of_a_folder_are_learnt_from(split, other):
    (addition,) = admitted(split, other)
    assert addition.refused == ()
    assert addition.learnt == scan(other).photos
    assert addition.digest == scan(other).digest
    assert addition.name == "other"


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("val", additions.COPY_HELD),
        ("test", additions.COPY_HELD),
        ("guard", additions.COPY_HELD),
        ("train", additions.COPY_LEARNT),
    ],
)
def test_copies_are_refused_whatever_their_name_and_label(split, other, part, reason):
    assert split.counts[part]
    shutil.copy(a_photo_of(split, part), other / "B" / "again.png")
    (addition,) = admitted(split, other)
    assert addition.refused == (LeftOut("B/again.png", reason),)
    assert len(addition.learnt) == 12


def test_a_content_both_learnt_from_and_held_out_counts_as_held_out(split, other):
    root = split.manifest.root
    shutil.copy(a_photo_of(split, "train"), a_photo_of(split, "test"))
    again = make_split(scan(root), "block", guard=0.05)
    shutil.copy(a_photo_of(again, "test"), other / "A" / "again.png")
    (addition,) = admitted(again, other)
    assert addition.left_out_counts == {additions.COPY_HELD: 1}


@pytest.mark.parametrize(("part", "refused"), [("val", True), ("test", True), ("guard", True), ("train", False)])
def test_photos_that_nearly_match_what_is_held_out_are_refused(split, other, part, refused):
    source = a_photo_of(split, part)
    brighter = np.array(Image.open(source)) + np.uint8(5)
    write(other, source.parent.name, 77, brighter)
    (addition,) = admitted(split, other)
    twin = source.relative_to(split.manifest.root).as_posix()
    told = (LeftOut(f"{source.parent.name}/{source.parent.name}77.png", f"{additions.NEAR_HELD}: {twin}"),)
    assert addition.refused == (told if refused else ())


def test_labels_that_the_first_folder_lacks_are_refused(split, other):
    write(other, "K", 1, scene(7000))
    (addition,) = admitted(split, other)
    assert addition.left_out_counts == {additions.OTHER_LABEL: 1}
    assert {photo.label for photo in addition.learnt} == {"A", "B"}


def test_damaged_photos_are_refused_and_files_counted(split, other):
    (other / "A" / "torn.png").write_bytes(b"no photo")
    (other / "A" / "notes.txt").write_text("no photo either")
    (addition,) = admitted(split, other)
    assert addition.left_out_counts == {additions.DAMAGED: 1, "not a photo ending (.txt)": 1}
    assert addition.refused[0].path == "A/torn.png"


def test_what_two_folders_share_is_learnt_once(split, other, tmp_path):
    second = make_folder(tmp_path / "second", "C", 9000, each=4)
    shutil.copy(other / "A" / "A1.png", second / "C" / "shared.png")
    first, then = admitted(split, other, second)
    assert len(first.learnt) == 12
    assert then.refused == (LeftOut("C/shared.png", additions.COPY_LEARNT),)
    contents = [photo.sha256 for addition in (first, then) for photo in addition.learnt]
    assert len(contents) == len(set(contents)) == 16


def test_a_folder_of_which_nothing_is_left_is_an_error_that_says_why(split):
    with pytest.raises(DataError, match=f"{additions.COPY_HELD}, .*{additions.COPY_LEARNT}") as caught:
        admitted(split, split.manifest.root)
    assert "--also-learn" in caught.value.remedy


def test_the_record_reads_back_and_is_held_to_its_digest(split, other, tmp_path):
    write(other, "K", 1, scene(7000))
    found = admitted(split, other)
    path = tmp_path / "also-learnt.json"
    save_additions(path, found)
    (again,) = load_additions(path)
    assert again.learnt == found[0].learnt
    assert again.digest == found[0].digest != again.manifest.digest
    assert again.manifest.digest == scan(other).digest
    values = json.loads(path.read_text())
    for damage in ("photos", "refused", "format"):
        changed = json.loads(path.read_text())
        if damage == "format":
            changed["format"] = "something/1"
        else:
            del changed["folders"][0][damage][0]
        path.write_text(json.dumps(changed))
        with pytest.raises(DataError, match="does not name the further folders"):
            load_additions(path)
        path.write_text(json.dumps(values))


def test_the_nearest_twins_are_found_between_two_sets():
    shots = np.stack([scene(number) for number in range(300)])
    changed = shots.copy()
    changed[:, :4, :4] += 20  # one of 64 patches
    own = fingerprints(np.stack([shots[7], changed[250], scene(999)]))
    far = fingerprints(np.concatenate([changed[7:8], shots]))
    labels, other_labels = np.zeros(3, dtype=np.intp), np.zeros(301, dtype=np.intp)
    said: list[tuple[int, int]] = []
    twins = nearest_twins(own, labels, far, other_labels, lambda _, done, total: said.append((done, total)))
    assert twins.tolist() == [8, 251, -1]  # 0 nearly matches the first of them too
    assert said == [(3, 3)]
    # the other way round there are more rows than are compared at once
    back = nearest_twins(far, other_labels, own, labels)
    assert {place: twin for place, twin in enumerate(back.tolist()) if twin >= 0} == {0: 0, 8: 0, 251: 1}
    assert nearest_twins(own[:0], labels[:0], far, other_labels).shape == (0,)
    assert nearest_twins(own, labels, far[:0], other_labels[:0]).tolist() == [-1] * 3


def test_photos_of_other_labels_must_be_closer(monkeypatch):
    from fingerspell.lab.data import neighbours
    from fingerspell.lab.data.fingerprint import Nearness

    monkeypatch.setattr(neighbours, "SAME_SHOT_OTHER_LABEL", Nearness(bits=-1, colour=0, shift=0))
    prints = fingerprints(np.stack([scene(1)]))
    assert nearest_twins(prints, np.array([3]), prints, np.array([3])).tolist() == [0]
    assert nearest_twins(prints, np.array([3]), prints, np.array([4])).tolist() == [-1]


def test_joined_rows_are_those_of_the_parts():
    numbers = np.random.default_rng(3)
    parts = [numbers.integers(0, 256, (count, 4, 5, 3), dtype=np.uint8) for count in (7, 1, 12)]
    assert starts_of(parts).tolist() == [0, 7, 8]
    rows = numbers.permutation(20)
    assert np.array_equal(JoinedPixels(parts)[rows], np.concatenate(parts)[rows])
    assert JoinedPixels(parts)[np.array([], dtype=np.int64)].shape == (0, 4, 5, 3)
    assert joined(parts[:1]) is parts[0]
