"""Collections and parallel text out of hub tables, whatever their columns are called (`hub` knows that)."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xlreach.corpora.collection import Collection, Document, Qrels, Query
from xlreach.corpora.dataset import check_language
from xlreach.corpora.formats.tables import rows_of
from xlreach.corpora.parallel_text import AlignedFiles
from xlreach.errors import DataError
from xlreach.safe_io import whole_number


@dataclass(frozen=True)
class Subset:
    """Corpus, queries and judgements that belong together, in mteb's retrieval layout."""

    document_language: str
    query_language: str
    corpus: list[Path]
    queries: list[Path]
    qrels: list[Path]


class SubsetCollection(Collection):
    """A collection in mteb's retrieval layout.

    Documents and queries of one language that occur in several subsets under one id are one. Where subsets pair two
    languages, queries that share an id are the same question.
    """

    def __init__(self, name: str, subsets: list[Subset], licence: str = "", citation: str = "") -> None:
        self.name, self.licence, self.citation = name, licence or self.licence, citation
        self._subsets = subsets
        self._shared = any(one.document_language != one.query_language for one in subsets)

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(sorted({code for one in self._subsets for code in (one.document_language, one.query_language)}))

    def documents(self, language: str) -> Iterator[Document]:
        check_language(self, language)
        subsets = [one for one in self._subsets if one.document_language == language]
        seen: set[str] = set()
        for subset in subsets:
            for path, number, row in rows_of(subset.corpus):
                identifier = _identifier(row, path, number)
                if len(subsets) > 1:
                    if identifier in seen:
                        continue
                    seen.add(identifier)
                text, title = (_string(row, name, path, number) for name in ("text", "title"))
                yield Document(f"{language}/{identifier}", language, text, title)

    def queries(self, language: str) -> list[Query]:
        check_language(self, language)
        found: dict[str, Query] = {}
        for subset in self._subsets:
            for path, number, row in rows_of(subset.queries) if subset.query_language == language else ():
                identifier = _identifier(row, path, number)
                unique = f"{language}/{identifier}"
                group = identifier if self._shared else unique
                found.setdefault(unique, Query(unique, language, _string(row, "text", path, number), group))
        return list(found.values())

    def qrels(self, query_language: str, document_language: str) -> Qrels:
        check_language(self, query_language), check_language(self, document_language)
        found: Qrels = {}
        for subset in self._subsets:
            if (subset.query_language, subset.document_language) == (query_language, document_language):
                for path, number, row in rows_of(subset.qrels):
                    try:
                        query, document = _word(str(row["query-id"])), _word(str(row["corpus-id"]))
                        score = int(row["score"])
                    except (KeyError, ValueError, TypeError, OverflowError) as error:
                        raise DataError(
                            f"No judgement ({error}).",
                            expected="Expected query-id, corpus-id, score.",
                            path=path,
                            line=number,
                        ) from None
                    found.setdefault(f"{query_language}/{query}", {})[f"{document_language}/{document}"] = score
        return found

    def files(self, languages: Iterable[str]) -> list[Path]:
        wanted = set(languages)
        here = [one for one in self._subsets if {one.document_language, one.query_language} & wanted]
        return sorted({path for one in here for path in (*one.corpus, *one.queries, *one.qrels)})


class Contexts(Collection):
    """Questions about passages, a table a language: the distinct passages are the documents.

    Args:
        name: The printed form.
        paths: Each language's files.
        passage_key: The column that tells passages apart and is the same in every language; None is the order in which
            they appear.
        passage: The column of the passage.
        question: The column of the question.
        question_key: The columns that together name a question, the same in every language.
        licence: Of the data.
        citation: Who to cite.
    """

    def __init__(
        self,
        name: str,
        paths: Mapping[str, list[Path]],
        passage_key: str | None,
        passage: str,
        question: str,
        question_key: tuple[str, ...],
        licence: str = "",
        citation: str = "",
    ) -> None:
        self.name, self.licence, self.citation = name, licence or self.licence, citation
        self._paths, self._passage_key, self._question_key = paths, passage_key, question_key
        self._passage, self._question = passage, question

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(sorted(self._paths))

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
        asked = [self._group(row) for _, row in self._rows(query_language)]
        answers = {self._group(row): document for document, row in self._rows(document_language)}
        return {
            f"{query_language}/{one}": {f"{document_language}/{answers[one]}": 1} for one in asked if one in answers
        }

    def files(self, languages: Iterable[str]) -> list[Path]:
        return sorted(path for language in set(languages) & set(self._paths) for path in self._paths[language])

    def _rows(self, language: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each row with the id of its passage."""
        places: dict[str, str] = {}
        wanted = [
            self._passage,
            self._question,
            *self._question_key,
            *([self._passage_key] if self._passage_key else []),
        ]
        for path, number, row in rows_of(self._paths[check_language(self, language)], list(dict.fromkeys(wanted))):
            for column in (self._passage, self._question):
                _string(row, column, path, number)
            key = str(row[self._passage_key or self._passage])
            yield places.setdefault(key, str(len(places)) if self._passage_key is None else _word(key)), row

    def _group(self, row: dict[str, Any]) -> str:
        return _word("#".join(str(row[column]) for column in self._question_key))


@dataclass(frozen=True)
class AlignedColumns(AlignedFiles):
    """A table with a column a language, as parallel text; a line's number is the row's."""

    columns: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[Path, ...] = ()

    @classmethod
    def of(cls, key: str, paths: list[Path], columns: Mapping[str, str]) -> AlignedColumns:
        """From the files of one table and its column for each language."""
        return cls(key, dict.fromkeys(columns, paths[0]), 1, None, columns, tuple(paths))

    def lines(self, language: str) -> Iterator[tuple[int, str]]:
        for number, row in self._numbered([self.columns[language]]):
            if text := _string(row, self.columns[language], self.tables[0], number).strip():
                yield number, text

    def aligned(self, a: str, b: str) -> Iterator[tuple[int, str, str]]:
        left, right = self.columns[a], self.columns[b]
        for number, row in self._numbered([left, right]):
            pair = [_string(row, column, self.tables[0], number).strip() for column in (left, right)]
            if all(pair):
                yield number, pair[0], pair[1]

    def files(self, language: str) -> list[Path]:
        return list(self.tables) if language in self.columns else []

    def _numbered(self, columns: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        return enumerate((row for _, _, row in rows_of(list(self.tables), columns)), 1)


@dataclass(frozen=True)
class AlignedTables(AlignedFiles):
    """A table a language with the columns `id` and `text`, as parallel text; rows of one id translate each other."""

    tables: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, paths: Mapping[str, list[Path]]) -> AlignedTables:
        """From the files of each language."""
        first = {code: files[0] for code, files in paths.items()}
        return cls("", first, 1, None, {code: tuple(files) for code, files in paths.items()})

    def lines(self, language: str) -> Iterator[tuple[int, str]]:
        for path, number, row in rows_of(list(self.tables[language]), ["id", "text"]):
            if (place := whole_number(str(row["id"]))) is None:
                raise DataError(f"The id {row['id']!r}.", expected="Expected a number.", path=path, line=number)
            if text := _string(row, "text", path, number).strip():
                yield place, text

    def aligned(self, a: str, b: str) -> Iterator[tuple[int, str, str]]:
        other = dict(self.lines(b))
        return ((number, text, other[number]) for number, text in self.lines(a) if number in other)

    def files(self, language: str) -> list[Path]:
        return list(self.tables.get(language, ()))


def _string(row: dict[str, Any], column: str, path: Path, number: int) -> str:
    """A text of a row; nothing is an empty one."""
    value = row.get(column)
    if value is not None and not isinstance(value, str):
        raise DataError(f"{column!r} is {reprlib.repr(value)}.", expected="Expected a text.", path=path, line=number)
    return value or ""


def _identifier(row: dict[str, Any], path: Path, number: int) -> str:
    value = row.get("_id", row.get("id"))
    if value is None:
        raise DataError("A row without an id.", expected="Expected the column _id or id.", path=path, line=number)
    return _word(str(value))


def _word(text: str) -> str:
    """An id without white space, which TREC files cannot hold."""
    return "_".join(text.split())
