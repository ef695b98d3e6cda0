"""Searches the indexes of one or more languages, with one ranking of all documents.

Queries are encoded and searched in one batch per index: FAISS answers a batch several times faster than the same
queries one by one. Equal scores are ordered as trec_eval orders them, by document id, last first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlreach.corpora.collection import Document
from xlreach.corpora.formats.trec import write_run
from xlreach.errors import DataError, IndexFolderError
from xlreach.retrieval.encoding import TextEncoder, Vectors
from xlreach.retrieval.index import DenseIndex

Ranked = list[tuple[str, float]]
"""(document id, score), best first."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A document in a ranking; `score` is its cosine to the query."""

    id: str
    language: str
    score: float
    text: str
    title: str = ""


def search(encoder: TextEncoder, queries: Sequence[str], indexes: Sequence[DenseIndex], k: int = 10) -> list[list[Hit]]:
    """The `k` best documents of all indexes together, for each query.

    Raises:
        IndexFolderError: An index is another encoder's.
    """
    for index in indexes:
        if index.manifest["encoder_fingerprint"] != encoder.fingerprint:
            raise IndexFolderError("Built with another encoder.", path=index.folder)
    vectors = encoder.encode(queries, "query")
    scores, numbers, rows = _ordered(vectors, indexes, k)
    documents: dict[tuple[int, int], Document] = {}
    for number, index in enumerate(indexes):
        rows_of_index = np.unique(rows[(numbers == number) & (rows >= 0)]).tolist()
        for row, document in zip(rows_of_index, index.documents(rows_of_index), strict=True):
            documents[number, row] = document
    hits = []
    for result in zip(scores.tolist(), numbers.tolist(), rows.tolist(), strict=True):
        best = [(documents[number, row], score) for score, number, row in zip(*result, strict=True) if row >= 0]
        hits.append([Hit(match.id, match.language, score, match.text, match.title) for match, score in best])
    return hits


def rank(vectors: Vectors, indexes: Sequence[DenseIndex], k: int) -> list[Ranked]:
    """As `search`, from query vectors to document ids."""
    scores, numbers, rows = _ordered(vectors, indexes, k)
    ids = [index.ids for index in indexes]
    return [
        [(ids[number][row], score) for score, number, row in zip(*ranking, strict=True) if row >= 0]
        for ranking in zip(scores.tolist(), numbers.tolist(), rows.tolist(), strict=True)
    ]


def write_search_run(path: Path, queries: Sequence[str], ranked: Sequence[Ranked], tag: str = "xlreach") -> int:
    """Writes the rankings of queries (by id) as a TREC run of the name `tag`; returns the number of lines.

    Raises:
        DataError: An id contains white space, which the format does not allow, or two indexes have the same id.
    """
    for query, ranking in zip(queries, ranked, strict=True):
        names = [name for name, _ in ranking]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(
                f"The query {query!r} finds the document id {twice!r} in two indexes.",
                expected="A run names a document by its id alone.",
                fix="Search one language at a time, or give every document its own id.",
            )
    try:
        return write_run(path, zip(queries, ranked, strict=True), tag)
    except ValueError as error:
        raise DataError(f"{error}.", fix="Give documents and queries ids without white space.", path=path) from error


def _ordered(
    vectors: Vectors, indexes: Sequence[DenseIndex], k: int
) -> tuple[Vectors, NDArray[np.int64], NDArray[np.int64]]:
    """Scores, index numbers and rows of the `k` best of all indexes, each (queries, k); row −1 where there is none."""
    results = [index.search(vectors, k) for index in indexes]
    scores = np.concatenate([part for part, _ in results], axis=1)
    rows = np.concatenate([part for _, part in results], axis=1)
    numbers = np.broadcast_to(np.repeat(np.arange(len(results)), [part.shape[1] for _, part in results]), rows.shape)
    scores = np.where(rows >= 0, scores, -np.inf).astype(np.float32)
    if len(indexes) > 1:
        order = np.argsort(-scores, axis=1, kind="stable")
        scores, numbers, rows = (np.take_along_axis(part, order, axis=1) for part in (scores, numbers, rows))
    tied = ((scores[:, 1:] == scores[:, :-1]) & (rows[:, 1:] >= 0)).any(axis=1)
    numbers, rows = numbers.copy(), rows.copy()
    for query in np.flatnonzero(tied):
        names = [indexes[at].ids[row] if row >= 0 else "" for at, row in zip(numbers[query], rows[query], strict=True)]
        by_id = sorted(range(len(names)), key=lambda at: (scores[query, at], names[at]), reverse=True)
        numbers[query], rows[query] = numbers[query, by_id], rows[query, by_id]
    return scores[:, :k], numbers[:, :k], rows[:, :k]
