"""Writes the results of every query: the value of each measure, and the ranks of its relevant documents.

    queries.parquet   one row per query, setting, document language and measure: `value`
    ranks.parquet     one row per query, setting and document language: `pool`, the number of documents ranked; `ranks`
                      of the relevant documents from 1 (over the whole pool if it is exact), 0 for one that was not
                      retrieved; `grades`, their relevance

Any measure can be computed again from `ranks.parquet`, also as it would be in a pool of another size.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from xlreach.corpora.collection import Query
from xlreach.scoring.measures import Floats, RelevantRanks

_CELL = ("dataset", "retriever", "setting", "query_language", "document_language")
_KEYS = [(name, pa.string()) for name in (*_CELL, "query_id", "group")]
_QUERIES = pa.schema([*_KEYS, ("measure", pa.string()), ("value", pa.float64())])
_LISTS = pa.list_(pa.int32())
_RANKS = pa.schema([*_KEYS, ("pool", pa.int32()), ("ranks", _LISTS), ("grades", _LISTS)])

Cell = tuple[str, str, str | None]
"""Setting, query language and document language; None for the pool of all languages."""


class PerQueryWriter:
    """Writes both files into a folder, to be closed in the end."""

    def __init__(self, out: Path, dataset: str, retriever: str) -> None:
        self.dataset, self.retriever = dataset, retriever
        self._values = pq.ParquetWriter(out / "queries.parquet", _QUERIES)
        self._ranks = pq.ParquetWriter(out / "ranks.parquet", _RANKS)

    def close(self) -> None:
        """Completes the files."""
        self._values.close()
        self._ranks.close()

    def values(self, cell: Cell, queries: Sequence[Query], measure: str, values: Floats) -> None:
        """Adds the values of a measure, shape (queries,)."""
        self._values.write_table(
            pa.table([*self._keys(cell, queries), [measure] * len(queries), values], schema=_QUERIES)
        )

    def ranks(self, cell: Cell, queries: Sequence[Query], pools: NDArray[np.int64], judged: RelevantRanks) -> None:
        """Adds the ranks of the relevant documents, and for each query how many documents were ranked."""
        relevant = judged.grades > 0
        ranks = np.where(np.isfinite(judged.ranks), judged.ranks, 0).astype(np.int32)
        ends = pa.array(np.concatenate([[0], np.cumsum(relevant.sum(1))]), pa.int32())
        lists = [
            pa.ListArray.from_arrays(ends, pa.array(values[relevant], pa.int32())) for values in (ranks, judged.grades)
        ]
        self._ranks.write_table(pa.table([*self._keys(cell, queries), pools.astype(np.int32), *lists], schema=_RANKS))

    def _keys(self, cell: Cell, queries: Sequence[Query]) -> list[Any]:
        repeated = [[value] * len(queries) for value in (self.dataset, self.retriever, *cell)]
        return [*repeated, [query.id for query in queries], [query.group for query in queries]]
