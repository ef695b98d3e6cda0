"""Tables of a hub data set, read by the library `datasets` from a folder that holds a copy of the repository.

The data set card (`configs:` in README.md) says which files belong to which configuration and split; without one,
`datasets` infers the splits, and a folder of the repository stands for a configuration. Rows are streamed: no cache is
written and no table is held in memory. No script of a repository is ever run, and no file outside its folder is read.
What the columns mean is known to `hub` and `hub_layouts`.
"""

from __future__ import annotations

import copy
import logging
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from xlreach.corpora.formats.lines import numbered_lines
from xlreach.corpora.layout import expecting
from xlreach.errors import DataError, XLReachError
from xlreach.safe_io import parse_yaml, read_yaml

SUFFIXES = (".parquet", ".jsonl", ".json", ".csv", ".tsv", ".txt")
_SPLITS = {"validation": "dev", "valid": "dev", "val": "dev"}
_BATCH = 1024  # rows
_MAX_ROW_GROUP, _MAX_RATIO = 1 << 30, 200  # bytes of a Parquet row group, and times the size of its file


@dataclass(frozen=True)
class Table:
    """One split of one configuration."""

    paths: tuple[Path, ...]
    builder: Any  # the builder of `datasets` that reads them
    split: str  # what `datasets` calls the split

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns."""
        features = self._stream(self.paths[0]).features
        return tuple(features) if features else tuple(next((row for _, _, row in self.rows()), {}))

    def class_names(self, column: str) -> tuple[str, ...]:
        """The labels that stand for the numbers of a class-label column, alone or in lists; () where it has none."""
        feature = (self._stream(self.paths[0]).features or {}).get(column)
        return tuple(getattr(getattr(feature, "feature", feature), "names", ()))

    def rows(self, *columns: str) -> Iterator[tuple[Path, int, dict[str, Any]]]:
        """(file, number from 1, row) of every row; see `rows_in`."""
        return ((path, number, row) for path in self.paths for number, row in self.rows_in(path, *columns))

    def rows_in(self, path: Path, *columns: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """(number from 1, row) of the rows of one of its files, streaming."""
        read = 0
        with _errors_of_datasets(path):
            for batch in self._batches(path, columns):
                if missing := [column for column in columns if column not in batch.schema.names]:
                    raise DataError(f"A row without the column {missing[0]!r}.", path=path, line=read + 1)
                yield from enumerate((batch.select(list(columns)) if columns else batch).to_pylist(), read + 1)
                read += batch.num_rows

    def _batches(self, path: Path, columns: Iterable[str]) -> Iterator[Any]:
        """Arrow tables of some rows of one file; of Parquet, only the columns that are asked for are unpacked."""
        stream = self._stream(path)
        if path.suffix != ".parquet":
            yield from stream.with_format("arrow").iter(batch_size=_BATCH)
            return
        # Arrow reads the file itself: through a file object of Python, as `datasets` has it read, its threads hold a
        # whole file when the consumer is slow, and abort a process that ends before they do (apache/arrow#45214).
        import pyarrow.parquet as pq

        table = pq.ParquetFile(path)
        present = [column for column in columns if column in table.schema_arrow.names]
        yield from table.iter_batches(batch_size=_BATCH, columns=present or None)

    def _stream(self, path: Path) -> Any:
        """A streaming data set of one file."""
        _check_size(path)
        with _errors_of_datasets(path):
            reader = copy.copy(self.builder)
            reader.config = copy.copy(reader.config)
            reader.config.data_files = {self.split: [str(path)]}
            return reader.as_streaming_dataset(self.split)


class Repository:
    """A folder with a copy of a data set repository, or with a part of one.

    Attributes:
        configs: The names of its configurations; `default` where its card names none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        for patterns in card_configs(folder).values():
            for pattern in patterns:
                if "://" in pattern or ".." in PurePosixPath(pattern).parts or PurePosixPath(pattern).is_absolute():
                    raise DataError(f"The pattern {pattern!r} leads out of the folder.", path=folder / "README.md")
        self._module = self._open()
        self.configs = [config.name for config in self._module.builder_configs_parameters.builder_configs]

    def has(self, config: str) -> bool:
        """Whether it has a configuration; where the card names none, a folder of that name is one."""
        here = self.configs == ["default"] and Path(config).name == config and (self.folder / config).is_dir()
        return here or config in self.configs

    def tables(self, config: str) -> dict[str, Table]:
        """The splits of a configuration that it has."""
        from datasets.load import get_dataset_builder_class

        module = self._module if config in self.configs else self._open(config)
        with _errors_of_datasets(self.folder), tempfile.TemporaryDirectory() as scratch:  # for a lock, then removed
            builder = get_dataset_builder_class(module)(
                config_name=config if config in self.configs else "default",
                cache_dir=scratch,
                hash=module.hash,
                info=module.dataset_infos.get(config) if module.dataset_infos else None,
                **module.builder_kwargs,
            )
            files = {split: tuple(map(Path, paths)) for split, paths in builder.config.data_files.items()}
        for path in (path for paths in files.values() for path in paths):
            self._check_file(path)
        return {_SPLITS.get(split, split): Table(paths, builder, split) for split, paths in files.items()}

    def _open(self, data_dir: str | None = None) -> Any:
        from datasets.load import dataset_module_factory

        with _errors_of_datasets(self.folder):
            return dataset_module_factory(str(self.folder), data_dir=data_dir)

    def _check_file(self, path: Path) -> None:
        # The hub's own cache keeps the files of a snapshot as links to its blobs, two levels up.
        cache = self.folder.parent.parent / "blobs" if self.folder.parent.name == "snapshots" else self.folder
        if not any(path.resolve().is_relative_to(folder) for folder in (self.folder, cache)):
            raise DataError(f"{path.name} is a link that leads out of the folder.", path=path)
        if path.with_suffix("" if path.suffix == ".gz" else path.suffix).suffix not in SUFFIXES:
            raise DataError(f"A file that is no table: {path.name}.", expected=_EXPECTED, path=self.folder)


_EXPECTED = f"Expected files ending in {', '.join(SUFFIXES)}, as they are or compressed by gzip."


def card_configs(folder: Path) -> dict[str, list[str]]:
    """The patterns of files (or the folder) that the card of a data set gives for each configuration."""
    card = folder / "README.md"
    metadata: dict[str, Any] = {}
    if card.is_file():
        text = card.read_text("utf-8", errors="replace").replace("\r\n", "\n")
        front = re.match(r"---\n(.*?)\n---", text, re.DOTALL)
        metadata = (parse_yaml(front[1], card) if front else None) or {}
    if (folder / ".huggingface.yaml").is_file():
        metadata = {**metadata, **(read_yaml(folder / ".huggingface.yaml") or {})}
    with expecting("a data set card", card, 1):
        return {str(config["config_name"]): list(_patterns(config)) for config in metadata.get("configs") or ()}


def _patterns(config: dict[str, Any]) -> Iterator[str]:
    below = f"{config['data_dir']}/" if config.get("data_dir") else ""
    files = config.get("data_files") or [f"{below}**"]
    for entry in [files] if isinstance(files, str) else files:
        paths = entry["path"] if isinstance(entry, dict) else entry
        yield from ([below + paths] if isinstance(paths, str) else [below + path for path in paths])


def _check_size(path: Path) -> None:
    """Refuses a file that would fill the memory: `datasets` holds a Parquet row group, or a line, at a time."""
    if path.suffix != ".parquet":
        next(numbered_lines(path), None)
        return
    import pyarrow.parquet as pq

    with _errors_of_datasets(path):
        metadata = pq.ParquetFile(path).metadata
        largest = max((metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups)), default=0)
    if largest > max(_MAX_ROW_GROUP, _MAX_RATIO * path.stat().st_size):
        raise DataError(f"Would unpack to {largest >> 20} MiB at a time.", path=path)


@contextmanager
def _errors_of_datasets(path: Path) -> Iterator[None]:
    """Says in one sentence what `datasets`, or a library below it, could not read; they raise many types."""
    for name in ("datasets", "huggingface_hub.repocard"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # they log each error that they also raise
    try:
        yield
    except XLReachError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        if "scripts are no longer supported" in reason or isinstance(error, FileNotFoundError):
            raise DataError(
                "It has no data files where it should, or only a script that would make them; scripts are never run.",
                expected=_EXPECTED,
                fix='Many data sets of the hub have their tables under revision="refs/convert/parquet".',
                path=path,
            ) from error
        raise DataError(f"Cannot be read as a data set ({reason}).", path=path) from error
