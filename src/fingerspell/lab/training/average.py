"""Means of weights, which are what such a run validates and keeps: over its steps, and with what it began with.

Over the steps: Polyak & Juditsky, "Acceleration of stochastic approximation by averaging" (1992); with the decay
growing over the first steps, so that the random start is forgotten. With what it began with: Wortsman et al., "Robust
fine-tuning of zero-shot models" (2022): the mean still knows what was known, and has what was learnt. Buffers (batch
norm's statistics) are averaged as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

_STEPS = "steps"


class WeightAverage:
    """The average, or with a decay of 0 nothing at all.

    Attributes:
        tensors: the averaged weights and buffers by name, and the number of steps; empty with a decay of 0.
    """

    def __init__(self, tensors: dict[str, Tensor], decay: float) -> None:
        self.tensors = tensors
        self._decay = decay

    @classmethod
    def of(cls, net: nn.Module, decay: float) -> WeightAverage:
        """Begin with a network's weights."""
        if not decay:
            return cls({}, decay)
        tensors = {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}
        return cls(tensors | {_STEPS: torch.zeros((), dtype=torch.int64)}, decay)

    def follow(self, net: nn.Module) -> None:
        """Take in the weights after a step."""
        if not self.tensors:
            return
        self.tensors[_STEPS] += 1
        steps = int(self.tensors[_STEPS])
        decay = min(self._decay, (1 + steps) / (10 + steps))
        with torch.no_grad():
            for name, tensor in net.state_dict().items():
                mean = self.tensors[name]
                if mean.is_floating_point():
                    mean.lerp_(tensor, 1 - decay)
                else:
                    mean.copy_(tensor)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `tensors` was. Raises KeyError if there is another set of them."""
        for name, mean in self.tensors.items():
            mean.copy_(tensors[name])

    def put_into(self, net: nn.Module) -> None:
        """Give the network the averaged weights for good."""
        net.load_state_dict({name: tensor for name, tensor in self.tensors.items() if name != _STEPS})

    @contextmanager
    def in_place_of(self, net: nn.Module) -> Iterator[None]:
        """While the block runs, the network has the averaged weights."""
        if not self.tensors:
            yield
            return
        kept = {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}
        self.put_into(net)
        try:
            yield
        finally:
            net.load_state_dict(kept)


@contextmanager
def drawn_back(net: nn.Module, beginning: Mapping[str, Tensor], share: float) -> Iterator[None]:
    """While the block runs, `share` of the network's weights are those of `beginning`, by name; with 0 nothing changes.

    Counts (of batches that batch norm has seen) stay the network's.
    """
    if not share:
        yield
        return
    kept = {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}
    drawn = {
        name: tensor.lerp(beginning[name].to(tensor.device), share) if tensor.is_floating_point() else tensor
        for name, tensor in kept.items()
    }
    net.load_state_dict(drawn)
    try:
        yield
    finally:
        net.load_state_dict(kept)
