"""Tables as the hub stores them: Parquet or JSON-lines files by configuration and split.

Which file belongs to which is read from the data set card (`configs:` in `README.md`) where it says so, else from the
path: `<config>/<split>-00000-of-00001.parquet`, `<config>/<split>/0000.parquet`, `<split>-….parquet`. No script is run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from xlreach.corpora.formats.lines import numbered_lines
from xlreach.errors import DataError
from xlreach.safe_io import parse_json, parse_yaml

Tables = dict[str, dict[str, list[Path]]]
_ENDINGS = (".parquet", ".jsonl")
# datasets and the hub write validation for dev.
_SPLIT_NAMES = {"validation": "dev", "valid": "dev", "val": "dev"}
_SHARD = re.compile(r"(-\d{5}-of-\d{5}(-\w+)?|_\d+)?$")
_MOST_GROUP, _MOST_TIMES = 1 << 30, 200  # bytes of a row group, and times the file: more is a bomb
_NO_CONFIG = ("data", "default", "")


def tables_of(folder: Path) -> Tables:
    """The data files of a copy of a hub repository, by configuration (`default` where it has none) and split."""
    return _from_card(folder) or _from_paths(folder)


def rows_of(paths: list[Path], columns: list[str] | None = None) -> Iterator[tuple[Path, int, dict[str, Any]]]:
    """(file, number from 1, row) of the rows of files, streaming.

    Args:
        paths: Files of one table.
        columns: The columns to read; all where None.

    Raises:
        DataError: A file is damaged, or a row lacks a column.
    """
    for path in paths:
        rows = _json_rows(path) if path.suffix == ".jsonl" else _parquet_rows(path, columns)
        for number, row in enumerate(rows, 1):
            for column in columns or ():
                if column not in row:
                    raise DataError(f"A row without the column {column!r}.", path=path, line=number)
            yield path, number, row


@contextmanager
def expecting(what: str, path: Path, number: int) -> Iterator[None]:
    """Says of a row that cannot be taken apart what it should have been.

    Raises:
        DataError: In place of the error of a wrong type or a missing part.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"Not {what} ({type(error).__name__}: {error}).", path=path, line=number) from error


def columns_of(path: Path) -> tuple[str, ...]:
    """The names of a table's columns."""
    if path.suffix == ".jsonl":
        return tuple(next(_json_rows(path), {}))
    return tuple(_open(path).schema_arrow.names)


@lru_cache(maxsize=256)
def class_names(path: Path, column: str) -> tuple[str, ...] | None:
    """The labels of a class-label column, from the metadata that `datasets` writes; None where there are none."""
    if path.suffix == ".jsonl":
        return None
    metadata = _open(path).schema_arrow.metadata or {}
    with expecting("the metadata of a data set", path, 1):
        features = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
        feature = features.get(column, {})
        feature = feature.get("feature", feature) if isinstance(feature, dict) else feature[0]
        names = feature.get("names") if isinstance(feature, dict) else None
        return tuple(map(str, names)) if names else None


def _from_card(folder: Path) -> Tables:
    card = folder / "README.md"
    if not card.is_file():
        return {}
    front = re.match(r"---\n(.*?)\n---", card.read_text("utf-8", errors="replace").replace("\r\n", "\n"), re.DOTALL)
    metadata = parse_yaml(front[1], card) if front else None
    found: Tables = {}
    with expecting("a data set card", card, 1):
        for config in (metadata or {}).get("configs") or ():
            files = config.get("data_files") or []
            if isinstance(files, str):
                files = [{"split": "train", "path": files}]
            for one in files:
                patterns = one["path"] if isinstance(one["path"], list) else [one["path"]]
                paths = sorted({path for pattern in patterns for path in _glob(folder, str(pattern), card)})
                if paths:
                    split = str(one["split"])
                    found.setdefault(str(config["config_name"]), {})[_SPLIT_NAMES.get(split, split)] = paths
    return found


def _glob(folder: Path, pattern: str, card: Path) -> list[Path]:
    """The data files of a pattern; a card may not lead out of its folder, by `..` or by a link."""
    if ".." in Path(pattern).parts or Path(pattern).is_absolute():
        raise DataError(f"The pattern {pattern!r} leads out of the folder.", path=card)
    here = folder.resolve()
    found = [path for path in folder.glob(pattern) if path.suffix in _ENDINGS and path.is_file()]
    # The hub's own cache keeps a snapshot's files as links into its blobs, two levels up.
    allowed = (here, here.parent.parent / "blobs") if here.parent.name == "snapshots" else (here,)
    for path in found:
        if not any(path.resolve().is_relative_to(one) for one in allowed):
            raise DataError(f"{path.name} is a link that leads out of the folder.", path=path)
    return found


def _from_paths(folder: Path) -> Tables:
    found: Tables = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix not in _ENDINGS or not path.is_file():
            continue
        *parents, _ = path.relative_to(folder).parts
        stem = _SHARD.sub("", path.stem)
        if path.stem.isdigit() and parents:
            # <config>/<split>/0000.parquet, as on the branch refs/convert/parquet
            stem = parents.pop()
        config = "/".join(parents)
        if config in _NO_CONFIG:
            config = "default"
        found.setdefault(config, {}).setdefault(_SPLIT_NAMES.get(stem, stem), []).append(path)
    return found


def _open(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path)
        groups = [table.metadata.row_group(at).total_byte_size for at in range(table.metadata.num_row_groups)]
        if max(groups, default=0) > max(_MOST_GROUP, _MOST_TIMES * path.stat().st_size):
            raise DataError(f"Would unpack to {max(groups) >> 20} MiB at a time.", path=path)
        return table
    except OSError as error:
        raise DataError(f"Cannot be read ({error}).", path=path) from error
    except (ValueError, pa.ArrowException) as error:
        raise DataError("Not a Parquet file, or a damaged one.", path=path) from error


def _parquet_rows(path: Path, columns: list[str] | None) -> Iterator[dict[str, Any]]:
    import pyarrow as pa

    table = _open(path)
    known = None if columns is None else [one for one in columns if one in table.schema_arrow.names]
    try:
        for batch in table.iter_batches(batch_size=1024, columns=known):
            yield from batch.to_pylist()
    except (OSError, ValueError, OverflowError, pa.ArrowException) as error:
        raise DataError(f"A damaged Parquet file ({error}).", path=path) from error


def _json_rows(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in numbered_lines(path):
        if line.strip():
            row = parse_json(line, path, number)
            if not isinstance(row, dict):
                raise DataError("Not a JSON object.", path=path, line=number)
            yield row
