"""Parallel text: for training, and as a collection for scoring the retrieval of translations.

As a collection, every sentence is a document and a query. For a query in language A, its translation in B is relevant,
and so is every sentence of B with the same text. Where a sentence occurs twice in A with two translations, both are
relevant to both, because the queries are indistinguishable. Within one language no sentence is relevant to another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from xlreach.corpora.collection import Collection, Document, Qrels, Query
from xlreach.corpora.dataset import check_language
from xlreach.corpora.formats.aligned_lines import read_aligned
from xlreach.corpora.formats.lines import numbered_lines


@dataclass(frozen=True)
class AlignedFiles:
    """Files of one text in several languages, line by line."""

    key: str  # the part of the ids that tells the texts of a data set apart; empty where there is only one
    paths: Mapping[str, Path]  # one file for each language
    first: int = 1  # the first line that belongs to it, from 1
    last: int | None = None  # the last line that belongs to it; None is the end of the file

    def lines(self, language: str) -> Iterator[tuple[int, str]]:
        """(line number, text) of its lines in a language, without blank lines and without outer blanks."""
        for number, line in numbered_lines(self.paths[language]):
            if self.last is not None and number > self.last:
                return
            if number >= self.first and (text := line.strip()):
                yield number, text

    def aligned(self, a: str, b: str) -> Iterator[tuple[int, str, str]]:
        """(line number, text in `a`, text in `b`) where neither is blank; reads both files to the end."""
        for number, left, right in read_aligned(self.paths[a], self.paths[b]):
            if left and right and self.first <= number and (self.last is None or number <= self.last):
                yield number, left, right

    def files(self, language: str) -> list[Path]:
        """The files that a language is read from; none for a language that it does not have."""
        return [self.paths[language]] if language in self.paths else []


class NumberedTexts(AlignedFiles):
    """Texts whose lines have numbers of their own: lines with the same number translate each other."""

    def aligned(self, a: str, b: str) -> Iterator[tuple[int, str, str]]:
        other = dict(self.lines(b))
        return ((number, text, other[number]) for number, text in self.lines(a) if number in other)


class ParallelText(Collection):
    """Texts that translate each other line by line, in two languages or many."""

    self_retrieving = True

    def __init__(self, name: str, bundles: Iterable[AlignedFiles], shared: Iterable[Path] = ()) -> None:
        # `shared`: files that decide which lines are used, and so belong to every language.
        self.name, self.bundles, self._shared = name, tuple(bundles), tuple(shared)

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(sorted({language for bundle in self.bundles for language in bundle.paths}))

    def lines(self, language: str) -> Iterator[str]:
        """All lines of a language that are not blank, streaming."""
        check_language(self, language)
        return (text for bundle in self._holding(language) for _, text in bundle.lines(language))

    def pairs(self, a: str, b: str) -> Iterator[tuple[str, str]]:
        """(line in `a`, line in `b`), streaming; none where the two are not parallel here."""
        return ((left, right) for bundle in self._holding(a, b) for _, left, right in bundle.aligned(a, b))

    def documents(self, language: str) -> Iterator[Document]:
        check_language(self, language)
        for bundle in self._holding(language):
            for number, text in bundle.lines(language):
                yield Document(_id(language, bundle, number), language, text)

    def queries(self, language: str) -> list[Query]:
        check_language(self, language)
        return [
            Query(_id(language, bundle, number), language, text, _group(bundle, number))
            for bundle in self._holding(language)
            for number, text in bundle.lines(language)
        ]

    def qrels(self, query_language: str, document_language: str) -> Qrels:
        check_language(self, query_language), check_language(self, document_language)
        queries: list[tuple[str, str]] = []
        translations: defaultdict[str, set[str]] = defaultdict(set)
        for bundle in self._holding(query_language, document_language):
            for number, left, right in bundle.aligned(query_language, document_language):
                queries.append((_id(query_language, bundle, number), left))
                translations[left].add(right)
        if not queries:
            return {}
        wanted = {text for texts in translations.values() for text in texts}
        documents_by_text: defaultdict[str, list[str]] = defaultdict(list)
        for document in self.documents(document_language):
            if document.text in wanted:
                documents_by_text[document.text].append(document.id)
        return {
            query: {document: 1 for right in sorted(translations[left]) for document in documents_by_text[right]}
            for query, left in queries
        }

    def files(self, languages: Iterable[str]) -> list[Path]:
        wanted = set(languages)
        paths = {path for bundle in self.bundles for language in wanted for path in bundle.files(language)}
        return sorted(paths.union(self._shared) if paths else paths)

    def _holding(self, *languages: str) -> list[AlignedFiles]:
        """The texts that have all of these languages; none where two of the languages are the same."""
        if len(set(languages)) < len(languages):
            return []
        return [bundle for bundle in self.bundles if all(language in bundle.paths for language in languages)]


def _id(language: str, bundle: AlignedFiles, number: int) -> str:
    return "/".join(part for part in (language, bundle.key, str(number)) if part)


def _group(bundle: AlignedFiles, number: int) -> str:
    return f"{bundle.key}/{number}" if bundle.key else str(number)
