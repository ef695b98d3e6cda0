"""Parallel data sets: NTREX-128, FLORES-200, Tatoeba, MAFAND, and any line-aligned files (`bitext:`)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from xlreach.corpora.dataset import DATASETS, SPLITS, DatasetSpec, Kind
from xlreach.corpora.formats.lines import read_lines
from xlreach.corpora.layout import coded_files, folder_of, inside
from xlreach.corpora.parallel_text import AlignedFiles, ParallelText
from xlreach.corpora.sources.bible_verses import has_verses
from xlreach.errors import DataError, nearest
from xlreach.languages import canonical_code
from xlreach.spec import param


@dataclass(frozen=True)
class _Translations(DatasetSpec):
    """Parallel text in the layout of its publisher."""

    kinds: ClassVar[tuple[Kind, ...]] = ("parallel", "collection")
    folder: ClassVar[str] = ""  # below parallel/
    splits: ClassVar[tuple[str, ...]] = ()  # the values of its parameter `split`; each has languages of its own

    @abstractmethod
    def _texts(self, root: Path) -> list[AlignedFiles]:
        """The files that are there, aligned; none where there are none."""

    def _open(self, root: Path) -> ParallelText:
        folder = folder_of(root, f"parallel/{self.folder}", f"data set {self.name!r}")
        texts = self._texts(root)
        if not texts:
            raise DataError(f"There are no files of {str(self)!r} as its publisher names them.", path=folder)
        return ParallelText(str(self), texts)

    @classmethod
    def _find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        variant: Callable[..., _Translations] = cls
        for spec in [variant(split=split) for split in cls.splits] or [variant()]:
            if languages := {code for text in spec._texts(root) for code in text.paths}:
                yield str(spec), tuple(sorted(languages))


@DATASETS.register
@dataclass(frozen=True)
class Ntrex(_Translations):
    """NTREX-128: 1,997 sentences of 123 news documents in 128 languages, translated from English.

    It is halved between two documents (by `DOCUMENT_IDS.tsv`), so that one half can train and the other test.
    """

    name: ClassVar[str] = "ntrex"
    license: ClassVar[str] = "CC BY-SA 4.0"
    citation: ClassVar[str] = "Federmann, Kocmi, Xin 2022, NTREX-128, SUMEval"
    folder: ClassVar[str] = "ntrex128"
    half: Literal["first", "second"] | None = param(None, "only the first or the second half of the documents")

    def _open(self, root: Path) -> ParallelText:
        text = super()._open(root)
        if self.half is None:
            return text
        ids = root / "parallel" / self.folder / "DOCUMENT_IDS.tsv"
        documents = list(read_lines(ids))
        middle = _middle(documents)
        first, last = (1, middle) if self.half == "first" else (middle + 1, len(documents))
        return ParallelText(str(self), [AlignedFiles("", text.bundles[0].paths, first, last)], [ids])

    def _texts(self, root: Path) -> list[AlignedFiles]:
        paths = sorted((root / "parallel" / self.folder / "NTREX-128").glob("newstest2019-*.txt"))
        coded = {code: path for path in paths if (code := canonical_code(path.name.split(".")[1]))}
        return [AlignedFiles("", coded)] if coded else []


@DATASETS.register
@dataclass(frozen=True)
class Flores(_Translations):
    """FLORES-200 as released: `flores200_dataset/devtest/mlt_Latn.devtest`; FLORES+ is `hub:` with its folder or id."""

    name: ClassVar[str] = "flores"
    license: ClassVar[str] = "CC BY-SA 4.0"
    citation: ClassVar[str] = "NLLB Team 2022; Goyal et al. 2022, FLORES-101, TACL"
    folder: ClassVar[str] = "flores200_dataset"
    splits: ClassVar[tuple[str, ...]] = ("dev", "devtest")
    split: Literal["dev", "devtest"] = param("devtest", "which part")

    def _texts(self, root: Path) -> list[AlignedFiles]:
        paths = sorted((root / "parallel" / self.folder / self.split).glob(f"*.{self.split}"))
        coded = {code: path for path in paths if (code := canonical_code(path.stem))}
        return [AlignedFiles("", coded)] if len(coded) > 1 else []


@DATASETS.register
@dataclass(frozen=True)
class Tatoeba(_Translations):
    """The Tatoeba test sets of LASER: up to 1,000 sentences of each language with English.

    The English sides differ from language to language. With all pairs open, the English documents are those of every
    pair together; `pair` opens one alone, whose candidates are then the published ones.
    """

    name: ClassVar[str] = "tatoeba"
    license: ClassVar[str] = "CC BY 2.0 FR"
    citation: ClassVar[str] = "Artetxe, Schwenk 2019, Massively Multilingual Sentence Embeddings, TACL"
    folder: ClassVar[str] = "tatoeba_v1"
    pair: str | None = param(None, "one language: only its sentences and their English side", positional=True)

    def _open(self, root: Path) -> ParallelText:
        text = super()._open(root)
        if self.pair is None:
            return text
        code = canonical_code(self.pair)
        if code not in text.languages or code == "en":
            others = set(text.languages) - {"en"}
            raise DataError(f"This copy of Tatoeba has no pair for {self.pair!r}.", fix=nearest(self.pair, others))
        return ParallelText(str(self), [bundle for bundle in text.bundles if code in bundle.paths])

    def _texts(self, root: Path) -> list[AlignedFiles]:
        texts = []
        for path in sorted((root / "parallel" / self.folder).glob("tatoeba.*-eng.eng")):
            other = path.name.split(".")[1].removesuffix("-eng")
            if code := canonical_code(other):
                texts.append(AlignedFiles(code, {code: path.with_suffix(f".{other}"), "en": path}))
        return texts


@DATASETS.register
@dataclass(frozen=True)
class Mafand(_Translations):
    """MAFAND-MT: news in African languages with English or French."""

    name: ClassVar[str] = "mafand"
    license: ClassVar[str] = "CC BY-NC 4.0"
    citation: ClassVar[str] = "Adelani et al. 2022, A Few Thousand Translations Go a Long Way, NAACL"
    folder: ClassVar[str] = "mafand"
    splits: ClassVar[tuple[str, ...]] = SPLITS
    split: Literal["train", "dev", "test"] = param("train", "which part")

    def _texts(self, root: Path) -> list[AlignedFiles]:
        texts = []
        for folder in sorted((root / "parallel" / self.folder / "text_files").glob("*-*")):
            files = {side: folder / f"{self.split}.{side}" for side in folder.name.split("-")}
            coded = {code: path for side, path in files.items() if (code := canonical_code(side)) and path.is_file()}
            if len(coded) == 2:
                texts.append(AlignedFiles(folder.name, coded))
        return texts


@DATASETS.register
@dataclass(frozen=True)
class Bitext(DatasetSpec):
    """Line-aligned files `parallel/NAME/<code>.txt`, in any number of languages."""

    name: ClassVar[str] = "bitext"
    kinds: ClassVar[tuple[Kind, ...]] = ("parallel", "collection")
    member: str = param(help="the folder below parallel/", member=True)

    def _open(self, root: Path) -> ParallelText:
        folder = inside(root / "parallel", self.member)
        paths = coded_files(folder)
        if len(paths) < 2:
            raise self.absent(root, "parallel", f"Expected two or more files {folder}/<language code>.txt.")
        return ParallelText(str(self), [AlignedFiles("", paths)])

    @classmethod
    def _find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        for folder in sorted((root / "parallel").glob("*/")):
            paths = coded_files(folder)
            if len(paths) >= 2 and not has_verses(next(iter(paths.values()))):
                yield f"bitext:{folder.name}", tuple(sorted(paths))


def _middle(ids: list[str]) -> int:
    """The number of lines before that boundary between two documents which is nearest to the middle."""
    boundaries = [at for at in range(1, len(ids)) if ids[at] != ids[at - 1]]
    if not boundaries:
        raise DataError("DOCUMENT_IDS.tsv holds a single document.", expected="Expected several.")
    return min(boundaries, key=lambda at: abs(2 * at - len(ids)))
