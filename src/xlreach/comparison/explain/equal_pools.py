"""Figures at one pool size: what a language would score were every collection as small as the smallest.

Finding one passage among 850 is easier than among 1,280, so languages with unequal collections are not equally hard.
Suppose documents that are not relevant were drawn out of the pool at random until `size` documents are left: the
expected value of a measure then follows exactly from the ranks in the whole pool, for of the k documents above a
relevant one that are not, a hypergeometric number stays. No ranking is drawn; nothing is approximate.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy import special

from xlreach.comparison.groups.families import Pair
from xlreach.comparison.groups.splits import config_split
from xlreach.comparison.resampling.language_means import language_values
from xlreach.errors import DataError
from xlreach.gaps import Certainty, EqualPools, Gap, LanguageSplit, PoolFigure, PoolSizes
from xlreach.measurement import Measurement
from xlreach.system import System

_COLUMNS = (
    "base", "recipe", "alignment", "retriever", "language", "seed", "dataset", "setting", "query_language",
    "document_language",
    "query_id", "group", "pool", "ranks", "grades",
)  # fmt: skip
_SYSTEM = ("base", "recipe", "alignment", "retriever")
_CERTAINTY = tuple(field.name for field in dataclasses.fields(Certainty))
_CELL = (*_SYSTEM, "language", "seed", "query_language", "document_language")
_EXACT = ("AP", "RR", "nDCG", "R", "P", "Success")


def pool_sizes(ranks: pd.DataFrame | Path) -> list[PoolSizes]:
    """How many documents are ranked in each language; the setting `multi` is one pool for all and has none."""
    table = _table(ranks).select(["dataset", "setting", "document_language", "pool"])
    # where queries are documents too, a query's own document is not ranked
    ends = table.group_by(["dataset", "setting", "document_language"]).aggregate([("pool", "min"), ("pool", "max")])
    pools: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in ends.sort_by([(name, "ascending") for name in ("dataset", "setting", "document_language")]).to_pylist():
        pools.setdefault((row["dataset"], row["setting"]), []).append(row)
    return [
        PoolSizes(
            dataset=dataset,
            setting=setting,
            sizes={row["document_language"]: row["pool_max"] for row in rows},
            smallest=min(row["pool_min"] for row in rows),
            largest=max(row["pool_max"] for row in rows),
        )
        for (dataset, setting), rows in pools.items()
    ]


def equal_pools(
    ranks: pd.DataFrame | Path,
    measures: Sequence[str],
    levels: Mapping[str, Sequence[str]],
    *,
    headline: str | None = None,
    gaps_of: Callable[[list[Measurement], pd.DataFrame], Sequence[Gap]] | None = None,
) -> list[EqualPools]:
    """Every system's figures by query language, in its whole pools and at the smallest pool of its data set.

    Only where pools differ: equal pools need no correction. All figures are over the rankings that `ranks` knows,
    whole ones but for approximate indexes. Measures without an exact expectation are left out.

    `ranks` has a row for each query and pool, with the columns `_COLUMNS`: `pool` is how many documents were ranked,
    `ranks` are those of the relevant documents in the whole ranking, from 1 (0 for one that was not ranked), `grades`
    theirs. `gaps_of` gives the gaps of measurements and their per-query values: those of `headline` get intervals.

    Raises:
        DataError: A column is missing, or a rank lies outside its pool.
    """
    frame, split = _read(ranks), config_split(levels, [])
    rows: list[EqualPools] = []
    for (dataset, setting), members in frame.groupby(["dataset", "setting"], sort=False, observed=True):
        size = int(members["pool"].min())
        if int(members["pool"].max()) == size:
            continue
        cases, which = _cases(members)
        for measure in measures:
            try:
                values = [[expected(measure, *case, left or case[2]) for case in cases] for left in (None, size)]
            except LookupError:
                continue
            parts = members.assign(whole=np.array(values[0])[which], equal=np.array(values[1])[which])
            tested: dict[System, Gap] = {}
            if measure == headline and gaps_of is not None:
                gaps = gaps_of(*_measured(parts, str(dataset), str(setting), measure))
                tested = {gap.system: gap for gap in gaps}
            for key, members_of in parts.groupby(list(_SYSTEM), dropna=False, sort=False, observed=True):
                system = System.of(*(None if pd.isna(name) else str(name) for name in key))
                figures = _by_language(members_of, str(setting), split)
                whole, equal = ({code: getattr(f, name) for code, f in figures.items()} for name in ("whole", "equal"))
                certainty = {name: getattr(tested.get(system), name, None) for name in _CERTAINTY}
                rows.append(
                    EqualPools(
                        **certainty,
                        system=system,
                        dataset=str(dataset),
                        setting=str(setting),
                        measure=measure,
                        size=size,
                        languages=figures,
                        gap=_gap(whole, levels),
                        gap_equal=_gap(equal, levels),
                    )
                )
    return rows


@lru_cache(maxsize=200_000)
def expected(measure: str, ranks: tuple[int, ...], grades: tuple[int, ...], pool: int, size: int) -> float:
    """The expectation of a measure when a pool of documents is thinned out to a size, its relevant documents kept.

    The measure is `AP`, `RR`, `nDCG`, `R`, `P` or `Success`, with or without a cutoff (`R`, `P`, `Success` need one).

    Raises:
        LookupError: The measure has no exact expectation here.
        DataError: A rank lies outside the pool.
    """
    name, cutoff = _parsed(measure)
    relevant = len(ranks)
    order = sorted((rank, grade) for rank, grade in zip(ranks, grades, strict=True) if rank > 0)
    if order and order[-1][0] > pool:
        raise DataError(f"A rank of {order[-1][0]} in a pool of {pool}.", expected="Expected ranks within the pool.")
    if not order:
        return 0.0
    others, left = pool - relevant, max(min(size, pool) - relevant, 0)
    ranks_left = [_ranks_left(k, rank - k, others, left) for k, (rank, _) in enumerate(order, 1)]
    within = np.arange(1, pool + 1) <= (cutoff or pool)

    def mean(number: int, value: Callable[[np.ndarray], np.ndarray]) -> float:
        positions, chances = ranks_left[number]
        return float((chances * value(positions) * within[positions - 1]).sum())

    if name == "RR":
        return mean(0, lambda rank: 1 / rank)
    if name == "Success":
        return mean(0, lambda rank: np.ones(len(rank)))
    if name in ("R", "P"):
        hits = sum(mean(number, lambda rank: np.ones(len(rank))) for number in range(len(order)))
        return hits / (relevant if name == "R" else cutoff)
    if name == "AP":
        return sum((number + 1) * mean(number, lambda rank: 1 / rank) for number in range(len(order))) / relevant
    gained = sum(grade * mean(number, lambda rank: 1 / np.log2(rank + 1)) for number, (_, grade) in enumerate(order))
    best = sorted(grades, reverse=True)[: cutoff or relevant]
    ideal = sum(grade / np.log2(rank + 1) for rank, grade in enumerate(best, 1))
    return float(gained / ideal) if ideal else 0.0


@lru_cache
def _parsed(measure: str) -> tuple[str, int]:
    """Name and cutoff (0 for none) of a measure that has an exact expectation."""
    parsed = ir_measures.parse_measure(measure)
    name, cutoff = str(parsed.NAME), parsed.params.get("cutoff")
    if name not in _EXACT or parsed.params.keys() - {"cutoff"} or (cutoff is None and name in ("R", "P", "Success")):
        raise LookupError(measure)
    return name, int(cutoff or 0)


@lru_cache(maxsize=20_000)
def _ranks_left(number: int, above: int, others: int, left: int) -> tuple[np.ndarray, np.ndarray]:
    """The ranks that the relevant document `number` may have in the smaller pool, and their probabilities.

    `above` of the `others` documents that are not relevant are above it in the whole pool; `left` of them are kept.
    """
    stay = np.arange(max(0, left - (others - above)), min(above, left) + 1)
    # The hypergeometric distribution, ten times as fast as scipy's, which is called some thousand times.
    logs = _log_choose(above, stay) + _log_choose(others - above, left - stay)
    chances = np.exp(logs - logs.max())
    return number + stay, chances / chances.sum()


def _log_choose(total: int, some: np.ndarray) -> np.ndarray:
    return special.gammaln(total + 1) - special.gammaln(some + 1) - special.gammaln(total - some + 1)


def _table(ranks: pd.DataFrame | Path) -> pa.Table:
    """The rows with a pool of one language, without those of the setting `cross` within a language."""
    table = pq.read_table(ranks) if isinstance(ranks, Path) else pa.Table.from_pandas(ranks, preserve_index=False)
    if missing := sorted(set(_COLUMNS) - set(table.column_names)):
        raise DataError(f"The ranks lack {', '.join(missing)}.", expected=f"Expected {', '.join(_COLUMNS)}.")
    same = pc.and_(pc.equal(table["setting"], "cross"), pc.equal(table["query_language"], table["document_language"]))
    return table.filter(pc.and_not(pc.is_valid(table["document_language"]), pc.fill_null(same, False)))


def _read(ranks: pd.DataFrame | Path) -> pd.DataFrame:
    """Text as categories: a study has millions of rows, and as Python objects they would fill the memory."""
    table = _table(ranks)
    columns = {name: table[name] for name in _COLUMNS}
    for name in ("ranks", "grades"):
        columns[name] = pc.binary_join(columns[name].cast(pa.list_(pa.int64())).cast(pa.list_(pa.string())), ",")
    columns["group"] = pc.coalesce(columns["group"].cast(pa.string()), columns.pop("query_id").cast(pa.string()))
    coded = {
        name: column if name in ("pool", "seed") else pc.dictionary_encode(column.cast(pa.string()))
        for name, column in columns.items()
    }
    return pa.table(coded).to_pandas()


def _cases(frame: pd.DataFrame) -> tuple[list[tuple[tuple[int, ...], tuple[int, ...], int]], np.ndarray]:
    """Each (ranks, grades, pool) once, and which of them each row is."""
    keys = frame.groupby(["ranks", "grades", "pool"], sort=False, observed=True)
    cases = [
        (tuple(map(int, filter(None, ranks.split(",")))), tuple(map(int, filter(None, grades.split(",")))), int(pool))
        for ranks, grades, pool in keys.size().index
    ]
    return cases, keys.ngroup().to_numpy()


def _measured(parts: pd.DataFrame, dataset: str, setting: str, measure: str) -> tuple[list[Measurement], pd.DataFrame]:
    """The figures at equal pools as measurements and per-query values."""
    about: dict[str, Any] = {"dataset": dataset, "setting": setting, "measure": measure}
    results = []
    for key, cell in parts.groupby(list(_CELL), dropna=False, sort=False, observed=True)["equal"]:
        named: dict[str, Any] = {
            name: None if pd.isna(value) else int(value) if name == "seed" else str(value)
            for name, value in zip(_CELL, key, strict=True)
        }
        results.append(Measurement(kind="retrieval", value=float(cell.mean()), n=len(cell), **about, **named))
    queries = parts[[*_CELL, "group"]].astype({name: object for name in (*_CELL, "group") if name != "seed"})
    return results, queries.assign(**about, query_id=queries["group"], value=parts["equal"])


def _by_language(system: pd.DataFrame, setting: str, split: LanguageSplit) -> dict[str, PoolFigure]:
    names = ["query_language", "document_language", "language"]
    pairs = [Pair(*map(str, key)) for key in system[names].drop_duplicates().itertuples(index=False)]
    languages = language_values(pairs, setting, split, np.ones(len(pairs), bool))
    shown = languages.columns(languages.languages)
    values: dict[str, np.ndarray] = {}  # by seed and language
    for name in ("pool", "whole", "equal"):
        means = system.groupby([*names, "seed"], sort=False, observed=True, dropna=False)[name].mean().unstack("seed")
        means.index = [Pair(*map(str, key)) for key in means.index]
        values[name] = means.loc[pairs].to_numpy(float).T @ languages.weights[:, shown]
    figures = {}
    for number, column in enumerate(shown):
        of_seeds = {name: of_name[:, number] for name, of_name in values.items()}
        spread = {
            f"{name}_sd": float(of.std(ddof=1)) for name, of in of_seeds.items() if name != "pool" and len(of) > 1
        }
        means_of = {name: float(of.mean()) for name, of in of_seeds.items()}
        figures[languages.languages[column]] = PoolFigure(**means_of, **spread)
    return figures


def _gap(values: Mapping[str, float], levels: Mapping[str, Sequence[str]]) -> float | None:
    """Mean over the low-resource languages minus mean over the high-resource ones; None where a side has none."""
    low, high = ([values[code] for code in levels[side] if code in values] for side in ("low", "high"))
    return float(np.mean(low) - np.mean(high)) if low and high else None
