"""What a training computes in."""

from __future__ import annotations

import contextlib
from pathlib import Path

import torch


def choose_dtype(wanted: str, device: torch.device) -> torch.dtype:
    """`auto` is bfloat16 where the processor multiplies matrices in it, else float32."""
    if wanted != "auto":
        return {"bfloat16": torch.bfloat16, "float32": torch.float32}[wanted]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    with contextlib.suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text("utf-8", errors="replace")
        if "amx_bf16" in flags or "avx512_bf16" in flags:
            return torch.bfloat16
    return torch.float32
