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
from xlreach.corpora.dataset import DATASETS, SPLITS, DatasetSpec, Kind, check_language
from xlreach.corpora.formats.json_lines import parse_json_lines
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
    kinds: ClassVar[tuple[Kind, ...]] = ("collection",)
    split: Literal["train", "dev", "test"] = param("test", "which part")

    def _open(self, root: Path) -> AfriqaCollection:
        folder = folder_of(root, _FOLDER, "AfriQA")
        files = _files(folder)
        if not any(split == self.split for _, _, split, _ in files):
            raise DataError(f"AfriQA in {root} has no split {self.split!r}.")
        return AfriqaCollection(str(self), files, self.split)

    @classmethod
    def _find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        files = _files(root / _FOLDER)
        for split in SPLITS:
            languages = {code for language, pivot, part, _ in files if part == split for code in (language, pivot)}
            if languages:
                yield str(cls(split)), tuple(sorted(languages))


@dataclass(frozen=True)
class _Row:
    """A question with its passage."""

    key: str  # unique over the collection
    language: str
    pivot: str
    question: str
    passage: str
    translation: str
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
        questions = [(row.key, row.question) for row in self._rows if row.language == language]
        questions += [(row.key, row.translation) for row in self._rows if row.pivot == language and row.translation]
        return [Query(f"{language}/{key}", language, text, key) for key, text in questions]

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
        splits = SPLITS if self._split == "train" else (self._split,)
        wanted = set(languages) & set(self.languages)
        return sorted(path for _, _, split, path in self._files if split in splits) if wanted else []

    @cached_property
    def _passages(self) -> dict[tuple[str, str], tuple[str, str]]:
        """(pivot, text) → (id, title), in the order of the files."""
        passages: dict[tuple[str, str], tuple[str, str]] = {}
        for row in self._rows:
            passages.setdefault((row.pivot, row.passage), (f"{row.pivot}/{len(passages)}", row.title))
        return passages

    @cached_property
    def _rows(self) -> list[_Row]:
        evaluated = self._read("dev", "test") if self._split == "train" else ()
        held_out = {(row.language, _normal(row.question)) for row in evaluated}
        return [row for row in self._read(self._split) if (row.language, _normal(row.question)) not in held_out]

    def _read(self, *splits: str) -> Iterator[_Row]:
        for language, pivot, split, path in self._files:
            for number, fields in parse_json_lines(path, _fields) if split in splits else ():
                if all(fields[:2]):
                    yield _Row(f"{language}-{number}", language, pivot, *fields)


def _files(folder: Path) -> list[tuple[str, str, str, Path]]:
    """(language, pivot language, split, path) of every file."""
    files = []
    for path in sorted(folder.glob("*/*.json")):
        if match := _FILE.fullmatch(path.name):
            language, pivot = canonical_code(match["language"]), canonical_code(match["pivot"])
            if language and pivot:
                files.append((language, pivot, match["split"], path))
    return files


def _fields(row: dict[str, Any]) -> tuple[str, str, str, str]:
    """Question, passage, translation and title; empty where the value is null, or a bare NaN, which JSON allows."""
    if not {"question_lang", "context"} <= row.keys():
        expected = "Expected a JSON object with question_lang, question_translated, context, title."
        raise DataError("Not a row of AfriQA.", expected=expected)
    values = [row.get(name) for name in ("question_lang", "context", "question_translated", "title")]
    question, passage, translation, title = (value.strip() if isinstance(value, str) else "" for value in values)
    return question, passage, translation, title


def _normal(question: str) -> str:
    return "".join(letter for letter in question.casefold() if letter.isalnum())
