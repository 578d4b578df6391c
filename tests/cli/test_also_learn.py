"""`train --also-learn` as somebody would type it, and every place that must say what was learnt from."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fingerspell.cli.main import main
from fingerspell.core.bundle import read_bundle
from fingerspell.lab.data.manifest import scan

torch = pytest.importorskip("torch")
SMALL = ["--size", "32", "--epochs", "2", "--batch-size", "16", "--set", "augment=none", "--device", "cpu"]
LABELS = ("A", "B", "space")


def draw(folder: Path, seed: int, each: int, labels: tuple[str, ...] = LABELS) -> Path:
    """A bright bar whose place is the class, on noise; every seed gives other photos."""
    numbers = np.random.default_rng(seed)
    for place, label in enumerate(labels):
        (folder / label).mkdir(parents=True)
        for number in range(each):
            pixels = numbers.integers(0, 90, (40, 40, 3), dtype=np.uint8)
            pixels[12 * place + 2 : 12 * place + 9] += 130
            Image.fromarray(pixels).save(folder / label / f"{label}{number}.jpg")
    return folder


class Unheard:
    """In place of capsys, for what outlives a test."""

    out = err = ""

    def readouterr(self) -> Unheard:
        return self


@pytest.fixture(scope="module")
def fingerspell(tmp_path_factory):
    """Run a command in a folder of the module: (exit code, stdout, stderr)."""
    place = tmp_path_factory.mktemp("also")
    with pytest.MonkeyPatch.context() as patch:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        patch.chdir(place)
        patch.setenv("FINGERSPELL_CACHE", str(place / "cache"))
        patch.setattr("fingerspell.lab.figures._svg", lambda *_: "data:image/svg+xml;base64,PHN2Zy8+")

        def command(capsys, *arguments: object) -> tuple[int, str, str]:
            patch.setattr(sys, "argv", ["fingerspell", *map(str, arguments)])
            code = 0
            try:
                main()
            except SystemExit as ended:
                code = int(ended.code or 0)
            captured = capsys.readouterr()
            assert "Traceback" not in captured.err
            return code, captured.out, captured.err

        yield command
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(False)


@pytest.fixture
def run(fingerspell, capsys):
    return lambda *arguments: fingerspell(capsys, *arguments)


@pytest.fixture(scope="module")
def trained(fingerspell):
    """Photos of one's own; another's, with a copy of each of them and a label that they lack; and a run on both.

    Gives what the command said.
    """
    draw(Path("own"), 0, 20)
    draw(Path("far hands"), 1, 8)
    draw(Path("odd"), 3, 2, ("Q",))
    shutil.move("odd/Q", "far hands/Q")
    draw(Path("rendered"), 2, 4)
    for photo in scan(Path("own")).photos:
        if photo.label == "B":
            shutil.copy(Path("own") / photo.path, Path("far hands/B") / f"copy-{photo.number}.jpg")

    options = ["--also-learn", "far hands", "--also-learn", "rendered", "--out", "runs/both", *SMALL]
    with pytest.MonkeyPatch.context() as patch:
        noted: list[str] = []
        patch.setattr("fingerspell.cli.console.note", noted.append)
        code, _, _ = fingerspell(Unheard(), "train", "own", *options)
    assert code == 0
    return noted


def state_of(name: str) -> dict:
    return json.loads(Path("runs", name, "run.json").read_text())


def test_what_is_learnt_and_what_is_left_out_is_said(trained):
    split = json.loads(Path("runs/both/split.json").read_text())
    parts = [row[3] for row in split["photos"] if row[1] == "B"]
    held = len(parts) - parts.count("train")
    assert 0 < held < 20
    at = trained.index(f"also learning from {Path('far hands')}: 24 photos, none is scored")
    assert set(trained[at + 1 : at + 4]) == {
        f"  left out: {20 - held} × a copy of a photo that is learnt from anyway",
        f"  left out: {held} × a copy of a photo that is held out",
        "  left out: 2 × its label is none of the folder that the split is of",
    }
    assert f"also learning from {Path('rendered')}: 12 photos, none is scored" in trained
    assert [its["photos"] for its in state_of("both")["data"]["also_learnt"]] == [24, 12]


def test_validation_and_test_are_those_without_additions(trained, run):
    assert run("train", "own", "--out", "runs/alone", *SMALL)[0] == 0
    alone, both = (Path("runs", name, "split.json").read_bytes() for name in ("alone", "both"))
    assert alone == both
    assert state_of("alone")["data"]["also_learnt"] == []
    code, out, err = run("compare", "runs/alone", "runs/both")
    assert code == 0
    assert "note: both also learnt from far hands (24 photos), rendered (12 photos)." in err
    assert "alone also learnt" not in err
    assert "different photos" not in err
    assert "both" in out


@pytest.fixture(scope="module")
def evaluated(trained, fingerspell):
    """The run scored on its own part and on somebody's photos, some of which it learnt from."""
    draw(Path("third"), 9, 6)
    shutil.copytree("rendered", "third", dirs_exist_ok=True, copy_function=copy_as_other)

    assert fingerspell(Unheard(), "evaluate", "runs/both", "third")[0] == 0
    return json.loads(Path("runs/both/evaluation.json").read_text())


def copy_as_other(source: str, target: str) -> str:
    return shutil.copy(source, Path(target).with_name("again-" + Path(target).name))


def test_nothing_of_an_added_folder_is_ever_scored(evaluated, run):
    sources = {source["name"]: source for source in evaluated["sources"]}
    third, own = sources["third"], sources["own (test part, block split)"]
    assert third["photos"] == 18
    assert not [path for path in third["predictions"]["path"] if "again" in path]
    assert third["left_out_counts"] == {"the run learnt from this very photo": 12}
    assert "the training folders own, far hands and rendered" in third["description"]
    assert "It also learnt from far hands and rendered;" in own["description"]
    tested = {row[0] for row in json.loads(Path("runs/both/split.json").read_text())["photos"] if row[3] == "test"}
    assert set(own["predictions"]["path"]) == tested
    code, _, err = run("evaluate", "runs/both", "rendered")
    assert code == 2
    assert "no photo of rendered may be scored (12 × the run learnt from this very photo)" in err


def test_report_and_card_name_the_folders_and_no_path(evaluated, run):
    first, second = state_of("both")["data"]["also_learnt"]
    page = Path("runs/both/report.html").read_text(encoding="utf-8")
    assert "also learnt from</dt><dd>far hands, 24 photos, none of them scored; left out: " in page
    assert "rendered, 12 photos, none of them scored</dd>" in page
    assert first["digest"] in page
    assert second["digest"] in page
    facts = json.loads(Path("runs/both/report.json").read_text())
    assert [its["folder"] for its in facts["data"]["also_learnt"]] == ["far hands", "rendered"]
    pytest.importorskip("onnxscript")
    code, out, err = run("export", "runs/both", "-o", "both.bundle")
    assert code == 0, err
    card = read_bundle(Path(out.strip())).card
    assert [(its["folder"], its["photos"]) for its in card["data"]["also_learnt"]] == [
        ("far hands", 24),
        ("rendered", 12),
    ]
    here = str(Path.cwd())
    for text in (page, json.dumps(facts), json.dumps(card), json.dumps(evaluated)):
        assert here not in text


def test_a_run_with_additions_goes_on_with_them(trained, run):
    options = ["--also-learn", "rendered", "--out", "runs/paused", *SMALL]
    assert run("train", "own", *options, "--max-minutes", "0")[0] == 0
    assert state_of("paused")["status"] == "paused"
    code, _, err = run("train", "--resume", "runs/paused", "--also-learn", "far hands")
    assert code == 2
    assert "both --also-learn and --resume were given" in err
    code, _, err = run("train", "--resume", "runs/paused", "--begin-with", "runs/both")
    assert code == 2
    assert "both --begin-with and --resume were given" in err
    code, _, err = run("train", "own", "--begin-with", "runs/both", "--out", "runs/leaky", *SMALL)
    assert code == 2
    assert "photos that the new run does not learn from" in err
    assert not Path("runs/leaky").exists()
    (Path("rendered/A/A0.jpg")).rename("A0.jpg")
    code, _, err = run("train", "--resume", "runs/paused")
    Path("A0.jpg").rename("rendered/A/A0.jpg")
    assert code == 2
    assert "have changed since it began" in err
    assert "put the folder back as it was" in err
    assert run("train", "--resume", "runs/paused")[0] == 0
    assert state_of("paused")["status"] == "finished"


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("nowhere", "nowhere does not exist"),
        ("own", "no photo of own may be learnt from ("),
        ("empty", "no photos of known labels in empty"),
    ],
)
def test_a_folder_that_adds_nothing_is_an_error_before_any_run(trained, run, folder, said):
    Path("empty").mkdir(exist_ok=True)
    code, out, err = run("train", "own", "--also-learn", folder, "--out", "runs/never", *SMALL)
    assert (code, out) == (2, "")
    assert said in err
    assert not Path("runs/never").exists()


def test_mistakes_may_be_most_like_photos_of_added_folders(trained):
    """Their place among all rows is told and shown, under the folder's own name."""
    from fingerspell.lab.data.cache import open_cache
    from fingerspell.lab.data.split import Split
    from fingerspell.lab.nets.model import Model
    from fingerspell.lab.report import TrainingPhotos
    from fingerspell.lab.training.run import RunFolder

    folder = RunFolder.open(Path("runs/both"))
    split, spec = Split.load(folder.split), Model.load(folder.weights).preprocess
    added = [(its, open_cache(its.manifest, spec, Path("cache"))) for its in folder.read_additions()]
    training = TrainingPhotos(split, open_cache(split.manifest, spec, Path("cache")), added)
    learnt = {photo.path: photo for photo in training.learnt}
    assert len(learnt) == split.counts["train"] + 24 + 12
    assert {path.partition("/")[0] for path in learnt} == {*LABELS, "far hands", "rendered"}
    place = learnt["rendered/space/space3.jpg"]
    cache = added[1][1]
    shown = training.pixels[np.array([place.row])][0]
    assert np.array_equal(shown, cache.pixels[cache.rows["space/space3.jpg"]])
    assert place.label == "space"
