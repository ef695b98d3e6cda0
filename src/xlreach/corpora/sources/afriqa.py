"""AfriQA: questions in African languages, answered by English or French passages of Wikipedia.

A collection of one split. Its documents are the distinct gold passages in the pivot language (passages that differ only
in outer blanks count as one). Its queries are the questions and, in the pivot language, their translations; a question
and its translation share a group. Rows without a question or a passage are left out. With `split=train`, questions that
also occur in the dev or test set are left out too. Answer spans are not used: up to 18 % of them are wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from xlreach.corpora.collection import Collection, Document, Qrels, Query
from xlreach.corpora.dataset import DATASETS, DatasetSpec, Kind, check_language
from xlreach.corpora.formats.json_lines import read_json_lines
from xlreach.corpora.layout import folder_of
from xlreach.errors import DataError
from xlreach.languages import canonical_code
from xlreach.spec import param

_FOLDER = "qa/afriqa/data/gold_passages"
_FILE = re.compile(r"gold_span_passages\.afriqa\.(?P<language>\w+)\.(?P<pivot>\w+)\.(?P<split>train|dev|test)\.json")


@DATASETS.register
@dataclass(frozen=True)
class Afriqa(DatasetSpec):
    """AfriQA's questions with their gold passages."""

    name: ClassVar[str] = "afriqa"
    license: ClassVar[str] = "CC BY 4.0"
    citation: ClassVar[str] = "Ogundepo et al. 2023, AfriQA, Findings of EMNLP"
    split: Literal["train", "dev", "test"] = param("test", "which part")

    def _open(self, root: Path) -> AfriqaCollection:
        folder = folder_of(root, _FOLDER, "AfriQA")
        files = _files(folder)
        if not any(split == self.split for _, _, split, _ in files):
            raise DataError(f"AfriQA in {root} has no split {self.split!r}.")
        return AfriqaCollection(str(self), files, self.split)

    @classmethod
    def find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        files = _files(root / _FOLDER) if kind == "collection" else []
        for split in ("train", "dev", "test"):
            languages = {code for language, pivot, part, _ in files if part == split for code in (language, pivot)}
            if languages:
                yield str(cls(split)), tuple(sorted(languages))


@dataclass(frozen=True)
class _Row:
    """A question with its passage; `key` is unique over the collection."""

    key: str
    language: str
    pivot: str
    question: str
    translation: str
    passage: str
    title: str


class AfriqaCollection(Collection):
    """The gold passages of one split over all languages that are there."""

    def __init__(self, name: str, files: list[tuple[str, str, str, Path]], split: str) -> None:
        self.name = name
        self._files, self._split = files, split

    @property
    def languages(self) -> tuple[str, ...]:
        pairs = [(language, pivot) for language, pivot, split, _ in self._files if split == self._split]
        return tuple(sorted({code for pair in pairs for code in pair}))

    def documents(self, language: str) -> Iterator[Document]:
        check_language(self, language)
        for (pivot, text), (identifier, title) in self._passages.items():
            if pivot == language:
                yield Document(identifier, language, text, title)

    def queries(self, language: str) -> list[Query]:
        check_language(self, language)
        questions = [Query(f"{language}/{row.key}", language, row.question, row.key) for row in self._in(language)]
        return questions + [
            Query(f"{language}/{row.key}", language, row.translation, row.key)
            for row in self._rows
            if row.pivot == language and row.translation
        ]

    def qrels(self, query_language: str, document_language: str) -> Qrels:
        check_language(self, query_language), check_language(self, document_language)
        rows = [row for row in self._rows if query_language in (row.language, row.pivot)]
        return {
            f"{query_language}/{row.key}": {self._passages[row.pivot, row.passage][0]: 1}
            for row in rows
            if row.pivot == document_language and (row.language == query_language or row.translation)
        }

    def files(self, languages: Iterable[str]) -> list[Path]:
        # The passages of every language are candidates for all questions, and train depends on the held-out splits.
        splits = ("train", "dev", "test") if self._split == "train" else (self._split,)
        wanted = set(languages) & set(self.languages)
        return sorted(path for _, _, split, path in self._files if split in splits) if wanted else []

    def _in(self, language: str) -> list[_Row]:
        return [row for row in self._rows if row.language == language]

    @cached_property
    def _passages(self) -> dict[tuple[str, str], tuple[str, str]]:
        """(pivot, text) → (id, title), in the order of the files."""
        passages: dict[tuple[str, str], tuple[str, str]] = {}
        for row in self._rows:
            passages.setdefault((row.pivot, row.passage), (f"{row.pivot}/{len(passages)}", row.title))
        return passages

    @cached_property
    def _rows(self) -> list[_Row]:
        held_out: set[tuple[str, str]] = set()
        if self._split == "train":
            for language, pivot, split, path in self._files:
                if split != "train":
                    held_out |= {(language, _normal(row.question)) for row in _read(path, language, pivot)}
        rows: list[_Row] = []
        for language, pivot, split, path in self._files:
            if split == self._split:
                rows += [
                    row for row in _read(path, language, pivot) if (language, _normal(row.question)) not in held_out
                ]
        return rows


def _files(folder: Path) -> list[tuple[str, str, str, Path]]:
    """(language, pivot language, split, path) of every file."""
    files = []
    for path in sorted(folder.glob("*/*.json")):
        if match := _FILE.fullmatch(path.name):
            language, pivot = canonical_code(match["language"]), canonical_code(match["pivot"])
            if language and pivot:
                files.append((language, pivot, match["split"], path))
    return files


def _read(path: Path, language: str, pivot: str) -> Iterator[_Row]:
    for number, row in read_json_lines(path):
        try:
            question, passage = _string(row["question_lang"]), _string(row["context"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"Not a row of AfriQA ({type(error).__name__}: {error}).",
                expected="Expected a JSON object with question_lang, question_translated, context, title.",
                path=path,
                line=number,
            ) from None
        if question and passage:
            translation, title = _string(row.get("question_translated")), _string(row.get("title"))
            yield _Row(f"{language}-{number}", language, pivot, question, translation, passage, title)


def _string(value: Any) -> str:
    """Fields are strings, or null, or a bare NaN, which JSON reads as a number."""
    return value.strip() if isinstance(value, str) else ""


def _normal(question: str) -> str:
    return "".join(letter for letter in question.casefold() if letter.isalnum())
