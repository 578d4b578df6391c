"""A network with all that its weights mean: labels and preprocessing travel in the same file.

The file is safetensors: tensors, and a JSON header. Nothing in it can be executed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from fingerspell.core.alphabet import LABELS
from fingerspell.core.durable import write_bytes
from fingerspell.core.errors import DataError, FingerspellError
from fingerspell.core.preprocess import PreprocessSpec
from fingerspell.lab.nets.blocks import Network
from fingerspell.lab.nets.registry import build

FORMAT = "fingerspell-weights/1"


@dataclass(frozen=True)
class Model:
    """A trained network and what its input and outputs are.

    Attributes:
        network: its name in the registry.
        labels: of the outputs, in order.
        preprocess: how a photo becomes its input.
        net: (N, 3, h, w) float32 → (N, len(labels)) logits.
    """

    network: str
    labels: tuple[str, ...]
    preprocess: PreprocessSpec
    net: Network

    @classmethod
    def fresh(cls, network: str, labels: tuple[str, ...], preprocess: PreprocessSpec) -> Model:
        """A model with newly drawn weights (from torch's current random state)."""
        net = build(network, len(labels), preprocess.height, preprocess.width)
        return cls(network, labels, preprocess, net)

    def save(self, path: Path) -> None:
        """Write weights, labels and preprocessing to one safetensors file, atomically."""
        header = {
            "format": FORMAT,
            "network": self.network,
            "labels": json.dumps(self.labels),
            "preprocess": json.dumps(self.preprocess.as_dict()),
        }
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in self.net.state_dict().items()}
        write_bytes(path, save(tensors, metadata=header))

    @classmethod
    def load(cls, path: Path) -> Model:
        """Read what `save` wrote.

        Raises:
            DataError: absent, damaged, or not weights of ours.
        """
        try:
            with safe_open(path, framework="pt") as file:
                header = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}
            if header.get("format") != FORMAT:
                raise ValueError(f"its format is {header.get('format')!r}, not {FORMAT!r}")
            labels = tuple(json.loads(header["labels"]))
            if not set(labels) <= set(LABELS) or len(set(labels)) != len(labels):
                raise ValueError("its labels are not of the alphabet")
            spec = PreprocessSpec.from_dict(json.loads(header["preprocess"]))
            with torch.random.fork_rng(devices=[]):
                model = cls.fresh(header["network"], labels, spec)
            model.net.load_state_dict(tensors)
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, RuntimeError, FingerspellError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0]
            raise DataError(
                f"{path} cannot be read as weights: {reason}",
                expected="the weights.safetensors of a run",
                remedy="check the path, or train again",
            ) from error
        model.net.eval()
        return model
