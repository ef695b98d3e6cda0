"""What this machine and installation can do, what is missing, and how to get it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from xlreach.compute.precision import cpu_flags, fast_bfloat16

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)[^;]*(?:;\s*extra\s*==\s*['\"]([\w-]+)['\"])?")


@dataclass(frozen=True)
class Finding:
    """One thing looked at: how it stands, and what to do where it is not as it should be."""

    topic: str
    state: Literal["ok", "optional", "missing"]
    detail: str
    fix: str = ""


def examine() -> list[Finding]:
    """Looks at packages, processor, memory, disk, accelerator and data."""
    return [*_packages(), *_machine(), _accelerator(), _data()]


def _packages() -> list[Finding]:
    findings = []
    for requirement in importlib.metadata.requires("xlreach") or []:
        match = _REQUIREMENT.match(requirement)
        if match is None or match[2] == "dev":
            continue
        name, extra = match[1], match[2]
        try:
            findings.append(Finding(name, "ok", importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            fix = f"pip install 'xlreach[{extra}]'" if extra else f"pip install {name}"
            findings.append(Finding(name, "optional" if extra else "missing", "not installed", fix))
    return findings


def _machine() -> list[Finding]:
    memory, disk = psutil.virtual_memory(), shutil.disk_usage(Path.cwd())
    flags, bf16 = cpu_flags(), fast_bfloat16("cpu")
    fast = [name for name in ("amx_bf16", "avx512_bf16", "avx512_fp16", "avx512f", "avx2") if name in flags]
    return [
        Finding("python", "ok", platform.python_version()),
        Finding("processor", "ok", f"{os.cpu_count()} cores, {len(os.sched_getaffinity(0))} usable, {' '.join(fast)}"),
        Finding(
            "bf16 on the processor",
            "ok" if bf16 else "optional",
            "yes: training and encoding use it" if bf16 else "no: everything runs in fp32",
        ),
        Finding("memory", "ok", f"{memory.total / 2**30:.0f} GiB, {memory.available / 2**30:.0f} GiB free"),
        Finding(
            "disk",
            "ok" if disk.free > 5 * 2**30 else "missing",
            f"{disk.free / 2**30:.0f} GiB free here",
            "" if disk.free > 5 * 2**30 else "Free some space, or run with --root on another disk.",
        ),
    ]


def _accelerator() -> Finding:
    import torch

    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count()))
        return Finding("accelerator", "ok", names)
    if torch.backends.mps.is_available():
        return Finding("accelerator", "ok", "Apple MPS")
    return Finding("accelerator", "optional", "none: small encoders train on the processor, base-size ones slowly")


def _data() -> Finding:
    root = os.environ.get("XLREACH_DATA")
    if not root:
        return Finding(
            "corpora",
            "optional",
            "XLREACH_DATA is not set: artificial() languages work without",
            "export XLREACH_DATA=DIR",
        )
    if not Path(root).is_dir():
        return Finding("corpora", "missing", f"XLREACH_DATA is {root}, which is no folder", "Correct or unset it.")
    held = [name for name in ("raw", "ud", "ner", "parallel", "qa", "retrieval") if (Path(root) / name).is_dir()]
    return Finding("corpora", "ok", f"{root}: {', '.join(held) or 'nothing known'}")
