"""TREC run and qrels files, six and four columns, as trec_eval and ir-measures read them.

Only writers: a run is a result of this toolkit, never its input.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from xlreach.corpora.formats.lines import write_lines


def write_run(path: Path, ranked: Iterable[tuple[str, Sequence[tuple[str, float]]]], tag: str = "xlreach") -> int:
    """Writes `query Q0 document rank score tag`, best first; returns the number of lines.

    trec_eval orders by score and then by document id, not by rank: documents of equal score may change places there.
    """
    return write_lines(
        path,
        (
            f"{_checked(query)} Q0 {_checked(document)} {rank} {float(score)!r} {tag}"
            for query, documents in ranked
            for rank, (document, score) in enumerate(documents, 1)
        ),
    )


def write_qrels(path: Path, qrels: Mapping[str, Mapping[str, int]]) -> int:
    """Writes `query 0 document relevance`; returns the number of lines."""
    return write_lines(
        path,
        (
            f"{_checked(query)} 0 {_checked(document)} {relevance}"
            for query, judged in qrels.items()
            for document, relevance in judged.items()
        ),
    )


def _checked(identifier: str) -> str:
    if not identifier or any(character.isspace() for character in identifier):
        raise ValueError(f"{identifier!r} cannot be an id in a TREC file: it is empty or holds white space")
    return identifier
