"""Universal Dependencies treebanks, and part-of-speech corpora in two columns."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from xlreach.corpora.dataset import DATASETS, DatasetSpec, Kind, Treebank
from xlreach.corpora.formats.conllu import Sentence, Word, read_conllu
from xlreach.corpora.formats.lines import blocks, not_empty, numbered_lines
from xlreach.corpora.layout import inside, split_files
from xlreach.errors import DataError
from xlreach.languages import canonical_code
from xlreach.spec import param

# Large treebanks come in parts: ru_syntagrus-ud-train-a.conllu, -b, -c.
_FILE = re.compile(r"(?P<code>[a-z]{2,3}_\w+)-ud-(?P<split>train|dev|test)(-\w+)?\.conllu")
_UPOS = frozenset(
    (
        "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM",
        "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X",
    )
)  # fmt: skip


@DATASETS.register
@dataclass(frozen=True)
class UniversalDependencies(DatasetSpec):
    """A treebank by its UD code, found anywhere below `ud/`."""

    name: ClassVar[str] = "ud"
    citation: ClassVar[str] = "Nivre et al. 2020, Universal Dependencies v2, LREC"
    kinds: ClassVar[tuple[Kind, ...]] = ("treebank",)
    member: str = param(help="the treebank's code, as in mt_mudt", member=True)
    release: str | None = param(None, "the folder below ud/, where there are several releases (v2.5)")

    def _open(self, root: Path) -> Treebank:
        folders = {
            folder: splits
            for folder, splits in _treebanks(root).get(self.member, {}).items()
            if self.release is None or self.release in folder.relative_to(root).parts
        }
        if not folders:
            raise self.absent(root, "treebank", f"Expected ud/**/{self.member}-ud-(train|dev|test).conllu.")
        if len(folders) > 1:
            fix = "Choose one with release=: " + ", ".join(str(path.relative_to(root)) for path in sorted(folders))
            raise DataError(f"There are {len(folders)} copies of the treebank {self.member!r}.", fix=fix)
        ((folder, splits),) = folders.items()
        treebank = Treebank(str(self), ud_language(self.member), splits, read_conllu)
        treebank.license = ud_license(folder)
        return treebank

    @classmethod
    def _find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        for code, folders in sorted(_treebanks(root).items()):
            for folder in sorted(folders):
                # The outermost folder below ud/ names the release.
                release = folder.relative_to(root).parts[1] if len(folders) > 1 else None
                yield str(cls(code, release)), (ud_language(code),)


@DATASETS.register
@dataclass(frozen=True)
class PartOfSpeech(DatasetSpec):
    """Universal part-of-speech tags without trees: a token and its tag a line of `pos/FAMILY/LANGUAGE/train.txt`."""

    name: ClassVar[str] = "pos"
    license: ClassVar[str] = "CC BY-NC 4.0 (MasakhaPOS)"
    citation: ClassVar[str] = "Dione et al. 2023, MasakhaPOS, ACL"
    kinds: ClassVar[tuple[Kind, ...]] = ("treebank",)
    member: str = param(help="family and language, as in masakhapos/wol", member=True)

    def _open(self, root: Path) -> Treebank:
        folder = inside(root / "pos", self.member)
        splits = split_files(folder, "{split}.txt")
        language = canonical_code(folder.name)
        if not splits or language is None:
            raise self.absent(root, "treebank", f"Expected pos/{self.member}/train.txt, dev.txt, test.txt.")
        corpus = Treebank(str(self), language, splits, read_tagged)
        corpus.trees = False
        return corpus

    @classmethod
    def _find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        for folder in sorted((root / "pos").glob("*/*/")):
            code = canonical_code(folder.name)
            if code and split_files(folder, "{split}.txt"):
                yield f"pos:{folder.parent.name}/{folder.name}", (code,)


def read_tagged(path: Path) -> Iterator[Sentence]:
    """Sentences of a two-column file (token, blank or tab, UPOS), with empty heads."""
    return not_empty((_tagged(block, path) for block in blocks(path)), path)


def _tagged(block: list[tuple[int, str]], path: Path) -> Sentence:
    words: list[Word] = []
    for number, line in block:
        columns = line.split()
        if len(columns) != 2 or columns[1] not in _UPOS:
            seen = f"{len(columns)} columns." if len(columns) != 2 else f"Tag {columns[1]!r}."
            raise DataError(seen, expected="Expected a token and its universal tag.", path=path, line=number)
        words.append(Word(len(words) + 1, columns[0], upos=columns[1]))
    return Sentence(tuple(words), path=path, line=block[0][0])


def ud_language(code: str) -> str:
    """The language of a treebank code."""
    prefix, _, name = code.partition("_")
    if prefix == "no" and name.startswith("nynorsk"):
        return "nn"
    language = canonical_code(prefix)
    if language is None:
        raise DataError(f"{code!r} does not begin with a language code.", expected="Expected one such as mt_mudt.")
    return language


def ud_license(folder: Path) -> str:
    """The license that a treebank's README names in its machine-readable block."""
    readme = folder / "README.md"
    if readme.is_file():
        for _, line in numbered_lines(readme):
            if line.startswith("License:"):
                return line.partition(":")[2].strip()
    return ""


def ud_splits(folder: Path) -> dict[str, dict[str, list[Path]]]:
    """The CoNLL-U files of a folder by treebank code and split."""
    treebanks: defaultdict[str, dict[str, list[Path]]] = defaultdict(dict)
    for path in sorted(folder.glob("*.conllu")):
        if match := _FILE.fullmatch(path.name):
            treebanks[match["code"]].setdefault(match["split"], []).append(path)
    return dict(treebanks)


def _treebanks(root: Path) -> dict[str, dict[Path, dict[str, list[Path]]]]:
    """Every treebank below `ud/` with the folders it lies in."""
    treebanks: defaultdict[str, dict[Path, dict[str, list[Path]]]] = defaultdict(dict)
    for folder in sorted({path.parent for path in (root / "ud").rglob("*.conllu")}):
        for code, splits in ud_splits(folder).items():
            if canonical_code(code.partition("_")[0]):
                treebanks[code][folder] = splits
    return dict(treebanks)
