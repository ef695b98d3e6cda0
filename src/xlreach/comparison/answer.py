"""The claims behind the answer to the study's question: how retrieval differs between the sides, and what changes it.

Each base and data set has its best system, the one whose low-resource languages retrieve best. Its gaps, what the
query's side and the documents' side cost it, and how it compares with the same encoder without its recipe or its
alignment are claims; all of them are corrected together. For these very languages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pandas as pd
from scipy import special

from xlreach.comparison.claims import SETTINGS, Hypothesis, Selection
from xlreach.comparison.groups.splits import CONFIG
from xlreach.comparison.hypotheses import check_hypotheses
from xlreach.comparison.tests.correction import holm
from xlreach.gaps import Answer, Claim, Direction, Gap, GapAnalysis, Interval
from xlreach.measurement import Measurement
from xlreach.system import StudyNames, System

_ALPHA = 0.05
_FORMS: tuple[Literal["value", "gap"], ...] = ("value", "gap")


def answers(
    analysis: GapAnalysis,
    results: Sequence[Measurement],
    queries: pd.DataFrame | Path | None,
    levels: Mapping[str, Sequence[str]],
    names: StudyNames,
) -> list[Answer]:
    """An answer for each base and data set."""
    gaps: dict[tuple[str, str], list[Gap]] = {}
    for row in analysis.gaps:
        if row.split == CONFIG and row.kind == "retrieval" and row.measure == analysis.headline and row.dataset:
            gaps.setdefault((row.system.base, row.dataset), []).append(row)
    answered = []
    for (base, dataset), rows in gaps.items():
        system = best_system(rows)
        candidates = len({row.system for row in rows if row.system.is_dense})
        own_rows = sorted(
            (row for row in rows if row.system == system), key=lambda row: SETTINGS.index(str(row.setting))
        )
        setting = next(name for name in ("cross", *SETTINGS) if name in {row.setting for row in own_rows})
        # with documents of one side only, the gap across languages is what the query's side costs
        claims = [_claim("gap", row, row.gap) for row in own_rows if len(row.documents) != 1]
        claims += [
            _claim(row.direction, row, row.value)
            for row in analysis.directions
            if row.split == CONFIG and (row.system, row.dataset, row.measure) == (system, dataset, analysis.headline)
            if row.direction in ("query side", "document side")
        ]
        measured = [row for row in results if (row.base or "", row.dataset) == (base, dataset)]
        contrasts = [
            (kind, against, form)
            for kind, against in _contrasts(system, list(dict.fromkeys(row.system for row in rows)), names)
            for form in _FORMS
        ]
        hypotheses = [
            Hypothesis(
                text=kind,
                form=form,
                left=Selection.only(system),
                right=Selection.only(against),
                greater=True,
                task=setting,
                measure=analysis.headline or "",
                languages="low" if form == "value" else "all",
            )
            for kind, against, form in contrasts
        ]
        verdicts = check_hypotheses(hypotheses, measured, queries, levels)
        for (kind, against, form), verdict in zip(contrasts, verdicts, strict=True):
            if verdict.effect is not None:
                claim = Claim(kind=kind, setting=setting, against=against, form=form, estimate=verdict.effect)
                # chosen as the best of k, it beats one of the others by chance k / 2 times as often as any two differ
                times = max(1.0, candidates / 2)
                p, ends = verdict.p and min(1.0, verdict.p * times), verdict.interval
                if ends is not None:
                    reach = (ends.high - ends.low) / 2 * special.ndtri(_ALPHA / 2 / times) / special.ndtri(_ALPHA / 2)
                    ends = Interval(verdict.effect - reach, verdict.effect + reach)
                claims.append(replace(claim, interval=ends, p=p))
        corrected = holm([claim.p for claim in claims])
        claims = [
            replace(claim, p_holm=p, claimed=p is not None and p < _ALPHA)
            for claim, p in zip(claims, corrected, strict=True)
        ]
        answered.append(Answer(base=base, dataset=dataset, system=system, setting=setting, claims=tuple(claims)))
    return answered


def best_system(gaps: Sequence[Gap]) -> System:
    """The dense system with the best low-resource mean, cross-lingual if that was measured; any if none is dense."""
    rows = [row for row in gaps if row.system.is_dense] or list(gaps)
    rows = [row for row in rows if row.setting == "cross"] or rows
    return (min if rows[0].lower_is_better else max)(rows, key=lambda row: row.low).system


def _claim(kind: Literal["gap", "query side", "document side"], row: Gap | Direction, estimate: float) -> Claim:
    ends, p = row.interval_these_languages, row.p_these_languages
    return Claim(kind=kind, setting=str(row.setting), estimate=estimate, interval=ends, p=p)


_Kind = Literal["recipe", "alignment", "retriever"]


def _contrasts(system: System, systems: Sequence[System], names: StudyNames) -> list[tuple[_Kind, System]]:
    """What the system is compared with: other alignments and retrievers of its recipe, and recipes with fewer steps.

    A recipe with fewer steps is the untreated base, or a recipe all of whose steps the system's has as well.
    """
    contrasts: list[tuple[_Kind, System]] = [
        ("alignment" if other.is_dense else "retriever", other)
        for other in systems
        if other.recipe == system.recipe and other != system
    ]
    steps = set(names.recipes.get(system.recipe, ()))
    for other in systems:
        fewer = not other.is_adapted or set(names.recipes.get(other.recipe, (other.recipe,))) < steps
        if replace(other, recipe=system.recipe) == system and other != system and fewer:
            contrasts.append(("recipe", other))
    return contrasts
