from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest
from scipy import stats

from xlreach.comparison.explain.correlation import bootstrap_interval, correlations, permutation_p, spearman
from xlreach.comparison.explain.explain import explain
from xlreach.comparison.explain.mixed_model import mixed_models
from xlreach.comparison.explain.profile import Predictor, Profile, profiles
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


@pytest.mark.parametrize("within", [False, True])
def test_false_positives_and_power(within):
    """Points of a language share its level: tests that took them for independent would find far too much."""
    rng = np.random.default_rng(4)

    def one(effect):
        x = rng.normal(size=(7, 1)) * (not within) + rng.normal(size=(7, 4)) * 0.3
        y = effect * x + rng.normal(size=(7, 1)) + rng.normal(size=(7, 4)) * 0.3
        if within:
            x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
        return permutation_p(x, y, 199, rng, within=within) <= 0.05

    assert np.mean([one(0.0) for _ in range(600)]) == pytest.approx(0.05, abs=0.025)
    assert np.mean([one(3.0) for _ in range(100)]) > 0.8


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
    value = [
        r.value for r in study.results
        if (r.base, r.recipe, r.alignment, r.setting, r.query_language, r.measure)
        == (one.system.base, "lapt", "none", "cross", "mt", "nDCG@10")
    ]  # fmt: skip
    assert one.value == pytest.approx(np.mean(value), rel=1e-5)
    las_row = next(r for r in found.correlations if r.predictor == "LAS" and r.scope == "across")
    assert las_row.rho > 0.5 and las_row.points == 24
    within = next(r for r in found.correlations if r.predictor == "fertility" and r.scope == "within")
    assert within.rho < 0 and within.verdict == "opposed"


def made(languages, effect, rng):
    x = rng.normal(size=(languages, 1)) + rng.normal(size=(languages, 3)) * 0.5
    y = effect * x + rng.normal(size=(languages, 1)) * 0.5 + rng.normal(size=(languages, 3)) * 0.2
    return profile(x, y)


def test_mixed_model_finds_what_is_there():
    (row,) = mixed_models([made(14, -0.6, np.random.default_rng(8))])
    (effect,) = row.effects
    assert row.fitted and (effect.kind, effect.verdict) == ("predictor", "less")
    low, high = effect.interval
    assert low < -0.6 * 1.1 < high or low < effect.estimate < high < 0
    assert row.language_sd == pytest.approx(0.5, rel=0.6) and row.residual_sd == pytest.approx(0.2, rel=0.3)


def test_mixed_model_says_when_it_cannot_tell(monkeypatch):
    rng = np.random.default_rng(9)
    (few,) = mixed_models([made(4, 1.0, rng)])
    assert (few.fitted, few.reason, few.languages) == (False, "few_languages", 4)
    (flat,) = mixed_models([profile(np.ones((8, 2)), rng.normal(size=(8, 2)))])
    assert (flat.fitted, flat.reason) == (False, "no_predictor")
    monkeypatch.setitem(sys.modules, "statsmodels.regression.mixed_linear_model", None)
    (absent,) = mixed_models([made(10, 1.0, rng)])
    assert (absent.fitted, absent.reason) == (False, "no_statsmodels")


def test_profile_leaves_out_what_was_not_measured_everywhere(study):
    rows = [
        row for row in study.results
        if not (row.kind == "retrieval" and row.query_language == "ug" and row.recipe == "lapt")
    ]  # fmt: skip
    found = [one for one in profiles(rows, "nDCG@10") if one.alignment == "none" and one.setting == "mono"]
    assert all("ug" not in one.languages and len(one.languages) == 5 for one in found)
