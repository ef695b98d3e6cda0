"""Which systems are not worse than the best, over seeds: the test of Chau and Smith (2021).

A one-sided paired t-test of the best system against each other one over the seeds that both were run with, at a level
that is divided by the number of tests (Bonferroni). With three seeds it tells little: t must exceed 4 or more, so many
systems are then marked as no worse, which is the truth about three seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

System = TypeVar("System")
LEVEL = 0.05


def not_worse(
    values: Mapping[System, Mapping[int | None, float]], best: System, *, lower_is_better: bool = False
) -> set[System]:
    """The systems that are not significantly worse than the best one, which is none of them; `values` are by seed.

    Returns:
        A system with fewer than two seeds in common with the best is not tested, and not returned.
    """
    pairs: dict[System, Sequence[float]] = {}
    for system, by_seed in values.items():
        common = [seed for seed in values[best] if seed is not None and seed in by_seed]
        if system != best and len(common) > 1:
            sign = -1.0 if lower_is_better else 1.0
            pairs[system] = [sign * (values[best][seed] - by_seed[seed]) for seed in common]
    return {system for system, lead in pairs.items() if paired_p(lead) >= LEVEL / len(pairs)}


def paired_p(differences: Sequence[float]) -> float:
    """One-sided p of a paired t-test: how likely a mean difference this large is where there is none."""
    from scipy.special import stdtr  # what t.sf of scipy.stats comes to, at a fiftieth of its time

    lead = np.asarray(differences, np.float64)
    error = lead.std(ddof=1) / math.sqrt(len(lead))
    if not error > 1e-9 * np.abs(lead).max():
        return 1.0  # without any spread there is nothing to test against
    return float(stdtr(len(lead) - 1, -lead.mean() / error))
