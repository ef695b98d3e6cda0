from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from xlreach.compute import precision
from xlreach.compute.precision import choose_dtype, cpu_flags, fast_bfloat16


@pytest.fixture
def cpu_info(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file in place of the system's, read again by each test."""
    monkeypatch.setattr(precision, "_CPU_INFO", tmp_path / "cpuinfo")
    cpu_flags.cache_clear()
    yield tmp_path / "cpuinfo"
    cpu_flags.cache_clear()


@pytest.mark.parametrize(
    ("flags", "fast"), [("fpu avx2 amx_bf16", True), ("avx512_bf16", True), ("fpu avx2 avx512f", False), ("", False)]
)
def test_flags_decide_the_format(cpu_info: Path, flags: str, fast: bool) -> None:
    cpu_info.write_text(f"model name\t: made up amx_bf16\nflags\t\t: {flags}\n", "utf-8")
    assert cpu_flags() == frozenset(flags.split())
    assert fast_bfloat16("cpu") is fast
    assert choose_dtype("auto", "cpu") == (torch.bfloat16 if fast else torch.float32)
    assert choose_dtype("bfloat16", "cpu") == torch.bfloat16 and choose_dtype("float32", "cpu") == torch.float32


def test_other_systems_and_devices_have_no_fast_bfloat16(cpu_info: Path) -> None:
    assert cpu_flags() == frozenset() and not fast_bfloat16("cpu")  # there is no such file
    cpu_info.write_text("flags : amx_bf16", "utf-8")
    assert not fast_bfloat16("mps")


def test_a_plan_asks_without_torch() -> None:
    code = (
        "import sys; from pathlib import Path; from xlreach.compute import precision; "
        "precision._NVIDIA_DRIVER = Path('nowhere'); precision.fast_bfloat16(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
