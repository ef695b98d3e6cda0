"""Coverage and false positives over simulated studies: a part of `benchmarks/coverage.py`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from xlreach.comparison.gap_builder import GapBuilder
from xlreach.comparison.groups.families import Cell, Family, FamilyKey, Pair
from xlreach.comparison.resampling.language_means import Statistic
from xlreach.comparison.resampling.variance import certainty, combined, query_influence, size_p
from xlreach.gaps import Certainty, LanguageSplit
from xlreach.system import System

_spec = importlib.util.spec_from_file_location("coverage", Path(__file__).parents[2] / "benchmarks" / "coverage.py")
coverage = importlib.util.module_from_spec(_spec)
sys.modules["coverage"] = coverage
_spec.loader.exec_module(coverage)
Design = coverage.Design

STUDIES = 200
LEAST = stats.binom.ppf(0.0005, STUDIES, 0.95) / STUDIES  # what .95 gives in 999 of 1,000 runs of so many studies
MOST = stats.binom.ppf(0.9995, STUDIES, 0.05) / STUDIES


@pytest.mark.parametrize(
    "design",
    [
        Design("cross", 1, 3),
        Design("cross", 3, 5),
        Design("mono", 5, 5, seeds=1),
        Design("mono", 5, 5, items=400, trained_sd=0.02),
        Design("mono", 2, 8, low_sd=0.2, high_sd=0.001),
        Design("mono", 5, 5, low_sd=0.2, high_sd=0.025),
        Design("tagging", 3, 3, seeds=3, items=100),
        Design("tagging", 3, 3, seeds=5, items=100),
    ],
    ids=lambda design: f"{design.setting} {design.low}x{design.high}, {design.seeds} seeds, sd {design.low_sd}",
)
def test_intervals_cover_and_tests_keep_their_level(design):
    found = coverage.simulate(design, STUDIES)
    assert abs(found["bias"]) < 0.01, "documents cost .2, and nothing of it is in the gap"
    assert all(share is None or share >= LEAST for share in found["coverage"].values()), found
    assert all(share is None or share <= MOST for share in found["size"].values()), found
    if design.seeds == 1:
        assert found["coverage"]["change"] is found["coverage"]["change, these"] is None
    if min(design.low, design.high) < 3:
        assert found["coverage"]["gap"] is None and found["coverage"]["gap, these"] is not None


def study(values, seeds, low=1):
    """A family of one system or more in mono retrieval; values have the shape (systems, groups, languages, seeds)."""
    codes = [f"q{number}" for number in range(values.shape[2])]
    cells = [
        Cell(System("b", name), seeds, of.astype(np.float32), np.ones(of.shape, np.float32))
        for name, of in zip(("none", "lapt"), values, strict=False)
    ]
    key = FamilyKey("retrieval", "b", "d", "mono", "RR")
    pairs = tuple(Pair(code, code) for code in codes)
    strata = np.zeros(values.shape[1], int)
    return Family(key, pairs, strata, tuple(cells), True, ("d",)), LanguageSplit(
        name="config", rule="", low=tuple(codes[:low]), high=tuple(codes[low:])
    )


def test_languages_alone_are_welchs_test():
    """Every query alike and nothing trained: the spread of languages is all there is."""
    rng = np.random.default_rng(1)
    means = np.concatenate([rng.normal(0.4, 0.1, 4), rng.normal(0.5, 0.02, 6)])
    family, split = study(np.broadcast_to(means[:, None], (1, 3, 10, 1)), (None,), low=4)
    builder = GapBuilder()
    builder.add(family, [split])
    theirs = stats.ttest_ind(means[:4], means[4:], equal_var=False)
    ends = theirs.confidence_interval()
    (gap,) = builder.gaps
    assert gap.p == pytest.approx(theirs.pvalue, rel=1e-4) and gap.df == pytest.approx(theirs.df, rel=1e-4)
    assert gap.interval == pytest.approx([ends.low, ends.high], rel=1e-4) and gap.p_these_languages is None


def test_queries_alone_are_the_paired_t_test_and_the_bootstrap():
    values = np.random.default_rng(2).gamma(2, 0.1, (2, 60, 2, 1))
    family, split = study(values, (None,))
    builder = GapBuilder()
    builder.add(family, [split])
    (change,) = builder.changes()
    each = (values[1] - values[0])[:, :, 0] @ [1, -1]
    theirs = stats.ttest_1samp(each, 0)
    assert change.p_these_languages == pytest.approx(theirs.pvalue, rel=1e-3)
    assert change.change == pytest.approx(each.mean(), abs=1e-6)
    drawn = stats.bootstrap((each,), np.mean, n_resamples=4000, rng=1).standard_error
    reach = (change.interval_these_languages.high - change.interval_these_languages.low) / 2
    assert reach / stats.t.ppf(0.975, 59) == pytest.approx(drawn, rel=0.05)


def test_seeds_alone_are_the_t_test_over_seeds_and_one_is_no_test():
    rng = np.random.default_rng(3)
    by_seed = rng.normal(0.5, 0.05, (2, 1, 2, 4))
    values = np.broadcast_to(by_seed, (2, 30, 2, 4))
    family, split = study(values, (1, 2, 3, 4))
    builder = GapBuilder()
    builder.add(family, [split])
    (change,) = builder.changes()
    gains = (by_seed[1, 0] - by_seed[0, 0]).T @ [1, -1]
    assert change.p_these_languages == pytest.approx(stats.ttest_1samp(gains, 0).pvalue, rel=1e-3)
    family, split = study(values[..., :1], (1,))
    builder = GapBuilder()
    builder.add(family, [split])
    (once,) = builder.changes()
    tests = (once.p, once.p_these_languages, once.p_low, once.p_narrower, once.interval, once.interval_these_languages)
    assert tests == (None,) * 6


def test_a_constant_difference_is_no_p_of_zero():
    values = np.stack([np.full((30, 2, 3), 0.3), np.full((30, 2, 3), 0.3)])
    values[1, :, 0] += 0.1
    family, split = study(values + np.random.default_rng(4).random((1, 30, 1, 1)), (1, 2, 3))
    builder = GapBuilder()
    builder.add(family, [split])
    (change,) = builder.changes()
    assert change.change == pytest.approx(0.1, abs=1e-6) and change.p_these_languages is None


@pytest.mark.parametrize(("before", "after", "narrower"), [(-0.05, 0.05, False), (-0.10, -0.03, True)])
def test_a_gap_that_changes_sides_is_not_narrower(before, after, narrower):
    rng = np.random.default_rng(5)
    values = 0.5 + rng.normal(0, 0.1, (2, 400, 2, 3))
    values[0, :, 0] += before
    values[1, :, 0] += after
    family, split = study(values, (1, 2, 3))
    builder = GapBuilder()
    builder.add(family, [split])
    (change,) = builder.changes()
    assert change.p_these_languages < 0.05 and (change.p_narrower < 0.05) == narrower
    assert size_p(Certainty(p_these_languages=0.01), Certainty(p_these_languages=0.2)) == 0.2


def test_independent_seeds_add_up():
    rng = np.random.default_rng(6)
    values = rng.normal(0.5, 0.05, (2, 1, 1, 3)) * np.ones((2, 20, 1, 3))
    cells = [
        Cell(System("b", name), seeds, of.astype(np.float32), np.ones(of.shape, np.float32))
        for name, seeds, of in zip("ab", ((1, 2, 3), (4, 5, 6)), values, strict=True)
    ]
    influences = [query_influence(cell, np.zeros(20, int)) for cell in cells]
    sure = certainty(Statistic(np.ones(1)), combined(cells, (1.0, -1.0), influences))
    variances = values[:, 0, 0].var(1, ddof=1) / 3
    reach = (sure.interval_these_languages.high - sure.interval_these_languages.low) / 2
    assert reach == pytest.approx(stats.t.ppf(0.975, 2) * np.sqrt(variances.sum()), rel=1e-3)
