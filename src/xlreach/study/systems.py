"""The rows of a run's `systems.json`: in which folders the encoder and the indexes of each system are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from xlreach.errors import DataError
from xlreach.safe_io import read_json
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


def read_systems(path: Path) -> list[SystemRow]:
    """The rows of a `systems.json`, none where there is no such file. Their folders may be anywhere.

    Raises:
        DataError: The file is not as a study writes it.
    """
    try:
        return TypeAdapter(list[SystemRow]).validate_python(read_json(path) if path.is_file() else [])
    except ValidationError as error:
        raise DataError(
            f"Not a list of systems ({error.errors()[0]['msg']}).",
            expected="Expected system, language, seed, encoder and indexes in each row.",
            fix="Run the study again.",
            path=path,
        ) from error
