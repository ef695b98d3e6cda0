"""TREC run and qrels files, six and four columns, as trec_eval and ir-measures read them.

Only writers: a run is a result of this toolkit, never its input.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


def write_run(path: Path, ranked: Iterable[tuple[str, Sequence[tuple[str, float]]]], tag: str = "xlreach") -> int:
    """Writes `query Q0 document rank score tag`, best first; returns the number of lines.

    trec_eval orders by score and then by document id, not by rank: documents of equal score may change places there.
    """
    count = 0
    with Path(path).open("w", encoding="utf-8", newline="\n") as stream:
        for query, documents in ranked:
            _check_id(query)
            for rank, (document, score) in enumerate(documents, 1):
                _check_id(document)
                stream.write(f"{query} Q0 {document} {rank} {float(score)!r} {tag}\n")
                count += 1
    return count


def write_qrels(path: Path, qrels: Mapping[str, Mapping[str, int]]) -> int:
    """Writes `query 0 document relevance`; returns the number of lines."""
    count = 0
    with Path(path).open("w", encoding="utf-8", newline="\n") as stream:
        for query, judged in qrels.items():
            _check_id(query)
            for document, relevance in judged.items():
                _check_id(document)
                stream.write(f"{query} 0 {document} {relevance}\n")
                count += 1
    return count


def _check_id(identifier: str) -> None:
    if not identifier or any(character.isspace() for character in identifier):
        raise ValueError(f"{identifier!r} cannot be an id in a TREC file: it is empty or holds white space")
