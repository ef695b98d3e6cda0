"""Pools: the documents of one language, or of all languages, that are ranked together.

An exact pool compares every query with every vector, in blocks; an approximate one asks its FAISS indexes, a batch a
language, and merges. Both give the ranks of the relevant documents and the top of the ranking.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlreach.corpora.collection import Query
from xlreach.errors import DataError
from xlreach.retrieval.index import DenseIndex
from xlreach.scoring.measures import RelevantRanks
from xlreach.scoring.ranks import (
    NOTHING,
    Keys,
    Scores,
    best_keys,
    key_places,
    key_scores,
    order_keys,
    rank_columns,
    tie_places,
    top_keys,
)

Columns = NDArray[np.int64]

BLOCK = 1 << 23
"""Scores held at once."""

_ROWS = 1 << 12  # vectors looked at together


Keyed = tuple[int, Keys, NDArray[np.float64] | None]
"""The number of the first query of a block, keys that the best are among, ranks of relevant documents if known."""


@dataclass(frozen=True)
class QueryBatch:
    """Queries with their vectors.

    Attributes:
        vectors: Shape (queries, dimension); the dimension is 0 where no encoder ranks.
    """

    queries: Sequence[Query]
    vectors: Scores

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def ids(self) -> list[str]:
        """The id of each query."""
        return [query.id for query in self.queries]

    @property
    def texts(self) -> list[str]:
        """The text of each query."""
        return [query.text for query in self.queries]

    def __getitem__(self, rows: slice) -> QueryBatch:
        return QueryBatch(self.queries[rows], self.vectors[rows])


@dataclass(frozen=True)
class Block:
    """A few queries' results.

    Attributes:
        judged: Ranks of the relevant documents, over the whole pool if the pool is exact.
        columns: Documents by rank, as columns of the pool, shape (queries, depth); −1 where no more were found.
    """

    start: int
    judged: RelevantRanks
    columns: NDArray[np.int64]
    scores: Scores


class Pool(ABC):
    """Documents to be ranked together.

    Attributes:
        language_of: Index into `languages` by column.
        exact: Whether ranks are those of the full ranking.
    """

    exact: bool

    def __init__(self, ids: Mapping[str, Sequence[str]]) -> None:
        self.languages = tuple(ids)
        self.ids = [name for names in ids.values() for name in names]
        self.language_of = np.repeat(np.arange(len(ids)), [len(names) for names in ids.values()])
        self._columns = {name: column for column, name in enumerate(self.ids)}
        if len(self._columns) < len(self.ids):
            raise DataError(f"Document ids occur twice in {', '.join(ids)}.", expected="Expected unique ids.")
        self._places = tie_places(self.ids)
        self._by_place = np.argsort(self._places)

    def __len__(self) -> int:
        return len(self.ids)

    def sizes(self, query_ids: Sequence[str]) -> NDArray[np.int64]:
        """The number of documents ranked for each query: all but the one that has the query's id."""
        return np.array([len(self) - (name in self._columns) for name in query_ids], np.int64)

    def columns_of(self, judged: Sequence[Mapping[str, int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Columns and grades of each query's relevant documents; column −1 for one that is not in the pool."""
        relevant = [[(name, grade) for name, grade in grades_of.items() if grade > 0] for grades_of in judged]
        width = max(map(len, relevant), default=0)
        columns = np.full((len(relevant), width), -1, np.int64)
        grades = np.zeros((len(relevant), width), np.int64)
        for row, documents in enumerate(relevant):
            for at, (name, grade) in enumerate(documents):
                columns[row, at], grades[row, at] = self._columns.get(name, -1), grade
        return columns, grades

    def search(self, batch: QueryBatch, judged: Sequence[Mapping[str, int]], depth: int) -> Iterator[Block]:
        """Ranks the documents for each query, without a document that has the query's own id.

        Args:
            judged: The relevance of documents by id, for each query.
            depth: The number of documents to return from the top of each ranking; 0 returns only the relevant ranks.
        """
        columns, grades = self.columns_of(judged)
        left_out = np.array([self._columns.get(name, -1) for name in batch.ids], np.int64)
        depth = min(depth, len(self))
        for start, keys, ranks in self._keys(batch, columns, left_out, depth):
            part = slice(start, start + len(keys))
            top = top_keys(keys, min(depth, keys.shape[1])) if depth else keys[:, :0]
            missing = top == NOTHING
            top_columns = np.where(missing, -1, self._by_place[np.where(missing, 0, key_places(top))])
            if ranks is None:
                ranks = _ranks_in(top_columns, columns[part])
            scores = np.where(missing, np.float32(-np.inf), key_scores(np.where(missing, 0, top)))
            yield Block(start, RelevantRanks(ranks, grades[part]), top_columns, scores)

    @abstractmethod
    def _keys(self, batch: QueryBatch, columns: Columns, left_out: Columns, depth: int) -> Iterator[Keyed]:
        """A few queries at a time."""


def open_pool(indexes: Mapping[str, DenseIndex]) -> Pool:
    """An exact pool if all indexes are exact."""
    return ExactPool(indexes) if all(index.exact for index in indexes.values()) else ApproximatePool(indexes)


def rank_block(
    scores: Scores, places: NDArray[np.int64], columns: Columns, left_out: Columns, depth: int
) -> tuple[Keys, NDArray[np.float64]]:
    """The keys of the best documents, and the ranks of `columns`; `scores` becomes −∞ where a document is left out."""
    rows = np.flatnonzero(left_out >= 0)
    scores[rows, left_out[rows]] = -np.inf
    rising = np.sort(scores, axis=1)
    return best_keys(scores, rising, places, depth), rank_columns(scores, rising, places, columns)


class ExactPool(Pool):
    """Scores by matrix products; equal vectors are scored once, so that their tie is no matter of rounding."""

    exact = True

    def __init__(self, indexes: Mapping[str, DenseIndex]) -> None:
        super().__init__({code: index.ids for code, index in indexes.items()})
        # Held once: what is mapped cannot be multiplied, for its numbers lie at odd addresses in the file.
        (dimension,) = {index.faiss.d for index in indexes.values()}
        vectors = np.empty((len(self), dimension), np.float32)
        start = 0
        for index in indexes.values():
            index.vectors(vectors[start : start + index.count])
            start += index.count
        kept, self._inverse = _first_of_equal(vectors)
        for start in range(0, len(kept), _ROWS):  # in its own place: a row only ever moves up
            part = kept[start : start + _ROWS]
            vectors[start : start + len(part)] = vectors[part]
        self._unique = vectors[: len(kept)]

    def _keys(self, batch: QueryBatch, columns: Columns, left_out: Columns, depth: int) -> Iterator[Keyed]:
        size = max(1, BLOCK // max(1, len(self)))
        for start in range(0, len(batch), size):
            part = slice(start, start + size)
            scores = batch.vectors[part] @ self._unique.T
            if len(self._unique) < len(self):
                scores = scores[:, self._inverse]
            yield start, *rank_block(scores, self._places, columns[part], left_out[part], depth)


class ApproximatePool(Pool):
    """Scores and candidates as FAISS gives them, one batch a language, merged."""

    exact = False

    def __init__(self, indexes: Mapping[str, DenseIndex]) -> None:
        super().__init__({code: index.ids for code, index in indexes.items()})
        self._indexes = list(indexes.values())

    def _keys(self, batch: QueryBatch, columns: Columns, left_out: Columns, depth: int) -> Iterator[Keyed]:
        parts, offset = [], 0
        for index in self._indexes:
            # One more, for the document that may be left out.
            scores, rows = index.search(batch.vectors, depth + 1)
            columns_found = np.where(rows < 0, -1, rows + offset)
            keys = order_keys(scores, self._places[np.maximum(columns_found, 0)])
            parts.append(np.where((columns_found < 0) | (columns_found == left_out[:, None]), NOTHING, keys))
            offset += index.count
        yield 0, np.concatenate(parts, axis=1), None


def _ranks_in(top_columns: Columns, columns: Columns) -> NDArray[np.float64]:
    """The ranks of documents in rankings that were cut; infinite for one that is not in them."""
    ranks = np.full(columns.shape, np.inf)
    for at in range(columns.shape[1]):
        matches = (top_columns == columns[:, at : at + 1]) & (columns[:, at : at + 1] >= 0)
        rows = np.flatnonzero(matches.any(axis=1))
        ranks[rows, at] = matches[rows].argmax(axis=1) + 1
    return ranks


def _first_of_equal(vectors: Scores) -> tuple[Columns, Columns]:
    """The first of each set of equal rows, rising, and for each row which of those it equals."""
    digests = np.empty((len(vectors), 2), np.uint64)
    for start in range(0, len(vectors), _ROWS):
        rows = vectors[start : start + _ROWS]
        joined = b"".join([hashlib.blake2b(row.data, digest_size=16).digest() for row in rows])
        digests[start : start + len(rows)] = np.frombuffer(joined, np.uint64).reshape(-1, 2)
    order = np.lexsort(digests.T)  # stable: of equal rows the first comes first
    new = np.ones(len(vectors), bool)
    new[1:] = (digests[order[1:]] != digests[order[:-1]]).any(axis=1)
    firsts = order[new]
    kept = np.sort(firsts)
    inverse = np.empty(len(vectors), np.int64)
    inverse[order] = np.searchsorted(kept, firsts)[np.cumsum(new) - 1]
    return kept, inverse
