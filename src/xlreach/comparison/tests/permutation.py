"""Permutation tests for a change of the gap, Holm's correction, and Hedges' g.

A gap changes on two grounds, and each has its test. `sign_flip` asks whether the change could be chance *in these
queries*: under the null hypothesis the two systems are exchangeable, so each query group's contribution may carry
either sign. `relabel` asks whether low-resource languages gained otherwise than high-resource ones *as languages*:
under the null hypothesis the labels are exchangeable. Three against three languages allow 20 labellings, so no
p below .1: that is what three languages can tell.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

_CHUNK = 4_000_000


def sign_flip(contributions: np.ndarray, permutations: int, rng: np.random.Generator) -> float:
    """Two-sided p of the sum of paired differences under random signs.

    All sign patterns are enumerated where there are no more than `permutations`.

    Returns:
        The exact p, or (1 + hits) / (1 + permutations).
    """
    values = np.asarray(contributions, np.float64)
    values = values[values != 0]
    if not len(values):
        return 1.0
    seen, slack = abs(values.sum()), 1e-12 * np.abs(values).sum()
    if len(values) < 31 and 2 ** len(values) <= permutations:
        patterns = np.arange(2 ** len(values))[:, None] >> np.arange(len(values)) & 1
        return float(np.mean(np.abs((1 - 2 * patterns) @ values) >= seen - slack))
    hits, step = 0, max(1, _CHUNK // len(values))
    for start in range(0, permutations, step):
        rows = min(step, permutations - start)
        signs = rng.integers(0, 2, (rows, len(values)), dtype=np.int8)
        sums = 2 * (signs.astype(np.float32) @ values.astype(np.float32)).astype(np.float64) - values.sum()
        hits += int(np.sum(np.abs(sums) >= seen * (1 - 1e-6)))
    return (1 + hits) / (1 + permutations)


def relabel(low: Sequence[float], high: Sequence[float], permutations: int, rng: np.random.Generator) -> float:
    """Two-sided p of mean(low) - mean(high), one value a language, under random labels.

    All labellings are enumerated where there are no more than `permutations`.
    """
    values, first = np.array([*low, *high], np.float64), len(low)
    if not low or not high:
        return 1.0
    total = values.sum()

    def statistic(sums: np.ndarray) -> np.ndarray:
        return np.abs(sums / first - (total - sums) / (len(values) - first))

    seen = statistic(np.array(values[:first].sum())) - 1e-12 * (1 + np.abs(values).sum())
    if math.comb(len(values), first) <= permutations:
        chosen = np.array(list(itertools.combinations(range(len(values)), first)))
        return float(np.mean(statistic(values[chosen].sum(1)) >= seen))
    order = rng.random((permutations, len(values))).argsort(1)[:, :first]
    return (1 + int(np.sum(statistic(values[order].sum(1)) >= seen))) / (1 + permutations)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down correction; None (no test) stays None and does not count.

    >>> holm([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]
    """
    order = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    running = 0.0
    for rank, (p, index) in enumerate(order):
        running = max(running, min(1.0, p * (len(order) - rank)))
        corrected[index] = running
    return corrected


def hedges_g(low: Sequence[float], high: Sequence[float]) -> float | None:
    """Standardised difference mean(low) - mean(high), corrected for few values (Hedges 1981).

    Returns:
        None where a side has fewer than two values or neither varies.
    """
    first, second = np.asarray(low, np.float64), np.asarray(high, np.float64)
    df = len(first) + len(second) - 2
    if len(first) < 2 or len(second) < 2:
        return None
    pooled = math.sqrt(((len(first) - 1) * first.var(ddof=1) + (len(second) - 1) * second.var(ddof=1)) / df)
    if not pooled > 1e-12:
        return None
    return float((first.mean() - second.mean()) / pooled * (1 - 3 / (4 * df - 1)))
