"""Language bias where the documents of all languages are one pool: does a query find its answer in any language?

* Rank distance (Huang et al. 2023; Elmahdy, Lin and Ahmad 2024): the largest minus the smallest rank of a query's
  parallel relevant documents. It grows with the pool, so it is given divided by its largest possible value as well.
* Shares: how much of the top of the ranking is in each language, compared with its share of the relevant documents.
  The shares at rank 1, question language by document language, are LAReQA's heat map.
* PEER (Yang, Jänich, Mayfield and Lawrie 2024): how probable the mean ranks of the languages' documents are if no
  language is preferred, by a Kruskal-Wallis test among documents of one level of relevance; 1 is fair. Given for the
  relevant documents and for the others. With one relevant document in each language, as in parallel collections, the
  test statistic is a constant: only that of the others says something there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from xlreach.scoring.measures import Floats, RelevantRanks


def rank_distance(judged: RelevantRanks) -> Floats:
    """Largest minus smallest rank of each query's relevant documents, over the full ranking, shape (queries,).

    0 for a query with one relevant document; NaN where a relevant document is not in the pool.
    """
    there = judged.grades > 0
    if there.shape[1] == 0:
        return np.zeros(len(there))
    largest = np.where(there, judged.ranks, -np.inf).max(1)
    smallest = np.where(there, judged.ranks, np.inf).min(1)
    complete = np.isfinite(largest) & there.any(1)
    return np.where(complete, np.where(complete, largest, 0) - np.where(complete, smallest, 0), np.nan)


def top_shares(languages: NDArray[np.int64], count: int, k: int) -> Floats:
    """Share of each language in each query's first `k` documents, shape (queries, languages).

    Args:
        languages: Language numbers by rank, shape (queries, depth); −1 where nothing was found.
    """
    top = languages[:, :k]
    shares = np.stack([(top == number).sum(1) for number in range(count)], axis=1).astype(np.float64)
    total = (top >= 0).sum(1, keepdims=True)
    return np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)


def relevant_shares(languages: NDArray[np.int64], grades: NDArray[np.int64], count: int) -> Floats:
    """Share of each language among each query's relevant documents, shape (queries, languages).

    Args:
        languages: Language numbers of the relevant documents, −1 where there is none; shape as `grades`.
        grades: Of `RelevantRanks`.
    """
    there = (grades > 0) & (languages >= 0)
    shares = np.stack([(there & (languages == number)).sum(1) for number in range(count)], axis=1).astype(np.float64)
    total = there.sum(1, keepdims=True)
    return np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)


def peer(ranks: Floats, languages: NDArray[np.int64], count: int, *, twice: bool = False) -> Floats:
    """PEER of one level of relevance, for each query, shape (queries,).

    1 where all documents are in one language, NaN where there are none.

    Args:
        ranks: Of the documents of that level, shape (queries, documents).
        languages: Their language numbers, −1 where there is no document; same shape.
        twice: Whether to give NaN where no language has two documents or more: the statistic is a constant there.
    """
    of = [languages == number for number in range(count)]
    sizes = np.stack([there.sum(1) for there in of], axis=1)
    sums = np.stack([np.where(there, ranks, 0).sum(1) for there in of], axis=1)
    total = sizes.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums.sum(1) / total
        between = (np.where(sizes > 0, sums / sizes - mean[:, None], 0) ** 2 * sizes).sum(1)
        within = (np.where(languages >= 0, ranks - mean[:, None], 0) ** 2).sum(1)
        groups = (sizes > 0).sum(1)
        chance = stats.chi2.sf((total - 1) * between / within, np.maximum(groups - 1, 1))
    values = np.where((groups < 2) | (within == 0), 1.0, chance)
    return np.where((total == 0) | (twice & (sizes.max(1, initial=0) < 2)), np.nan, values)


def with_unfound(judged: RelevantRanks, cutoff: int) -> Floats:
    """Ranks of the relevant documents, those beyond the cutoff tied behind it at the mean of the ranks they share."""
    missing = (judged.grades > 0) & (judged.ranks > cutoff)
    tied = cutoff + (missing.sum(1, keepdims=True) + 1) / 2
    return np.where(missing, tied, np.where(judged.grades > 0, judged.ranks, 0))
