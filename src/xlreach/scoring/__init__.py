"""From rankings to scores: measures by their ir-measures strings, exact ranks, language bias, TREC files.

Lives here: the measures (`measures`), the ranks of the relevant documents without keeping whole rankings (`ranks`,
`document_pools`), bias towards languages (`bias`) and `evaluate`, which scores one encoder on one collection in every
setting. Never here: differences between systems or languages and their tests, plots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xlreach.scoring.evaluation import evaluate

__all__ = ["evaluate"]


def __getattr__(name: str) -> Any:
    if name == "evaluate":  # late: it imports torch and FAISS, which checking a measure's string does not need
        from xlreach.scoring.evaluation import evaluate

        return evaluate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
