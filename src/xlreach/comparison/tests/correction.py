"""Holm's correction of several tests, and Hedges' g."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


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
