from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from xlreach.comparison.tests.permutation import hedges_g, holm, relabel, sign_flip


@pytest.mark.parametrize("size", [8, 40])
def test_sign_flip_equals_scipy(size):
    values = np.random.default_rng(size).normal(0.25, 1, size)
    ours = sign_flip(values, 20_000, np.random.default_rng(0))
    theirs = stats.permutation_test(
        (values,), np.sum, permutation_type="samples", vectorized=False, n_resamples=20_000, rng=1
    )
    assert ours == pytest.approx(theirs.pvalue, abs=1e-9 if size == 8 else 0.012)


@pytest.mark.parametrize("size", [4, 12])
def test_relabel_equals_scipy(size):
    rng = np.random.default_rng(size)
    low, high = rng.normal(0.8, 1, size).tolist(), rng.normal(0, 1, size + 1).tolist()
    theirs = stats.permutation_test(
        (low, high), lambda a, b: abs(np.mean(a) - np.mean(b)), alternative="greater", vectorized=False,
        n_resamples=9999, rng=1,
    )  # fmt: skip
    assert relabel(low, high, 10_000, np.random.default_rng(0)) == pytest.approx(
        theirs.pvalue, abs=1e-9 if size == 4 else 0.012
    )


def test_three_against_three_languages_cannot_be_significant():
    assert relabel([9.0, 9.1, 9.2], [0.0, 0.1, 0.2], 10_000, np.random.default_rng(0)) == pytest.approx(2 / 20)


def test_nothing_changed_is_p_one():
    assert sign_flip(np.zeros(5), 100, np.random.default_rng(0)) == 1.0


def test_holm_equals_statsmodels_and_skips_missing_tests():
    p = [0.01, 0.04, 0.03, 0.2, 0.005]
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1].tolist())
    assert holm([None, 0.04, None]) == [None, 0.04, None]
    assert holm([]) == []


def test_hedges_g_by_hand():
    # means 2 and 4, pooled sd 1, four degrees of freedom: -2 × (1 - 3/15)
    assert hedges_g([1, 2, 3], [3, 4, 5]) == pytest.approx(-2 * (1 - 3 / 15))
    assert hedges_g([1], [3, 4]) is None
    assert hedges_g([1, 1], [2, 2]) is None
