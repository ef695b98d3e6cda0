"""JSON lines: a JSON object on each line, as retrieval collections are published."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from xlreach.corpora.formats.lines import numbered_lines
from xlreach.errors import DataError, located
from xlreach.safe_io import parse_json

T = TypeVar("T")


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number from 1, object) of the lines that are not blank, streaming."""
    for number, line in numbered_lines(path):
        if line.strip():
            row = parse_json(line, path, number)
            if not isinstance(row, dict):
                raise DataError("Not a JSON object.", path=path, line=number)
            yield number, row


def parse_json_lines(path: Path, parse: Callable[[dict[str, Any]], T]) -> Iterator[tuple[int, T]]:
    """(line number, parsed object) of each object, streaming; errors that `parse` raises get file and line."""
    for number, row in read_json_lines(path):
        with located(path, number):
            value = parse(row)
        yield number, value


def write_json_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes one object per line, UTF-8 with LF."""
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
