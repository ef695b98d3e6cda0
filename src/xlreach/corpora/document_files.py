"""A user's file as documents or queries: one a line, or JSON lines with `_id` (or `id`), `text` and perhaps `title`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xlreach.corpora.collection import Document
from xlreach.corpora.formats.lines import numbered_lines
from xlreach.errors import DataError
from xlreach.safe_io import parse_json


def read_documents(path: Path, language: str) -> Iterator[Document]:
    """The documents of a file, streaming; a plain line's id is `<language>-<line number>`.

    Raises:
        DataError: The file is missing, empty or damaged, or a JSON line lacks a field.
    """
    for number, fields in _items(path):
        name = fields.get("_id", fields.get("id", f"{language}-{number}"))
        yield Document(name, language, fields["text"], fields.get("title", ""))


def read_queries(path: Path) -> list[tuple[str, str]]:
    """(id, text) of the queries of a file; a plain line's id is its number.

    Raises:
        DataError: As `read_documents`.
    """
    return [(fields.get("_id", fields.get("id", str(number))), fields["text"]) for number, fields in _items(path)]


def read_ids(path: Path) -> list[str]:
    """The document ids of a file: one a line, or the `_id` (or `id`) of each JSON line.

    Raises:
        DataError: The file is missing or damaged, holds no id, or a JSON line has none.
    """
    found = []
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        if path.suffix != ".jsonl":
            found.append(line.strip())
            continue
        fields = parse_json(line, path, number)
        name = fields.get("_id", fields.get("id")) if isinstance(fields, dict) else None
        if name is None:
            raise DataError("No field '_id'.", expected="Expected an object with _id.", path=path, line=number)
        found.append(str(name))
    if not found:
        raise DataError("There is nothing in the file.", expected="Expected an id a line.", path=path)
    return found


def _items(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    as_json, found = path.suffix == ".jsonl", False
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        found = True
        if not as_json:
            yield number, {"text": line.strip()}
            continue
        fields = parse_json(line, path, number)
        if not isinstance(fields, dict) or not isinstance(fields.get("text"), str):
            raise DataError(
                "No field 'text'.", expected="Expected an object with _id and text.", path=path, line=number
            )
        yield number, {name: str(value) for name, value in fields.items() if value is not None}
    if not found:
        raise DataError("There is nothing in the file.", expected="Expected a text a line.", path=path)
