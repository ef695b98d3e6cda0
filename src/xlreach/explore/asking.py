"""One question put to several encoders: how each reads it, and what each language's index gives.

The page sends plain JSON and gets plain JSON; nothing here knows of HTTP.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from xlreach.comparison.names import shortener
from xlreach.errors import XLReachError
from xlreach.explore.reading import read_query
from xlreach.explore.shelf import Entry, Shelf
from xlreach.retrieval.encoding import TextEncoder
from xlreach.retrieval.index import DenseIndex, open_index

LONGEST = 20_000
MOST_HITS = 50
_OPEN = 4  # encoders in memory
_EXAMPLES = 3
_MOST_PIECES = 600
_DEPTH = 1_000  # how far down relevant documents are looked for
_SHOWN = 1_200  # characters of a document


class RequestError(XLReachError):
    """A request that the page would not send."""


class Explorer:
    """Answers questions; one at a time, for encoding is what takes the time.

    Args:
        shelf: What can be asked.
    """

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self._open: OrderedDict[str, tuple[TextEncoder, dict[tuple[str, str], DenseIndex]]] = OrderedDict()
        self._known: dict[str, dict[str, list[tuple[str, str]]]] = {}
        self._lock = threading.Lock()

    def about(self) -> dict[str, Any]:
        """What the page offers: encoders, collections with their languages, and questions to try."""
        parts = {entry.name: entry.name.split("~") for entry in self.shelf.entries}
        short = shortener(part for own in parts.values() for part in own)
        shared = set.intersection(*map(set, parts.values())) if len(parts) > 1 else set()
        collections = dict.fromkeys(name for entry in self.shelf.entries for name in entry.indexes)
        return {
            "title": self.shelf.title,
            "longest": LONGEST,
            "notes": list(self.shelf.notes),
            "encoders": [
                {
                    "name": entry.name,
                    "short": " · ".join(short(part) for part in parts[entry.name] if part not in shared) or entry.name,
                    "languages": {name: list(folders) for name, folders in entry.indexes.items()},
                }
                for entry in self.shelf.entries
            ],
            "collections": [{"name": name, "examples": self._examples(name)} for name in collections],
        }

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to `{query, encoders, collection, languages, k}`.

        Returns:
            `{query, known, answers}`; `known` is the language of a question of the collection, whose relevant documents
            are marked; an answer is `{encoder, read, pieces, seconds, languages}`; a language is `{code, count, judged,
            first_relevant, hits}`, with the place of its first relevant document; a hit is `{id, score, title, text,
            relevant}`.

        Raises:
            RequestError: A field is missing, of a wrong type or out of range.
            XLReachError: An encoder or index is damaged.
        """
        query, names, collection, languages, k = _checked(request, self.shelf)
        if not query.strip():
            return {"query": query, "known": None, "answers": []}
        with self._lock:
            asked, relevant = self._judged(query, collection)
            answers = [self._answer(one, query, collection, languages, k, relevant) for one in names]
        return {"query": query, "known": asked, "answers": answers}

    def _answer(
        self,
        entry: Entry,
        query: str,
        collection: str,
        languages: list[str],
        k: int,
        relevant: Mapping[str, set[str]] | None,
    ) -> dict[str, Any]:
        started = time.perf_counter()
        encoder, opened = self._opened(entry)
        vectors = encoder.encode([query], "query")
        found = []
        for code, folder in entry.indexes.get(collection, {}).items():
            if languages and code not in languages:
                continue
            if (collection, code) not in opened:
                opened[collection, code] = open_index(folder, encoder)
            index = opened[collection, code]
            judged = None if relevant is None else relevant.get(code)
            scores, rows = index.search(vectors, k if judged is None else max(k, _DEPTH))
            ranked = [(float(score), int(row)) for score, row in zip(scores[0], rows[0], strict=True) if row >= 0]
            kept = ranked[:k]
            first = None
            if judged is not None:
                first = next((place for place, (_, row) in enumerate(ranked, 1) if index.ids[row] in judged), None)
            hits = [
                {
                    "id": document.id,
                    "score": round(score, 4),
                    "title": document.title[:_SHOWN],
                    "text": document.text[:_SHOWN],
                    "relevant": None if judged is None else document.id in judged,
                }
                for (score, _), document in zip(kept, index.documents([row for _, row in kept]), strict=True)
            ]
            about = {"code": code, "count": index.count, "judged": judged is not None, "first_relevant": first}
            found.append(about | {"hits": hits})
        read = read_query(encoder, query)
        return {
            "encoder": entry.name,
            "read": {"text": read.text, "cut": read.cut, "unknown": read.unknown, "length": read.length},
            "pieces": [{"text": piece, "unknown": unknown} for piece, unknown in read.pieces[:_MOST_PIECES]],
            "seconds": round(time.perf_counter() - started, 3),
            "languages": found,
        }

    def _opened(self, entry: Entry) -> tuple[TextEncoder, dict[tuple[str, str], DenseIndex]]:
        if entry.name not in self._open:
            while len(self._open) >= _OPEN:
                self._open.popitem(last=False)
            self._open[entry.name] = (TextEncoder(entry.encoder, dtype="fp32"), {})
        self._open.move_to_end(entry.name)
        return self._open[entry.name]

    def _questions(self, name: str) -> dict[str, list[tuple[str, str]]]:
        """(id, text) of a collection's questions by language."""
        if name not in self._known:
            known: dict[str, list[tuple[str, str]]] = {}
            if collection := self.shelf.collections.get(name):
                used = {code for entry in self.shelf.entries for code in entry.indexes.get(name, {})}
                for code in collection.languages:
                    if code in used:
                        known[code] = [(one.id, one.text) for one in collection.queries(code)]
            self._known[name] = known
        return self._known[name]

    def _examples(self, name: str) -> list[dict[str, str]]:
        found = []
        for code, questions in self._questions(name).items():
            step = max(1, len(questions) // _EXAMPLES)
            found += [{"language": code, "text": text} for _, text in questions[::step][:_EXAMPLES]]
        return found

    def _judged(self, query: str, name: str) -> tuple[str | None, dict[str, set[str]] | None]:
        """The language of a question of the collection, and its relevant documents by language."""
        squeezed = " ".join(query.split())
        for code, questions in self._questions(name).items():
            ids = [one for one, text in questions if " ".join(text.split()) == squeezed]
            if ids:
                collection = self.shelf.collections[name]
                found: dict[str, set[str]] = {}
                for other in self._questions(name):
                    judged = collection.qrels(code, other)
                    grades = [judged[one] for one in ids if one in judged]
                    if grades:
                        found[other] = {document for one in grades for document, grade in one.items() if grade > 0}
                return code, found
        return None, None


def _checked(request: Mapping[str, Any], shelf: Shelf) -> tuple[str, list[Entry], str, list[str], int]:
    entries = {entry.name: entry for entry in shelf.entries}
    collections = {name for entry in shelf.entries for name in entry.indexes}
    query, wanted, collection = (request.get(name) for name in ("query", "encoders", "collection"))
    languages, k = request.get("languages", []), request.get("k", 10)
    if not isinstance(query, str) or "\0" in query:
        raise RequestError("The query is no text.")
    if len(query) > LONGEST:
        raise RequestError(f"The query has {len(query):,} characters.", expected=f"Expected at most {LONGEST:,}.")
    if not isinstance(wanted, list) or not wanted or not all(isinstance(one, str) and one in entries for one in wanted):
        raise RequestError("Choose one encoder or more.")
    if not isinstance(collection, str) or collection not in collections:
        raise RequestError("There is no such collection.")
    if not isinstance(languages, list) or not all(isinstance(one, str) for one in languages):
        raise RequestError("The languages are no list of codes.")
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MOST_HITS:
        raise RequestError(f"{str(k)[:20]} hits.", expected=f"Expected 1 to {MOST_HITS}.")
    return query, [entries[one] for one in dict.fromkeys(wanted)], collection, languages, k
