"""Unlabelled text below `raw/`: a file or a folder of files for each language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from xlreach.corpora.dataset import DATASETS, DatasetSpec, Kind, Text
from xlreach.corpora.layout import coded_files, inside
from xlreach.languages import canonical_code
from xlreach.spec import param


@DATASETS.register
@dataclass(frozen=True)
class RawText(DatasetSpec):
    """Text of one language from one source: `raw/SOURCE/<code>.txt` or `raw/SOURCE/<code>/*.txt`."""

    name: ClassVar[str] = "text"
    kinds: ClassVar[tuple[Kind, ...]] = ("text",)
    member: str = param(help="source and language, as in lapt9/mt", member=True)

    def _open(self, root: Path) -> Text:
        source, _, code = self.member.rpartition("/")
        folder = inside(root / "raw", source or self.member)
        languages = _languages(folder)
        language = canonical_code(code)
        if not source or language not in languages:
            file = f"raw/{source or 'SOURCE'}/{code or 'CODE'}.txt"
            raise self.absent(root, "text", f"Expected {file}, or a folder of files named by the code.")
        return Text(str(self), {str(language): languages[str(language)]})

    @classmethod
    def _find(cls, root: Path, kind: Kind) -> Iterator[tuple[str, tuple[str, ...]]]:
        for folder in sorted((root / "raw").glob("*/")):
            for language in _languages(folder):
                yield f"text:{folder.name}/{language}", (language,)


def _languages(folder: Path) -> dict[str, list[Path]]:
    languages: dict[str, list[Path]] = {code: [path] for code, path in coded_files(folder).items()}
    for below in sorted(folder.glob("*/")):
        code, paths = canonical_code(below.name), sorted(below.glob("*.txt"))
        if code and paths and below.is_dir():
            languages.setdefault(code, []).extend(paths)
    return languages
