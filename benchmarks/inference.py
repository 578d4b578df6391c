"""How long a network takes to name photos: as a bundle has it in ONNX Runtime, in PyTorch, and in Keras.

    python benchmarks/inference.py [NETWORK …] [--rounds 5]

Networks: notebook-v1 … notebook-v5 at 200×200 and hand-fine at 64×64, all of them without any; weights are fresh,
which changes no time. Photos lie in memory at the network's size, as bytes; scaling them to the network's input is part
of the work. Rows: one photo at a time and 32, on one thread and on two (Keras takes what it likes). `ms, one photo` is
the median of all calls, `95%` what all but a twentieth of them stay below; `times` is how many times as fast ours on
two threads is as that row, for one photo and for 32: the median of the rounds' ratios, and their range. The rows of a
table work in turn. Keras needs `make bench-peers`.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from measuring import PEERS_PYTHON, Contender, against, contend, finish, serve, table

KERAS = Path(__file__).resolve().parent / "peers" / "inference_keras.py"
OURS = "ONNX Runtime, as in a bundle, 2 threads"
SIDES = {f"notebook-v{number}": 200 for number in range(1, 6)} | {"hand-fine": 64}


def contender(given: argparse.Namespace) -> None:
    """This process is a contender: ours in ONNX Runtime or in PyTorch."""
    import numpy as np
    import torch

    from fingerspell.core.alphabet import LABELS
    from fingerspell.core.preprocess import PreprocessSpec
    from fingerspell.lab.graph import BundleGraph, to_onnx
    from fingerspell.lab.nets.model import Model
    from fingerspell.live.session import open_session

    network, side = given.contender, SIDES[given.contender]
    torch.manual_seed(0)
    torch.set_num_threads(given.threads)
    spec = PreprocessSpec(height=side, width=side)
    graph = BundleGraph(Model.fresh(network, tuple(LABELS), spec).net, spec).eval()
    levels = np.random.default_rng(0).integers(0, 256, (given.batch, side, side, 3), dtype=np.uint8)
    if given.engine == "onnx":
        data = to_onnx(graph)
        session = open_session(
            data, ["photos"], ["probabilities", "features"], threads=given.threads, what="model",
            bundle=Path("memory"), remedy="export it again",
        )  # fmt: skip

        def call() -> None:
            session.run(["probabilities"], {"photos": levels})
    else:
        body = graph.net.to(memory_format=torch.channels_last) if given.engine == "last" else graph.net

        def call() -> None:
            with torch.inference_mode():
                photos = graph.normalise(torch.from_numpy(levels).permute(0, 3, 1, 2).float())
                layout = torch.channels_last if given.engine == "last" else torch.contiguous_format
                torch.softmax(graph.head(body(photos.contiguous(memory_format=layout))), dim=1)

    def timed() -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    def work() -> dict[str, Any]:
        taken = [timed() for _ in range(given.times)]
        return {"seconds": sum(taken), "units": given.times * given.batch, "calls": taken}

    work()
    serve(work)


def rows_of(network: str, batch: int, times: int) -> list[Contender]:
    """The contenders of one table."""
    engines = {"onnx": "ONNX Runtime, as in a bundle", "last": "PyTorch, channels last", "first": "PyTorch, default"}
    common = ["--batch", str(batch), "--times", str(times)]
    mine = [sys.executable, __file__, "--contender", network, *common]
    rows = [
        Contender(
            f"{name}, {threads} thread{'s' * (threads > 1)}",
            [*mine, "--engine", engine, "--threads", str(threads)],
            {"OMP_NUM_THREADS": str(threads)},
        )
        for engine, name in engines.items()
        for threads in (1, 2)
    ]
    if network.startswith("notebook-"):
        keras = [str(PEERS_PYTHON), str(KERAS), network.split("-")[1], *common]
        rows.append(Contender("Keras predict on TensorFlow", keras))
        rows.append(Contender("Keras on TensorFlow, compiled function", [*keras, "--way", "function"]))
    return rows


def compare(network: str, rounds: int) -> dict[str, Any]:
    """Both tables of a network in one."""
    found: dict[int, list[Contender]] = {}
    for batch, times in ((1, 20), (32, 2)):
        found[batch] = rows_of(network, batch, times)
        contend(found[batch], rounds)
    ours = {batch: next(row for row in rows if row.name == OURS) for batch, rows in found.items()}
    print(f"\n{network}, {SIDES[network]}×{SIDES[network]}")
    lines = [
        (
            one.name,
            *_milliseconds(one),
            against(ours[1], one),
            f"{many.summary['per_second']:,.0f}" if many.rounds else "–",
            against(ours[32], many),
        )
        for one, many in zip(found[1], found[32], strict=True)
    ]
    print(table(("", "ms, one photo", "95%", "times", "photos/s, 32 at a time", "times"), lines), flush=True)
    return {"network": network, **{f"batch_{batch}": [row.summary for row in rows] for batch, rows in found.items()}}


def _milliseconds(row: Contender) -> tuple[str, str]:
    if not row.rounds:
        return str(row.ready.get("error", "–")), "–"
    taken = sorted(1000 * seconds for said in row.rounds for seconds in said["calls"])
    return f"{median(taken):.1f}", f"{taken[int(0.95 * (len(taken) - 1))]:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--engine", default="onnx", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--times", type=int, default=10, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.contender:
        contender(given)
        return
    unknown = sorted(set(given.networks) - set(SIDES))
    if unknown:
        parser.error(f"unknown network {', '.join(unknown)}: choose from {', '.join(SIDES)}")
    finish("inference", {"networks": [compare(name, given.rounds) for name in given.networks or SIDES]})


if __name__ == "__main__":
    main()
