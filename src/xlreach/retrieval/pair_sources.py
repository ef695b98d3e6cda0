"""Sources of training pairs: parallel text, retrieval collections, crops of plain text, and files of triples.

A string names a source: a data set (`ntrex(half=first)`, `folder:retrieval/artificial-train`), `crops(text:lapt9/mt)`,
plain `crops` (of the text that a study has prepared for each language), or `triples(FILE)`, which has hard negatives.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from xlreach.corpora.formats.lines import numbered_lines, read_lines
from xlreach.corpora.parallel_text import ParallelText
from xlreach.corpora.registry import open_dataset
from xlreach.errors import DataError, SpecError
from xlreach.safe_io import parse_json
from xlreach.spec import Registry, Spec, param

PAIR_SOURCES: Registry[PairSpec]


class PairSource(ABC):
    """Query-passage pairs by language.

    Attributes:
        name: The string that names it; part of a training run's cache key.
        languages: The languages with pairs; none before `bind` if the source uses prepared text.
        uses_text: Whether `bind` must give it the study's prepared text before pairs can be drawn.
        translations: Whether the two texts of a pair in two languages are translations of each other.
    """

    uses_text: bool = False
    translations: bool = False

    def __init__(self, name: str, languages: Iterable[str]) -> None:
        self.name, self.languages = name, tuple(languages)

    def __str__(self) -> str:
        return self.name

    @abstractmethod
    def pairs(self, query_language: str, passage_language: str, seed: int) -> Iterator[tuple[str, ...]]:
        """Yields (query, passage, hard negatives …) texts; nothing if there are no pairs for these languages."""

    @abstractmethod
    def files(self, languages: Iterable[str]) -> list[Path]:
        """The files that it reads, for checksums; without those given to `bind`."""

    def bind(self, text: Mapping[str, Path]) -> PairSource:
        """The source with the study's prepared text (one file per language), if it uses prepared text."""
        return self


_QUERY, _POSITIVE, _NEGATIVE = ("query", "anchor"), ("positive", "positives", "pos"), ("negatives", "negative", "neg")


@dataclass(frozen=True)
class PairSpec(Spec):
    """A pair source that is no data set."""

    @abstractmethod
    def open(self, root: Path) -> PairSource:
        """Opens the source; `root` is the data root."""


@dataclass(frozen=True)
class Crops(PairSpec):
    """Two random spans of the same few lines, as query and passage (independent cropping).

    Izacard et al. 2022, "Unsupervised Dense Information Retrieval with Contrastive Learning", §3.1. It gives mono pairs
    to a language that has only plain text. Of parallel text, the passage may be in another language: the same spans of
    the same lines give mono and cross pairs, so that batches of both kinds differ in nothing else. Spans are counted in
    words, or in characters where a script has no spaces.
    """

    name: ClassVar[str] = "crops"

    data: str | None = param(None, "a text data set; none takes the study's prepared text", positional=True)
    lines: int = param(2, "adjacent lines that a pair is cut from", minimum=1)
    shortest: float = param(0.2, "length of the shortest span, as a share of them", minimum=0.01, maximum=1)
    longest: float = param(0.6, "length of the longest span", minimum=0.01, maximum=1)
    most: int = param(100000, "pairs a language at most", minimum=1)

    def open(self, root: Path) -> PairSource:
        if self.longest < self.shortest:
            raise SpecError(f"{self} has spans of at least {self.shortest} and at most {self.longest} of the text.")
        if self.data is None:
            return _CropSource(self)
        return _CropSource(self, open_dataset(self.data, root))


@dataclass(frozen=True)
class Triples(PairSpec):
    """The user's own queries with passages and hard negatives, one JSON object per line.

    `{"query": "…", "positive": "…", "negatives": ["…", "…"]}`; also read are `anchor` for the query, `pos` or a list of
    positives, and `neg` or `negative`.
    """

    name: ClassVar[str] = "triples"

    file: str = param(help="a file of JSON lines, below the data root or anywhere", positional=True)
    language: str = param("en", "of the passages", shown=True)
    queries: str | None = param(None, "language of the queries; none for that of the passages")

    def open(self, root: Path) -> PairSource:
        path = root / self.file
        if not path.is_file():
            raise DataError("There is no such file of triples.", path=path)
        return _TripleSource(self, path)


def open_pairs(text: str, root: Path) -> PairSource:
    """The pair source that `crops`, `crops(DATA SET)`, `triples(FILE)` or a data set with pairs names.

    Raises:
        SpecError: It names nothing, or a data set without pairs.
    """
    if text.partition("(")[0].strip() in PAIR_SOURCES:
        return PAIR_SOURCES.parse(text).open(root)
    return pairs_of(open_dataset(text, root))


def pairs_of(data: Any) -> PairSource:
    """Parallel text or a retrieval collection as a pair source.

    Raises:
        SpecError: It has no pairs.
    """
    if isinstance(data, PairSource):
        return data
    if not callable(getattr(data, "pairs", None)):
        raise SpecError(
            f"{getattr(data, 'name', data)} has no pairs of query and passage.",
            expected="Expected parallel text, a retrieval collection, or crops(TEXT).",
        )
    return _DatasetPairs(data)


class _DatasetPairs(PairSource):
    def __init__(self, data: Any) -> None:
        super().__init__(str(data.name), data.languages)
        self._data = data
        self.translations = isinstance(data, ParallelText)

    def pairs(self, query_language: str, passage_language: str, seed: int) -> Iterator[tuple[str, str]]:
        if not {query_language, passage_language} <= set(self.languages):
            return
        for query, passage in self._data.pairs(query_language, passage_language):
            # A text paired with itself (parallel text, both times in one language) teaches nothing.
            if query != passage:
                yield query, passage

    def files(self, languages: Iterable[str]) -> list[Path]:
        return list(self._data.files([code for code in languages if code in self.languages]))


class _CropSource(PairSource):
    def __init__(self, spec: Crops, data: Any = None, text: Mapping[str, Path] | None = None) -> None:
        self._spec, self._data, self._text = spec, data, dict(text or {})
        self.uses_text = data is None
        super().__init__(str(spec), self._text if data is None else data.languages)

    def bind(self, text: Mapping[str, Path]) -> PairSource:
        return _CropSource(self._spec, text=text) if self._data is None else self

    def files(self, languages: Iterable[str]) -> list[Path]:
        if self._data is None:
            return []
        return list(self._data.files([code for code in languages if code in self.languages]))

    def pairs(self, query_language: str, passage_language: str, seed: int) -> Iterator[tuple[str, str]]:
        parallel = isinstance(self._data, ParallelText)
        one_language = query_language == passage_language
        if not {query_language, passage_language} <= set(self.languages) or not (parallel or one_language):
            return iter(())
        if one_language:
            read = read_lines(self._text[query_language]) if self._data is None else self._data.lines(query_language)
            lines = ((line, line) for line in read)
        else:
            lines = self._data.pairs(query_language, passage_language)
        generator = random.Random(f"{seed} {self._spec}" + ("" if parallel else f" {query_language}"))
        return islice(self._crops(lines, generator), self._spec.most)

    def _crops(self, lines: Iterator[tuple[str, str]], generator: random.Random) -> Iterator[tuple[str, str]]:
        while window := tuple(islice(lines, self._spec.lines)):
            query, passage = (self._span(" ".join(side), generator) for side in zip(*window, strict=True))
            if query and passage and query != passage:
                yield query, passage

    def _span(self, text: str, generator: random.Random) -> str:
        units: Sequence[str] = text.split()
        separator = " "
        if len(units) < len(text) / 20:
            units, separator = text, ""
        share, place = generator.uniform(self._spec.shortest, self._spec.longest), generator.random()
        length = max(min(2, len(units)), round(share * len(units)))
        start = round(place * (len(units) - length))
        return separator.join(units[start : start + length])


class _TripleSource(PairSource):
    def __init__(self, spec: Triples, path: Path) -> None:
        self._path, self._direction = path, (spec.queries or spec.language, spec.language)
        super().__init__(str(spec), dict.fromkeys(self._direction))

    def files(self, languages: Iterable[str]) -> list[Path]:
        return [self._path]

    def pairs(self, query_language: str, passage_language: str, seed: int) -> Iterator[tuple[str, ...]]:
        if (query_language, passage_language) != self._direction:
            return
        for number, line in numbered_lines(self._path):
            if line.strip():
                yield from self._read(parse_json(line, self._path, number), number)

    def _read(self, row: Any, number: int) -> Iterator[tuple[str, ...]]:
        try:
            query, positives, negatives = (self._texts(row, names) for names in (_QUERY, _POSITIVE, _NEGATIVE))
        except (ValueError, TypeError, AttributeError) as error:
            raise DataError(
                f"Not a triple ({error}).",
                expected='Expected {"query": "…", "positive": "…", "negatives": ["…"]}.',
                path=self._path,
                line=number,
            ) from error
        for positive in positives:
            yield (query[0], positive, *negatives)

    @staticmethod
    def _texts(row: dict[str, Any], names: tuple[str, ...]) -> list[str]:
        """The texts under the first of the names that the row has; a query and a positive are required."""
        value: Any = next((row[name] for name in names if name in row), [])
        texts = [value] if isinstance(value, str) else list(value)
        if not all(isinstance(text, str) and text.strip() for text in texts) or (not texts and names is not _NEGATIVE):
            raise ValueError(f"{names[0]} is empty or no text")
        return texts


PAIR_SOURCES = Registry("pair source")
for _each in (Crops, Triples):
    PAIR_SOURCES.register(_each)
