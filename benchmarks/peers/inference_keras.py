"""One of the notebook's networks in Keras that names photos 0–255 that stay in memory.

By `predict`, as a notebook has it, or by a compiled function of TensorFlow, the quickest that it offers. A contender of
benchmarks/inference.py (see benchmarks/measuring.py for what it is told and what it says).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=("v1", "v2", "v3", "v4", "v5"))
    parser.add_argument("--side", type=int, default=200)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--times", type=int, default=10, help="calls a round")
    parser.add_argument("--way", choices=("predict", "function"), default="predict")
    given = parser.parse_args()
    import numpy as np
    from notebook_networks import build

    from measuring import serve

    model = build(given.network, given.side)
    levels = np.random.default_rng(0).integers(0, 256, (given.batch, given.side, given.side, 3), dtype=np.uint8)

    compiled = None
    if given.way == "function":
        import tensorflow

        compiled = tensorflow.function(lambda photos: model(photos, training=False))

    def call() -> float:
        start = time.perf_counter()
        photos = levels.astype(np.float32) / 255
        if compiled is None:
            model.predict(photos, verbose=0)
        else:
            compiled(photos).numpy()
        return time.perf_counter() - start

    def work() -> dict[str, Any]:
        taken = [call() for _ in range(given.times)]
        return {"seconds": sum(taken), "units": given.times * given.batch, "calls": taken}

    work()
    serve(work)


if __name__ == "__main__":
    main()
