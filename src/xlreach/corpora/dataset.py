"""The types of opened data sets: text, treebanks, entity corpora (collections: `collection`, `parallel_text`).

`DATASETS` holds every kind of data set by name. Each is a `DatasetSpec`: its parameters, license and citation, and
where its files are below a data root. Opening a data set reads no text; that happens when its methods are called.
"""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import ClassVar, Generic, Literal, TypeVar

from xlreach.corpora.formats.conllu import Sentence
from xlreach.corpora.formats.iob2 import TaggedSentence
from xlreach.corpora.formats.lines import numbered_lines, read_lines
from xlreach.errors import DataError, nearest
from xlreach.spec import Registry, Spec

Kind = Literal["text", "treebank", "entities", "parallel", "collection"]
SPLITS: tuple[Literal["train", "dev", "test"], ...] = ("train", "dev", "test")
T = TypeVar("T")


class Dataset(ABC):
    """Any data set."""

    name: str  # its printed form, which opens it again
    license: str = "not stated"  # of the data, as a short name
    citation: str = ""  # who to cite, in a line
    self_retrieving: bool = False  # whether a document with a query's id is the query, which is not ranked for itself
    pooled: bool = False  # whether only some documents of each query are judged, relevant ones and others
    paths: Mapping[str, Sequence[Path]] = {}  # the files of each language, where each has files of its own

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages in it, as `Language.code`, sorted."""
        return tuple(sorted(self.paths))

    def files(self, languages: Iterable[str]) -> list[Path]:
        """The files that the given languages are read from, sorted, for checksums."""
        return sorted(path for language in set(languages) & self.paths.keys() for path in self.paths[language])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class Text(Dataset):
    """Unlabelled text, one sentence or paragraph per line."""

    def __init__(self, name: str, paths: Mapping[str, Iterable[Path]]) -> None:
        self.name = name
        self.paths = {language: tuple(sorted(given)) for language, given in paths.items()}

    def lines(self, language: str) -> Iterator[str]:
        """The lines that are not blank, streaming, file after file."""
        for path in self.paths[check_language(self, language)]:
            yield from read_lines(path)

    def documents(self, language: str) -> Iterator[str]:
        """All lines, streaming; a blank line, or the end of a file, ends a document."""
        for path in self.paths[check_language(self, language)]:
            yield from (line for _, line in numbered_lines(path))
            yield ""


class AnnotatedCorpus(Dataset, Generic[T]):
    """Annotated sentences of one language; `splits` has the files of each of its splits (`train`, `dev`, `test`)."""

    def __init__(
        self, name: str, language: str, splits: Mapping[str, Iterable[Path]], read: Callable[[Path], Iterator[T]]
    ) -> None:
        self.name, self.language = name, language
        ordered = sorted(splits, key=lambda split: SPLITS.index(split) if split in SPLITS else len(SPLITS))
        self.splits: dict[str, tuple[Path, ...]] = {split: tuple(splits[split]) for split in ordered}
        self.paths = {language: [path for paths in self.splits.values() for path in paths]}
        self._read = read

    def read(self, split: str) -> Iterator[T]:
        """The sentences of a split, streaming."""
        if split not in self.splits:
            raise DataError(f"{self.name} has no split {split!r}.", fix=nearest(split, self.splits))
        for path in self.splits[split]:
            yield from self._read(path)


class Treebank(AnnotatedCorpus[Sentence]):
    """Sentences with part-of-speech tags and dependency trees."""

    trees: bool = True  # false where the heads are empty, so that only parts of speech can be learned


class EntityCorpus(AnnotatedCorpus[TaggedSentence]):
    """Sentences with entities in IOB2."""


@dataclass(frozen=True)
class DatasetSpec(Spec):
    """A named data set, opened below a data root.

    Class attributes: `license` and `citation` of the data. Where they depend on the member, they are in `credits.tsv`.
    """

    license: ClassVar[str] = "not stated"
    citation: ClassVar[str] = ""
    kinds: ClassVar[tuple[Kind, ...]] = ()  # the kinds that `find` lists it as

    def open(self, root: Path) -> Dataset:
        """The data set below `root`, with its citation, and its license unless its files state one."""
        data = self._open(root)
        member = PurePosixPath(getattr(self, "member", ""))
        listed = (_credits().get(f"{self.name}:{part}") for part in (member, member.parent))
        stated, data.citation = next(filter(None, listed), (self.license, self.citation))
        data.license = stated if data.license == Dataset.license else data.license
        published = any(name in str(member).lower() for name in ("arguana", "quora", "cqadupstack"))
        data.self_retrieving |= published or getattr(self, "self_retrieving", False)
        data.pooled |= getattr(self, "pooled", False)
        return data

    @abstractmethod
    def _open(self, root: Path) -> Dataset:
        """Opens it; `open` adds license and citation."""

    def absent(self, root: Path, kind: Kind, expected: str = "") -> DataError:
        """The error that the data root does not hold this data set; names those that it holds."""
        names = [name for name, _ in self.find(root, kind)]
        return DataError(f"There is no {str(self)!r} in {root}.", expected=expected, fix=nearest(str(self), names))

    @classmethod
    def find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The data set strings of this name that can be opened below `root` as `kind`, each with its languages."""
        return cls._find(root, kind) if kind in cls.kinds else iter(())

    @classmethod
    def _find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        return iter(())


@lru_cache(1)
def _credits() -> dict[str, tuple[str, str]]:
    """License and citation by `name:member`, or by the member's first folder."""
    table = resources.files("xlreach.corpora").joinpath("credits.tsv").read_text("utf-8")
    return {name: (license_, citation) for name, license_, citation in csv.reader(table.splitlines()[1:], "excel-tab")}


DATASETS: Registry[DatasetSpec] = Registry("data set")


def check_language(data: Dataset, language: str) -> str:
    """Returns `language` if the data set has it."""
    if language not in data.languages:
        raise DataError(f"{data.name} has no text in {language!r}.", fix=nearest(language, data.languages))
    return language
