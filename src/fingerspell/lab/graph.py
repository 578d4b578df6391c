"""The network that a bundle carries: photos of any size in, probabilities out, the preprocessing inside.

Resampling repeats core/preprocess.py operation by operation: geometry in float64, pixels as exact whole numbers in
float32. Only operations of plain ONNX are used, so that ONNX Runtime runs the same file natively and in a browser.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from fingerspell.core.bundle import INPUT, OUTPUT
from fingerspell.core.errors import BundleError
from fingerspell.core.preprocess import MAX_SIDE, WEIGHT_TOTAL, PreprocessSpec

if TYPE_CHECKING:
    import onnx

OPSET = 18
"""Old enough for every ONNX Runtime that the package allows, and for browsers."""


class Resample(nn.Module):
    """(N, H, W, 3) uint8, any H and W → (N, 3, height, width) float32 of whole numbers 0–255, as core's `resample`."""

    def __init__(self, spec: PreprocessSpec) -> None:
        super().__init__()
        self._spec = spec

    def forward(self, photos: Tensor) -> Tensor:
        """Bring photos to the network's size."""
        spec = self._spec
        height = torch.scalar_tensor(photos.shape[1], dtype=torch.float64)
        width = torch.scalar_tensor(photos.shape[2], dtype=torch.float64)
        down = self._weights(photos.shape[1], height, spec.height, width / spec.width)  # (h, H)
        along = self._weights(photos.shape[2], width, spec.width, height / spec.height)  # (w, W)
        planes = photos.permute(0, 3, 1, 2).to(torch.float32)  # (N, 3, H, W)
        narrow = _half_up(torch.matmul(planes, along.transpose(0, 1)) / along.sum(dim=1))  # (N, 3, H, w)
        return _half_up(torch.matmul(down, narrow) / down.sum(dim=1, keepdim=True))  # (N, 3, h, w)

    def _weights(self, count: int, size: Tensor, out: int, across: Tensor) -> Tensor:
        """Core's `sampling_weights`: (out, count) float32 of whole numbers; `across` is the other axis's scale."""
        scale, offset = self._scale_and_offset(size, out, across)
        first = (scale * 0.5 + offset).reshape(1)
        # Adding step by step, as core and Pillow do, settles ties of `nearest` alike.
        steps = torch.cat([first, scale.reshape(1).expand(out - 1)])
        low = torch.scalar_tensor(0.5, dtype=torch.float64)
        centres = torch.minimum(torch.maximum(torch.cumsum(steps, dim=0), low), size - 0.5).reshape(out, 1)
        pixels = torch.arange(count, dtype=torch.int64).to(torch.float64).reshape(1, -1)
        if self._spec.filter == "nearest":
            return (torch.floor(centres) == pixels).to(torch.float32)
        support = torch.maximum(scale, torch.scalar_tensor(1.0, dtype=torch.float64))
        zero = torch.scalar_tensor(0.0, dtype=torch.float64)
        heights = torch.maximum(1.0 - torch.abs(pixels + 0.5 - centres) / support, zero)
        return torch.round(heights * (WEIGHT_TOTAL / support)).to(torch.float32)

    def _scale_and_offset(self, size: Tensor, out: int, across: Tensor) -> tuple[Tensor, Tensor]:
        """Core's `scale_and_offset`."""
        scale = size / out
        if self._spec.fit == "stretch":
            return scale, torch.zeros_like(scale)
        scale = torch.minimum(scale, across) if self._spec.fit == "crop" else torch.maximum(scale, across)
        return scale, (size - out * scale) * 0.5


def _half_up(values: Tensor) -> Tensor:
    return torch.floor(values + 0.5)


class BundleGraph(nn.Module):
    """(N, H, W, 3) uint8 RGB photos, any H and W → (N, classes) float32 probabilities.

    Args:
        net: (N, 3, h, w) normalised photos → (N, classes) logits.
        spec: the preprocessing that `net` was trained with.
        temperature: logits are divided by it before the softmax; 1 leaves them as they are.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, net: nn.Module, spec: PreprocessSpec, temperature: float = 1.0) -> None:
        super().__init__()
        self.resample = Resample(spec)
        self.net = net
        self._temperature = temperature
        self.register_buffer("mean", torch.tensor(spec.mean).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(spec.std).reshape(1, 3, 1, 1))

    def normalise(self, pixels: Tensor) -> Tensor:
        """Core's `normalise`: (N, 3, h, w) 0–255 → (x/255 − mean)/std."""
        return (pixels * (1 / 255) - self.mean) / self.std

    def forward(self, photos: Tensor) -> Tensor:
        """Preprocess, run the network, and turn its logits into probabilities."""
        logits: Tensor = self.net(self.normalise(self.resample(photos)))
        return torch.softmax(logits / self._temperature, dim=1)


def to_onnx(graph: nn.Module) -> bytes:
    """Write a `BundleGraph` as one ONNX file with its weights inside: input `photos`, output `probabilities`.

    Returns:
        The file's content, without traces of the machine that made it.

    Raises:
        BundleError: the network does something that ONNX cannot say.
    """
    dimensions = {
        place: torch.export.Dim(name, min=1, max=MAX_SIDE) for place, name in enumerate(("batch", "height", "width"))
    }
    example = torch.zeros(2, 37, 53, 3, dtype=torch.uint8)  # sizes of 0 and 1 would be taken for constants
    try:
        with torch.no_grad(), _quiet():
            program = torch.onnx.export(
                graph.eval(),
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=(dimensions,),
                external_data=False,
                verbose=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        reason = str(error.__cause__ or error).strip().partition("\n")[0]
        raise BundleError(
            f"the network cannot be written as ONNX: {reason}",
            expected="operations that ONNX knows, and no step that depends on the pixels' values",
        ) from error
    model = program.model_proto if program is not None else None
    if model is None:
        raise BundleError("the ONNX exporter gave nothing", expected="a graph")
    _remove_traces(model)
    return bytes(model.SerializeToString(deterministic=True))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks on absent optional packages and on its own deprecations from the user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _remove_traces(model: onnx.ModelProto) -> None:
    """Take source lines and module names out of the file: large, of no use, and nobody else's business."""
    graph = model.graph
    del model.metadata_props[:], graph.metadata_props[:]
    model.doc_string = graph.doc_string = ""
    for item in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        item.doc_string = ""
        del item.metadata_props[:]
