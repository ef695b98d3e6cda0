"""The number format that a tagger computes in on this machine: it changes the speed, and the last digits of scores.

Nothing here imports torch unless there is a GPU driver, so that a plan can ask it of every encoder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from xlreach.adapt.encoder import is_static
from xlreach.compute.precision import fast_bfloat16, has_gpu
from xlreach.errors import ModelError
from xlreach.tagging.presets import Preset, check_preset

Precision = Literal["float32", "bfloat16"]
_NARROW = 128  # below it casting costs more than bfloat16 products save (on a CPU with AMX)


def resolved_precision(encoder: Path | int, preset: Preset | str) -> Precision:
    """The number format that `run_tagging` will use with this encoder on this machine, as its `training.json` records.

    Machines and encoders differ in it, and scores then differ slightly, so it belongs in the key of cached results.

    Args:
        encoder: An encoder folder, of which only `config.json` is read, or its hidden size.
        preset: How to train, by name or value.

    Returns:
        `float32` or `bfloat16`.

    Raises:
        ModelError: The folder has no readable `config.json`.
        ConfigError: The preset does not exist.
    """
    if isinstance(encoder, Path) and is_static(encoder):
        return "float32"
    asked = (check_preset(preset) if isinstance(preset, str) else preset).precision
    if asked != "auto":
        return asked
    width = encoder if isinstance(encoder, int) else encoder_width(encoder)
    device = "cuda" if has_gpu() else "cpu"
    return "bfloat16" if (device == "cuda" or width >= _NARROW) and fast_bfloat16(device) else "float32"


def encoder_width(encoder: Path) -> int:
    """The hidden size that an encoder folder's `config.json` names.

    Raises:
        ModelError: There is no readable `config.json`.
    """
    path = encoder / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"The encoder's configuration cannot be read ({error}).", path=path) from error
    # The names that BERT's relatives and DistilBERT have for it; one with another name is taken for a wide one.
    return int(config.get("hidden_size") or config.get("dim") or _NARROW)
