"""Writes the results of every query: the value of each measure, and the ranks of its relevant documents.

    queries.parquet   a row a query, setting, document language and measure: `value`
    ranks.parquet     a row a query, setting and document language: `pool`, how many documents were ranked; `ranks`,
                      places of the relevant documents from 1, over the whole pool if it is exact, 0 for one that was
                      not found; `grades`, theirs

`ranks.parquet` gives any measure again, and what it would be were the pool of another size.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from xlreach.corpora.collection import Query
from xlreach.scoring.measures import Floats, RelevantRanks

_CELL = ("dataset", "retriever", "setting", "query_language", "document_language")
_ABOUT = [(name, pa.string()) for name in (*_CELL, "query_id", "group")]
_QUERIES = pa.schema([*_ABOUT, ("measure", pa.string()), ("value", pa.float64())])
_PLACES = pa.list_(pa.int32())
_RANKS = pa.schema([*_ABOUT, ("pool", pa.int32()), ("ranks", _PLACES), ("grades", _PLACES)])


class PerQueryWriter:
    """Writes both files into a folder; to be used in a `with` block."""

    def __init__(self, out: Path, dataset: str, retriever: str) -> None:
        self._dataset, self._retriever = dataset, retriever
        self._values = pq.ParquetWriter(out / "queries.parquet", _QUERIES)
        self._ranks = pq.ParquetWriter(out / "ranks.parquet", _RANKS)

    def __enter__(self) -> PerQueryWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._values.close()
        self._ranks.close()

    def values(
        self, setting: str, a: str, b: str | None, queries: Sequence[Query], measure: str, values: Floats
    ) -> None:
        """Adds a measure's values.

        Args:
            setting: Of `SETTINGS`.
            b: The documents' language; None for the pool of all.
            values: Shape (queries,).
        """
        about = self._about(setting, a, b, queries)
        self._values.write_table(pa.table([*about, [measure] * len(queries), values], schema=_QUERIES))

    def ranks(
        self,
        setting: str,
        a: str,
        b: str | None,
        queries: Sequence[Query],
        pools: NDArray[np.int64],
        judged: RelevantRanks,
    ) -> None:
        """Adds the places of the relevant documents.

        Args:
            setting: Of `SETTINGS`.
            b: The documents' language; None for the pool of all.
            pools: How many documents were ranked for each.
        """
        there = judged.grades > 0
        places = np.where(np.isfinite(judged.ranks), judged.ranks, 0).astype(np.int32)[there]
        ends = np.concatenate([[0], np.cumsum(there.sum(1))]).astype(np.int32)
        lists = [
            pa.ListArray.from_arrays(pa.array(ends), pa.array(flat, pa.int32()))
            for flat in (places, judged.grades[there])
        ]
        about = self._about(setting, a, b, queries)
        self._ranks.write_table(pa.table([*about, pools.astype(np.int32), *lists], schema=_RANKS))

    def _about(self, setting: str, a: str, b: str | None, queries: Sequence[Query]) -> list[Any]:
        size = len(queries)
        cell = (self._dataset, self._retriever, setting, a, b)
        return [
            *([value] * size for value in cell),
            [query.id for query in queries],
            [query.group for query in queries],
        ]
