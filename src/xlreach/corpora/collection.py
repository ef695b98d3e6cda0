"""Retrieval collections: documents and queries in several languages, and which document answers which query.

`Collection` is what every retrieval data set becomes. No embedding, no search, no scoring.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xlreach.corpora.dataset import Dataset

Qrels = dict[str, dict[str, int]]
DANGLING = 0.01  # the share of absent ids from which judgements belong to other queries or documents


@dataclass(frozen=True, slots=True)
class Document:
    """A passage that can be retrieved."""

    id: str  # unique over the whole collection, without white space
    language: str  # as `Language.code`
    text: str
    title: str = ""  # what is encoded together with the text: a title, or the paragraph around a sentence


@dataclass(frozen=True, slots=True)
class Query:
    """A query."""

    id: str  # unique over the whole collection, without white space
    language: str  # as `Language.code`
    text: str
    group: str  # shared by the same question asked in several languages


class Collection(Dataset):
    """Documents, queries and judgments by language."""

    @abstractmethod
    def documents(self, language: str) -> Iterator[Document]:
        """The documents of one language, streaming."""

    @abstractmethod
    def queries(self, language: str) -> list[Query]:
        """The queries of one language, always in the same order."""

    @abstractmethod
    def qrels(self, query_language: str, document_language: str) -> Qrels:
        """Judged relevance as `{query id: {document id: grade}}`; empty where the two languages have no judgments."""

    def searched(self, languages: Iterable[str]) -> tuple[str, ...]:
        """Those of the languages that have documents; in some collections a language has only queries."""
        return tuple(code for code in languages if next(iter(self.documents(code)), None) is not None)

    def pairs(self, a: str, b: str) -> Iterator[tuple[str, str]]:
        """(query text in `a`, text of a relevant passage in `b`), for training."""
        judged = self.qrels(a, b)
        wanted = {doc for relevance in judged.values() for doc, grade in relevance.items() if grade > 0}
        texts = {document.id: document.text for document in self.documents(b) if document.id in wanted}
        for query in self.queries(a):
            for doc, grade in judged.get(query.id, {}).items():
                if grade > 0 and doc in texts:  # published judgments name documents that a reduced corpus lacks
                    yield query.text, texts[doc]
