"""The state of a training run as one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from xlreach.store import replacing

_FILE = "training.safetensors"


@dataclass(frozen=True)
class State:
    """What a checkpoint says beside the weights it put in place: the progress so far and the best weights."""

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
    """Writes weights, optimizer, random state, best weights and progress, replacing the file whole."""
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
    """Puts a checkpoint's state in place; None where there is none, or one of another run or version."""
    path = folder / _FILE
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as stream:
            metadata = stream.metadata() or {}
            if metadata.get("identity") != identity:
                return None
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 (no dict)
    except SafetensorError:
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


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(prefix + ".")}
