"""Collections of ir_datasets (MIRACL, NeuCLIR, CLIRMatrix, Mr. TyDi, …) by their own ids, through an optional extra.

An id has one language of queries and one of documents, given by its metadata or by the parameters. Downloads and access
to restricted data are handled by ir_datasets itself.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from xlreach.corpora.collection import Collection, Document, Qrels, Query
from xlreach.corpora.dataset import DATASETS, DatasetSpec, check_language
from xlreach.errors import DataError, MissingExtraError
from xlreach.languages import canonical_code
from xlreach.spec import param


@DATASETS.register
@dataclass(frozen=True)
class IrDatasets(DatasetSpec):
    """A data set of ir_datasets, by its id."""

    name: ClassVar[str] = "ir_datasets"
    license: ClassVar[str] = "see the documentation of ir_datasets"
    citation: ClassVar[str] = "MacAvaney et al. 2021, ir_datasets, SIGIR"
    member: str = param(help="its id, as in mr-tydi/sw/test", member=True)
    documents: str | None = param(None, "the documents' language, where ir_datasets does not give it")
    queries: str | None = param(None, "the queries' language, where ir_datasets does not give it")

    def _open(self, root: Path) -> IrCollection:
        try:
            ir_datasets = importlib.import_module("ir_datasets")
        except ImportError:
            raise MissingExtraError("ir-datasets", "ir-datasets", str(self)) from None
        try:
            data = ir_datasets.load(self.member)
        except KeyError:
            fix = "Ids are listed at https://ir-datasets.com."
            raise DataError(f"ir_datasets has no data set {self.member!r}.", fix=fix) from None
        languages = []
        for side, parameter, stated in (
            ("documents", self.documents, data.docs_lang()),
            ("queries", self.queries, data.queries_lang()),
        ):
            code = canonical_code(parameter or stated or "")
            if code is None:
                seen = f"ir_datasets gives {stated!r} as the language of the {side} of {self.member!r}."
                raise DataError(seen, fix=f"Give it: ir_datasets:{self.member}({side}=CODE).")
            languages.append(code)
        return IrCollection(str(self), data, languages[0], languages[1])


class IrCollection(Collection):
    """An ir_datasets data set as a collection; documents stream from its own store."""

    def __init__(self, name: str, data: Any, document_language: str, query_language: str) -> None:
        self.name, self._data = name, data
        self.pooled = min(data.qrels_defs(), default=1) < 1 if data.has_qrels() else False
        self._document_language, self._query_language = document_language, query_language

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(sorted({self._document_language, self._query_language}))

    def documents(self, language: str) -> Iterator[Document]:
        if check_language(self, language) == self._document_language:
            for document in self._data.docs_iter():
                title = getattr(document, "title", "") or ""
                text = document.text if hasattr(document, "text") else document.default_text()
                yield Document(document.doc_id, language, text, title if hasattr(document, "text") else "")

    def queries(self, language: str) -> list[Query]:
        if check_language(self, language) != self._query_language:
            return []
        queries = self._data.queries_iter()
        return [Query(query.query_id, language, query.default_text(), query.query_id) for query in queries]

    def qrels(self, query_language: str, document_language: str) -> Qrels:
        qrels: Qrels = {}
        if (query_language, document_language) == (self._query_language, self._document_language):
            for judgment in self._data.qrels_iter():
                qrels.setdefault(judgment.query_id, {})[judgment.doc_id] = int(judgment.relevance)
        return qrels

    def files(self, languages: Iterable[str]) -> list[Path]:
        """None: ir_datasets keeps and verifies its files itself; the id names them."""
        return []
