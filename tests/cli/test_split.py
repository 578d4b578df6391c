"""What gets what at the command line: `data split` and `train`, right and wrong."""

import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from fingerspell.cli.main import main
from fingerspell.lab.data.manifest import scan
from fingerspell.lab.data.split import Split, make_split


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Run the command in an empty folder: (exit code, stdout, stderr)."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("FINGERSPELL_CACHE", str(tmp_path / "cache"))

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fingerspell", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return command


@pytest.fixture
def photos(photo_folder) -> Path:
    return photo_folder({"A": 10, "B": 10, "space": 10})


class TestSplit:
    def test_saves_and_prints_the_path_alone_on_stdout(self, run, photos):
        code, out, err = run("data", "split", photos)
        assert (code, out) == (0, "split-block.json\n")
        split = Split.load(Path("split-block.json"))
        assert split.parts == make_split(scan(photos), "block").parts
        assert "block split, seed 0: train 21, val 3, test 6 of 30 photos" in err
        assert split.digest[:12] in err
        assert f"fingerspell train {photos} --split split-block.json" in err

    def test_settings_are_passed_on(self, run, photos):
        options = ["--seed", "3", "--val", "0.2", "--test", "0.3", "--stretches", "5", "--guard", "0.05"]
        assert run("data", "split", photos, "--by", "block", "-o", "x/my [1].json", *options)[:2] == (
            0,
            "x/my [1].json\n",
        )
        expected = make_split(scan(photos), "block", seed=3, val=0.2, test=0.3, stretches=5, guard=0.05)
        assert Split.load(Path("x/my [1].json")).digest == expected.digest

    def test_an_existing_file_is_kept_unless_forced(self, run, photos):
        Path("split-random.json").write_text("mine")
        code, out, err = run("data", "split", photos, "--by", "random")
        assert (code, out) == (2, "")
        assert "split-random.json exists already" in err
        assert "--force" in err
        assert Path("split-random.json").read_text() == "mine"
        assert run("data", "split", photos, "--by", "random", "--force")[0] == 0

    def test_the_photos_are_not_touched(self, run, photos):
        before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in photos.rglob("*.jpg")}
        run("data", "split", photos)
        assert before == {
            path: (path.stat().st_mtime_ns, path.read_bytes()) for path in photos.rglob("*") if path.is_file()
        }

    def test_what_is_left_out_is_said_and_counted(self, run, photos):
        for number in range(7):
            (photos / "A" / f"note{number}.txt").write_text("x")
        err = run("data", "split", photos)[2]
        assert "left out A/note0.txt: not a photo ending (.txt)" in err
        assert "… and 2 more left out" in err

    def test_groups_by_pattern_folder_and_csv(self, run, tmp_path):
        root = tmp_path / "signers"
        for label in "AB":
            for signer in ("anna", "ben", "cleo", "dan"):
                (root / label / signer).mkdir(parents=True)
                (root / label / signer / "1.jpg").write_bytes(f"{label}{signer}".encode())
        options = ["data", "split", root, "--by", "group", "--force", "--test-group", "cleo", "--val-group", "ben"]
        lines = [f"{label}/{signer}/1.jpg,{signer}" for label in "AB" for signer in ("anna", "ben", "cleo", "dan")]
        Path("groups.csv").write_text("path,who\n" + "\n".join(lines))
        digests = set()
        for more in ([], ["--pattern", "/([a-z]+)/"], ["--csv", "groups.csv", "--column", "who"]):
            code, _, err = run(*options, *more)
            assert code == 0, err
            split = Split.load(Path("split-group.json"))
            digests.add(split.digest)
            part = dict(zip(split.blocks, split.parts, strict=True))
            assert part == {"anna": "train", "ben": "val", "cleo": "test", "dan": "train"}
        assert len(digests) == 1
        code, _, err = run(*options, "--test-group", "ben")
        assert code == 2
        assert "group 'ben' was given to --test-group and to --val-group" in err
        code, _, err = run(*options, "--pattern", "x", "--csv", "groups.csv")
        assert (code, "both --pattern and --csv" in err) == (2, True)
        code, _, err = run(*options[:-2], "--val-group", "benn")
        assert (code, "did you mean 'ben'?" in err) == (2, True)

    def test_notes_of_the_folder_are_said(self, run, photos, tmp_path):
        (tmp_path / "zip" / "other").mkdir(parents=True)
        photos.rename(tmp_path / "zip" / "train")
        err = run("data", "split", tmp_path / "zip")[2]
        assert "class folders found in train/" in err
        assert "not used: other/" in err


def _one_class(photos: Path) -> Path:
    for label in ("B", "space"):
        for path in (photos / label).iterdir():
            path.unlink()
    return photos


def _empty(photos: Path) -> Path:
    place = photos.parent / "empty"
    place.mkdir()
    return place


def _corrupt_split(photos: Path) -> Path:
    Path("bad.json").write_text('{"format": "fingerspell-split/1", "photos": [')
    return photos


def _edited_split(photos: Path) -> Path:
    make_split(scan(photos), "random").save(Path("bad.json"))
    values = json.loads(Path("bad.json").read_text())
    values["photos"][0][3] = "train" if values["photos"][0][3] != "train" else "test"
    Path("bad.json").write_text(json.dumps(values))
    return photos


def _changed_photos(photos: Path) -> Path:
    make_split(scan(photos), "random").save(Path("bad.json"))
    (photos / "A" / "A1.jpg").write_bytes(b"changed")
    return photos


def _two_sets(photos: Path) -> Path:
    (photos.parent / "both").mkdir()
    photos.rename(photos.parent / "both" / "one")
    (photos.parent / "both" / "two" / "A").mkdir(parents=True)
    return photos.parent / "both"


def as_it_is(photos: Path) -> Path:
    return photos


def _all_damaged(photos: Path) -> Path:
    for path in photos.rglob("*.jpg"):
        path.write_text(path.name)
    return photos


TRAIN, SPLIT = ("train", "{}"), ("data", "split", "{}")
WRONG = {
    # name: (what is done to the folder, command, what is said, what helps)
    "split: unknown": (as_it_is, (*SPLIT, "--by", "blok"), "unknown split 'blok'", "did you mean 'block'?"),
    "split: empty": (_empty, SPLIT, "no photos of known labels", "give the folder that holds the class folders"),
    "split: one class": (_one_class, SPLIT, "only 1 class to learn from", "add class folders"),
    "split: file": (lambda p: p / "A" / "A1.jpg", SPLIT, "A1.jpg is a file", "the folder that holds"),
    "split: missing": (lambda p: p / "no" / "where", SPLIT, "does not exist", "check the path"),
    "split: two sets": (_two_sets, SPLIT, "2 separate sets of class folders: one, two", "name one of them"),
    "split: fractions": (as_it_is, (*SPLIT, "--val", "1.5"), "leave nothing to learn from", "val + test < 1"),
    "split: place": (as_it_is, (*SPLIT, "-o", "/dev/null/x.json"), "could not be written", "choose another folder"),
    "split: no groups": (as_it_is, (*SPLIT, "--by", "group"), "lies in no folder below its class", "--pattern"),
    "split: no csv": (as_it_is, (*SPLIT, "--by", "group", "--csv", "x"), "cannot be read as CSV", "UTF-8"),
    "split: pattern": (as_it_is, (*SPLIT, "--by", "group", "--pattern", "(["), "is not a regular expression", "(["),
    "train: nothing": (as_it_is, ("train",), "no folder of photos was given", "fingerspell train DIR"),
    "train: recipe": (as_it_is, (*TRAIN, "--recipe", "quik"), "unknown recipe 'quik'", "did you mean 'quick'?"),
    "train: network": (as_it_is, (*TRAIN, "--set", "network=resnet"), "unknown network 'resnet'", "residual-small"),
    "train: key": (as_it_is, (*TRAIN, "--set", "training.epoch=1"), "unknown recipe key", "did you mean 'epochs'?"),
    "train: split by": (as_it_is, (*TRAIN, "--split-by", "blok"), "unknown split 'blok'", "did you mean 'block'?"),
    "train: group": (as_it_is, (*TRAIN, "--split-by", "group"), "needs to know the groups", "data split DIR"),
    "train: schedules": (as_it_is, (*TRAIN, "--set", "plateau.patience=1"), "plateau and cosine", "--set plateau=none"),
    "train: empty": (_empty, TRAIN, "no photos of known labels", "give the folder"),
    "train: one class": (_one_class, TRAIN, "only 1 class to learn from", "add class folders"),
    "train: file": (lambda p: p / "A" / "A1.jpg", TRAIN, "A1.jpg is a file", "the folder that holds"),
    "train: missing": (lambda p: p / "nowhere", TRAIN, "does not exist", "check the path"),
    "train: corrupt": (_corrupt_split, (*TRAIN, "--split", "bad.json"), "it is not JSON", "make the file again"),
    "train: edited": (_edited_split, (*TRAIN, "--split", "bad.json"), "does not match its digest", "make it again"),
    "train: no split": (as_it_is, (*TRAIN, "--split", "no.json"), "No such file", "check the path"),
    "train: changed": (_changed_photos, (*TRAIN, "--split", "bad.json"), "made of other photos: 1 of its 30", "again"),
    "train: no run": (as_it_is, ("train", "--resume", "runs/x"), "is not a run", "check the path"),
    "train: two ways": (as_it_is, (*TRAIN, "--resume", "runs/x"), "both a folder and --resume", "one of them"),
    "train: all damaged": (_all_damaged, TRAIN, "none of 30 photos could be decoded", "data audit"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_a_way_out(run, photos, name):
    prepare, command, said, helps = WRONG[name]
    folder = prepare(photos)
    code, out, err = run(*(str(folder) if word == "{}" else word for word in command))
    assert (code, out) == (2, "")
    assert "error: " in err
    assert said in err
    assert helps in err
    assert not list(Path().glob("split-*.json"))


def test_the_same_as_a_program(photos, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "fingerspell.cli.main", "data", "split", photos, "--by", "blok"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "error: unknown split 'blok'",
        "  expected: one of: block, group, keras, random",
        "  hint: did you mean 'block'?",
    ]


def huge_png(side: int = 40_000) -> bytes:
    """A PNG of side × side black-and-white pixels in a few hundred bytes: 1.6 milliard pixels once decoded."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = side.to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9999))) + chunk(b"IEND", b"")
    )


def test_training_goes_on_without_photos_that_are_none(run, photos):
    """They are named, counted in run.json, and have no row: never black pictures with a label."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    (photos / "A" / "text.jpg").write_text("a text")
    (photos / "B" / "huge.png").write_bytes(huge_png())
    (photos / "B" / "notes.txt").write_text("left out")
    try:
        options = ["--size", "32", "--epochs", "1", "--batch-size", "16", "--set", "augment=none"]
        code, out, err = run("train", photos, "--split-by", "random", "--out", "my [run]", "--device", "cpu", *options)
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(False)
    assert (code, out) == (0, "my [run]\n"), err
    assert "left out 2 damaged photos, first A/text.jpg: not a readable image" in err
    state = json.loads(Path("my [run]/run.json").read_text())
    assert state["status"] == "finished"
    damaged = {its["path"]: its["reason"] for its in state["data"]["damaged"]}
    assert set(damaged) == {"A/text.jpg", "B/huge.png"}
    assert damaged["B/huge.png"].startswith("image too large: ")
    assert "1600000000" in damaged["B/huge.png"]
    assert state["data"]["left_out"] == [{"path": "B/notes.txt", "reason": "not a photo ending (.txt)"}]
    assert state["data"]["photos"] == 32
    assert state["best"]["val_accuracy"] >= 0
    assert Path("my [run]/weights.safetensors").stat().st_size > 10_000
