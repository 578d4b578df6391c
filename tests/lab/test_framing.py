"""Views are cut where the hand is, landmarks go with the pixels, left hands are turned round."""

import numpy as np
import pytest
import torch

from fingerspell.lab.augment import Policy, draw
from fingerspell.lab.augment_torch import apply
from fingerspell.lab.data.shapes import LEFT, RIGHT, UNKNOWN, Shapes
from fingerspell.lab.framing import Framing, frame, seen

IDS = np.arange(1, 401, dtype=np.uint64) * np.uint64(977)
STILL = Policy()
PLAIN = Framing(framed=0.0, mirrored=0.0)


def shapes(hand: int = RIGHT, box=(0.2, 0.3, 0.5, 0.7), count: int = len(IDS)) -> Shapes:
    known = Shapes.unknown(count)
    known.boxes[:] = box
    known.landmarks[:] = np.random.default_rng(0).uniform(box[:2], box[2:], (21, 2))
    known.hands[:] = hand
    return known


def changed(known: Shapes, framing: Framing, policy: Policy = STILL, epoch: int = 0):
    drawn = draw(policy, 0, epoch, IDS[: len(known.hands)], 64, 64)
    framed = frame(drawn, known, framing, 0, epoch, IDS[: len(known.hands)])
    return framed, seen(framed, known, framing, 0, epoch, IDS[: len(known.hands)])


def spot_at(x: float, y: float, side: int = 64) -> torch.Tensor:
    """A photo with a small bright spot, x and y in fractions."""
    places = (torch.arange(side) + 0.5) / side
    return torch.exp(-((places[None, :] - x) ** 2 + (places[:, None] - y) ** 2) / (2 * 0.03**2)).expand(3, -1, -1)


def place_of_spot(photo: torch.Tensor) -> tuple[float, float]:
    weights = photo[0].double()
    weights = torch.where(weights > 0.3 * weights.max(), weights, 0)
    places = (torch.arange(photo.shape[1], dtype=torch.float64) + 0.5) / photo.shape[1]
    return float((weights.sum(0) * places).sum() / weights.sum()), float(
        (weights.sum(1) * places).sum() / weights.sum()
    )


@pytest.mark.parametrize("hand", [RIGHT, LEFT])
def test_landmarks_go_where_the_pixels_go(hand):
    policy = Policy(rotation=20, shift=0.1, zoom=0.2, shear=8)
    known = shapes(hand, count=40)
    framed, found = changed(known, Framing(framed=0.5, mirrored=0.3, tipped=50), policy)
    x, y = known.landmarks[0, 7]
    photos = apply(spot_at(float(x), float(y), 128).expand(40, -1, -1, -1), framed, (64, 64))
    checked = 0
    for photo, marks in zip(photos, found.landmarks, strict=True):
        if (np.abs(marks[7] - 0.5) < 0.4).all():
            assert place_of_spot(photo) == pytest.approx(marks[7].tolist(), abs=0.012)
            checked += 1
    assert checked > 25


def test_without_any_change_nothing_moves():
    known = shapes()
    framed, found = changed(known, PLAIN)
    assert np.allclose(framed.matrix, [[1, 0, 0], [0, 1, 0]])
    assert np.allclose(found.landmarks, known.landmarks, atol=1e-6)
    assert (found.hands == RIGHT).all()


def test_cut_views_hold_the_hand_as_closely_as_asked():
    framing = Framing(framed=1.0, closest=1.2, widest=2.0, off=0.1, mirrored=0.0)
    framed, _ = changed(shapes(box=(0.2, 0.3, 0.5, 0.7)), framing)
    sides = framed.matrix[:, 0, 0] / 0.4  # of the photo's side, in longer sides of the box
    assert sides.min() >= 1.2
    assert sides.max() <= 2.0
    assert sides.min() < 1.22
    assert sides.max() > 1.95
    middle = (framed.matrix[:, :, 2] + 1) / 2  # of the view, in fractions
    off = (middle - [0.35, 0.5]) / 0.4
    assert np.abs(off).max() <= 0.1 + 1e-6
    assert np.abs(off).max(axis=0).min() > 0.09


def test_tipped_hands_are_lower_by_the_cosine_and_as_wide_as_they_were():
    framed, found = changed(shapes(), Framing(framed=0.0, mirrored=0.0, tipped=60))
    assert np.allclose(framed.matrix[:, 0], [1, 0, 0])
    assert np.allclose(framed.matrix[:, 1, [0, 2]], 0)
    angles = np.rad2deg(np.arccos(1 / framed.matrix[:, 1, 1].astype(np.float64)))
    assert np.histogram(angles, bins=4, range=(0, 60))[0].min() > 0.2 * len(IDS)  # any angle is as likely
    assert angles.max() <= 60 + 1e-3
    height = np.ptp(found.landmarks[:, :, 1], axis=1) / np.ptp(shapes().landmarks[0, :, 1])
    assert height == pytest.approx(np.cos(np.deg2rad(angles)), abs=1e-5)


def test_cut_views_hold_a_tipped_hand_as_closely_as_asked():
    framing = Framing(framed=1.0, closest=1.2, widest=1.2, off=0.0, mirrored=0.0, tipped=60)
    framed, _ = changed(shapes(box=(0.3, 0.3, 0.6, 0.8)), framing)
    lower = framed.matrix[:, 0, 0] / framed.matrix[:, 1, 1]
    assert framed.matrix[:, 0, 0] == pytest.approx(1.2 * np.maximum(0.3, 0.5 * lower), abs=1e-5)
    assert (lower < 0.6).any()  # wider than it is high by then


def test_a_fraction_is_cut_and_only_where_the_place_is_known():
    framing = Framing(framed=0.3, mirrored=0.0)
    known = shapes()
    known.boxes[::2] = np.nan
    framed, _ = changed(known, framing)
    cut = framed.matrix[:, 0, 0] != 1
    assert not cut[::2].any()
    assert 0.2 < cut[1::2].mean() < 0.4


def test_left_hands_become_right_ones():
    framed, found = changed(shapes(LEFT), PLAIN)
    assert np.allclose(framed.matrix[:, 0, 0], -1)
    assert (found.hands == RIGHT).all()


@pytest.mark.parametrize("hand", [RIGHT, LEFT])
def test_some_are_mirrored_on_purpose_and_said_to_be_left(hand):
    framed, found = changed(shapes(hand), Framing(framed=0.0, mirrored=0.25))
    wrong = found.hands == LEFT
    assert 0.18 < wrong.mean() < 0.32
    sign = np.where(wrong, -1, 1) * (1 if hand == RIGHT else -1)
    assert np.allclose(framed.matrix[:, 0, 0], sign)


def test_unknown_hands_are_never_mirrored():
    framed, found = changed(shapes(UNKNOWN), Framing(framed=0.0, mirrored=0.9))
    assert np.allclose(framed.matrix[:, 0, 0], 1)
    assert (found.hands == UNKNOWN).all()


def test_every_epoch_looks_elsewhere_and_the_same_one_looks_alike():
    framing = Framing()
    first, again, other = (changed(shapes(), framing, epoch=epoch)[0].matrix for epoch in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_a_batchs_company_changes_nothing():
    known, framing = shapes(), Framing()
    whole = frame(draw(Policy(), 0, 0, IDS, 64, 64), known, framing, 0, 0, IDS).matrix
    some = np.array([7, 3, 300])
    alone = frame(draw(Policy(), 0, 0, IDS[some], 64, 64), known.of(some), framing, 0, 0, IDS[some]).matrix
    assert np.allclose(whole[some], alone)
