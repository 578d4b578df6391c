"""The last layer of a recogniser: features → probabilities, in NumPy, and its place in the bundle's ONNX file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.errors import BundleError
from fingerspell.core.onnx_file import read_initialiser, replace_initialisers

WEIGHT = "head.weight"
BIAS = "head.bias"


@dataclass(frozen=True)
class Head:
    """probabilities = softmax((features @ weight.T + bias) / temperature).

    Attributes:
        weight: (C, D) float32.
        bias: (C,) float32.
        temperature: above 0.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    temperature: float

    def logits(self, features: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(N, D) features → (N, C), already divided by the temperature."""
        wide = self.weight.astype(np.float64)
        return (features.astype(np.float64) @ wide.T + self.bias) / self.temperature

    def probabilities(self, features: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(N, D) features → (N, C), each row adds up to 1."""
        return softmax(self.logits(features))


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, C) → (N, C), each row positive and adding up to 1."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def read_head(model: bytes, temperature: float) -> Head:
    """The last layer that a bundle's model.onnx holds.

    Args:
        model: the file's content; it has passed `require_self_contained`.
        temperature: from the bundle's card.

    Raises:
        BundleError: the file names no such layer (format 1 does not), or one that makes no sense.
    """
    weight, bias = read_initialiser(model, WEIGHT), read_initialiser(model, BIAS)
    if weight is None or bias is None:
        raise BundleError(
            f"model.onnx has no weights named {WEIGHT!r} and {BIAS!r}",
            expected="a bundle of format 2",
            remedy="make it again from its run with 'fingerspell export', or take the bundle that is shipped",
        )
    fits = weight.ndim == 2 and bias.shape == weight.shape[:1] and 0 < temperature < np.inf
    if not fits or not np.isfinite(weight).all() or not np.isfinite(bias).all():
        raise BundleError(
            f"the last layer of model.onnx makes no sense: {weight.shape}, {bias.shape}, temperature {temperature}",
            expected="finite weights (C, D) and (C,), a temperature above 0",
            remedy="make the bundle again with 'fingerspell export'",
        )
    return Head(weight, bias, temperature)


def with_head(model: bytes, head: Head) -> bytes:
    """The same model.onnx with another last layer of the same size. Raises BundleError where it names none."""
    return replace_initialisers(model, {WEIGHT: head.weight, BIAS: head.bias})


def temperature_of(card: Mapping[str, Any]) -> float:
    """What a bundle's logits are divided by, from its card; 1 where the card does not say.

    Raises:
        BundleError: no number above 0.
    """
    value = card.get("temperature", 1.0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < np.inf:
        raise BundleError(
            f"card.json gives the temperature {value!r}",
            expected="a number above 0",
            remedy="make the bundle again with 'fingerspell export'",
        )
    return float(value)
