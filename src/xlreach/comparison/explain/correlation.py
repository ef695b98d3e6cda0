"""What goes with retrieval: rank correlations over languages and recipes, with languages as the units of chance.

The points of one language are not independent, and languages of one family are alike, so families are what is
resampled and permuted, each with the mean of its languages. Two questions: `across`, do languages (under any recipe)
that tag better or break into fewer pieces also retrieve better; and `within`, does a recipe that changes the one change
the other, after each language's mean is subtracted. A recipe is one training for all languages, so there the recipes
are resampled and permuted, each in all languages at once. It may do another thing in each family, so there must be a
correlation in more families than chance gives as well (a t test over them), and the interval holds those over either. A
correlation is claimed only where its test is significant after Holm's correction over all predictors of the same grid,
and never with fewer than five families or, `within`, six recipes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from scipy import stats

from xlreach.comparison.explain.profile import Predictor, Profile
from xlreach.comparison.groups.splits import look_up
from xlreach.comparison.tests.correction import holm
from xlreach.gaps import Correlation, Interval

Scope = Literal["across", "within"]
SCOPES: tuple[Scope, ...] = ("across", "within")
FEWEST = {"across": 5, "within": 6}  # families, recipes
_ALPHA = 0.05
_MOST = 0.9999


def correlations(profile: Profile, rng: np.random.Generator, *, resamples: int, permutations: int) -> list[Correlation]:
    """Spearman's rho of retrieval with every predictor; Holm over the rows of one scope."""
    rows = []
    for scope in SCOPES:
        measured = [_correlation(profile, p, scope, rng, resamples, permutations) for p in profile.predictors]
        tested = [row for row in measured if row is not None]
        for row, p in zip(tested, holm([row.p for row in tested]), strict=True):
            reason = _reason(row, p)
            together: Literal["together", "opposed"] = "together" if row.rho is not None and row.rho > 0 else "opposed"
            rows.append(replace(row, p_holm=p, verdict="cannot tell" if reason else together, reason=reason))
    return rows


def _correlation(
    profile: Profile, predictor: Predictor, scope: Scope, rng: np.random.Generator, resamples: int, permutations: int
) -> Correlation | None:
    there = np.isfinite(predictor.values).all(axis=1)
    codes = [code for code, known in zip(profile.languages, there, strict=True) if known]
    x, y = by_family(codes, predictor.values[there]), by_family(codes, profile.scores[there])
    if scope == "within":
        if x.shape[1] < 2 or not (np.ptp(x, axis=1) > 0).any():
            return None  # a fact of the language: no recipe changes it
        x, y = (x - x.mean(1, keepdims=True)).T, (y - y.mean(1, keepdims=True)).T
    elif predictor.group == "pretraining" or not (np.ptp(x, axis=1) > 0).any():
        x, y = x[:, :1], y.mean(1, keepdims=True)  # one point a language, not the same one for every recipe
    rho = spearman(x, y)
    ends, p = None, None
    families, recipes = x.shape[:: -1 if scope == "within" else 1]
    if rho is not None and families >= FEWEST["across"] and (scope == "across" or recipes >= FEWEST["within"]):
        ends, p = bootstrap_interval(x, y, rho, resamples, rng), permutation_p(x, y, permutations, rng)
        if scope == "within":
            over = bootstrap_interval(x.T, y.T, rho, resamples, rng)
            ends = ends and over and Interval(min(ends.low, over.low), max(ends.high, over.high))
            first, second = (stats.rankdata(grid).reshape(grid.shape) for grid in (x, y))
            of_families = ((first - first.mean(0)) * (second - second.mean(0))).sum(0)
            p = max(p, float(np.nan_to_num(stats.ttest_1samp(of_families, 0).pvalue, nan=1.0)))
    return Correlation(
        base=profile.base,
        dataset=profile.dataset,
        setting=profile.setting,
        measure=profile.measure,
        alignment=profile.alignment,
        predictor=predictor.name,
        group=predictor.group,
        scope=scope,
        rho=rho,
        interval=ends,
        p=p,
        points=x.size,
        languages=len(codes),
        families=families,
        recipes=profile.scores.shape[1],
    )


def by_family(codes: Sequence[str], grid: np.ndarray) -> np.ndarray:
    """The mean of the languages (rows) of each family; a language of an unknown family is one of its own."""
    families: dict[str, list[int]] = {}
    for row, code in enumerate(codes):
        language = look_up(code)
        families.setdefault(language.family or code if language else code, []).append(row)
    return np.array([grid[rows].mean(0) for rows in families.values()]).reshape(len(families), grid.shape[1])


def spearman(x: np.ndarray, y: np.ndarray) -> float | None:
    """Spearman's rho of all points of two grids; None where one does not vary."""
    if x.size < 3 or not np.ptp(x) > 0 or not np.ptp(y) > 0:
        return None
    return float(np.corrcoef(stats.rankdata(x), stats.rankdata(y))[0, 1])


def bootstrap_interval(
    x: np.ndarray, y: np.ndarray, rho: float, resamples: int, rng: np.random.Generator
) -> Interval | None:
    """The interval of rho from draws of units (rows), on Fisher's scale, with Student's t on units - 1 degrees.

    Returns:
        None where too few draws have a correlation.
    """
    languages = len(x)
    weights = _drawn(languages, resamples, rng)
    ranks = [weights @ _ranks_added(grid) for grid in (x, y)]
    shares = np.repeat(weights, x.shape[1], axis=1)
    shares /= shares.sum(1, keepdims=True)
    first, second = (of_grid - (of_grid * shares).sum(1, keepdims=True) for of_grid in ranks)
    product = (first * second * shares).sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = product / np.sqrt((first**2 * shares).sum(1) * (second**2 * shares).sum(1))
    drawn = np.arctanh(np.clip(drawn[np.isfinite(drawn)], -_MOST, _MOST))
    if len(drawn) < resamples / 2:
        return None
    se = float(drawn.std(ddof=1)) * math.sqrt(languages / (languages - 1))
    reach = float(stats.t.ppf(0.975, languages - 1)) * se
    middle = float(np.arctanh(np.clip(rho, -_MOST, _MOST)))
    return Interval(min(math.tanh(middle - reach), rho), max(math.tanh(middle + reach), rho))


def permutation_p(x: np.ndarray, y: np.ndarray, permutations: int, rng: np.random.Generator) -> float:
    """Two-sided p of rho under permutations of units (rows), which keep a unit's points together.

    All orders of the units are enumerated where there are no more than `permutations`.
    """
    first = stats.rankdata(x).reshape(x.shape)
    second = stats.rankdata(y).reshape(y.shape)
    first, second = first - first.mean(), second - second.mean()
    seen = abs((first * second).sum()) - 1e-9 * np.abs(first * second).sum()
    table = first @ second.T  # (languages, languages): what a language's ranks give with another's
    if math.factorial(len(x)) <= permutations:
        orders = np.array(list(itertools.permutations(range(len(x)))))
        return float(np.mean(np.abs(table[orders, np.arange(len(x))].sum(1)) >= seen))
    orders = rng.random((permutations, len(x))).argsort(1)
    return (1 + int((np.abs(table[orders, np.arange(len(x))].sum(1)) >= seen).sum())) / (1 + permutations)


def _drawn(units: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """How often each unit is drawn in each resample, shape (resamples, units)."""
    drawn = rng.integers(0, units, (resamples, units)) + np.arange(resamples)[:, None] * units
    return np.bincount(drawn.ravel(), minlength=resamples * units).reshape(resamples, units).astype(np.float64)


def _ranks_added(grid: np.ndarray) -> np.ndarray:
    """What each language adds to the mid-rank of every point, shape (languages, points)."""
    flat = grid.ravel()
    below = (flat[:, None] < flat) + 0.5 * (flat[:, None] == flat)
    return np.asarray(below.reshape(*grid.shape, -1).sum(1), np.float64)


def _reason(
    row: Correlation, p_holm: float | None
) -> Literal["constant", "few_languages", "few_recipes", "chance"] | None:
    """Why nothing can be told; None where something can."""
    if row.rho is None:
        return "constant"
    if row.scope == "within" and row.recipes < FEWEST["within"]:
        return "few_recipes"
    if row.families < FEWEST["across"]:
        return "few_languages"
    ends = row.interval
    if p_holm is None or p_holm >= _ALPHA or ends is None or (ends.low < 1e-6 and ends.high > -1e-6):
        return "chance"
    return None
