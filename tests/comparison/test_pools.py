from __future__ import annotations

import ir_measures
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from xlreach.comparison import compare
from xlreach.comparison.explain.equal_pools import _ranks_left, equal_pools, expected, pool_sizes
from xlreach.comparison.tables import pool_tables
from xlreach.errors import DataError
from xlreach.measurement import Measurement

MEASURES = ("AP", "RR", "RR@10", "nDCG", "nDCG@10", "R@10", "P@5", "Success@5")


def official(measure, ranking, relevant):
    run = {"q": {document: float(-place) for place, document in enumerate(ranking)}}
    (value,) = [m.value for m in ir_measures.iter_calc([ir_measures.parse_measure(measure)], {"q": relevant}, run)]
    return value


@pytest.mark.parametrize("measure", MEASURES)
def test_the_whole_pool_gives_the_official_figure(measure):
    rng = np.random.default_rng(0)
    for _ in range(20):
        pool, ranks = 40, tuple(sorted(int(r) for r in rng.choice(40, 3, replace=False) + 1))
        grades = tuple(int(g) for g in rng.integers(1, 3, 3))
        ranking = [f"d{place:02}" for place in range(1, pool + 1)]
        relevant = {f"d{rank:02}": grade for rank, grade in zip(ranks, grades, strict=True)}
        assert expected(measure, ranks, grades, pool, pool) == pytest.approx(official(measure, ranking, relevant))


@pytest.mark.parametrize("measure", MEASURES)
def test_expectation_equals_drawn_pools(measure):
    rng = np.random.default_rng(1)
    pool, size, ranks, grades = 60, 25, (4, 9, 31), (1, 2, 1)
    others = [place for place in range(1, pool + 1) if place not in ranks]
    values = []
    for _ in range(4000):
        kept = sorted([*rng.choice(others, size - len(ranks), replace=False), *ranks])
        places = tuple(kept.index(rank) + 1 for rank in ranks)
        values.append(expected(measure, places, grades, size, size))
    assert expected(measure, ranks, grades, pool, size) == pytest.approx(
        np.mean(values), abs=4 * np.std(values) / 63 + 1e-9
    )


def frame(pools, ranks, shift=0):
    rows = [
        {"base": "x", "recipe": "none", "alignment": "none", "retriever": "dense", "language": "th",
         "seed": seed, "dataset": "xquad-r",
         "setting": setting, "query_language": asked, "document_language": answered, "query_id": f"{asked}{number}",
         "group": f"g{number}", "pool": pools[answered], "ranks": [rank + shift * (seed - 1)], "grades": [1]}
        for seed in (1, 2) for asked in pools for answered in pools for number, rank in enumerate(ranks[answered])
        if (setting := "mono" if asked == answered else "cross")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_larger_collection_is_no_excuse():
    """Ranks that lie as deep, share for share, give the same figure once pools are the same."""
    made = frame({"en": 1000, "th": 500}, {"en": [1, 41, 201], "th": [1, 21, 101]})
    levels = {"high": ["en"], "low": ["th"]}
    row = next(r for r in equal_pools(made, ["RR", "Judged@10"], levels) if r.setting == "mono")
    assert row.size == 500 and row.gap > 0.005 and abs(row.gap_equal) < row.gap / 3
    assert row.languages["th"].whole == pytest.approx(row.languages["th"].equal)
    assert row.languages["en"].pool == 1000


def test_seeds_have_their_spread():
    made = frame({"en": 1000, "th": 500}, {"en": [1, 41, 201], "th": [1, 21, 101]}, shift=1)
    row = equal_pools(made, ["RR"], {"high": ["en"], "low": ["th"]})[0]
    of_seeds = [np.mean([1 / (rank + more) for rank in (1, 21, 101)]) for more in (0, 1)]
    assert row.languages["th"].whole == pytest.approx(np.mean(of_seeds))
    assert row.languages["th"].equal_sd == pytest.approx(np.std(of_seeds, ddof=1))


LEVELS = {"high": ["en", "de"], "low": ["th", "vi"]}


@pytest.fixture(scope="module")
def compared():
    rng = np.random.default_rng(0)
    sizes = {"en": 900, "de": 700, "th": 400, "vi": 800}
    made = frame(sizes, {code: rng.integers(1, 30, 25).tolist() for code in sizes}, shift=1)
    results = [
        Measurement(study="s", base="x", recipe="none", alignment="none", language="th", seed=1, kind="retrieval",
                    dataset="xquad-r", setting="mono", query_language=code, document_language=code, measure="RR",
                    value=0.5, n=25)
        for code in sizes
    ]  # fmt: skip
    return compare(results, None, LEVELS, resamples=400, permutations=50, ranks=made)


def test_the_gap_at_equal_pools_has_its_interval(compared):
    rows = compared.equal_pools
    assert {row.setting for row in rows} == {"mono", "cross"} and {row.size for row in rows} == {400}
    cross = next(row for row in rows if row.setting == "cross")
    assert cross.gap_equal == 0 and cross.p_these_languages is None  # the same documents, found alike in every language
    for row in (row for row in rows if row.setting == "mono"):
        low, high = row.interval_these_languages
        assert low < row.gap_equal < high and row.interval is None  # two languages a side tell nothing of others
        assert (low + high) / 2 == pytest.approx(row.gap_equal, abs=2e-6) and 0 < row.p_these_languages < 1


def test_figures_by_language_stand_beside_those_of_whole_pools(compared):
    mono, cross = pool_tables(compared)
    assert mono.columns == ("en", "de", "th", "vi", "mean high", "mean low") and cross.about["setting"] == "cross"
    (whole, figures), (equal, thinned) = mono.rows
    assert (whole[-1], equal[-1]) == ("whole", "400 documents")
    found = compared.equal_pools[0].languages
    assert [one.mean for one in figures[:4]] == [found[code].whole for code in ("en", "de", "th", "vi")]
    assert [one.mean for one in thinned[:4]] == [found[code].equal for code in ("en", "de", "th", "vi")]
    assert thinned[2].mean == figures[2].mean and thinned[0].mean > figures[0].mean
    gap = thinned[5].mean - thinned[4].mean
    assert gap == pytest.approx(compared.equal_pools[0].gap_equal, abs=2e-6)


def test_places_are_hypergeometric():
    """Against scipy: how many of the documents above stay when 5,000 are thinned out to 300."""
    positions, chances = _ranks_left(3, 800, 4990, 290)
    assert chances == pytest.approx(stats.hypergeom.pmf(positions - 3, 4990, 800, 290), rel=1e-9)


def test_equal_pools_need_nothing_and_wrong_ranks_are_refused(tmp_path):
    made = frame({"en": 100, "th": 100}, {"en": [1], "th": [2]})
    assert equal_pools(made, ["RR"], {"high": ["en"], "low": ["th"]}) == []
    sizes = pool_sizes(made)
    assert [(row.setting, row.sizes) for row in sizes] == [(s, {"en": 100, "th": 100}) for s in ("cross", "mono")]
    made.to_parquet(tmp_path / "ranks.parquet")
    assert equal_pools(tmp_path / "ranks.parquet", ["RR"], {"high": ["en"], "low": ["th"]}) == []
    assert expected("AP", (0,), (1,), 10, 5) == 0
    with pytest.raises(DataError, match="pool of 5"):
        expected("AP", (7,), (1,), 5, 5)
    with pytest.raises(DataError, match="lack ranks"):
        equal_pools(made.drop(columns="ranks"), ["RR"], {"high": ["en"], "low": ["th"]})
