from __future__ import annotations

import pytest
from statsmodels.stats.multitest import multipletests

from xlreach.comparison.tests.correction import hedges_g, holm


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
