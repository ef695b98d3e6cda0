"""The number format that a tagger computes in on this machine: it changes the speed, and the last digits of scores.

Nothing here imports torch unless there is a GPU driver, so that a plan can ask it for every encoder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from xlreach.compute.precision import fast_bfloat16, has_gpu
from xlreach.errors import ModelError
from xlreach.safe_io import read_json
from xlreach.tagging.presets import Preset

_NARROW = 128  # below it casting costs more than bfloat16 products save (on a CPU with AMX)


def resolved_precision(width: int, preset: Preset) -> Literal["float32", "bfloat16"]:
    """The number format that an encoder of that hidden size computes in on this machine.

    Machines and encoders differ in it, and scores then differ slightly, so it belongs in the key of cached results.
    """
    if preset.precision != "auto":
        return preset.precision
    device = "cuda" if has_gpu() else "cpu"
    return "bfloat16" if (device == "cuda" or width >= _NARROW) and fast_bfloat16(device) else "float32"


def encoder_width(encoder: Path) -> int:
    """The hidden size in an encoder folder's `config.json`.

    Raises:
        ModelError: There is no readable `config.json`.
    """
    config = read_json(encoder / "config.json", ModelError)
    # BERT's relatives and DistilBERT name it so; an encoder with another name counts as wide.
    return int(config.get("hidden_size") or config.get("dim") or _NARROW)
