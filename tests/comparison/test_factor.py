from __future__ import annotations

import numpy as np
import pytest

from xlreach.comparison import compare
from xlreach.comparison.factor import compare_factor

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
    cross = next(one for one in found["tests"] if one["setting"] == "cross")
    assert cross["verdict"] == "differs" and cross["last"] < cross["first"] < 0
    assert found["values"] == ["seen", "unseen"] and len(found["rows"]) == 6
    assert any("cross nDCG@10 with none depends on the script" in said for said in found["sentences"])


def test_q_by_hand_and_none_without_intervals(gaps_of):
    studies = [(str(number), gaps_of(0.2, number)) for number in range(3)]
    found = compare_factor("x", "the seed", studies)
    mono = [row for row in found["rows"] if row["setting"] == "mono"]
    weights = np.array([((row["upper"] - row["lower"]) / 2 / 1.959964) ** -2 for row in mono])
    values = np.array([row["gap"] for row in mono])
    q = (weights * (values - np.average(values, weights=weights)) ** 2).sum()
    (one,) = [test for test in found["tests"] if test["setting"] == "mono"]
    assert one["q"] == pytest.approx(q, rel=1e-5) and one["df"] == 2
    for _, gaps in studies:
        for row in gaps["gaps"]:
            row["interval_these_languages"] = None
    blind = compare_factor("x", "the seed", studies)
    assert all(test["p"] is None and test["verdict"] == "cannot tell" for test in blind["tests"])
    assert "for want of an interval" in blind["sentences"][-1]
    assert compare_factor("x", "f", [])["sentences"] == ["The studies have no gap in common."]
