"""Which rows of a `GapAnalysis` a part of the report is about. Selects; computes and words nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

from xlreach.gaps import Change, GapAnalysis
from xlreach.gaps.rows import Subject
from xlreach.system import System

SETTINGS = ("mono", "cross", "multi")
Row = TypeVar("Row", bound=Subject)


class Topic(NamedTuple):
    """What a part of the report is about: a base, and the retrieval data set it was measured on (None for tagging)."""

    base: str
    dataset: str | None


def topics(analysis: GapAnalysis) -> list[Topic]:
    """The bases and data sets with retrieval figures of the headline measure, in order; without any, the bases."""
    rows = [row for row in analysis.gaps if row.split == analysis.split.name]
    retrieval = [row for row in rows if row.kind == "retrieval" and row.measure == analysis.headline]
    return list(dict.fromkeys(Topic(row.system.base, row.dataset) for row in retrieval)) or [
        Topic(base, None) for base in dict.fromkeys(row.system.base for row in rows)
    ]


def retrieval_rows(
    analysis: GapAnalysis, rows: Iterable[Row], topic: Topic, *, other_splits: bool = False
) -> list[Row]:
    """The rows of a topic, of the headline measure: `mono`, `cross`, then `multi` under the study's own split, or all
    under the other splits."""
    wanted = (*topic, "retrieval", analysis.headline)
    kept = [row for row in rows if (row.system.base, row.dataset, row.kind, row.measure) == wanted]
    kept = [row for row in kept if (row.split != analysis.split.name) == other_splits]
    return kept if other_splits else sorted(kept, key=lambda row: setting_order(row.setting))


def tagging_rows(analysis: GapAnalysis, rows: Iterable[Row], base: str, *, other_splits: bool = False) -> list[Row]:
    """The rows of tagging of a base, under the study's own split or under the others."""
    tagging = [row for row in rows if row.kind == "tagging" and row.system.base == base]
    return [row for row in tagging if (row.split != analysis.split.name) == other_splits]


def setting_order(setting: str | None) -> int:
    """Where a setting stands among the settings."""
    return SETTINGS.index(setting) if setting in SETTINGS else len(SETTINGS)


def reference_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows of the unchanged base; where it was not measured, those of the first system."""
    reference = min((row.system for row in rows), key=lambda system: not system.is_untreated, default=None)
    return [row for row in rows if row.system == reference]


def changes_of_base(analysis: GapAnalysis, topic: Topic) -> list[Change]:
    """What each system changes against the unchanged base."""
    return [row for row in retrieval_rows(analysis, analysis.changes, topic) if row.against.is_untreated]


def narrowest(analysis: GapAnalysis, topic: Topic) -> Change | None:
    """The change against the unchanged base that leaves the smallest gap, cross-lingual if that was measured."""
    # only encoders: a random order leaves no gap either
    rows = [row for row in changes_of_base(analysis, topic) if row.system.is_dense]
    rows = [row for row in rows if row.setting == "cross"] or rows
    return max(rows, key=lambda row: abs(row.gap_before) - abs(row.gap_after), default=None)


def answered_system(analysis: GapAnalysis, topic: Topic) -> System | None:
    """The system that the study's answer is about: the one with the best low-resource mean."""
    answers = (answer for answer in analysis.answers if (answer.base or "", answer.dataset) == topic)
    return next((answer.system for answer in answers), None)
