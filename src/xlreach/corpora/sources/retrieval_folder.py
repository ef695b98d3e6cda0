"""The generic retrieval folder: three files that anybody can write.

    corpus.jsonl    {"_id": "d1", "title": "", "text": "…", "language": "mt"}
    queries.jsonl   {"_id": "q1", "text": "…", "language": "en", "group": "1"}
    qrels.tsv       query-id <TAB> corpus-id <TAB> score      (with this header)

The corpus is streamed, never held in memory: a first pass checks it and records its languages and the languages of the
judged documents; `documents` then reads it again for one language.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from xlreach.corpora.collection import DANGLING, Collection, Document, Qrels, Query
from xlreach.corpora.dataset import DATASETS, DatasetSpec, Kind, check_language
from xlreach.corpora.formats.json_lines import parse_json_lines, write_json_lines
from xlreach.corpora.formats.lines import numbered_lines, parse_lines, write_lines
from xlreach.corpora.layout import inside
from xlreach.errors import DataError, nearest
from xlreach.languages import canonical_code
from xlreach.safe_io import whole_number
from xlreach.spec import param

_FILES = ("corpus.jsonl", "queries.jsonl", "qrels.tsv")
_HEADER = "query-id\tcorpus-id\tscore"


@DATASETS.register
@dataclass(frozen=True)
class Folder(DatasetSpec):
    """A retrieval folder below the data root: `corpus.jsonl`, `queries.jsonl`, `qrels.tsv`."""

    name: ClassVar[str] = "folder"
    kinds: ClassVar[tuple[Kind, ...]] = ("collection",)
    member: str = param(help="the folder, below the data root", member=True)
    language: str | None = param(None, "the language of rows that give none (as in BEIR)")
    self_retrieving: bool = param(False, "whether a document with a query's id is the query, as in ArguAna")
    pooled: bool = param(False, "whether only some documents of each query are judged, as in TREC")

    def _open(self, root: Path) -> FolderCollection:
        folder = inside(root, self.member)
        if not folder.is_dir():
            raise DataError(f"There is no folder {self.member!r} in {root}.", fix=nearest(str(self), self._below(root)))
        return FolderCollection(folder, name=str(self), language=self.language)

    @classmethod
    def _find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        for name in cls._below(root):
            yield name, FolderCollection(inside(root, name.removeprefix("folder:"))).languages

    @staticmethod
    def _below(root: Path) -> list[str]:
        folders = {path.parent for depth in ("*", "*/*", "*/*/*") for path in root.glob(f"{depth}/corpus.jsonl")}
        return [f"folder:{folder.relative_to(root).as_posix()}" for folder in sorted(folders)]


class FolderCollection(Collection):
    """A collection in the three files of the generic layout."""

    def __init__(self, path: Path, name: str | None = None, language: str | None = None) -> None:
        self.path = Path(path)
        self.name = name or str(path)
        self._language = language
        for file in _FILES:
            if not (self.path / file).is_file():
                expected = f"A retrieval folder holds {', '.join(_FILES)}."
                raise DataError("There is no such file.", expected=expected, path=self.path / file)

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(sorted({*self._scan[0], *(query.language for query in self._queries)}))

    def documents(self, language: str) -> Iterator[Document]:
        check_language(self, language)
        return (document for _, document in self._corpus() if document.language == language)

    def queries(self, language: str) -> list[Query]:
        check_language(self, language)
        return [query for query in self._queries if query.language == language]

    def qrels(self, query_language: str, document_language: str) -> Qrels:
        check_language(self, query_language), check_language(self, document_language)
        wanted = {query.id: dict[str, int]() for query in self.queries(query_language)}
        languages, judged_in = self._scan
        # A document that is not there counts as one of the query's language.
        home = query_language if query_language in languages else min(languages)
        for (query, document), (grade, _) in self._judgments.items():
            if query in wanted and judged_in.get(document, home) == document_language:
                wanted[query][document] = grade
        return {query: judged for query, judged in wanted.items() if judged}

    def files(self, languages: Iterable[str]) -> list[Path]:
        return sorted(self.path / file for file in _FILES) if set(languages) & set(self.languages) else []

    @cached_property
    def _queries(self) -> list[Query]:
        path = self.path / "queries.jsonl"
        queries: dict[str, Query] = {}
        for number, query in parse_json_lines(path, self._query):
            if query.id in queries:
                raise DataError(f"The id {query.id!r} is used twice.", path=path, line=number)
            queries[query.id] = query
        if not queries:
            raise DataError("There is no query in the file.", path=path)
        return list(queries.values())

    def _query(self, row: dict[str, Any]) -> Query:
        identifier = _identifier(row)
        return Query(identifier, self._code(row), _text(row), str(row.get("group") or identifier))

    @cached_property
    def _judgments(self) -> dict[tuple[str, str], tuple[int, int]]:
        """(query, document) → (relevance, line)."""
        path = self.path / "qrels.tsv"
        judgments: dict[tuple[str, str], tuple[int, int]] = {}
        for _, header in islice(numbered_lines(path), 1):
            if header != _HEADER:
                raise DataError(f"Header {header!r}.", expected=_HEADER, path=path, line=1)
        query_ids = {query.id for query in self._queries}
        for number, (query, document, grade) in parse_lines(path, _judgment, first=2):
            if (query, document) in judgments:
                raise DataError(f"Query {query!r} and document {document!r} are judged twice.", path=path, line=number)
            if query not in query_ids:
                raise DataError(f"Query {query!r} is not in queries.jsonl.", path=path, line=number)
            judgments[query, document] = (grade, number)
        if not judgments:
            raise DataError("There is no judgment in the file.", path=path)
        return judgments

    @cached_property
    def _scan(self) -> tuple[set[str], dict[str, str]]:
        """Reads the corpus once and checks it; returns its languages, and the language of each judged document."""
        path = self.path / "corpus.jsonl"
        wanted = {document for _, document in self._judgments}
        languages: set[str] = set()
        judged: dict[str, str] = {}
        # Eight bytes an id, so that the ids of tens of millions of documents can be compared.
        hashes = array("q")
        for _, document in self._corpus():
            languages.add(document.language)
            hashes.append(hash(document.id))
            if document.id in wanted:
                judged[document.id] = document.language
        if not hashes:
            raise DataError("There is no document in the file.", path=path)
        values, counts = np.unique(np.frombuffer(hashes, dtype=np.int64), return_counts=True)
        self._check_unique(set(values[counts > 1].tolist()), path)
        absent = wanted - judged.keys()
        if len(absent) > DANGLING * len(wanted):
            name, number = next((name, line) for (_, name), (_, line) in self._judgments.items() if name in absent)
            seen = f"Document {name!r} is not in corpus.jsonl: {len(absent)} of {len(wanted)} judged documents are not."
            raise DataError(seen, path=self.path / "qrels.tsv", line=number)
        return languages, judged

    def _check_unique(self, suspects: set[int], path: Path) -> None:
        seen = set()
        for number, document in self._corpus() if suspects else ():
            if hash(document.id) in suspects:
                if document.id in seen:
                    raise DataError(f"The id {document.id!r} is used twice.", path=path, line=number)
                seen.add(document.id)

    def _corpus(self) -> Iterator[tuple[int, Document]]:
        return parse_json_lines(self.path / "corpus.jsonl", self._document)

    def _document(self, row: dict[str, Any]) -> Document:
        return Document(_identifier(row), self._code(row), _text(row), str(row.get("title") or ""))

    def _code(self, row: dict[str, Any]) -> str:
        language = row.get("language", self._language)
        code = canonical_code(language) if isinstance(language, str) else None
        if code is None:
            seen = "The field 'language' is missing." if language is None else f"Unknown language {language!r}."
            fix = "" if language else "For files in one language: folder:PATH(language=CODE)."
            raise DataError(seen, expected="Expected a language code.", fix=fix)
        return code


def write_collection(
    folder: Path,
    documents: Iterable[Document],
    queries: Iterable[Query],
    qrels: Mapping[str, Mapping[str, int]],
) -> None:
    """Writes the generic layout; `FolderCollection` reads it back."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_json_lines(
        folder / "corpus.jsonl",
        ({"_id": d.id, "title": d.title, "text": d.text, "language": d.language} for d in documents),
    )
    write_json_lines(
        folder / "queries.jsonl",
        ({"_id": q.id, "text": q.text, "language": q.language, "group": q.group} for q in queries),
    )
    rows = (f"{query}\t{doc}\t{score}" for query, judged in qrels.items() for doc, score in judged.items())
    write_lines(folder / "qrels.tsv", chain([_HEADER], rows))


def _judgment(line: str) -> tuple[str, str, int]:
    columns = line.split("\t")
    if len(columns) != 3 or whole_number(columns[2].strip().removeprefix("-")) is None:
        expected = "Expected a query id, a document id and a whole number, separated by tabs."
        raise DataError(f"{line!r}.", expected=expected)
    return columns[0], columns[1], int(columns[2])


def _identifier(row: dict[str, Any]) -> str:
    value = row.get("_id", row.get("id"))
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value or any(character.isspace() for character in value):
        seen = "The field '_id' is missing." if value is None else f"Id {value!r}."
        raise DataError(seen, expected="Expected a word without white space in '_id'.")
    return value


def _text(row: dict[str, Any]) -> str:
    text = row.get("text")
    if not isinstance(text, str):
        seen = "The field 'text' is missing." if text is None else f"The text is {text!r}."
        raise DataError(seen, expected="Expected a string in 'text'.")
    return text
