"""A bundle's finder answers in pixels of the frame, whatever the frame's size and shape."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fingerspell.core.bundle import read_bundle
from fingerspell.core.errors import BundleError
from fingerspell.live.finding.finder import HandFinder, size_for
from fingerspell.live.finding.square import HandBox, Square

pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def bundle(finding_bundle):
    return read_bundle(finding_bundle)


@pytest.fixture(scope="module")
def finder(bundle):
    return HandFinder(bundle, threads=1)


def close(box: HandBox, left: float, top: float, side: float, within: float) -> bool:
    wanted = (left, top, left + side, top + side)
    found = (box.left, box.top, box.right, box.bottom)
    return all(abs(one - other) <= within for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize(("height", "width"), [(240, 320), (180, 320), (240, 240), (320, 240), (480, 640), (96, 500)])
def test_the_box_is_where_the_hand_is(finder, scene, height, width):
    found = finder.find(scene("A", 60, 20, 50, height, width))
    assert found is not None and 0.9 < found.score <= 1
    assert close(found.box, 60, 20, 50, within=max(height, width) / 90)


def test_a_window_is_searched_alone_and_sees_finer(finder, scene):
    frame = scene("A", 200, 120, 30)
    window = Square(180, 100, 64)
    found = finder.find(frame, window)
    assert found is not None and close(found.box, 200, 120, 30, within=0.6)
    assert finder.find(frame, Square(0, 0, 100)) is None


def test_a_window_may_reach_beyond_the_frame_but_the_box_does_not(finder, scene):
    frame = scene("A", 290, 200, 60)
    found = finder.find(frame, Square(260, 170, 120))
    assert found is not None
    assert found.box.right == 320 and found.box.bottom == 240
    assert found.box.left == pytest.approx(290, abs=1) and found.box.top == pytest.approx(200, abs=1)


def test_no_hand_is_none_and_an_unsure_one_too(finder, scene):
    assert finder.find(scene(None)) is None
    faint = scene("J")
    assert finder.find(faint) is None
    found = finder.find(faint, at_least=0.05)
    assert found is not None and found.score < finder.threshold


def test_card_gives_threshold_and_framing(bundle, scene):
    card = dict(bundle.card, finder={"input": [96, 96], "framing": 2.0, "score": 0.1})
    other = HandFinder(dataclasses.replace(bundle, card=card), 1)
    assert (other.threshold, other.framing) == (0.1, 2.0)
    assert other.find(scene("J")) is not None


def test_a_photo_is_cropped_or_left_as_it_is(finder, scene):
    photo = scene("A", 60, 40, 60)
    part = finder.cropped(photo)
    assert part.shape[0] == part.shape[1] == pytest.approx(66, abs=3)
    assert part[33, 33].tolist() == [30, 200, 100] and part[0, 33].tolist() == [128, 128, 128]
    views = finder.views(photo)
    assert [view.shape for view in views] == [part.shape, photo.shape]
    assert np.array_equal(views[0], part)
    empty = scene(None)
    assert finder.cropped(empty) is empty
    assert finder.views(empty) == [empty]


@pytest.mark.parametrize(
    "frame",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 4), np.uint8)],
)
def test_what_is_no_frame_is_refused(finder, frame):
    with pytest.raises(ValueError, match="uint8"):
        finder.find(frame)


def test_one_pixel_is_a_frame(finder):
    finder.find(np.full((1, 1, 3), 7, np.uint8))
    finder.find(np.full((1, 4000, 3), 7, np.uint8))


def test_without_a_finder_there_is_a_remedy(tiny_bundle):
    with pytest.raises(BundleError, match="cannot find hands") as caught:
        HandFinder(read_bundle(tiny_bundle))
    assert "--box" in caught.value.remedy


def test_a_foreign_finder_is_refused(bundle):
    with pytest.raises(BundleError, match="inputs and outputs"):
        HandFinder(dataclasses.replace(bundle, finder=bundle.model))
    with pytest.raises(BundleError, match="cannot be run"):
        HandFinder(dataclasses.replace(bundle, finder=b"\x08\x01"))


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((480, 640), (160, 224)),
        ((360, 640), (128, 224)),
        ((500, 500), (192, 192)),
        ((640, 480), (224, 160)),
        ((400, 600), (128, 192)),
    ],
)
def test_frames_are_shown_nearly_in_their_shape(shape, wanted):
    assert size_for(*shape, 192 * 192) == wanted


def test_strange_shapes_stay_within_the_pixels_allowed():
    for shape in ((1, 5000), (5000, 1), (100, 1000)):
        rows, columns = size_for(*shape, 192 * 192)
        assert rows * columns <= 192 * 192 and rows % 32 == columns % 32 == 0
    assert size_for(100, 100, 32 * 32) == (32, 32)
