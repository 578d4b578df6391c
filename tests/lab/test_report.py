"""The report: what it says first, that it is whole and self-contained, and that nothing gets lost on the way."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from fingerspell.core.errors import DataError
from fingerspell.core.scoring import score
from fingerspell.lab import figures
from fingerspell.lab.calibration import Calibration, Source, as_calibrated
from fingerspell.lab.data.cache import open_cache
from fingerspell.lab.data.split import Split
from fingerspell.lab.evaluate import evaluate_folder, evaluate_split
from fingerspell.lab.page import duration, of_hundred, overlay, percent, photo_uri, span
from fingerspell.lab.report import TrainingPhotos, write_report


class Page(HTMLParser):
    """Collects what a page refers to, its pictures and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.add(tag)
        self.references += [values[key] for key in ("src", "srcset", "href") if values.get(key)]
        if tag == "img":
            self.images.append(values)
        if tag not in ("meta", "img", "source", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def world(runs, photos, tmp_path_factory, shared_by_colour):
    """A run, its own part scored perfectly, another collection with 4 of 16 photos wrong, and the training photos."""
    tmp_path = tmp_path_factory.mktemp("world")
    run = runs.make(tmp_path / "first <run>", photos.folder(tmp_path / "own"))
    split = Split.load(run.split)
    cache = open_cache(split.manifest, shared_by_colour.preprocess, tmp_path / "cache")
    other = photos.folder(tmp_path / "other <b>", start=500, each=3)
    for label, looks in (("A", "B"), ("B", "C"), ("C", "J"), ("J", "A")):
        photos.write(other / label / f"{label}9.png", looks, 900 + ord(label))
    results = [
        evaluate_split(shared_by_colour, split, cache),
        evaluate_folder(shared_by_colour, other, tmp_path / "cache", split),
    ]
    return run, results, shared_by_colour, TrainingPhotos(split, cache)


@pytest.fixture(scope="module")
def written(world, tmp_path_factory):
    """(facts, HTML, folder) of the whole report, drawn once."""
    folder = tmp_path_factory.mktemp("written")
    return *read(world, folder), folder


def read(world, tmp_path, **changes):
    run, results, model, training = world
    out = tmp_path / "report.html"
    facts = write_report(run, changes.pop("results", results), model, out, training=changes.pop("training", training))
    assert not changes
    return facts, out.read_text(encoding="utf-8")


def test_the_page_leads_with_the_hardest_source(written):
    facts, text, _ = written
    page = Page(text)
    assert page.open == []
    assert facts["sources"][0]["name"] == "other <b>"
    said = "Of 100 photos from other <b> , which it never learnt from, this recogniser names 75 right."
    assert said in page.text
    assert page.text.index("names 75 right") < page.text.index("100 of 100 on own")
    assert "Guessing would get about 25" in page.text
    assert "give a folder" not in page.text
    assert re.search(r"The 95% interval is between \d+ and \d+ of 100", page.text)


def test_without_another_collection_it_warns(blank_figures, world, tmp_path):
    facts, text = read(world, tmp_path, results=world[1][:1])
    assert facts["headline"]["warning"]
    page = Page(text)
    assert "No photos from another collection were scored" in page.text
    assert "which it never learnt from" not in page.text


def test_the_page_needs_nothing_but_itself(written):
    _, text, _ = written
    page = Page(text)
    assert page.references
    assert all(reference.startswith("data:image/") for reference in page.references)
    assert not page.tags & {"script", "iframe", "link", "object"}
    assert "url(" not in text
    assert len(text) < 6_000_000


def test_every_picture_has_words(written):
    _, text, _ = written
    images = Page(text).images
    assert len(images) == 3 + 2 * 3 + 4 * (2 + 3)  # curves, figures of two sources, mistakes with their neighbours
    assert all(len(image["alt"] or "") > 12 for image in images)
    alts = " ".join(image["alt"] for image in images)
    assert "Most frequent confusions: A as B 25%, B as C 25%, C as J 25%, J as A 25%." in alts
    assert "There is no confusion." in alts


def test_names_from_outside_cannot_become_markup(written):
    _, text, _ = written
    assert "other <b>" not in text
    assert "<readable>" not in text
    assert "other &lt;b&gt;" in text


def test_every_source_stands_with_split_interval_and_count(world, written):
    _, text, _ = written
    page = Page(text)
    for result in world[1]:
        assert result.description in page.text
        assert result.scores.interval is not None
        assert percent(result.scores.interval.low).removesuffix("%") in page.text
    assert "16 photos" in page.text.replace("photos photos", "photos")


def test_motion_letters_are_marked(written):
    _, text, _ = written
    assert "J (moves)" in Page(text).text
    assert "A (moves)" not in Page(text).text
    assert "a still photo shows only a moment" in Page(text).text


def test_mistakes_come_with_the_photos_most_alike(world, written):
    facts, _, _ = written
    mistakes = {entry["path"]: entry for entry in facts["mistakes"]}
    assert set(mistakes) == {"A/A9.png", "B/B9.png", "C/C9.png", "J/J9.png"}
    mistake = mistakes["A/A9.png"]
    assert (mistake["shown"], mistake["answered"]) == ("A", "B")
    assert len(mistake["most_alike"]) == 3
    learnt = {world[3].split.manifest.photos[i].path for i in world[3].split.indices("train")}
    assert {near["path"] for near in mistake["most_alike"]} <= learnt
    assert all(near["label"] == near["path"][0] for near in mistake["most_alike"])


def test_without_training_photos_the_mistakes_stand_alone(blank_figures, world, tmp_path):
    facts, text = read(world, tmp_path, training=None)
    assert all(entry["most_alike"] == [] for entry in facts["mistakes"])
    assert "most alike" not in Page(text).text


def test_a_faultless_source_says_so(blank_figures, world, tmp_path):
    _, text = read(world, tmp_path, results=world[1][:1])
    assert "It made none on the 16 photos scored." in Page(text).text


def test_training_data_and_damage_are_told(world, written):
    facts, text, _ = written
    page = Page(text)
    assert [entry["epoch"] for entry in facts["epochs"]] == [0, 1, 2]  # the cut-off last line is passed over
    assert "the weights of epoch 2 are kept" in page.text
    assert "1 × not a photo ending (.txt)" in page.text
    assert "A/broken.png (not a <readable> image)" in page.text
    assert "80 (" in page.text
    assert str(world[0].path.parent) not in text


def test_a_paused_run_without_epochs_is_told_as_that(blank_figures, world, runs, photos, tmp_path):
    run = runs.make(tmp_path / "young", photos.folder(tmp_path / "own2"), status="paused", best=None, epochs_done=0)
    run.journal.unlink()
    _, text = read((run, *world[1:]), tmp_path)
    page = Page(text)
    assert "The training is paused" in page.text
    assert "holds no whole epoch" in page.text


def test_the_json_holds_the_same_facts(written):
    facts, _, folder = written
    stored = json.loads((folder / "report.json").read_text())
    assert stored == json.loads(json.dumps(facts))
    assert stored["format"] == "fingerspell-report/1"
    assert stored["sources"][0]["scores"]["accuracy"] == 0.75


def test_nothing_to_report_is_an_error(blank_figures, world, tmp_path):
    with pytest.raises(DataError, match="nothing to report"):
        read(world, tmp_path, results=[])


def decoded(uri: str) -> str:
    return base64.b64decode(uri.partition(",")[2]).decode()


def test_figures_come_in_two_themes_and_always_the_same():
    line = [figures.Line("one", [1, 2, 3], [0.1, float("nan"), 0.3])]
    first = figures.curves("Loss", line, share=False, best=2, alt="words")
    assert first == figures.curves("Loss", line, share=False, best=2, alt="words")
    assert figures.LIGHT.ink in decoded(first.light)
    assert figures.DARK.ink in decoded(first.dark)
    assert ">Loss</text>" in decoded(first.light)
    assert ">best</text>" in decoded(first.light)


def test_the_confusion_figure_gives_percent_of_rows_and_marks_empty_ones():
    scores = score(np.eye(3)[[1, 1, 0]], [0, 0, 0], ("A", "B", "C"), ["x", "y", "z"])
    text = decoded(figures.confusion(scores, "words").light)
    assert ">67</text>" in text
    assert ">33</text>" in text
    assert text.count(">no photos</text>") == 2


def test_confusion_colours_keep_right_and_wrong_apart():
    colours = figures._cell_colours(np.array([[0.5, 0.5], [0.0, 1.0]]), figures.LIGHT)
    assert colours[0, 0, 2] > colours[0, 0, 0]  # right: blue
    assert colours[0, 1, 0] > colours[0, 1, 2]  # wrong: orange
    assert colours[1, 0].tolist() == [1, 1, 1]  # never happened: the page
    assert figures._legible(np.array([1.0, 1.0, 0.9])) == "#000000"
    assert figures._legible(np.array([0.0, 0.2, 0.4])) == "#ffffff"


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (0.8712, 1, "87.1%"),
        (None, 1, "–"),
        (1, 1, "100.0%"),
        (0.9999, 1, "99.9%"),
        (0.9999, 0, "99%"),
        (0, 0, "0%"),
        (0.0001, 0, "1%"),
        (0.0001, 1, "0.1%"),
    ],
)
def test_percent_never_rounds_to_perfect(share, digits, text):
    assert percent(share, digits) == text


@pytest.mark.parametrize(
    ("share", "words"), [(0.31, "31"), (1, "100"), (0.997, "more than 99"), (0.001, "fewer than 1")]
)
def test_of_hundred_never_rounds_to_perfect(share, words):
    assert of_hundred(share) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "–"), (3.21, "3.2 s"), (38, "38 s"), (700, "12 min"), (7500, "2 h 05 min")]
)
def test_durations_are_for_people(seconds, words):
    assert duration(seconds) == words


def test_spans():
    assert span({"low": 0.274, "high": 0.35}) == "27.4–35.0%"
    assert span(None) == "no interval"


def test_overlay_glows_where_it_matters_and_dims_the_rest():
    photo = np.full((4, 4, 3), 200, dtype=np.uint8)
    strength = np.zeros((4, 4), dtype=np.float32)
    strength[1, 2] = 1
    mixed = overlay(photo, strength)
    assert mixed[0, 0].tolist() == [120, 120, 120]
    assert mixed[1, 2, 0] > 200 > mixed[1, 2, 2]
    assert photo_uri(mixed).startswith("data:image/jpeg;base64,/9j/")


@pytest.fixture
def calibrated(world):
    """The world's results by the calibrated network, and the calibration."""
    results = [as_calibrated(result, CALIBRATION) for result in world[1]]
    return results, {**CALIBRATION.as_dict(), "sources": [{"name": "ben's <i>", "photos": 60, "digest": "d"}]}


CALIBRATION = Calibration(1.5, (Source("ben", 60, "d"),), 0.1234, 0.0156, 0.4, 0.3, 0.61, 0.805, 0.9712)


def test_it_says_how_far_its_confidence_can_be_trusted(blank_figures, world, calibrated, tmp_path):
    results, calibration = calibrated
    run, _, model, training = world
    out = tmp_path / "r.html"
    facts = write_report(run, results, model, out, training=training, mistakes=0, calibration=calibration)
    text = Page(out.read_text(encoding="utf-8")).text
    assert re.search(r"divided by a temperature of 1\.50, found on 60 other photos \( ?ben's <i> ?\)", text)
    assert "fell from 12.3% to 1.6%" in text
    assert "from a confidence of 61% on, 97.1% of the answers were right (80.5% of the photos answered)" in text
    assert "calls an answer sure from 61%: here that answers" in text
    assert "very photos, which flatters" not in text
    assert facts["calibration"] == calibration
    assert facts["sources"][0]["sure"]["threshold"] == 0.61
    own = {**calibration, "sources": [{"name": "x", "photos": 1, "digest": results[1].digest}]}
    again = write_report(run, results, model, out, mistakes=0, calibration=own)
    assert [source["sure"]["calibrated_on"] for source in again["sources"]] == [True, False]
    assert "very photos, which flatters" in Page(out.read_text(encoding="utf-8")).text


def test_without_a_threshold_or_a_calibration_it_says_so(blank_figures, world, calibrated, tmp_path):
    results, calibration = calibrated
    run, _, model, _ = world
    none = {**calibration, "answer_from": None, "answered": None, "right": None}
    write_report(run, results, model, tmp_path / "r.html", mistakes=0, calibration=none)
    text = Page((tmp_path / "r.html").read_text(encoding="utf-8")).text
    assert "no confidence was found from which on 97% of the answers were right" in text
    assert "calls an answer sure" not in text
    write_report(run, results, model, tmp_path / "r.html", mistakes=0)
    assert "Not calibrated" in Page((tmp_path / "r.html").read_text(encoding="utf-8")).text


def test_the_refusal_curve_shows_the_line_and_the_point(world):
    scores = world[1][1].scores
    marked = figures.refusals(scores, {"threshold": 0.61, "share": 0.8, "accuracy": 0.97}, 0.97, "words")
    plain = figures.refusals(scores, None, None, "words")
    drawn, without = (base64.b64decode(picture.light.partition(",")[2]).decode() for picture in (marked, plain))
    for word in ("sure from 61%", "97% right", "right among the answered", "photos answered, the surest first"):
        assert word in drawn
    assert "sure from" not in without
    assert "97% right" not in without
    assert marked.dark != marked.light
