"""Claims in a small language, checked: effect, interval, corrected p, verdict.

    va(99)+lapt > lapt on parse:LAS for low         values of two recipes (or alignments, or `recipe with alignment`)
    gap(hybrid) < gap(none) on cross:nDCG@10        size of the gap: how far the low-resource side falls behind
    interaction(va(99), translit(auto)) < 0 on pos:accuracy     what both steps give beyond the sum of each
    unk_words(va(99)) < unk_words(none) for low       a diagnostic of two recipes
    seconds(va(99)+lapt) < 1.2*seconds(lapt)        what adapting costs (`seconds`, `tokens`, `peak_memory_mb`)
    va(99)+lapt > lapt on parse:LAS for ug more than mt+wo      a difference larger in some languages than in others

`on` names a task (`pos`, `parse`, `ner`) or a retrieval setting (`mono`, `cross`, `multi`) and a measure; `for` names
a side (`low`, `high`) or languages joined by `+`, all by default. A number before the right side multiplies it. What is
not named is averaged over: a recipe stands for itself under every alignment that both sides were measured with. A claim
is checked for these very languages, by the standard error of the paired bootstrap over queries and seeds, once for each
base and data set.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from xlreach.comparison.bootstrap import (
    group_weights,
    interval,
    multinomial,
    resampled_means,
    two_sided,
)
from xlreach.comparison.expense import COSTS, cost_of
from xlreach.comparison.levels import config_split
from xlreach.comparison.measures import lower_is_better
from xlreach.comparison.panel import Family, families
from xlreach.comparison.permutation import holm
from xlreach.comparison.statistic import ByLanguage, level_mean, over_seeds
from xlreach.comparison.variance import contributions, variance_components
from xlreach.errors import SpecError
from xlreach.gaps import LanguageSplit, Verdict
from xlreach.measurement import Measurement
from xlreach.system import UNTREATED, System

_TAGGING = ("pos", "parse", "ner")
_SETTINGS = ("mono", "cross", "multi")
_CLAIM = re.compile(
    r"(?P<left>\S.*?)\s*(?P<sign>[<>])\s*(?P<right>\S.*?)"
    r"(?:\s+on\s+(?P<task>\w+):(?P<measure>\S+))?(?:\s+for\s+(?P<languages>[\w-]+(?:\+[\w-]+)*)"
    r"(?:\s+more\s+than\s+(?P<than>[\w-]+(?:\+[\w-]+)*))?)?\s*"
)
_TIMES = re.compile(r"(?P<times>\d+(?:\.\d+)?)\s*\*\s*(?P<rest>\S.*)")
_CALL = re.compile(r"(?P<name>\w+)\((?P<inside>.*)\)")
_ALPHA = 0.05


@dataclass(frozen=True)
class Hypothesis:
    """A parsed claim; prints as it was written.

    Attributes:
        text: The claim.
        form: `value`, `gap`, `interaction` or `diagnostic`.
        left: The system, or the first step of an interaction.
        right: The system it is compared with, or the second step.
        greater: Whether the left side is claimed to be the larger.
        task: A tagging task or retrieval setting; None for a diagnostic.
        measure: The measure.
        languages: `low`, `high`, `all`, or codes joined by `+`.
        than: The languages that the difference is claimed to be smaller in; None where it is claimed by itself.
        times: What the right side is multiplied by.
    """

    text: str
    form: str
    left: str | System
    right: str | System
    greater: bool
    task: str | None
    measure: str
    languages: str = "all"
    than: str | None = None
    times: float = 1.0

    def __str__(self) -> str:
        return self.text


def parse_hypothesis(text: str) -> Hypothesis:
    """Reads a claim.

    Raises:
        SpecError: It is none of the four forms.
    """
    found = _CLAIM.fullmatch(text.strip())
    if not found:
        raise _wrong(text, "it has no '<' or '>' between two sides")
    left, right, task, measure, than = (found[name] for name in ("left", "right", "task", "measure", "than"))
    greater, languages = found["sign"] == ">", found["languages"] or "all"
    multiplied = _TIMES.fullmatch(right)
    times, right = (float(multiplied["times"]), multiplied["rest"]) if multiplied else (1.0, right)
    calls = _CALL.fullmatch(left), _CALL.fullmatch(right)
    more: dict[str, Any] = {"than": than, "times": times}
    if task is None:
        if not (calls[0] and calls[1] and calls[0]["name"] == calls[1]["name"]):
            raise _wrong(text, "without 'on TASK:MEASURE' both sides must be one diagnostic or cost of a recipe")
        sides, name = (calls[0]["inside"], calls[1]["inside"]), calls[0]["name"]
        return Hypothesis(text, "diagnostic", *sides, greater, None, name, languages, **more)
    if task not in (*_TAGGING, *_SETTINGS):
        raise _wrong(text, f"{task!r} is no task and no setting")
    if calls[0] and calls[0]["name"] == "interaction":
        steps = [step.strip() for step in _outer_commas(calls[0]["inside"])]
        if len(steps) != 2 or right != "0":
            raise _wrong(text, "an interaction has two steps and is compared with 0")
        return Hypothesis(text, "interaction", steps[0], steps[1], greater, task, measure, languages, than)
    if calls[0] and calls[0]["name"] == "gap":
        if not (calls[1] and calls[1]["name"] == "gap") or languages != "all":
            raise _wrong(text, "a gap is compared with a gap, over all languages")
        return Hypothesis(text, "gap", calls[0]["inside"], calls[1]["inside"], greater, task, measure, times=times)
    return Hypothesis(text, "value", left, right, greater, task, measure, languages, **more)


def systems_missing(claim: Hypothesis, recipes: Sequence[str], alignments: Sequence[str]) -> list[str]:
    """What a claim names, as a system or step, that a study of these recipes and alignments does not have."""
    if claim.form == "interaction":
        steps = {step for recipe in recipes for step in _steps(recipe)}
        return [side for side in map(str, (claim.left, claim.right)) if side not in steps]

    def known(text: str) -> bool:
        recipe, joined, alignment = text.partition(" with ")
        if joined:
            return any(_fits(recipe, one) for one in recipes) and any(_fits(alignment, one) for one in alignments)
        return any(_fits(text, one) for one in (UNTREATED, *recipes, *alignments))

    return [side for side in map(str, (claim.left, claim.right)) if not known(side)]


def check_hypotheses(
    claims: Sequence[str | Hypothesis],
    results: Sequence[Measurement],
    queries: pd.DataFrame | Path | None,
    levels: Mapping[str, Sequence[str]],
    *,
    seed: int = 0,
    resamples: int = 10_000,
) -> list[Verdict]:
    """A verdict for each claim, base and data set; Holm over all of them.

    Args:
        claims: The claims, as text or parsed.
        results: The measurements.
        queries: The per-query values, as for `compare`.
        levels: `{"high": [codes], "low": [codes]}`.
        seed: Of the resampling.
        resamples: Bootstrap resamples.

    Raises:
        SpecError: A claim cannot be read.
    """
    checked: list[tuple[Hypothesis, Verdict]] = []
    split = config_split(levels, [])
    for claim in (one if isinstance(one, Hypothesis) else parse_hypothesis(one) for one in claims):
        members = [_as_value(row) for row in results if _concerns(claim, row)]
        verdicts = [
            verdict
            for family in families(members, queries if claim.task in _SETTINGS else None)
            if (verdict := _check(claim, family, split, np.random.default_rng(seed), resamples, results)) is not None
        ]
        nothing = Verdict(claim=claim.text, base=None, dataset=None, reason="not_measured")
        checked += [(claim, verdict) for verdict in verdicts or [nothing]]
    corrected = holm([verdict.p for _, verdict in checked])
    return [_decided(claim, verdict, p) for (claim, verdict), p in zip(checked, corrected, strict=True)]


def _concerns(claim: Hypothesis, row: Measurement) -> bool:
    if row.measure != claim.measure:
        return False
    if claim.task is None and claim.measure in COSTS:
        return row.kind == "cost" and row.stage == "adapt"
    if claim.task is None:
        return row.kind == "diagnostic" and row.query_language is None
    return row.kind == "tagging" if claim.task in _TAGGING else row.setting == claim.task and row.kind == "retrieval"


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
    exact = [by_language.values(over_seeds(cell.means())[None])[0] for cell in cells]
    measured = np.isfinite(np.array(exact)).all(axis=0)
    sides = [
        [column for column, code in enumerate(by_language.languages) if measured[column] and code in side]
        for side in _sides(claim, split, by_language.languages)
    ]
    if not all(sides):
        return None
    sign = -1.0 if claim.form == "gap" and lower_is_better(claim.measure) else 1.0

    def effect(values: Sequence[np.ndarray]) -> np.ndarray:
        mixed = np.sum([share * of_cell for share, of_cell in zip(shares, values, strict=True)], axis=0)
        first = level_mean(mixed[..., sides[0]])
        return sign * (first - level_mean(mixed[..., sides[1]])) if len(sides) > 1 else first

    groups = group_weights(family.strata, resamples, rng)
    drawn_seeds = {cell.seeds: multinomial(len(cell.seeds), resamples, rng) for cell in cells}
    draws = np.full(resamples, np.nan)
    for chunk, means in resampled_means(cells, groups, [drawn_seeds[cell.seeds] for cell in cells]):
        draws[chunk] = effect([by_language.values(of_cell) for of_cell in means])
    estimate = float(effect(exact))
    paired = len({cell.seeds for cell in cells}) == 1
    by_seed = effect([by_language.values(cell.means().T) for cell in cells]) if paired else np.zeros(1)
    influence = [np.einsum("gps,pl->gsl", contributions(c, family.strata), by_language.shares(c)) for c in cells]
    if not paired:
        influence = [of_cell.mean(1, keepdims=True) for of_cell in influence]
    both = variance_components(effect(influence)[:, None], by_seed[:, None])
    ends = interval(estimate, draws, both.seed_components(), double_counted=float(both.double_counted[0]))
    aligned = claim.task in _SETTINGS
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
        p=None if ends is None else two_sided(estimate, ends),
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
    return [named.get(one) or one.split("+") for one in wanted]


def _difference(claim: Hypothesis, keys: Sequence[System]) -> dict[System, float]:
    """Weights of the systems: left minus right, averaged over whatever the claim leaves open."""
    sides = [_matching(text, keys) for text in (claim.left, claim.right)]
    for factor in ("recipe", "alignment"):
        # `none` is a recipe and an alignment: it is whatever the other side is
        chosen = [{key for key, kinds in side.items() if factor in kinds} for side in sides]
        other = "alignment" if factor == "recipe" else "recipe"
        common = {getattr(key, other) for key in chosen[0]} & {getattr(key, other) for key in chosen[1]}
        if common:
            return _weights(chosen, other, common, claim.times)
    both = [{key for key, kinds in side.items() if "both" in kinds} for side in sides]
    if all(both) and both[0] != both[1]:
        return {next(iter(both[0])): 1.0, next(iter(both[1])): -claim.times}
    return {}


def _weights(chosen: Sequence[set[System]], other: str, common: set[Any], times: float) -> dict[System, float]:
    weights: dict[System, float] = {}
    for sign, side in zip((1.0, -times), chosen, strict=True):
        for key in side:
            if getattr(key, other) in common:
                weights[key] = weights.get(key, 0.0) + sign / len(common)
    return {key: weight for key, weight in weights.items() if weight}


def _matching(text: str | System, keys: Sequence[System]) -> dict[System, set[str]]:
    """The systems that a text may mean, and as what: a name without its parameters means the one it fits."""
    if isinstance(text, System):
        return {key: {"both"} for key in keys if key == text}
    recipe, joined, alignment = text.strip().partition(" with ")
    found: dict[System, set[str]] = {}
    for key in keys:
        if joined:
            if _fits(recipe, key.recipe) and _fits(alignment, key.alignment):
                found.setdefault(key, set()).add("both")
            continue
        if _fits(text, key.recipe):
            found.setdefault(key, set()).add("recipe")
        if _fits(text, key.alignment):
            found.setdefault(key, set()).add("alignment")
        if _fits(text, key.recipe) and key.alignment == UNTREATED:
            found.setdefault(key, set()).add("both")
    return found


def _fits(text: str, name: str | None) -> bool:
    return name is not None and (text.strip() == name or text.strip() == name.split("(")[0])


def _interaction(claim: Hypothesis, keys: Sequence[System]) -> dict[System, float]:
    """(both - first) - (second - neither) over recipes that differ in these two steps only."""
    by_steps = {(frozenset(_steps(key.recipe)), key.alignment): key for key in keys}
    weights: dict[System, float] = {}
    pair = {claim.left, claim.right}
    for (steps, alignment), key in by_steps.items():
        others = [by_steps.get((steps - taken, alignment)) for taken in ({claim.left}, {claim.right}, pair)]
        if pair <= steps and all(other is not None for other in others):
            for one, sign in zip((key, *others), (1.0, -1.0, -1.0, 1.0), strict=True):
                assert one is not None
                weights[one] = weights.get(one, 0.0) + sign
    quads = sum(1 for weight in weights.values() if weight > 0) / 2
    return {key: weight / quads for key, weight in weights.items() if weight} if quads else {}


def _steps(recipe: str | None) -> list[str]:
    if recipe in (None, UNTREATED):
        return []
    return re.findall(r"(?:[^+(]|\((?:[^()]|\([^()]*\))*\))+", str(recipe))


def _outer_commas(text: str) -> list[str]:
    return re.findall(r"(?:[^,(]|\((?:[^()]|\([^()]*\))*\))+", text)


def _wrong(text: str, why: str) -> SpecError:
    return SpecError(
        f"Cannot read the hypothesis {text!r}: {why}.",
        expected="Expected for example 'va(99)+lapt > lapt on parse:LAS for low', 'gap(hybrid) < gap(none) on "
        "cross:nDCG@10', 'interaction(va(99), translit(auto)) < 0 on pos:accuracy' or 'fertility(va(99)) < "
        "fertility(none) for low'.",
    )
