"""The training kernels against PyTorch's own layers: norms with a ReLU to rounding, pools to the bit."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fingerspell.lab.nets.blocks import batch_norm_2d
from fingerspell.lab.nets.norming import norm_relu, relu_norm
from fingerspell.lab.nets.pooling import pool, relu_pool


def channels_last(maps):
    return maps.contiguous(memory_format=torch.channels_last)


def far(one, other):
    return float((one.double() - other).abs().max() / other.abs().max())


@pytest.mark.parametrize("kind", [batch_norm_2d, nn.BatchNorm2d], ids=["keras", "torch"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(relu_norm, lambda norm, maps: norm(F.relu(maps))), (norm_relu, lambda norm, maps: F.relu(norm(maps)))],
    ids=["relu-norm", "norm-relu"],
)
def test_a_norm_with_its_relu_is_that_of_double_precision(kind, ours, theirs):
    torch.manual_seed(0)
    norm = kind(24)
    nn.init.normal_(norm.weight, 1, 0.3)
    nn.init.normal_(norm.bias, 0, 0.5)
    exact = copy.deepcopy(norm).double()
    maps, slopes = torch.randn(8, 24, 17, 13) * 2 + 1, torch.randn(8, 24, 17, 13)
    given = channels_last(maps).requires_grad_()
    reference = maps.double().requires_grad_()
    made, wanted = ours(norm, given), theirs(exact, reference)
    assert made.grad_fn.name().startswith("_NormAndReLU")
    made.backward(channels_last(slopes))
    wanted.backward(slopes.double())
    assert far(made, wanted) < 1e-6
    assert far(given.grad, reference.grad) < 1e-6
    for name in ("weight", "bias"):
        assert far(getattr(norm, name).grad, getattr(exact, name).grad) < 1e-6
    for name in ("running_mean", "running_var"):
        assert far(getattr(norm, name), getattr(exact, name)) < 1e-6
    assert norm.num_batches_tracked == exact.num_batches_tracked


def test_sums_over_a_million_places_do_not_drift():
    torch.manual_seed(0)
    maps = torch.randn(8, 8, 400, 400) + 0.3
    positive = maps.double().clamp_min(0)
    norm = batch_norm_2d(8)
    made = relu_norm(norm, channels_last(maps).requires_grad_())
    mean, variance = positive.mean((0, 2, 3)), positive.var((0, 2, 3), unbiased=False)
    wanted = (positive - mean.view(1, -1, 1, 1)) / torch.sqrt(variance + 1e-3).view(1, -1, 1, 1)
    assert float((made - wanted).abs().max()) < 1e-4


def test_the_number_of_threads_changes_no_bit():
    torch.manual_seed(0)
    maps = channels_last(torch.randn(5, 16, 31, 29))
    slopes = torch.randn(5, 16, 31, 29)
    threads, found = torch.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            given = maps.clone(memory_format=torch.preserve_format).requires_grad_()
            made = relu_norm(batch_norm_2d(16), given)
            made.backward(slopes)
            found.append((made.detach(), given.grad))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one, other) for some in found for one, other in zip(some, found[0], strict=True))


def test_what_is_not_a_number_stays_so():
    maps = torch.ones(2, 4, 6, 6)
    maps[0, 1, 2, 3] = float("nan")
    given = channels_last(maps).requires_grad_()
    for made in (relu_norm(batch_norm_2d(4), given), norm_relu(batch_norm_2d(4), given), pool(given), relu_pool(given)):
        assert made[:, 1].isnan().any()
        assert not made[:, 0].isnan().any()


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("side", [(8, 6), (9, 7), (2, 3)], ids=str)
@pytest.mark.parametrize("positive", [False, True], ids=["pool", "relu-pool"])
def test_pools_are_pytorchs_to_the_bit(kind, side, positive):
    torch.manual_seed(0)
    maps = ((torch.randn(4, 20, *side) * 2).round() / 2).to(kind)  # many equal ones, zeros and negative zeros
    given, reference = channels_last(maps).requires_grad_(), maps.clone().requires_grad_()
    made = (relu_pool if positive else pool)(given)
    wanted = F.max_pool2d(F.relu(reference) if positive else reference, 2)
    assert made.grad_fn.name().startswith("_Pool")
    slopes = torch.randn_like(wanted)
    made.backward(channels_last(slopes))
    wanted.backward(slopes)
    assert torch.equal(made, wanted)
    assert torch.equal(given.grad, reference.grad)


def test_elsewhere_pytorchs_own_layers_are_taken():
    contiguous = torch.randn(2, 4, 6, 6).requires_grad_()
    norm = batch_norm_2d(4)
    for made in (relu_norm(norm, contiguous), pool(contiguous)):
        assert not made.grad_fn.name().startswith(("_NormAndReLU", "_Pool"))
    norm.eval()
    assert not relu_norm(norm, channels_last(contiguous)).grad_fn.name().startswith("_NormAndReLU")
    with torch.no_grad():
        assert relu_pool(channels_last(contiguous)).grad_fn is None
