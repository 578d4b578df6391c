"""Smaller bundles: int8 and 16-bit weights, their speed, and what they cost in accuracy.

    python benchmarks/quantised.py --photos desk --calibrate one-signer rooms [--bundle asl.bundle] [--rounds 5]

A bundle's network as it is; with weights kept as float16 or bfloat16 and widened when it is loaded; with int8 weights
and activations whose ranges are found while it runs (dynamic) or before, on `--calibrate` (static). Only convolutions
and dense layers are changed: what scales the photos stays exact. One thread each, in turn; the ratio is the median of
the rounds' ratios to the network as it is. `right` are photos of `--photos` (class folders) named rightly, whole and as
`predict` does with the hand cut out; `moved` is the largest change of a probability over these photos. `--network
notebook-v4` measures a network with fresh weights instead: its speed and size only. Needs the parts lab and live.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fingerspell.core.preprocess import decode
from fingerspell.live.shipped import default_bundle
from measuring import Contender, against, contend, finish, note, serve, table

Photo = NDArray[np.uint8]
QUANTISED = ["Conv", "Gemm"]
CALIBRATION = 232
"""Photos that static ranges are found on at most, spread over the classes."""
LARGE = 1024
"""Weights of fewer numbers are left as they are."""


def photos_of(folder: Path, most: int | None = None) -> tuple[list[Photo], list[str]]:
    """Photos and labels of class folders, in order; `most` spread evenly over all."""
    paths = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in (".jpg", ".png"))
    if not paths:
        raise SystemExit(f"{folder} has no class folders with photos")
    step = 1 if most is None else max(1, len(paths) // most)
    return [decode(path.read_bytes()) for path in paths[::step]], [path.parent.name for path in paths[::step]]


class Reader:
    """What onnxruntime's quantiser reads photos from."""

    def __init__(self, photos: Sequence[Photo]) -> None:
        self._photos: Iterator[Photo] = iter(photos)

    def get_next(self) -> dict[str, Any] | None:
        photo = next(self._photos, None)
        return None if photo is None else {"photos": photo[None]}


def narrowed(source: Path, target: Path, kind: int) -> None:
    """Keep large float32 weights as float16 or bfloat16 (ONNX's number); a Cast widens them when it is loaded."""
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(source)
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or np.prod(tensor.dims) < LARGE:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        small = values.astype(helper.tensor_dtype_to_np_dtype(kind))
        tensor.CopyFrom(helper.make_tensor(f"{name}.narrow", kind, values.shape, small.tobytes(), raw=True))
        casts.append(helper.make_node("Cast", [f"{name}.narrow"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, target)


def variants(source: Path, calibration: Sequence[Photo], folder: Path) -> dict[str, Path | str]:
    """The files by name; where one cannot be made, why not."""
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    ready = folder / "ready.onnx"
    quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
    common = {"op_types_to_quantize": QUANTISED, "per_channel": True, "weight_type": QuantType.QInt8}

    def static(target: Path) -> None:
        quantize_static(
            str(ready), str(target), Reader(calibration), quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8, **common,
        )  # fmt: skip

    makers = {
        "weights in float16": lambda target: narrowed(source, target, onnx.TensorProto.FLOAT16),
        "weights in bfloat16": lambda target: narrowed(source, target, onnx.TensorProto.BFLOAT16),
        "int8, dynamic": lambda target: quantize_dynamic(str(ready), str(target), **common),
        "int8, static": static,
    }
    found: dict[str, Path | str] = {"as it is": source}
    for number, (name, make) in enumerate(makers.items()):
        note(f"making: {name}")
        target = folder / f"{number}.onnx"
        try:
            with redirect_stdout(sys.stderr):  # the quantiser tells what it does
                make(target)
            found[name] = target
        except Exception as error:  # the quantiser's errors share no base class but this: it is one row less
            found[name] = str(error).splitlines()[0]
    return found


def contender(given: argparse.Namespace) -> None:
    """This process is a contender: one photo at a time, then 32."""
    from fingerspell.live.session import open_session

    data = given.contender.read_bytes()
    session = open_session(
        data, ["photos"], ["probabilities", "features"], threads=1, what="model", bundle=given.contender, remedy="none"
    )
    draw = np.random.default_rng(0)
    one, many = (draw.integers(0, 256, (count, 200, 200, 3), dtype=np.uint8) for count in (1, 32))

    def run(levels: Photo, times: int) -> float:
        start = time.perf_counter()
        for _ in range(times):
            session.run(["probabilities"], {"photos": levels})
        return (time.perf_counter() - start) / times

    def work() -> dict[str, Any]:
        return {"seconds": run(one, 30), "units": 1, "batch": run(many, 2) / 32}

    work()
    serve(work, bytes=len(data))


def judged(models: dict[str, Path | str], bundle: Path, folder: Path) -> dict[str, dict[str, Any]]:
    """Of each model: photos named rightly, whole and with the hand cut out, and the largest change of a probability."""
    from fingerspell.core.bundle import read_bundle
    from fingerspell.live.finding.finder import HandFinder
    from fingerspell.live.recognizer import Recognizer, surest

    read = read_bundle(bundle)
    photos, labels = photos_of(folder)
    finder = None if read.finder is None else HandFinder(read)
    views = [[photo] if finder is None else finder.views(photo) for photo in photos]
    found, exact = {}, None
    for name, path in models.items():
        if isinstance(path, str):
            continue
        note(f"judging: {name}")
        recognizer = Recognizer.of_bundle(read, path.read_bytes())
        whole = recognizer.predict_batch(photos)
        chosen = [surest(recognizer.predict_batch(some)) for some in views]
        rows = np.stack([its.probabilities for its in whole])
        exact = rows if exact is None else exact
        found[name] = {
            "whole": float(np.mean([its.label == label for its, label in zip(whole, labels, strict=True)])),
            "cut_out": float(np.mean([its.label == label for its, label in zip(chosen, labels, strict=True)])),
            "moved": float(np.abs(rows - exact).max()),
            "others": int((rows.argmax(1) != exact.argmax(1)).sum()),
            "photos": len(photos),
        }
    return found


def fresh(network: str, folder: Path) -> Path:
    """The graph of a network with fresh weights."""
    import torch

    from fingerspell.core.alphabet import LABELS
    from fingerspell.core.preprocess import PreprocessSpec
    from fingerspell.lab.graph import BundleGraph, to_onnx
    from fingerspell.lab.nets.model import Model
    from fingerspell.lab.nets.registry import NETWORKS

    torch.manual_seed(0)
    entry = NETWORKS[network]
    spec = PreprocessSpec(height=entry.height, width=entry.width)
    path = folder / f"{network}.onnx"
    path.write_bytes(to_onnx(BundleGraph(Model.fresh(network, tuple(LABELS), spec).net.eval(), spec)))
    return path


def row(name: str, its: Contender | None, first: Contender, why: str, judgement: dict[str, Any] | None) -> list[str]:
    """One line of the table."""
    if its is None or not its.rounds:
        return [name, why or str(its.ready.get("error", "–") if its else "–"), *["–"] * 6]
    ms = [1000 * value for value in its.per_unit]
    rate = median(1 / said["batch"] for said in its.rounds)
    cells = [name, f"{its.ready['bytes'] / 2**20:.2f}", f"{median(ms):.1f} ({min(ms):.1f}–{max(ms):.1f})"]
    cells += ["1" if its is first else against(its, first), f"{rate:.0f}"]
    if judgement is None:
        return [*cells, "–", "–", "–"]
    others = f" ({judgement['others']} other answers)" if judgement["others"] else ""
    return [*cells, f"{judgement['whole']:.1%}", f"{judgement['cut_out']:.1%}", f"{judgement['moved']:.3f}{others}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="class folders to judge by; without them speed and size only")
    parser.add_argument("--calibrate", type=Path, nargs="*", default=[], help="class folders for static ranges")
    parser.add_argument("--bundle", type=Path, help="by default the shipped one")
    parser.add_argument("--network", help="fresh weights of this network instead of a bundle")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--contender", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.contender:
        contender(given)
        return
    bundle = given.bundle or default_bundle()
    with tempfile.TemporaryDirectory() as place:
        source = fresh(given.network, Path(place)) if given.network else bundle / "model.onnx"
        calibration = [each for folder in given.calibrate for each in photos_of(folder, CALIBRATION)[0]]
        if not calibration:
            draw = np.random.default_rng(1)
            calibration = [draw.integers(0, 256, (200, 200, 3), dtype=np.uint8) for _ in range(32)]
        models = variants(source, calibration, Path(place))
        rows = {
            name: Contender(name, [sys.executable, __file__, "--contender", str(path)], {"OMP_NUM_THREADS": "1"})
            for name, path in models.items()
            if isinstance(path, Path)
        }
        contend(list(rows.values()), given.rounds)
        known = judged(models, bundle, given.photos) if given.photos and not given.network else {}
    first = rows["as it is"]
    heads = ("", "MiB", "ms, one photo", "times as fast", "photos/s, 32", "right, whole", "right, cut out", "moved")
    why = {name: path if isinstance(path, str) else "" for name, path in models.items()}
    print(table(heads, [row(name, rows.get(name), first, why[name], known.get(name)) for name in models]))
    told = {name: its.summary | known.get(name, {}) for name, its in rows.items()}
    finish("quantised", {"of": given.network or bundle.name, "rows": told})


if __name__ == "__main__":
    main()
