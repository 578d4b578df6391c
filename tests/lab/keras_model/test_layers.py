"""Keras's layers to ours and back by hand, and what does not fit is said in plain words. Needs no Keras."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fingerspell.core.errors import DataError
from fingerspell.lab.keras_model.layers import KINDS, KerasLayer, keras_arrays, state_from_keras
from fingerspell.lab.nets.registry import build

NETWORKS = [f"notebook-v{number}" for number in range(1, 6)]
CLASSES, HEIGHT, WIDTH = 5, 40, 48


def layers(network: str) -> list[KerasLayer]:
    return keras_arrays(network, build(network, CLASSES, HEIGHT, WIDTH))


def state(network: str, given: list[KerasLayer], classes: int = CLASSES, height: int = HEIGHT, width: int = WIDTH):
    return state_from_keras(network, given, classes, height, width)


def changed(given: list[KerasLayer], kind: str, variable: str, change, place: int = 0) -> list[KerasLayer]:
    """The layers with one array of the place-th layer of a kind put through `change`."""
    index = [number for number, each in enumerate(given) if each.kind == kind][place]
    arrays = {**given[index].arrays, variable: change(given[index].arrays[variable])}
    return [*given[:index], replace(given[index], arrays=arrays), *given[index + 1 :]]


@pytest.mark.parametrize("network", NETWORKS)
def test_there_and_back(network):
    net = build(network, CLASSES, HEIGHT, WIDTH)
    with torch.no_grad():
        for tensor in net.state_dict().values():
            if tensor.is_floating_point():
                tensor.uniform_(0.1, 1)
    back = state(network, keras_arrays(network, net))
    assert back.keys() == net.state_dict().keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in net.state_dict().items())
    build(network, CLASSES, HEIGHT, WIDTH).load_state_dict(back)


def test_a_network_elsewhere_or_in_other_precision_is_carried_too():
    net = build("notebook-v3", CLASSES, HEIGHT, WIDTH).double()
    assert {array.dtype for layer in keras_arrays("notebook-v3", net) for array in layer.arrays.values()} == {
        np.dtype(np.float32)
    }
    halves = [
        replace(layer, arrays={name: array.astype(np.float16) for name, array in layer.arrays.items()})
        for layer in layers("notebook-v3")
    ]
    assert all(tensor.dtype in (torch.float32, torch.int64) for tensor in state("notebook-v3", halves).values())


def test_axes_by_hand():
    """One weight after the other: kernel[row, column, in, out] of Keras is weight[out, in, row, column] here."""
    given = layers("notebook-v2")
    ours = state("notebook-v2", given)
    conv, dense = given[0].arrays["kernel"], next(each for each in given if each.kind == "Dense").arrays["kernel"]
    assert conv.shape == (5, 5, 3, 32)
    assert ours["convs.0.weight"][7, 2, 4, 1] == conv[4, 1, 2, 7]
    assert dense.shape == (128, 256)
    assert ours["dense1.weight"][200, 3] == dense[3, 200]
    attention = next(each for each in layers("notebook-v5") if each.kind == "SpatialSelfAttention")
    assert {name: array.shape for name, array in attention.arrays.items()} == {
        "gamma": (),
        "query/kernel": (1, 1, 128, 16),
        "query/bias": (16,),
        "key/kernel": (1, 1, 128, 16),
        "key/bias": (16,),
        "value/kernel": (1, 1, 128, 128),
        "value/bias": (128,),
    }


def test_what_comes_back_owns_its_memory():
    given = layers("notebook-v1")
    ours = state("notebook-v1", given)
    before = ours["conv1.bias"].clone()
    given[0].arrays["bias"][:] = 9
    assert torch.equal(ours["conv1.bias"], before)
    net = build("notebook-v1", CLASSES, HEIGHT, WIDTH)
    taken = keras_arrays("notebook-v1", net)
    taken[0].arrays["bias"][:] = 9
    assert not net.conv1.bias.any()


def test_nothing_is_drawn():
    before = torch.get_rng_state()
    given = keras_arrays("notebook-v5", build("notebook-v5", CLASSES, HEIGHT, WIDTH))
    torch.set_rng_state(before)
    state("notebook-v5", given)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("network", "damage", "words"),
    [
        ("notebook-v4", lambda given: given[1:], "5 Conv2D.*expected 6 Conv2D.*1 Conv2D 1×1"),
        ("notebook-v3", lambda given: [*given, given[-1]], "3 Dense.*expected 3 Conv2D, 4 BatchNormalization, 2 Dense"),
        ("notebook-v3", lambda given: [], "no layers with weights"),
        ("notebook-v2", lambda given: layers("notebook-v1"), "expected 3 Conv2D, 4 BatchNormalization"),
        ("notebook-v2", lambda given: layers("notebook-v3"), r"'kernel'.*3×3×3×32.*expected 5×5×3×32"),
        ("notebook-v3", lambda given: layers("notebook-v2"), r"5×5×3×32.*expected 3×3×3×32"),
        ("notebook-v1", lambda given: [*given, KerasLayer("LSTM", "memory", {})], "'memory' is of the kind LSTM"),
        (
            "notebook-v1",
            lambda given: changed(given, "Conv2D", "kernel", lambda kernel: kernel.transpose(3, 2, 0, 1)),
            "32×3×5×5.*expected 5×5×3×32",
        ),
        (
            "notebook-v2",
            lambda given: [replace(given[0], arrays={}), *given[1:]],
            "has the variables none.*bias, kernel",
        ),
        (
            "notebook-v2",
            lambda given: [replace(given[0], arrays={**given[0].arrays, "extra": np.ones(1)}), *given[1:]],
            "bias, extra, kernel",
        ),
        (
            "notebook-v5",
            lambda given: changed(given, "SpatialSelfAttention", "gamma", lambda gamma: gamma[None]),
            "shape 1;.*of a single number",
        ),
        (
            "notebook-v4",
            lambda given: changed(given, "Dense", "bias", lambda bias: bias * np.nan, 1),
            "5 values.*finite",
        ),
        (
            "notebook-v4",
            lambda given: changed(given, "Dense", "bias", lambda bias: bias.astype(np.float64) + 1e300, 1),
            "5 values.*finite",
        ),
        ("notebook-v4", lambda given: changed(given, "Dense", "bias", lambda bias: bias + 1j), "complex"),
        ("notebook-v4", lambda given: changed(given, "Dense", "bias", lambda bias: bias.astype(int)), "type int64"),
        ("notebook-v4", lambda given: changed(given, "Dense", "bias", lambda bias: bias.astype(object)), "object"),
        ("notebook-v4", lambda given: changed(given, "Dense", "bias", lambda bias: bias.astype("S4")), "type"),
        (
            "notebook-v4",
            lambda given: changed(given, "BatchNormalization", "moving_variance", lambda variance: variance - 2),
            "'moving_variance' of the layer 'blocks_0_norm1'.*below 0",
        ),
    ],
)
def test_what_does_not_fit_is_said(network, damage, words):
    with pytest.raises(DataError, match=f"(?s){words}"):
        state(network, damage(layers(network)))


@pytest.mark.parametrize(
    ("network", "classes", "height", "width", "words"),
    [
        ("notebook-v1", 5, 48, 64, "'kernel' of the layer 'dense1'.*expected"),
        ("notebook-v2", 6, 40, 48, "'kernel' of the layer 'output'.*256×5.*expected 256×6"),
        ("notebook-v1", 5, 8, 8, "at least 2 classes and 32×32 pixels"),
        ("notebook-v1", 0, 40, 48, "at least 2 classes"),
        ("residual-small", 5, 40, 48, "no network of the notebook.*notebook-v1, notebook-v2"),
        ("notebook-v6", 5, 40, 48, "did you mean 'notebook-v"),
    ],
)
def test_another_size_or_network_is_said(network, classes, height, width, words):
    given = layers(network if network in NETWORKS else "notebook-v1")
    with pytest.raises(DataError, match=words):
        state(network, given, classes, height, width)
    if network not in NETWORKS:
        with pytest.raises(DataError, match=words):
            keras_arrays(network, build("notebook-v1", 5, 40, 48))


def test_kinds_are_those_of_the_five_networks():
    assert {layer.kind for network in NETWORKS for layer in layers(network)} == set(KINDS)
