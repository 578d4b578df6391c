"""Which of the notebook's five networks a Keras model is: layer by layer, and how the layers are joined.

The model is walked from its output back to its input, beside the plan of each network. A difference that would change
an answer is refused and named; one that matters in training only is noted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from fingerspell.core.errors import DataError, known_names
from fingerspell.lab.keras_model.file import shown
from fingerspell.lab.keras_model.graph import KerasGraph, KerasNode
from fingerspell.lab.keras_model.plans import DROPOUTS, L2, PLANS, RATE, Planned

EPSILON = 1e-3
"""Keras's default of both norms, which the notebook leaves as it is."""
MOMENTUM = 0.99

_LAST = "channels_last"
_FIXED: dict[str, dict[str, Any]] = {
    "Conv2D": {"strides": (1, 1), "data_format": _LAST, "dilation_rate": (1, 1), "groups": 1, "use_bias": True},
    "Dense": {"use_bias": True},
    "BatchNormalization": {"epsilon": EPSILON, "center": True, "scale": True, "renorm": False},
    "LayerNormalization": {"epsilon": EPSILON, "center": True, "scale": True, "rms_scaling": False},
    "MaxPooling2D": {"pool_size": (2, 2), "strides": (2, 2), "padding": "valid", "data_format": _LAST},
    "GlobalAveragePooling2D": {"data_format": _LAST, "keepdims": False},
    "Flatten": {"data_format": _LAST},
}
"""What every network has alike; a setting that a file does not give is Keras's default, which is this."""
_PAIRS = ("kernel_size", "strides", "dilation_rate", "pool_size")
_UNUSED = {"batch_shape", "batch_input_shape", "sparse", "ragged", "optional", "name", "trainable", "dtype", "seed"} | {
    *("kernel_initializer", "bias_initializer", "beta_initializer", "gamma_initializer", "moving_mean_initializer"),
    *("moving_variance_initializer", "kernel_regularizer", "bias_regularizer", "activity_regularizer", "l2"),
    *("beta_regularizer", "gamma_regularizer", "kernel_constraint", "bias_constraint", "beta_constraint", "rate"),
    *("gamma_constraint", "momentum", "fused", "synchronized", "renorm_clipping", "renorm_momentum", "noise_shape"),
    *("virtual_batch_size", "adjustment", "autocast", "data_format"),
}
"""Settings that change no answer, or that are looked at elsewhere."""
_NEAR = {"float64", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16"}


@dataclass
class Match:
    """How a model compares with a network.

    Attributes:
        network: its name.
        nodes: the layer of the file at each place of the plan.
        rescaling: the layer at the beginning that only scales photos, if there is one.
        differences: (number of the layer, what the file has, what the network has) where an answer would change.
        broken: whether the first difference is one of the layers themselves, or of how they are joined.
        notes: differences that matter in training only, by subject.
    """

    network: str
    nodes: dict[int, KerasNode] = field(default_factory=dict)
    rescaling: KerasNode | None = None
    differences: list[tuple[int, str, str]] = field(default_factory=list)
    broken: bool = False
    notes: dict[str, dict[str, None]] = field(default_factory=dict)

    def note(self, subject: str, text: str) -> None:
        """Remember a difference that matters in training only; the same text once."""
        self.notes.setdefault(subject, {})[text] = None


class _Broken(Exception):  # noqa: N818 a step of the search, not an error of the program
    """The layers, or how they are joined, are not the plan's: (what the file has, what the plan has)."""


def matched(graph: KerasGraph, network: str | None = None) -> Match:
    """The network that a model is.

    Args:
        graph: the model.
        network: where given, it must be this one.

    Raises:
        DataError: it is none of them; the first difference from the nearest is named.
    """
    if network is not None:
        require_known(network)
    found = [_match(graph, name) for name in PLANS if network in (None, name)]
    kinds = [node.kind for node in graph.nodes.values() if node.kind not in DROPOUTS]
    nearest = min(found, key=lambda match: (match.broken, _distance(match), -_likeness(kinds, match.network)))
    if nearest.differences:
        _, what, expected = nearest.differences[0] if nearest.broken else min(nearest.differences)
        more = 0 if nearest.broken else len(nearest.differences) - 1
        raise DataError(
            what + (f" ({more} more difference{'s' if more > 1 else ''})" if more else ""),
            expected=f"{expected}, as {nearest.network}{', the nearest of the five,' if network is None else ''} has",
            remedy="check --network" if network else "only the notebook's own five networks can be brought over",
        )
    return nearest


def require_known(network: str) -> None:
    """Raise DataError, listing the known ones, unless it is one of the five."""
    if network not in PLANS:
        expected, remedy = known_names("network", network, PLANS)
        raise DataError(f"'{shown(network)}' is no network of the notebook", expected=expected, remedy=remedy)


def _distance(match: Match) -> int:
    """Differences, where all layers were compared."""
    return 0 if match.broken else len(match.differences)


def _likeness(kinds: Sequence[str], network: str) -> float:
    planned = [layer.kind for layer in PLANS[network] if layer.kind not in DROPOUTS]
    return SequenceMatcher(None, kinds, planned, autojunk=False).ratio()


def _match(graph: KerasGraph, network: str) -> Match:
    match, plan = Match(network), PLANS[network]
    try:
        _pair(match, plan, graph, len(plan) - 1, graph.output)
        _require_all_used(match, graph)
    except _Broken as broken:
        match.broken = True
        match.differences.insert(0, (0, *broken.args))
    return match


def _pair(match: Match, plan: Sequence[Planned], graph: KerasGraph, place: int, name: str) -> None:
    """Hold the layer that gives an output against the plan's, then what both take their inputs from."""
    place, rates = _without_dropout(plan, place)
    node, dropped = _behind_dropout(graph, name)
    planned = plan[place]
    if planned.kind == "InputLayer" and node.kind == "Rescaling":
        match.rescaling, node = node, graph.nodes[node.inputs[0]] if len(node.inputs) == 1 else node
    if node.kind != planned.kind:
        raise _Broken(f"{node} is a {shown(node.kind)}", f"a {planned.kind} in its place")
    if len(node.inputs) != len(planned.inputs):
        raise _Broken(f"{node} has {len(node.inputs)} inputs", f"{len(planned.inputs)}")
    _compare_rates(match, dropped, rates, node)
    if place in match.nodes or any(node is other for other in match.nodes.values()):
        if match.nodes.get(place) is not node:
            raise _Broken(f"{node} is joined otherwise", "layers that follow one another in the same way")
        return
    match.nodes[place] = node
    _compare(match, planned, node)
    given = node.inputs
    if planned.kind == "Add" and _behind_dropout(graph, given[0])[0].kind == "Conv2D":
        given = given[::-1]  # a sum may be written either way round: the shortcut stands second in the plan
    for inner, source in zip(planned.inputs, given, strict=True):
        _pair(match, plan, graph, inner, source)


def _without_dropout(plan: Sequence[Planned], place: int) -> tuple[int, list[tuple[str, float]]]:
    rates = []
    while plan[place].kind in DROPOUTS:
        rates.append((plan[place].kind, plan[place].training[RATE]))
        place = plan[place].inputs[0]
    return place, rates


def _behind_dropout(graph: KerasGraph, name: str) -> tuple[KerasNode, list[KerasNode]]:
    node, dropped = graph.nodes[name], []
    while node.kind in DROPOUTS:
        if len(node.inputs) != 1 or node in dropped:
            raise _Broken(f"{node} has not one input", "a layer before it")
        dropped.append(node)
        node = graph.nodes[node.inputs[0]]
    return node, dropped


def _require_all_used(match: Match, graph: KerasGraph) -> None:
    used = {node.name for node in match.nodes.values()} | ({match.rescaling.name} if match.rescaling else set())
    for node in graph.nodes.values():
        if node.name not in used and node.kind not in DROPOUTS:
            raise _Broken(f"{node}, a {shown(node.kind)}, does not lead to the output", "layers that all do")


def _compare(match: Match, planned: Planned, node: KerasNode) -> None:
    """Settings that change an answer, then those that do not."""
    wanted = {**_FIXED.get(node.kind, {}), **planned.settings}
    for key, value in wanted.items():
        absent = value if key not in planned.settings else None
        given = _plain(key, node.settings.get(key, absent), node)
        if not _same(key, value, given):
            match.differences.append((node.number, f"{node} has {_told(key, given)}", _told(key, value)))
    for key, value in node.settings.items():
        known = key in wanted or key in _UNUSED or key in ("units",)
        if not known and value is not None and value is not False:
            match.differences.append((node.number, f"{node} has {_told(key, value)}", f"no setting '{shown(key)}'"))
    _compare_precision(match, node)
    if L2 in planned.training:
        own = node.settings["l2"] if "l2" in node.settings else _l2_of(node.settings.get("kernel_regularizer"))
        if own != planned.training[L2]:
            match.note(L2, f"{shown(own)} in {node}, {planned.training[L2]:g} in {match.network}")
    if node.kind == "BatchNormalization" and node.settings.get("momentum", MOMENTUM) != MOMENTUM:
        match.note("momentum", f"{shown(node.settings['momentum'])} in {node}, {MOMENTUM} in {match.network}")


def _plain(key: str, value: Any, node: KerasNode) -> Any:
    if key == "strides" and value is None:  # of a pool: as wide as it is
        value = node.settings.get("pool_size")
    if key in _PAIRS:
        return tuple(value) if isinstance(value, list) else (value, value) if isinstance(value, int) else value
    if key == "axis" and isinstance(value, list) and len(value) == 1:
        return value[0]
    return value


def _same(key: str, wanted: Any, given: Any) -> bool:
    if key == "axis":
        return given in (-1, wanted)
    if isinstance(wanted, float):
        return isinstance(given, float) and math.isclose(given, wanted, rel_tol=1e-6)
    return type(given) is type(wanted) and bool(given == wanted)


def _told(key: str, value: Any) -> str:
    """`96 filters`, `kernel_size 3×3`, `padding same`."""
    if key in ("filters", "units"):
        return f"{shown(value)} {key}"
    if isinstance(value, tuple):
        return f"{key} {shown('×'.join(str(side) for side in value))}"
    if isinstance(value, dict):  # a function of the writer's own: only its name is of interest
        return f"{key} {shown(value.get('registered_name') or value.get('class_name'))}, an object of its own"
    return f"{shown(key)} {shown(value)}"


def _compare_precision(match: Match, node: KerasNode) -> None:
    policy = node.settings.get("dtype") or "float32"
    if isinstance(policy, dict):
        settings = policy.get("config")
        policy = settings.get("name") if isinstance(settings, dict) else None
    if isinstance(policy, str) and policy in _NEAR:
        match.note("precision", f"{policy} in the file, float32 here: answers may differ in their last digits")
    elif policy != "float32":
        match.differences.append((node.number, f"{node} computes with {shown(policy)}", "float32"))


def _compare_rates(
    match: Match, dropped: Sequence[KerasNode], rates: Sequence[tuple[str, float]], node: KerasNode
) -> None:
    found = [(each.kind, each.settings.get("rate")) for each in dropped]
    if found != list(rates):
        own, planned = (", ".join(f"{kind} {shown(rate)}" for kind, rate in its) or "none" for its in (found, rates))
        match.note(RATE, f"{own} after {node}, {planned} in {match.network}")


def _l2_of(regularizer: Any) -> float | str:
    """λ of a kernel's regulariser; a word where it is something else."""
    if regularizer is None:
        return 0.0
    settings = regularizer.get("config") if isinstance(regularizer, Mapping) else None
    if isinstance(settings, Mapping) and not settings.get("l1") and isinstance(settings.get("l2"), int | float):
        strength: float = settings["l2"]
        return strength
    return "another regulariser"
