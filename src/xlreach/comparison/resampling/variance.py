"""What queries and seeds contribute to the variance of a statistic, taken apart, so that nothing is counted twice.

A bootstrap that draws languages, queries and seeds counts the chance of a language's own queries in the spread of the
languages already, and again when queries are drawn; that of a seed's own hits likewise. From what each query group
contributes to a statistic under each seed, the parts follow as in an analysis of variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xlreach.comparison.groups.families import Cell
from xlreach.comparison.resampling.bootstrap import Component


@dataclass(frozen=True)
class VarianceComponents:
    """Variances of several statistics of one system, each array of shape (statistics,)."""

    queries: np.ndarray  # of drawing queries, for the seeds there are
    seeds_drawn: np.ndarray  # of drawing seeds, as draws show it
    seeds: np.ndarray  # the same unbiased, for few seeds
    own: np.ndarray  # the part of `seeds` that is each seed's own hits; `queries` includes it already
    double_counted: np.ndarray  # what drawing both at once adds in the draws
    units: int  # how many seeds

    @property
    def drawn(self) -> np.ndarray:
        """All that draws of queries and seeds show."""
        return self.queries + self.seeds_drawn + self.double_counted

    @property
    def trained(self) -> np.ndarray:
        """What training again contributes, its own hits apart; 0 where no more than these is seen."""
        return np.maximum(self.seeds - self.own, 0)

    def seed_components(self, spread: float = 0.0) -> list[Component]:
        """The chance of training again of the first statistic, less what the `spread` of languages holds of it."""
        if self.units < 2:
            return []
        trained = max(float(self.trained[0]) - spread, 0.0)
        seen = float(self.seeds[0]) if trained else 0.0
        return [Component(float(self.seeds_drawn[0]), self.units, trained, seen)]


def query_influence(cell: Cell, strata: np.ndarray) -> np.ndarray:
    """How far each query group moves the mean of each pair under each seed, shape (groups, pairs, seeds); sums to 0
    within a stratum."""
    totals = cell.counts.sum(0, dtype=np.float64)
    means = np.divide(cell.sums.sum(0, dtype=np.float64), totals, out=np.zeros_like(totals), where=totals > 0)
    influence = (cell.sums - cell.counts * means.astype(np.float32)) / np.where(totals > 0, totals, 1).astype(
        np.float32
    )
    for stratum in np.unique(strata):
        members = strata == stratum
        influence[members] -= influence[members].mean(0)
    return np.asarray(influence, np.float32)


def variance_components(influence: np.ndarray, by_seed: np.ndarray) -> VarianceComponents:
    """The parts of the variance of each statistic.

    `influence` is what each query group contributes, shape (groups, statistics, seeds); `by_seed` has the shape (seeds,
    statistics).
    """
    units = influence.shape[2]
    mean = influence.mean(2, dtype=np.float64)
    queries = (mean**2).sum(0)
    drawn = np.nan_to_num(by_seed.var(0)) / units
    if units == 1:
        nothing = np.zeros_like(queries)
        return VarianceComponents(queries, nothing, nothing, nothing, nothing, 1)
    own = ((influence - mean[:, :, None]) ** 2).sum((0, 2), dtype=np.float64) / (units - 1)
    seeds = drawn * units / (units - 1)
    return VarianceComponents(queries, drawn, seeds, own / units, own * (units - 1) / units**2, units)
