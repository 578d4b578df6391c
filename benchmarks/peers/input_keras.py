"""The input of Keras at work; contenders of benchmarks/input.py (see benchmarks/measuring.py for what they are told).

.venv-peers/bin/python benchmarks/peers/input_keras.py PHOTOS generator B     as the notebook has it: from the folder
.venv-peers/bin/python benchmarks/peers/input_keras.py PHOTOS layers          Keras 3's random layers, on TensorFlow
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from notebook_networks import BATCH, SIDE, flows

from measuring import serve

PHOTOS = 8 * BATCH  # a round


def from_generator(folder: Path, policy: str) -> Callable[[], None]:
    train, _ = flows(folder, policy)

    def work() -> None:
        given = 0
        while given < PHOTOS:
            given += len(next(train)[0])

    return work


def from_layers(folder: Path) -> Callable[[], None]:
    """Photos decoded beforehand, in memory as they are in a packed cache; batch after batch through tf.data."""
    import numpy as np
    import tensorflow as tf
    from keras import Sequential, layers
    from PIL import Image

    files = sorted(folder.rglob("*.*"))[:PHOTOS]
    photos = np.stack([np.asarray(Image.open(file).convert("RGB").resize((SIDE, SIDE))) for file in files])
    changes = Sequential(
        [
            layers.Rescaling(1 / 255),
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(20 / 360, fill_mode="nearest"),
            layers.RandomTranslation(0.2, 0.2, fill_mode="nearest"),
            layers.RandomZoom(0.2, 0.2, fill_mode="nearest"),
            layers.RandomBrightness(0.2, value_range=(0, 1)),
        ]
    )
    data = tf.data.Dataset.from_tensor_slices(photos).batch(BATCH)
    data = data.map(lambda some: changes(some, training=True), num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)

    def work() -> None:
        for _ in data:
            pass

    return work


def main() -> None:
    folder, kind = Path(sys.argv[1]), sys.argv[2]
    print_to, sys.stdout = sys.stdout, sys.stderr  # Keras says how many photos it found
    work = from_layers(folder) if kind == "layers" else from_generator(folder, sys.argv[3])
    work()
    sys.stdout = print_to

    def once() -> dict[str, Any]:
        start = time.perf_counter()
        work()
        return {"seconds": time.perf_counter() - start, "units": PHOTOS}

    serve(once)


if __name__ == "__main__":
    main()
