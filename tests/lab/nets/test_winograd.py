"""Convolutions by Winograd's way against the direct sum in double precision, and where they are taken."""

import pytest
import torch
from torch import nn

from fingerspell.lab.nets import winograd
from fingerspell.lab.nets.registry import build
from fingerspell.lab.nets.winograd import Conv2d


def channels_last(maps):
    return maps.contiguous(memory_format=torch.channels_last)


@pytest.fixture(autouse=True)
def _whatever_the_size(monkeypatch):
    monkeypatch.setattr(winograd, "_LARGE", 4)
    monkeypatch.setattr(winograd, "_MUCH", 0)


def far(one, other):
    """The largest difference, in standard deviations of what it should be."""
    return float((one.detach().double() - other.detach()).abs().max() / other.detach().std())


@pytest.mark.parametrize("cached", [1, 1 << 22], ids=["row-by-row", "all-at-once"])
@pytest.mark.parametrize(
    ("inputs", "outputs", "height", "width", "pad", "bias"),
    [
        (16, 32, 12, 12, 1, True),
        (32, 16, 13, 18, 1, True),
        (33, 17, 7, 30, 1, False),
        (32, 64, 11, 9, 0, True),
        (24, 24, 6, 21, 0, False),
    ],
)
def test_is_the_direct_sum(inputs, outputs, height, width, pad, bias, cached, monkeypatch):
    monkeypatch.setattr(winograd, "_CACHED", cached)
    torch.manual_seed(0)
    ours = Conv2d(inputs, outputs, 3, padding=pad, bias=bias).to(memory_format=torch.channels_last)
    exact = nn.Conv2d(inputs, outputs, 3, padding=pad, bias=bias).double()
    exact.load_state_dict(ours.state_dict())
    maps = torch.randn(3, inputs, height, width)
    given, reference = channels_last(maps).requires_grad_(), maps.double().requires_grad_()
    made, wanted = ours(given), exact(reference)
    slopes = torch.randn_like(wanted)
    assert made.grad_fn.name().startswith("_Winograd")
    assert made.shape == wanted.shape
    assert made.is_contiguous(memory_format=torch.channels_last)
    made.backward(slopes.float())  # in the default layout, as a gradient may come
    wanted.backward(slopes)
    assert far(made, wanted) < 1e-4
    assert far(given.grad, reference.grad) < 1e-4
    assert far(ours.weight.grad, exact.weight.grad) < 1e-4
    if bias:
        assert far(ours.bias.grad, exact.bias.grad) < 1e-4


def test_the_same_again_to_the_bit():
    torch.manual_seed(0)
    conv = Conv2d(32, 32, 3, padding=1)
    maps, slopes = channels_last(torch.randn(4, 32, 22, 22)), torch.randn(4, 32, 22, 22)
    threads, found = torch.get_num_threads(), {}
    try:
        for count in (1, 3, 1, 3):
            torch.set_num_threads(count)
            made = conv(maps.requires_grad_())
            result = (made.detach(), *torch.autograd.grad(made, (maps, conv.weight, conv.bias), slopes))
            before = found.setdefault(count, result)
            assert all(torch.equal(one, other) for one, other in zip(result, before, strict=True))
    finally:
        torch.set_num_threads(threads)
    assert all(far(one, other) < 1e-4 for one, other in zip(found[1], found[3], strict=True))


def test_what_is_not_a_number_stays_in_sight():
    maps = torch.randn(1, 32, 12, 12)
    maps[0, 3, 5, 5] = float("nan")
    assert Conv2d(32, 32, 3, padding=1)(channels_last(maps)).isnan().any()


def taken(conv, maps) -> bool:
    made = conv(maps)
    return made.grad_fn is not None and made.grad_fn.name().startswith("_Winograd")


def test_only_where_it_can_and_pays(monkeypatch):
    conv, maps = Conv2d(32, 32, 3, padding=1), channels_last(torch.randn(2, 32, 12, 12))
    assert taken(conv, maps)
    assert not taken(conv, maps.contiguous())
    assert not taken(conv.eval(), maps)
    conv.train()
    with torch.no_grad():
        assert not taken(conv, maps)
    with torch.autocast("cpu", torch.bfloat16):
        assert not taken(conv, maps)
    for other in (
        Conv2d(32, 32, 5, padding=1), Conv2d(32, 32, 3, stride=2, padding=1), Conv2d(32, 32, 3, padding=2),
        Conv2d(32, 32, 3, dilation=2, padding=1), Conv2d(32, 32, 3, groups=2, padding=1),
    ):  # fmt: skip
        assert not taken(other, maps)
    assert not taken(Conv2d(3, 32, 3, padding=1), channels_last(torch.randn(2, 3, 12, 12)))
    monkeypatch.setattr(winograd, "_MUCH", 9 * 2 * 12 * 12 * 32 * 32 + 1)
    assert not taken(conv, maps)
    monkeypatch.setattr(winograd, "_MUCH", 0)
    monkeypatch.setattr(winograd, "_LARGE", 13)
    assert not taken(conv, maps)


@pytest.mark.parametrize("name", ["notebook-v1", "notebook-v4"])
def test_a_training_step_of_a_network_is_the_same(name, monkeypatch):
    """Its loss and all slopes, with these convolutions and with PyTorch's; photos differ, as noise would not."""
    torch.manual_seed(0)
    photos = nn.functional.interpolate(torch.rand(8, 3, 4, 4), size=48, mode="bilinear")
    found = []
    for much in (0, 10**18):
        monkeypatch.setattr(winograd, "_MUCH", much)
        torch.manual_seed(0)
        net = build(name, 5, 48, 48).to(memory_format=torch.channels_last).train()
        for layer in net.modules():
            if isinstance(layer, nn.Dropout | nn.Dropout2d):
                layer.p = 0.0
        loss = nn.functional.cross_entropy(net(channels_last(photos)), torch.arange(8) % 5)
        loss.backward()
        found.append((loss.item(), {key: its.grad for key, its in net.named_parameters()}))
    (loss, slopes), (other_loss, others) = found
    assert any(not torch.equal(slopes[key], others[key]) for key in slopes), "the convolutions were the same ones"
    assert loss == pytest.approx(other_loss, rel=1e-5)
    # a value that is nearly 0 may fall on the other side of a ReLU, so slopes agree less closely than results
    assert all(float((slopes[key] - others[key]).abs().max() / others[key].abs().max()) < 0.05 for key in slopes)
