"""A reproduction of the notebook: what is run, what is refused, and what rows, curves and page say."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

from fingerspell.core.errors import DataError, RecipeError
from fingerspell.lab import figures
from fingerspell.lab import recipe as recipes
from fingerspell.lab import reproduce as reproduction
from fingerspell.lab import reproduce_page as pages
from fingerspell.lab import reproduce_rows as rows
from fingerspell.lab.data.manifest import scan
from fingerspell.lab.data.split import make_split
from fingerspell.lab.reproduce import INTENDED, NOTEBOOK, Other, Record, Reproduction, Settings, chosen, settled

BARE = Settings(device="cpu")


def record(**changes) -> Record:
    return replace(Record(BARE, "photos", "c0ffee", 2, NOTEBOOK), **changes)


def epoch(number: int, **changes) -> dict:
    entry = {"kind": "epoch", "epoch": number, "train_loss": 2.0, "train_accuracy": 0.25, "val_loss": 3.0}
    entry |= {"val_cross_entropy": 2.5, "val_accuracy": 0.5, "lr": 0.001, "seconds": 14.0, "photos_per_second": 9.0}
    return entry | {"best": True} | changes


def write_run(place: Reproduction, name: str, epochs: list[dict], *, steps: int = 7, **changes) -> None:
    """A run as training leaves it, without photos or weights."""
    run = place.run(name)
    run.path.mkdir(parents=True)
    entries = []
    for entry in epochs:
        entries += [{"kind": "step", "epoch": entry["epoch"], "step": step + 1} for step in range(steps)] + [entry]
    run.journal.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    state = {
        "status": "finished",
        "reason": "all epochs done",
        "network": recipes.read(name).network,
        "labels": ["A", "B", "C", "D"],
        "parameters": 123456,
        "epochs_done": len(epochs),
        "best": None,
        "seconds": 30.0,
        "split": {"strategy": "keras", "seed": 0, "digest": "d", "counts": {"train": 208, "val": 52}},
        "data": {"digest": "c0ffee"},
    }
    run.write_state(state | changes)


def source(name: str, accuracy: float, part: str | None = None) -> dict:
    interval = {"low": accuracy / 2, "high": accuracy}
    scores = {"accuracy": accuracy, "interval": interval}
    words = f"About {name}."
    told = {"name": name, "part": part, "scores": scores, "photos": 52, "description": words}
    return told | {"other_collection": part is None}


@pytest.fixture
def place(tmp_path) -> Reproduction:
    return Reproduction(tmp_path / "out")


def test_the_notebooks_five_are_chosen_in_its_order():
    assert chosen(None, intended=False) == NOTEBOOK
    with_intended = chosen(None, intended=True)
    assert with_intended == ("notebook-v1", "notebook-v2", INTENDED, "notebook-v3", "notebook-v4", "notebook-v5")
    assert chosen(" notebook-v4,notebook-v1,", intended=False) == ("notebook-v1", "notebook-v4")
    assert chosen("notebook-v1", intended=True) == ("notebook-v1", INTENDED)


def test_what_the_notebook_has_not_is_not_chosen():
    with pytest.raises(RecipeError, match=r"unknown network 'notebook-v6'.*did you mean"):
        chosen("notebook-v1,notebook-v6", intended=False)
    with pytest.raises(RecipeError, match="unknown network 'quick'"):
        chosen("quick", intended=False)
    with pytest.raises(RecipeError, match="names no network"):
        chosen(" ,", intended=False)


def test_settings_change_the_recipe_and_nothing_else():
    assert BARE.recipe("notebook-v3") == recipes.read("notebook-v3")
    recipe = Settings(48, 2, 16, 7, "block", "cpu").recipe("notebook-v3")
    usual = recipes.read("notebook-v3")
    assert (recipe.preprocess.height, recipe.preprocess.width) == (48, 48)
    assert (recipe.training.epochs, recipe.training.batch_size, recipe.seed) == (2, 16, 7)
    assert recipe.split.by == "block"
    assert (recipe.augment, recipe.stopping, recipe.plateau) == (usual.augment, usual.stopping, usual.plateau)


def test_all_recipes_share_one_split():
    """It is made once, for the first."""
    assert len({recipes.read(name).split for name in (*NOTEBOOK, INTENDED)}) == 1


def test_what_is_left_out_is_as_it_was_recorded(tmp_path):
    before = Settings(48, 2, None, 7, "block", "cpu")
    assert settled(Settings(), record(settings=before), tmp_path) == before
    assert settled(Settings(size=48, seed=7), record(settings=before), tmp_path) == before
    assert settled(Settings(size=9), None, tmp_path) == Settings(size=9)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (Settings(size=64), "with --size 48, and now --size 64 is given"),
        (Settings(epochs=3), "with --epochs 2, and now --epochs 3 is given"),
        (Settings(batch_size=16), "without --batch-size, and now --batch-size 16 is given"),
        (Settings(seed=0), "with --seed 7, and now --seed 0 is given"),
        (Settings(split_by="keras"), "with --split-by block, and now --split-by keras is given"),
        (Settings(device="cuda"), "with --device cpu, and now --device cuda is given"),
    ],
)
def test_other_settings_are_refused(given, found, tmp_path):
    with pytest.raises(DataError, match=found) as error:
        settled(given, record(settings=Settings(48, 2, None, 7, "block", "cpu")), tmp_path)
    assert "leave --" in error.value.remedy


def begun(before, manifest, tmp_path, **changes) -> Record:
    asked = {"networks": ("notebook-v4",), "threads": 3, "max_minutes": None, "others": None} | changes
    return reproduction.begun(before, BARE, manifest, out=tmp_path, **asked)


def test_a_later_call_adds_to_the_record(photo_folder, tmp_path):
    manifest = scan(photo_folder({"A": 2, "B": 2}))
    first = begun(None, manifest, tmp_path, networks=("notebook-v4",), max_minutes=5.0, others=[Other("x", "1")])
    assert (first.folder, first.digest, first.threads) == ("photos", manifest.digest, 3)
    assert (first.networks, first.max_minutes, first.others) == (("notebook-v4",), 5.0, (Other("x", "1"),))
    first.failed["notebook-v4"], first.scored["notebook-v4"] = "no memory", "key"
    later = begun(first, manifest, tmp_path, networks=(INTENDED, "notebook-v1"), threads=9)
    assert later.networks == ("notebook-v1", INTENDED, "notebook-v4")
    assert (later.threads, later.max_minutes, later.others) == (3, None, (Other("x", "1"),))
    assert (later.failed, later.scored) == (first.failed, first.scored)
    assert begun(later, manifest, tmp_path, others=[Other("y", "2")]).others == (Other("y", "2"),)


def test_other_photos_are_refused(photo_folder, tmp_path):
    first = begun(None, scan(photo_folder({"A": 2, "B": 2})), tmp_path)
    with pytest.raises(DataError, match="begun on other photos") as error:
        begun(first, scan(photo_folder({"A": 2, "B": 3}, "others")), tmp_path)
    assert "'photos'" in error.value.expected


def test_the_record_reads_back(place):
    assert place.read() is None
    before = record(max_minutes=2.5, others=(Other("/x", "1"),), failed={"notebook-v1": "no memory"}, scored={"a": "b"})
    place.write(before)
    assert place.read() == before
    assert list(place.path.iterdir()) == [place.record]


@pytest.mark.parametrize(
    "change",
    [{"format": "fingerspell-reproduction/0"}, {"settings": {"colour": 1}}, {"others": [{"x": 1}]}, {"networks": None}],
)
def test_a_damaged_record_is_an_error(place, change):
    place.write(record())
    place.record.write_text(json.dumps(json.loads(place.record.read_text()) | change))
    with pytest.raises(DataError, match="not the record of a reproduction"):
        place.read()
    place.record.write_text("{}")
    with pytest.raises(DataError, match="not the record of a reproduction"):
        place.read()
    place.record.write_text("[")
    with pytest.raises(DataError, match="not JSON"):
        place.read()


def test_a_run_of_other_settings_is_refused(place, photo_folder):
    split = make_split(scan(photo_folder({"A": 8, "B": 8})), "keras")
    recipe, run = Settings(size=32).recipe("notebook-v1"), place.run("notebook-v1")
    reproduction.require_same_run(run, recipe, split)  # there is none yet
    same = {"split": {"digest": split.digest}, "recipe": recipe.as_dict()}
    write_run(place, "notebook-v1", [], **same)
    reproduction.require_same_run(run, recipe, split)
    for other in (Settings(size=48).recipe("notebook-v1"), Settings(seed=1, size=32).recipe("notebook-v1")):
        with pytest.raises(DataError, match="other settings, or on other photos"):
            reproduction.require_same_run(run, other, split)
    run.write_state(same | {"split": {"digest": "another"}})
    with pytest.raises(DataError, match="other settings, or on other photos"):
        reproduction.require_same_run(run, recipe, split)
    run.write_state({"split": None, "recipe": {}})  # imported
    with pytest.raises(DataError, match="other settings, or on other photos"):
        reproduction.require_same_run(run, recipe, split)
    run.write_state({"recipe": recipe.as_dict()})
    with pytest.raises(DataError, match="malformed"):
        reproduction.require_same_run(run, recipe, split)


@pytest.mark.parametrize(
    ("status", "seconds", "minutes", "expected"),
    [
        ("paused", 120.0, 2.0, True),
        ("paused", 119.0, 2.0, False),
        ("paused", 120.0, None, False),
        ("paused", 120.0, 3.0, False),
        ("finished", 120.0, 2.0, False),
        ("running", 120.0, 2.0, False),
    ],
)
def test_cut_off_is_what_the_minutes_ended(status, seconds, minutes, expected):
    assert reproduction.cut_off({"status": status, "seconds": seconds}, minutes) is expected


def test_what_an_evaluation_was_made_of(place):
    write_run(place, "notebook-v1", [])
    run = place.run("notebook-v1")
    run.weights.write_bytes(b"first")
    key = reproduction.scoring_key(run, [Other("/x", "1")])
    assert key == reproduction.scoring_key(run, [Other("/moved", "1")])  # the same photos elsewhere
    assert key != reproduction.scoring_key(run, [Other("/x", "2")])
    assert key != reproduction.scoring_key(run, [])
    run.weights.write_bytes(b"better")
    assert key != reproduction.scoring_key(run, [Other("/x", "1")])


def differences(settings=BARE, train=69_600, names=NOTEBOOK, minutes=None) -> str:
    return " ".join(reproduction.differences(settings, SimpleNamespace(counts={"train": train}), names, minutes))


def test_what_differs_from_the_notebook_is_said():
    assert differences() == ""
    assert "learns from 4,176 photos; the notebook learnt from 69,600" in differences(train=4176)
    assert "64×64 pixels; the notebook's were 200×200" in differences(Settings(size=64))
    assert "at most 2 epochs; the notebook's recipes say 30 to 75" in differences(Settings(epochs=2))
    assert "recipes say 30." in differences(Settings(epochs=2), names=("notebook-v1",))
    assert "A step takes 16 photos; the notebook's took 32" in differences(Settings(batch_size=16))
    assert "split by 'block'" in differences(Settings(split_by="block"))
    assert "cut off after 1 minute of" in differences(minutes=1.0)
    assert "cut off after 20 minutes of" in differences(minutes=20.0)
    assert "bfloat16" in differences(Settings(device="cuda"))
    assert "never ran it" in differences(names=(*NOTEBOOK, INTENDED))


def test_a_recipe_is_told_without_its_number():
    assert reproduction.about(recipes.read("notebook-v1")) == "plain CNN, as the notebook ran it"
    assert reproduction.about(recipes.read(INTENDED)).startswith("v2 as the notebook's prose means it")


def test_a_network_beside_the_notebooks(place):
    rates = [0.001, 0.001, 0.0002]
    epochs = [epoch(0, val_accuracy=0.4, lr=rates[0], seconds=10.0), epoch(1, val_accuracy=0.6, seconds=21.0)]
    epochs.append(epoch(2, val_accuracy=0.5, lr=rates[2], val_loss=None, seconds=40.0))
    write_run(place, "notebook-v1", epochs)
    its = rows.trained(place, record(), "notebook-v1")
    assert (its.status, its.ended) == ("finished", "early stopping after epoch 3 of 30: all epochs done")
    assert (its.best, its.best_epoch, its.steps, its.epochs, its.size) == (0.6, 2, 7, 30, 200)
    assert (its.learnt, its.held_out) == (208, 52)
    assert (its.epoch_seconds, its.step_seconds) == (21.0, 3.0)
    assert [point.steps for point in its.curve] == [7, 14, 21]
    assert its.curve[2] == rows.Epoch(3, 21, 0.25, 0.5, None, 2.5, 0.0002, 40.0)
    assert its.same_epoch == (3, 0.5, 0.7266)
    assert its.lowered == ((2, 0.0002),)
    assert [point.steps for point in its.recorded_curve[:2]] == [2175, 4350]
    assert its.recorded_curve[5].val_accuracy == 0.7832
    assert its.row is not None
    assert its.recorded is not None
    assert (its.row.parameters, its.recorded.parameters) == (123456, 17_436_765)


def test_the_notebooks_steps_are_as_it_recorded_them():
    found = {name: rows.recorded_of(name) for name in (*NOTEBOOK, INTENDED)}
    steps = {name: round(1000 * row.seconds_per_epoch / pages.RECORDED_STEPS) for name, row in found.items() if row}
    assert steps == {"notebook-v1": 349, "notebook-v2": 663, "notebook-v3": 152, "notebook-v4": 176}
    assert -(-pages.RECORDED_LEARNT // 32) == pages.RECORDED_STEPS
    assert found["notebook-v5"] is found[INTENDED] is None


def test_the_notebooks_curves_are_as_it_recorded_them():
    assert {row.network[-2:]: row.val_accuracy for row in rows.RECORDED} == {
        "v1": (0.5495, 0.6314, 0.7266, 0.7637, 0.7723, 0.7832),
        "v2": (0.4804, 0.5552, 0.5525, 0.8349, 0.8337),
        "v3": (0.1821, 0.5389, 0.6530, 0.7352, 0.6926),
        "v4": (0.3075, 0.6754, 0.8504, 0.8254, 0.6887),
    }


def test_more_epochs_than_the_notebook_recorded(place):
    write_run(place, "notebook-v3", [epoch(number) for number in range(9)])
    its = rows.trained(place, record(), "notebook-v3")
    assert its.same_epoch == (5, 0.5, 0.6926)


ENDS = [
    # state, what the record adds, status, words
    ({}, {"settings": Settings(epochs=2)}, "finished", "all 2 epochs done"),
    ({"reason": "no better"}, {}, "finished", "early stopping after epoch 2 of 50: no better"),
    (
        {"status": "paused", "reason": "the end"},
        {"max_minutes": 0.5},
        "cut off",
        "cut off after 2 of 50 epochs: the end",
    ),
    ({"status": "paused", "reason": "the end"}, {}, "paused", "not finished, 2 of 50 epochs: the end"),
    ({"status": "running", "reason": ""}, {}, "running", "not finished, 2 of 50 epochs"),
    (
        {"status": "failed"},
        {"failed": {"notebook-v2": "no memory"}},
        "failed",
        "failed after 2 of 50 epochs: no memory",
    ),
]


@pytest.mark.parametrize(("state", "more", "status", "words"), ENDS)
def test_why_a_network_ended_is_said(place, state, more, status, words):
    write_run(place, "notebook-v2", [epoch(0), epoch(1)], **state)
    its = rows.trained(place, record(**more), "notebook-v2")
    assert (its.status, its.ended) == (status, words)


def test_what_does_not_exist_is_none(place):
    its = rows.trained(place, record(), "notebook-v5")
    assert (its.status, its.ended, its.row, its.recorded) == ("waiting", "not begun yet", None, None)
    numbers = (its.best, its.best_epoch, its.same_epoch, its.epoch_seconds, its.step_seconds, its.recorded_step_seconds)
    assert (*numbers, its.learnt, its.held_out, its.steps) == (None,) * 9
    assert (its.curve, its.recorded_curve) == ((), ())
    write_run(place, "notebook-v5", [], status="paused")
    place.run("notebook-v5").journal.write_text('{"kind": "step", "epoch": 0, "step": 3}\n')
    begun = rows.trained(place, record(), "notebook-v5")
    assert (begun.steps, begun.best, begun.step_seconds) == (None, None, None)  # 3 steps are no epoch's


def test_an_older_journal_has_gaps(place, monkeypatch):
    old = epoch(0)
    del old["val_cross_entropy"]
    write_run(place, "notebook-v1", [old], steps=0)
    its = rows.trained(place, record(), "notebook-v1")
    assert (its.curve[0].steps, its.curve[0].val_cross_entropy, its.step_seconds) == (None, None, None)
    drawn = captured(monkeypatch, asdict(its))
    assert [figure["title"] for figure in drawn] == ["Accuracy by epoch", "Validation loss"]
    assert [line.name for line in drawn[1]["lines"]] == ["with L2 terms, as Keras logs it"]


def captured(monkeypatch, network: dict) -> list[dict]:
    """What `pictures_of` asks to be drawn."""
    drawn: list[dict] = []

    def take(title, lines, **others):
        drawn.append({"title": title, "lines": lines, **others})

    monkeypatch.setattr(pages.figures, "curves", take)
    pages.pictures_of(network)
    return drawn


def test_the_figures_hold_ours_and_the_notebooks(place, monkeypatch):
    write_run(place, "notebook-v2", [epoch(0), epoch(1, lr=0.0002, val_accuracy=None)])
    by_epoch, by_steps, loss = captured(monkeypatch, asdict(rows.trained(place, record(), "notebook-v2")))
    ours, theirs, learnt = by_epoch["lines"]
    assert list(ours.x) == [1, 2]
    assert ours.y[0] == 0.5
    assert ours.y[1] != ours.y[1]  # no number is no point
    assert (list(theirs.x), list(theirs.y)) == ([1, 2, 3, 4, 5], [0.4804, 0.5552, 0.5525, 0.8349, 0.8337])
    assert list(learnt.y) == [0.25, 0.25]
    assert (ours.recorded, theirs.recorded, learnt.recorded) == (False, True, False)
    assert (ours.thin, theirs.thin, learnt.thin) == (False, False, True)
    assert by_epoch["marks"] == [(1, "0.0002")]
    assert (by_epoch["x"], by_epoch["log_x"]) == ("epoch", False)
    assert list(by_steps["lines"][0].x) == [7, 14]
    assert list(by_steps["lines"][1].x) == [2175, 4350, 6525, 8700, 10875]
    assert by_steps["marks"] == [(7, "0.0002")]
    assert by_steps["log_x"] is True
    assert [line.name for line in loss["lines"]] == ["with L2 terms, as Keras logs it", "without them"]
    assert [list(line.y) for line in loss["lines"]] == [[3.0, 3.0], [2.5, 2.5]]
    assert loss["share"] is False
    assert "50.0%" in by_epoch["alt"]
    assert "83.5%" in by_epoch["alt"]


def test_steps_alike_are_drawn_on_a_plain_axis(place, monkeypatch):
    write_run(place, "notebook-v5", [epoch(number) for number in range(9)])  # the notebook recorded nothing
    its = asdict(rows.trained(place, record(), "notebook-v5"))
    by_epoch, by_steps, _ = captured(monkeypatch, its)
    assert by_steps["log_x"] is False
    assert by_epoch["lines"][1] is None


def test_a_network_without_l2_terms_has_one_loss(place, monkeypatch):
    write_run(place, "notebook-v1", [epoch(0, val_cross_entropy=3.0)])
    loss = captured(monkeypatch, asdict(rows.trained(place, record(), "notebook-v1")))[2]
    assert len(loss["lines"]) == 1
    assert loss["title"] == "Validation loss (no L2 terms)"


def test_before_we_begin_only_the_notebooks_curve_is_there(place, monkeypatch):
    drawn = captured(monkeypatch, asdict(rows.trained(place, record(), "notebook-v4")))
    assert [figure["title"] for figure in drawn] == ["Accuracy by epoch", "Accuracy by steps"]
    assert drawn[0]["lines"][0] is None
    assert captured(monkeypatch, asdict(rows.trained(place, record(), "notebook-v5"))) == []


def test_the_curves_as_csv(place):
    write_run(place, "notebook-v2", [epoch(0, val_loss=None)])
    its = asdict(rows.trained(place, record(), "notebook-v2"))
    lines = list(csv.DictReader(io.StringIO(pages.curves_csv([its]))))
    assert [line["by"] for line in lines] == ["fingerspell"] + 5 * ["notebook"]
    assert list(lines[0].values()) == [
        "notebook-v2",
        "fingerspell",
        "1",
        "7",
        "0.25",
        "0.5",
        "",
        "2.5",
        "0.001",
        "14.0",
    ]
    assert list(lines[2].values()) == ["notebook-v2", "notebook", "2", "4350", "", "0.5552", "", "", "", ""]


def test_the_headline_leads_with_other_hands(place):
    for name, own, other in (("notebook-v1", 0.97, 0.1), ("notebook-v2", 0.9, 0.25)):
        write_run(place, name, [epoch(0, val_accuracy=own)])
        sources = [source("desk", other), source("wall", 0.12), source("photos (val part)", own, "val")]
        sources.append(source("kin", 0.8) | {"other_collection": False})  # it shares photos with those learnt from
        place.run(name).evaluation.write_text(json.dumps({"sources": sources}))
    facts = pages.facts_of(place, record(), ["One thing."])
    assert facts["headline"]["other"] == {"right_of_hundred": "25", "source": "desk", "network": "notebook-v2"}
    assert facts["headline"]["own"]["network"] == "notebook-v1"
    assert facts["headline"]["guessing"] == "25"
    assert (facts["headline"]["done"], facts["headline"]["networks"]) == (2, 5)
    assert facts["sources"] == ["desk", "wall", "kin"]
    assert facts["differences"] == ["One thing."]
    notes = " ".join(facts["notes"])
    assert "Keras's split holds out" in notes
    assert "2,175 steps" in notes
    assert "no record of notebook-v5" in notes
    assert "No other collection" not in notes


def test_without_other_hands_the_page_says_so(place):
    write_run(place, "notebook-v2", [epoch(0)], split={"strategy": "block", "seed": 0, "digest": "", "counts": {}})
    facts = pages.facts_of(place, record(networks=("notebook-v2", INTENDED)), [])
    assert facts["headline"]["other"] is None
    notes = " ".join(facts["notes"])
    assert "No other collection was scored" in notes
    assert "Keras's split" not in notes
    assert "augmentation A" in notes


@pytest.fixture
def page(place, blank_figures) -> str:
    write_run(place, "notebook-v1", [epoch(0), epoch(1, lr=0.0002)])
    sources = [source("desk <i>", 0.25), source("photos (val part)", 0.5, "val")]
    place.run("notebook-v1").evaluation.write_text(json.dumps({"sources": sources}))
    write_run(place, "notebook-v3", [], status="paused", reason="the 2 minutes given are over", parameters=None)
    pages.write_results(place, record(failed={"notebook-v4": "no <b> memory"}), ["It differs."])
    return place.page.read_text(encoding="utf-8")


def test_the_page_stands_alone_and_says_it_all(page):
    for words in ("which none of them learnt from", "names <b>25</b> right", "It differs.", "not begun yet", "78.3%"):
        assert words in page, words
    for words in ("349 ms", "2,000 ms", "17,436,765", "50.0% in epoch 2<br><small>63.1%", "12.5–25.0%"):
        assert words in page, words
    assert "failed after 0 of 50 epochs: no &lt;b&gt; memory" in page
    assert "desk &lt;i&gt;" in page
    assert "<i>" not in page.replace('<i style="width', "")
    assert "http" not in page.replace("http://www.w3.org", "")
    assert page.count("<picture>") == 3 + 4 * 2 - 2  # three of v1; the notebook's two of v2, v3, v4; none of v5


def test_what_is_not_there_is_a_dash(page):
    row = page[page.index('<a href="#notebook-v3">') : page.index("the 2 minutes given are over")]
    cells = row.split("<td")[1:]
    assert len(cells) == 9
    ours = [
        cell.partition("<br>")[0].partition(">")[2].replace("<strong>", "").replace("</strong>", "") for cell in cells
    ]
    assert [text.replace("</td>", "").strip() for text in ours[:8]] == ["–", "–", "–", "–", "0 of 50", "–", "–", "–"]
    assert ">0.0%" not in page
    assert "None" not in page


def test_the_record_holds_the_results(page, place):
    values = json.loads(place.record.read_text())
    assert values["results"]["networks"][0]["curve"][1]["lr"] == 0.0002
    assert values["results"]["networks"][3]["best"] is None
    assert place.read().failed == {"notebook-v4": "no <b> memory"}
    assert len(place.curves.read_text().splitlines()) == 1 + 2 + 6 + 3 * 5


def test_a_damaged_run_is_an_error(place):
    write_run(place, "notebook-v1", [epoch(0)], split={"strategy": "keras"})
    with pytest.raises(DataError, match="cannot be read"):
        pages.facts_of(place, record(), [])


def test_marks_thin_lines_and_the_axis_are_drawn():
    lines = [None, figures.Line("ours", [10, 20], [0.1, 0.2]), figures.Line("back", [10, 20], [0.1, 0.3], thin=True)]
    seen = []

    def painted(paint, alt, width, height):
        canvas = figures.Canvas()
        paint(canvas, figures.LIGHT)
        seen.append(canvas.axes[0])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "draw", painted)
        figures.curves("T", lines, share=True, marks=[(15, "0.0002")], x="steps", log_x=True, alt="")
        figures.curves("T", lines, share=True, best=20, alt="")
    axes, plain = seen
    assert [line.get_color() for line in axes.lines[:2]] == list(figures.LIGHT.series[1:3])
    assert [line.get_linewidth() for line in axes.lines[:2]] == [2, 1.2]
    assert axes.get_xscale() == "log"
    assert plain.get_xscale() == "linear"
    assert (axes.get_xlabel(), plain.get_xlabel()) == ("steps", "epoch")
    assert [text.get_text() for text in axes.texts] == ["0.0002"]
    assert [text.get_text() for text in plain.texts] == ["best"]
    assert list(axes.lines[2].get_xdata()) == [15, 15]
