"""Names of systems and printed figures, for `runs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlreach.system import UNTREATED as BASELINE

Row = Mapping[str, Any]
SETTINGS = ("mono", "cross", "multi")


def is_baseline(alignment: str | None) -> bool:
    """Whether the old column names a retriever that is no encoder."""
    return alignment in ("bm25", "random") or str(alignment).startswith(("rrf(", "blend("))


def system(row: Row) -> str:
    """A recipe and an alignment in words; what an encoder is held against by its own name.

    >>> system({"recipe": "lapt", "alignment": "none"}), system({"recipe": "none", "alignment": "mono"})
    ('lapt', 'none with mono')
    >>> system({"recipe": "none", "alignment": "bm25"})
    'bm25'
    """
    if row["recipe"] == BASELINE and is_baseline(row["alignment"]):
        return str(row["alignment"])
    aligned = row["alignment"] not in (None, BASELINE)
    return f"{row['recipe']} with {row['alignment']}" if aligned else str(row["recipe"])


def signed(value: float, points: bool | None = None) -> str:
    """A difference with its sign: three decimals for shares, one for percentages.

    >>> signed(-0.1234), signed(12.34)
    ('-0.123', '+12.3')
    """
    return f"{value:+.1f}" if (abs(value) > 1.5 if points is None else points) else f"{value:+.3f}"


def plain(value: float) -> str:
    """A value: three decimals for shares, one for percentages."""
    return f"{value:.1f}" if abs(value) > 1.5 else f"{value:.3f}"


def p_text(value: float) -> str:
    """A p value: three decimals, or that it is below .001."""
    return "p < .001" if value < 0.001 else f"p = {value:.3f}".replace(" 0.", " .", 1)
