"""Everything that going on needs, in one safetensors file that is replaced whole or not at all.

Tensors: the network's (`net.`), the optimiser's moments (`opt.`), averaged weights (`avg.`) where there are some. The
header holds the rest as JSON: position in the epoch, running sums, early stopping, schedule, and the journal's length.
Random numbers need no state: augmentation, order and dropout follow from (seed, epoch, step).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from fingerspell.core.durable import write_bytes
from fingerspell.core.errors import TrainingError
from fingerspell.lab.training.average import WeightAverage
from fingerspell.lab.training.optimizer import load_moments, moments

FORMAT = "fingerspell-checkpoint/1"


def save_checkpoint(
    path: Path, net: nn.Module, optimizer: torch.optim.Optimizer, average: WeightAverage, state: dict[str, Any]
) -> None:
    """Replace the checkpoint atomically. `state` must be JSON-ready; floats are kept to the last bit."""
    tensors = {f"net.{name}": tensor for name, tensor in net.state_dict().items()}
    tensors |= {f"opt.{name}": tensor for name, tensor in moments(optimizer).items()}
    tensors |= {f"avg.{name}": tensor for name, tensor in average.tensors.items()}
    cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(path, save(cpu, metadata={"format": FORMAT, "state": json.dumps(state)}))


def load_checkpoint(
    path: Path, net: nn.Module, optimizer: torch.optim.Optimizer, average: WeightAverage
) -> dict[str, Any]:
    """Put network, optimiser and averaged weights back as they were. Returns the state.

    Raises:
        TrainingError: damaged, or of another network.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT:
                raise ValueError(f"its format is {header.get('format')!r}, not {FORMAT!r}")
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}
            state: dict[str, Any] = json.loads(header["state"])
        net.load_state_dict({name[4:]: tensor for name, tensor in tensors.items() if name.startswith("net.")})
        average.load({name[4:]: tensor for name, tensor in tensors.items() if name.startswith("avg.")})
        load_moments(optimizer, {name[4:]: tensor for name, tensor in tensors.items() if name.startswith("opt.")})
    except (OSError, SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise TrainingError(
            f"{path} cannot be read as a checkpoint: {str(error).splitlines()[0]}",
            expected="the checkpoint of this run",
            remedy="delete it to begin this run again from its first epoch",
        ) from error
    return state
