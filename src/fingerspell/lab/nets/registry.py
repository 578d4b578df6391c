"""The one list of networks: names, builders, and what each costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from fingerspell.core.errors import RecipeError, known_names
from fingerspell.lab.nets.blocks import Network
from fingerspell.lab.nets.hand import HandNetwork
from fingerspell.lab.nets.notebook import NotebookV1, NotebookV2, NotebookV3, NotebookV4, NotebookV5
from fingerspell.lab.nets.residual import ResidualSmall

Builder = Callable[[int, int, int], Network]


@dataclass(frozen=True, slots=True)
class Entry:
    """A network of the registry.

    Attributes:
        build: (classes, height, width) → the network, freshly initialised.
        height: of its usual input, pixels.
        width: of its usual input, pixels.
        summary: one line for people.
    """

    build: Builder
    height: int
    width: int
    summary: str


NETWORKS: dict[str, Entry] = {
    "notebook-v1": Entry(NotebookV1, 200, 200, "plain CNN, flatten, Dense 256"),
    "notebook-v2": Entry(NotebookV2, 200, 200, "batch norm, global average pooling"),
    "notebook-v3": Entry(NotebookV3, 200, 200, "same convolutions, spatial dropout"),
    "notebook-v4": Entry(NotebookV4, 200, 200, "double convolutions, one residual"),
    "notebook-v5": Entry(NotebookV5, 200, 200, "residuals everywhere, spatial self-attention"),
    "residual-small": Entry(ResidualSmall, 64, 64, "small pre-activation ResNet for small photos"),
    "hand": Entry(HandNetwork, 64, 64, "ResNet that also learns landmarks and which hand it sees"),
    "hand-parts": Entry(partial(HandNetwork, parts=24), 64, 64, "the same, which reads features at each landmark"),
    "hand-fine": Entry(partial(HandNetwork, parts=24, fine=True), 64, 64, "the same, landmarks on finer maps"),
}
HAND_NETWORKS = frozenset({"hand", "hand-fine", "hand-parts"})
"""Networks that learn where the hand is and which hand it is beside the letter."""
MIN_SIDE = 32
"""Below this the notebook's valid convolutions leave nothing."""


def build(name: str, classes: int, height: int, width: int) -> Network:
    """Build a network by name, initialised from torch's current random state.

    Raises:
        RecipeError: unknown name (the known ones are listed), or an input too small.
    """
    if name not in NETWORKS:
        expected, remedy = known_names("network", name, NETWORKS)
        raise RecipeError(f"unknown network '{name}'", expected=expected, remedy=remedy)
    if min(height, width) < MIN_SIDE or classes < 2:
        raise RecipeError(
            f"{name} cannot be built for {classes} classes at {height}×{width} pixels",
            expected=f"at least 2 classes and {MIN_SIDE}×{MIN_SIDE} pixels",
        )
    return NETWORKS[name].build(classes, height, width)


def parameter_counts(net: nn.Module) -> tuple[int, int]:
    """(all, trainable) parameters as Keras counts them: BatchNorm's running mean and variance are among all."""
    trainable = sum(p.numel() for p in net.parameters())
    running = sum(b.numel() for b in net.buffers() if b.is_floating_point())
    return trainable + running, trainable


def multiply_adds(net: Network, height: int, width: int) -> int:
    """Multiply-adds of convolutions and dense layers for one photo (attention's products are not counted)."""
    total = 0

    def count(layer: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            total += output[0].numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.Linear):
            total += layer.weight.numel()

    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    was_training = net.training
    try:
        with torch.no_grad():
            net.eval()(torch.zeros(1, 3, height, width))
    finally:
        net.train(was_training)
        for hook in hooks:
            hook.remove()
    return total
