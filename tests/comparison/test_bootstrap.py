from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats

from xlreach.comparison.groups.families import Cell
from xlreach.comparison.resampling.bootstrap import (
    Component,
    group_weights,
    interval,
    multinomial,
    resampled_means,
    spread_of_mean,
)
from xlreach.system import System

KEY = System()


def cell(values: np.ndarray) -> Cell:
    return Cell(KEY, tuple(range(values.shape[2])), values.astype(np.float32), np.ones(values.shape, np.float32))


def draws(values: np.ndarray, resamples: int, seed: int = 0) -> np.ndarray:
    one, rng = cell(values), np.random.default_rng(seed)
    groups = group_weights(np.zeros(len(values), int), resamples, rng)
    seeds = multinomial(values.shape[2], resamples, rng)
    return np.concatenate([means[0] for _, means in resampled_means([one], groups, [seeds])])


def test_equals_scipy_on_a_plain_mean():
    values = np.random.default_rng(1).gamma(2, 1, 80)
    drawn = draws(values[:, None, None], 20_000)[:, 0]
    ours = interval(values.mean(), drawn, [])
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=2)
    assert np.quantile(drawn, [0.025, 0.975]) == pytest.approx([*theirs.confidence_interval], abs=0.015)
    assert ours.ends == pytest.approx(stats.norm(values.mean(), ours.se).interval(0.95))
    assert ours.se == pytest.approx(theirs.standard_error, rel=0.03)


def test_weights_are_draws_with_replacement_within_strata():
    strata = np.array([0] * 5 + [1] * 3)
    weights = group_weights(strata, 4000, np.random.default_rng(0))
    assert (weights[:, :5].sum(1) == 5).all() and (weights[:, 5:].sum(1) == 3).all()
    assert weights[:, 0].var() == pytest.approx(5 * 0.2 * 0.8, rel=0.1)
    assert multinomial(0, 3, np.random.default_rng(0)).shape == (3, 0)


def test_matrix_product_equals_a_loop():
    rng = np.random.default_rng(3)
    values = rng.random((9, 4, 2))
    one = cell(values)
    one.counts[2, 1] = 0  # a query without judgements in one pair
    one.sums[2, 1] = 0
    one.counts[5] = 2  # a group with two queries
    groups, seeds = multinomial(9, 50, rng), multinomial(2, 50, rng)
    ((_, (ours,)),) = resampled_means([one], groups, [seeds])
    for row in range(50):
        for pair in range(4):
            by_seed = [
                sum(groups[row, g] * one.sums[g, pair, s] for g in range(9))
                / sum(groups[row, g] * one.counts[g, pair, s] for g in range(9))
                for s in range(2)
            ]
            assert ours[row, pair] == pytest.approx(np.average(by_seed, weights=seeds[row]), rel=1e-5)


def test_a_pair_never_drawn_is_nan_not_zero():
    one = cell(np.ones((3, 1, 1)))
    one.counts[:2], one.sums[:2] = 0, 0
    ((_, (means,)),) = resampled_means([one], np.array([[3, 0, 0], [0, 0, 3]], np.uint8), [np.ones((2, 1), np.uint8)])
    assert np.isnan(means[0, 0]) and means[1, 0] == 1


def test_t_interval_of_a_mean_is_students():
    values = np.random.default_rng(5).normal(0, 1, 7)
    drawn = values[np.random.default_rng(6).integers(0, 7, (40_000, 7))].mean(1)
    ours = interval(values.mean(), drawn, [spread_of_mean(values)])
    low, high = stats.t.interval(0.95, 6, values.mean(), stats.sem(values))
    assert (ours.low, ours.high) == (pytest.approx(low, abs=0.02), pytest.approx(high, abs=0.02))
    assert ours.df == pytest.approx(6, rel=0.05)


def test_nothing_drawn_no_interval():
    assert interval(1.0, np.ones(100), [Component(0.0, 1)]) is None
    assert interval(1.0, np.full(100, np.nan), []) is None


def test_ten_thousand_resamples_of_a_hundred_and_ten_pairs_are_quick():
    values = np.random.default_rng(0).random((1190, 110, 3), dtype=np.float32)
    started = time.perf_counter()
    means = draws(values, 10_000)
    assert means.shape == (10_000, 110)
    assert time.perf_counter() - started < 15  # 5 s on two quiet cores; the machine may be busy
