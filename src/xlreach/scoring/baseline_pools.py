"""Pools that are not ranked by an encoder alone: BM25, chance, and two rankings fused.

In the multi setting BM25 has one index over the documents of all languages, so that its scores can be compared: with
an index a language, a word that is rare in one of them would weigh more there.
"""

from __future__ import annotations

import zlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xlreach.corpora.collection import Document
from xlreach.errors import DataError
from xlreach.retrieval.bm25 import BM25Index
from xlreach.retrieval.index import DenseIndex, document_text
from xlreach.retrieval.retrievers import BM25, Blend, Fusion, Random, ReciprocalRanks, Retriever
from xlreach.scoring.document_pools import BLOCK, Columns, Keyed, Pool, QueryBatch, open_pool, rank_block
from xlreach.scoring.ranks import Scores


def retriever_pool(
    retriever: Retriever, documents: Mapping[str, Sequence[Document]], indexes: Mapping[str, DenseIndex]
) -> Pool:
    """The pool that a retriever ranks.

    Args:
        retriever: From `RETRIEVERS`.
        documents: By language; needed by what looks at texts.
        indexes: By language; needed where the retriever uses an encoder.

    Raises:
        DataError: The indexes hold other documents than `documents`.
    """
    if isinstance(retriever, Fusion):
        parts = [retriever_pool(part, documents, indexes) for part in retriever.parts]
        if parts[0].ids != parts[1].ids:
            raise DataError(
                "The indexes do not hold the collection's documents.", fix="Build them again from this collection."
            )
        return FusedPool(parts, retriever)
    if retriever.uses_encoder:
        return open_pool(indexes)
    if isinstance(retriever, BM25):
        return BM25Pool(documents, retriever)
    if isinstance(retriever, Random):
        return RandomPool(documents, retriever)
    raise DataError(f"Nothing here ranks by {retriever}.")


class ScoredPool(Pool):
    """Ranks by a matrix of scores, −∞ where a document is not retrieved."""

    exact = False

    def _keys(self, batch: QueryBatch, columns: Columns, left_out: Columns, depth: int) -> Iterator[Keyed]:
        size = max(1, BLOCK // max(1, len(self)))
        for start in range(0, len(batch), size):
            part = slice(start, start + size)
            scores = self._scores(batch[part])
            keys, ranks = rank_block(scores, self._places, columns[part], left_out[part], depth)
            own_scores = np.take_along_axis(scores, np.maximum(columns[part], 0), axis=1)
            yield start, keys, np.where(own_scores == -np.inf, np.inf, ranks)

    @abstractmethod
    def _scores(self, batch: QueryBatch) -> Scores:
        """Shape (queries, documents)."""


class BM25Pool(ScoredPool):
    """BM25."""

    def __init__(self, documents: Mapping[str, Sequence[Document]], spec: BM25) -> None:
        super().__init__({code: [document.id for document in of_language] for code, of_language in documents.items()})
        self._index = BM25Index(
            (document_text(document) for of_language in documents.values() for document in of_language), spec
        )

    def _scores(self, batch: QueryBatch) -> Scores:
        return self._index.scores(batch.texts)


class RandomPool(ScoredPool):
    """A random order that a seed and the query's id decide."""

    exact = True

    def __init__(self, documents: Mapping[str, Sequence[Document]], spec: Random) -> None:
        super().__init__({code: [document.id for document in of_language] for code, of_language in documents.items()})
        self._seed = spec.seed

    def _scores(self, batch: QueryBatch) -> Scores:
        seeds = [[self._seed, zlib.crc32(name.encode("utf-8", "surrogatepass"))] for name in batch.ids]
        rows = [np.random.default_rng(seed).random(len(self), np.float32) for seed in seeds]
        return np.stack(rows) if rows else np.zeros((0, len(self)), np.float32)


class FusedPool(ScoredPool):
    """Two rankings by their ranks or their scores; a document that neither retrieves is not retrieved."""

    def __init__(self, parts: Sequence[Pool], spec: Fusion) -> None:
        first = parts[0]
        ids = {
            code: [first.ids[column] for column in np.flatnonzero(first.language_of == at)]
            for at, code in enumerate(first.languages)
        }
        super().__init__(ids)
        self._parts, self._spec = parts, spec

    def _scores(self, batch: QueryBatch) -> Scores:
        fused = np.zeros((len(batch), len(self)))
        retrieved = np.zeros(fused.shape, bool)
        assert isinstance(self._spec, ReciprocalRanks | Blend)
        for number, part in enumerate(self._parts):
            depth = min(self._spec.depth, len(self))
            for block in part.search(batch, [{}] * len(batch), depth):
                rows, ranks = np.nonzero(block.columns >= 0)
                columns = block.columns[rows, ranks]
                fused[block.start + rows, columns] += self._shares(number, block.scores)[rows, ranks]
                retrieved[block.start + rows, columns] = True
        return np.where(retrieved, fused, -np.inf).astype(np.float32)

    def _shares(self, at: int, scores: Scores) -> NDArray[np.float64]:
        """What each rank of a ranking adds, shape as `scores`, which fall along each row and end in −∞."""
        if isinstance(self._spec, ReciprocalRanks):
            return np.broadcast_to(1 / (self._spec.k + 1 + np.arange(scores.shape[1])), scores.shape)
        assert isinstance(self._spec, Blend)
        retrieved = np.isfinite(scores)
        values = np.where(retrieved, scores, 0).astype(np.float64)
        lowest = np.where(retrieved, values, np.inf).min(axis=1, keepdims=True, initial=np.inf)
        if isinstance(self._parts[at], BM25Pool):
            lowest = np.zeros_like(lowest)  # the score of what is not retrieved
        span = values.max(axis=1, keepdims=True, initial=-np.inf) - lowest
        weight = self._spec.weight if at == 0 else 1 - self._spec.weight
        return weight * np.divide(values - lowest, span, out=np.ones_like(values), where=span > 0)
