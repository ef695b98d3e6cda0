"""One query to several encoders: how each reads it, and what the index of each language finds.

The page sends plain JSON and gets plain JSON; nothing here knows of HTTP.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from xlreach.adapt.romanize import input_transform
from xlreach.corpora.collection import Collection
from xlreach.errors import XLReachError
from xlreach.explore.catalog import Catalog, Entry
from xlreach.retrieval.encoding import TextEncoder
from xlreach.retrieval.index import DenseIndex, open_index

LONGEST = 20_000  # characters of a query
MOST_HITS = 50
_MOST_OPEN = 4  # encoders in memory
_EXAMPLES = 3  # of a language
_MOST_TOKENS = 600
_DEPTH = 1_000  # how far down a ranking the first relevant document is looked for
_SHOWN = 1_200  # characters of a document


class RequestError(XLReachError):
    """A request that the page would not send."""


class Explorer:
    """Answers queries to what a catalog holds, one at a time."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._opened = lru_cache(_MOST_OPEN)(_open)
        self._queries = {name: self._queries_of(collection) for name, collection in catalog.collections.items()}
        self._lock = threading.Lock()

    def about(self) -> dict[str, Any]:
        """What the page offers: encoders, collections with their languages, and queries to try."""
        collections = dict.fromkeys(name for entry in self.catalog.entries for name in entry.indexes)
        return {
            "title": self.catalog.title,
            "longest": LONGEST,
            "notes": list(self.catalog.notes),
            "encoders": [
                {
                    "name": entry.name,
                    "label": entry.label,
                    "languages": {name: list(folders) for name, folders in entry.indexes.items()},
                }
                for entry in self.catalog.entries
            ],
            "collections": [{"name": name, "examples": self._examples(name)} for name in collections],
        }

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to `{query, encoders, collection, languages, k}`.

        Returns:
            `{query, query_language, answers}`. `query_language` is the language of a query of the collection, whose
            relevant documents are marked; else None. An answer is `{encoder, read, tokens, seconds, languages}`, a
            language `{code, count, judged, first_relevant, hits}`, where `first_relevant` is the rank of its first
            relevant document, and a hit `{id, score, title, text, relevant}`.

        Raises:
            RequestError: A field is missing, of a wrong type or out of range.
            XLReachError: An encoder or index is damaged.
        """
        query, entries, collection, languages, k = check_request(request, self.catalog)
        if not query.strip():
            return {"query": query, "query_language": None, "answers": []}
        with self._lock:
            language, relevant = self._judgements(query, collection)
            answers = []
            for entry in entries:
                folders = entry.indexes.get(collection, {})
                searched = {code: folder for code, folder in folders.items() if not languages or code in languages}
                answers.append(self._answer(entry, query, searched, k, relevant))
        return {"query": query, "query_language": language, "answers": answers}

    def _answer(
        self, entry: Entry, query: str, folders: Mapping[str, Path], k: int, relevant: Mapping[str, set[str]] | None
    ) -> dict[str, Any]:
        started = time.perf_counter()
        encoder, indexes = self._opened(entry.encoder)
        vector = encoder.encode([query], "query")
        answers = []
        for code, folder in folders.items():
            if folder not in indexes:
                indexes[folder] = open_index(folder, encoder)
            judged = None if relevant is None else relevant.get(code)
            answers.append({"code": code} | _search(indexes[folder], vector, k, judged))
        read, tokens = tokenize_query(encoder, query)
        return {
            "encoder": entry.name,
            "read": read,
            "tokens": tokens[:_MOST_TOKENS],
            "seconds": round(time.perf_counter() - started, 3),
            "languages": answers,
        }

    def _queries_of(self, collection: Collection) -> dict[str, list[tuple[str, str]]]:
        """(id, text) of the queries of a collection, by language."""
        indexed = {code for entry in self.catalog.entries for code in entry.indexes.get(collection.name, {})}
        languages = [code for code in collection.languages if code in indexed]
        return {code: [(query.id, query.text) for query in collection.queries(code)] for code in languages}

    def _examples(self, name: str) -> list[dict[str, str]]:
        return [
            {"language": code, "text": text}
            for code, queries in self._queries.get(name, {}).items()
            for _, text in queries[:: max(1, len(queries) // _EXAMPLES)][:_EXAMPLES]
        ]

    def _judgements(self, query: str, name: str) -> tuple[str | None, dict[str, set[str]] | None]:
        """The language of a query of the collection, and its relevant documents by language."""
        text = " ".join(query.split())
        for code, queries in self._queries.get(name, {}).items():
            ids = [number for number, other in queries if " ".join(other.split()) == text]
            relevant = {}
            for language in self._queries[name] if ids else ():
                judgements = self.catalog.collections[name].qrels(code, language)
                grades = [judgements[number] for number in ids if number in judgements]
                if grades:
                    relevant[language] = {name for graded in grades for name, grade in graded.items() if grade > 0}
            if ids:
                return code, relevant
        return None, None


def _open(folder: Path) -> tuple[TextEncoder, dict[Path, DenseIndex]]:
    """An encoder, and a place for the indexes built with it."""
    return TextEncoder(folder, dtype="fp32"), {}


def _search(index: DenseIndex, vector: np.ndarray, k: int, relevant: set[str] | None) -> dict[str, Any]:
    """The hits of one index, and the rank of the first relevant document where some are known."""
    scores, rows = index.search(vector, k if relevant is None else max(k, _DEPTH))
    ranked = [(float(score), int(row)) for score, row in zip(scores[0], rows[0], strict=True) if row >= 0]
    ranks = (rank for rank, (_, row) in enumerate(ranked, 1) if relevant and index.ids[row] in relevant)
    documents = index.documents([row for _, row in ranked[:k]])
    hits = [
        {
            "id": document.id,
            "score": round(score, 4),
            "title": document.title[:_SHOWN],
            "text": document.text[:_SHOWN],
            "relevant": None if relevant is None else document.id in relevant,
        }
        for (score, _), document in zip(ranked[:k], documents, strict=True)
    ]
    return {"count": index.count, "judged": relevant is not None, "first_relevant": next(ranks, None), "hits": hits}


def tokenize_query(encoder: TextEncoder, query: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A query as an encoder sees it, and the tokens that are read, but for special ones.

    The former is `{text, truncated, unknown, length}`: `text` with its prompt, transliterated and normalized; whether
    only its beginning is read; how many of the tokens the vocabulary lacks; and the tokens of the whole query. A token
    is `{text, unknown}`.
    """
    text = encoder.prompts.get("query", "") + input_transform(encoder.path)(query)
    tokenizer = encoder.model.tokenizer
    length = len(tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"])
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    ids = [number for number in tokenizer(text, truncation=True, verbose=False)["input_ids"] if number not in special]
    pieces = zip(ids, tokenizer.convert_ids_to_tokens(ids), strict=True)
    tokens = [{"text": str(piece), "unknown": number == tokenizer.unk_token_id} for number, piece in pieces]
    normalizer = getattr(getattr(tokenizer, "backend_tokenizer", None), "normalizer", None)
    if normalizer is not None:
        text = normalizer.normalize_str(text)
    unknown = sum(token["unknown"] for token in tokens)
    return {"text": text, "truncated": len(ids) < length, "unknown": unknown, "length": length}, tokens


def check_request(request: Mapping[str, Any], catalog: Catalog) -> tuple[str, list[Entry], str, list[str], int]:
    """The query, the encoders, the collection, the languages and how many hits a request asks for.

    Raises:
        RequestError: A field is missing, of a wrong type or out of range.
    """
    entries = {entry.name: entry for entry in catalog.entries}
    collections = {name for entry in catalog.entries for name in entry.indexes}
    query, names, collection = (request.get(field) for field in ("query", "encoders", "collection"))
    languages, k = request.get("languages", []), request.get("k", 10)
    if not isinstance(query, str) or "\0" in query:
        raise RequestError("The query is not a text.")
    if len(query) > LONGEST:
        raise RequestError(f"The query has {len(query):,} characters.", expected=f"Expected at most {LONGEST:,}.")
    if not isinstance(names, list) or not names or not all(isinstance(n, str) and n in entries for n in names):
        raise RequestError("Choose one encoder or more.")
    if not isinstance(collection, str) or collection not in collections:
        raise RequestError("There is no such collection.")
    if not isinstance(languages, list) or not all(isinstance(code, str) for code in languages):
        raise RequestError("The languages are not a list of codes.")
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MOST_HITS:
        raise RequestError(f"{str(k)[:20]} hits.", expected=f"Expected 1 to {MOST_HITS}.")
    return query, [entries[name] for name in dict.fromkeys(names)], collection, languages, k
