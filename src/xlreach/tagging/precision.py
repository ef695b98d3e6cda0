"""What a tagger multiplies in on this machine: it changes speed, and the last digits of every figure.

Nothing here imports torch unless there is a GPU driver, so that a plan can ask it of every encoder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from xlreach.adapt.encoder import is_static
from xlreach.errors import ModelError
from xlreach.tagging.presets import Preset, check_preset

Precision = Literal["float32", "bfloat16"]
_NARROW = 128  # below it casting costs more than bfloat16 products save (on a CPU with AMX)
_DRIVER = Path("/proc/driver/nvidia/version")


def resolved_precision(encoder: Path | int, preset: Preset | str) -> Precision:
    """What `run_tagging` will multiply in with this encoder here, as its `training.json` records.

    Two machines, or two encoders, may differ in it, and figures then differ slightly: a key of kept results should
    have it.

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
    if _DRIVER.is_file():
        import torch

        if torch.cuda.is_available():
            return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bfloat16" if width >= _NARROW and _cpu_multiplies_bfloat16() else "float32"


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


def _cpu_multiplies_bfloat16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags
