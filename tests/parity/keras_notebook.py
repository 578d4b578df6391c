"""The notebook's five networks as Keras models: the reference that ours are held against.

Written from the specification of the notebook with Keras's own layers. v5, which the notebook describes in prose only,
is built to the definition in `fingerspell.lab.nets`; its attention needs one layer that Keras does not have.

Runs on any backend of Keras: set KERAS_BACKEND (`torch` here) before this is imported. The benchmarks train them too.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops, regularizers

CHANNELS = (32, 64, 128)


@keras.saving.register_keras_serializable(package="fingerspell")
class SpatialSelfAttention(layers.Layer):
    """Zhang et al. 2019 with products scaled by 1/√(C/8): (N, h, w, C) → (N, h, w, C)."""

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
        places = height * width
        query = ops.reshape(self.query(maps), (-1, places, channels // 8))
        key = ops.reshape(self.key(maps), (-1, places, channels // 8))
        value = ops.reshape(self.value(maps), (-1, places, channels))
        products = ops.matmul(query, ops.transpose(key, (0, 2, 1))) / (channels // 8) ** 0.5
        seen = ops.matmul(ops.softmax(products, axis=-1), value)
        return maps + self.gamma * ops.reshape(seen, (-1, height, width, channels))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"l2": self.l2}


def _l2(strength: float) -> regularizers.L2 | None:
    return regularizers.L2(strength) if strength else None


def _conv(maps: Any, filters: int, kernel: int, padding: str, l2: float) -> Any:
    conv = layers.Conv2D(filters, kernel, padding=padding, activation="relu", kernel_regularizer=_l2(l2))
    return conv(maps)


def _head(features: Any, classes: int, hidden: int, dropout: float, l2: float, *, norm: bool) -> Any:
    features = layers.Dense(hidden, activation="relu", kernel_regularizer=_l2(l2))(features)
    if norm:
        features = layers.BatchNormalization()(features)
    features = layers.Dropout(dropout)(features)
    return layers.Dense(classes, activation="softmax")(features)


def _double(maps: Any, filters: int, l2: float, drop: float, *, shortcut: bool) -> Any:
    inner = maps
    for _ in range(2):
        inner = layers.BatchNormalization()(_conv(inner, filters, 3, "same", l2))
    if shortcut:
        inner = layers.Add()([inner, layers.Conv2D(filters, 1, padding="same")(maps)])
    return layers.SpatialDropout2D(drop)(layers.MaxPooling2D(2)(inner))


def v1(photos: Any, classes: int, dropout: float) -> Any:
    maps = photos
    for filters, kernel in zip(CHANNELS, (5, 3, 3), strict=True):
        maps = layers.MaxPooling2D(2)(_conv(maps, filters, kernel, "valid", 0))
    return _head(layers.Flatten()(maps), classes, 256, 0.5 * dropout, 0, norm=False)


def v2(photos: Any, classes: int, dropout: float) -> Any:
    maps = photos
    for filters, kernel in zip(CHANNELS, (5, 3, 3), strict=True):
        maps = layers.MaxPooling2D(2)(layers.BatchNormalization()(_conv(maps, filters, kernel, "valid", 0.001)))
    return _head(layers.GlobalAveragePooling2D()(maps), classes, 256, 0.4 * dropout, 0.001, norm=True)


def v3(photos: Any, classes: int, dropout: float) -> Any:
    maps = photos
    for filters in CHANNELS:
        maps = layers.MaxPooling2D(2)(layers.BatchNormalization()(_conv(maps, filters, 3, "same", 0.002)))
        maps = layers.SpatialDropout2D(0.1 * dropout)(maps)
    return _head(layers.GlobalAveragePooling2D()(maps), classes, 128, 0.5 * dropout, 0.002, norm=True)


def v4(photos: Any, classes: int, dropout: float) -> Any:
    maps = photos
    for filters, drop, shortcut in zip(CHANNELS, (0.1, 0.15, 0.2), (False, False, True), strict=True):
        maps = _double(maps, filters, 0.0015, drop * dropout, shortcut=shortcut)
    return _head(layers.GlobalAveragePooling2D()(maps), classes, 128, 0.4 * dropout, 0.002, norm=True)


def v5(photos: Any, classes: int, dropout: float) -> Any:
    maps = photos
    for filters, drop in zip(CHANNELS, (0.1, 0.15, 0.2), strict=True):
        maps = _double(maps, filters, 0.0018, drop * dropout, shortcut=True)
    features = layers.GlobalAveragePooling2D()(SpatialSelfAttention()(maps))
    return _head(layers.LayerNormalization()(features), classes, 128, 0.4 * dropout, 0.0018, norm=True)


NETWORKS = {"notebook-v1": v1, "notebook-v2": v2, "notebook-v3": v3, "notebook-v4": v4, "notebook-v5": v5}


def build(network: str, classes: int = 29, height: int = 200, width: int = 200, *, dropout: bool = True) -> keras.Model:
    """A fresh Keras model: (N, h, w, 3) photos, 0–1 → (N, classes) probabilities. Without dropout its rates are 0."""
    photos = keras.Input((height, width, 3))
    return keras.Model(photos, NETWORKS[network](photos, classes, float(dropout)), name=network.replace("-", "_"))
