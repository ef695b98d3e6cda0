"""Finds files below a data root; refuses names in data set strings that lead out of it."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from xlreach.errors import DataError
from xlreach.languages import canonical_code


def inside(root: Path, relative: str) -> Path:
    """`root / relative`, for a path that comes from a data set string."""
    parts = PurePosixPath(relative)
    if parts.is_absolute() or ".." in parts.parts or "\\" in relative:
        raise DataError(
            f"{relative!r} leads out of the data root {root}.", expected="Expected a path below it, without '..'."
        )
    return root / parts


def folder_of(root: Path, relative: str, what: str) -> Path:
    """A folder below the data root."""
    path = root / relative
    if not path.is_dir():
        raise DataError(
            f"There is no {what} in the data root {root}.",
            expected=f"Expected the folder {relative}, in the layout of its publisher.",
        )
    return path


def coded_files(folder: Path) -> dict[str, Path]:
    """The files of a folder that are named by a language code, with `.txt` or without an ending."""
    coded = {}
    for path in sorted(folder.glob("*")):
        code = canonical_code(path.stem) if re.fullmatch(r"[\w-]+(\.txt)?", path.name) and path.is_file() else None
        if code:
            coded[code] = path
    return coded
