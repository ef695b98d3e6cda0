"""Reads documents, queries or ids from a user's file: one per line, JSON lines (`_id`, `text`, `title`), TSV or CSV.

Its name says what it is, else its first line. Tables begin with the names of columns, or hold ids and texts.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xlreach.corpora.collection import Document
from xlreach.corpora.formats.json_lines import read_json_lines
from xlreach.corpora.formats.lines import PACKED_SUFFIXES, numbered_lines, packing
from xlreach.errors import DataError, located
from xlreach.safe_io import parse_json

csv.field_size_limit(1 << 30)
_KINDS = {".jsonl": "json", ".ndjson": "json", ".json": "json", ".tsv": "\t", ".csv": ",", ".txt": "text"}


def read_documents(path: Path, language: str) -> Iterator[Document]:
    """The documents of a file, streaming; a plain line's id is `<language>-<line number>`."""
    for number, fields in _rows(path):
        yield Document(_identifier(fields) or f"{language}-{number}", language, fields["text"], fields.get("title", ""))


def read_queries(path: Path) -> list[tuple[str, str]]:
    """(id, text) of the queries of a file; a plain line's id is its number."""
    queries: dict[str, str] = {}
    for number, fields in _rows(path):
        identifier = _identifier(fields) or str(number)
        if identifier in queries:
            raise DataError(f"The query id {identifier!r} is given twice.", path=path, line=number)
        queries[identifier] = fields["text"]
    return list(queries.items())


def read_ids(path: Path) -> list[str]:
    """The document ids of a file: a line, the `_id` (or `id`) of a JSON object, or the first column of a table each."""
    return [_identifier(fields) for _, fields in _rows(path, "_id")]


def is_plain_text(path: Path) -> bool:
    """Whether a file holds one text per line, as it is."""
    return not packing(path) and _kind(path) == "text"


def _kind(path: Path) -> str:
    """`json`, `text`, or the character between the columns of a table."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in PACKED_SUFFIXES]
    if kind := _KINDS.get(suffixes[-1] if suffixes else ""):
        return kind
    return "json" if _is_object(next((line for _, line in numbered_lines(path) if line.strip()), "")) else "text"


def _is_object(line: str) -> bool:
    try:
        return line.lstrip().startswith("{") and isinstance(parse_json(line), dict)
    except DataError:
        return False


def _identifier(fields: dict[str, str]) -> str:
    return fields.get("_id", fields.get("id", ""))


def _rows(path: Path, needed: str = "text") -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, fields) of a file; a plain line has only the field that is needed."""
    empty, kind = True, _kind(path)
    rows = read_json_lines(path) if kind == "json" else _lines(path, needed) if kind == "text" else _table(path, kind)
    for number, row in rows:
        with located(path, number):
            wanted = row.get("text") if needed == "text" else row.get("_id", row.get("id"))
            if wanted is None or (needed == "text" and not isinstance(wanted, str)):
                raise DataError(f"No field {needed!r}.", expected="Expected _id and text.")
        empty = False
        yield number, {name: str(value) for name, value in row.items() if value is not None}
    if empty:
        raise DataError("There is nothing in the file.", expected=f"Expected one {needed} per line.", path=path)


def _lines(path: Path, needed: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in numbered_lines(path):
        if _is_object(line):
            raise DataError("A JSON object, not a text.", fix="Name the file ….jsonl.", path=path, line=number)
        if line.strip():
            yield number, {needed: line.strip()}


def _table(path: Path, delimiter: str) -> Iterator[tuple[int, dict[str, Any]]]:
    lines, names = (f"{line}\n" for _, line in numbered_lines(path)), list[str]()
    reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL)
    for fields in filter(any, reader):
        if not names:
            names = [field.strip().lower() for field in fields]
            if {"_id", "id", "text"} & set(names):
                continue
            names = ["_id", "text"][: len(fields)]
        with located(path, reader.line_num):
            if len(fields) != len(names):
                raise DataError(f"{len(fields)} columns.", expected=f"Expected {', '.join(names)}, or names in line 1.")
        yield reader.line_num, dict(zip(names, fields, strict=True))
