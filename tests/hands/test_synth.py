"""Rendered folders: the same bytes whoever makes them and however often they are killed, and nothing of others lost."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fingerspell.core import durable
from fingerspell.core.errors import DataError, FingerspellError
from fingerspell.hands.plan import SynthPlan, renderer_digest
from fingerspell.hands.sample import LANDMARK_NAMES
from fingerspell.hands.synth import is_rendered, synthesise
from fingerspell.hands.workplace import UNFINISHED

pq = pytest.importorskip("pyarrow.parquet", reason="the extra 'hands' is not installed")

HERE = Path(__file__).parent
PLAN = SynthPlan(per_class=20, size=32, signers=3, seed=7, labels=("B", "nothing"))

posix_only = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    import fake_renderer

    return fake_renderer


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def whole(fake, tmp_path) -> dict[str, bytes]:
    """Every file of the plan, made in one go by one process."""
    synthesise(tmp_path / "whole", PLAN, jobs=1, render=fake.render)
    return bytes_of(tmp_path / "whole")


def start(program: str, out: Path, pids: Path) -> subprocess.Popen:
    """A process of its own that runs `program` with the plan, the fake and the folder at hand."""
    head = (
        "import os, signal, sys\nfrom pathlib import Path\nimport fake_renderer as fake\n"
        "from fingerspell.hands.synth import SynthPlan, synthesise\n"
        f"plan = SynthPlan(20, 32, 3, 7, labels=('B', 'nothing'))\nout = Path({str(out)!r})\n"
    )
    body = "\n".join(f"    {line}" for line in program.splitlines())
    script = out.parent / "program.py"
    script.write_text(f"{head}if __name__ == '__main__':\n{body}\n")
    found = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": found, "FAKE_PIDS": str(pids)}
    return subprocess.Popen([sys.executable, str(script)], env=environment)


def test_a_folder_holds_photos_masks_truth_plan_and_sheet(fake, tmp_path):
    told = []
    out = tmp_path / "new" / "out"
    result = synthesise(out, PLAN, jobs=1, render=fake.render, progress=lambda *step: told.append(step))
    assert (result.photos, result.made, result.stopped) == (40, 40, None)
    assert is_rendered(out)
    assert sorted(path.name for path in out.iterdir()) == [
        "B",
        "contact-sheet.png",
        "labels.parquet",
        "masks",
        "nothing",
        "synth.json",
    ]
    for label in PLAN.labels:
        for index in range(20):
            sample = fake.render(label, index, PLAN)
            photo = Image.open(out / label / f"signer-{index % 3:02}" / f"{index:05}.jpg")
            assert np.abs(np.asarray(photo).astype(int) - sample.pixels).mean() < 8  # what JPEG loses
            assert photo.size == (32, 32)
            mask = Image.open(out / "masks" / label / f"signer-{index % 3:02}" / f"{index:05}.png")
            assert mask.mode == "L"
            assert np.array_equal(np.asarray(mask), sample.mask)
    assert told[0] == ("rendering photos", 0, 40)
    assert ("rendering photos", 40, 40) in told
    assert told[-1] == ("drawing the contact sheet", 2, 2)
    assert result.sheet.is_file()


def test_each_photo_is_written_with_its_own_jpeg_quality(fake, tmp_path):
    synthesise(tmp_path / "out", PLAN, jobs=1, render=fake.render)
    for index in (0, 19):
        with Image.open(tmp_path / "out" / PLAN.photo_path("B", index)) as photo:
            written = photo.quantization
        Image.new("RGB", (8, 8)).save(tmp_path / "x.jpg", quality=70 + index)
        with Image.open(tmp_path / "x.jpg") as same:
            assert written == same.quantization


def test_the_table_says_what_was_rendered(fake, tmp_path):
    result = synthesise(tmp_path / "out", PLAN, jobs=1, render=fake.render)
    table = pq.read_table(result.labels)
    rows = table.to_pylist()
    assert [row["path"] for row in rows] == sorted(PLAN.photo_path(lb, i) for lb in PLAN.labels for i in range(20))
    for row in rows:
        index = int(Path(row["path"]).stem)
        sample = fake.render(row["label"], index, PLAN)
        assert row["path"].split("/")[0] == row["label"]
        assert row["mask"] == PLAN.mask_path(row["label"], index)
        assert (result.folder / row["mask"]).is_file()
        assert row["signer"] == sample.signer == index % 3
        assert row["handedness"] == sample.handedness
        assert (row["width"], row["height"], row["seed"]) == (32, 32, 7)
        if row["label"] == "nothing":
            assert row["landmarks"] is None
            assert row["box"] is None
        else:
            stored = np.array(row["landmarks"], np.float32).reshape(21, 3)
            assert np.array_equal(stored, sample.landmarks)  # to the last bit
            assert row["box"] == [np.float32(edge) for edge in sample.box]
    kinds = {field.name: (str(field.type), field.nullable) for field in table.schema}
    assert kinds == {
        "path": ("string", False),
        "label": ("string", False),
        "signer": ("int16", False),
        "handedness": ("string", True),
        "landmarks": ("fixed_size_list<element: float>[63]", True),
        "box": ("fixed_size_list<element: float>[4]", True),
        "mask": ("string", False),
        "width": ("int32", False),
        "height": ("int32", False),
        "seed": ("int64", False),
    }


def test_the_table_and_the_plan_file_say_how_they_came_about(fake, tmp_path):
    result = synthesise(tmp_path / "out", PLAN, jobs=1, render=fake.render)
    told = {key.decode(): value.decode() for key, value in pq.read_schema(result.labels).metadata.items()}
    assert told["fingerspell.format"] == "fingerspell-labels/1"
    assert json.loads(told["fingerspell.landmarks"]) == list(LANDMARK_NAMES)
    assert "centimetres" in json.loads(told["fingerspell.units"])["landmarks"]
    plan = json.loads((tmp_path / "out" / "synth.json").read_text())
    digest = plan.pop("digest")
    assert digest == durable.digest_of(plan)
    assert json.loads(told["fingerspell.plan"]) == plan
    assert (plan["per_class"], plan["size"], plan["signers"], plan["seed"]) == (20, 32, 3, 7)
    assert plan["labels"] == ["B", "nothing"]
    assert plan["renderer"]["digest"] == renderer_digest()


def test_two_processes_write_the_same_bytes_as_one(fake, whole, tmp_path):
    result = synthesise(tmp_path / "two", PLAN, jobs=2, render=fake.render)
    assert result.made == 40
    assert bytes_of(tmp_path / "two") == whole


def test_another_seed_writes_other_bytes(fake, whole, tmp_path):
    other = SynthPlan(20, 32, 3, 8, labels=PLAN.labels)
    synthesise(tmp_path / "other", other, jobs=1, render=fake.render)
    there = bytes_of(tmp_path / "other")
    assert set(there) == set(whole)
    assert all(there[name] != whole[name] for name in whole if not name.startswith("masks/nothing/"))


@posix_only
def test_killed_inside_any_write_and_gone_on_with(whole, tmp_path):
    """The first file to be put in its place is the plan; a batch of 16 is 32 files and a shard."""
    program = (
        "place, count, last = Path.replace, [0], int(os.environ['LAST'])\n"
        "def replace(self, target):\n"
        "    count[0] += 1\n"
        "    if count[0] == last: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return place(self, target)\n"
        "Path.replace = replace\n"
        "synthesise(out, plan, jobs=1, render=fake.render)\n"
    )
    out, pids = tmp_path / "out", tmp_path
    for last in (1, 3, 33, 34, 20, 10, 2):  # each goes on where the one before was killed
        os.environ["LAST"] = str(last)
        try:
            assert start(program, out, pids).wait(60) == -signal.SIGKILL, last
        finally:
            del os.environ["LAST"]
        assert not is_rendered(out)
        for path in out.rglob("*.jpg"):
            if not path.name.startswith("."):
                assert path.read_bytes() == whole[path.relative_to(out).as_posix()]
    assert list(out.rglob("*.tmp"))  # what the kills left behind
    assert start("synthesise(out, plan, jobs=1, render=fake.render)", out, pids).wait(60) == 0
    assert bytes_of(out) == whole


@posix_only
def test_killed_while_two_processes_work_none_lives_on(whole, tmp_path):
    out, pids = tmp_path / "out", tmp_path / "pids"
    pids.mkdir()
    program = "synthesise(out, plan, jobs=2, render=fake.slowly)"
    running = start(program, out, pids)
    until(lambda: len(list(out.glob(f"{UNFINISHED}/*.json"))) >= 1 and len(list(pids.iterdir())) >= 2)
    running.kill()
    assert running.wait(10) == -signal.SIGKILL
    until(lambda: not any(alive(int(path.name)) for path in pids.iterdir()))
    assert not is_rendered(out)
    done = len(list(out.glob(f"{UNFINISHED}/*.json")))
    assert 1 <= done < 4
    again = start(f"{program.replace('synthesise', 'r = synthesise')}\nsys.exit(r.made)", out, pids)
    assert again.wait(60) < 40  # what was finished was kept
    assert bytes_of(out) == whole


def until(true, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return Path("/proc/self").exists() is False and _answers(pid)


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("jobs", [1, 2])
def test_asked_to_stop_it_keeps_what_is_finished(fake, whole, tmp_path, jobs):
    out, count = tmp_path / "out", [0]

    def progress(task, done, total):
        count[0] = done

    def stop():
        return "stopped by SIGINT" if count[0] else None

    first = synthesise(out, PLAN, jobs=jobs, render=fake.render, progress=progress, stop=stop)
    assert first.stopped == "stopped by SIGINT"
    assert 0 < first.photos < 40
    assert not is_rendered(out)
    second = synthesise(out, PLAN, jobs=jobs, render=fake.render)
    assert 0 < second.made <= 40 - first.photos
    assert second.photos == 40
    assert bytes_of(out) == whole


def test_within_a_batch_stopping_is_heard_too(fake, tmp_path):
    seen = []

    def render(label, index, plan):
        seen.append(index)
        return fake.render(label, index, plan)

    result = synthesise(tmp_path, PLAN, jobs=1, render=render, stop=lambda: "enough" if len(seen) >= 5 else None)
    assert (result.photos, result.stopped, len(seen)) == (0, "enough", 5)


def test_a_finished_folder_is_left_alone(fake, whole, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "whole").rglob("*") if path.is_file()}
    result = synthesise(tmp_path / "whole", PLAN, jobs=1, render=fake.failing)
    assert (result.photos, result.made, result.stopped) == (40, 0, None)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert bytes_of(tmp_path / "whole") == whole


def test_a_photo_removed_or_damaged_meanwhile_is_made_again(fake, whole, tmp_path):
    out = tmp_path / "whole"
    (out / PLAN.photo_path("B", 4)).unlink()
    result = synthesise(out, PLAN, jobs=1, render=fake.render)
    assert result.photos == 40
    assert bytes_of(out) == whole
    half = tmp_path / "half"
    stop = iter([None] * 18 + ["enough"] * 99)
    assert synthesise(half, PLAN, jobs=1, render=fake.render, stop=lambda: next(stop)).photos == 16
    (half / PLAN.photo_path("B", 4)).write_bytes(b"half a photo")
    assert synthesise(half, PLAN, jobs=1, render=fake.render).made == 40
    assert bytes_of(half) == whole


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (SynthPlan(20, 32, 3, 8, labels=PLAN.labels), "seed 7, now 8"),
        (SynthPlan(21, 32, 3, 7, labels=PLAN.labels), "per_class 20, now 21"),
        (SynthPlan(20, 33, 3, 7, labels=PLAN.labels), "size 32, now 33"),
        (SynthPlan(20, 32, 4, 7, labels=PLAN.labels), "signers 3, now 4"),
    ],
)
def test_another_plan_is_refused(fake, whole, tmp_path, other, told):
    with pytest.raises(DataError, match=told) as raised:
        synthesise(tmp_path / "whole", other, jobs=1, render=fake.render)
    assert raised.value.remedy
    assert bytes_of(tmp_path / "whole") == whole


def test_another_renderer_is_refused(fake, whole, tmp_path, monkeypatch):
    monkeypatch.setattr("fingerspell.hands.plan.renderer_digest", lambda: "0" * 64)
    with pytest.raises(DataError, match="another version"):
        synthesise(tmp_path / "whole", PLAN, jobs=1, render=fake.render)


def test_a_damaged_plan_file_is_refused(fake, whole, tmp_path):
    for content, told in ((b"{", "not JSON"), (b"[]", "damaged")):
        (tmp_path / "whole" / "synth.json").write_bytes(content)
        with pytest.raises(DataError, match=told):
            synthesise(tmp_path / "whole", PLAN, jobs=1, render=fake.render)


def test_files_of_others_are_refused_and_stay(fake, whole, tmp_path):
    mine = tmp_path / "photos"
    (mine / "A").mkdir(parents=True)
    (mine / "A" / "me.jpg").write_bytes(b"mine")
    with pytest.raises(DataError, match="not made by this command, first A"):
        synthesise(mine, PLAN, jobs=1, render=fake.render)
    assert bytes_of(mine) == {"A/me.jpg": b"mine"}
    assert not (mine / UNFINISHED).exists()
    for place in ("B/signer-00/me.jpg", "C/1.jpg", "masks/B/x.png"):
        (tmp_path / "whole" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "whole" / place).write_bytes(b"mine")
        with pytest.raises(DataError, match=f"{place} in .* was not made by this command"):
            synthesise(tmp_path / "whole", PLAN, jobs=1, render=fake.render)
        assert (tmp_path / "whole" / place).read_bytes() == b"mine"
        (tmp_path / "whole" / place).unlink()
    (tmp_path / "whole" / "B" / ".DS_Store").write_bytes(b"x")
    assert synthesise(tmp_path / "whole", PLAN, jobs=1, render=fake.render).made == 0
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(DataError, match="no folder"):
        synthesise(tmp_path / "file", PLAN, jobs=1, render=fake.render)


def test_one_process_at_a_time(fake, tmp_path):
    pytest.importorskip("fcntl", reason="no such lock on this system")
    refused = []

    def render(label, index, plan):
        if not refused:
            with pytest.raises(DataError, match="another process is filling"):
                synthesise(tmp_path, PLAN, jobs=1, render=fake.render)
            refused.append(True)
        return fake.render(label, index, plan)

    assert synthesise(tmp_path, PLAN, jobs=1, render=render).made == 40
    assert refused


def test_a_full_disk_is_an_error_of_ours_and_no_photo_is_torn(fake, whole, tmp_path, monkeypatch):
    out, written = tmp_path / "out", [0]
    sync = os.fsync

    def full(number):
        written[0] += 1
        if written[0] > 50:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(number)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left"):
        synthesise(out, PLAN, jobs=1, render=fake.render)
    monkeypatch.undo()
    monkeypatch.syspath_prepend(str(HERE))
    assert not is_rendered(out)
    assert not list(out.rglob("*.tmp"))
    result = synthesise(out, PLAN, jobs=1, render=fake.render)
    assert result.made == 20  # the first two batches were kept: plan, 32 files, shard, 8 files, shard
    assert bytes_of(out) == whole


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_of_the_renderer_is_passed_on(fake, tmp_path, jobs):
    with pytest.raises(DataError, match="backgrounds are gone") as raised:
        synthesise(tmp_path, PLAN, jobs=jobs, render=fake.failing)
    assert (raised.value.expected, raised.value.remedy) == ("pictures", "put them back")


@posix_only
def test_a_process_killed_by_the_system_is_an_error_that_says_what_to_do(fake, tmp_path):
    with pytest.raises(FingerspellError, match="ended by itself") as raised:
        synthesise(tmp_path, PLAN, jobs=2, render=fake.dying)
    assert "--jobs" in raised.value.remedy


def test_a_renderer_that_does_not_keep_to_the_plan_is_found(fake, tmp_path):
    with pytest.raises(FingerspellError, match="photo 0 of B"):
        synthesise(tmp_path, PLAN, jobs=1, render=fake.wrong_signer)


def test_fewer_photos_than_signers(fake, tmp_path):
    plan = SynthPlan(2, 32, 150, 0, labels=("A",))
    synthesise(tmp_path / "out", plan, jobs=1, render=fake.render)
    assert sorted(path.name for path in (tmp_path / "out" / "A").iterdir()) == ["signer-000", "signer-001"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"per_class": 0}, "--per-class is 0"),
        ({"size": 31}, "--size is 31"),
        ({"size": 1025}, "--size is 1025"),
        ({"signers": 0}, "--signers is 0"),
        ({"signers": 32768}, "--signers is 32768"),
        ({"seed": -1}, "--seed is -1"),
        ({"seed": 2**63}, "--seed is"),
        ({"labels": ()}, "no labels"),
        ({"labels": ("A", "A")}, "twice"),
        ({"labels": ("a",)}, "unknown label 'a'"),
        ({"backgrounds": Path("/nowhere/at/all")}, "is not there"),
        ({"backgrounds": Path(__file__)}, "is no folder"),
    ],
)
def test_values_that_make_no_sense_are_refused(values, told):
    good = {"per_class": 1, "size": 32, "signers": 1, "seed": 0}
    SynthPlan(**good)
    with pytest.raises(DataError, match=told):
        SynthPlan(**{**good, **values})


def test_no_jobs_are_refused(fake, tmp_path):
    with pytest.raises(FingerspellError, match="--jobs is 0"):
        synthesise(tmp_path / "out", PLAN, jobs=0, render=fake.render)
    assert not (tmp_path / "out").exists()


def test_backgrounds_belong_to_the_plan_by_their_content(fake, tmp_path):
    for name, shade in (("one", 10), ("two", 10), ("three", 11)):
        (tmp_path / name / "rooms").mkdir(parents=True)
        Image.new("RGB", (40, 30), (shade, 0, 0)).save(tmp_path / name / "rooms" / "a.png")
        (tmp_path / name / "notes.txt").write_text(name)
    digests = [
        SynthPlan(1, 32, 1, 0, tmp_path / name).as_dict()["backgrounds"]["digest"] for name in ("one", "two", "three")
    ]
    assert digests[0] == digests[1] != digests[2]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no picture in"):
        synthesise(tmp_path / "out", SynthPlan(1, 32, 1, 0, tmp_path / "empty"), jobs=1, render=fake.render)
    with pytest.raises(DataError, match="lies in the folder of backgrounds"):
        synthesise(tmp_path / "one" / "out", SynthPlan(1, 32, 1, 0, tmp_path / "one"), jobs=1, render=fake.render)
