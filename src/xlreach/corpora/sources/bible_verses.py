"""Bible translations of the Parallel Bible Corpus: one verse per line, its number first, aligned by number.

    # language_name: Maltese
    40001001 <TAB> Ktieb in-nisel ta' Ġesù Kristu …

Files are `parallel/NAME/<code>.txt` or `<code>-x-bible-….txt`. Bibles aligned by line (eBible) are `bitext:NAME`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from xlreach.corpora.dataset import DATASETS, DatasetSpec, Kind
from xlreach.corpora.formats.lines import parse_lines, read_lines
from xlreach.corpora.layout import inside
from xlreach.corpora.parallel_text import NumberedTexts, ParallelText
from xlreach.errors import DataError
from xlreach.languages import canonical_code
from xlreach.safe_io import whole_number
from xlreach.spec import param


@DATASETS.register
@dataclass(frozen=True)
class Verses(DatasetSpec):
    """Bible translations, aligned by verse number."""

    name: ClassVar[str] = "verses"
    license: ClassVar[str] = "that of each translation"
    citation: ClassVar[str] = "Mayer, Cysouw 2014, Creating a Massively Parallel Bible Corpus, LREC"
    kinds: ClassVar[tuple[Kind, ...]] = ("parallel", "collection")
    member: str = param(help="the folder below parallel/", member=True)

    def _open(self, root: Path) -> ParallelText:
        folder = inside(root / "parallel", self.member)
        translations = _paths(folder)
        for code, files in translations.items():
            if len(files) > 1:
                names = ", ".join(path.name for path in files)
                fix = "Leave one of them in the folder."
                raise DataError(f"Several translations in {code!r}: {names}.", fix=fix, path=folder)
        paths = {code: files[0] for code, files in translations.items()}
        if len(paths) < 2:
            lines = "lines with a verse number, a tab and a text"
            raise self.absent(root, "parallel", f"Expected two or more files {folder}/<language code>.txt of {lines}.")
        return ParallelText(str(self), [AlignedVerses("", paths)])

    @classmethod
    def _find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        for folder in sorted((root / "parallel").glob("*/")):
            paths = _paths(folder)
            single = all(len(files) == 1 for files in paths.values())
            if len(paths) >= 2 and single and has_verses(next(iter(paths.values()))[0]):
                yield f"verses:{folder.name}", tuple(sorted(paths))


class AlignedVerses(NumberedTexts):
    """Translations whose lines are numbered by verse."""

    def lines(self, language: str) -> Iterator[tuple[int, str]]:
        return ((verse, text) for _, (verse, text) in parse_lines(self.paths[language], _verse) if text)


def _verse(line: str) -> tuple[int, str] | None:
    verse, tab, text = line.partition("\t")
    number = whole_number(verse.strip())
    if line.startswith("#"):
        return None
    if not tab or number is None:
        raise DataError(f"{line[:40]!r}.", expected="Expected a verse number, a tab and a text.")
    return number, text.strip()


def has_verses(path: Path) -> bool:
    """Whether the first line that is no comment is a verse; file names alone do not tell verses from aligned lines."""
    first = next((line for line in read_lines(path) if not line.startswith("#")), "")
    return "\t" in first and whole_number(first.partition("\t")[0].strip()) is not None


def _paths(folder: Path) -> dict[str, list[Path]]:
    translations: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.txt")):
        if code := canonical_code(path.stem.partition("-x-bible")[0]):
            translations.setdefault(code, []).append(path)
    return translations
