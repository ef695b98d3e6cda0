"""The number format that models compute in: bfloat16 where the hardware multiplies it fast, else float32.

Importing this loads no torch, so that a plan can ask which format a stage would use.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_CPU_INFO = Path("/proc/cpuinfo")
_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
_FAST_BFLOAT16 = {"amx_bf16", "avx512_bf16"}


@functools.cache
def cpu_flags() -> frozenset[str]:
    """The features that Linux reports of the processor (`avx2`, `amx_bf16`); empty on other systems."""
    try:
        lines = _CPU_INFO.read_text("utf-8", "replace").splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())


def fast_bfloat16(device: str | None = None) -> bool:
    """Whether a device (`cpu`, `cuda`; None: the GPU, if there is one) multiplies bfloat16 faster than float32."""
    if device is None:
        device = "cuda" if has_gpu() else "cpu"
    if device == "cuda":
        import torch

        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device == "cpu" and not _FAST_BFLOAT16.isdisjoint(cpu_flags())


def choose_dtype(wanted: str, device: str) -> torch.dtype:
    """The torch dtype of the forward pass: `bfloat16`, `float32`, or for `auto` bfloat16 where it is fast."""
    import torch

    if wanted == "auto":
        wanted = "bfloat16" if fast_bfloat16(device) else "float32"
    return torch.bfloat16 if wanted == "bfloat16" else torch.float32


def has_gpu() -> bool:
    """Whether torch can use a GPU; torch is loaded only where a driver is installed."""
    if not _NVIDIA_DRIVER.is_file():
        return False
    import torch

    return torch.cuda.is_available()
