"""Reads two text files of which line n of one translates line n of the other.

No automatic alignment, cleaning or deduplication.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from xlreach.corpora.formats.lines import numbered_lines
from xlreach.errors import DataError, located


def read_bitext(source: Path, target: Path) -> Iterator[tuple[str, str]]:
    """Pairs of lines, streaming; outer blanks are dropped, and so is a pair that has a blank side."""
    for _, left, right in read_aligned(source, target):
        if left and right:
            yield left, right


def read_aligned(source: Path, target: Path) -> Iterator[tuple[int, str, str]]:
    """All pairs of lines with their number, from 1; blank sides too."""
    for left, right in zip_longest(numbered_lines(source), numbered_lines(target)):
        if left is None or right is None:
            shorter, longer = (source, target) if left is None else (target, source)
            counts = [sum(1 for _ in numbered_lines(path)) for path in (shorter, longer)]
            with located(longer, counts[0] + 1):
                expected = "Expected equally many: line n of one translates line n of the other."
                raise DataError(f"Has {counts[1]} lines, {shorter} has {counts[0]}.", expected=expected)
        yield left[0], left[1].strip(), right[1].strip()
