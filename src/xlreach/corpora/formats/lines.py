"""Reads and writes plain text line by line; every line-based format here is built on it.

Only LF ends a line: U+2028, U+0085 and the like are characters of the text. A byte-order mark at the start of a file
and a CR at the end of a line are dropped. Lines that are not UTF-8 or hold a NUL are refused, with file and line. Files
compressed by gzip, xz, bzip2 or Zstandard are unpacked while they are read, whatever their names. HTML and Unicode
normalization are never touched.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Any, TypeVar

from xlreach.errors import DataError, located

T = TypeVar("T")
_MOST_UNPACKED, _MOST_TIMES = 256 << 20, 100
_BOM = b"\xef\xbb\xbf"
_LONGEST = 64 << 20  # bytes: beyond, a file is no text in lines, and would be held whole


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number from 1, line) of every line of a file, blank lines included, without the line end."""
    path = Path(path)
    try:
        with _opened(path) as stream:
            total, most = 0, sys.maxsize
            if packing(path):  # text shrinks to about a tenth, never to a thousandth
                most = max(_MOST_UNPACKED, _MOST_TIMES * path.stat().st_size)
            for number, raw in enumerate(iter(lambda: stream.readline(_LONGEST), b""), 1):
                total += len(raw)
                if total > most:
                    raise DataError(f"Unpacks to more than {most >> 20} MiB.", fix="Unpack it yourself.", path=path)
                try:
                    line = _decoded(raw.removeprefix(_BOM) if number == 1 else raw)
                except DataError as error:
                    raise DataError(str(error), path=path, line=number) from None
                yield number, line
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise DataError(f"Cannot be read ({error.strerror}).", path=path) from error
        raise DataError(f"Not a whole {packing(path)} file ({error}).", fix="Copy it again.", path=path) from error


def _decoded(raw: bytes) -> str:
    if len(raw) == _LONGEST:
        raise DataError(f"A line of {_LONGEST >> 20} MiB or more.", expected="Expected lines.")
    raw = raw.removesuffix(b"\n").removesuffix(b"\r")
    try:
        line = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        seen = f"Byte {error.start + 1} of the line is 0x{raw[error.start]:02x}, which is not UTF-8."
        raise DataError(seen, fix="Convert the file to UTF-8, for example with iconv.") from None
    if "\0" in line:
        fix = "The file is damaged, binary, or not UTF-8."
        raise DataError("The line holds a NUL character.", expected="Expected text.", fix=fix)
    return line


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a text file that are not blank, streaming; outer blanks are kept."""
    return (line for _, line in numbered_lines(path) if line.strip())


def parse_lines(path: Path, parse: Callable[[str], T | None], first: int = 1) -> Iterator[tuple[int, T]]:
    """(number, parsed line) of the lines from `first` that are not blank, streaming; None leaves a line out.

    Errors that `parse` raises are reported with file and line.
    """
    for number, line in numbered_lines(path):
        if number >= first and line.strip():
            with located(path, number):
                value = parse(line)
            if value is not None:
                yield number, value


def blocks(path: Path, strict: bool = False) -> Iterator[list[tuple[int, str]]]:
    """The numbered lines of a file, in blocks that blank lines separate, streaming."""
    block: list[tuple[int, str]] = []
    for number, line in chain(numbered_lines(path), [(0, "")]):
        if line if strict else line.strip():
            block.append((number, line))
        elif block:
            yield block
            block = []


def not_empty(sentences: Iterable[T], path: Path, expected: str = "") -> Iterator[T]:
    """The sentences that were read from a file."""
    empty = True
    for sentence in sentences:
        empty = False
        yield sentence
    if empty:
        raise DataError("There is no sentence in the file.", expected=expected, path=path)


def write_lines(path: Path, lines: Iterable[str]) -> int:
    """Writes one line each, UTF-8 with LF; returns how many."""
    count = 0
    with Path(path).open("w", encoding="utf-8", newline="\n") as stream:
        for line in lines:
            if "\n" in line:
                raise ValueError(f"a line to be written holds a line feed: {line[:80]!r}")
            stream.write(line + "\n")
            count += 1
    return count


def packing(path: Path) -> str:
    """What a file is compressed by (`gzip`, `xz`, `bzip2`, `zstd`), by its first bytes, else its name; or nothing."""
    with Path(path).open("rb") as stream:
        head = stream.read(10)
    named = PACKED_SUFFIXES.get(Path(path).suffix.lower(), "")
    return next((name for name, begin in _BEGINNINGS.items() if re.match(begin, head, re.DOTALL)), named)


_BEGINNINGS = {"gzip": b"\x1f\x8b", "xz": b"\xfd7zXZ\0", "bzip2": b"BZh.1AY&SY", "zstd": b"\\x28\xb5\x2f\xfd"}
PACKED_SUFFIXES = {".gz": "gzip", ".xz": "xz", ".bz2": "bzip2", ".zst": "zstd"}


def _opened(path: Path) -> IO[bytes]:
    if (name := packing(path)) == "zstd":
        import pyarrow

        return io.BufferedReader(pyarrow.input_stream(str(path), compression=name))
    opener: Any = {"gzip": gzip.open, "xz": lzma.open, "bzip2": bz2.open}.get(name, open)
    return opener(path, "rb")
