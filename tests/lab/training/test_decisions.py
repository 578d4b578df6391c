"""Optimiser and schedules by hand; beside Keras they stand in tests/parity."""

import pytest
import torch
from torch import nn

from fingerspell.lab.recipe import CosineSettings, CyclicSettings, PlateauSettings
from fingerspell.lab.training.optimizer import build_optimizer, load_moments, moments, set_learning_rate
from fingerspell.lab.training.schedule import Constant, Cosine, Cyclic, Plateau


def test_plateau_state_survives_a_restart():
    first = Plateau(0.001, PlateauSettings(patience=2, cooldown=1))
    for loss in (1.0, 0.9, 0.95, 0.95):
        first.end_epoch(loss)
    second = Plateau(0.001, PlateauSettings(patience=2, cooldown=1))
    second.load(first.state())
    for loss in (0.95, 0.95, 0.95):
        first.end_epoch(loss)
        second.end_epoch(loss)
    assert first == second
    assert first.learning_rate == pytest.approx(0.001 * 0.2**2)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_moments_put_back_go_on_bit_for_bit(name):
    def fresh():
        torch.manual_seed(1)
        net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
        return net, build_optimizer(name, net, 0.01, 0.1)

    def steps(net, optimizer, first, last):
        for number in range(first, last):
            optimizer.zero_grad()
            net(torch.full((2, 3), number / 7)).square().sum().backward()
            optimizer.step()

    net, optimizer = fresh()
    steps(net, optimizer, 0, 3)
    kept = {key: tensor.clone() for key, tensor in moments(optimizer).items()}
    weights = {key: tensor.clone() for key, tensor in net.state_dict().items()}
    steps(net, optimizer, 3, 6)
    again, its_optimizer = fresh()
    again.load_state_dict(weights)
    load_moments(its_optimizer, kept)
    steps(again, its_optimizer, 3, 6)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), again.parameters(), strict=True))


def test_weight_decay_is_on_kernels_only():
    net = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    optimizer = build_optimizer("adamw", net, 0.1, 0.5)
    for parameter in net.parameters():
        parameter.grad = torch.zeros_like(parameter)
        parameter.data.fill_(1.0)
    optimizer.step()
    assert float(net[0].weight.data.mean()) == pytest.approx(0.95)
    assert float(net[0].bias.data.mean()) == 1.0
    assert float(net[1].weight.data.mean()) == 1.0
    set_learning_rate(optimizer, 0.7)
    assert {group["lr"] for group in optimizer.param_groups} == {0.7}


def test_cyclic_touches_its_bounds():
    ours = Cyclic(CyclicSettings(base=0.1, top=0.9, half_cycle=2, shape="triangular2"), 10)
    assert [ours.rate(step) for step in (0, 20, 40, 60)] == pytest.approx([0.1, 0.9, 0.1, 0.5])


def test_cosine_warms_up_peaks_and_ends_low():
    ours = Cosine(0.1, CosineSettings(warmup=1, floor=0.01), steps_per_epoch=10, epochs=5)
    rates = [ours.rate(step) for step in range(50)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[10] == pytest.approx(0.1)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[30] == pytest.approx(0.1 * (0.01 + 0.99 * 0.5))
    assert rates[-1] < 0.0015
    assert Constant(0.3).rate(7) == 0.3
