from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlreach.measurement import read_measurements
from xlreach.study.config import StudyConfig, load_config
from xlreach.study.paths import StudyPaths
from xlreach.study.plan import Plan
from xlreach.study.run import prepare


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a configuration file."""

    def write_config(text: str) -> Path:
        path = tmp_path / "study.yaml"
        path.write_text(text, "utf-8")
        return path

    return write_config


@pytest.fixture
def planned(tiny) -> Callable[..., Plan]:
    """The plan of the tiny study with overrides, on its own store or on a data folder."""

    def plan(*overrides: str, data: Path | None = None) -> Plan:
        given = [*overrides, *([f"data={data}"] if data else [])]
        return prepare(load_config(tiny.config, given), StudyPaths(tiny.root))

    return plan


@pytest.fixture
def loaded(tiny) -> Callable[..., StudyConfig]:
    """The configuration of the tiny study with overrides."""
    return lambda *overrides: load_config(tiny.config, overrides)


@pytest.fixture
def figures() -> Callable[[Path], list[Any]]:
    """What the tiny study below a root measured, without its costs."""
    return lambda root: [row for row in read_measurements(root / "runs/tiny/results.jsonl") if row.kind != "cost"]


@pytest.fixture
def files() -> Callable[[Path], dict[str, bytes]]:
    """Encoders, taggers and indexes below a root, byte for byte."""

    def read(root: Path) -> dict[str, bytes]:
        kept = root / "artifacts"
        return {
            str(path.relative_to(kept)): path.read_bytes()
            for path in kept.rglob("*")
            if path.is_file() and path.name != "artifact.json" and ".locks" not in path.parts
        }

    return read
