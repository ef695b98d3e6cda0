"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def corpora_root() -> Path:
    """The development corpora, or a skip where `XLREACH_DATA` names none."""
    root = os.environ.get("XLREACH_DATA")
    if not root:
        pytest.skip("XLREACH_DATA names no folder of corpora")
    return Path(root)
