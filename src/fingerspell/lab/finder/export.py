"""The trained finder as one ONNX file: frames in, for every cell a score and a box out, in plain operations."""

from __future__ import annotations

import io
import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fingerspell.core.errors import BundleError
from fingerspell.core.finder_file import BOXES, FRAMES, SCORES
from fingerspell.lab.finder.loss import boxes_at
from fingerspell.lab.finder.net import FinderNet
from fingerspell.lab.graph import OPSET

TOLERANCE = 2e-3
"""How far a score may be from PyTorch's; boxes by as many pixels × 100."""


class FinderGraph(nn.Module):
    """(N, H, W, 3) uint8, H and W multiples of 32 → scores (N, cells) of 0–1 and boxes (N, cells, 4) in pixels."""

    def __init__(self, net: FinderNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        found = self.net(frames.permute(0, 3, 1, 2).to(torch.float32) * (1 / 255))
        boxes = boxes_at(found[:, 1:])
        return torch.sigmoid(found[:, 0]).flatten(1), boxes.flatten(2).transpose(1, 2)


def to_onnx(net: FinderNet) -> bytes:
    """Write the network as ONNX: input `frames`, outputs `scores` and `boxes`, any batch and size.

    Raises:
        BundleError: ONNX Runtime answers otherwise than PyTorch.
    """
    # the exporter puts back the mode that it found, of the whole graph
    graph = FinderGraph(net).to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    buffer = io.BytesIO()
    sizes = {0: "batch", 1: "height", 2: "width"}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own deprecation
        torch.onnx.export(
            graph,
            (torch.zeros(1, 128, 160, 3, dtype=torch.uint8),),
            buffer,  # type: ignore[arg-type] # a stream is taken too, as its documentation says
            dynamo=False,  # folds batch-norms into the convolutions, which the newer exporter leaves apart
            opset_version=OPSET,
            input_names=[FRAMES],
            output_names=[SCORES, BOXES],
            dynamic_axes={FRAMES: sizes, SCORES: {0: "batch", 1: "cells"}, BOXES: {0: "batch", 1: "cells"}},
        )
    data = _without_traces(buffer.getvalue())
    _require_same(graph, data)
    return data


def _without_traces(data: bytes) -> bytes:
    import onnx

    model = onnx.load_from_string(data)
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    return bytes(model.SerializeToString(deterministic=True))


def _require_same(graph: FinderGraph, data: bytes) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    for height, width in ((128, 160), (96, 96), (192, 128)):
        frames: NDArray[np.uint8] = rng.integers(0, 256, (2, height, width, 3), np.uint8)
        scores, boxes = session.run([SCORES, BOXES], {FRAMES: frames})
        with torch.no_grad():
            wanted, places = graph(torch.from_numpy(frames))
        apart = float(np.abs(scores - wanted.numpy()).max()), float(np.abs(boxes - places.numpy()).max())
        if not (apart[0] <= TOLERANCE and apart[1] <= TOLERANCE * 100):
            raise BundleError(
                f"ONNX Runtime's answers are {apart[0]:.2g} and {apart[1]:.2g} pixels away from PyTorch's",
                expected=f"at most {TOLERANCE:g}",
                remedy="update onnxruntime",
            )
