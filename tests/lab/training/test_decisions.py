"""Optimiser, stopping and schedules: by hand, and beside Keras."""

import math
import os

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fingerspell.lab.recipe import CosineSettings, CyclicSettings, PlateauSettings
from fingerspell.lab.training.optimizer import build_optimizer, load_moments, moments, set_learning_rate
from fingerspell.lab.training.schedule import Constant, Cosine, Cyclic, Plateau
from fingerspell.lab.training.stopping import EarlyStopping

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras", reason="Keras, the reference, is not installed")

METRICS = st.lists(
    st.one_of(st.floats(0, 1), st.sampled_from([0.25, 0.5, 0.5 + 1e-4, float("nan")])), min_size=1, max_size=25
)


class _Fitted:
    """As much of a Keras model as the callbacks touch: they run unchanged."""

    def __init__(self, rate: float = 1.0) -> None:
        self.stop_training = False
        self.optimizer = keras.optimizers.SGD(rate)
        self.now = -1

    def get_weights(self) -> list[np.ndarray]:
        return [np.array(self.now)]

    def set_weights(self, weights) -> None:
        self.now = int(weights[0])


@settings(max_examples=200, deadline=None)
@given(METRICS, st.integers(0, 5), st.sampled_from([0.0, 0.01, -0.01]))
def test_stopping_decides_as_keras(values, patience, min_delta):
    callback = keras.callbacks.EarlyStopping(
        monitor="val_accuracy", mode="max", patience=patience, min_delta=min_delta, restore_best_weights=True
    )
    model = _Fitted()
    callback.set_model(model)
    callback.on_train_begin()
    ours = EarlyStopping(patience, min_delta)
    for epoch, value in enumerate(values):
        model.now = epoch
        callback.on_epoch_end(epoch, {"val_accuracy": value})
        _, stop = ours.update(epoch, value)
        assert stop == model.stop_training
        assert ours.best_epoch == callback.best_epoch
        assert ours.wait == callback.wait
        if stop:
            break


@settings(max_examples=150, deadline=None)
@given(METRICS, st.integers(0, 4), st.integers(0, 3))
def test_plateau_decides_as_keras(values, patience, cooldown):
    callback = keras.callbacks.ReduceLROnPlateau(
        monitor="val_loss", factor=0.2, patience=patience, min_lr=1e-5, cooldown=cooldown
    )
    model = _Fitted(rate=0.001)
    callback.set_model(model)
    callback.on_train_begin()
    ours = Plateau(0.001, PlateauSettings(patience=patience, cooldown=cooldown))
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"val_loss": value})
        ours.end_epoch(value)
        assert ours.rate(0) == pytest.approx(float(model.optimizer.learning_rate), rel=1e-5)
        assert ours.wait == callback.wait


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


def test_keras_adam_equals_keras():
    """Five steps on the same gradients, among them tiny ones, where the place of epsilon shows."""
    start = np.array([1.0, -2.0, 0.5, 3.0], np.float32)
    gradients = [np.array([0.1, 1e-7, -3.0, 1e-9 * k], np.float32) for k in range(1, 6)]
    theirs = keras.Variable(start)
    adam = keras.optimizers.Adam(0.01)
    adam.build([theirs])
    net = nn.Linear(4, 1, bias=False)
    net.weight.data = torch.tensor(start)[None]
    ours = build_optimizer("adam", net, 0.01, 0.0)
    plain = torch.nn.Parameter(torch.tensor(start))
    torch_adam = torch.optim.Adam([plain], lr=0.01, eps=1e-7)
    for gradient in gradients:
        adam.apply([torch.tensor(gradient)], [theirs])
        net.weight.grad = torch.tensor(gradient)[None]
        ours.step()
        plain.grad = torch.tensor(gradient)
        torch_adam.step()
    expected = keras.ops.convert_to_numpy(theirs)
    assert np.allclose(net.weight.detach().numpy()[0], expected, atol=1e-6)
    assert not np.allclose(plain.detach().numpy(), expected, atol=1e-4)  # the default epsilon would show


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


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 5000),
    st.sampled_from(["triangular", "triangular2", "exp_range"]),
    st.floats(0.5, 8),
    st.integers(1, 200),
)
def test_cyclic_follows_its_formula(step, shape, half_cycle, steps_per_epoch):
    ours = Cyclic(CyclicSettings(base=1e-4, top=1e-2, half_cycle=half_cycle, shape=shape, gamma=0.999), steps_per_epoch)
    s = half_cycle * steps_per_epoch
    cycle = math.floor(1 + step / (2 * s))
    x = abs(step / s - 2 * cycle + 1)
    scale = {"triangular": 1, "triangular2": 1 / 2 ** (cycle - 1), "exp_range": 0.999**step}[shape]
    assert ours.rate(step) == pytest.approx(1e-4 + (1e-2 - 1e-4) * max(0, 1 - x) * scale)


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
