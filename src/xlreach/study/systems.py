"""The rows of a run's `systems.json`: in which folders the encoder and the indexes of each system are."""

from __future__ import annotations

from dataclasses import dataclass

from xlreach.system import System

SYSTEMS_FILE = "systems.json"


@dataclass(frozen=True)
class IndexRow:
    """The index of one language of a retrieval data set."""

    dataset: str
    language: str
    folder: str


@dataclass(frozen=True)
class SystemRow:
    """An encoder that retrieval was measured with, and its indexes; the folders are relative to the root."""

    system: System
    language: str | None
    seed: int | None
    encoder: str
    indexes: list[IndexRow]
