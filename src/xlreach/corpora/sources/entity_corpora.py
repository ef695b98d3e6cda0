"""Named-entity corpora below `ner/`: MasakhaNER, Universal NER, IL-NER, WikiANN and others of their layouts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from xlreach.corpora.dataset import DATASETS, DatasetSpec, EntityCorpus, Kind
from xlreach.corpora.formats.iob2 import TaggedSentence, read_iob2
from xlreach.corpora.layout import inside, split_files
from xlreach.languages import canonical_code, language_code
from xlreach.spec import param

_UNER = "UNER_"
_UNER_FILE = re.compile(r"(?P<code>[a-z]{2,3}_\w+)-ud-(?P<split>train|dev|test)[\w.-]*\.iob2")
_FILES = ("{split}.txt", "{split}.iob2", "{split}.tsv", "{split}.conll", "{split}", "{folder}-{split}.txt")


@DATASETS.register
@dataclass(frozen=True)
class Entities(DatasetSpec):
    """An entity corpus: `ner/FAMILY/MEMBER/{train,dev,test}.txt`, or Universal NER's own folders as `uner/CODE`.

    Published files contain mistakes (an `I-` that continues no entity, `-` as a tag): they are repaired and counted in
    the log, unless `repair=false`. Universal NER's `OTH`, and its few tags `B-O`, are read as `O`.
    """

    name: ClassVar[str] = "ner"
    kinds: ClassVar[tuple[Kind, ...]] = ("entities",)
    member: str = param(help="family and member, as in masakhaner2/wol or uner/en_ewt", member=True)
    repair: bool = param(True, "whether invalid IOB2 tags are repaired and counted; else they are refused")

    def _open(self, root: Path) -> EntityCorpus:
        family, _, member = self.member.partition("/")
        folder = inside(root / "ner", self.member)
        splits = _uner(root).get(member, {}) if family == "uner" else split_files(folder, *_FILES)
        language = _language(member)
        if not splits or language is None:
            files = f"ner/{self.member}/train.txt, dev.txt, test.txt"
            raise self.absent(root, "entities", f"Expected {files}, in a folder named by a language.")
        return EntityCorpus(str(self), language, splits, partial(_read, family=family, repair=self.repair))

    @classmethod
    def _find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        for code in sorted(_uner(root)):
            if language := _language(code):
                yield f"ner:uner/{code}", (language,)
        for folder in sorted((root / "ner").glob("*/*/")):
            language = _language(folder.name)
            if language and split_files(folder, *_FILES):
                yield f"ner:{folder.parent.name}/{folder.name}", (language,)


def read_entities(path: Path, repair: bool = True) -> Iterator[TaggedSentence]:
    """The sentences of an entity file of any of the layouts here, told apart by its ending."""
    return _read(path, "uner" if path.suffix == ".iob2" and "-ud-" in path.name else "", repair)


def _read(path: Path, family: str, repair: bool) -> Iterator[TaggedSentence]:
    if family == "uner":
        return read_iob2(path, 1, 2, outside=("OTH", "B-O"), repair=repair)
    return read_iob2(path, language_prefix=family == "wikiann", repair=repair)


def _uner(root: Path) -> dict[str, dict[str, list[Path]]]:
    """Universal NER's corpora by code; a file with a date in its name is used only where the plain one is missing."""
    corpora: dict[str, dict[str, list[Path]]] = {}
    for path in sorted((root / "ner").glob(f"{_UNER}*/*.iob2"), key=lambda path: (len(path.name), path.name)):
        if match := _UNER_FILE.fullmatch(path.name):
            corpora.setdefault(match["code"], {}).setdefault(match["split"], [path])
    return corpora


def _language(member: str) -> str | None:
    """By code (`wol`, `en_ewt`) or by English name (`Urdu`)."""
    return canonical_code(member.partition("_")[0]) or language_code(member)
