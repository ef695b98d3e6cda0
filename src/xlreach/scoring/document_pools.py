"""Pools: the documents of one language, or of all languages, that are ranked together.

An exact pool compares every query with every document, in blocks of queries; an approximate pool searches its FAISS
indexes, one per language, and merges what they return. Both give the ranks of the relevant documents and the top of
the ranking.
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
from xlreach.scoring.measures import Floats, RelevantRanks
from xlreach.scoring.ranks import Keys, Scores, key_places, key_scores, order_keys, ranks_among, tie_places

Columns = NDArray[np.int64]
_BLOCK = 1 << 23  # scores in memory at once


@dataclass(frozen=True)
class QueryBatch:
    """Queries with their vectors.

    Attributes:
        vectors: Shape (queries, dimension); the dimension is 0 for a retriever without an encoder.
        among_documents: Whether a document with a query's own id is the query.
    """

    queries: Sequence[Query]
    vectors: Scores
    among_documents: bool

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def ids(self) -> list[str]:
        """The id of each query."""
        return [query.id for query in self.queries]

    def __getitem__(self, rows: slice) -> QueryBatch:
        return QueryBatch(self.queries[rows], self.vectors[rows], self.among_documents)


@dataclass(frozen=True)
class Block:
    """The results of some consecutive queries, from the number `start` on.

    `judged` has the ranks of the relevant documents, over the whole pool if the pool is exact. `columns` are documents
    by rank, as columns of the pool, −1 where nothing more is retrieved, and `scores` theirs, −∞ there; both have the
    shape (queries, depth).
    """

    start: int
    judged: RelevantRanks
    columns: Columns
    scores: Scores


class Pool(ABC):
    """Documents to be ranked together.

    Attributes:
        language_of: The index into `languages` of each document.
        exact: Whether every document is ranked, by an encoder or by chance.
        whole: Whether the ranking of all that is retrieved is known, however few documents are asked for.
    """

    exact: bool = False
    whole: bool = False

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

    def own_columns(self, batch: QueryBatch) -> Columns:
        """The column of each query itself, which is not ranked for it; -1 where it is not among the documents."""
        return np.array([self._columns.get(name, -1) if batch.among_documents else -1 for name in batch.ids], np.int64)

    def sizes(self, batch: QueryBatch) -> NDArray[np.int64]:
        """The number of documents ranked for each query."""
        return len(self) - (self.own_columns(batch) >= 0).astype(np.int64)

    def columns_of(self, judged: Sequence[Mapping[str, int]]) -> tuple[Columns, NDArray[np.int64]]:
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
        """Ranks the documents for each query, without the query itself where it is among them.

        Args:
            judged: The relevance of documents by id, for each query.
            depth: The number of documents to return from the top of each ranking; 0 returns only the relevant ranks.
        """
        columns, grades = self.columns_of(judged)
        for start, keys, ranks in self._rank(batch, columns, self.own_columns(batch), min(depth, len(self))):
            scores = key_scores(keys)
            top = np.where(np.isneginf(scores), -1, self._by_place[key_places(keys)])
            yield Block(start, RelevantRanks(ranks, grades[start : start + len(keys)]), top, scores)

    @abstractmethod
    def _rank(
        self, batch: QueryBatch, columns: Columns, left_out: Columns, depth: int
    ) -> Iterator[tuple[int, Keys, Floats]]:
        """Ranks some consecutive queries at a time.

        Yields:
            The number of the first query, the keys of the top documents, best first, and the ranks of `columns`
            (infinite for what is not retrieved); keys of score −∞ stand for no document.
        """


class ScoredPool(Pool):
    """Ranks by a matrix of scores, −∞ where a document is not retrieved."""

    whole = True

    def _rank(
        self, batch: QueryBatch, columns: Columns, left_out: Columns, depth: int
    ) -> Iterator[tuple[int, Keys, Floats]]:
        size = max(1, _BLOCK // max(1, len(self)))
        for start in range(0, len(batch), size):
            part = slice(start, start + size)
            scores = self._scores(batch[part])
            rows = np.flatnonzero(left_out[part] >= 0)
            scores[rows, left_out[part][rows]] = -np.inf
            keys = order_keys(scores, self._places)
            relevant = np.take_along_axis(keys, np.maximum(columns[part], 0), axis=1)
            keys.sort(axis=1)
            missing = (columns[part] < 0) | np.isneginf(key_scores(relevant))
            ranks = np.where(missing, np.inf, ranks_among(relevant, keys))
            yield start, keys[:, ::-1][:, :depth], ranks

    @abstractmethod
    def _scores(self, batch: QueryBatch) -> Scores:
        """A new array of shape (queries, documents)."""


class ExactPool(ScoredPool):
    """Scores by matrix products; equal vectors get the score of the first of them, so that rounding breaks no tie."""

    exact = True

    def __init__(self, indexes: Mapping[str, DenseIndex]) -> None:
        super().__init__({code: index.ids for code, index in indexes.items()})
        # Copied into one array: numbers mapped from the files are not aligned, and cannot be multiplied.
        (dimension,) = {index.faiss.d for index in indexes.values()}
        self._vectors = np.empty((len(self), dimension), np.float32)
        start = 0
        for index in indexes.values():
            index.vectors(self._vectors[start : start + index.count])
            start += index.count
        digests = b"".join(hashlib.blake2b(row.data, digest_size=16).digest() for row in self._vectors)
        _, first, inverse = np.unique(np.frombuffer(digests, "S16"), return_index=True, return_inverse=True)
        self._first_equal = first[inverse] if len(first) < len(self) else None

    def _scores(self, batch: QueryBatch) -> Scores:
        scores: Scores = batch.vectors @ self._vectors.T
        return scores if self._first_equal is None else scores[:, self._first_equal]


class ApproximatePool(Pool):
    """Scores and candidates as FAISS gives them, one search per language, merged."""

    def __init__(self, indexes: Mapping[str, DenseIndex]) -> None:
        super().__init__({code: index.ids for code, index in indexes.items()})
        self._indexes = list(indexes.values())

    def _rank(
        self, batch: QueryBatch, columns: Columns, left_out: Columns, depth: int
    ) -> Iterator[tuple[int, Keys, Floats]]:
        parts, offset = [], 0
        for index in self._indexes:
            # One more, for the document that may be left out.
            scores, rows = index.search(batch.vectors, depth + 1)
            missing = (rows < 0) | (rows + offset == left_out[:, None])
            places = self._places[np.maximum(rows, 0) + offset]
            parts.append(order_keys(np.where(missing, np.float32(-np.inf), scores), places))
            offset += index.count
        keys = np.sort(np.concatenate(parts, axis=1), axis=1)[:, ::-1][:, :depth]
        top = np.where(np.isneginf(key_scores(keys)), -1, self._by_place[key_places(keys)])
        ranks = np.full(columns.shape, np.inf)
        for at in range(columns.shape[1]):
            matches = (top == columns[:, at : at + 1]) & (columns[:, at : at + 1] >= 0)
            retrieved = np.flatnonzero(matches.any(axis=1))
            ranks[retrieved, at] = matches[retrieved].argmax(axis=1) + 1
        yield 0, keys, ranks
