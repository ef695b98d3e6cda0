"""The findings of a study in sentences, written from the typed rows of `xlreach.gaps`. Computes no statistic.

A sentence carries its figure, its interval and its p value, and claims a difference only where the row says that a test
allows it. Plain ASCII apart from names, so that every terminal can print it.
"""

from __future__ import annotations

from xlreach.report.narrative.answer import answer_sentences
from xlreach.report.narrative.contrasts import factor_sentences, run_sentences
from xlreach.report.narrative.remarks import caution_text, pool_sentences, reason_text, verdict_sentences
from xlreach.report.narrative.summary import certainty, summary, tagging_gap, topic_sentences

__all__ = [
    "answer_sentences",
    "caution_text",
    "certainty",
    "factor_sentences",
    "pool_sentences",
    "reason_text",
    "run_sentences",
    "summary",
    "tagging_gap",
    "topic_sentences",
    "verdict_sentences",
]
