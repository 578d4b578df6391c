"""Which layer of a notebook's Keras model is which layer of ours, and the weights carried both ways.

Keras's layers are given in the order of the model's list. Within a kind that order is the network's own, with one
exception: a 1×1 shortcut stands beside the two convolutions of its block, and whether it is listed before, between or
after them depends on how the model was written. So layers are counted off within their kind, and 1×1 convolutions are a
kind of their own.

Axes: a convolution's kernel is (h, w, in, out) in Keras and (out, in, h, w) here, a dense one (in, out) and (out, in).
Flattening is in h, w, c order on both sides, so v1's first dense kernel needs no further permutation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fingerspell.core.errors import DataError, RecipeError, known_names
from fingerspell.lab.nets.blocks import Network, SpatialSelfAttention
from fingerspell.lab.nets.registry import NETWORKS, build

_NORM = {"gamma": "weight", "beta": "bias"}
_KERNEL = {"kernel": "weight", "bias": "bias"}
_VARIABLES: dict[str, dict[str, str]] = {
    "Conv2D": _KERNEL,
    "Dense": _KERNEL,
    "BatchNormalization": _NORM | {"moving_mean": "running_mean", "moving_variance": "running_var"},
    "LayerNormalization": _NORM,
    "SpatialSelfAttention": {"gamma": "gamma"}
    | {f"{part}/{theirs}": f"{part}.{ours}" for part in ("query", "key", "value") for theirs, ours in _KERNEL.items()},
}
"""Keras's names of the variables of a layer → ours, for each kind of layer that the five networks are made of."""
KINDS = tuple(_VARIABLES)
"""The Keras layers with weights that the five networks are made of."""


@dataclass(frozen=True)
class KerasLayer:
    """A layer of a Keras model that owns weights.

    Attributes:
        kind: its class, such as `Conv2D`; one of `KINDS`.
        name: its name in the Keras model, for messages.
        arrays: its variables by Keras's names: `kernel`, `bias`, `gamma`, `beta`, `moving_mean`, `moving_variance`; for
            `SpatialSelfAttention` `query/kernel`, `query/bias`, the same of `key` and `value`, and `gamma`.
    """

    kind: str
    name: str
    arrays: Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class _Slot:
    """A layer of ours that waits for weights."""

    path: str
    kind: str
    layer: nn.Module

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Keras's name of each variable → the shape it has in Keras."""
        tensors = self.layer.state_dict()
        return {theirs: tuple(_to_keras(tensors[ours], theirs).shape) for theirs, ours in _VARIABLES[self.kind].items()}

    @property
    def group(self) -> str:
        """Layers are counted off within a group."""
        return _group(self.kind, self.shapes())


def state_from_keras(
    network: str, layers: Sequence[KerasLayer], classes: int, height: int, width: int
) -> dict[str, Tensor]:
    """Weights of a Keras model as the state of our network of the same make.

    Args:
        network: `notebook-v1` … `notebook-v5`.
        layers: all layers of the Keras model that own weights, in the order of the model's list.
        classes: outputs.
        height: of the photos that the model takes, pixels.
        width: of the photos that the model takes, pixels.

    Returns:
        float32 tensors (and integer counters of the norms), ready for `load_state_dict`.

    Raises:
        DataError: a layer is missing, left over or of another shape, or a value is not a finite number.
    """
    slots = _slots(network, classes, height, width)
    _require_same_layers(network, slots, layers)
    state: dict[str, Tensor] = {}
    for slot, layer in _pairs(slots, layers):
        arrays = _checked(network, slot, layer)
        for theirs, ours in _VARIABLES[slot.kind].items():
            state[f"{slot.path}.{ours}"] = _from_keras(arrays[theirs], theirs)
        if slot.kind == "BatchNormalization":  # PyTorch's counter of batches: kept, but without use at a fixed momentum
            state[f"{slot.path}.num_batches_tracked"] = torch.zeros((), dtype=torch.int64)
    return state


def keras_arrays(network: str, net: Network) -> list[KerasLayer]:
    """The inverse: our weights as Keras's layers, each kind in the network's order, float32.

    Args:
        network: `notebook-v1` … `notebook-v5`.
        net: our network of that name.

    Raises:
        DataError: not one of the five networks.
    """
    _require_notebook(network)
    layers: list[KerasLayer] = []
    for slot in _slots_of(net):
        tensors = slot.layer.state_dict()
        arrays = {
            theirs: _to_keras(tensors[ours], theirs).detach().float().cpu().contiguous().numpy().copy()
            for theirs, ours in _VARIABLES[slot.kind].items()
        }
        layers.append(KerasLayer(slot.kind, slot.path.replace(".", "_"), arrays))
    return layers


def _to_keras(tensor: Tensor, name: str) -> Tensor:
    if not name.endswith("kernel"):
        return tensor
    return tensor.permute(2, 3, 1, 0) if tensor.ndim == 4 else tensor.T  # (out, in, h, w) → (h, w, in, out)


def _from_keras(array: NDArray[np.float32], name: str) -> Tensor:
    if name.endswith("kernel"):
        array = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T  # (h, w, in, out) → (out, in, h, w)
    return torch.from_numpy(array.copy())  # a copy owns its memory, and lies in the order of its axes


def _require_notebook(network: str) -> None:
    known = [name for name in NETWORKS if name.startswith("notebook-")]
    if network not in known:
        expected, remedy = known_names("network", network, known)
        raise DataError(f"'{network}' is no network of the notebook", expected=expected, remedy=remedy)


def _slots(network: str, classes: int, height: int, width: int) -> list[_Slot]:
    _require_notebook(network)
    try:
        with torch.device("meta"):  # shapes only: nothing is drawn or allocated
            return list(_slots_of(build(network, classes, height, width)))
    except RecipeError as error:
        raise DataError(error.found, expected=error.expected, remedy=error.remedy) from error


def _slots_of(net: nn.Module) -> Iterator[_Slot]:
    """The layers of ours that own weights, in their order; an attention counts as one."""
    attentions: list[str] = []
    for path, layer in net.named_modules():
        kind = _kind(layer)
        if kind is None or any(path.startswith(attention) for attention in attentions):
            continue
        if kind == "SpatialSelfAttention":
            attentions.append(path + ".")
        yield _Slot(path, kind, layer)


def _kind(layer: nn.Module) -> str | None:
    kinds: tuple[tuple[type[nn.Module] | tuple[type[nn.Module], ...], str], ...] = (
        (nn.Conv2d, "Conv2D"),
        (nn.Linear, "Dense"),
        ((nn.BatchNorm1d, nn.BatchNorm2d), "BatchNormalization"),
        (nn.LayerNorm, "LayerNormalization"),
        (SpatialSelfAttention, "SpatialSelfAttention"),
    )
    return next((kind for classes, kind in kinds if isinstance(layer, classes)), None)


def _group(kind: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    return "Conv2D 1×1" if kind == "Conv2D" and shapes.get("kernel", ())[:2] == (1, 1) else kind


def _group_of(layer: KerasLayer) -> str:
    return _group(layer.kind, {name: np.shape(array) for name, array in layer.arrays.items()})


def _counted(groups: Sequence[str]) -> str:
    """What a model is made of, for people: `3 Conv2D, 2 Dense`."""
    return ", ".join(f"{groups.count(group)} {group}" for group in dict.fromkeys(groups)) or "no layers with weights"


def _require_same_layers(network: str, slots: Sequence[_Slot], layers: Sequence[KerasLayer]) -> None:
    unknown = [layer for layer in layers if layer.kind not in _VARIABLES]
    if unknown:
        raise DataError(
            f"the layer '{unknown[0].name}' is of the kind {unknown[0].kind}",
            expected=f"layers of {network} only: {', '.join(KINDS)}",
            remedy="only the notebook's own five networks can be brought over",
        )
    needed, given = [slot.group for slot in slots], [_group_of(layer) for layer in layers]
    if sorted(needed) != sorted(given):
        raise DataError(
            f"the Keras model has {_counted(given)}",
            expected=f"{_counted(needed)}, as {network} has",
            remedy="name the network that the file was made with",
        )


def _pairs(slots: Sequence[_Slot], layers: Sequence[KerasLayer]) -> Iterator[tuple[_Slot, KerasLayer]]:
    waiting: dict[str, list[KerasLayer]] = {}
    for layer in layers:
        waiting.setdefault(_group_of(layer), []).append(layer)
    for slot in slots:
        yield slot, waiting[slot.group].pop(0)


def _checked(network: str, slot: _Slot, layer: KerasLayer) -> dict[str, NDArray[np.float32]]:
    """The arrays of a layer as float32, each as it should be."""
    shapes = slot.shapes()
    if set(shapes) != set(layer.arrays):
        raise DataError(
            f"the layer '{layer.name}' ({layer.kind}) has the variables {', '.join(sorted(layer.arrays)) or 'none'}",
            expected=", ".join(sorted(shapes)),
            remedy="the layer must be made with Keras's defaults for its bias, scale and offset",
        )
    arrays = {}
    for name, shape in shapes.items():
        array = np.asarray(layer.arrays[name])
        if array.shape != shape:
            raise DataError(
                f"'{name}' of the layer '{layer.name}' ({layer.kind}) has the shape {_shape(array.shape)}",
                expected=f"{_shape(shape)}, as {network} has there",
                remedy="name the network, the number of classes and the photos' size that the file was made with",
            )
        arrays[name] = _finite(array, name, layer)
    return arrays


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(str(side) for side in shape) or "of a single number"


def _finite(array: NDArray[np.generic], name: str, layer: KerasLayer) -> NDArray[np.float32]:
    where = f"'{name}' of the layer '{layer.name}' ({layer.kind})"
    if not np.issubdtype(array.dtype, np.floating):
        raise DataError(f"{where} holds values of type {array.dtype}", expected="floating-point numbers")
    with np.errstate(over="ignore"):
        values = array.astype(np.float32)
    wrong = int(np.count_nonzero(~np.isfinite(values)))
    if wrong:
        raise DataError(
            f"{where} holds {wrong} values that are not finite numbers",
            expected="finite numbers that fit into 32 bits",
            remedy="the training that wrote the file went wrong; use an earlier file of it",
        )
    if name == "moving_variance" and (values < 0).any():
        raise DataError(
            f"{where} holds values below 0", expected="variances", remedy="the file is damaged; take another"
        )
    return values
