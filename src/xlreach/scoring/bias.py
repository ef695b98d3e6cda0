"""Language bias where the documents of all languages are one pool: does a query find its answer in any language?

* Rank distance (Huang et al. 2023; Elmahdy, Lin and Ahmad 2024): the largest minus the smallest rank of a query's
  parallel relevant documents. It grows with the pool, so it is given divided by its largest possible value as well.
* Shares: how much of the top of the ranking is in each language, against that language's share of what is relevant.
  The shares at rank 1, question language by document language, are LAReQA's heat map.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlreach.scoring.measures import Floats, Judged


def rank_distance(judged: Judged) -> Floats:
    """Largest minus smallest rank of each query's relevant documents, over the full ranking, shape (queries,).

    0 for a query with one relevant document; NaN where a relevant document is not in the pool.
    """
    there = judged.grades > 0
    if there.shape[1] == 0:
        return np.zeros(len(there))
    largest = np.where(there, judged.ranks, -np.inf).max(1)
    smallest = np.where(there, judged.ranks, np.inf).min(1)
    known = np.isfinite(largest) & there.any(1)
    return np.where(known, np.where(known, largest, 0) - np.where(known, smallest, 0), np.nan)


def top_shares(languages: NDArray[np.int64], count: int, k: int) -> Floats:
    """Share of each language in each query's first `k` documents, shape (queries, languages).

    Args:
        languages: Language numbers by rank, shape (queries, depth); −1 where nothing was found.
        count: How many languages there are.
        k: The cutoff.
    """
    top = languages[:, :k]
    shares = np.stack([(top == one).sum(1) for one in range(count)], axis=1).astype(np.float64)
    found = (top >= 0).sum(1, keepdims=True)
    return np.divide(shares, found, out=np.zeros_like(shares), where=found > 0)


def relevant_shares(languages: NDArray[np.int64], grades: NDArray[np.int64], count: int) -> Floats:
    """Share of each language among each query's relevant documents, shape (queries, languages).

    Args:
        languages: Language numbers of the relevant documents, −1 where there is none; shape as `grades`.
        grades: Of `Judged`.
        count: How many languages there are.
    """
    there = (grades > 0) & (languages >= 0)
    shares = np.stack([(there & (languages == one)).sum(1) for one in range(count)], axis=1).astype(np.float64)
    total = there.sum(1, keepdims=True)
    return np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
