"""One of the notebook's networks in Keras that names photos: `predict` on photos 0–255 that stay in memory.

A contender of benchmarks/inference.py (see benchmarks/measuring.py for what it is told and what it says).
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
    given = parser.parse_args()
    import numpy as np
    from notebook_networks import build

    from measuring import serve

    model = build(given.network, given.side)
    levels = np.random.default_rng(0).integers(0, 256, (given.batch, given.side, given.side, 3), dtype=np.uint8)

    def work() -> dict[str, Any]:
        start = time.perf_counter()
        for _ in range(given.times):
            model.predict(levels.astype(np.float32) / 255, verbose=0)
        return {"seconds": time.perf_counter() - start, "units": given.times * given.batch}

    work()
    serve(work)


if __name__ == "__main__":
    main()
