"""Search over one, several or all languages, as one ranking.

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
    """A document that was found; `score` is its cosine to the query."""

    id: str
    language: str
    score: float
    text: str
    title: str = ""


def search(encoder: TextEncoder, queries: Sequence[str], indexes: Sequence[DenseIndex], k: int = 10) -> list[list[Hit]]:
    """The `k` best documents of all indexes together, for each query.

    Args:
        encoder: The one that the indexes were built with.
        queries: Texts.
        indexes: Opened with `open_index(folder, encoder)`.
        k: Documents a query.

    Raises:
        IndexFolderError: An index is another encoder's.
    """
    for index in indexes:
        if index.manifest["encoder_fingerprint"] != encoder.fingerprint:
            raise IndexFolderError("Built with another encoder.", path=index.folder)
    vectors = encoder.encode(queries, "query")
    scores, places, rows = _ordered(vectors, indexes, k)
    documents: dict[tuple[int, int], Document] = {}
    for place, index in enumerate(indexes):
        own = np.unique(rows[(places == place) & (rows >= 0)]).tolist()
        documents |= {(place, row): one for row, one in zip(own, index.documents(own), strict=True)}
    return [
        [_hit(documents[place, row], score) for score, place, row in zip(*one, strict=True) if row >= 0]
        for one in zip(scores.tolist(), places.tolist(), rows.tolist(), strict=True)
    ]


def rank(vectors: Vectors, indexes: Sequence[DenseIndex], k: int, own: Sequence[str] = ()) -> list[Ranked]:
    """As `search`, from query vectors to document ids.

    Args:
        vectors: Of the queries.
        indexes: As there.
        k: Documents a query.
        own: The ids of the queries, if a document that has its query's id is left out (in bitext it is the query).
    """
    if own:
        wide = rank(vectors, indexes, k + 1)
        return [[one for one in found if one[0] != name][:k] for name, found in zip(own, wide, strict=True)]
    scores, places, rows = _ordered(vectors, indexes, k)
    if len(indexes) == 1:
        of = indexes[0].ids
        named = [list(map(of.__getitem__, one)) for one in rows.tolist()]  # of row -1 too, which is left out below
    else:
        ids = [index.ids for index in indexes]
        named = [
            [ids[place][row] for place, row in zip(*one, strict=True)]
            for one in zip(places.tolist(), rows.tolist(), strict=True)
        ]
    counts = (rows >= 0).sum(axis=1).tolist()
    return [list(zip(*one, strict=True))[:n] for *one, n in zip(named, scores.tolist(), counts, strict=True)]


def write_search_run(path: Path, queries: Sequence[str], ranked: Sequence[Ranked], tag: str = "xlreach") -> int:
    """Writes rankings as a TREC run; returns the number of lines.

    Args:
        path: The file.
        queries: Query ids.
        ranked: The ranking of each.
        tag: The run's name.

    Raises:
        DataError: An id holds white space, which the format cannot carry, or two indexes hold the same one.
    """
    for query, found in zip(queries, ranked, strict=True):
        names = [name for name, _ in found]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(
                f"The query {query!r} finds the document id {twice!r} in two indexes.",
                expected="A run names a document by its id alone.",
                fix="Search one language at a time, or give documents ids of their own.",
            )
    try:
        return write_run(path, zip(queries, ranked, strict=True), tag)
    except ValueError as error:
        raise DataError(f"{error}.", fix="Give documents and queries ids without white space.", path=path) from error


def trec_order(pairs: Ranked) -> Ranked:
    """Best score first; equal scores by document id, last first, as trec_eval has it."""
    return sorted(sorted(pairs, key=lambda one: one[0], reverse=True), key=lambda one: -one[1])


def _hit(document: Document, score: float) -> Hit:
    return Hit(document.id, document.language, score, document.text, document.title)


def _ordered(
    vectors: Vectors, indexes: Sequence[DenseIndex], k: int
) -> tuple[Vectors, NDArray[np.int64], NDArray[np.int64]]:
    """Scores, numbers of the indexes and rows there of the `k` best of all, for each query; row −1 where nothing is."""
    found = [index.search(vectors, k) for index in indexes]
    scores = np.concatenate([one for one, _ in found], axis=1)
    rows = np.concatenate([one for _, one in found], axis=1)
    places = np.broadcast_to(np.repeat(np.arange(len(found)), [one.shape[1] for _, one in found]), rows.shape)
    scores = np.where(rows >= 0, scores, -np.inf).astype(np.float32)
    if len(indexes) > 1:
        order = np.argsort(-scores, axis=1, kind="stable")
        scores, places, rows = (np.take_along_axis(one, order, axis=1) for one in (scores, places, rows))
    tied = ((scores[:, 1:] == scores[:, :-1]) & (rows[:, 1:] >= 0)).any(axis=1)
    places, rows = places.copy(), rows.copy()
    for query in np.flatnonzero(tied):
        names = [indexes[at].ids[row] if row >= 0 else "" for at, row in zip(places[query], rows[query], strict=True)]
        by_id = sorted(range(len(names)), key=lambda at: (scores[query, at], names[at]), reverse=True)
        places[query], rows[query] = places[query, by_id], rows[query, by_id]
    return scores[:, :k], places[:, :k], rows[:, :k]
