"""Fixtures of the tagging tests; what they are made by is in `tagging_toys`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

from tagging_toys import InMemory, toy_entities, toy_trees, unigram_encoder, wordpiece_encoder


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """One thread: results and times do not depend on the machine's load."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wordpiece_encoder(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="session")
def xlmr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unigram_encoder(tmp_path_factory.mktemp("xlmr"))


@pytest.fixture(scope="session", params=["bert", "xlmr"])
def encoder(request: pytest.FixtureRequest) -> Path:
    """Each family in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def trees() -> InMemory:
    return InMemory("ud:toy", "mt", train=toy_trees(150, 1), dev=toy_trees(20, 2), test=toy_trees(30, 3))


@pytest.fixture(scope="session")
def entities() -> InMemory:
    return InMemory("ner:toy", "mt", train=toy_entities(150, 1), dev=toy_entities(20, 2), test=toy_entities(30, 3))
