"""The findings of a study in sentences, written from the typed rows of `xlreach.gaps`. Computes no statistic.

A sentence carries its figure, its interval and its p value, and claims a difference only where the row says that a test
allows it. Plain ASCII apart from names, so that every terminal can print it.
"""

from __future__ import annotations

from xlreach.report.narrative.answer import Sentence, answer_sentences
from xlreach.report.narrative.contrasts import factor_sentences, run_sentences
from xlreach.report.narrative.remarks import (
    caution_text,
    caution_texts,
    correlation_reason,
    model_reason,
    pool_sentences,
    verdict_reason,
    verdict_sentences,
)
from xlreach.report.narrative.summary import best_for_low, certainty, gap_sources, narrowed, summary, tagging_gap
from xlreach.report.narrative.systems import system_name

__all__ = [
    "Sentence",
    "answer_sentences",
    "best_for_low",
    "caution_text",
    "caution_texts",
    "certainty",
    "correlation_reason",
    "factor_sentences",
    "gap_sources",
    "model_reason",
    "narrowed",
    "pool_sentences",
    "run_sentences",
    "summary",
    "system_name",
    "tagging_gap",
    "verdict_reason",
    "verdict_sentences",
]
