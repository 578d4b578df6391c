"""The averaged weights: what they are, that they are kept and validated, and that a run goes on with them."""

import pytest
import torch

import fingerspell.lab  # noqa: F401 - the allocator, before torch works
from fingerspell.lab.nets.registry import build
from fingerspell.lab.training.average import WeightAverage

torch.set_num_threads(1)


def set_all(net, value: float) -> None:
    with torch.no_grad():
        for tensor in net.state_dict().values():
            tensor.fill_(value)


def test_it_is_an_exponential_average_that_forgets_its_start():
    net = build("residual-small", 3, 32, 32)
    set_all(net, 0.0)
    average, expected = WeightAverage.of(net, 0.5), 0.0
    for step, value in enumerate((1.0, 2.0, 5.0), start=1):
        set_all(net, value)
        average.follow(net)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    assert float(average.tensors["stem.weight"][0, 0, 0, 0]) == pytest.approx(expected)
    assert float(average.tensors["norm.running_mean"][0]) == pytest.approx(expected)
    assert int(average.tensors["norm.num_batches_tracked"]) == 5  # whole numbers are followed, not averaged


def test_in_place_of_the_network_and_back():
    net = build("residual-small", 3, 32, 32)
    average = WeightAverage.of(net, 0.9)
    before = net.stem.weight.detach().clone()
    set_all(net, 7.0)
    with pytest.raises(RuntimeError, match="inside"), average.in_place_of(net):
        assert torch.equal(net.stem.weight, before)
        raise RuntimeError("inside")
    assert (net.stem.weight == 7).all()


def test_none_at_all_costs_nothing():
    net = build("residual-small", 3, 32, 32)
    average = WeightAverage.of(net, 0.0)
    average.follow(net)
    assert average.tensors == {}
    with average.in_place_of(net):
        assert net.stem.weight.requires_grad
