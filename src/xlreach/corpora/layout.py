"""Finds files below a data root; refuses names in data set strings that lead out of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from xlreach.corpora.dataset import SPLITS
from xlreach.errors import DataError
from xlreach.languages import canonical_code


def inside(root: Path, relative: str) -> Path:
    """`root / relative`, for a path that comes from a data set string."""
    parts = PurePosixPath(relative)
    if parts.is_absolute() or ".." in parts.parts or "\\" in relative:
        expected = "Expected a path below it, without '..'."
        raise DataError(f"{relative!r} leads out of the data root {root}.", expected=expected)
    return root / parts


def folder_of(root: Path, relative: str, what: str) -> Path:
    """A folder below the data root."""
    path = root / relative
    if not path.is_dir():
        expected = f"Expected the folder {relative}, in the layout of its publisher."
        raise DataError(f"There is no {what} in the data root {root}.", expected=expected)
    return path


@contextmanager
def expecting(what: str, path: Path, line: int | None = None, expected: str = "") -> Iterator[None]:
    """Reports a row or file in which a part is missing or has the wrong type."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        seen = f"Not {what} ({type(error).__name__}: {error})."
        raise DataError(seen, expected=expected, path=path, line=line) from error


def split_files(folder: Path, *patterns: str) -> dict[str, list[Path]]:
    """The file of each split: the first that exists of the names; `{split}` and `{folder}` stand for their names."""
    names = {split: [name.format(split=split, folder=folder.name) for name in patterns] for split in SPLITS}
    files = {split: [folder / name for name in names[split] if (folder / name).is_file()] for split in SPLITS}
    return {split: paths[:1] for split, paths in files.items() if paths}


def coded_files(folder: Path) -> dict[str, Path]:
    """The files of a folder that are named by a language code, with `.txt` or without an ending."""
    coded = {}
    for path in sorted(folder.glob("*")):
        code = canonical_code(path.stem) if re.fullmatch(r"[\w-]+(\.txt)?", path.name) and path.is_file() else None
        if code:
            coded[code] = path
    return coded
