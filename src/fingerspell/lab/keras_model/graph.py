"""A Keras model's description (JSON, of Keras 2 or 3) → its layers and how they are joined. Nothing is built or run.

Both ways to write a model are read: Sequential, and Functional with each layer used once. Code in a description (a
Lambda layer, an object of the writer's own) is never decoded; a file that needs it is refused by the layer's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fingerspell.core.errors import DataError
from fingerspell.lab.keras_model.file import MAX_NAME, shown

ATTENTION = "fingerspell>SpatialSelfAttention"
"""The one object that is not Keras's own and still known: v5's attention, as it is registered when it is written."""
MAX_LAYERS = 500
"""Layers of a model: v5 has 40."""

_KERAS_MODULES = ("keras.layers", "keras.src.layers", "keras.src.ops.numpy", "keras.engine", "tensorflow.keras.layers")
_FROM_KERAS = "a model of Keras's own layers only"
_BY_CODE = "write the model again without it, with the layers of the notebook"


@dataclass(frozen=True)
class KerasNode:
    """A layer.

    Attributes:
        number: its place in the model's list, from 1.
        kind: its class, such as `Conv2D`.
        name: its name in the model.
        settings: what it was made with.
        inputs: names of the layers that it takes its input from.
    """

    number: int
    kind: str
    name: str
    settings: Mapping[str, Any]
    inputs: tuple[str, ...]

    def __str__(self) -> str:
        return f"layer {self.number} ({self.name})"


@dataclass(frozen=True)
class KerasGraph:
    """A model: one input, one output.

    Attributes:
        nodes: all layers by name, in the model's order; its input is among them.
        output: name of the last layer.
        shape: (height, width, channels) of the input; None for a side that is left open.
    """

    nodes: Mapping[str, KerasNode]
    output: str
    shape: tuple[int | None, int | None, int | None]


def graph_of(config: Mapping[str, Any]) -> KerasGraph:
    """Read a description.

    Args:
        config: the content of config.json, or of the attribute model_config.

    Raises:
        DataError: a model of another kind, with code in it, with several inputs or outputs, or malformed.
    """
    try:
        kind, settings = config["class_name"], config["config"]
        if kind == "Sequential":
            return _sequential(settings if isinstance(settings, list) else settings["layers"])
        if kind in ("Functional", "Model"):
            return _functional(settings)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise malformed("") from error
    raise DataError(
        f"the model is a {shown(kind)}",
        expected="a Sequential or a Functional model",
        remedy="write it as one of these",
    )


def malformed(where: str) -> DataError:
    """A description that Keras did not write."""
    return DataError(
        "the description of the model is malformed" + (f" at {shown(where)}" if where else ""),
        expected="JSON as Keras 2 or 3 writes it",
        remedy="save the model again from Keras: model.save('model.keras')",
    )


def _sequential(entries: Sequence[Mapping[str, Any]]) -> KerasGraph:
    nodes: dict[str, KerasNode] = {}
    _require_few(entries)
    if entries[0]["class_name"] != "InputLayer":  # Keras 2 writes the shape into the first layer instead
        nodes[""] = KerasNode(0, "InputLayer", "", {"batch_shape": _first_shape(entries[0]["config"])}, ())
    before = None if not nodes else ""
    for number, entry in enumerate(entries, start=1):
        kind, name = _identity(number, entry), _name(entry)
        _add(nodes, KerasNode(number, kind, name, _settings(entry), () if before is None else (before,)))
        before = name
    return KerasGraph(nodes, before or "", _input_shape(nodes))


def _first_shape(settings: Mapping[str, Any]) -> Any:
    shape = settings.get("batch_input_shape") or settings.get("batch_shape")
    if shape is None:
        raise DataError(
            "the model does not say what it takes",
            expected="a model that knows the size of its photos",
            remedy="give its first layer an input shape, or call it once, and save it again",
        )
    return shape


def _functional(settings: Mapping[str, Any]) -> KerasGraph:
    nodes: dict[str, KerasNode] = {}
    _require_few(settings["layers"])
    for number, entry in enumerate(settings["layers"], start=1):
        kind, name = _identity(number, entry), _name(entry)
        inputs = _inputs(f"layer {number} ({name}), a {shown(kind)},", entry)
        _add(nodes, KerasNode(number, kind, name, _settings(entry), inputs))
    _one_end(settings["input_layers"], "input")
    output = _one_end(settings["output_layers"], "output")
    unknown = {name for node in nodes.values() for name in node.inputs} | {output}
    if not unknown <= set(nodes):
        raise malformed(min(unknown - set(nodes)))
    return KerasGraph(nodes, output, _input_shape(nodes))


def _require_few(entries: Sequence[Any]) -> None:
    if not 0 < len(entries) <= MAX_LAYERS:
        raise DataError(
            f"the model has {len(entries):,} layers", expected="between 8 and 50, as the notebook's five have"
        )


def _add(nodes: dict[str, KerasNode], node: KerasNode) -> None:
    if node.name in nodes:
        raise malformed(f"the name {node.name}, which two layers have")
    nodes[node.name] = node


def _settings(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    settings = entry["config"]
    if not isinstance(settings, dict):
        raise TypeError("settings")
    return settings


def _name(entry: Mapping[str, Any]) -> str:
    """A layer's name: part of paths in the file and of messages, so it must be plain."""
    name = entry["config"]["name"]
    if not isinstance(name, str) or not name.isprintable() or "/" in name or not 0 < len(name) <= MAX_NAME:
        raise malformed(f"the layer name {name!r}")
    if entry.get("name", name) != name:
        raise malformed(f"the layer name {name}")
    return name


def _identity(number: int, entry: Mapping[str, Any]) -> str:
    """The class of a layer. Raises DataError, naming it, where it is not Keras's own."""
    kind, module, registered = entry["class_name"], entry.get("module"), entry.get("registered_name")
    if not isinstance(kind, str):
        raise malformed(f"layer {number}")
    if ATTENTION in (kind, registered) and kind in (ATTENTION, "SpatialSelfAttention"):
        return "SpatialSelfAttention"
    where = f"layer {number} ({shown(_name(entry))})"
    if kind in ("Lambda", "TFOpLambda"):
        found = f"{where} is a {kind} layer: it holds code, which is never run"
        raise DataError(found, expected=_FROM_KERAS, remedy=_BY_CODE)
    foreign = module is not None and not (isinstance(module, str) and module.startswith(_KERAS_MODULES))
    if foreign or ">" in kind or registered not in (None, kind):
        found = f"{where} is the custom object '{shown(registered or kind)}', whose code is not in the file"
        raise DataError(found, expected=_FROM_KERAS, remedy=_BY_CODE)
    return kind


def _one_end(ends: Any, what: str) -> str:
    """The name in `["conv", 0, 0]` or `[["conv", 0, 0]]`."""
    if len(ends) == 1 and isinstance(ends[0], list):
        ends = ends[0]
    if len(ends) != 3 or not isinstance(ends[0], str):
        raise DataError(f"the model has not one {what}", expected=f"a model with one {what}")
    return _first_use(ends)


def _first_use(history: Sequence[Any]) -> str:
    name, use, part = history[:3]
    if (use, part) != (0, 0) or not isinstance(name, str):
        raise DataError(f"the model uses layer '{shown(name)}' more than once", expected="every layer used once")
    return name


def _inputs(where: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The layers that one takes its input from, as Keras 3 or Keras 2 writes them."""
    uses = entry["inbound_nodes"]
    if not uses:
        return ()
    if len(uses) > 1:
        raise DataError(f"{where} is used {len(uses)} times", expected="every layer used once")
    if isinstance(uses[0], dict):
        args, settings = uses[0]["args"], uses[0]["kwargs"]
        given = args[0] if len(args) == 1 and isinstance(args[0], list) else args
        tensors = [_history(where, tensor) for tensor in given]
    else:
        given = uses[0] if isinstance(uses[0][0], list) else [uses[0]]
        tensors = list(given)
        settings = {key: value for tensor in tensors for key, value in (tensor[3] if len(tensor) > 3 else {}).items()}
    for key, value in settings.items():
        if value is not None and value is not False:
            found = f"{where} is called with {shown(key)}={shown(value)}"
            raise DataError(found, expected="layers called on their input alone")
    return tuple(_first_use(tensor) for tensor in tensors)


def _history(where: str, tensor: Any) -> Sequence[Any]:
    if not isinstance(tensor, dict) or tensor.get("class_name") != "__keras_tensor__":
        raise DataError(f"{where} takes {shown(tensor)} as an input", expected="the output of another layer")
    history: Sequence[Any] = tensor["config"]["keras_history"]
    return history


def _input_shape(nodes: Mapping[str, KerasNode]) -> tuple[int | None, int | None, int | None]:
    inputs = [node for node in nodes.values() if node.kind == "InputLayer"]
    if len(inputs) != 1 or inputs[0].inputs:
        raise DataError(f"the model has {len(inputs)} inputs", expected="one: photos")
    settings = inputs[0].settings
    shape = settings["batch_shape"] if "batch_shape" in settings else settings["batch_input_shape"]
    sides = list(shape)[1:]
    whole = all(side is None or (isinstance(side, int) and not isinstance(side, bool)) for side in sides)
    if len(sides) != 3 or not whole:
        raise DataError(f"the model takes inputs of the shape {shown(shape)}", expected="photos: height, width, 3")
    return (sides[0], sides[1], sides[2])
