"""Small families, written once a session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xlreach.corpora.artificial import ARTIFICIAL, Artificial, generate

SIZES = {
    "high": 300, "text": 200, "treebank": 120, "entities": 80, "test": 40, "parallel": 60,
    "passages": 40, "questions": 30, "train_questions": 40,
}  # fmt: skip


def small(*factors: str) -> Artificial:
    arguments = {key: str(size) for key, size in SIZES.items()} | dict(one.split("=") for one in factors)
    return ARTIFICIAL.parse(f"artificial({','.join(f'{key}={value}' for key, value in arguments.items())})")


@pytest.fixture(scope="session")
def family_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Gives the root of a small family with some factors changed: `family_of("order=SOV")`."""
    made: dict[tuple[str, ...], Path] = {}

    def root(*factors: str) -> Path:
        if factors not in made:
            made[factors] = tmp_path_factory.mktemp("artificial") / "root"
            generate(small(*factors), made[factors], progress=False)
        return made[factors]

    return root


@pytest.fixture(scope="session")
def root(family_of: Callable[..., Path]) -> Path:
    """The small family with default factors."""
    return family_of()
