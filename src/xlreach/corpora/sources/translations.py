"""The parallel data sets: NTREX-128, FLORES-200, Tatoeba, MAFAND, and line-aligned files of anybody's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from xlreach.corpora.dataset import DATASETS, DatasetSpec, Kind
from xlreach.corpora.formats.lines import read_lines
from xlreach.corpora.layout import coded_files, folder_of, inside
from xlreach.corpora.parallel_text import AlignedFiles, ParallelText
from xlreach.corpora.sources.bible_verses import has_verses
from xlreach.errors import DataError, nearest
from xlreach.languages import canonical_code
from xlreach.spec import param

_KINDS = ("parallel", "collection")


@DATASETS.register
@dataclass(frozen=True)
class Ntrex(DatasetSpec):
    """NTREX-128: 1,997 sentences of 123 news documents in 128 languages, translated from English.

    The halves are cut between two documents (by `DOCUMENT_IDS.tsv`), so that one can train and the other test.
    """

    name: ClassVar[str] = "ntrex"
    licence: ClassVar[str] = "CC BY-SA 4.0"
    citation: ClassVar[str] = "Federmann, Kocmi, Xin 2022, NTREX-128, SUMEval"
    summary: ClassVar[str] = "News sentences in up to 128 languages, every pair parallel"
    half: Literal["first", "second"] | None = param(None, "only the first or the second half of the documents")

    def _open(self, root: Path) -> ParallelText:
        folder = folder_of(root, "parallel/ntrex128", "NTREX-128")
        paths = self._paths(root)
        if not paths:
            raise DataError(f"No newstest2019-*.txt in {folder / 'NTREX-128'}.")
        first, last, shared = 1, None, []
        if self.half:
            shared = [folder / "DOCUMENT_IDS.tsv"]
            ids = list(read_lines(shared[0]))
            cut = _middle(ids)
            first, last = (1, cut) if self.half == "first" else (cut + 1, len(ids))
        return ParallelText(str(self), [AlignedFiles("", paths, first, last)], shared)

    @classmethod
    def find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        if kind in _KINDS and (paths := cls._paths(root)):
            yield cls.name, tuple(sorted(paths))

    @staticmethod
    def _paths(root: Path) -> dict[str, Path]:
        found = {}
        for path in sorted((root / "parallel/ntrex128/NTREX-128").glob("newstest2019-*.txt")):
            code = canonical_code(path.name.split(".")[1])
            if code:
                found[code] = path
        return found


@DATASETS.register
@dataclass(frozen=True)
class Flores(DatasetSpec):
    """FLORES-200 as released: `flores200_dataset/devtest/mlt_Latn.devtest`; FLORES+ is `hub:` with its folder or id."""

    name: ClassVar[str] = "flores"
    licence: ClassVar[str] = "CC BY-SA 4.0"
    citation: ClassVar[str] = "NLLB Team 2022; Goyal et al. 2022, FLORES-101, TACL"
    summary: ClassVar[str] = "Sentences of Wikinews, Wikijunior and Wikivoyage in 200 languages, every pair parallel"
    split: Literal["dev", "devtest"] = param("devtest", "which part")

    def _open(self, root: Path) -> ParallelText:
        folder = folder_of(root, "parallel/flores200_dataset", "FLORES-200")
        paths = self._paths(root, self.split)
        if len(paths) < 2:
            raise DataError(f"No files {self.split}/<language>.{self.split}.", path=folder)
        return ParallelText(str(self), [AlignedFiles("", paths)])

    @classmethod
    def find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        for split in ("dev", "devtest"):
            if kind in _KINDS and len(paths := cls._paths(root, split)) > 1:
                yield str(cls(split=split)), tuple(sorted(paths))

    @staticmethod
    def _paths(root: Path, split: str) -> dict[str, Path]:
        found = sorted((root / "parallel/flores200_dataset" / split).glob(f"*.{split}"))
        return {code: path for path in found if (code := canonical_code(path.stem))}


@DATASETS.register
@dataclass(frozen=True)
class Tatoeba(DatasetSpec):
    """The Tatoeba test sets of LASER: up to 1,000 sentences of each language with English.

    The English sides differ from language to language. With all pairs open, the English documents are those of every
    pair together; `pair` opens one alone, whose candidates are then the published ones.
    """

    name: ClassVar[str] = "tatoeba"
    licence: ClassVar[str] = "CC BY 2.0 FR"
    citation: ClassVar[str] = "Artetxe, Schwenk 2019, Massively Multilingual Sentence Embeddings, TACL"
    summary: ClassVar[str] = "Everyday sentences, each language with English"
    pair: str | None = param(None, "one language: only its sentences and their English side", positional=True)

    def _open(self, root: Path) -> ParallelText:
        folder_of(root, "parallel/tatoeba_v1", "Tatoeba")
        bundles = self._bundles(root)
        if self.pair is not None:
            wanted = canonical_code(self.pair)
            known = [code for bundle in bundles for code in bundle.paths if code != "en"]
            if wanted not in known:
                raise DataError(f"Tatoeba here has no pair for {self.pair!r}.", fix=nearest(self.pair, known))
            bundles = [bundle for bundle in bundles if wanted in bundle.paths]
        return ParallelText(str(self), bundles)

    @classmethod
    def find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        if kind in _KINDS and (bundles := cls._bundles(root)):
            yield cls.name, tuple(sorted({code for bundle in bundles for code in bundle.paths}))

    @staticmethod
    def _bundles(root: Path) -> list[AlignedFiles]:
        bundles = []
        for path in sorted((root / "parallel/tatoeba_v1").glob("tatoeba.*-eng.eng")):
            other = path.name.split(".")[1].removesuffix("-eng")
            code = canonical_code(other)
            if code:
                bundles.append(AlignedFiles(code, {code: path.with_suffix(f".{other}"), "en": path}))
        return bundles


@DATASETS.register
@dataclass(frozen=True)
class Mafand(DatasetSpec):
    """MAFAND-MT: news in African languages with English or French."""

    name: ClassVar[str] = "mafand"
    licence: ClassVar[str] = "CC BY-NC 4.0"
    citation: ClassVar[str] = "Adelani et al. 2022, A Few Thousand Translations Go a Long Way, NAACL"
    summary: ClassVar[str] = "News in African languages, each with English or French"
    split: Literal["train", "dev", "test"] = param("train", "which part")

    def _open(self, root: Path) -> ParallelText:
        folder_of(root, "parallel/mafand", "MAFAND")
        bundles = self._bundles(root, self.split)
        if not bundles:
            raise DataError(f"MAFAND in {root} has no split {self.split!r}.")
        return ParallelText(str(self), bundles)

    @classmethod
    def find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        for split in ("train", "dev", "test"):
            if kind in _KINDS and (bundles := cls._bundles(root, split)):
                yield str(cls(split=split)), tuple(sorted({code for bundle in bundles for code in bundle.paths}))

    @staticmethod
    def _bundles(root: Path, split: str) -> list[AlignedFiles]:
        bundles = []
        for folder in sorted((root / "parallel/mafand/text_files").glob("*-*")):
            paths = {
                canonical_code(side): folder / f"{split}.{side}"
                for side in folder.name.split("-")
                if (folder / f"{split}.{side}").is_file()
            }
            if len(paths) == 2 and None not in paths:
                bundles.append(AlignedFiles(folder.name, {str(code): path for code, path in paths.items()}))
        return bundles


@DATASETS.register
@dataclass(frozen=True)
class Bitext(DatasetSpec):
    """Line-aligned files `parallel/NAME/<code>.txt`, in any number of languages."""

    name: ClassVar[str] = "bitext"
    summary: ClassVar[str] = "Files parallel/NAME/<language code>.txt whose lines translate each other"
    member: str = param(help="the folder below parallel/", member=True)

    def _open(self, root: Path) -> ParallelText:
        folder = inside(root / "parallel", self.member)
        paths = coded_files(folder)
        if len(paths) < 2:
            known = [name.removeprefix("bitext:") for name, _ in self.find(root, "parallel")]
            raise DataError(
                f"No line-aligned files in {folder}.",
                expected="Expected two or more files named <language code>.txt.",
                fix=nearest(self.member, known) if known else "",
            )
        return ParallelText(str(self), [AlignedFiles("", paths)])

    @classmethod
    def find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        if kind not in _KINDS:
            return
        for folder in sorted((root / "parallel").glob("*/")):
            paths = coded_files(folder)
            if len(paths) >= 2 and not has_verses(next(iter(paths.values()))):
                yield f"bitext:{folder.name}", tuple(sorted(paths))


def _middle(ids: Iterable[str]) -> int:
    """The number of lines before that boundary between two documents which is nearest to the middle."""
    ids = list(ids)
    boundaries = [at for at in range(1, len(ids)) if ids[at] != ids[at - 1]]
    if not boundaries:
        raise DataError("DOCUMENT_IDS.tsv holds a single document.", expected="Expected several, to be cut in halves.")
    return min(boundaries, key=lambda at: abs(2 * at - len(ids)))
