"""Hypotheses checked on the measurements of a study: effect, interval, corrected p, verdict.

A claim is checked for these very languages, by the standard error of the paired bootstrap over queries and seeds, once
for each base and data set.
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
from xlreach.comparison.resampling.bootstrap import (
    group_weights,
    interval,
    multinomial,
    resampled_means,
    two_sided,
)
from xlreach.comparison.resampling.language_means import ByLanguage, mean_of_measured
from xlreach.comparison.resampling.variance import query_influence, variance_components
from xlreach.comparison.tests.permutation import holm
from xlreach.gaps import LanguageSplit, Verdict
from xlreach.measurement import Measurement
from xlreach.scoring.measures import MeasureInfo
from xlreach.system import System

_ALPHA = 0.05


def check_hypotheses(
    claims: Sequence[Hypothesis],
    results: Sequence[Measurement],
    queries: pd.DataFrame | Path | None,
    levels: Mapping[str, Sequence[str]],
    *,
    seed: int = 0,
    resamples: int = 10_000,
) -> list[Verdict]:
    """A verdict for each claim, base and data set; Holm over all of them."""
    checked: list[tuple[Hypothesis, Verdict]] = []
    split = config_split(levels, [])
    for claim in claims:
        members = [_as_value(row) for row in results if _concerns(claim, row)]
        verdicts = [
            verdict
            for family in families(members, queries if claim.task in SETTINGS else None)
            if (verdict := _check(claim, family, split, np.random.default_rng(seed), resamples, results)) is not None
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


def _check(
    claim: Hypothesis,
    family: Family,
    split: LanguageSplit,
    rng: np.random.Generator,
    resamples: int,
    results: Sequence[Measurement],
) -> Verdict | None:
    systems = [cell.system for cell in family.cells]
    weights = _interaction(claim, systems) if claim.form == "interaction" else _difference(claim, systems)
    if not weights:
        return None
    cells = [cell for cell in family.cells if cell.system in weights]
    shares = [weights[cell.system] for cell in cells]
    by_language = ByLanguage(family.pairs, family.key.setting)
    exact = [by_language.of_cell(cell) for cell in cells]
    measured = np.isfinite(np.array(exact)).all(axis=0)
    sides = [
        [column for column, code in enumerate(by_language.languages) if measured[column] and code in side]
        for side in _sides(claim, split, by_language.languages)
    ]
    if not all(sides):
        return None
    sign = -1.0 if claim.form == "gap" and MeasureInfo.of(claim.measure).lower_is_better else 1.0

    def effect(values: Sequence[np.ndarray]) -> np.ndarray:
        mixed = np.sum([share * of_cell for share, of_cell in zip(shares, values, strict=True)], axis=0)
        first = mean_of_measured(mixed[..., sides[0]])
        return sign * (first - mean_of_measured(mixed[..., sides[1]])) if len(sides) > 1 else first

    groups = group_weights(family.strata, resamples, rng)
    drawn_seeds = {cell.seeds: multinomial(len(cell.seeds), resamples, rng) for cell in cells}
    draws = np.full(resamples, np.nan)
    for chunk, means in resampled_means(cells, groups, [drawn_seeds[cell.seeds] for cell in cells]):
        draws[chunk] = effect([by_language.values(of_cell) for of_cell in means])
    estimate = float(effect(exact))
    paired = len({cell.seeds for cell in cells}) == 1
    by_seed = effect([by_language.values(cell.means().T) for cell in cells]) if paired else np.zeros(1)
    influence = [np.einsum("gps,pl->gsl", query_influence(c, family.strata), by_language.shares(c)) for c in cells]
    if not paired:
        influence = [of_cell.mean(1, keepdims=True) for of_cell in influence]
    both = variance_components(effect(influence)[:, None], by_seed[:, None])
    ends = interval(estimate, draws, both.seed_components(), double_counted=float(both.double_counted[0]))
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
        interval=None if ends is None else ends.ends,
        p=two_sided(estimate, ends),
        languages=sum(map(len, sides)),
        seeds=len(cells[0].seeds),
        cost_left=cost_left,
        cost_right=cost_right,
    )


def _decided(claim: Hypothesis, row: Verdict, p: float | None) -> Verdict:
    """The verdict, once p is corrected."""
    if row.effect is None:
        return row
    as_claimed = (row.effect > 0) == claim.greater and row.effect != 0
    word: Literal["supported", "refuted"] = "supported" if as_claimed else "refuted"
    if p is None and row.seeds == 1 and claim.task is not None:
        return dataclasses.replace(row, reason="one_seed")
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
