"""Reads documents, queries or ids from a user's file: one a line, or JSON lines (`_id`, `text`, `title`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xlreach.corpora.collection import Document
from xlreach.corpora.formats.json_lines import read_json_lines
from xlreach.corpora.formats.lines import numbered_lines
from xlreach.errors import DataError


def read_documents(path: Path, language: str) -> Iterator[Document]:
    """The documents of a file, streaming; a plain line's id is `<language>-<line number>`."""
    for number, fields in _rows(path):
        yield Document(_identifier(fields) or f"{language}-{number}", language, fields["text"], fields.get("title", ""))


def read_queries(path: Path) -> list[tuple[str, str]]:
    """(id, text) of the queries of a file; a plain line's id is its number."""
    return [(_identifier(fields) or str(number), fields["text"]) for number, fields in _rows(path)]


def read_ids(path: Path) -> list[str]:
    """The document ids of a file: one a line, or the `_id` (or `id`) of each JSON line."""
    return [_identifier(fields) for _, fields in _rows(path, "_id")]


def _identifier(fields: dict[str, str]) -> str:
    return fields.get("_id", fields.get("id", ""))


def _rows(path: Path, needed: str = "text") -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, fields) of a file; a plain line has only the field that is needed."""
    empty, as_json = True, path.suffix == ".jsonl"
    for number, row in read_json_lines(path) if as_json else numbered_lines(path):
        if isinstance(row, str):
            row = {needed: row.strip()} if row.strip() else {}
        elif not (isinstance(row.get("text"), str) if needed == "text" else row.get("_id", row.get("id")) is not None):
            expected = "Expected an object with _id and text."
            raise DataError(f"No field {needed!r}.", expected=expected, path=path, line=number)
        if row:
            empty = False
            yield number, {name: str(value) for name, value in row.items() if value is not None}
    if empty:
        raise DataError("There is nothing in the file.", expected=f"Expected one {needed} a line.", path=path)
