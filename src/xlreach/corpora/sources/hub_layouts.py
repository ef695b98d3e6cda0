"""Collections, parallel text and plain text in tables of the hub; which columns mean what is decided in `hub`."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xlreach.corpora.collection import Collection, Document, Qrels, Query
from xlreach.corpora.dataset import Text, check_language
from xlreach.corpora.layout import expecting
from xlreach.corpora.parallel_text import AlignedFiles, NumberedTexts
from xlreach.corpora.sources.hub_tables import Table
from xlreach.errors import DataError
from xlreach.safe_io import whole_number


@dataclass(frozen=True)
class Subset:
    """Corpus, queries and judgments that belong together, in mteb's retrieval layout."""

    document_language: str
    query_language: str
    corpus: Table
    queries: Table
    qrels: Table


class SubsetCollection(Collection):
    """A collection in mteb's retrieval layout.

    Documents and queries of one language that occur in several subsets under one id are one. Where subsets pair two
    languages, queries that share an id are the same question.
    """

    def __init__(self, name: str, subsets: list[Subset]) -> None:
        self.name, self._subsets = name, subsets
        self._shared = any(subset.document_language != subset.query_language for subset in subsets)

    @property
    def languages(self) -> tuple[str, ...]:
        languages = ((subset.document_language, subset.query_language) for subset in self._subsets)
        return tuple(sorted({code for pair in languages for code in pair}))

    def documents(self, language: str) -> Iterator[Document]:
        check_language(self, language)
        subsets = [subset for subset in self._subsets if subset.document_language == language]
        seen: set[str] = set()
        for subset in subsets:
            for path, number, row in subset.corpus.rows():
                identifier = _identifier(row, path, number)
                if len(subsets) > 1:
                    if identifier in seen:
                        continue
                    seen.add(identifier)
                text, title = (_string(row, name, path, number) for name in ("text", "title"))
                yield Document(f"{language}/{identifier}", language, text, title)

    def queries(self, language: str) -> list[Query]:
        check_language(self, language)
        queries: dict[str, Query] = {}
        for subset in self._subsets:
            for path, number, row in subset.queries.rows() if subset.query_language == language else ():
                identifier = _identifier(row, path, number)
                unique = f"{language}/{identifier}"
                group = identifier if self._shared else unique
                queries.setdefault(unique, Query(unique, language, _string(row, "text", path, number), group))
        return list(queries.values())

    def qrels(self, query_language: str, document_language: str) -> Qrels:
        check_language(self, query_language), check_language(self, document_language)
        qrels: Qrels = {}
        for subset in self._subsets:
            if (subset.query_language, subset.document_language) == (query_language, document_language):
                for path, number, row in subset.qrels.rows():
                    with expecting("a judgment with query-id, corpus-id and score", path, number):
                        query, document, score = (_name(row[name]) for name in ("query-id", "corpus-id", "score"))
                        grade = int(score)
                    qrels.setdefault(f"{query_language}/{query}", {})[f"{document_language}/{document}"] = grade
        return qrels

    def files(self, languages: Iterable[str]) -> list[Path]:
        wanted = set(languages)
        subsets = [subset for subset in self._subsets if {subset.document_language, subset.query_language} & wanted]
        tables = [table for subset in subsets for table in (subset.corpus, subset.queries, subset.qrels)]
        return sorted({path for table in tables for path in table.paths})


class PassageQuestions(Collection):
    """Questions about passages, a table for each language: the distinct passages are the documents.

    The column `passage_key` identifies a passage in every language; without one, passages are numbered in the order in
    which they appear. The columns `question_key` together identify a question in every language.
    """

    def __init__(
        self,
        name: str,
        tables: Mapping[str, Table],
        passage_key: str | None,
        passage: str,
        question: str,
        question_key: tuple[str, ...],
    ) -> None:
        self.name, self._tables = name, tables
        self.paths = {language: table.paths for language, table in tables.items()}
        self._passage_key, self._question_key = passage_key, question_key
        self._passage, self._question = passage, question

    def documents(self, language: str) -> Iterator[Document]:
        seen: set[str] = set()
        for document, row in self._rows(language):
            if document not in seen:
                seen.add(document)
                yield Document(f"{language}/{document}", language, str(row[self._passage]).strip())

    def queries(self, language: str) -> list[Query]:
        return [
            Query(f"{language}/{self._group(row)}", language, str(row[self._question]).strip(), self._group(row))
            for _, row in self._rows(language)
        ]

    def qrels(self, query_language: str, document_language: str) -> Qrels:
        questions = [self._group(row) for _, row in self._rows(query_language)]
        answers = {self._group(row): document for document, row in self._rows(document_language)}
        return {
            f"{query_language}/{question}": {f"{document_language}/{answers[question]}": 1}
            for question in questions
            if question in answers
        }

    def _rows(self, language: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each row with the id of its passage."""
        ids: dict[str, str] = {}
        key_column = self._passage_key or self._passage
        columns = dict.fromkeys((self._passage, self._question, *self._question_key, key_column))
        for path, number, row in self._tables[check_language(self, language)].rows(*columns):
            for column in (self._passage, self._question):
                row[column] = _string(row, column, path, number)
            key = str(row[key_column])
            yield ids.setdefault(key, str(len(ids)) if self._passage_key is None else _word(key)), row

    def _group(self, row: dict[str, Any]) -> str:
        return _word("#".join(str(row[column]) for column in self._question_key))


@dataclass(frozen=True)
class AlignedColumns(AlignedFiles):
    """A table with a column for each language, as parallel text; a line's number is the row's."""

    columns: Mapping[str, str] = field(kw_only=True)
    table: Table = field(kw_only=True)

    def lines(self, language: str) -> Iterator[tuple[int, str]]:
        return ((number, text) for number, (text,) in self._texts(language) if text)

    def aligned(self, a: str, b: str) -> Iterator[tuple[int, str, str]]:
        return ((number, left, right) for number, (left, right) in self._texts(a, b) if left and right)

    def files(self, language: str) -> list[Path]:
        return list(self.table.paths) if language in self.columns else []

    def _texts(self, *languages: str) -> Iterator[tuple[int, list[str]]]:
        columns = [self.columns[language] for language in languages]
        for at, (path, number, row) in enumerate(self.table.rows(*columns), 1):
            yield at, [_string(row, column, path, number).strip() for column in columns]


@dataclass(frozen=True)
class AlignedTables(NumberedTexts):
    """A table for each language with the columns `id` and `text`; rows of one id translate each other."""

    tables: Mapping[str, Table] = field(kw_only=True)

    def lines(self, language: str) -> Iterator[tuple[int, str]]:
        for path, number, row in self.tables[language].rows("id", "text"):
            if (identifier := whole_number(str(row["id"]))) is None:
                raise DataError(f"The id {row['id']!r}.", expected="Expected a number.", path=path, line=number)
            if text := _string(row, "text", path, number).strip():
                yield identifier, text

    def files(self, language: str) -> list[Path]:
        return list(self.tables[language].paths) if language in self.tables else []


class TableText(Text):
    """Plain text: a table for each language, a document in each row's column `text`."""

    def __init__(self, name: str, tables: Mapping[str, Table]) -> None:
        super().__init__(name, {code: table.paths for code, table in tables.items()})
        self._tables = tables

    def lines(self, language: str) -> Iterator[str]:
        return (line for line in self.documents(language) if line.strip())

    def documents(self, language: str) -> Iterator[str]:
        for path, number, row in self._tables[check_language(self, language)].rows("text"):
            yield from _string(row, "text", path, number).split("\n")
            yield ""


def _string(row: dict[str, Any], column: str, path: Path, number: int) -> str:
    """A text of a row; empty where it has none. A column of numbers in CSV or JSON is read as numbers."""
    value = row.get(column)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (str, int, float))):
        raise DataError(f"{column!r} is {reprlib.repr(value)}.", expected="Expected a text.", path=path, line=number)
    return "" if value is None else str(value)


def _identifier(row: dict[str, Any], path: Path, number: int) -> str:
    value = row.get("_id", row.get("id"))
    if value is None:
        raise DataError("A row without an id.", expected="Expected the column _id or id.", path=path, line=number)
    with expecting("an id", path, number):
        return _name(value)


def _name(value: Any) -> str:
    """An id or a grade as text; tables may hold the same whole numbers as integers, floats or texts."""
    if value is None or isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError(f"{value!r} is neither a text nor a whole number")
    return _word(str(int(value) if isinstance(value, float) else value))


def _word(text: str) -> str:
    """An id without white space, which TREC files cannot hold."""
    return "_".join(text.split())
