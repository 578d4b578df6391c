"""One of the notebook's networks in Keras at work: `fit` with the notebook's input, loss and callbacks.

A contender of benchmarks/time_to_result.py (see benchmarks/measuring.py for what it is told and what it says):

    .venv-peers/bin/python benchmarks/peers/time_keras.py PHOTOS [--network v4] [--side 200] [--steps 5]

Each round is a `fit` of some training steps and some validation steps. Of each the seconds from the first to the last
are counted, without what `fit` does before and after them.
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

import keras
from notebook_networks import BATCH, USED, callbacks, compiled, flows

from measuring import serve


class Clock(keras.callbacks.Callback):
    """Seconds of the training steps and of the validation steps of one `fit`."""

    def __init__(self) -> None:
        super().__init__()
        self.training = self.validation = 0.0
        self._start = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._start = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.training = time.perf_counter() - self._start

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._start = time.perf_counter()

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.validation = time.perf_counter() - self._start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="a folder of class folders")
    parser.add_argument("--network", default="v4", choices=sorted(USED))
    parser.add_argument("--side", type=int, default=200)
    parser.add_argument("--steps", type=int, default=5, help="training steps a round")
    parser.add_argument("--validation-steps", type=int, default=5, help="validation steps a round")
    given = parser.parse_args()
    train, chosen = flows(given.photos, USED[given.network], given.side)
    model = compiled(given.network, given.side)

    def fit(steps: int, validation_steps: int) -> Clock:
        clock = Clock()
        model.fit(
            train,
            steps_per_epoch=steps,
            validation_data=chosen,
            validation_steps=validation_steps,
            callbacks=[*callbacks(given.network), clock],
            verbose=0,
        )
        return clock

    def work() -> dict[str, Any]:
        clock = fit(given.steps, given.validation_steps)
        photos = {"units": given.steps * BATCH, "validation_units": given.validation_steps * BATCH}
        return {"seconds": clock.training, "validation_seconds": clock.validation, **photos}

    fit(2, 1)  # traces the graphs and takes the memory
    serve(work, train_photos=len(train.filenames), validation_photos=len(chosen.filenames), epoch_steps=len(train))


if __name__ == "__main__":
    main()
