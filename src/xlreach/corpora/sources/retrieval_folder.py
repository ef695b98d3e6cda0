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
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from xlreach.corpora.collection import Collection, Document, Qrels, Query
from xlreach.corpora.dataset import DATASETS, DatasetSpec, Kind, check_language
from xlreach.corpora.formats.json_lines import read_json_lines, write_json_lines
from xlreach.corpora.formats.lines import numbered_lines
from xlreach.corpora.layout import inside
from xlreach.errors import DataError, located, nearest
from xlreach.languages import canonical_code
from xlreach.safe_io import whole_number
from xlreach.spec import param

_FILES = ("corpus.jsonl", "queries.jsonl", "qrels.tsv")
_HEADER = ("query-id", "corpus-id", "score")


@DATASETS.register
@dataclass(frozen=True)
class Folder(DatasetSpec):
    """A retrieval folder below the data root: `corpus.jsonl`, `queries.jsonl`, `qrels.tsv`."""

    name: ClassVar[str] = "folder"
    member: str = param(help="the folder, below the data root", member=True)
    language: str | None = param(None, "the language of rows that give none (as in BEIR)")

    def _open(self, root: Path) -> FolderCollection:
        folder = inside(root, self.member)
        if not folder.is_dir():
            raise DataError(f"There is no folder {self.member!r} in {root}.", fix=nearest(str(self), self._below(root)))
        return FolderCollection(folder, name=str(self), language=self.language)

    @classmethod
    def find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        for name in cls._below(root) if kind == "collection" else ():
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
                raise DataError(
                    "There is no such file.",
                    expected=f"A retrieval folder holds {', '.join(_FILES)}.",
                    path=self.path / file,
                )

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(sorted({*self._scan.counts, *(query.language for query in self._queries)}))

    def documents(self, language: str) -> Iterator[Document]:
        check_language(self, language)
        for _, document in self._corpus():
            if document.language == language:
                yield document

    def queries(self, language: str) -> list[Query]:
        check_language(self, language)
        return [query for query in self._queries if query.language == language]

    def qrels(self, query_language: str, document_language: str) -> Qrels:
        check_language(self, query_language), check_language(self, document_language)
        qrels: Qrels = {}
        for query in self._queries:
            if query.language == query_language:
                judged = self._qrels.get(query.id, {})
                in_language = {
                    doc: grade for doc, grade in judged.items() if self._scan.judged[doc] == document_language
                }
                if in_language:
                    qrels[query.id] = in_language
        return qrels

    def files(self, languages: Iterable[str]) -> list[Path]:
        return sorted(self.path / file for file in _FILES) if set(languages) & set(self.languages) else []

    @cached_property
    def _queries(self) -> list[Query]:
        path = self.path / "queries.jsonl"
        queries, seen = [], set()
        for number, row in read_json_lines(path):
            with located(path, number):
                identifier = _identifier(row)
                if identifier in seen:
                    raise DataError(f"The id {identifier!r} is used twice.")
                seen.add(identifier)
                group = str(row.get("group") or identifier)
                queries.append(Query(identifier, self._code(row), _text(row), group))
        if not queries:
            raise DataError("There is no query in the file.", path=path)
        return queries

    @cached_property
    def _judgments(self) -> dict[tuple[str, str], tuple[int, int]]:
        """(query, document) → (relevance, line)."""
        path = self.path / "qrels.tsv"
        judgments: dict[tuple[str, str], tuple[int, int]] = {}
        for number, line in numbered_lines(path):
            columns = line.split("\t")
            if number == 1:
                if tuple(columns) != _HEADER:
                    raise DataError(f"Header {line!r}.", expected="\t".join(_HEADER), path=path, line=1)
                continue
            if not line.strip():
                continue
            if len(columns) != 3 or not _is_int(columns[2]):
                raise DataError(
                    f"{line!r}.",
                    expected="Expected a query id, a document id and a whole number, separated by tabs.",
                    path=path,
                    line=number,
                )
            pair = (columns[0], columns[1])
            if pair in judgments:
                raise DataError(f"Query {pair[0]!r} and document {pair[1]!r} are judged twice.", path=path, line=number)
            judgments[pair] = (int(columns[2]), number)
        if not judgments:
            raise DataError("There is no judgment in the file.", path=path)
        query_ids = {query.id for query in self._queries}
        for (query, _), (_, number) in judgments.items():
            if query not in query_ids:
                raise DataError(f"Query {query!r} is not in queries.jsonl.", path=path, line=number)
        return judgments

    @cached_property
    def _qrels(self) -> Qrels:
        qrels: Qrels = {}
        for (query, document), (grade, _) in self._judgments.items():
            qrels.setdefault(query, {})[document] = grade
        return qrels

    @cached_property
    def _scan(self) -> _Scan:
        """Reads the corpus once: checks it, counts its languages, and finds the languages of the judged documents."""
        path = self.path / "corpus.jsonl"
        wanted = {document for _, document in self._judgments}
        scan = _Scan()
        # Eight bytes an id, so that the ids of tens of millions of documents can be compared.
        hashes = array("q")
        for _, document in self._corpus():
            scan.counts[document.language] = scan.counts.get(document.language, 0) + 1
            hashes.append(hash(document.id))
            if document.id in wanted:
                scan.judged[document.id] = document.language
        if not hashes:
            raise DataError("There is no document in the file.", path=path)
        values, counts = np.unique(np.frombuffer(hashes, dtype=np.int64), return_counts=True)
        self._check_unique(set(values[counts > 1].tolist()), path)
        for (_, judged), (_, number) in self._judgments.items():
            if judged not in scan.judged:
                raise DataError(
                    f"Document {judged!r} is not in corpus.jsonl.", path=self.path / "qrels.tsv", line=number
                )
        return scan

    def _check_unique(self, suspects: set[int], path: Path) -> None:
        seen = set()
        for number, document in self._corpus() if suspects else ():
            if hash(document.id) in suspects:
                if document.id in seen:
                    raise DataError(f"The id {document.id!r} is used twice.", path=path, line=number)
                seen.add(document.id)

    def _corpus(self) -> Iterator[tuple[int, Document]]:
        path = self.path / "corpus.jsonl"
        for number, row in read_json_lines(path):
            with located(path, number):
                document = Document(_identifier(row), self._code(row), _text(row), str(row.get("title") or ""))
            yield number, document

    def _code(self, row: dict[str, Any]) -> str:
        language = row.get("language", self._language)
        code = canonical_code(language) if isinstance(language, str) else None
        if code is None:
            raise DataError(
                "The field 'language' is missing." if language is None else f"Unknown language {language!r}.",
                expected="Expected a language code.",
                fix="" if language else "For files in one language: folder:PATH(language=CODE).",
            )
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
    with (folder / "qrels.tsv").open("w", encoding="utf-8", newline="\n") as stream:
        stream.write("query-id\tcorpus-id\tscore\n")
        for query, judged in qrels.items():
            for document, score in judged.items():
                stream.write(f"{query}\t{document}\t{score}\n")


@dataclass
class _Scan:
    """Documents by language, and the language of each judged document."""

    counts: dict[str, int] = field(default_factory=dict)
    judged: dict[str, str] = field(default_factory=dict)


def _identifier(row: dict[str, Any]) -> str:
    value = row.get("_id", row.get("id"))
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value or any(character.isspace() for character in value):
        raise DataError(
            "The field '_id' is missing." if value is None else f"Id {value!r}.",
            expected="Expected a word without white space in '_id'.",
        )
    return value


def _text(row: dict[str, Any]) -> str:
    text = row.get("text")
    if not isinstance(text, str):
        raise DataError(
            "The field 'text' is missing." if text is None else f"The text is {text!r}.",
            expected="Expected a string in 'text'.",
        )
    return text


def _is_int(text: str) -> bool:
    return whole_number(text.strip().removeprefix("-")) is not None
