"""A bundle and a person's photos → a bundle that is better for them, or a refusal that changes nothing."""

from __future__ import annotations

import io
import json
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
from older_format import as_format_1
from own_photos_drawn import draw_own
from PIL import Image

from fingerspell.core.bundle import read_bundle
from fingerspell.core.errors import BundleError, DataError
from fingerspell.core.head import read_head, temperature_of
from fingerspell.live.adapting import adapt as adapting
from fingerspell.live.adapting.adapt import adapt_bundle, as_dict, features_of
from fingerspell.live.adapting.photos import OwnPhoto
from fingerspell.live.recognizer import Recognizer

pytest.importorskip("onnxruntime")
ALL = {"A": 5, "B": 5, "J": 5, "nothing": 5}


def named_right(bundle: Path, labels=tuple(ALL)) -> int:
    """Of ten photos that nobody has learnt from."""
    recognizer = Recognizer(bundle, threads=1)
    shown = [(label, np.asarray(draw_own(label, number))) for label in labels for number in range(20, 30)]
    return sum(recognizer.predict(photo).label == label for label, photo in shown)


class TestBetter:
    def test_errors_go_and_the_bundle_is_whole(self, tiny_bundle, own_photos, tmp_path):
        result = adapt_bundle(tiny_bundle, own_photos(ALL), tmp_path / "mine.bundle")
        assert named_right(tiny_bundle) < 32
        assert named_right(tmp_path / "mine.bundle") == 40
        assert result.checked.before.right <= 16
        assert result.checked.after.right == result.checked.after.photos == 20
        assert result.photos == ALL
        assert result.missing == result.alike == result.left_out == ()
        found = Recognizer(result.path)
        assert found.verify().samples == result.golden == 8  # golden answers are the new graph's own

    def test_only_the_last_layer_is_another(self, tiny_bundle, own_photos, tmp_path):
        out = adapt_bundle(tiny_bundle, own_photos(ALL), tmp_path / "mine.bundle").path
        before, after = read_bundle(tiny_bundle), read_bundle(out)
        assert len(before.model) == len(after.model)
        photo = [np.asarray(draw_own("A", 1))]
        assert np.array_equal(Recognizer(tiny_bundle).features(photo), Recognizer(out).features(photo))
        head, new = (read_head(each.model, temperature_of(each.card)) for each in (before, after))
        assert not np.array_equal(head.weight, new.weight)
        assert [s.data for s in before.golden] == [s.data for s in after.golden]

    def test_the_card_says_whose_it_is(self, tiny_bundle, own_photos, tmp_path, monkeypatch):
        monkeypatch.setattr(adapting, "MOST_LOST", 1.0)  # the tiny recogniser forgets easily
        out = adapt_bundle(
            tiny_bundle, own_photos({"A": 5, "B": 5, "J": 5}), tmp_path / "mine.bundle", hand="left"
        ).path
        base, card = read_bundle(tiny_bundle), read_bundle(out).card
        adapted = card["adapted"]
        assert adapted["base"]["model_sha256"] == base.digest()
        assert adapted["photos"] == {"A": 5, "B": 5, "J": 5}
        assert adapted["without_photos"] == ["nothing"]
        assert adapted["hand"] == "left"
        assert adapted["held_out"]["after"]["right"] >= adapted["held_out"]["before"]["right"]
        assert card["scores"][0]["source"] == "own photos (held out)"
        assert card["scores"][0]["photos"] == 15
        assert card["scores"][0]["recall_by_label"]["nothing"] is None
        assert "one person" in card["limits"][0]
        assert card["limits"][1:] == base.card["limits"]
        assert card["labels"] == base.card["labels"]

    def test_a_second_time_says_so_and_keeps_one_limit(self, tiny_bundle, own_photos, tmp_path):
        once = adapt_bundle(tiny_bundle, own_photos(ALL), tmp_path / "once.bundle").path
        mirrored = own_photos(ALL, "other", says=lambda label, _: {"A": "B", "B": "A"}.get(label, label))
        card = read_bundle(adapt_bundle(once, mirrored, tmp_path / "twice.bundle").path).card
        assert card["adapted"]["base_was_adapted"]["base"]["model_sha256"] == read_bundle(tiny_bundle).digest()
        assert sum("one person" in limit for limit in card["limits"]) == 1
        assert [score["source"] for score in card["scores"]] == ["own photos (held out)"]

    def test_no_photo_and_no_name_of_one_goes_into_it(self, tiny_bundle, own_photos, tmp_path):
        folder = own_photos(ALL, "private folder")
        out = adapt_bundle(tiny_bundle, folder, tmp_path / "mine.bundle").path
        said = [path.read_bytes() for path in out.rglob("*") if path.is_file()]
        assert not any(b"private" in data for data in said)
        assert {p.name for p in out.rglob("*")} == {p.name for p in tiny_bundle.rglob("*")}

    def test_nothing_is_sent(self, tiny_bundle, own_photos, tmp_path, monkeypatch):
        def refuse(*_args: object, **_named: object) -> None:
            raise AssertionError("a connection was opened")

        monkeypatch.setattr(socket, "socket", refuse)
        adapt_bundle(tiny_bundle, own_photos(ALL), tmp_path / "mine.bundle")

    def test_the_same_photos_give_the_same_bundle(self, tiny_bundle, own_photos, tmp_path):
        folder = own_photos(ALL)
        once, again = (adapt_bundle(tiny_bundle, folder, tmp_path / name).path for name in ("a", "b"))
        assert (once / "model.onnx").read_bytes() == (again / "model.onnx").read_bytes()

    def test_a_left_hand_is_mirrored(self, tiny_bundle):
        recognizer = Recognizer(tiny_bundle)
        pixels = np.asarray(draw_own("A", 1)).copy()
        pixels[:, :10] = 0
        plain, left, turned = (
            features_of(recognizer, [OwnPhoto("x", "A", each)], hand)
            for each, hand in ((pixels, "right"), (pixels, "left"), (pixels[:, ::-1], "right"))
        )
        assert plain.shape == (1, 5, plain.shape[2])
        assert np.array_equal(left[0, 0], turned[0, 0])
        assert not np.array_equal(left[0, 0], plain[0, 0])

    def test_as_json(self, tiny_bundle, own_photos, tmp_path):
        values = json.loads(json.dumps(as_dict(adapt_bundle(tiny_bundle, own_photos(ALL), tmp_path / "m"))))
        assert values["after"]["right"] == 20
        assert values["before"]["interval"][0] < values["before"]["accuracy"] < values["before"]["interval"][1]


class TestRefusing:
    def test_photos_in_wrong_folders(self, tiny_bundle, own_photos, tmp_path):
        order = ["B", "J", "nothing", "A", "J", "A", "B", "nothing"]
        wrong = own_photos(ALL, says=lambda label, number: order[(number * 3 + len(label) + ord(label[0])) % 8])
        with pytest.raises(DataError, match="would not make it better") as caught:
            adapt_bundle(tiny_bundle, wrong, tmp_path / "mine.bundle")
        assert "folder of its letter" in caught.value.remedy
        assert not (tmp_path / "mine.bundle").exists()
        assert not list(tmp_path.glob(".mine*"))

    @pytest.mark.parametrize("counts", [{"A": 5, "B": 4}, {"A": 12}, {"A": 12, "B": 1, "J": 1}])
    def test_too_few(self, tiny_bundle, own_photos, tmp_path, counts):
        with pytest.raises(DataError, match="too few photos") as caught:
            adapt_bundle(tiny_bundle, own_photos(counts), tmp_path / "mine.bundle")
        assert "none of" in caught.value.found
        assert "nothing" in caught.value.found
        assert "at least 10 photos" in caught.value.expected
        assert not (tmp_path / "mine.bundle").exists()

    def test_single_photos_are_named(self, tiny_bundle, own_photos, tmp_path):
        with pytest.raises(DataError, match=r"only one of B, J; none of nothing"):
            adapt_bundle(tiny_bundle, own_photos({"A": 3, "B": 1, "J": 1}), tmp_path / "mine.bundle")

    def test_a_bundle_of_the_older_format(self, tiny_bundle, own_photos, tmp_path):
        with pytest.raises(BundleError, match="head"):
            adapt_bundle(as_format_1(tiny_bundle, tmp_path / "old.bundle"), own_photos(ALL), tmp_path / "mine.bundle")

    def test_letters_without_photos_that_would_be_forgotten(self, tiny_bundle, own_photos, tmp_path):
        """The tiny recogniser tells two of its letters apart by one colour only."""
        with pytest.raises(DataError, match=r"forget letters without photos: J") as caught:
            adapt_bundle(tiny_bundle, own_photos({"A": 6, "B": 6}), tmp_path / "mine.bundle")
        assert "take photos of J" in caught.value.remedy
        assert not (tmp_path / "mine.bundle").exists()

    def test_what_is_at_out_is_left_alone(self, tiny_bundle, own_photos, tmp_path):
        out = shutil.copytree(tiny_bundle, tmp_path / "there.bundle")
        with pytest.raises(BundleError, match="exists"):
            adapt_bundle(tiny_bundle, own_photos(ALL), out)
        adapt_bundle(tiny_bundle, own_photos(ALL, "again"), out, force=True)
        assert "adapted" in read_bundle(out).card
        (tmp_path / "notes").mkdir()
        (tmp_path / "notes" / "a.txt").write_text("precious")
        with pytest.raises(BundleError, match="is not a bundle"):
            adapt_bundle(tiny_bundle, own_photos(ALL, "third"), tmp_path / "notes", force=True)

    def test_near_twins_are_told(self, tiny_bundle, own_photos, tmp_path):
        folder = own_photos(ALL)
        for number in range(2, 6):
            shutil.copy(folder / "A/A1.png", folder / f"A/A{number}.png")
        result = adapt_bundle(tiny_bundle, folder, tmp_path / "mine.bundle")
        assert result.alike == ("A",)
        assert "flatters" in read_bundle(result.path).card["scores"][0]["where_from"]

    def test_a_damaged_photo_is_named_and_the_rest_is_used(self, tiny_bundle, own_photos, tmp_path):
        folder = own_photos(ALL)
        (folder / "A/A9.png").write_bytes(b"no picture")
        (folder / "loose.jpg").write_bytes(b"x")
        result = adapt_bundle(tiny_bundle, folder, tmp_path / "mine.bundle")
        assert len(result.left_out) == 2
        assert any("A9.png" in sentence for sentence in result.left_out)
        assert result.photos == ALL

    def test_a_large_photo_from_a_phone(self, tiny_bundle, own_photos, tmp_path):
        folder = own_photos(ALL)
        draw_own("A", 1).resize((3000, 2000)).save(folder / "A/A1.png")
        assert adapt_bundle(tiny_bundle, folder, tmp_path / "mine.bundle").checked.after.right >= 19


def test_the_finder_is_kept_and_used(tiny_bundle, own_photos, tmp_path, monkeypatch):
    asked = []

    class Whole:
        def __init__(self, bundle: object) -> None:
            pass

        def cropped(self, photo: np.ndarray) -> np.ndarray:
            asked.append(photo.shape)
            return photo

    monkeypatch.setattr(adapting, "HandFinder", Whole)
    folder = own_photos(ALL)
    adapt_bundle(tiny_bundle, folder, tmp_path / "without")
    assert asked == []
    adapt_bundle(tiny_bundle, folder, tmp_path / "with", find=True)
    assert len(asked) == 20
    with Image.open(io.BytesIO((folder / "A/A1.png").read_bytes())) as image:
        assert asked[0] == (*image.size[::-1], 3)
