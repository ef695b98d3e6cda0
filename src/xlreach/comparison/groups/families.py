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
_TAGGED = ("base", "measure", "sentences", "setting")
_TALLIES = (*_TAGGED, "recipe", "language", "seed", "dataset", "id", "correct", "total")
_COLUMNS = (*_FAMILY, *_CELL, "language", "seed", "query_language", "document_language", "query_id", "group", "value")


class FamilyKey(NamedTuple):
    """What the cells of a family have in common; `dataset` and `setting` are None for tagging."""

    kind: Literal["retrieval", "tagging"]
    base: str | None
    dataset: str | None
    setting: str | None
    measure: str


class Pair(NamedTuple):
    """A query language, a document language (None: the pool of all), and what the encoder was specialised for.

    For tagging, a language and in place of the encoder the data set.
    """

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

    @property
    def measured(self) -> np.ndarray:
        """Which pairs were measured, a mask."""
        return np.asarray(self.counts.any((0, 2)))

    @property
    def repeated(self) -> bool:
        """Whether its seeds show the chance of training: there are several, or nothing was trained."""
        return len(self.seeds) > 1 or self.seeds == (None,)

    def means(self) -> np.ndarray:
        """Mean over queries, shape (pairs, seeds), float64; NaN where nothing was measured."""
        totals = self.counts.sum(0, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            return self.sums.sum(0, dtype=np.float64) / np.where(totals > 0, totals, np.nan)

    def over_seeds(self) -> np.ndarray:
        """Means over queries and seeds, shape (pairs,); NaN where nothing was measured."""
        means = self.means()
        there = np.isfinite(means)
        return np.asarray(np.where(there, means, 0).sum(1) / np.where(there.any(1), there.sum(1), np.nan))


@dataclass(frozen=True)
class Family:
    """The cells to be compared with each other."""

    key: FamilyKey
    pairs: tuple[Pair, ...]  # the second axis of every cell
    strata: np.ndarray  # for every query group the number of its stratum: groups that occur in the same languages
    cells: tuple[Cell, ...]
    has_queries: bool  # without per-query values the first axis has length 1
    datasets: tuple[str, ...]  # all that went in


def families(
    results: Sequence[Measurement], queries: pd.DataFrame | Path | None, sentences: pd.DataFrame | Path | None = None
) -> Iterator[Family]:
    """Every family of the results, in their order, one at a time in memory.

    Tagging data sets differ by language, so a tagging family is one measure over all its data sets, and a language's
    value their mean. The per-query values of retrieval and the tallies of each sentence of tagging (its measure is the
    sum of `correct` over the sum of `total`) are frames, or the Parquet files that hold them, read a family at a time.

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
    tables = {"retrieval": _table(queries, _COLUMNS), "tagging": _table(sentences, _TALLIES)}
    for key, members in rows.items():
        table = tables[key.kind] if members[0].kind == key.kind else None
        yield _family(key, members, None if table is None else _of_family(table, key, members[0]))


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
        group = queries["group"]
        if group.isna().any():
            group = group.where(group.notna(), queries["query_id"])
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
        if key.kind == "tagging":  # tallies are shares, a measurement may be in per cent
            shares = sums.sum(0) / np.maximum(counts.sum(0), 1)
            sums *= np.divide(value, shares, out=np.ones_like(value), where=shares > 0)
        cells.append(Cell(system, seeds, sums, counts))
    if key.kind == "tagging":
        cells = [_borrow(cell, cells, pairs) for cell in cells]
    datasets = tuple(sorted({row.dataset for row in rows if row.dataset}))
    return Family(key, tuple(pairs), strata, tuple(cells), bool(detail), datasets)


def _pair(row: Measurement) -> Pair:
    if row.query_language is None:
        return Pair(str(row.language), None, row.dataset)
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
            f"The values by query or sentence have {first['query_language']} → {first['document_language']}, "
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
        raise DataError(
            "The values by query or sentence have a seed that results.jsonl has not.", expected="Expected one run."
        )
    flat = np.ravel_multi_index((values["unit"].to_numpy(), values["pair"].to_numpy(), slot), sums.shape)
    sums.reshape(-1)[:] = np.bincount(flat, weights=values["value"].to_numpy(float), minlength=sums.size)
    counts.reshape(-1)[:] = np.bincount(flat, weights=values["weight"].to_numpy(float), minlength=sums.size)


def _table(values: pd.DataFrame | Path | None, columns: Sequence[str]) -> arrow.Dataset | None:
    """Values of queries or sentences, to be read a family at a time; None without any."""
    if values is None or (isinstance(values, pd.DataFrame) and values.empty):
        return None
    path = values if isinstance(values, Path) else None
    try:
        table = arrow.dataset(path or pa.Table.from_pandas(values, preserve_index=False))
    except (OSError, ValueError) as error:
        raise DataError(f"Cannot be read as Parquet ({error}).", path=path) from error
    if missing := sorted(set(columns) - set(table.schema.names)):
        what = "per-query values" if "query_id" in columns else "tallies of sentences"
        expected = f"Expected {', '.join(columns)}."
        raise DataError(f"The {what} lack {', '.join(missing)}.", expected=expected, path=path)
    return table


def _of_family(table: arrow.Dataset, key: FamilyKey, row: Measurement) -> pd.DataFrame:
    """The values of a family, with the `weight` that each has in a mean."""
    wanted = {name: getattr(row, name) for name in (_FAMILY if key.kind == "retrieval" else _TAGGED)}
    fields = [(arrow.field(name), value) for name, value in wanted.items()]
    tests = [field.is_null() if value is None else field == value for field, value in fields]
    columns = _COLUMNS if key.kind == "retrieval" else _TALLIES
    frame = table.to_table(columns=list(columns), filter=reduce(and_, tests)).to_pandas()
    if key.kind == "retrieval":
        return frame.assign(weight=1.0)
    names = {"correct": "value", "total": "weight", "language": "query_language", "dataset": "language"}
    frame = frame.rename(columns=names).assign(document_language=None, alignment=None, retriever=None)
    return frame.assign(group=frame["language"].astype(str) + " " + frame["id"].astype(str))
