"""How sure a statistic is: its variance over queries, seeds and languages, and the interval and p that follow.

A statistic is a weighted sum of pair means, so what each query group adds to it is known, and the variance of drawing
queries with replacement needs no draws: it is the sum of the squares. Two questions are asked. *These languages*: only
queries and training seeds could have been others. *Languages like these*: languages too; a language's own queries and
seeds are in the spread of the languages already, and are not counted again. Few seeds and few languages make a standard
error uncertain, so it is read against Student's t with Satterthwaite's degrees of freedom (Welch's test, where
languages are all that varies).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from xlreach.comparison.groups.families import Cell
from xlreach.comparison.resampling.language_means import Statistic
from xlreach.gaps import Certainty, Interval

_QUANTILE = 0.975  # of a 95 % interval
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
    units: int
    seen: float | None = None  # the variance that the units were seen to have, where not all of it counts


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
    chance = [_Component(float(queries[0]), groups)]
    chance += [_Component(max(float(own[0]), 0.0), units, float(seeds[0])) for own, seeds, units in trained]
    these = _interval(estimate, chance, scale) if sampled else None
    whole = None
    if statistic.parts and all(part.shape[1] > 1 for part in statistic.parts):
        spread = []
        for part in statistic.parts:
            count = part.shape[1]
            spread.append(_Component(float((np.nan_to_num(means) @ part).var(ddof=1)) / count, count))
            each, of_part = _variances(part, blocks), _variances(part.mean(1, keepdims=True), blocks)
            shared = [(each[0].mean() - of_part[0][0]) / (count - 1)]
            shared += [(e[0].mean() - p[0][0]) / (count - 1) for e, p in zip(each[1], of_part[1], strict=True)]
            chance = [
                _Component(max(one.variance - float(within), 0.0), one.units, one.seen)
                for one, within in zip(chance, shared, strict=True)
            ]
        whole = _interval(estimate, [*spread, *chance], scale)
    return Certainty(
        interval=None if whole is None else whole[0],
        p=None if whole is None else whole[1],
        df=None if whole is None else whole[2],
        interval_these_languages=None if these is None else these[0],
        p_these_languages=None if these is None else these[1],
        df_these_languages=None if these is None else these[2],
    )


def _variances(
    weights: np.ndarray, blocks: Sequence[Trained]
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray, int]]]:
    """Of each column of weights: the variance over queries; for each block with several seeds that of training again
    (without the seeds' own hits, which `queries` holds), that of the seeds' means as seen, and how many seeds."""
    moved, trained = np.zeros(()), []
    for block in blocks:
        influence = np.tensordot(block.influence, weights.astype(np.float32), (1, 0))  # groups, seeds, weights
        moved = moved + influence.mean(1, dtype=np.float64)
        units = influence.shape[1]
        if units > 1:
            by_seed = np.nan_to_num(np.where(np.isnan(block.means), _over_seeds(block.means)[:, None], block.means)).T
            seeds = (by_seed @ weights).var(0, ddof=1) / units
            hits = ((influence - influence.mean(1, keepdims=True)) ** 2).sum((0, 1), dtype=np.float64)
            trained.append((seeds - hits / (units - 1) / units, seeds, units))
    return (moved**2).sum(0), trained


def _over_seeds(means: np.ndarray) -> np.ndarray:
    there = np.isfinite(means)
    return np.asarray(np.where(there, means, 0).sum(1) / np.where(there.any(1), there.sum(1), np.nan))


def _interval(
    estimate: float, components: Sequence[_Component], scale: float
) -> tuple[Interval, float, float | None] | None:
    """Estimate ± t × standard error, the two-sided p of zero, and the degrees of freedom; None where nothing varies."""
    se = float(np.sqrt(sum(part.variance for part in components)))
    if not se > _NOISE * scale:
        return None
    doubt = sum(
        (part.variance if part.seen is None else part.seen) ** 2 / (part.units - 1)
        for part in components
        if part.units > 1 and part.variance > 0
    )
    df = se**4 / doubt if doubt > 0 else None
    law = stats.norm() if df is None else stats.t(df)
    reach = float(law.ppf(_QUANTILE)) * se
    return Interval(estimate - reach, estimate + reach), float(2 * law.sf(abs(estimate) / se)), df
