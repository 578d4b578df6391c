"""The notebook's five networks and its input, in Keras 3 as it has them: what ours are compared with.

Written from the notebook's own code. Runs on any backend of Keras: set KERAS_BACKEND (`tensorflow`, which the notebook
ran on, or `torch`) before this is imported. The notebook tells of v5 in prose only; it is built to our definition.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
from keras import layers, ops, regularizers
from keras.src.legacy.preprocessing.image import ImageDataGenerator  # where every backend of Keras 3 has it

CHANNELS = (32, 64, 128)
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


@keras.saving.register_keras_serializable(package="fingerspell")
class SpatialSelfAttention(layers.Layer):
    """Zhang et al. 2019, products scaled by 1/√(C/8): (N, h, w, C) → (N, h, w, C)."""

    def __init__(self, l2: float = 0.0018, **settings: Any) -> None:
        super().__init__(**settings)
        self.l2 = l2

    def build(self, shape: tuple[int | None, ...]) -> None:
        channels = shape[-1]

        def conv(filters: int, name: str) -> layers.Conv2D:
            layer = layers.Conv2D(filters, 1, kernel_regularizer=regularizers.L2(self.l2), name=name)
            layer.build(shape)
            return layer

        self.query, self.key = conv(channels // 8, "query"), conv(channels // 8, "key")
        self.value = conv(channels, "value")
        self.gamma = self.add_weight(shape=(), initializer="zeros", name="gamma")
        super().build(shape)

    def call(self, maps: Any) -> Any:
        height, width, channels = maps.shape[1:]
        query = ops.reshape(self.query(maps), (-1, height * width, channels // 8))
        key = ops.reshape(self.key(maps), (-1, height * width, channels // 8))
        value = ops.reshape(self.value(maps), (-1, height * width, channels))
        products = ops.matmul(query, ops.transpose(key, (0, 2, 1))) / (channels // 8) ** 0.5
        seen = ops.matmul(ops.softmax(products, axis=-1), value)
        return maps + self.gamma * ops.reshape(seen, (-1, height, width, channels))

    def get_config(self) -> dict[str, Any]:
        """What a file needs to build it again."""
        return super().get_config() | {"l2": self.l2}


def _conv(maps: Any, filters: int, kernel: int, padding: str, l2: float) -> Any:
    penalty = regularizers.L2(l2) if l2 else None
    return layers.Conv2D(filters, kernel, padding=padding, activation="relu", kernel_regularizer=penalty)(maps)


def _head(features: Any, hidden: int, dropout: float, l2: float, *, norm: bool = True) -> Any:
    penalty = regularizers.L2(l2) if l2 else None
    features = layers.Dense(hidden, activation="relu", kernel_regularizer=penalty)(features)
    if norm:
        features = layers.BatchNormalization()(features)
    return layers.Dense(CLASSES, activation="softmax")(layers.Dropout(dropout)(features))


def _double(maps: Any, filters: int, l2: float, dropout: float, *, shortcut: bool) -> Any:
    inner = maps
    for _ in range(2):
        inner = layers.BatchNormalization()(_conv(inner, filters, 3, "same", l2))
    if shortcut:
        inner = layers.Add()([inner, layers.Conv2D(filters, 1, padding="same")(maps)])
    return layers.SpatialDropout2D(dropout)(layers.MaxPooling2D(2)(inner))


def v1(maps: Any) -> Any:
    """Plain: three valid convolutions, flatten, Dense 256."""
    for filters, kernel in zip(CHANNELS, (5, 3, 3), strict=True):
        maps = layers.MaxPooling2D(2)(_conv(maps, filters, kernel, "valid", 0))
    return _head(layers.Flatten()(maps), 256, 0.5, 0, norm=False)


def v2(maps: Any) -> Any:
    """v1's convolutions with batch norm, then global average pooling."""
    for filters, kernel in zip(CHANNELS, (5, 3, 3), strict=True):
        maps = layers.MaxPooling2D(2)(layers.BatchNormalization()(_conv(maps, filters, kernel, "valid", 0.001)))
    return _head(layers.GlobalAveragePooling2D()(maps), 256, 0.4, 0.001)


def v3(maps: Any) -> Any:
    """Same convolutions, batch norm, spatial dropout."""
    for filters in CHANNELS:
        maps = layers.MaxPooling2D(2)(layers.BatchNormalization()(_conv(maps, filters, 3, "same", 0.002)))
        maps = layers.SpatialDropout2D(0.1)(maps)
    return _head(layers.GlobalAveragePooling2D()(maps), 128, 0.5, 0.002)


def v4(maps: Any) -> Any:
    """Double convolutions, a residual in the third block."""
    for filters, dropout, shortcut in zip(CHANNELS, (0.1, 0.15, 0.2), (False, False, True), strict=True):
        maps = _double(maps, filters, 0.0015, dropout, shortcut=shortcut)
    return _head(layers.GlobalAveragePooling2D()(maps), 128, 0.4, 0.002)


def v5(maps: Any) -> Any:
    """Residuals in all blocks, spatial self-attention, layer norm."""
    for filters, dropout in zip(CHANNELS, (0.1, 0.15, 0.2), strict=True):
        maps = _double(maps, filters, 0.0018, dropout, shortcut=True)
    return _head(
        layers.LayerNormalization()(layers.GlobalAveragePooling2D()(SpatialSelfAttention()(maps))), 128, 0.4, 0.0018
    )


NETWORKS = {"v1": v1, "v2": v2, "v3": v3, "v4": v4, "v5": v5}


def build(name: str, side: int = SIDE) -> keras.Model:
    """A fresh network, not compiled: photos (N, side, side, 3), 0–1 → probabilities (N, 29). `name`: v1 … v5."""
    photos = keras.Input((side, side, 3))
    return keras.Model(photos, NETWORKS[name](photos), name=name)


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
