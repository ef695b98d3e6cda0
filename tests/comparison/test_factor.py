from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from xlreach.comparison import compare
from xlreach.comparison.factor import compare_factor, welch

ONE = {
    "bases": ("x",), "recipes": ("none",), "alignments": ("none",), "measures": ("nDCG@10",), "queries": 60,
    "seeds": (1, 2, 3), "tagging": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def gaps_of(make_study):
    def made(cost, seed):
        study = make_study(**ONE, query_cost=cost, seed=seed)
        return compare(study.results, study.queries, study.levels, resamples=300, permutations=100)

    return made


def test_a_factor_that_matters_is_told(gaps_of):
    found = compare_factor("x", "the script", [("seen", gaps_of(0.05, 1)), ("unseen", gaps_of(0.30, 2))])
    cross = next(one for one in found.tests if one.setting == "cross")
    assert cross.verdict == "differs" and cross.least < cross.most < 0
    assert (cross.at_least, cross.at_most) == ("unseen", "seen")
    assert found.values == ("seen", "unseen") and len(found.rows) == 6


def test_what_the_factor_does_not_reach_is_not_tested(gaps_of):
    alike, other = gaps_of(0.05, 1), gaps_of(0.30, 2)
    assert compare_factor("x", "text", [("250", alike), ("1000", alike)]).tests == ()
    rows = [row for row in alike.gaps if row.setting == "cross"] + [row for row in other.gaps if row.setting != "cross"]
    mixed = dataclasses.replace(other, gaps=tuple(rows))
    found = compare_factor("x", "text", [("250", alike), ("1000", mixed)])
    assert {one.setting for one in found.tests} == {"mono", "multi"}


def test_f_is_statsmodels(gaps_of):
    """Of samples of unlike size and spread, whose means, errors and degrees of freedom are known."""
    oneway = pytest.importorskip("statsmodels.stats.oneway")
    rng = np.random.default_rng(0)
    for sizes in ((4, 9, 3), (3, 3), (5, 3, 7, 12)):
        samples = [rng.normal(0, 1 + number, size) for number, size in enumerate(sizes)]
        theirs = oneway.anova_oneway(samples, use_var="unequal")
        errors = [one.std(ddof=1) / np.sqrt(len(one)) for one in samples]
        mine = welch([one.mean() for one in samples], errors, [len(one) - 1 for one in samples])
        assert mine == pytest.approx((theirs.statistic, theirs.df_denom, theirs.pvalue))


def without(gaps, field):
    return dataclasses.replace(gaps, gaps=tuple(dataclasses.replace(row, **{field: None}) for row in gaps.gaps))


def test_known_errors_give_cochrans_q(gaps_of):
    studies = [(str(number), gaps_of(0.2, number)) for number in range(3)]
    studies = [(value, without(gaps, "df_these_languages")) for value, gaps in studies]
    found = compare_factor("x", "the seed", studies)
    mono = [row for row in found.rows if row.setting == "mono"]
    weights = np.array([((row.interval.high - row.interval.low) / 2 / 1.959964) ** -2 for row in mono])
    values = np.array([row.gap for row in mono])
    q = (weights * (values - np.average(values, weights=weights)) ** 2).sum()
    (one,) = [test for test in found.tests if test.setting == "mono"]
    assert one.f == pytest.approx(q / 2, rel=1e-5) and (one.df, one.df_within) == (2, None)
    assert one.p == pytest.approx(stats.chi2.sf(q, 2), rel=1e-4)
    studies = [(value, without(gaps, "interval_these_languages")) for value, gaps in studies]
    blind = compare_factor("x", "the seed", studies)
    assert all(test.p is None and test.verdict == "cannot tell" for test in blind.tests)
    assert len(blind.tests) == 3 and compare_factor("x", "f", []).tests == ()
