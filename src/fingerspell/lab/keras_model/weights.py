"""A file of Keras → one of our networks with its weights, labels left open.

    file → description → which network → where each array lies, and its shape → arrays → our state

Every shape follows from the network, the size of the photos and the number of outputs, and is known before a value is
read. How photos are scaled becomes the preprocessing: a model that begins with a Rescaling layer takes values of 0–255,
others those that the notebook's generator divides by 255.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fingerspell.core.alphabet import LABELS
from fingerspell.core.errors import DataError
from fingerspell.core.preprocess import PreprocessSpec
from fingerspell.lab.keras_model.apart import ReadApart, open_apart
from fingerspell.lab.keras_model.file import shown, shown_shape
from fingerspell.lab.keras_model.graph import KerasGraph, KerasNode, graph_of
from fingerspell.lab.keras_model.layers import KerasLayer, state_from_keras
from fingerspell.lab.keras_model.match import Match, matched, require_known
from fingerspell.lab.keras_model.plans import PLANS, Planned
from fingerspell.lab.nets.model import Model
from fingerspell.lab.nets.registry import MIN_SIDE

MAX_SIDE = 1024
"""Of photos, pixels, as everywhere in the program."""
MAX_RANGE = 8.0
"""How wide a Rescaling may spread pixels of 0–255: 1/255 gives 1, 1/127.5 gives 2; more, and it is not for pixels."""

_KERNEL = ("kernel", "bias")
_VARIABLES: dict[str, tuple[str, ...]] = {
    "Conv2D": _KERNEL,
    "Dense": _KERNEL,
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "LayerNormalization": ("gamma", "beta"),
    "SpatialSelfAttention": (*(f"{part}/{name}" for part in ("query", "key", "value") for name in _KERNEL), "gamma"),
}
"""Variables of each kind of layer, in the order in which Keras numbers them."""
_FOLDER = {
    "Conv2D": "conv2d",
    "Dense": "dense",
    "BatchNormalization": "batch_normalization",
    "LayerNormalization": "layer_normalization",
    "SpatialSelfAttention": "spatial_self_attention",
}
"""What Keras 3 calls a layer's group in a file of weights, whatever its name: its class, then _1, _2, …"""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class KerasModel:
    """A model read from a file.

    Attributes:
        network: its name in the registry.
        classes: its outputs.
        preprocess: how a photo becomes its input.
        state: weights for `load_state_dict`.
        kind: `keras`, `h5` or `weights`.
        keras_version: that wrote the file, or "".
        notes: what a user should know of how the file was understood.
    """

    network: str
    classes: int
    preprocess: PreprocessSpec
    state: Mapping[str, Tensor]
    kind: str
    keras_version: str
    notes: tuple[str, ...]

    def with_labels(self, labels: tuple[str, ...]) -> Model:
        """The model as ours. Raises DataError unless there is one label of the alphabet for each output."""
        if len(labels) != self.classes or len(set(labels)) != len(labels) or not set(labels) <= set(LABELS):
            raise DataError(
                f"{len(labels)} labels were given for {self.classes} outputs: {shown(', '.join(labels))}",
                expected="a different label of the alphabet for each output, in the model's order",
                remedy="give them with --labels",
            )
        with torch.random.fork_rng(devices=[]):
            model = Model.fresh(self.network, labels, self.preprocess)
        model.net.load_state_dict(self.state)
        model.net.eval()
        return model


def read_keras_model(path: Path, *, network: str | None = None, size: int | None = None) -> KerasModel:
    """Read a file that Keras wrote. Nothing in it is run.

    Args:
        path: `.keras`, `.h5` or `.weights.h5`.
        network: where given, it must be this one; needed for weights alone.
        size: side of the photos, pixels, where the file does not say; needed for weights alone.

    Raises:
        DataError: not such a file, unsafe, damaged, or not one of the notebook's five networks.
    """
    if network is not None:
        require_known(network)
    with open_apart(path) as file:
        if file.config is None:
            return _from_weights(file, network, size)
        graph = graph_of(file.config)
        match = matched(graph, network)
        height, width = (_side(side, size) for side in graph.shape[:2])
        if graph.shape[2] != 3:
            raise DataError(f"the model takes photos of {shown(graph.shape[2])} channels", expected="3: RGB")
        spec, scaling = _preprocess(match.rescaling, height, width)
        places = _places_in_model(file, graph, match)
        classes = match.nodes[len(PLANS[match.network]) - 1].settings.get("units")
        notes = [f"{subject}: {'; '.join(texts)}" for subject, texts in match.notes.items()]
        return _filled(file, match.network, _classes(classes), spec, places, [scaling, *notes])


def _from_weights(file: ReadApart, network: str | None, size: int | None) -> KerasModel:
    """Weights alone: the network is what the user says, as far as the shapes do not contradict."""
    if network is None or size is None:
        raise DataError(
            f"{file.path.name} holds weights without a description of the model",
            expected="the network and the side of its photos",
            remedy="give --network notebook-vN --size PIXELS, or save the whole model: model.save('model.keras')",
        )
    if not any(path.startswith("layers/") for path in file.shapes):
        raise DataError(
            f"{file.path.name} holds weights in a layout that is not read, as Keras 2 writes them",
            expected="weights as Keras 3 writes them, or a whole model",
            remedy="save the whole model: model.save('model.h5')",
        )
    places = _places_in_weights(file, PLANS[network])
    last = file.shapes.get(places[len(PLANS[network]) - 1]["bias"], ())
    spec, scaling = _preprocess(None, _side(None, size), _side(None, size))
    note = f"the file holds weights only: that they are {network}'s is your word, as far as their shapes allow"
    return _filled(file, network, _classes(last[0] if len(last) == 1 else None), spec, places, [note, scaling])


def _side(own: int | None, given: int | None) -> int:
    if own is not None and given is not None and own != given:
        raise DataError(
            f"--size {given} was given for a model of {own} pixels", expected="the model's own size, or none"
        )
    side = own if own is not None else given
    if side is None:
        raise DataError("the model leaves the size of photos open", expected="a size", remedy="give --size PIXELS")
    if not MIN_SIDE <= side <= MAX_SIDE:
        raise DataError(f"the model takes photos of {shown(side)} pixels a side", expected=f"{MIN_SIDE} to {MAX_SIDE}")
    return side


def _classes(units: Any) -> int:
    if not isinstance(units, int) or isinstance(units, bool) or not 2 <= units <= len(LABELS):
        expected = f"2 to {len(LABELS)}, one for each label of the alphabet"
        raise DataError(f"the model has {shown(units)} outputs", expected=expected)
    return units


def _preprocess(rescaling: KerasNode | None, height: int, width: int) -> tuple[PreprocessSpec, str]:
    """How photos become the network's input, and that in words. Ours are scaled to 0–1 before mean and std."""
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    text = "how photos were scaled is not in the file: divided by 255 is assumed, as the notebook's generator does"
    if rescaling is not None:
        scale, offset = (_channels(rescaling, key, default) for key, default in (("scale", None), ("offset", 0.0)))
        if not all(0 < 255 * each <= MAX_RANGE for each in scale):
            raise DataError(
                f"{rescaling} multiplies by {shown(rescaling.settings.get('scale'))}",
                expected="a scale for values of 0–255, such as 1/255 or 1/127.5",
                remedy="it is not clear what range of values the model takes; save it without this layer",
            )
        r, g, b = (-o / (255 * s) for s, o in zip(scale, offset, strict=True))
        mean = (r + 0.0, g + 0.0, b + 0.0)  # no −0
        r, g, b = (1 / (255 * s) for s in scale)
        std = (r, g, b)
        text = f"{rescaling} scales photos: it became mean {mean[0]:.4g} and std {std[0]:.4g} of the preprocessing"
    return PreprocessSpec(height, width, fit="stretch", filter="nearest", upright=False, mean=mean, std=std), text


def _channels(node: KerasNode, key: str, default: float | None) -> tuple[float, float, float]:
    """A number for all channels, or one for each."""
    value = node.settings.get(key, default)
    values = value if isinstance(value, list) else [value] * 3
    numbers = [each for each in values if isinstance(each, int | float) and not isinstance(each, bool)]
    if len(values) != 3 or len(numbers) != 3 or max(abs(each) for each in numbers) > 1e6:
        raise DataError(f"{node} has the {key} {shown(value)}", expected="a number, or one for each of 3 channels")
    return (float(numbers[0]), float(numbers[1]), float(numbers[2]))


def _planned_shapes(network: str, classes: int, height: int, width: int) -> dict[int, dict[str, Shape]]:
    """For each place of the plan that owns weights: its variables' shapes."""
    maps: dict[int, Shape] = {}
    found: dict[int, dict[str, Shape]] = {}
    for place, layer in enumerate(PLANS[network]):
        given = maps[layer.inputs[0]] if layer.inputs else (height, width, 3)
        maps[place] = _output(layer, given, classes)
        if layer.kind in _VARIABLES:
            found[place] = dict(zip(_VARIABLES[layer.kind], _variables(layer, given, maps[place]), strict=True))
    return found


def _output(layer: Planned, given: Shape, classes: int) -> Shape:
    """(h, w, C) or (D,) that a layer makes of such an input."""
    if layer.kind == "Conv2D":
        shrink = 0 if layer.settings["padding"] == "same" else layer.settings["kernel_size"][0] - 1
        return (given[0] - shrink, given[1] - shrink, layer.settings["filters"])
    if layer.kind == "MaxPooling2D":
        return (given[0] // 2, given[1] // 2, given[2])
    if layer.kind == "Flatten":
        return (given[0] * given[1] * given[2],)
    if layer.kind == "GlobalAveragePooling2D":
        return given[-1:]
    return (layer.settings.get("units", classes),) if layer.kind == "Dense" else given


def _variables(layer: Planned, given: Shape, made: Shape) -> Iterator[Shape]:
    channels = given[-1]
    if layer.kind == "SpatialSelfAttention":
        for filters in (channels // 8, channels // 8, channels):
            yield from ((1, 1, channels, filters), (filters,))
        yield ()
    elif layer.kind in ("Conv2D", "Dense"):
        yield (*layer.settings.get("kernel_size", ()), channels, made[-1])
        yield made[-1:]
    else:
        yield from [(channels,)] * len(_VARIABLES[layer.kind])


def _places_in_model(file: ReadApart, graph: KerasGraph, match: Match) -> dict[int, dict[str, str]]:
    """For each place of the plan that owns weights: the path of each variable in the file."""
    owners = {place: node for place, node in match.nodes.items() if node.kind in _VARIABLES}
    if file.kind == "h5":
        return {place: _named(file, node) for place, node in owners.items()}
    counts: Counter[str] = Counter()
    folders: dict[str, str] = {}
    for node in graph.nodes.values():
        if node.kind in _FOLDER:
            folders[node.name] = _numbered(node.kind, counts[node.kind])
            counts[node.kind] += 1
    return {place: _in_folder(file, str(node), node.kind, folders[node.name]) for place, node in owners.items()}


def _numbered(kind: str, number: int) -> str:
    return f"layers/{_FOLDER[kind]}" + (f"_{number}" if number else "")


def _places_in_weights(file: ReadApart, plan: Sequence[Planned]) -> dict[int, dict[str, str]]:
    """The same without a description: layers are counted off within their kind, 1×1 convolutions apart from others."""
    waiting: dict[str, list[str]] = {}
    for kind in _FOLDER:
        number = 0
        while any(path.startswith(_numbered(kind, number) + "/") for path in file.shapes):
            kernel = file.shapes.get(_numbered(kind, number) + "/vars/0", ())
            waiting.setdefault(kind + _width(kind, kernel), []).append(_numbered(kind, number))
            number += 1
    places: dict[int, dict[str, str]] = {}
    for place, layer in enumerate(plan):
        if layer.kind in _FOLDER:
            group = waiting.get(layer.kind + _width(layer.kind, layer.settings.get("kernel_size", ())), [])
            if not group:
                raise DataError(f"{file.path.name} has too few {layer.kind} layers", expected="those of --network")
            places[place] = _in_folder(file, group[0], layer.kind, group.pop(0))
    left = next((folder for group in waiting.values() for folder in group), None)
    if left is not None:
        raise DataError(f"{file.path.name} has the further layer {shown(left)}", expected="only those of --network")
    return places


def _width(kind: str, kernel: Sequence[int]) -> str:
    return " 1×1" if kind == "Conv2D" and tuple(kernel[:2]) == (1, 1) else ""


def _in_folder(file: ReadApart, layer: str, kind: str, folder: str) -> dict[str, str]:
    """Variables as Keras 3 numbers them; those of a layer's own parts lie in folders of their names."""
    paths = {}
    counts: Counter[str] = Counter()
    for name in _VARIABLES[kind]:
        part = name.rpartition("/")[0]
        paths[name] = f"{folder}/{part + '/' if part else ''}vars/{counts[part]}"
        counts[part] += 1
    _require_no_more(file, layer, folder, paths.values())
    return paths


def _named(file: ReadApart, node: KerasNode) -> dict[str, str]:
    """Variables as .h5 files name them: model_weights/NAME/…/kernel, or kernel:0 by Keras 2."""
    folder, paths = f"model_weights/{node.name}", {}
    for path in file.shapes:
        if path.startswith(folder + "/"):
            parts = path.removesuffix(":0").split("/")
            paths["/".join(parts[-2:]) if "/".join(parts[-2:]) in _VARIABLES[node.kind] else parts[-1]] = path
    missing = [name for name in _VARIABLES[node.kind] if name not in paths]
    if missing:
        raise DataError(f"{file.path.name} has no {missing[0]} of {node}", expected="all weights of the model")
    _require_no_more(file, str(node), folder, [paths[name] for name in _VARIABLES[node.kind]])
    return {name: paths[name] for name in _VARIABLES[node.kind]}


def _require_no_more(file: ReadApart, layer: str, folder: str, known: Any) -> None:
    others = [path for path in file.shapes if path.startswith(folder + "/") and path not in set(known)]
    if others:
        raise DataError(f"{layer} has the further variable {shown(others[0])}", expected="those of Keras's own layer")


def _filled(
    file: ReadApart,
    network: str,
    classes: int,
    spec: PreprocessSpec,
    places: Mapping[int, Mapping[str, str]],
    notes: Sequence[str],
) -> KerasModel:
    shapes = _planned_shapes(network, classes, spec.height, spec.width)
    layers, types = [], Counter[str]()
    for place, paths in sorted(places.items()):
        layer = f"{PLANS[network][place].kind} {place}"
        arrays: dict[str, NDArray[np.generic]] = {}
        for name, path in paths.items():
            arrays[name] = file.read(path, shapes[place][name], shown(f"{path} ({shown_shape(shapes[place][name])})"))
            types[str(arrays[name].dtype.newbyteorder("="))] += 1
        layers.append(KerasLayer(PLANS[network][place].kind, layer, arrays))
    others = ", ".join(sorted(set(types) - {"float32"}))
    converted = [f"weights of type {others} became float32"] if others else []
    state = state_from_keras(network, layers, classes, spec.height, spec.width)
    return KerasModel(network, classes, spec, state, file.kind, file.keras_version, (*notes, *converted))
