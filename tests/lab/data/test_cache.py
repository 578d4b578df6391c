"""Decoded photos: the right pixels, whole or not at all, whatever dies or fills up while they are packed."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fingerspell.core.errors import DataError
from fingerspell.core.preprocess import PreprocessSpec, decode, normalise, preprocess, resample
from fingerspell.lab.data import cache as module
from fingerspell.lab.data.cache import bytes_needed, cache_key, open_cache
from fingerspell.lab.data.manifest import Manifest, scan

SPEC = PreprocessSpec(24, 32, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))

PACK = """
import os, signal, sys, time
from pathlib import Path
from fingerspell.core.preprocess import PreprocessSpec
from fingerspell.lab.data import cache
from fingerspell.lab.data.manifest import scan

cache._STRIDE = 4
photos, folder, moment, count = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])

def before(name, after=False):
    '''Kill this process at the count-th call of a function of the cache module.'''
    whole, calls = getattr(cache, name), [0]
    def wrapped(*args, **kwargs):
        calls[0] += 1
        if calls[0] == count:
            if after:
                whole(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(*args, **kwargs)
    setattr(cache, name, wrapped)

if moment == "decode":
    before("_pixels")
elif moment == "before record":
    before("write_json")
elif moment == "after record":
    before("write_json", after=True)
elif moment == "before rename":
    Path.rename = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)
opened = cache.open_cache(scan(photos), PreprocessSpec(24, 32), folder)
print(len(opened.rows))
"""


@pytest.fixture(autouse=True)
def small_strides(monkeypatch):
    monkeypatch.setattr(module, "_STRIDE", 4)


@pytest.fixture
def photos(photo_folder) -> Path:
    return photo_folder({"A": 9, "B": 9, "nothing": 4}, side=40)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def packed_here(found: Manifest, place: Path, spec: PreprocessSpec = SPEC) -> np.ndarray:
    return np.array(open_cache(found, spec, place).pixels)


class TestPixels:
    @pytest.mark.parametrize(
        "spec", [SPEC, PreprocessSpec(40, 40), PreprocessSpec(16, 48, fit="pad", filter="nearest", upright=False)]
    )
    def test_are_those_of_the_reference(self, photos, tmp_path, spec):
        found = scan(photos)
        cache = open_cache(found, spec, tmp_path / "cache")
        assert cache.pixels.shape == (22, spec.height, spec.width, 3)
        assert cache.pixels.dtype == np.uint8
        assert set(cache.rows) == {photo.path for photo in found.photos}
        for photo in found.photos:
            data = (photos / photo.path).read_bytes()
            row = cache.pixels[cache.rows[photo.path]]
            assert np.array_equal(row, resample(decode(data, upright=spec.upright), spec))
            assert np.array_equal(normalise(row, spec), preprocess(data, spec))

    def test_cannot_be_written_by_accident(self, photos, tmp_path):
        cache = open_cache(scan(photos), SPEC, tmp_path / "cache")
        with pytest.raises(ValueError, match="read-only"):
            cache.pixels[0] = 0


class TestKey:
    def test_mean_and_std_do_not_matter(self, photos):
        found = scan(photos)
        assert cache_key(found, SPEC) == cache_key(found, replace(SPEC, mean=(0, 0, 0), std=(1, 1, 1)))

    @pytest.mark.parametrize(
        "change", [{"height": 25}, {"width": 33}, {"fit": "crop"}, {"filter": "nearest"}, {"upright": False}]
    )
    def test_what_makes_pixels_does(self, photos, change):
        found = scan(photos)
        assert cache_key(found, SPEC) != cache_key(found, replace(SPEC, **change))

    def test_the_data_does(self, photos):
        before = cache_key(scan(photos), SPEC)
        with (photos / "A" / "A1.jpg").open("ab") as file:
            file.write(b"\0")
        assert cache_key(scan(photos), SPEC) != before

    def test_the_folder_does_not(self, photos, tmp_path):
        before = cache_key(scan(photos), SPEC)
        photos.rename(tmp_path / "moved")
        assert cache_key(scan(tmp_path / "moved"), SPEC) == before

    def test_bytes_needed(self, photos):
        assert bytes_needed(scan(photos), SPEC) == 22 * 24 * 32 * 3


class TestReopened:
    def test_without_decoding(self, photos, tmp_path, monkeypatch):
        found = scan(photos)
        first = packed_here(found, tmp_path / "cache")
        monkeypatch.setattr(module, "_pixels", lambda *_: pytest.fail("decoded again"))
        shutil.rmtree(photos)
        again = open_cache(found, replace(SPEC, mean=(0, 0, 0)), tmp_path / "cache")
        assert np.array_equal(first, again.pixels)
        assert names(tmp_path / "cache") == {cache_key(found, SPEC)}
        assert names(tmp_path / "cache" / cache_key(found, SPEC)) == {"index.json", "pixels.u8"}

    def test_progress_is_told(self, photos, tmp_path):
        said = []
        open_cache(scan(photos), SPEC, tmp_path / "cache", lambda *told: said.append(told))
        assert said == [("decoding photos", done, 22) for done in (4, 8, 12, 16, 20, 22)]

    @pytest.mark.parametrize("damage", ["cut", "gone", "no json", "other json", "list"])
    def test_a_damaged_cache_is_an_error_that_says_what_to_delete(self, photos, tmp_path, damage):
        found = scan(photos)
        open_cache(found, SPEC, tmp_path / "cache")
        folder = tmp_path / "cache" / cache_key(found, SPEC)
        if damage == "cut":
            os.truncate(folder / "pixels.u8", 100)
        elif damage == "gone":
            (folder / "pixels.u8").unlink()
        else:
            (folder / "index.json").write_text({"no json": "{", "other json": "{}", "list": "[]"}[damage])
        with pytest.raises(DataError, match="cache") as raised:
            open_cache(found, SPEC, tmp_path / "cache")
        assert raised.value.remedy

    def test_a_folder_without_an_index_is_made_again(self, photos, tmp_path):
        found = scan(photos)
        first = packed_here(found, tmp_path / "cache")
        (tmp_path / "cache" / cache_key(found, SPEC) / "index.json").unlink()
        assert np.array_equal(packed_here(found, tmp_path / "cache"), first)


class TestKilled:
    @pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
    @pytest.mark.parametrize(
        ("moment", "count", "kept"),  # of 22 photos in strides of 4: six records, then the index
        [
            ("decode", 1, 0),
            ("decode", 14, 12),
            ("before record", 3, 8),
            ("after record", 3, 12),
            ("after record", 6, 22),
            ("after record", 7, 22),
            ("before rename", 1, 0),
        ],
    )
    def test_goes_on_and_equals_an_uninterrupted_one(self, photos, tmp_path, monkeypatch, moment, count, kept):
        (photos / "A" / "A2.jpg").write_bytes(b"no photo")  # damaged ones must be remembered as well
        found = scan(photos)
        whole = open_cache(found, SPEC, tmp_path / "whole")
        killed = subprocess.run(
            [sys.executable, "-c", PACK, photos, tmp_path / "cache", moment, str(count)], check=False
        )
        assert killed.returncode == -signal.SIGKILL
        key = cache_key(found, SPEC)
        assert key + ".partial" in names(tmp_path / "cache")
        assert key not in names(tmp_path / "cache")  # a part is never taken for the whole

        decoded: list[str] = []
        pixels_of = module._pixels
        monkeypatch.setattr(module, "_pixels", lambda r, p, s: (decoded.append(p.path), pixels_of(r, p, s))[1])
        again = open_cache(found, SPEC, tmp_path / "cache")
        assert np.array_equal(again.pixels, whole.pixels)
        assert again.rows == whole.rows
        assert again.damaged == whole.damaged
        assert len(again.damaged) == 1
        for file in ("index.json", "pixels.u8"):
            assert (tmp_path / "cache" / key / file).read_bytes() == (tmp_path / "whole" / key / file).read_bytes()
        assert names(tmp_path / "cache") == {key}
        assert len(decoded) == 22 - kept

    def test_a_row_written_after_the_last_record_is_cut_off(self, photos, tmp_path):
        """Without the cut every later row would be shifted: right photos, wrong labels."""
        found = scan(photos)
        whole = packed_here(found, tmp_path / "whole")
        partial = tmp_path / "cache" / (cache_key(found, SPEC) + ".partial")
        partial.mkdir(parents=True)
        row = 24 * 32 * 3
        (partial / "pixels.u8").write_bytes(whole.tobytes()[: 4 * row] + b"\x07" * (row + 11))
        (partial / "progress.json").write_text(json.dumps({"seen": 4, "damaged": []}))
        assert np.array_equal(packed_here(found, tmp_path / "cache"), whole)

    @pytest.mark.parametrize(
        "record", ["", "{}", '{"seen": 4}', '{"seen": "x", "damaged": []}', '{"seen": 8, "damaged": []}', "[]"]
    )
    def test_a_record_that_cannot_be_trusted_starts_anew(self, photos, tmp_path, record):
        found = scan(photos)
        whole = packed_here(found, tmp_path / "whole")
        partial = tmp_path / "cache" / (cache_key(found, SPEC) + ".partial")
        partial.mkdir(parents=True)
        (partial / "pixels.u8").write_bytes(b"\x07" * (5 * 24 * 32 * 3))  # shorter than eight rows
        (partial / "progress.json").write_text(record)
        assert np.array_equal(packed_here(found, tmp_path / "cache"), whole)


Usage = namedtuple("Usage", "total used free")


class TestDiskFull:
    def test_too_little_room_is_said_before_anything_is_written(self, photos, tmp_path, monkeypatch):
        free = module._RESERVE + 22 * 24 * 32 * 3
        monkeypatch.setattr(module.shutil, "disk_usage", lambda _: Usage(1, 1, free - 1))
        with pytest.raises(DataError, match="packing the photos needs 0 MiB") as raised:
            open_cache(scan(photos), SPEC, tmp_path / "cache")
        assert "--cache" in raised.value.remedy
        assert names(tmp_path / "cache") == set()
        monkeypatch.setattr(module.shutil, "disk_usage", lambda _: Usage(1, 1, free))
        assert len(open_cache(scan(photos), SPEC, tmp_path / "cache").rows) == 22

    @pytest.mark.parametrize("code", [errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)])
    def test_becoming_full_leaves_nothing_half_written(self, photos, tmp_path, monkeypatch, code):
        def full(fd):
            raise OSError(code, os.strerror(code))

        with monkeypatch.context() as patch:
            patch.setattr(module.os, "fsync", full)
            with pytest.raises(DataError, match="became full while photos were packed") as raised:
                open_cache(scan(photos), SPEC, tmp_path / "cache")
        assert "free some space" in raised.value.remedy
        assert names(tmp_path / "cache") == set()
        assert len(open_cache(scan(photos), SPEC, tmp_path / "cache").rows) == 22

    def test_a_disk_that_is_full(self, photos, tmp_path):
        """On a real file system of 48 KiB, in a mount namespace of its own."""
        program = (
            "import shutil, sys; from collections import namedtuple; from pathlib import Path\n"
            "from fingerspell.core.errors import DataError; from fingerspell.core.preprocess import PreprocessSpec\n"
            "from fingerspell.lab.data import cache; from fingerspell.lab.data.manifest import scan\n"
            "cache.shutil.disk_usage = lambda _: namedtuple('U', 'free')(1 << 40)\n"
            "cache._STRIDE = 4\n"
            "try: cache.open_cache(scan(Path(sys.argv[1])), PreprocessSpec(32, 32), Path(sys.argv[2]))\n"
            "except DataError as error: print(error.found, '|', error.remedy)\n"
            "print(sorted(path.name for path in Path(sys.argv[2]).iterdir()))"
        )
        place = tmp_path / "small"
        place.mkdir()
        script = 'mount -t tmpfs -o size=48k none "$1" || exit 77; shift; exec "$@"'
        command = [sys.executable, "-c", program, photos, place]
        if shutil.which("unshare") is None:
            pytest.skip("no unshare on this system")
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", place, *command], capture_output=True, text=True, check=False
        )
        if done.returncode in (1, 77) and "Traceback" not in done.stderr:
            pytest.skip("may not mount a small file system here")
        assert done.stderr == ""
        said, left = done.stdout.splitlines()
        assert "became full while photos were packed | free some space" in said
        assert left == "[]"

    @pytest.mark.parametrize("place", ["file", "file/below"])
    def test_a_place_that_is_no_folder(self, photos, tmp_path, place):
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(DataError, match="cannot be written") as raised:
            open_cache(scan(photos), SPEC, tmp_path / place)
        assert "--cache" in raised.value.remedy


class TestDamaged:
    def test_each_is_named_with_its_reason_and_has_no_row(self, photos, tmp_path):
        whole = (photos / "A" / "A1.jpg").read_bytes()
        (photos / "A" / "A1.jpg").write_bytes(whole[: len(whole) // 2])
        (photos / "A" / "A2.jpg").write_text("a text, not a photo")
        (photos / "A" / "A3.jpg").write_bytes(b"")
        found = scan(photos)
        (photos / "B" / "B1.jpg").write_bytes(whole)
        (photos / "B" / "B2.jpg").unlink()
        cache = open_cache(found, SPEC, tmp_path / "cache")
        reasons = {its.path: its.reason for its in cache.damaged}
        assert set(reasons) == {"A/A1.jpg", "A/A2.jpg", "A/A3.jpg", "B/B1.jpg", "B/B2.jpg"}
        assert "truncated" in reasons["A/A1.jpg"].lower()
        assert "unknown or damaged format" in reasons["A/A2.jpg"]
        assert "empty" in reasons["A/A3.jpg"]
        assert reasons["B/B1.jpg"] == "its content changed since the folder was read"
        assert reasons["B/B2.jpg"] == "cannot be read: No such file or directory"
        assert len(cache.pixels) == len(cache.rows) == 17
        assert not set(reasons) & set(cache.rows)
        assert sorted(cache.rows.values()) == list(range(17))
        for path, row in cache.rows.items():
            expected = resample(decode((photos / path).read_bytes()), SPEC)
            assert np.array_equal(cache.pixels[row], expected)
            assert expected.any()
        assert open_cache(found, SPEC, tmp_path / "cache").damaged == cache.damaged

    def test_all_of_them_is_an_error(self, photos, tmp_path):
        for path in photos.rglob("*.jpg"):
            path.write_text(path.name)
        for _ in range(2):
            with pytest.raises(DataError, match=r"none of 22 photos could be decoded, first A/A1\.jpg") as raised:
                open_cache(scan(photos), SPEC, tmp_path / "cache")
            assert "audit" in raised.value.remedy

    def test_photos_that_were_away_are_packed_when_they_are_back(self, photos, tmp_path):
        """A disk that was not plugged in must not be remembered as damaged photos."""
        found = scan(photos)
        whole = packed_here(found, tmp_path / "whole")
        photos.rename(tmp_path / "away")
        with pytest.raises(DataError, match="cannot be read"):
            open_cache(found, SPEC, tmp_path / "cache")
        (tmp_path / "away").rename(photos)
        content = (photos / "A" / "A1.jpg").read_bytes()
        (photos / "A" / "A1.jpg").write_bytes(b"changed")
        assert [its.path for its in open_cache(found, SPEC, tmp_path / "cache").damaged] == ["A/A1.jpg"]
        (photos / "A" / "A1.jpg").write_bytes(content)
        assert np.array_equal(packed_here(found, tmp_path / "cache"), whole)


class TestTogether:
    def test_two_processes_give_one_good_cache(self, photos, tmp_path):
        found = scan(photos)
        command = [sys.executable, "-c", PACK, photos, tmp_path / "cache", "never", "0"]
        both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        assert [(process.communicate()[0].strip(), process.returncode) for process in both] == [("22", 0)] * 2
        assert np.array_equal(packed_here(found, tmp_path / "cache"), packed_here(found, tmp_path / "whole"))
        assert names(tmp_path / "cache") == {cache_key(found, SPEC)}

    def test_only_one_packs_at_a_time(self, tmp_path):
        """Also when the holder removes its lock while others wait, and one of these must begin again."""
        fcntl = pytest.importorskip("fcntl")
        inside, together = [], []

        def pack() -> None:
            with module._only_packer(tmp_path / "x.partial"):
                inside.append(1)
                time.sleep(0.1)
                together.append(len(inside))
                inside.pop()

        lock = (tmp_path / "x.lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        packers = [threading.Thread(target=pack) for _ in range(4)]
        for packer in packers[:3]:
            packer.start()
        time.sleep(0.2)  # until they wait
        (tmp_path / "x.lock").unlink()
        lock.close()
        time.sleep(0.03)
        packers[3].start()
        for packer in packers:
            packer.join()
        assert together == [1] * 4
        assert names(tmp_path) == set()
