"""XQuAD-R and MLQA-R of LAReQA: questions whose candidate answers are the sentences of all paragraphs.

The position of the answer's sentence differs between languages, so relevance is read from each language's own file: the
relevant sentence is the one in which the answer starts. Byte-order marks inside texts and blanks around questions are
dropped. Sentences are those of the field `sentences` (in one Turkish paragraph, wrongly decoded characters shift
`context[start:end]`). A sentence that occurs in two paragraphs is two candidates, of which one is relevant, as in the
reference implementation; their scores tie when the passage is the sentence alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from xlreach.corpora.collection import Collection, Document, Qrels, Query
from xlreach.corpora.dataset import DATASETS, DatasetSpec, Kind, check_language
from xlreach.corpora.layout import expecting, folder_of
from xlreach.errors import DataError
from xlreach.languages import canonical_code
from xlreach.safe_io import read_json
from xlreach.spec import param

_FOLDERS = {"xquad-r": "qa/lareqa/xquad-r", "mlqa-r": "qa/lareqa/mlqa-r"}
_BOM = "\ufeff"


@dataclass(frozen=True)
class _Lareqa(DatasetSpec):
    citation: ClassVar[str] = "Roy et al. 2020, LAReQA, EMNLP"
    kinds: ClassVar[tuple[Kind, ...]] = ("collection",)
    passage: Literal["sentence", "context"] = param(
        "sentence",
        "what is encoded: the sentence alone, or the sentence followed by its paragraph (the reference protocol)",
        shown=True,
    )

    def _open(self, root: Path) -> SentenceRetrieval:
        folder = folder_of(root, _FOLDERS[self.name], self.name.upper())
        paths = _paths(folder)
        if not paths:
            raise DataError(f"There is no <language>.json in {folder}.")
        return SentenceRetrieval(str(self), paths, self.passage)

    @classmethod
    def _find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        if paths := _paths(root / _FOLDERS[cls.name]):
            yield str(cls()), tuple(sorted(paths))


@DATASETS.register
@dataclass(frozen=True)
class XquadR(_Lareqa):
    """XQuAD-R: 1,190 parallel questions in each of 11 languages, 13,014 candidate sentences."""

    name: ClassVar[str] = "xquad-r"
    license: ClassVar[str] = "CC BY-SA 4.0"


@DATASETS.register
@dataclass(frozen=True)
class MlqaR(_Lareqa):
    """MLQA-R: questions in 7 languages, each parallel in 2 to 4 of them; files of the older LAReQA release."""

    name: ClassVar[str] = "mlqa-r"
    license: ClassVar[str] = "CC BY-NC 4.0"


class SentenceRetrieval(Collection):
    """SQuAD-like files with sentence breaks, as a collection of sentences; each file is read when it is needed."""

    def __init__(self, name: str, paths: dict[str, Path], passage: str) -> None:
        self.name, self._passage = name, passage
        self.paths = {language: [path] for language, path in paths.items()}
        self._read = lru_cache(maxsize=1)(self._read_file)
        self._answers = lru_cache(maxsize=None)(self._read_answers)

    def documents(self, language: str) -> Iterator[Document]:
        for at, paragraph in enumerate(self._paragraphs(language)):
            context = _clean(paragraph["context"])
            for position, sentence in enumerate(paragraph["sentences"]):
                text = _clean(sentence)
                if self._passage == "context":
                    # The sentence comes first, so that truncation shortens the paragraph.
                    text = f"{text} {context}"
                yield Document(f"{language}/{at}/{position}", language, text)

    def queries(self, language: str) -> list[Query]:
        return [
            Query(f"{language}/{qa['id']}", language, _clean(qa["question"]), qa["id"])
            for paragraph in self._paragraphs(language)
            for qa in paragraph["qas"]
        ]

    def qrels(self, query_language: str, document_language: str) -> Qrels:
        questions, answers = self._answers(query_language), self._answers(document_language)
        return {f"{query_language}/{question}": {answers[question]: 1} for question in questions if question in answers}

    def _read_answers(self, language: str) -> dict[str, str]:
        """Question id → id of the sentence that holds the answer's start; small, so kept for every language."""
        answers = {}
        for at, paragraph in enumerate(self._paragraphs(language)):
            starts = [start for start, _ in paragraph["sentence_breaks"]]
            for qa in paragraph["qas"]:
                sentence = bisect_right(starts, qa["answers"][0]["answer_start"]) - 1
                answers[qa["id"]] = f"{language}/{at}/{max(sentence, 0)}"
        return answers

    def _paragraphs(self, language: str) -> list[dict[str, Any]]:
        return self._read(check_language(self, language))

    def _read_file(self, language: str) -> list[dict[str, Any]]:
        (path,) = self.paths[language]
        expected = "Expected SQuAD's JSON with 'sentences' and 'sentence_breaks' in each paragraph."
        with expecting("a file of LAReQA", path, expected=expected):
            paragraphs = [paragraph for article in read_json(path)["data"] for paragraph in article["paragraphs"]]
            for paragraph in paragraphs:
                _check(paragraph)
        return paragraphs


def _check(paragraph: dict[str, Any]) -> None:
    """Raises ValueError, LookupError or TypeError where a part is missing or has the wrong type."""
    if len(paragraph["sentences"]) != len(paragraph["sentence_breaks"]):
        raise ValueError("'sentences' and 'sentence_breaks' differ in number")
    texts = [paragraph["context"], *paragraph["sentences"]]
    numbers = [start for start, _ in paragraph["sentence_breaks"]]
    for qa in paragraph["qas"]:
        if not (qa["id"] and qa["question"] and qa["answers"]):
            raise ValueError("a question without an id, a text or an answer")
        if any(letter.isspace() for letter in qa["id"]):
            raise ValueError(f"white space in the id {qa['id']!r}")
        texts += [qa["id"], qa["question"]]
        numbers.append(qa["answers"][0]["answer_start"])
    if not all(isinstance(text, str) for text in texts) or not all(type(number) is int for number in numbers):
        raise TypeError("a text that is not a string, or a position that is not a number")


def _paths(folder: Path) -> dict[str, Path]:
    coded = {canonical_code(path.stem): path for path in sorted(folder.glob("*.json"))}
    return {code: path for code, path in coded.items() if code}


def _clean(text: str) -> str:
    return text.replace(_BOM, "").strip()
