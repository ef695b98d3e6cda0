"""Hypotheses checked on the measurements of a study: effect, interval, corrected p, verdict.

A claim is checked for these very languages, on the chance of queries or sentences and of training, once for each base
and data set. A claim about systems that were trained once has no test.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from xlreach.comparison.claims import SETTINGS, TAGGING, Hypothesis
from xlreach.comparison.explain.cost import COSTS, cost_of
from xlreach.comparison.groups.families import Family, families
from xlreach.comparison.groups.splits import config_split
from xlreach.comparison.resampling.language_means import Statistic, language_values
from xlreach.comparison.resampling.variance import Trained, certainty, combined, point, query_influence, size_p
from xlreach.comparison.tests.correction import holm
from xlreach.gaps import Interval, LanguageSplit, Verdict
from xlreach.measurement import Measurement
from xlreach.system import System

_ALPHA = 0.05


def check_hypotheses(
    claims: Sequence[Hypothesis],
    results: Sequence[Measurement],
    queries: pd.DataFrame | Path | None,
    levels: Mapping[str, Sequence[str]],
    sentences: pd.DataFrame | Path | None = None,
) -> list[Verdict]:
    """A verdict for each claim, base and data set; Holm over all of them."""
    checked: list[tuple[Hypothesis, Verdict]] = []
    split = config_split(levels, [])
    for claim in claims:
        members = [_as_value(row) for row in results if _concerns(claim, row)]
        verdicts = [
            verdict
            for family in families(members, queries, sentences)
            if (verdict := _check(claim, family, split, results)) is not None
        ]
        nothing = Verdict(claim=claim.text, base=None, dataset=None, reason="not_measured")
        checked += [(claim, verdict) for verdict in verdicts or [nothing]]
    corrected = holm([verdict.p for _, verdict in checked])
    return [_decided(claim, verdict, p) for (claim, verdict), p in zip(checked, corrected, strict=True)]


def _concerns(claim: Hypothesis, row: Measurement) -> bool:
    if row.label != claim.measure:
        return False
    if claim.task is None and claim.measure in COSTS:
        return row.kind == "cost" and row.stage == "adapt"
    if claim.task is None:
        return row.kind == "diagnostic" and row.query_language is None
    return row.kind == "tagging" if claim.task in TAGGING else row.setting == claim.task and row.kind == "retrieval"


def _as_value(row: Measurement) -> Measurement:
    """A diagnostic or cost is laid out as tagging is: a value a language."""
    return dataclasses.replace(row, kind="tagging") if row.kind in ("diagnostic", "cost") else row


def _check(claim: Hypothesis, family: Family, split: LanguageSplit, results: Sequence[Measurement]) -> Verdict | None:
    systems = [cell.system for cell in family.cells]
    weights = _interaction(claim, systems) if claim.form == "interaction" else _difference(claim, systems)
    if not weights:
        return None
    cells = [cell for cell in family.cells if cell.system in weights]
    measured = np.logical_and.reduce([cell.measured for cell in cells])
    languages = language_values(family.pairs, family.key.setting, split, measured)
    sides = [languages.columns(side) for side in _sides(claim, split, languages.languages)]
    if not all(sides):
        return None
    means = [languages.weights[:, side].mean(1) for side in sides]
    statistic = Statistic(means[0] - means[1] if len(means) > 1 else means[0])
    influences = [query_influence(cell, family.strata) for cell in cells]

    def blocks(signs: Mapping[System, float]) -> list[Trained]:
        return combined(cells, [signs[cell.system] for cell in cells], influences)

    def value(of: Sequence[Trained]) -> float:
        return float(statistic.weights @ np.nan_to_num(point(of)))

    shown = blocks(weights)
    sure = certainty(statistic, shown, sampled=family.has_queries or claim.task is None)
    estimate, p = value(shown), sure.p_these_languages
    if claim.form == "gap":  # how large it is on each side of the claim, whichever side of the languages is ahead
        gaps = [value(blocks({s: max(sign * w, 0.0) for s, w in weights.items()})) for sign in (1, -1)]
        total = certainty(statistic, blocks({s: abs(w) for s, w in weights.items()}), sampled=family.has_queries)
        estimate, p = abs(gaps[0]) - abs(gaps[1]), size_p(sure, total)
        sure = total if gaps[0] * gaps[1] < 0 else sure
    ends = sure.interval_these_languages
    if claim.form == "gap" and ends is not None:
        reach = (ends.high - ends.low) / 2
        ends = Interval(estimate - reach, estimate + reach)
    repeated = (claim.task is None and claim.measure not in COSTS) or all(cell.repeated for cell in cells)
    aligned = claim.task in SETTINGS
    cost_left, cost_right = (
        cost_of(results, [system for system, weight in weights.items() if weight * side > 0], aligned)
        for side in (1, -1)
    )
    return Verdict(
        claim=claim.text,
        base=family.key.base,
        dataset=family.key.dataset,
        effect=estimate,
        interval=ends if repeated else None,
        p=p if repeated else None,
        languages=sum(map(len, sides)),
        seeds=min(len(cell.seeds) for cell in cells),
        cost_left=cost_left,
        cost_right=cost_right,
        reason="one_seed" if not repeated else None if claim.task is None or family.has_queries else "no_queries",
    )


def _decided(claim: Hypothesis, row: Verdict, p: float | None) -> Verdict:
    """The verdict, once p is corrected."""
    if row.effect is None:
        return row
    as_claimed = (row.effect > 0) == claim.greater and row.effect != 0
    word: Literal["supported", "refuted"] = "supported" if as_claimed else "refuted"
    if row.reason is not None:
        return row
    if p is None:
        return dataclasses.replace(row, verdict=word, reason="exact")
    if p >= _ALPHA:
        return dataclasses.replace(row, p_holm=p, reason="chance")
    return dataclasses.replace(row, p_holm=p, verdict=word, reason=None if as_claimed else "other_way")


def _sides(claim: Hypothesis, split: LanguageSplit, languages: Sequence[str]) -> list[Sequence[str]]:
    if claim.form == "gap":
        return [split.high, split.low]
    named = {"low": split.low, "high": split.high, "all": tuple(languages)}
    wanted = [claim.languages, *([claim.than] if claim.than else [])]
    return [named.get(languages) or languages.split("+") for languages in wanted]


def _difference(claim: Hypothesis, systems: Sequence[System]) -> dict[System, float]:
    """Weights of the systems: left minus right, averaged over whatever the claim leaves open."""
    names = ("recipe", "alignment", "retriever")
    left_open = [name for name in names if getattr(claim.left, name) is None]
    sides = [
        {tuple(getattr(system, name) for name in left_open): system for system in systems if side.includes(system)}
        for side in (claim.left, claim.right)
    ]
    common = [key for key in sides[0] if key in sides[1]]
    weights: dict[System, float] = {}
    for sign, side in zip((1.0, -claim.times), sides, strict=True):
        for key in common:
            weights[side[key]] = weights.get(side[key], 0.0) + sign / len(common)
    return {system: weight for system, weight in weights.items() if weight}


def _interaction(claim: Hypothesis, systems: Sequence[System]) -> dict[System, float]:
    """(both - without the first) - (without the second - neither), averaged over recipes, alignments and retrievers."""
    measured, weights, quads = set(systems), dict[System, float](), 0
    for pair in claim.step_pairs:
        for both in (system for system in systems if system.recipe == pair.both):
            recipes = (pair.both, pair.without_first, pair.without_second, pair.neither)
            four = [dataclasses.replace(both, recipe=recipe) for recipe in recipes]
            if measured.issuperset(four):
                quads += 1
                for system, sign in zip(four, (1.0, -1.0, -1.0, 1.0), strict=True):
                    weights[system] = weights.get(system, 0.0) + sign
    return {system: weight / quads for system, weight in weights.items() if weight}
