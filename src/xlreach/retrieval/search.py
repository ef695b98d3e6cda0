"""Search over one, several or all languages, as one ranking.

Queries are encoded and searched in one batch per index: FAISS answers a batch several times faster than the same
queries one by one. Equal scores are ordered as trec_eval orders them, by document id, last first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xlreach.corpora.collection import Document
from xlreach.corpora.trec import write_run
from xlreach.errors import DataError, IndexFolderError
from xlreach.retrieval.encoding import TextEncoder, Vectors
from xlreach.retrieval.index import OpenIndex

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


def search(encoder: TextEncoder, queries: Sequence[str], indexes: Sequence[OpenIndex], k: int = 10) -> list[list[Hit]]:
    """The `k` best documents of all indexes together, for each query.

    Args:
        encoder: The one that the indexes were built with.
        queries: Texts.
        indexes: Opened with `open_index(folder, encoder)`.
        k: Documents a query.

    Raises:
        IndexFolderError: An index is another encoder's, or two hold the same document id.
    """
    for index in indexes:
        if index.manifest["encoder_fingerprint"] != encoder.fingerprint:
            raise IndexFolderError("Built with another encoder.", path=index.folder)
    vectors = encoder.encode(queries, "query")
    found = _candidates(vectors, indexes, k)
    documents: dict[tuple[int, int], Document] = {}
    for place, index in enumerate(indexes):
        rows = list({row: None for candidates in found for _, _, at, row in candidates if at == place})
        documents |= {(place, row): one for row, one in zip(rows, index.documents(rows), strict=True)}
    return [[_hit(documents[place, row], score) for score, _, place, row in candidates] for candidates in found]


def rank(vectors: Vectors, indexes: Sequence[OpenIndex], k: int) -> list[Ranked]:
    """As `search`, from query vectors to document ids."""
    return [[(name, score) for score, name, _, _ in one] for one in _candidates(vectors, indexes, k)]


def write_search_run(path: Path, queries: Sequence[str], ranked: Sequence[Ranked], tag: str = "xlreach") -> int:
    """Writes rankings as a TREC run; returns the number of lines.

    Args:
        path: The file.
        queries: Query ids.
        ranked: The ranking of each.
        tag: The run's name.

    Raises:
        DataError: An id holds white space, which the format cannot carry.
    """
    try:
        return write_run(path, zip(queries, ranked, strict=True), tag)
    except ValueError as error:
        raise DataError(f"{error}.", fix="Give documents and queries ids without white space.", path=path) from error


def trec_order(pairs: Ranked) -> Ranked:
    """Best score first; equal scores by document id, last first, as trec_eval has it."""
    return sorted(sorted(pairs, key=lambda one: one[0], reverse=True), key=lambda one: -one[1])


def _hit(document: Document, score: float) -> Hit:
    return Hit(document.id, document.language, score, document.text, document.title)


def _candidates(vectors: Vectors, indexes: Sequence[OpenIndex], k: int) -> list[list[tuple[float, str, int, int]]]:
    """(score, id, which index, row) of the `k` best, for each query."""
    found: list[list[tuple[float, str, int, int]]] = [[] for _ in range(len(vectors))]
    for place, index in enumerate(indexes):
        scores, rows = index.search(vectors, k)
        ids = index.ids
        for query, (row_scores, row_numbers) in enumerate(zip(scores.tolist(), rows.tolist(), strict=True)):
            found[query].extend(
                (score, ids[row], place, row) for score, row in zip(row_scores, row_numbers, strict=True) if row >= 0
            )
    for candidates in found:
        candidates.sort(reverse=True)
        del candidates[k:]
    return found
