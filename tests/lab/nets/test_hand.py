"""The network for hands: both hands are read alike, landmarks are places, and every head learns."""

import numpy as np
import pytest
import torch

import fingerspell.lab  # noqa: F401 - the allocator, before torch works
from fingerspell.lab.data.shapes import LEFT, RIGHT, UNKNOWN
from fingerspell.lab.framing import Seen
from fingerspell.lab.nets.hand import HandNetwork
from fingerspell.lab.nets.landmarks import soft_places
from fingerspell.lab.nets.registry import build
from fingerspell.lab.recipe import HandSettings
from fingerspell.lab.training.hands import _entropies, hand_loss

torch.set_num_threads(1)


@pytest.fixture(params=["hand", "hand-parts", "hand-fine"])
def net(request) -> HandNetwork:
    torch.manual_seed(0)
    network = build(request.param, 5, 32, 32)
    assert isinstance(network, HandNetwork)
    return network


def photos(count: int = 6) -> torch.Tensor:
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def hands_seen(count: int, hand: int = RIGHT) -> Seen:
    marks = np.random.default_rng(0).uniform(0.1, 0.9, (count, 21, 2)).astype(np.float32)
    return Seen(marks, np.full(count, hand, np.int8))


def shares(net, photo: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of the photo and of its mirror image, as the heads learn them."""
    return net._look(photo)[0], net._look(photo.flip(3))[0]


def test_without_evidence_most_hands_are_right_ones(net):
    net.eval()
    with torch.no_grad():
        net.hand.weight.zero_()
        net.output.weight.zero_()
        plain, mirrored = shares(net, photos())
        right = torch.sigmoid(torch.tensor(1.0))
        assert torch.allclose(net.features(photos()), right * plain + (1 - right) * mirrored, atol=1e-5)


def test_the_side_that_shows_a_right_hand_is_believed(net):
    net.eval()
    with torch.no_grad():
        net.output.weight.zero_()
        net.hand.weight.zero_()
        net.hand.weight[0] = 4000 * torch.randn(net.hand.weight.shape[1])
        some = photos(24)
        plain, mirrored = shares(net, some)
        right = net.learn(some).hands[:, 0] > net.learn(some.flip(3)).hands[:, 0]
        assert right.any()
        assert not right.all()
        assert torch.allclose(net.features(some), torch.where(right[:, None], plain, mirrored), atol=1e-3)


def test_the_side_whose_letter_is_surer_is_believed(net):
    net.eval()
    with torch.no_grad():
        net.hand.weight.zero_()
        net.output.weight.normal_(0, 0.5)
        plain, mirrored = shares(net, photos())
        sure = [torch.log_softmax(net.classify(its), 1).amax(1, keepdim=True) for its in (plain, mirrored)]
        right = torch.sigmoid(2 * (sure[0] - sure[1]) + 1)
        assert right.max() - right.min() > 0.1
        assert torch.allclose(net.features(photos()), right * plain + (1 - right) * mirrored, atol=1e-4)


def test_landmarks_are_where_the_heat_is(net):
    net.eval()
    with torch.no_grad():
        net.heat.weight.zero_()
        net.heat.bias.zero_()
        middle = net.learn(photos()).landmarks
    assert torch.allclose(middle, torch.full_like(middle, 0.5), atol=1e-6)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 5), (7, 3)])
def test_a_landmark_is_where_its_heat_is(row, column):
    raw = torch.full((1, 21, 8, 8), -50.0)
    raw[0, :, row, column] = 50.0
    expected = (
        torch.tensor([column + 0.5, row + 0.5]) / 8 - 0.5
    ) * 1.25 + 0.5  # maps reach a quarter further than photos
    assert torch.allclose(soft_places(raw)[1], expected.expand(1, 21, 2), atol=1e-5)


def test_fine_maps_have_a_quarter_of_the_photos_side():
    sides = {name: build(name, 5, 64, 48).learn(torch.zeros(2, 3, 64, 48)).heat.shape for name in ("hand", "hand-fine")}
    assert sides == {"hand": (2, 21, 8, 6), "hand-fine": (2, 21, 16, 12)}


def test_heat_is_learnt_where_the_landmark_is():
    """The loss of the maps alone falls when they are hot in the right cell, and is least there."""
    raw = torch.zeros(1, 21, 8, 8)
    truth = (torch.tensor([5.5, 2.5]) / 8 - 0.5) * 1.25 + 0.5
    right, aside, turned = raw.clone(), raw.clone(), raw.clone()
    right[..., 2, 5] = aside[..., 2, 3] = turned[..., 5, 2] = 3.0
    even, best, worse, worst = (_entropies(its, truth.expand(1, 21, 2)).mean() for its in (raw, right, aside, turned))
    assert best < even < worse
    assert best < even < worst
    blurred = torch.softmax(-0.5 * ((torch.arange(8) + 0.5 - 2.5) / 0.8).square(), 0)[:, None] * torch.softmax(
        -0.5 * ((torch.arange(8) + 0.5 - 5.5) / 0.8).square(), 0
    )
    least = _entropies(blurred.log().expand(1, 21, 8, 8), truth.expand(1, 21, 2)).mean()
    assert torch.allclose(least, -(blurred * blurred.log()).sum(), atol=1e-5)


def loss_of(net, seen: Seen, **settings) -> torch.Tensor:
    torch.manual_seed(3)  # dropout
    labels = torch.arange(len(seen.hands)) % 5
    return hand_loss(net, photos(len(seen.hands)), labels, seen, HandSettings(**settings), 0.0)[0]


def test_every_head_learns(net):
    seen = hands_seen(6)
    seen.hands[:3] = LEFT
    net.train()
    loss_of(net, seen).backward()
    without = [name for name, its in net.named_parameters() if its.grad is None or not its.grad.abs().sum() > 0]
    assert without == []


def test_letters_are_not_learnt_from_wrong_hands(net):
    net.train()
    seen = hands_seen(6, LEFT)
    letters_only = loss_of(net, seen, landmarks=0, handedness=0)
    assert letters_only.item() == 0.0
    assert float(loss_of(net, hands_seen(6, RIGHT), landmarks=0, handedness=0)) > 0.5


def test_what_is_unknown_costs_nothing(net):
    net.train()
    seen = hands_seen(6, UNKNOWN)
    seen.landmarks[:] = np.nan
    loss, plain = loss_of(net, seen, heat=1), loss_of(net, seen, landmarks=0, handedness=0)
    assert torch.isfinite(loss)
    assert float(loss) == pytest.approx(float(plain))
    loss.backward()
    assert all(torch.isfinite(its.grad).all() for its in net.parameters() if its.grad is not None)


def test_landmarks_far_outside_are_not_asked_for(net):
    net.train()
    inside, outside = hands_seen(6), hands_seen(6)
    outside.landmarks[:, 0] = 1.5
    inside.landmarks[:, 0] = np.nan
    assert float(loss_of(net, outside, heat=1)) == pytest.approx(float(loss_of(net, inside, heat=1)))


def test_all_three_can_be_learnt_together(net):
    """Forty steps on one batch: letters, places and hands are all known by heart."""
    net.train()
    seen = hands_seen(6)
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    first = loss_of(net, seen)
    for _ in range(60):
        optimizer.zero_grad()
        loss_of(net, seen).backward()
        optimizer.step()
    assert float(loss_of(net, seen)) < 0.35 * float(first)


def test_the_heat_alone_teaches_where_the_landmarks_are(net):
    net.train()
    seen = hands_seen(6)
    truth = torch.from_numpy(seen.landmarks)
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)

    def off() -> float:
        with torch.no_grad():
            return (net.learn(photos()).landmarks - truth).abs().mean().item()

    before = off()
    for _ in range(60):
        optimizer.zero_grad()
        loss_of(net, seen, landmarks=0, handedness=0, heat=1).backward()
        optimizer.step()
    assert off() < 0.5 * before
