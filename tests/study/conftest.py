from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

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
