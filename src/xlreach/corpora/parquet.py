"""Tables as the hub stores them: Parquet or JSON-lines files by configuration and split.

Which file belongs to which is read from the data set card (`configs:` in `README.md`) where it says so, else from the
path: `<config>/<split>-00000-of-00001.parquet`, `<config>/<split>/0000.parquet`, `<split>-….parquet`. No script is run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from xlreach.corpora.text import numbered_lines
from xlreach.errors import DataError

Tables = dict[str, dict[str, list[Path]]]
_ENDINGS = (".parquet", ".jsonl")
# datasets and the hub write validation for dev.
_SPLIT_NAMES = {"validation": "dev", "valid": "dev", "val": "dev"}
_SHARD = re.compile(r"(-\d{5}-of-\d{5}(-\w+)?|_\d+)?$")
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
        DataError: A file is damaged.
    """
    for path in paths:
        rows = _json_rows(path) if path.suffix == ".jsonl" else _parquet_rows(path, columns)
        for number, row in enumerate(rows, 1):
            yield path, number, row


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
    features = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    feature = features.get(column, {})
    feature = feature.get("feature", feature) if isinstance(feature, dict) else feature[0]
    names = feature.get("names") if isinstance(feature, dict) else None
    return tuple(names) if names else None


def _from_card(folder: Path) -> Tables:
    card = folder / "README.md"
    if not card.is_file():
        return {}
    front = re.match(r"---\n(.*?)\n---", card.read_text("utf-8", errors="replace").replace("\r\n", "\n"), re.DOTALL)
    try:
        configs = (yaml.safe_load(front[1]) or {}).get("configs") if front else None
    except yaml.YAMLError as error:
        raise DataError(f"The card's metadata are not YAML ({error}).".replace("\n", " "), path=card) from error
    found: Tables = {}
    for config in configs or ():
        files = config.get("data_files") or []
        if isinstance(files, str):
            files = [{"split": "train", "path": files}]
        for one in files:
            patterns = one["path"] if isinstance(one["path"], list) else [one["path"]]
            paths = sorted({path for pattern in patterns for path in folder.glob(pattern) if path.suffix in _ENDINGS})
            if paths:
                split = _SPLIT_NAMES.get(one["split"], one["split"])
                found.setdefault(str(config["config_name"]), {})[split] = paths
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
        return pq.ParquetFile(path)
    except OSError as error:
        raise DataError(f"Cannot be read ({error}).", path=path) from error
    except pa.ArrowInvalid as error:
        raise DataError("Not a Parquet file, or a damaged one.", path=path) from error


def _parquet_rows(path: Path, columns: list[str] | None) -> Iterator[dict[str, Any]]:
    for batch in _open(path).iter_batches(batch_size=1024, columns=columns):
        yield from batch.to_pylist()


def _json_rows(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in numbered_lines(path):
        if line.strip():
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"Not JSON ({error.msg}).", path=path, line=number) from None
            yield row
