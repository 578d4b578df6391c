"""A bundle of format 1, as earlier versions wrote it: made from one of format 2 by taking out what is new."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path


def as_format_1(bundle: Path, out: Path) -> Path:
    """Write it to `out`."""
    import onnx

    shutil.copytree(bundle, out)
    model = onnx.load(out / "model.onnx")
    names = {"head.weight": "net.last.weight", "head.bias": "net.last.bias", "features": "flat"}
    for tensor in model.graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    del model.graph.output[1:]
    (out / "model.onnx").write_bytes(model.SerializeToString())
    card = json.loads((out / "card.json").read_text()) | {"format": "fingerspell-bundle/1"}
    (out / "card.json").write_text(json.dumps(card))
    checksums = json.loads((out / "checksums.json").read_text())
    for name in ("model.onnx", "card.json"):
        checksums[name] = hashlib.sha256((out / name).read_bytes()).hexdigest()
    (out / "checksums.json").write_text(json.dumps(checksums))
    return out
