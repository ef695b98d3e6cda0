"""Collections in the layout of TREC and Anserini: topics, judgments and a corpus a language.

    topics.….tsv          query id <TAB> query
    qrels.….tsv or .txt   query id  Q0  document id  relevance
    ….jsonl or .jsonl.gz  {"docid", "title", "text"} (also "_id" or "id"; "contents": title, blank line, text)

MIRACL, Mr. TyDi, CIRAL and AfriCLIRMatrix in the layouts of their publishers, in any folders below `qa/<name>`. The
language and split of a file are read from its name and the names of its folders. Queries in two languages with the same
id are not translations of each other. Only the files of the languages in use are opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from xlreach.corpora.collection import Collection, Document, Qrels, Query
from xlreach.corpora.dataset import DATASETS, DatasetSpec, Kind, check_language
from xlreach.corpora.formats.json_lines import parse_json_lines
from xlreach.corpora.formats.lines import parse_lines
from xlreach.corpora.layout import folder_of
from xlreach.errors import DataError, nearest
from xlreach.languages import language_code
from xlreach.spec import param

_CORPUS = (".jsonl", ".jsonl.gz")


@dataclass(frozen=True)
class _Topics(DatasetSpec):
    pattern: ClassVar[str] = ""  # finds the language and split of a file of topics or judgments in its relative path
    query_language: ClassVar[str | None] = None  # None where queries are in the language of the documents
    kinds: ClassVar[tuple[Kind, ...]] = ("collection",)
    pooled: ClassVar[bool] = True
    split: str = param("test", "which part")

    def _open(self, root: Path) -> TopicsCollection:
        folder = folder_of(root, f"qa/{self.name}", self.name)
        parts = self._parts(folder)
        languages = {code: part for (code, split), part in parts.items() if split == self.split and part.topics}
        if not languages:
            splits = sorted({split for _, split in parts})
            fix = nearest(self.split, splits) if splits else "Copy topics, qrels and corpus there as published."
            raise DataError(f"{self.name} has no topics of the split {self.split!r}.", fix=fix, path=folder)
        return TopicsCollection(str(self), languages, self.query_language)

    @classmethod
    def _find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        parts = cls._parts(root / "qa" / cls.name)
        for split in sorted({split for (_, split), part in parts.items() if part.topics}):
            languages = {code for (code, part_split), part in parts.items() if part_split == split and part.topics}
            yield str(cls(split)), tuple(sorted(languages | ({cls.query_language} if cls.query_language else set())))

    @classmethod
    def _parts(cls, folder: Path) -> dict[tuple[str, str], Part]:
        """By language and split, what files there are."""
        parts: dict[tuple[str, str], Part] = {}
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        for path in paths:
            match = re.search(cls.pattern, path.relative_to(folder).as_posix())
            if match and (code := language_code(match["language"])):
                part = parts.setdefault((code, match.groupdict().get("split") or "test"), Part())
                (part.topics if match["what"].startswith("topic") else part.qrels).append(path)
        for path in paths:
            if path.name.endswith(_CORPUS):
                codes = set(map(language_code, re.split(r"[/._-]", path.relative_to(folder).as_posix().lower())))
                for (code, _), part in parts.items():
                    if code in codes:
                        part.corpus.append(path)
        return parts


@DATASETS.register
@dataclass(frozen=True)
class Miracl(_Topics):
    """MIRACL: `miracl-v1.0-<language>/{topics,qrels}/…`, `miracl-corpus-v1.0-<language>/docs-<n>.jsonl.gz`."""

    name: ClassVar[str] = "miracl"
    license: ClassVar[str] = "Apache-2.0"
    citation: ClassVar[str] = "Zhang et al. 2023, MIRACL, TACL"
    pattern: ClassVar[str] = r"(?P<what>topics|qrels)\.miracl-v[\d.]+-(?P<language>\w+)-(?P<split>[\w-]+)\.tsv$"
    split: str = param("dev", "which part")


@DATASETS.register
@dataclass(frozen=True)
class MrTydi(_Topics):
    """Mr. TyDi: `mrtydi-v1.1-<language>/{topic.test.tsv,qrels.test.txt}`, `…/collection/docs.jsonl.gz`."""

    name: ClassVar[str] = "mr-tydi"
    license: ClassVar[str] = "Apache-2.0"
    citation: ClassVar[str] = "Zhang et al. 2021, Mr. TyDi, MRL"
    pooled: ClassVar[bool] = False  # one relevant passage a question, none judged as not relevant
    pattern: ClassVar[str] = r"mrtydi-v[\d.]+-(?P<language>\w+)/(?P<what>topics?|qrels)\.(?P<split>\w+)\.(tsv|txt)$"


@DATASETS.register
@dataclass(frozen=True)
class Ciral(_Topics):
    """CIRAL: `ciral-<language>/{topics,qrels}/….ciral-v1.0-<code>-<split>.tsv`; splits such as dev and test-a-pools."""

    name: ClassVar[str] = "ciral"
    license: ClassVar[str] = "Apache-2.0"
    citation: ClassVar[str] = "Adeyemi et al. 2024, CIRAL, SIGIR"
    pattern: ClassVar[str] = r"(?P<what>topics|qrels)\.ciral-v[\d.]+-(?P<language>\w+)-(?P<split>[\w-]+)\.tsv$"
    query_language: ClassVar[str | None] = "en"
    split: str = param("test-b", "which part")


@DATASETS.register
@dataclass(frozen=True)
class AfriClirMatrix(_Topics):
    """AfriCLIRMatrix: `test/{queries,qrels}/….africlirmatrix-v1.0.en.<code>.…`; the judgments were mined."""

    name: ClassVar[str] = "africlirmatrix"
    citation: ClassVar[str] = "Ogundepo et al. 2022, AfriCLIRMatrix, EMNLP"
    pattern: ClassVar[str] = r"(?P<what>topics|qrels)\.africlirmatrix-v[\d.]+\.en\.(?P<language>\w+)\.(tsv|txt)$"
    query_language: ClassVar[str | None] = "en"


@dataclass(frozen=True)
class Part:
    """The files of one language of documents."""

    topics: list[Path] = field(default_factory=list)
    qrels: list[Path] = field(default_factory=list)
    corpus: list[Path] = field(default_factory=list)


class TopicsCollection(Collection):
    """Parts by the documents' language."""

    def __init__(self, name: str, parts: Mapping[str, Part], query_language: str | None = None) -> None:
        self.name = name
        self._parts, self._query_language = dict(parts), query_language

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(sorted({*self._parts, *([self._query_language] if self._query_language else [])}))

    def documents(self, language: str) -> Iterator[Document]:
        check_language(self, language)
        if language not in self._parts:
            return
        if not self._parts[language].corpus:
            seen = f"The passages of {language!r} are missing from this copy of {self.name}."
            fix = "Copy the corpus of that language to the same folder, as ….jsonl or ….jsonl.gz."
            raise DataError(seen, fix=fix, path=self._parts[language].topics[0])
        for path in self._parts[language].corpus:
            yield from (document for _, document in parse_json_lines(path, partial(_document, language)))

    def queries(self, language: str) -> list[Query]:
        queries = []
        for code in self._searched_in(check_language(self, language)):
            for path in self._parts[code].topics:
                for _, (name, text) in parse_lines(path, _topic):
                    identifier = self._query(language, code, name)
                    queries.append(Query(identifier, language, text, identifier))
        return queries

    def qrels(self, query_language: str, document_language: str) -> Qrels:
        check_language(self, query_language), check_language(self, document_language)
        qrels: Qrels = {}
        if document_language not in self._searched_in(query_language):
            return qrels
        for path in self._parts[document_language].qrels:
            for _, (name, document, grade) in parse_lines(path, _judgment):
                query = self._query(query_language, document_language, name)
                qrels.setdefault(query, {})[f"{document_language}/{document}"] = grade
        return qrels

    def files(self, languages: Iterable[str]) -> list[Path]:
        wanted = {code for language in languages for code in (language, *self._searched_in(language))}
        parts = [part for code, part in self._parts.items() if code in wanted]
        return sorted(path for part in parts for path in (*part.topics, *part.qrels, *part.corpus))

    def _searched_in(self, language: str) -> list[str]:
        """The languages of the documents that queries in a language search."""
        if self._query_language is None:
            return [language] if language in self._parts else []
        return list(self._parts) if language == self._query_language else []

    def _query(self, language: str, code: str, name: str) -> str:
        return f"{language}/{name.strip()}" if self._query_language is None else f"{language}/{code}/{name.strip()}"


def _topic(line: str) -> tuple[str, str]:
    name, _, text = line.partition("\t")
    if not text.strip():
        raise DataError(f"{line[:40]!r}.", expected="Expected a query id, a tab and a query.")
    return name, text.strip()


def _judgment(line: str) -> tuple[str, str, int]:
    fields = line.split()
    if len(fields) != 4 or not re.fullmatch(r"-?\d+", fields[3]):
        raise DataError(f"{line[:40]!r}.", expected="Expected a query id, Q0, a document id and its relevance.")
    return fields[0], fields[2], int(fields[3])


def _document(language: str, fields: dict[str, Any]) -> Document:
    name = next((fields[key] for key in ("docid", "_id", "id") if fields.get(key) is not None), None)
    title, text = fields.get("title") or "", fields.get("text")
    if text is None and isinstance(fields.get("contents"), str):
        title, break_, text = fields["contents"].partition("\n")
        title, text = (title, text) if break_ else ("", title)
    if name is None or not isinstance(text, str) or not isinstance(title, str):
        raise DataError("No passage.", expected="Expected an object with docid, title and text.")
    return Document(f"{language}/{'_'.join(str(name).split())}", language, text.strip(), title.strip())
