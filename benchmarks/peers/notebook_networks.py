"""The notebook's five networks and its input, in Keras 3 as it has them: what ours are compared with.

The networks are those of tests/parity, which ours are held against. Runs on any backend of Keras: set KERAS_BACKEND
(`tensorflow`, which the notebook ran on, or `torch`) before this is imported.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
from keras.src.legacy.preprocessing.image import ImageDataGenerator  # where every backend of Keras 3 has it

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "parity"))
from keras_notebook import build as reference

SIDE = 200
BATCH = 32
CLASSES = 29

A = {"rotation_range": 15, "width_shift_range": 0.1, "height_shift_range": 0.1, "zoom_range": 0.1}
A |= {"horizontal_flip": True}
B = {"rotation_range": 20, "width_shift_range": 0.2, "height_shift_range": 0.2, "zoom_range": 0.2}
B |= {"horizontal_flip": True, "brightness_range": (0.8, 1.2), "fill_mode": "nearest"}
C = B | {"shear_range": 10, "channel_shift_range": 20}
POLICIES: dict[str, dict[str, Any]] = {"none": {}, "A": A, "B": B, "C": C}

USED = {"v1": "A", "v2": "A", "v3": "B", "v4": "B", "v5": "C"}
"""The policy that the notebook trains each network with (v2: what it ran, not what it says)."""

PATIENCE = {"v1": (3, None), "v2": (3, 2), "v3": (5, 3), "v4": (6, 3), "v5": (8, 3)}
"""Epochs without improvement until training stops, and until the learning rate falls."""


def build(name: str, side: int = SIDE) -> keras.Model:
    """A fresh network, not compiled: photos (N, side, side, 3), 0–1 → probabilities (N, 29). `name`: v1 … v5."""
    return reference(f"notebook-{name}", CLASSES, side, side)


def compiled(name: str, side: int = SIDE) -> keras.Model:
    """The same, compiled as in the notebook."""
    model = build(name, side)
    model.compile(keras.optimizers.Adam(0.001), loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def callbacks(name: str) -> list[keras.callbacks.Callback]:
    """Those that the notebook trains it with."""
    stop, reduce = PATIENCE[name]
    chosen: list[keras.callbacks.Callback] = [
        keras.callbacks.EarlyStopping("val_accuracy", mode="max", patience=stop, restore_best_weights=True)
    ]
    if reduce is not None:
        chosen.append(keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.2, patience=reduce, min_lr=1e-5))
    return chosen


def generator(policy: str = "none") -> ImageDataGenerator:
    """The notebook's generator with the settings A, B or C, or `none`: scaled to 0–1 only. A fifth is held back."""
    return ImageDataGenerator(rescale=1.0 / 255, validation_split=0.2, **POLICIES[policy])


def flows(folder: Path, policy: str, side: int = SIDE, batch: int = BATCH, seed: int = 0) -> tuple[Any, Any]:
    """Iterators over (photos, one-hot labels) from a folder of class folders: training, shuffled; validation, not."""
    common = {"target_size": (side, side), "batch_size": batch, "class_mode": "categorical"}
    train = generator(policy).flow_from_directory(str(folder), subset="training", shuffle=True, seed=seed, **common)
    chosen = generator().flow_from_directory(str(folder), subset="validation", shuffle=False, **common)
    return train, chosen
