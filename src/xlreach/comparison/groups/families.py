"""Measurements laid out as arrays: query groups × language pairs × seeds.

A family is everything that is compared with each other: one base, data set, setting and measure, under every
recipe and alignment. Its cells share groups and pairs, so that one set of resampling weights serves them all and a
difference between two cells is paired by construction. Knows nothing of levels or statistics.

Where every low-resource language has an encoder of its own, a system is all of them together: the encoder is part of
the pair, so a low-resource language is measured by its own, a high-resource one by each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as arrow

from xlreach.errors import DataError
from xlreach.measurement import Measurement, is_whole
from xlreach.system import DENSE, UNTREATED, System

_FAMILY = ("base", "dataset", "setting", "measure")
_CELL = {"recipe": UNTREATED, "alignment": UNTREATED, "retriever": DENSE}  # with what stands for a missing value
_COLUMNS = (*_FAMILY, *_CELL, "language", "seed", "query_language", "document_language", "query_id", "group", "value")


class FamilyKey(NamedTuple):
    """What the cells of a family have in common; `dataset` and `setting` are None for tagging."""

    kind: Literal["retrieval", "tagging"]
    base: str | None
    dataset: str | None
    setting: str | None
    measure: str


class Pair(NamedTuple):
    """A query language, a document language (None: the pool of all), and what the encoder was specialised for."""

    query: str
    document: str | None = None
    encoder: str | None = None


@dataclass(frozen=True)
class Cell:
    """One system's values."""

    system: System
    seeds: tuple[int | None, ...]  # one per slice of the last axis
    sums: np.ndarray  # of the values of a query group, shape (groups, pairs, seeds), float32
    counts: np.ndarray  # how many values went into each sum
    borrowed: tuple[str, ...] = ()  # languages tagged with the unadapted base only, whose values stand here

    def means(self) -> np.ndarray:
        """Mean over queries, shape (pairs, seeds), float64; NaN where nothing was measured."""
        totals = self.counts.sum(0, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            return self.sums.sum(0, dtype=np.float64) / np.where(totals > 0, totals, np.nan)


@dataclass(frozen=True)
class Family:
    """The cells to be compared with each other."""

    key: FamilyKey
    pairs: tuple[Pair, ...]  # the second axis of every cell
    strata: np.ndarray  # for every query group the number of its stratum: groups that occur in the same languages
    cells: tuple[Cell, ...]
    has_queries: bool  # without per-query values the first axis has length 1
    datasets: tuple[str, ...]  # all that went in


def families(results: Sequence[Measurement], queries: pd.DataFrame | Path | None) -> Iterator[Family]:
    """Every family of the results, in their order, one at a time in memory.

    Tagging data sets differ by language, so a tagging family is one measure over all its data sets, and a language's
    value their mean. The per-query values are a frame, or the Parquet file that holds them (read a family at a time).

    Raises:
        DataError: A column is missing, or a value is not finite.
    """
    rows: dict[FamilyKey, list[Measurement]] = {}
    for row in results:
        if row.kind == "retrieval" and row.query_language is not None:
            key = FamilyKey("retrieval", row.base, row.dataset, row.setting, row.measure)
        elif row.kind == "tagging" and row.language is not None and is_whole(row):
            key = FamilyKey("tagging", row.base, None, None, row.label)
        else:
            continue
        rows.setdefault(key, []).append(row)
    table = _table(queries)
    for key, members in rows.items():
        yield _family(key, members, _of_family(table, key) if table is not None and key.kind == "retrieval" else None)


def _family(key: FamilyKey, rows: list[Measurement], queries: pd.DataFrame | None) -> Family:
    by_system: dict[System, list[Measurement]] = {}
    for row in rows:
        by_system.setdefault(row.system, []).append(row)
    pairs = list(dict.fromkeys(map(_pair, rows)))
    position = {pair: index for index, pair in enumerate(pairs)}
    detail: dict[System, pd.DataFrame] = {}
    groups, strata = 1, np.zeros(1, np.int64)
    if queries is not None and len(queries):
        queries = queries.assign(pair=_pair_index(queries, position))
        if not np.isfinite(queries["value"].to_numpy(float)).all():
            raise DataError(f"Per-query values of {key.measure} on {key.dataset} are not finite.")
        group = queries["group"].where(queries["group"].notna(), queries["query_id"])
        numbers, units = pd.factorize(group)
        groups, strata = len(units), _strata(numbers, queries["query_language"], len(units))
        queries = queries.assign(unit=numbers)
        names = [queries[name].astype(object).fillna(plain) for name, plain in _CELL.items()]
        codes, systems = pd.factorize(pd.MultiIndex.from_arrays(names))
        for number, name in enumerate(systems):
            detail[System(key.base or "", *map(str, name))] = queries[codes == number]
    cells = []
    for system, members in by_system.items():
        seeds = tuple(sorted({row.seed for row in members}, key=lambda seed: (seed is not None, seed or 0)))
        sums = np.zeros((groups, len(pairs), len(seeds)), np.float32)
        counts = np.zeros_like(sums)
        if system in detail:
            _fill(sums, counts, detail[system], seeds)
        measured = np.zeros((len(pairs), len(seeds), 2))
        for row in members:
            measured[position[_pair(row)], seeds.index(row.seed)] += (row.value, 1.0)
        # a value known only as a mean is the same for every query group: no spread over queries
        bare = (counts.sum(0) == 0) & (measured[..., 1] > 0)
        value = measured[..., 0] / np.maximum(measured[..., 1], 1)
        sums[:, bare], counts[:, bare] = value[bare], 1
        cells.append(Cell(system, seeds, sums, counts))
    if key.kind == "tagging":
        cells = [_borrow(cell, cells, pairs) for cell in cells]
    datasets = tuple(sorted({row.dataset for row in rows if row.dataset}))
    return Family(key, tuple(pairs), strata, tuple(cells), bool(detail), datasets)


def _pair(row: Measurement) -> Pair:
    if row.query_language is None:
        return Pair(str(row.language))
    return Pair(row.query_language, row.document_language, row.language)


def _borrow(cell: Cell, cells: Sequence[Cell], pairs: Sequence[Pair]) -> Cell:
    """Languages that only the unadapted base was tagged in count, unchanged, under every recipe."""
    plain = next((other for other in cells if not other.system.is_adapted and other.seeds == cell.seeds), None)
    missing = [] if plain is None else [row for row in range(len(pairs)) if not cell.counts[:, row].any()]
    missing = [row for row in missing if plain is not None and plain.counts[:, row].any()]
    if plain is None or not missing:
        return cell
    sums, counts = cell.sums.copy(), cell.counts.copy()
    sums[:, missing], counts[:, missing] = plain.sums[:, missing], plain.counts[:, missing]
    return Cell(cell.system, cell.seeds, sums, counts, tuple(sorted({pairs[row].query for row in missing})))


def _pair_index(queries: pd.DataFrame, position: dict[Pair, int]) -> np.ndarray:
    """The number of each row's pair; raises DataError for a pair that is not in the results."""
    parts = [pd.factorize(queries[name]) for name in ("query_language", "document_language", "language")]
    table = np.full([len(names) + 1 for _, names in parts], -1)
    for codes in np.ndindex(*table.shape):
        names_of_pair = [[*names, None][code] for code, (_, names) in zip(codes, parts, strict=True)]
        table[codes] = position.get(Pair(*names_of_pair), -1)
    numbers = table[tuple(codes for codes, _ in parts)]  # null has code -1: the last entry
    if (numbers < 0).any():
        first = queries[numbers < 0].iloc[0]
        raise DataError(
            f"queries.parquet has {first['query_language']} → {first['document_language']} on {first['dataset']}, "
            "results.jsonl has not.",
            expected="Expected both files to be of one run.",
        )
    return numbers


def _strata(units: np.ndarray, languages: pd.Series, groups: int) -> np.ndarray:
    codes, names = pd.factorize(languages)
    present = np.zeros((groups, len(names)), bool)
    present[units, codes] = True
    return np.unique(present, axis=0, return_inverse=True)[1].reshape(-1)


def _fill(sums: np.ndarray, counts: np.ndarray, values: pd.DataFrame, seeds: tuple[int | None, ...]) -> None:
    slot = values["seed"].map({seed: number for number, seed in enumerate(seeds) if seed is not None}).to_numpy(float)
    slot = np.where(np.isnan(slot), 0 if None in seeds else -1, slot).astype(np.int64)
    if (slot < 0).any():
        raise DataError("queries.parquet has a seed that results.jsonl has not.", expected="Expected one run.")
    flat = np.ravel_multi_index((values["unit"].to_numpy(), values["pair"].to_numpy(), slot), sums.shape)
    sums.reshape(-1)[:] = np.bincount(flat, weights=values["value"].to_numpy(float), minlength=sums.size)
    counts.reshape(-1)[:] = np.bincount(flat, minlength=sums.size)


def _table(queries: pd.DataFrame | Path | None) -> arrow.Dataset | None:
    """The per-query values, to be read a family at a time; None without any."""
    if queries is None or (isinstance(queries, pd.DataFrame) and queries.empty):
        return None
    path = queries if isinstance(queries, Path) else None
    try:
        table = arrow.dataset(path or pa.Table.from_pandas(queries, preserve_index=False))
    except (OSError, ValueError) as error:
        raise DataError(f"Cannot be read as Parquet ({error}).", path=path) from error
    if missing := sorted(set(_COLUMNS) - set(table.schema.names)):
        raise DataError(
            f"The per-query values lack {', '.join(missing)}.", expected=f"Expected {', '.join(_COLUMNS)}.", path=path
        )
    return table


def _of_family(table: arrow.Dataset, key: FamilyKey) -> pd.DataFrame:
    fields = [(arrow.field(name), getattr(key, name)) for name in _FAMILY]
    tests = [field.is_null() if value is None else field == value for field, value in fields]
    return table.to_table(columns=list(_COLUMNS), filter=reduce(and_, tests)).to_pandas()
