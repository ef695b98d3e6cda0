"""Coverage and false positives over simulated studies: a part of `benchmarks/coverage.py`."""

from __future__ import annotations

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

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import coverage
from simulated import Design

STUDIES = 100


@pytest.mark.parametrize(
    ("part", "design", "silent"),
    [
        (coverage.of_gaps, Design("cross", 1, 3), "gap, languages like these"),
        (coverage.of_gaps, Design("cross", 3, 5), None),
        (coverage.of_gaps, Design("mono", 5, 5, seeds=1), "change, these languages"),
        (coverage.of_gaps, Design("mono", 5, 5, items=400, trained_sd=0.02), None),
        (coverage.of_gaps, Design("mono", 2, 8, low_sd=0.2, high_sd=0.001), "gap, languages like these"),
        (coverage.of_gaps, Design("mono", 5, 5, low_sd=0.2, high_sd=0.025), None),
        (coverage.of_gaps, Design("mono", 5, 5, gap=-0.06, change=0.12, low_sd=0.0, high_sd=0.0), None),
        (coverage.of_gaps, Design("tagging", 3, 3, seeds=1, items=100), "change, these languages"),
        (coverage.of_gaps, Design("tagging", 3, 3, seeds=5, items=100), None),
        (coverage.of_hypotheses, Design("mono", 3, 3, trained_sd=0.02, **coverage.ALIKE), None),
        (coverage.of_hypotheses, Design("mono", 3, 3, seeds=1, **coverage.ALIKE), "hypothesis: cost"),
        (coverage.of_answers, Design("cross", 3, 3, **coverage.ALIKE), None),
        (coverage.of_answers, Design("mono", 3, 3, seeds=1, **coverage.ALIKE), "answer: best against others, value"),
        (coverage.of_factor, Design("mono", 3, 3, **coverage.ALIKE), None),
        (coverage.of_factor, Design("mono", 3, 3, seeds=1, **coverage.ALIKE), "factor: values differ"),
        (coverage.of_why, coverage.Why(8, 6, 0.5), None),
        (coverage.of_why, coverage.Why(4, 6), "correlation within"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_intervals_cover_and_tests_keep_their_level(part, design, silent):
    found = coverage.simulate(design, STUDIES, part)
    assert found["coverage"] and not found["broken"], found
    if silent is not None:
        assert found["coverage"][silent] is found["size"][silent] is None


def test_the_same_queries_in_two_runs(tmp_path):
    found = coverage.simulate(Design("mono", 1, 3, **coverage.ALIKE), 20, coverage.of_runs)
    assert found["coverage"]["two runs: a language"] > 0.8 and not found["broken"]


def test_a_missed_bar_is_told():
    row = coverage.Row("gap", "design", 1000, 0.95, 0.05, 1000, 1000)
    assert not row.broken()
    assert coverage.replace(row, size=0.11).broken() and coverage.replace(row, coverage=0.89).broken()
    assert not coverage.replace(row, size=0.11, tested=20).broken(), "two of 20 are no proof"
    assert not coverage.replace(row, size=None, coverage=None, tested=0, intervals=0).broken()
    assert "| design | 1,000 | 95.0 | 5.0 |" in coverage.table([row])


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
