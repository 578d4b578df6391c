"""The network that a bundle carries: photos of any size in, probabilities and features out, the preprocessing inside.

Resampling repeats core/preprocess.py operation by operation: geometry in float64, pixels as exact whole numbers in
float32. Only operations of plain ONNX are used, so that ONNX Runtime runs the same file natively and in a browser.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fingerspell.core.bundle import FEATURES, INPUT, OUTPUT
from fingerspell.core.errors import BundleError
from fingerspell.core.head import Head, read_head, with_head
from fingerspell.core.preprocess import MAX_SIDE, WEIGHT_TOTAL, PreprocessSpec
from fingerspell.lab.nets.blocks import Network

if TYPE_CHECKING:
    import onnx

OPSET = 18
"""Old enough for every ONNX Runtime that the package allows, and for browsers."""

HEAD_TOLERANCE = 1e-5
"""How far the probabilities of the file's features and its last layer may be from its own."""


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
    """(N, H, W, 3) uint8 RGB photos, any H and W → (N, classes) float32 probabilities and (N, D) float32 features.

    The last dense layer is taken out of the network and becomes `head`, so that the file names its weights
    `head.weight` and `head.bias` whatever the network calls them: who adapts a bundle replaces these two.

    Args:
        net: (N, 3, h, w) normalised photos → (N, classes) logits, which come out of a dense layer. It is not changed.
        spec: the preprocessing that `net` was trained with.
        temperature: logits are divided by it before the softmax; 1 leaves them as they are.

    Raises:
        BundleError: the network's answer does not come out of a dense layer.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, net: nn.Module, spec: PreprocessSpec, temperature: float = 1.0) -> None:
        super().__init__()
        self.resample = Resample(spec)
        self.net, self.head = _apart(net, spec)
        self._temperature = temperature
        self.register_buffer("mean", torch.tensor(spec.mean).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(spec.std).reshape(1, 3, 1, 1))

    def normalise(self, pixels: Tensor) -> Tensor:
        """Core's `normalise`: (N, 3, h, w) 0–255 → (x/255 − mean)/std."""
        return (pixels * (1 / 255) - self.mean) / self.std

    def forward(self, photos: Tensor) -> tuple[Tensor, Tensor]:
        """Preprocess, run the network, and turn its logits into probabilities."""
        features: Tensor = self.net(self.normalise(self.resample(photos)))
        logits: Tensor = self.head(features)
        return torch.softmax(logits / self._temperature, dim=1), features


def _apart(net: nn.Module, spec: PreprocessSpec) -> tuple[nn.Module, nn.Linear]:
    """A copy of the network that gives the last dense layer's input, and a copy of that layer, with a bias."""
    body = copy.deepcopy(net).eval()
    name = _last_layer(body, spec)
    last = body.get_submodule(name)
    if not isinstance(last, nn.Linear):
        raise TypeError(f"{name} is no dense layer")
    head = nn.Linear(last.in_features, last.out_features)
    with torch.no_grad():
        head.weight.copy_(last.weight)
        head.bias.zero_() if last.bias is None else head.bias.copy_(last.bias)
    if isinstance(body, Network):
        return _Features(body), head
    body.set_submodule(name, nn.Identity())
    return body, head


class _Features(nn.Module):
    """A network that gives its features instead of its logits, and may use its last layer on the way to them."""

    def __init__(self, net: Network) -> None:
        super().__init__()
        self.inner = net

    def forward(self, photos: Tensor) -> Tensor:
        """(N, 3, h, w) → (N, D)."""
        return self.inner.features(photos)


def _last_layer(net: nn.Module, spec: PreprocessSpec) -> str:
    """Name of the dense layer whose output is the network's: found by running it once."""
    outputs: dict[int, str] = {}
    kept: list[Tensor] = []  # so that no output's id is given to another

    def watch(name: str, layer: nn.Linear) -> torch.utils.hooks.RemovableHandle:
        def note(_layer: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
            kept.append(output)
            outputs[id(output)] = name

        return layer.register_forward_hook(note)

    handles = [watch(name, layer) for name, layer in net.named_modules() if name and isinstance(layer, nn.Linear)]
    try:
        with torch.no_grad():
            answer = net(torch.zeros(1, 3, spec.height, spec.width))
    finally:
        for handle in handles:
            handle.remove()
    if id(answer) not in outputs:
        raise BundleError(
            f"the answer of {type(net).__name__} does not come out of a dense layer",
            expected="a network that ends in one (torch.nn.Linear)",
            remedy="let it end in a dense layer that gives the logits",
        )
    return outputs[id(answer)]


def to_onnx(graph: nn.Module, outputs: Sequence[str] = (OUTPUT, FEATURES)) -> bytes:
    """Write a graph that takes photos as one ONNX file with its weights inside.

    Args:
        graph: (N, H, W, 3) uint8 → as many tensors as `outputs` has names. The file's input is `photos`.
        outputs: what the file calls them; by default those of a `BundleGraph`.

    Returns:
        The file's content, without traces of the machine that made it.

    Raises:
        BundleError: the network does something that ONNX cannot say.
    """
    dimensions = {
        place: torch.export.Dim(name, min=1, max=MAX_SIDE) for place, name in enumerate(("batch", "height", "width"))
    }
    example = torch.zeros(2, 37, 53, 3, dtype=torch.uint8)  # sizes of 0 and 1 would be taken for constants
    head = graph.head if isinstance(graph, BundleGraph) else None
    try:
        with torch.no_grad(), _quiet():
            program = torch.onnx.export(
                graph.eval() if head is None else _with_any_head(graph, head),
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=list(outputs),
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
    data = bytes(model.SerializeToString(deterministic=True))
    return data if head is None else with_head(data, _numbers(head))


def _with_any_head(graph: nn.Module, head: nn.Linear) -> nn.Module:
    """A copy with other numbers in its last layer: the exporter leaves out a bias of zeros, and joins what is equal."""
    other = copy.deepcopy(graph).eval()
    layer = other.get_submodule("head")
    draw = torch.Generator().manual_seed(0)
    for name, values in head.named_parameters():
        layer.get_parameter(name).copy_(torch.rand(values.shape, generator=draw) + 1)
    return other


def _numbers(head: nn.Linear) -> Head:
    return Head(head.weight.detach().cpu().numpy(), head.bias.detach().cpu().numpy(), 1.0)


def require_features(model: bytes, temperature: float, photos: Sequence[NDArray[np.uint8]]) -> None:
    """Refuse a file whose features and last layer, read without ONNX Runtime, do not give its probabilities.

    Args:
        model: the content of model.onnx, which ONNX Runtime runs.
        temperature: that the file was made with.
        photos: (H, W, 3) uint8 each.

    Raises:
        BundleError: no such layer, features that are not finite, or other probabilities.
    """
    import onnxruntime

    head = read_head(model, temperature)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    for photo in photos:
        expected, features = session.run([OUTPUT, FEATURES], {INPUT: photo[None]})
        finite = bool(np.isfinite(features).all())
        if not finite or not np.abs(head.probabilities(features) - expected).max() <= HEAD_TOLERANCE:
            raise BundleError(
                "the exported graph's features and its last layer do not give its probabilities",
                expected=f"finite features, and probabilities within {HEAD_TOLERANCE:g}",
                remedy="no bundle was written; please report this together with the network's name",
            )


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
