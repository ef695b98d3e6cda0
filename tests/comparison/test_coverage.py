"""Coverage over simulated studies: the reduced form of `benchmarks/coverage.py`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from xlreach.comparison.groups.families import Cell
from xlreach.comparison.resampling.variance import query_influence, variance_components
from xlreach.system import System

_spec = importlib.util.spec_from_file_location("coverage", Path(__file__).parents[2] / "benchmarks" / "coverage.py")
coverage = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(coverage)

STUDIES = 300
# what .95 gives in 999 of 1,000 runs of so many studies
LOW, HIGH = (stats.binom.ppf(q, STUDIES, 0.95) / STUDIES for q in (0.0005, 0.9995))


@pytest.mark.parametrize("gap", [0.0, -0.2])
@pytest.mark.parametrize(("setting", "seeds"), [("mono", 1), ("mono", 3), ("cross", 3)])
def test_intervals_cover_as_often_as_they_say(setting, seeds, gap):
    found = coverage.simulate(setting, 5, 5, seeds, gap, 0.0, STUDIES, resamples=300)
    assert all(LOW <= found[f"{of}{who}"] <= HIGH for of in ("", "change_") for who in ("like_these", "these")), found
    directions = [value for name, value in found.items() if name.startswith("direction")]
    assert len(directions) == (6 if setting == "cross" else 0)
    assert all(share >= LOW for share in directions), found  # a little wide: pairs of a language share their chance
    for name in ("error_relabel", *(["error_t"] if gap == 0 else [])):
        assert found[name] <= stats.binom.ppf(0.9995, STUDIES, 0.05) / STUDIES


def test_parts_of_the_variance_by_hand():
    """Queries, seeds and what is left, against the analysis of variance of a table."""
    rng = np.random.default_rng(0)
    queries, seeds = rng.normal(0, 0.3, (200, 1, 1)), rng.normal(0, 0.1, (1, 1, 4))
    values = queries + seeds + rng.normal(0, 0.2, (200, 1, 4))
    cell = Cell(System(), (1, 2, 3, 4), values.astype(np.float32), np.ones(values.shape, np.float32))
    moved = query_influence(cell, np.zeros(200, int))
    assert np.abs(moved.sum(0)).max() < 1e-5
    found = variance_components(moved, cell.means().T)
    table = values[:, 0, :]
    rest = ((table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()) ** 2).sum() / (199 * 3)
    assert found.queries[0] == pytest.approx(table.mean(1).var() / 200, rel=1e-4)
    assert found.seeds[0] == pytest.approx(table.mean(0).var(ddof=1) / 4, rel=1e-4)
    assert found.own[0] == pytest.approx(rest / 200 / 4, rel=0.02)
    drawn = []
    for _ in range(4000):
        rows, columns = rng.integers(0, 200, 200), rng.integers(0, 4, 4)
        drawn.append(table[np.ix_(rows, columns)].mean())
    assert found.drawn[0] == pytest.approx(np.var(drawn), rel=0.1)
