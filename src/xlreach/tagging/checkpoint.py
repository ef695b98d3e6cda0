"""Safetensors files of taggers: the state of a training run, and reading any of them with its metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from xlreach.store import replacing

_FILE = "training.safetensors"


class State(NamedTuple):
    """What a checkpoint holds beside the state of model and optimizer: the progress and the best weights."""

    progress: dict[str, Any]
    best: dict[str, Tensor]


def save_checkpoint(
    folder: Path,
    identity: str,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    best: Mapping[str, Tensor],
    progress: Mapping[str, Any],
) -> None:
    """Writes weights, optimizer, random state, best weights and progress, replacing the file as a whole."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in state.items()}
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    metadata = {"identity": identity, "progress": json.dumps(dict(progress))}
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / _FILE) as path:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, path, metadata)


def load_checkpoint(folder: Path, identity: str, model: nn.Module, optimizer: torch.optim.Optimizer) -> State | None:
    """Restores the state of model, optimizer and random numbers; None if there is no readable checkpoint of the run."""
    try:
        metadata, tensors = read_tensors(folder / _FILE)
    except (FileNotFoundError, SafetensorError):
        return None
    if metadata.get("identity") != identity:
        return None
    model.load_state_dict(_below("model", tensors))
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _below("optimizer", tensors).items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])
    return State(json.loads(metadata["progress"]), _below("best", tensors))


def read_tensors(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The metadata and the tensors of a safetensors file.

    Raises:
        OSError, SafetensorError: The file is missing or damaged.
    """
    with safe_open(path, framework="pt") as stream:
        names = stream.keys()
        return stream.metadata() or {}, {name: stream.get_tensor(name) for name in names}


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(prefix + ".")}
