"""A Keras model and our network of the same make with the same weights, none of them left as a fresh model has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import keras_notebook
import numpy as np
import torch
from keras.src.backend.common import dtypes
from torch import Tensor, nn

from fingerspell.lab.keras_model.layers import KerasLayer, state_from_keras
from fingerspell.lab.nets.blocks import Network
from fingerspell.lab.nets.registry import build

CLASSES = 29


@dataclass
class Pair:
    """The two sides.

    Attributes:
        network: our name of it.
        model: Keras's, (N, h, w, 3) → probabilities.
        net: ours, (N, 3, h, w) → logits.
        height: of the photos.
        width: of the photos.
    """

    network: str
    model: keras.Model
    net: Network
    height: int
    width: int

    def photos(self, count: int, seed: int = 0) -> np.ndarray:
        """(N, h, w, 3) float32, 0–1: coarse patches with noise, so that neighbours are alike as in photos."""
        numbers = np.random.default_rng([seed, count])
        coarse = numbers.random((count, -(-self.height // 8), -(-self.width // 8), 3))
        patches = coarse.repeat(8, axis=1).repeat(8, axis=2)[:, : self.height, : self.width]
        return (0.7 * patches + 0.3 * numbers.random(patches.shape)).astype(np.float32)

    def copy_to_ours(self) -> None:
        """Our network takes on Keras's weights and statistics."""
        layers = layers_of(self.model)
        state = state_from_keras(self.network, layers, CLASSES, self.height, self.width)
        self.net.load_state_dict(state)


def make_pair(network: str, height: int = 48, width: int = 48, *, dropout: bool = True) -> Pair:
    """A pair with weights drawn anew; without dropout all its rates are 0 on both sides."""
    model = keras_notebook.build(network, CLASSES, height, width, dropout=dropout)
    net = build(network, CLASSES, height, width)
    if not dropout:
        for layer in net.modules():
            if isinstance(layer, nn.Dropout | nn.Dropout2d):
                layer.p = 0.0
    pair = Pair(network, model, net, height, width)
    unsettle(model)
    pair.copy_to_ours()
    return pair


@contextmanager
def double_precision() -> Iterator[None]:
    """Keras works with 64-bit floats. The pairs made inside must be brought to them by `net.double()` as well.

    In 32 bits two places of a max pool may be equal on one side and a last bit apart on the other: the gradient then
    takes another way, and no tolerance tells that from a mistake. In 64 bits the two sides agree to ten digits.

    Everywhere but on TensorFlow, Keras's promotion brings 64 bits back to 32 in some operations: its table of this is
    changed to what it is on TensorFlow.
    """
    narrowed = dtypes.BIT64_TO_BIT32_DTYPE
    before = narrowed["float64"]
    keras.backend.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    narrowed["float64"] = "float64"
    try:
        yield
    finally:
        narrowed["float64"] = before
        keras.config.set_dtype_policy("float32")
        keras.backend.set_floatx("float32")


def unsettle(model: keras.Model, seed: int = 7) -> None:
    """Weights as after some training: biases, norms' scales, offsets and statistics are all away from 0 and 1."""
    numbers = np.random.default_rng(seed)
    ranges = {"bias": (-0.1, 0.1), "beta": (-0.3, 0.3), "moving_mean": (-0.2, 0.5), "moving_variance": (0.3, 2.0)}
    for variable in model.weights:
        if variable.name == "kernel":
            limit = float(
                np.sqrt(6 / (np.prod(variable.shape[:-1]) + np.prod(variable.shape[:-2]) * variable.shape[-1]))
            )
            drawn = numbers.uniform(-limit, limit, variable.shape)
        else:
            drawn = numbers.uniform(*ranges.get(variable.name, (0.5, 1.5)), variable.shape)
        variable.assign(drawn.astype(np.float32))


def layers_of(model: keras.Model, values: dict[str, Tensor] | None = None) -> list[KerasLayer]:
    """The layers that own weights, in the model's order; with other values by the variables' paths, if given."""
    layers = []
    for layer in model.layers:
        arrays = {}
        for variable in layer.weights:
            value = variable.value if values is None else values.get(variable.path, torch.zeros(variable.shape))
            arrays[variable.path.removeprefix(layer.path + "/")] = value.detach().cpu().numpy().copy()
        if arrays:
            layers.append(KerasLayer(type(layer).__name__, layer.name, arrays))
    return layers


def put_into_keras(model: keras.Model, layers: Sequence[KerasLayer]) -> None:
    """Give a Keras model the arrays, counting layers off by kind and kernel size."""

    def group(kind: str, arrays: dict[str, Any]) -> tuple[str, bool]:
        return kind, kind == "Conv2D" and tuple(arrays["kernel"].shape[:2]) == (1, 1)

    for layer in model.layers:
        own = {variable.path.removeprefix(layer.path + "/"): variable for variable in layer.weights}
        if own:
            wanted = group(type(layer).__name__, own)
            given = next(each for each in layers if group(each.kind, dict(each.arrays)) == wanted)
            layers = [each for each in layers if each is not given]
            for name, variable in own.items():
                variable.assign(given.arrays[name])
    if layers:
        raise AssertionError(f"left over: {[layer.name for layer in layers]}")


def nchw(photos: np.ndarray) -> Tensor:
    """(N, h, w, 3) → (N, 3, h, w)."""
    return torch.from_numpy(photos).permute(0, 3, 1, 2).contiguous()


def one_hot(labels: np.ndarray) -> np.ndarray:
    """(N,) → (N, classes) float32."""
    return np.eye(CLASSES, dtype=np.float32)[labels]
