"""A batch follows from its place in the run; training waits for it, says how long, and leaves nothing at work."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fingerspell.core.errors import TrainingError
from fingerspell.core.preprocess import PreprocessSpec
from fingerspell.lab import recipe as recipes
from fingerspell.lab.augment import POLICIES, draw
from fingerspell.lab.augment_cpu import Normal, Workers, change
from fingerspell.lab.data.joined import joined
from fingerspell.lab.data.manifest import scan
from fingerspell.lab.data.shapes import Shapes
from fingerspell.lab.framing import frame, seen
from fingerspell.lab.training import batches as module
from fingerspell.lab.training import device_batches
from fingerspell.lab.training.batches import Batch, Batches, TrainingData
from fingerspell.lab.training.feed import Ahead, places_from
from fingerspell.lab.training.journal import read_journal
from fingerspell.lab.training.launch import Surroundings, split_for, start
from fingerspell.lab.training.resident import Resident
from fingerspell.lab.training.run import RunFolder

torch.set_num_threads(1)
CPU = torch.device("cpu")
SPEC = PreprocessSpec(24, 24, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))


def recipe(**changes) -> recipes.Recipe:
    values = {
        "name": "small",
        "network": "residual-small",
        "augment": "strong",
        "seed": 4,
        "split": {"by": "block", "guard": 0.0},
        "preprocess": {"height": 32, "width": 32},
        "training": {"epochs": 2, "batch_size": 8},
    }
    return recipes.from_dict(values | changes)


HAND = {"network": "hand-parts", "hand": {"packed": 36}, "augment": "broad"}
KINDS = {"intended": {}, "keras": {"augment": "C", "augment_as": "keras"}, "hand": HAND}


def data(*, parts: int = 1, side: int = 24) -> TrainingData:
    """33 photos of noise, in one array or more; row 32 is the training photo 0, and so on down."""
    numbers = np.random.default_rng(0)
    pixels = numbers.integers(0, 256, (33, side, side, 3), dtype=np.uint8)
    shapes = Shapes(
        numbers.uniform(0.2, 0.8, (33, 21, 2)).astype(np.float32),
        np.tile(np.float32([0.2, 0.2, 0.8, 0.8]), (33, 1)),
        numbers.integers(-1, 2, 33).astype(np.int8),
    )
    return TrainingData(
        joined(np.array_split(pixels, parts)),
        np.arange(32, -1, -1),
        numbers.integers(0, 3, 33),
        numbers.integers(0, 2**63, 33, dtype=np.uint64),
        np.arange(3),
        np.arange(3),
        numbers.permutation(33),
        shapes,
    )


def of(kind: str, workers: Workers | None = None, *, there: bool | None = None, **changes) -> Batches:
    side = 36 if kind == "hand" else 24
    return Batches(recipe(**KINDS[kind]), SPEC, data(side=side, **changes), CPU, workers, there=there)


def same(one: Batch, other: Batch) -> bool:
    """Bit for bit."""
    hands = one.seen is None or (
        np.array_equal(one.seen.landmarks, other.seen.landmarks, equal_nan=True)
        and np.array_equal(one.seen.hands, other.seen.hands)
    )
    return hands and torch.equal(one.photos, other.photos) and torch.equal(one.labels, other.labels)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_follows_from_its_place_alone(kind):
    """In any order, by any thread, with any number of workers, from one array or from several."""
    asked = of(kind)
    assert asked.steps_per_epoch == 4  # the 33rd photo would be alone
    straight = {place: asked.make(*place) for place in places_from(0, 0, 2, 4)}
    assert straight[0, 0].photos.shape == (8, 3, 24, 24)
    assert (straight[0, 0].seen is None) == (kind != "hand")
    workers, back = Workers(3), of(kind)
    others = of(kind, workers, parts=3)
    for place in reversed(straight):
        assert same(back.make(*place), straight[place])
        assert same(others.make(*place), straight[place])
    workers.close()
    feed = Ahead(of(kind).make, places_from(0, 2, 2, 4))
    assert all(same(feed.take(), straight[place]) for place in places_from(0, 2, 2, 4))
    feed.close()
    assert not torch.equal(straight[0, 1].photos, straight[1, 1].photos)


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("kind", ["intended", "hand"])
def test_the_device_that_changes_photos_itself_gives_the_same(kind, resident, monkeypatch):
    """As on a GPU: photos in its memory or not, and draws made for three batches at once, in any order of batches."""
    monkeypatch.setattr(device_batches, "BATCHES_AT_ONCE", 3)
    monkeypatch.setattr(device_batches, "room_on", lambda _device: 10**9 if resident else 0)
    ours, theirs = of(kind), of(kind, there=True, parts=2)
    assert theirs.there is not None
    assert theirs.there.resident == resident
    for place in ((0, 0), (0, 1), (0, 3), (1, 3), (1, 2), (0, 2)):
        one, other = ours.make(*place), theirs.make(*place)
        assert torch.allclose(one.photos, other.photos, atol=1e-4)
        assert torch.equal(one.labels, other.labels)
        assert one.seen is None or np.array_equal(one.seen.landmarks, other.seen.landmarks)
        assert one.seen is None or np.array_equal(one.seen.hands, other.seen.hands)


def test_a_last_smaller_batch_made_by_the_device():
    settings = recipe(training={"epochs": 1, "batch_size": 10})
    ours, theirs = (Batches(settings, SPEC, data(), CPU, there=there) for there in (False, True))
    last = ours.steps_per_epoch - 1
    assert theirs.make(0, last).photos.shape == (3, 3, 24, 24)
    assert torch.allclose(ours.make(0, last).photos, theirs.make(0, last).photos, atol=1e-4)


def test_as_keras_has_it_the_processor_changes_photos_whatever_trains():
    assert of("keras", there=True).there is None
    assert same(of("keras", there=True).make(0, 1), of("keras").make(0, 1))


def test_photos_go_into_a_device_that_has_room():
    known = data(parts=3)
    whole = known.pixels[known.train_rows]
    resident = Resident.of(known.pixels, known.train_rows, CPU, room=2 * whole.nbytes)
    assert resident is not None
    assert np.array_equal(resident.levels.numpy(), whole)
    assert Resident.of(known.pixels, known.train_rows, CPU, room=whole.nbytes) is None


def test_labels_are_those_of_the_photos():
    plain = Batches(recipe(augment="none"), SPEC, data(), CPU)
    known, order = data(), plain.order(0)
    batch = plain.make(0, 1)
    some = order[8:16]
    mean, std = np.float32(SPEC.mean), np.float32(SPEC.std)
    expected = (known.pixels[known.train_rows[some]] * np.float32(1 / 255) - mean) / std
    assert np.array_equal(batch.photos.permute(0, 2, 3, 1).numpy(), expected)
    assert batch.labels.tolist() == known.train_labels[some].tolist()


def test_views_of_hands_follow_from_the_epoch():
    """Drawn, framed and seen by hand: the same photos and landmarks."""
    hands, known = of("hand"), data(side=36)
    some = hands.order(1)[8:16]
    ids, shapes, framing = known.train_ids[some], known.shapes.of(some), recipe(**HAND).hand.framing()
    draws = frame(draw(POLICIES["broad"], 4, 1, ids, 36, 36), shapes, framing, 4, 1, ids)
    expected = change(known.pixels, known.train_rows[some], draws, (24, 24), Normal(SPEC.mean, SPEC.std))
    batch = hands.make(1, 1)
    assert np.array_equal(batch.photos.permute(0, 2, 3, 1).numpy(), expected)
    assert np.array_equal(batch.seen.landmarks, seen(draws, shapes, framing, 4, 1, ids).landmarks)


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("last", [True, False])
def test_photos_lie_in_memory_as_the_network_wants_them(last, there):
    settings = recipe(training={"epochs": 1, "batch_size": 8, "channels_last": last})
    photos = Batches(settings, SPEC, data(), CPU, there=there).make(0, 0).photos
    assert photos.is_contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


@pytest.fixture
def photos(tmp_path) -> Path:
    """Three classes of 12 photos of noise."""
    numbers = np.random.default_rng(0)
    for label in "ABC":
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(12):
            pixels = numbers.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{label}{number}.png")
    return tmp_path / "photos"


def begin(photos: Path, out: Path, **around) -> dict:
    settings = recipe()
    there = Surroundings(out.parent / "cache", device="cpu", **around)
    return start(settings, split_for(settings, scan(photos)), RunFolder(out), there)


def made_by_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("batches")]


def test_the_journal_tells_how_long_training_waited(photos, tmp_path, monkeypatch):
    """The first batch of all takes half a second to make, and no epoch but the first tells of it."""
    quick = Batches.make
    slow = {(0, 0): 0.5}
    monkeypatch.setattr(Batches, "make", lambda self, *place: time.sleep(slow.get(place, 0)) or quick(self, *place))
    begin(photos, tmp_path / "run")
    first, second = (e for e in read_journal(tmp_path / "run" / "journal.jsonl") if e["kind"] == "epoch")
    assert 0.3 < first["wait"] < first["seconds"]
    assert 0 <= second["wait"] < 0.3
    assert not made_by_threads()


def test_nothing_is_made_after_a_pause_or_an_error(photos, tmp_path, monkeypatch):
    assert begin(photos, tmp_path / "paused", asked_to_stop=lambda: "enough")["status"] == "paused"
    assert not made_by_threads()

    def interrupted() -> str | None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        begin(photos, tmp_path / "interrupted", asked_to_stop=interrupted)
    assert not made_by_threads()

    def full(*_args, **_values):
        raise MemoryError

    monkeypatch.setattr(module.augment_cpu, "change", full)
    with pytest.raises(TrainingError, match="--batch-size 4"):
        begin(photos, tmp_path / "full")
    assert not made_by_threads()
