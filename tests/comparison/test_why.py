from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from xlreach.comparison.explain.correlation import bootstrap_interval, correlations, permutation_p, spearman
from xlreach.comparison.explain.explain import explain
from xlreach.comparison.explain.profile import Predictor, Profile, profiles
from xlreach.comparison.explain.regression import regressions
from xlreach.comparison.groups.splits import config_split
from xlreach.gaps import GapAnalysis


def profile(x, y, group="tokenizer", name="fertility", **changes):
    languages = tuple(f"l{number}" for number in range(len(y)))
    recipes = tuple(f"r{number}" for number in range(y.shape[1]))
    made = Profile("b", "d", "cross", "nDCG@10", "none", languages, recipes, y, (Predictor(name, group, x),))
    return dataclasses.replace(made, **changes)


def test_rho_is_scipys_ties_included():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 4, (6, 3)), rng.normal(size=(6, 3))
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x.ravel(), y.ravel()).statistic)
    assert spearman(np.ones((6, 3)), y) is None


def test_bootstrap_equals_a_loop_over_drawn_languages():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(12, 2))
    y = 0.7 * x + rng.normal(size=(12, 2))
    rho = spearman(x, y)
    low, high = bootstrap_interval(x, y, rho, 4000, np.random.default_rng(2))
    draws = []
    for _ in range(2000):
        drawn = rng.integers(0, 12, 12)
        draws.append(np.arctanh(np.clip(spearman(x[drawn], y[drawn]), -0.9999, 0.9999)))
    reach = stats.t.ppf(0.975, 11) * np.std(draws, ddof=1) * np.sqrt(12 / 11)
    assert np.arctanh(low) == pytest.approx(np.arctanh(rho) - reach, abs=0.06)
    assert np.arctanh(high) == pytest.approx(np.arctanh(rho) + reach, abs=0.06)


def test_permutation_equals_scipys_exact_one():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(6, 1)), rng.normal(size=(6, 1))
    found = stats.permutation_test(
        (x.ravel(),), lambda one: stats.spearmanr(one, y.ravel()).statistic, permutation_type="pairings",
        n_resamples=np.inf,
    )  # fmt: skip
    assert permutation_p(x, y, 10_000, rng) == pytest.approx(found.pvalue)


def test_false_positives_and_power():
    """Points of a language share its level: tests that took them for independent would find far too much."""
    rng = np.random.default_rng(4)

    def one(effect):
        x = rng.normal(size=(7, 1)) + rng.normal(size=(7, 4)) * 0.3
        y = effect * x + rng.normal(size=(7, 1)) + rng.normal(size=(7, 4)) * 0.3
        return permutation_p(x, y, 199, rng) <= 0.05

    assert np.mean([one(0.0) for _ in range(600)]) == pytest.approx(0.05, abs=0.025)
    assert np.mean([one(3.0) for _ in range(100)]) > 0.8


def test_what_a_recipe_does_everywhere_and_what_a_family_shares_are_no_correlation():
    """Recipes act on all languages at once, and related languages are alike: neither says that x and y go together."""
    rng = np.random.default_rng(14)
    families = [["mt", "ar", "he"], ["en", "de", "fr", "ru"], ["fi", "hu"], ["tr", "kk"], ["yo", "sw"], ["id", "jv"]]
    codes, told = [code for family in families for code in family], {"across": 0, "within": 0}
    kin = np.repeat(np.arange(6), [len(family) for family in families])
    for _ in range(150):
        x, y = (
            rng.normal(size=(6, 1))[kin] + rng.normal(size=(1, 6)) + rng.normal(size=(15, 6)) * 0.2 for _ in range(2)
        )
        for row in correlations(profile(x, y, languages=tuple(codes)), rng, resamples=60, permutations=199):
            told[row.scope] += row.p <= 0.05
            assert (row.families, row.recipes) == (6, 6)
    assert all(0 < count / 150 < 0.11 for count in told.values()), told


def test_interval_covers_the_true_correlation():
    rng = np.random.default_rng(5)
    true = 6 / np.pi * np.arcsin(0.6 / 2)  # Spearman's rho of a bivariate normal
    hits = 0
    for _ in range(300):
        x = rng.normal(size=(20, 1))
        y = 0.6 * x + 0.8 * rng.normal(size=(20, 1))
        low, high = bootstrap_interval(x, y, spearman(x, y), 400, rng)
        hits += low <= true <= high
    assert 0.92 <= hits / 300 <= 0.99


def test_few_languages_and_constants_tell_nothing():
    rng = np.random.default_rng(6)
    y = np.arange(8.0).reshape(4, 2)
    rows = correlations(profile(y, y), rng, resamples=50, permutations=50)
    assert {row.scope for row in rows} == {"across", "within"}
    assert all(row.verdict == "cannot tell" and row.interval is None for row in rows)
    (row,) = correlations(profile(np.zeros((6, 2)), rng.normal(size=(6, 2))), rng, resamples=50, permutations=50)
    assert row.rho is None and row.reason == "constant"


def test_a_fact_of_a_language_counts_once_a_language():
    rng = np.random.default_rng(7)
    x = np.repeat(np.arange(6.0)[:, None], 3, axis=1)
    (row,) = correlations(profile(x, x + rng.normal(size=x.shape), "pretraining"), rng, resamples=50, permutations=900)
    assert (row.points, row.languages, row.scope) == (6, 6, "across")
    assert row.rho > 0.5


def test_profiles_set_everything_side_by_side(study):
    split = config_split(study.levels, [])
    bare = GapAnalysis(study=None, seed=0, resamples=200, permutations=200, headline="nDCG@10", splits=(split,))
    found = explain(bare, study.results)
    one = next(
        row for row in found.profiles
        if (row.language, row.system.recipe, row.system.alignment, row.setting) == ("mt", "lapt", "none", "cross")
    )  # fmt: skip
    assert one.level == "low" and {"LAS", "fertility", "CC-100 tokens (M)"} <= set(one.known)
    key = (one.system.base, "mt", "lapt", "LAS")
    las = [r.value for r in study.results if (r.base, r.language, r.recipe, r.measure) == key]
    assert one.known["LAS"] == pytest.approx(np.mean(las), rel=1e-5)
    value = {
        r.document_language: r.value for r in study.results
        if r.seed == 1 and (r.base, r.recipe, r.alignment, r.setting, r.query_language, r.measure)
        == (one.system.base, "lapt", "none", "cross", "mt", "nDCG@10")
    }  # fmt: skip
    assert len(value) == 5 and one.value == pytest.approx(np.mean([*value.values()]), abs=0.05)
    las_row = next(r for r in found.correlations if r.predictor == "LAS" and r.scope == "across")
    assert las_row.rho > 0.5 and (las_row.languages, las_row.families, las_row.points) == (6, 4, 16)
    assert las_row.verdict == "cannot tell" and las_row.reason == "few_languages"
    within = next(r for r in found.correlations if r.predictor == "fertility" and r.scope == "within")
    assert within.rho < 0 and (within.verdict, within.reason) == ("cannot tell", "few_recipes")


def made(languages, effect, rng, recipes=6, slopes=0.0):
    x = rng.normal(size=(languages, 1)) + rng.normal(size=(languages, recipes)) * 0.5
    effects = effect + rng.normal(0, slopes, (languages, 1))
    y = effects * x + rng.normal(size=(languages, 1)) * 0.5 + rng.normal(size=recipes) * 0.5
    unrelated = ("mt", "en", "fi", "tr", "yo", "id", "ja", "ko", "ka", "ta", "km", "th", "zh", "eu")
    return profile(x, y + rng.normal(size=(languages, recipes)) * 0.2, languages=unrelated[:languages])


def test_regression_finds_what_is_there():
    (row,) = regressions([made(14, -0.6, np.random.default_rng(8))])
    (effect,) = row.effects
    low, high = effect.interval
    assert row.fitted and effect.verdict == "less" and low < effect.estimate < high < 0


def test_regression_keeps_its_level_with_slopes_that_differ_between_languages():
    rng = np.random.default_rng(10)
    p = [regressions([made(8, 0.0, rng, slopes=0.5)])[0].effects[0].p for _ in range(300)]
    assert 0.01 < np.mean(np.array(p) < 0.05) < 0.085


def test_one_predictor_is_least_squares_with_dummies():
    """As statsmodels has it, with a dummy for each language and recipe."""
    linear = pytest.importorskip("statsmodels.regression.linear_model")
    grid = made(8, 0.7, np.random.default_rng(11))
    (row,) = regressions([grid])
    x, y = grid.predictors[0].values, grid.scores
    dummies = [np.repeat(np.eye(8), 6, axis=0), np.tile(np.eye(6), (8, 1))[:, 1:]]
    slope = linear.OLS(y.ravel(), np.column_stack([x.ravel(), *dummies])).fit().params[0]
    inner = x - x.mean(1, keepdims=True) - x.mean(0) + x.mean()
    assert row.effects[0].estimate == pytest.approx(slope * np.linalg.norm(inner) / np.sqrt(x.size), rel=1e-6)


def test_regression_says_when_it_cannot_tell():
    rng = np.random.default_rng(9)
    (few,) = regressions([made(4, 1.0, rng)])
    assert (few.fitted, few.reason, few.families) == (False, "few_languages", 4)
    (recipes,) = regressions([made(9, 1.0, rng, recipes=5)])
    assert (recipes.fitted, recipes.reason, recipes.recipes) == (False, "few_recipes", 5)
    (flat,) = regressions([profile(np.ones((8, 6)), rng.normal(size=(8, 6)))])
    assert (flat.fitted, flat.reason) == (False, "no_predictor")


def test_profile_leaves_out_what_was_not_measured_everywhere(study):
    rows = [
        row for row in study.results
        if not (row.kind == "retrieval" and row.query_language == "ug" and row.recipe == "lapt")
    ]  # fmt: skip
    found = [
        one
        for one in profiles(rows, "nDCG@10", config_split(study.levels, []))
        if one.alignment == "none" and one.setting == "mono"
    ]
    assert all("ug" not in one.languages and len(one.languages) == 5 for one in found)
