"""A training step of one of the notebook's networks in Keras: `train_on_batch` on a batch that stays in memory.

A contender of benchmarks/training_step.py (see benchmarks/measuring.py for what it is told and what it says). The
backend is KERAS_BACKEND's.
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
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=2, help="steps a round")
    parser.add_argument("--agree", type=Path, help="write the fresh model here, then its losses without dropout")
    given = parser.parse_args()
    import keras
    import numpy as np
    from notebook_networks import compiled

    from made_photos import made_photos
    from measuring import serve

    keras.utils.set_random_seed(0)
    model = compiled(given.network, given.side)
    photos = made_photos(given.batch, given.side)
    named = np.eye(29, dtype=np.float32)[np.random.default_rng(0).integers(0, 29, given.batch)]

    def steps(count: int) -> list[float]:
        # what was counted before is forgotten, as at the start of an epoch: each loss is of its own step
        losses = []
        for _ in range(count):
            model.reset_metrics()
            losses.append(float(model.train_on_batch(photos, named)[0]))
        return losses

    if given.agree is not None:
        model.save(given.agree)
        for layer in model.layers:
            if hasattr(layer, "rate"):
                layer.rate = 0.0
        serve(dict, losses=steps(4))
        return

    def work() -> dict[str, Any]:
        start = time.perf_counter()
        steps(given.steps)
        return {"seconds": time.perf_counter() - start, "units": given.steps * given.batch}

    steps(3)
    serve(work)


if __name__ == "__main__":
    main()
