"""Pools that are not ranked by an encoder alone: BM25, chance, and two rankings fused.

In the multi setting, BM25 has one index over the documents of all languages, so that scores can be compared: with one
index per language, a word that is rare in one of them would weigh more there.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xlreach.corpora.collection import Document
from xlreach.errors import DataError
from xlreach.retrieval.bm25 import BM25Index
from xlreach.retrieval.index import DenseIndex, document_text
from xlreach.retrieval.retrievers import BM25, Blend, Fusion, Random, ReciprocalRanks, Retriever
from xlreach.scoring.document_pools import ApproximatePool, ExactPool, Pool, QueryBatch, ScoredPool
from xlreach.scoring.ranks import Scores

Documents = Mapping[str, Sequence[Document]]


def open_pool(retriever: Retriever, documents: Documents, indexes: Mapping[str, DenseIndex]) -> Pool:
    """The pool that a retriever ranks: of documents by language, or for an encoder of indexes by language.

    Raises:
        DataError: The indexes do not hold the same documents as `documents`.
    """
    if isinstance(retriever, Fusion):
        return FusedPool(documents, [open_pool(part, documents, indexes) for part in retriever.parts], retriever)
    if retriever.uses_encoder:
        return ExactPool(indexes) if all(index.exact for index in indexes.values()) else ApproximatePool(indexes)
    if isinstance(retriever, BM25):
        return BM25Pool(documents, retriever)
    if isinstance(retriever, Random):
        return RandomPool(documents, retriever)
    raise DataError(f"Nothing here ranks by {retriever}.")


class BM25Pool(ScoredPool):
    """BM25."""

    def __init__(self, documents: Documents, spec: BM25) -> None:
        super().__init__(_ids(documents))
        self._index = BM25Index(
            (document_text(document) for of_language in documents.values() for document in of_language), spec
        )

    def _scores(self, batch: QueryBatch) -> Scores:
        return self._index.scores([query.text for query in batch.queries])


class RandomPool(ScoredPool):
    """A random order, determined by a seed and the query's id."""

    exact = True

    def __init__(self, documents: Documents, spec: Random) -> None:
        super().__init__(_ids(documents))
        self._seed = spec.seed

    def _scores(self, batch: QueryBatch) -> Scores:
        seeds = [[self._seed, zlib.crc32(name.encode("utf-8", "surrogatepass"))] for name in batch.ids]
        rows = [np.random.default_rng(seed).random(len(self), np.float32) for seed in seeds]
        return np.stack(rows) if rows else np.zeros((0, len(self)), np.float32)


class FusedPool(ScoredPool):
    """Two rankings combined by ranks or by scores; a document that neither retrieves is not retrieved."""

    def __init__(self, documents: Documents, parts: Sequence[Pool], spec: Fusion) -> None:
        super().__init__(_ids(documents))
        if any(part.ids != self.ids for part in parts):
            raise DataError(
                "The indexes do not hold the collection's documents.", fix="Build them again from this collection."
            )
        self._parts, self._spec = parts, spec

    def _scores(self, batch: QueryBatch) -> Scores:
        fused = np.zeros((len(batch), len(self)))
        retrieved = np.zeros(fused.shape, bool)
        assert isinstance(self._spec, ReciprocalRanks | Blend)
        for number, part in enumerate(self._parts):
            for block in part.search(batch, [{}] * len(batch), self._spec.depth):
                rows, ranks = np.nonzero(block.columns >= 0)
                columns = block.columns[rows, ranks]
                fused[block.start + rows, columns] += self._shares(number, block.scores)[rows, ranks]
                retrieved[block.start + rows, columns] = True
        return np.where(retrieved, fused, -np.inf).astype(np.float32)

    def _shares(self, number: int, scores: Scores) -> NDArray[np.float64]:
        """What each rank of ranking `number` adds, shape as `scores`, which descend along each row and end in −∞."""
        if isinstance(self._spec, ReciprocalRanks):
            return np.broadcast_to(1 / (self._spec.k + 1 + np.arange(scores.shape[1])), scores.shape)
        assert isinstance(self._spec, Blend)
        retrieved = np.isfinite(scores)
        values = np.where(retrieved, scores, 0).astype(np.float64)
        lowest = np.where(retrieved, values, np.inf).min(axis=1, keepdims=True, initial=np.inf)
        if isinstance(self._parts[number], BM25Pool):
            lowest = np.zeros_like(lowest)  # the score of what is not retrieved
        span = values.max(axis=1, keepdims=True, initial=-np.inf) - lowest
        weight = self._spec.weight if number == 0 else 1 - self._spec.weight
        return weight * np.divide(values - lowest, span, out=np.ones_like(values), where=span > 0)


def _ids(documents: Documents) -> dict[str, list[str]]:
    return {code: [document.id for document in of_language] for code, of_language in documents.items()}
