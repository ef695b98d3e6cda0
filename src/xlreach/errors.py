"""Errors that a user can correct.

Every mistake in the user's input raises an `XLReachError`, which says what was seen, what was expected, what to do, and
where. The command line prints it as one paragraph and exits with code 2; a traceback is always a bug of the toolkit.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_LONGEST = 2000  # of a message, in characters


class XLReachError(Exception):
    """A mistake in the user's input.

    Args:
        seen: What was found, as a sentence.
        expected: What would have been right, as a sentence.
        fix: What to do about it, as a sentence.
        path: The file it was found in.
        line: The line in that file, counted from 1.
    """

    def __init__(
        self,
        seen: str,
        *,
        expected: str = "",
        fix: str = "",
        path: Path | str | None = None,
        line: int | None = None,
    ) -> None:
        where = "" if path is None else f"{path}: " if line is None else f"{path}:{line}: "
        super().__init__(_printable(where + " ".join(part for part in (seen, expected, fix) if part)))
        self.path = None if path is None else Path(path)
        self.line = line


class SpecError(XLReachError):
    """A recipe, alignment, index, measure or data set string that does not parse or validate."""


class ConfigError(XLReachError):
    """A study configuration that does not validate."""


class DataError(XLReachError):
    """A file that violates its format, or a data set that does not exist."""


class ModelError(XLReachError):
    """A model folder that cannot be used for the purpose."""


class IndexFolderError(XLReachError):
    """An index folder that is damaged or belongs to another encoder."""


class StoreError(XLReachError):
    """The store cannot be written or read."""


class MissingExtraError(XLReachError):
    """A missing optional dependency; the message says how to install it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed.",
            fix=f"Run: pip install 'xlreach[{extra}]'",
        )


@contextmanager
def located(path: Path, line: int | None = None) -> Iterator[None]:
    """Adds file and line to a `DataError` that is raised in the block without them."""
    try:
        yield
    except DataError as error:
        if error.path is not None:
            raise
        raise DataError(str(error), path=path, line=line) from error.__cause__


def nearest(seen: str, valid: Iterable[str]) -> str:
    """Names the valid value that `seen` was probably meant to be, and the others; empty where there are none.

    >>> nearest("lapd", ["lapt", "va"])
    "Did you mean 'lapt'? Known: lapt, va."
    """
    names = sorted(valid)
    if not names:
        return ""
    close = difflib.get_close_matches(seen, names, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    shown = ", ".join(names[:40]) + (f" and {len(names) - 40} more" if len(names) > 40 else "")
    return f"{hint}Known: {shown}."


def _printable(message: str) -> str:
    """The message, shortened and without control characters or lone surrogates, safe for terminals and files."""
    if len(message) > _LONGEST:
        message = f"{message[: _LONGEST * 3 // 4]} […] {message[-_LONGEST // 4 :]}"
    return "".join(
        character
        if character.isprintable() or character == "\n"
        else character.encode("unicode_escape").decode("ascii")
        for character in message
    )
