"""Bible translations of the Parallel Bible Corpus: a verse a line, its number first, aligned by number.

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
from xlreach.corpora.formats.lines import numbered_lines
from xlreach.corpora.layout import inside
from xlreach.corpora.parallel_text import AlignedFiles, ParallelText
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
    member: str = param(help="the folder below parallel/", member=True)

    def _open(self, root: Path) -> ParallelText:
        folder = inside(root / "parallel", self.member)
        translations = _paths(folder)
        for code, files in translations.items():
            if len(files) > 1:
                raise DataError(
                    f"Several translations in {code!r}: {', '.join(path.name for path in files)}.",
                    fix="Leave one of them in the folder.",
                    path=folder,
                )
        paths = {code: files[0] for code, files in translations.items()}
        if len(paths) < 2:
            lines = "lines with a verse number, a tab and a text"
            raise self.absent(root, "parallel", f"Expected two or more files {folder}/<language code>.txt of {lines}.")
        return ParallelText(str(self), [AlignedVerses("", paths)])

    @classmethod
    def find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        for folder in sorted((root / "parallel").glob("*/")) if kind in ("parallel", "collection") else ():
            paths = _paths(folder)
            single = all(len(files) == 1 for files in paths.values())
            if len(paths) >= 2 and single and has_verses(next(iter(paths.values()))[0]):
                yield f"verses:{folder.name}", tuple(sorted(paths))


class AlignedVerses(AlignedFiles):
    """Translations whose lines are numbered by verse."""

    def lines(self, language: str) -> Iterator[tuple[int, str]]:
        path = self.paths[language]
        for number, line in numbered_lines(path):
            if not line.strip() or line.startswith("#"):
                continue
            verse, tab, text = line.partition("\t")
            verse_number = whole_number(verse.strip())
            if not tab or verse_number is None:
                raise DataError(
                    f"{line[:40]!r}.", expected="Expected a verse number, a tab and a text.", path=path, line=number
                )
            if text.strip():
                yield verse_number, text.strip()

    def aligned(self, a: str, b: str) -> Iterator[tuple[int, str, str]]:
        other = dict(self.lines(b))
        for verse, text in self.lines(a):
            if verse in other:
                yield verse, text, other[verse]


def has_verses(path: Path) -> bool:
    """Whether the first line that is no comment is a verse; file names alone do not tell verses from aligned lines."""
    for _, line in numbered_lines(path):
        if line.strip() and not line.startswith("#"):
            return whole_number(line.partition("\t")[0].strip()) is not None and "\t" in line
    return False


def _paths(folder: Path) -> dict[str, list[Path]]:
    translations: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.txt")):
        if code := canonical_code(path.stem.partition("-x-bible")[0]):
            translations.setdefault(code, []).append(path)
    return translations
