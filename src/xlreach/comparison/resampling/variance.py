"""How sure a statistic is: its variance over queries, seeds and languages, and the interval and p that follow.

A statistic is a weighted sum of pair means, so what each query group adds to it is known, and the variance of drawing
queries with replacement needs no draws: it is the sum of the squares. Two questions are asked. *These languages*: only
queries and training seeds could have been others. *Languages like these*: languages too; a language's own queries and
seeds are in the spread of the languages already, and are not counted again. Few seeds and few languages make a standard
error uncertain, so each part is read against Student's t with its own degrees of freedom (Welch's, for languages).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from xlreach.comparison.groups.families import Cell
from xlreach.comparison.resampling.language_means import Statistic
from xlreach.gaps import Certainty, Interval

_LEVEL = 0.05  # of what a 95 % interval leaves out
_TINY = 1e-12  # the smallest p that is told apart from 0
_FEWEST = 3  # languages on a side, for an interval over languages
_NOISE = 1e-6  # a standard error below this share of the values is rounding


@dataclass(frozen=True)
class Trained:
    """Systems that were trained with the same seeds, added up with their signs."""

    means: np.ndarray  # shape (pairs, seeds); NaN where nothing was measured
    influence: np.ndarray  # how far each query group moves a mean, shape (groups, pairs, seeds)


@dataclass(frozen=True)
class _Component:
    """A source of variance, and how many units it was seen in."""

    variance: float
    df: float


def combined(cells: Sequence[Cell], shares: Sequence[float], influences: Sequence[np.ndarray]) -> list[Trained]:
    """A weighted sum of systems: those with the same seeds are paired by seed, the others drawn apart."""
    blocks: dict[tuple[int | None, ...], Trained] = {}
    for cell, share, influence in zip(cells, shares, influences, strict=True):
        block = Trained(share * cell.means(), share * influence)
        if (before := blocks.get(cell.seeds)) is not None:
            block = Trained(before.means + block.means, before.influence + block.influence)
        blocks[cell.seeds] = block
    return list(blocks.values())


def query_influence(cell: Cell, strata: np.ndarray) -> np.ndarray:
    """How far each query group moves the mean of each pair under each seed, shape (groups, pairs, seeds).

    The influences of a stratum sum to 0, and are scaled so that the sum of their squares is unbiased.
    """
    totals = cell.counts.sum(0, dtype=np.float64)
    means = np.divide(cell.sums.sum(0, dtype=np.float64), totals, out=np.zeros_like(totals), where=totals > 0)
    influence = np.asarray((cell.sums - cell.counts * means) / np.where(totals > 0, totals, 1), np.float32)
    for stratum in np.unique(strata):
        members = strata == stratum
        size = int(members.sum())
        influence[members] -= influence[members].mean(0)
        influence[members] *= np.sqrt(size / max(size - 1, 1))
    return influence


def point(blocks: Sequence[Trained]) -> np.ndarray:
    """The means of pairs over seeds, shape (pairs,); NaN where one of the systems was not measured."""
    return np.asarray(sum(_over_seeds(block.means) for block in blocks))


def certainty(statistic: Statistic, blocks: Sequence[Trained], *, sampled: bool = True) -> Certainty:
    """Both intervals of a statistic with their p.

    `sampled` is whether queries are known; without them the chance of these very queries is unknown, and nothing is
    said about these very languages.
    """
    means = point(blocks)
    estimate, scale = float(statistic.weights @ np.nan_to_num(means)), float(np.nanmax(np.abs(means), initial=0))
    queries, trained = _variances(statistic.weights[:, None], blocks)
    groups = sum(int(np.abs(block.influence).any((1, 2)).sum()) for block in blocks[:1])
    chance = [_Component(float(queries[0]), groups - 1)]
    chance += [_Component(float(seeds[0]), units - 1) for seeds, units in trained]
    these = _interval(estimate, chance, scale) if sampled else None
    whole = None
    if statistic.parts and all(part.shape[1] >= _FEWEST for part in statistic.parts):
        among, counts = [], [part.shape[1] for part in statistic.parts]
        for part, count in zip(statistic.parts, counts, strict=True):
            among.append(float((np.nan_to_num(means) @ part).var(ddof=1)) / count)
            each, of_part = _variances(part, blocks), _variances(part.mean(1, keepdims=True), blocks)
            shared = [(each[0].mean() - of_part[0][0]) / (count - 1)]
            shared += [(e[0].mean() - p[0][0]) / (count - 1) for e, p in zip(each[1], of_part[1], strict=True)]
            chance = [
                _Component(max(one.variance - float(within), 0.0), one.df)
                for one, within in zip(chance, shared, strict=True)
            ]
        doubt = sum(variance**2 / (count - 1) for variance, count in zip(among, counts, strict=True))
        languages = _Component(sum(among), sum(among) ** 2 / doubt if doubt else 1.0)  # Welch's degrees of freedom
        whole = _interval(estimate, [languages, *chance], scale)
    return Certainty(
        interval=None if whole is None else whole[0],
        p=None if whole is None else whole[1],
        df=None if whole is None else whole[2],
        interval_these_languages=None if these is None else these[0],
        p_these_languages=None if these is None else these[1],
        df_these_languages=None if these is None else these[2],
    )


def size_p(change: Certainty, total: Certainty) -> float | None:
    """The p of |gap| being what it was, from the tests of after - before and of after + before.

    |after| < |before| means that the two have opposite signs, so both must differ from zero (an intersection-union
    test; Berger 1982): a gap that turns from -.05 to +.04 has changed, and is no narrower for that.
    """
    p_values = change.p_these_languages, total.p_these_languages
    return None if p_values[0] is None or p_values[1] is None else max(p_values[0], p_values[1])


def _variances(weights: np.ndarray, blocks: Sequence[Trained]) -> tuple[np.ndarray, list[tuple[np.ndarray, int]]]:
    """Of each column of weights: the variance over queries that the seeds share; for each block with several seeds that
    of training again, which holds what each seed does with each query, and how many seeds."""
    moved, own, trained = np.zeros(()), np.zeros(weights.shape[1]), []
    for block in blocks:
        influence = np.tensordot(block.influence, weights.astype(np.float32), (1, 0))  # groups, seeds, weights
        moved = moved + influence.mean(1, dtype=np.float64)
        units = influence.shape[1]
        if units > 1:
            by_seed = np.nan_to_num(np.where(np.isnan(block.means), _over_seeds(block.means)[:, None], block.means)).T
            seeds = (by_seed @ weights).var(0, ddof=1) / units
            hits = ((influence - influence.mean(1, keepdims=True)) ** 2).sum((0, 1), dtype=np.float64)
            own = own + hits / (units - 1) / units
            trained.append((seeds, units))
    return np.maximum((moved**2).sum(0) - own, 0), trained


def _over_seeds(means: np.ndarray) -> np.ndarray:
    there = np.isfinite(means)
    return np.asarray(np.where(there, means, 0).sum(1) / np.where(there.any(1), there.sum(1), np.nan))


def _interval(
    estimate: float, components: Sequence[_Component], scale: float
) -> tuple[Interval, float, float | None] | None:
    """The interval, the two-sided p of zero, and Satterthwaite's degrees of freedom; None where nothing varies.

    Each component has its own Student's t, and their squares are added (Howe 1974, "Approximate confidence limits on
    the mean of X + Y"): one t with pooled degrees of freedom would be too sure where the few seeds happen to be alike.
    """
    se = float(np.sqrt(sum(part.variance for part in components)))
    if not se > _NOISE * scale:
        return None
    variances = np.array([part.variance for part in components])
    free = np.array([max(part.df, 1.0) for part in components])

    def reach(p: float) -> float:
        return float(np.sqrt((special.stdtrit(free, p / 2) ** 2 * variances).sum()))

    doubt = float((variances**2 / free).sum())
    ends, df = Interval(estimate - reach(_LEVEL), estimate + reach(_LEVEL)), se**4 / doubt if doubt else None
    if abs(estimate) >= reach(_TINY):
        return ends, _TINY, df
    return ends, float(optimize.brentq(lambda p: reach(p) - abs(estimate), _TINY, 1.0, xtol=_TINY)), df
