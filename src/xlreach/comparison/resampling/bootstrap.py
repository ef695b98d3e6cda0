"""Hierarchical bootstrap of low versus high: languages, then queries, then seeds, as matrix products.

The resampled mean of a cell under B draws is `weights (B, groups) @ values (groups, pairs × seeds)`, so 10,000
resamples of 110 language pairs × 1,190 queries × 3 seeds cost a matrix product, not a loop. Query groups are
drawn within strata (groups that occur in the same languages), so parallel queries are drawn together in all their
languages and unrelated ones apart; all cells of a family share the draws, so differences are paired.

Two intervals, because two questions are asked. *Languages like these*: languages are drawn too. *These languages*:
only queries and seeds are. Resampling n units understates their variance by (n - 1) / n, few units need the
t distribution, and drawing at several levels counts the chance of the lower ones again at each; all three are put right
with the variance components of the statistic (Hesterberg 2015, "What Teachers Should Know About the Bootstrap", §5.3;
Satterthwaite's degrees of freedom; `variance.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from xlreach.comparison.groups.families import Cell
from xlreach.gaps import Interval

_CHUNK_VALUES = 8_000_000
_QUANTILE = 0.975  # of a 95 % interval


@dataclass(frozen=True)
class Component:
    """One source of variance of an estimate that was seen in few units."""

    variance: float  # its share of the variance of the draws
    units: int  # how many units it was seen in
    unbiased: float | None = None  # what the variance should be; None corrects `variance` for the number of units
    uncertain: float | None = None  # the variance that the units were seen to have; None: `unbiased`

    @property
    def corrected(self) -> float:
        return self.variance * self.units / (self.units - 1) if self.unbiased is None else self.unbiased


@dataclass(frozen=True)
class ConfidenceInterval:
    """A confidence interval, with the standard error it rests on."""

    low: float
    high: float
    se: float
    df: float | None  # degrees of freedom; None where they are not limited

    @property
    def ends(self) -> Interval:
        """Both ends."""
        return Interval(self.low, self.high)


def multinomial(units: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """How often each unit is drawn in each resample, shape (resamples, units), uint8; rows sum to `units`."""
    weights = np.empty((resamples, units), np.uint8)
    if not units:
        return weights
    step = max(1, min(resamples, 2_000_000 // max(units, 1)))
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(0, units, (rows, units)) + np.arange(rows)[:, None] * units
        counted = np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units)
        weights[start : start + rows] = np.minimum(counted, 255)
    return weights


def group_weights(strata: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Multinomial weights of query groups, drawn within strata, shape (resamples, groups), uint8."""
    weights = np.empty((resamples, len(strata)), np.uint8)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        weights[:, members] = multinomial(len(members), resamples, rng)
    return weights


def resampled_means(
    cells: Sequence[Cell], groups: np.ndarray, seeds: Sequence[np.ndarray]
) -> Iterator[tuple[slice, list[np.ndarray]]]:
    """Means of every pair under the drawn queries and seeds, a chunk of resamples at a time.

    `groups` are the weights of the query groups, (resamples, groups); `seeds` for each cell those of its seeds.

    Yields:
        The slice of resamples, and per cell an array (resamples in the chunk, pairs), float32; NaN where a pair
        was not measured or nothing of it was drawn.
    """
    prepared = [_Columns(cell) for cell in cells]
    widest = max((cell.sums[0].size for cell in cells), default=1)
    step = max(1, min(len(groups), _CHUNK_VALUES // max(widest, groups.shape[1])))
    for start in range(0, len(groups), step):
        chunk = slice(start, min(start + step, len(groups)))
        weights = groups[chunk].astype(np.float32)
        yield (
            chunk,
            [cell.means(weights, seed[chunk].astype(np.float32)) for cell, seed in zip(prepared, seeds, strict=True)],
        )


class _Columns:
    """A cell as a matrix, with the few distinct columns of its counts."""

    def __init__(self, cell: Cell) -> None:
        groups, self.pairs, self.seeds = cell.sums.shape
        self.sums = cell.sums.reshape(groups, -1)
        counts = cell.counts.reshape(groups, -1)
        alike: dict[bytes, int] = {}
        self.which = np.array([alike.setdefault(column.tobytes(), len(alike)) for column in counts.T.copy()], np.int64)
        first = [int(np.argmax(self.which == number)) for number in range(len(alike))]
        self.counts = counts[:, first]

    def means(self, weights: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        totals = weights @ self.counts
        complete = bool((totals > 0).all())
        with np.errstate(invalid="ignore", divide="ignore"):
            means = (weights @ self.sums) / totals[:, self.which]
        means = means.reshape(len(weights), self.pairs, self.seeds)
        if complete:
            return np.einsum("bps,bs->bp", means, seeds / seeds.sum(1, keepdims=True))
        there = np.isfinite(means)
        share = np.einsum("bps,bs->bp", there.astype(np.float32), seeds)
        total = np.einsum("bps,bs->bp", np.where(there, means, 0), seeds)
        return np.divide(total, share, out=np.full_like(total, np.nan), where=share > 0)


def interval(
    estimate: float,
    draws: np.ndarray,
    components: Sequence[Component],
    *,
    double_counted: float = 0.0,
    rest: float | None = None,
) -> ConfidenceInterval | None:
    """The interval of an estimate from its bootstrap draws, ± t × corrected standard error; undefined draws are NaN.

    `components` are its sources of variance; what the draws show beyond them is taken to come from many units (the
    queries). `double_counted` is the variance that the draws show beside the components and that these hold already.
    `rest` is the variance beside the components where it is known, so that no draws are needed.

    Returns:
        None where the draws do not vary, for then nothing was resampled.
    """
    small = [part for part in components if part.units > 1]
    if rest is None:
        drawn = draws[np.isfinite(draws)].astype(np.float64)
        if len(drawn) < 2:
            return None
        spread = float(drawn.std(ddof=1))
        rest = max(spread**2 - sum(part.variance for part in small) - double_counted, 0.0)
    se = float(np.sqrt(rest + sum(part.corrected for part in small)))
    if not se > 1e-9:
        return None
    weight = sum(
        (part.corrected if part.uncertain is None else part.uncertain) ** 2 / (part.units - 1) for part in small
    )
    df = se**4 / weight if weight > 0 else None
    reach = float(stats.norm.ppf(_QUANTILE) if df is None else stats.t.ppf(_QUANTILE, df))
    return ConfidenceInterval(estimate - reach * se, estimate + reach * se, se, df)


def two_sided(estimate: float, ends: ConfidenceInterval | None) -> float | None:
    """The p of an estimate of zero, from the standard error of its interval; None without an interval."""
    if ends is None:
        return None
    t = abs(estimate) / ends.se
    return float(2 * (stats.norm.sf(t) if ends.df is None else stats.t.sf(t, ends.df)))


def spread_of_mean(values: np.ndarray) -> Component:
    """The plug-in variance of a mean of `values`, with their number."""
    values = np.asarray(values, np.float64)
    values = values[np.isfinite(values)]
    return Component(float(values.var() / len(values)) if len(values) else 0.0, len(values))
