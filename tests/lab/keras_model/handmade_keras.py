"""Files as Keras writes them, made by hand: descriptions and weights of the five networks, whole or spoilt."""

from __future__ import annotations

import copy
import io
import json
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fingerspell.lab.keras_model.plans import L2, PLANS, RATE
from fingerspell.lab.keras_model.weights import _planned_shapes

CLASSES, SIDE = 4, 32
SNAKE = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")


class Handmade:
    """A model: `entries` describe its layers, `arrays` hold its weights by layer and variable; both may be spoilt.

    `style` is `keras3`, `keras3-h5` or `keras2`; `sequential` writes the list without joins.
    """

    def __init__(self, network="notebook-v2", *, sequential=False, style="keras3", side=SIDE, classes=CLASSES):
        self.style, self.sequential, self.network, self.side = style, sequential, network, side
        self.entries: list[dict[str, Any]] = []
        self.arrays: dict[str, dict[str, np.ndarray]] = {}
        shapes, draw = _planned_shapes(network, classes, side, side), np.random.default_rng(7)
        counts: Counter[str] = Counter()
        names = []
        for place, layer in enumerate(PLANS[network]):
            base = SNAKE.sub("_", layer.kind).lower()
            names.append(base if not counts[base] else f"{base}_{counts[base]}")
            counts[base] += 1
            settings = {"name": names[-1], **self._settings(layer, classes)}
            if layer.kind == "InputLayer":
                settings["batch_input_shape" if style == "keras2" else "batch_shape"] = [None, side, side, 3]
            entry = {"class_name": layer.kind, "config": settings, "name": names[-1]}
            entry["inbound_nodes"] = [self._joined([names[source] for source in layer.inputs])] if layer.inputs else []
            if style == "keras3":
                entry |= {"module": "keras.layers", "registered_name": None}
            if layer.kind == "SpatialSelfAttention":
                custom = {"module": "mine", "registered_name": "fingerspell>SpatialSelfAttention"}
                entry |= custom if style == "keras3" else {"class_name": "fingerspell>SpatialSelfAttention"}
            self.entries.append(entry)
            if place in shapes:
                made = {name: np.float32(0.1 * draw.normal(size=shape)) for name, shape in shapes[place].items()}
                self.arrays[names[-1]] = {k: np.abs(v) + 1 if "variance" in k else v for k, v in made.items()}

    def _settings(self, layer, classes):
        found = {key: list(value) if isinstance(value, tuple) else value for key, value in layer.settings.items()}
        if layer.kind == "Dense":
            found.setdefault("units", classes)
        if layer.kind == "MaxPooling2D":
            found |= {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid", "data_format": "channels_last"}
        if layer.kind == "Conv2D":
            found |= {"strides": [1, 1], "data_format": "channels_last", "dilation_rate": [1, 1], "use_bias": True}
        if layer.kind == "BatchNormalization":
            found |= {"epsilon": 0.001, "momentum": 0.99, "center": True, "scale": True}
            found["axis"] = [found["axis"]] if self.style == "keras2" else -1
        if RATE in layer.training:
            found["rate"] = layer.training[RATE]
        if layer.training.get(L2):
            found["kernel_regularizer"] = {"class_name": "L2", "config": {"l2": layer.training[L2]}}
        return found | {"trainable": True, "dtype": "float32"}

    def _joined(self, sources):
        if self.style == "keras2":
            return [[source, 0, 0, {}] for source in sources]
        tensors = [{"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}} for name in sources]
        return {"args": [tensors] if len(tensors) > 1 else tensors, "kwargs": {"training": None}}

    def entry(self, name):
        """The description of a layer."""
        return next(entry for entry in self.entries if entry["config"]["name"] == name)

    def set(self, layer, /, **settings):
        """Change a layer's settings."""
        self.entry(layer)["config"].update(settings)
        return self

    def insert(self, after, kind, name, **settings):
        """A further layer after another one of a chain, between it and what it led to."""
        entry = {"class_name": kind, "config": {"name": name, **settings}, "name": name}
        entry["inbound_nodes"] = [self._joined([after])]
        for other in self.entries:
            text = json.dumps(other["inbound_nodes"]).replace(f'["{after}", 0, 0', f'["{name}", 0, 0')
            other["inbound_nodes"] = json.loads(text)
        self.entries.insert(self.entries.index(self.entry(after)) + 1, entry)
        return self

    def config(self):
        """The description of the model."""
        entries = copy.deepcopy(self.entries)
        if not self.sequential:
            ends = ([[self.entries[0]["config"]["name"], 0, 0]], [[self.entries[-1]["config"]["name"], 0, 0]])
            settings = {"name": "model", "layers": entries, "input_layers": ends[0], "output_layers": ends[1]}
            return {"class_name": "Functional", "config": settings}
        for entry in entries:
            del entry["inbound_nodes"], entry["name"]
        if self.style == "keras2":  # without an entry for the input
            shape = entries.pop(0)["config"]["batch_input_shape"]
            entries[0]["config"]["batch_input_shape"] = shape
        return {"class_name": "Sequential", "config": {"name": "model", "layers": entries}}

    def weights(self, place, *, spoil=lambda file: None, **options):
        """The HDF5 part of a .keras file, or a .weights.h5."""
        order = {"query": 0, "key": 0, "value": 0, "": 0}
        with h5py.File(place, "w", **options) as file:
            for name, arrays in self.arrays.items():
                counts = dict(order)
                folder = self._folder(name)
                for variable, values in arrays.items():
                    part = variable.rpartition("/")[0]
                    file[f"layers/{folder}/{part + '/' if part else ''}vars/{counts[part]}"] = values
                    counts[part] += 1
            spoil(file)

    def _folder(self, name):
        """Keras 3 calls layers by class and number, whatever their names."""
        kind = self.entry(name)["class_name"]
        alike = [entry["config"]["name"] for entry in self.entries if entry["class_name"] == kind]
        base = SNAKE.sub("_", kind.rpartition(">")[2]).lower()
        return base if alike[0] == name else f"{base}_{alike.index(name)}"

    def keras(self, path: Path, *, config: bytes | None = None, spoil=lambda file: None, compression=0) -> Path:
        """A .keras file."""
        weights = io.BytesIO()
        self.weights(weights, spoil=spoil)
        with zipfile.ZipFile(path, "w", compression) as archive:
            archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
            archive.writestr("config.json", json.dumps(self.config()) if config is None else config)
            archive.writestr("model.weights.h5", weights.getvalue())
        return path

    def h5(self, path: Path, *, config: bytes | None = None, spoil=lambda file: None) -> Path:
        """A whole model as .h5."""
        ending = ":0" if self.style == "keras2" else ""
        with h5py.File(path, "w") as file:
            text = json.dumps(self.config()).encode() if config is None else config
            file.attrs["model_config"] = text
            file.attrs["keras_version"] = "2.15.0" if self.style == "keras2" else "3.15.1"
            for name, arrays in self.arrays.items():
                for variable, values in arrays.items():
                    file[f"model_weights/{name}/{name}/{variable}{ending}"] = values
            spoil(file)
        return path
