"""Figures at one pool size: what a language would score were every collection as small as the smallest.

Finding one passage among 850 is easier than among 1,280, so languages with unequal collections are not equally hard.
Suppose documents that are not relevant were drawn out of the pool at random until `size` documents are left: the
expected value of a measure then follows exactly from the ranks in the whole pool, for of the k documents above a
relevant one that are not, a hypergeometric number stays. No ranking is drawn; nothing is approximate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy import special

from xlreach.errors import DataError

_COLUMNS = (
    "base", "recipe", "alignment", "seed", "dataset", "setting", "query_language", "document_language", "pool", "ranks",
    "grades",
)  # fmt: skip
_MEASURE = re.compile(r"(?P<name>AP|RR|nDCG|R|P|Success)(?:@(?P<cutoff>\d+))?")


def equal_pools(
    ranks: pd.DataFrame | Path, measures: Sequence[str], levels: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """Every system's figures by query language, in its whole pools and at the smallest pool of its data set.

    Args:
        ranks: A row a query and pool, or the Parquet file of them: `base`, `recipe`, `alignment`, `seed`, `dataset`,
            `setting`, `query_language`, `document_language`, `pool` (how many documents were ranked), `ranks` (places
            of the relevant documents in the whole ranking, from 1; 0 for one that was not found), `grades` (theirs).
        measures: ir-measures strings; those without an exact expectation are left out.
        levels: `{"high": [codes], "low": [codes]}`.

    Returns:
        Rows `{base, recipe, alignment, dataset, setting, measure, size, languages: {code: {pool, whole, equal}}, gap,
        gap_equal}`: means over queries, document languages and seeds; `pool` is the mean size, the gaps are None where
        a side was not measured. Only where pools differ: equal pools need no correction. All of them are over full
        rankings: `AP` and `RR` without a cutoff are above those of `results.jsonl` by what lies beyond its depth.

    Raises:
        DataError: A column is missing, or a rank lies outside its pool.
    """
    frame = _read(ranks)
    rows: list[dict[str, Any]] = []
    for (dataset, setting), members in frame.groupby(["dataset", "setting"], sort=False):
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
            for key, system in parts.groupby(["base", "recipe", "alignment"], dropna=False, sort=False):
                about = {
                    name: None if pd.isna(one) else str(one)
                    for name, one in zip(("base", "recipe", "alignment"), key, strict=True)
                }
                where = {"dataset": str(dataset), "setting": str(setting), "measure": measure, "size": size}
                rows.append(about | where | _by_language(system, levels))
    return rows


def expected(measure: str, ranks: tuple[int, ...], grades: tuple[int, ...], pool: int, size: int) -> float:
    """The expectation of a measure when a pool is thinned out to a size, its relevant documents kept.

    Args:
        measure: `AP`, `RR`, `nDCG`, `R`, `P` or `Success`, with or without a cutoff (`R`, `P`, `Success` need one).
        ranks: Places of the relevant documents in the whole ranking, from 1; 0 for one not found.
        grades: Their grades.
        pool: Documents ranked.
        size: Documents left.

    Raises:
        LookupError: The measure has no exact expectation here.
        DataError: A rank lies outside the pool.
    """
    found = _MEASURE.fullmatch(measure)
    if not found or (found["cutoff"] is None and found["name"] in ("R", "P", "Success")):
        raise LookupError(measure)
    return _expected(found["name"], int(found["cutoff"] or 0), tuple(ranks), tuple(grades), int(pool), int(size))


@lru_cache(maxsize=200_000)
def _expected(name: str, cutoff: int, ranks: tuple[int, ...], grades: tuple[int, ...], pool: int, size: int) -> float:
    relevant = len(ranks)
    order = sorted((rank, grade) for rank, grade in zip(ranks, grades, strict=True) if rank > 0)
    if order and order[-1][0] > pool:
        raise DataError(f"A rank of {order[-1][0]} in a pool of {pool}.", expected="Expected ranks within the pool.")
    if not order:
        return 0.0
    others, left = pool - relevant, max(min(size, pool) - relevant, 0)
    places = [_places(place, rank - place, others, left) for place, (rank, _) in enumerate(order, 1)]
    within = np.arange(1, pool + 1) <= (cutoff or pool)

    def mean(place: int, value: Callable[[np.ndarray], np.ndarray]) -> float:
        positions, chances = places[place]
        return float((chances * value(positions) * within[positions - 1]).sum())

    if name == "RR":
        return mean(0, lambda at: 1 / at)
    if name == "Success":
        return mean(0, lambda at: np.ones(len(at)))
    if name in ("R", "P"):
        hits = sum(mean(place, lambda at: np.ones(len(at))) for place in range(len(order)))
        return hits / (relevant if name == "R" else cutoff)
    if name == "AP":
        return sum((place + 1) * mean(place, lambda at: 1 / at) for place in range(len(order))) / relevant
    gained = sum(grade * mean(place, lambda at: 1 / np.log2(at + 1)) for place, (_, grade) in enumerate(order))
    best = sorted(grades, reverse=True)[: cutoff or relevant]
    ideal = sum(grade / np.log2(place + 1) for place, grade in enumerate(best, 1))
    return float(gained / ideal) if ideal else 0.0


@lru_cache(maxsize=20_000)
def _places(place: int, above: int, others: int, left: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the relevant document that is the `place`-th of its kind may stand, and how likely."""
    stay = np.arange(max(0, left - (others - above)), min(above, left) + 1)
    # The hypergeometric distribution, ten times as fast as scipy's, which is called some thousand times.
    logs = _log_choose(above, stay) + _log_choose(others - above, left - stay)
    chances = np.exp(logs - logs.max())
    return place + stay, chances / chances.sum()


def _log_choose(total: int, some: np.ndarray) -> np.ndarray:
    return special.gammaln(total + 1) - special.gammaln(some + 1) - special.gammaln(total - some + 1)


def _read(ranks: pd.DataFrame | Path) -> pd.DataFrame:
    """The rows that count, lists as text: a study has millions, and as Python objects they would fill the memory."""
    table = pq.read_table(ranks) if isinstance(ranks, Path) else pa.Table.from_pandas(ranks, preserve_index=False)
    if missing := sorted(set(_COLUMNS) - set(table.column_names)):
        raise DataError(f"The ranks lack {', '.join(missing)}.", expected=f"Expected {', '.join(_COLUMNS)}.")
    columns = {name: table[name] for name in _COLUMNS}
    for name in ("ranks", "grades"):
        texts = pc.binary_join(columns[name].cast(pa.list_(pa.int64())).cast(pa.list_(pa.string())), ",")
        columns[name] = pc.dictionary_encode(texts)
    table = pa.table(columns)
    # The pool of all languages is the same for all.
    same = pc.and_(pc.equal(table["setting"], "cross"), pc.equal(table["query_language"], table["document_language"]))
    table = table.filter(pc.and_not(pc.is_valid(table["document_language"]), pc.fill_null(same, False)))
    return table.to_pandas()


def _cases(frame: pd.DataFrame) -> tuple[list[tuple[tuple[int, ...], tuple[int, ...], int]], np.ndarray]:
    """Each (ranks, grades, pool) once, and which of them each row is."""
    keys = frame.groupby(["ranks", "grades", "pool"], sort=False, observed=True)
    cases = [
        (tuple(map(int, filter(None, ranks.split(",")))), tuple(map(int, filter(None, grades.split(",")))), int(pool))
        for ranks, grades, pool in keys.size().index
    ]
    return cases, keys.ngroup().to_numpy()


def _by_language(system: pd.DataFrame, levels: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    pairs = system.groupby(["query_language", "document_language"], sort=False)[["pool", "whole", "equal"]].mean()
    means = pairs.groupby(level=0, sort=False).mean()
    languages = {str(code): {name: float(row[name]) for name in means.columns} for code, row in means.iterrows()}
    gaps: dict[str, float | None] = {}
    for name, column in (("gap", "whole"), ("gap_equal", "equal")):
        sides = [[languages[code][column] for code in levels[side] if code in languages] for side in ("low", "high")]
        gaps[name] = float(np.mean(sides[0]) - np.mean(sides[1])) if all(sides) else None
    return {"languages": languages, **gaps}
