"""Language bias where the documents of all languages are one pool: does a query find its answer in any language?

* Rank distance (Huang et al. 2023; Elmahdy, Lin and Ahmad 2024): the largest minus the smallest rank of a query's
  parallel relevant documents. It grows with the pool, so it is also given divided by its largest possible value.
* Shares: how much of the top of the ranking is in each language, compared with its share of the relevant documents.
  The shares at rank 1, question language by document language, are LAReQA's heat map.
* PEER (Yang, Jänich, Mayfield and Lawrie 2024): the probability of the observed mean ranks of each language's documents
  if no language is preferred, by a Kruskal-Wallis test among documents of one level of relevance; 1 is fair. Given for
  the relevant documents and for the others. With one relevant document per language, as in parallel collections, the
  test statistic is a constant: only PEER of the other documents is informative there.
* Preference for the query's language: TLR@k, its share of the first k documents; and LPR and Lang-nDCG, which MLAIRE
  (Jang, Hong, Moon and Lim 2026, arXiv 2605.07249) proposes. The formulas of these three are this project's reading of
  the paper's summary, as written at `language_preference`; they need not give its figures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from xlreach.scoring.measures import Floats, RelevantRanks, compute, parse_measure


def rank_distance(judged: RelevantRanks) -> Floats:
    """Largest minus smallest rank of each query's relevant documents, over the full ranking, shape (queries,).

    0 for a query with one relevant document; NaN where a relevant document is not in the pool.
    """
    relevant = judged.grades > 0
    largest = np.where(relevant, judged.ranks, -np.inf).max(1, initial=-np.inf)
    smallest = np.where(relevant, judged.ranks, np.inf).min(1, initial=np.inf)
    return np.where(np.isfinite(largest), largest, np.nan) - smallest


def language_preference(judged: RelevantRanks, own: NDArray[np.bool_], cutoff: int) -> tuple[Floats, Floats]:
    """LPR and Lang-nDCG of each query, from which relevant documents are in its own language (`own`, as `ranks`).

    LPR is 1 where the first relevant document is one of them, else 0; NaN where no other language has any, or none is
    retrieved. Lang-nDCG is nDCG if only they gain. Both are NaN where there are none.
    """
    own = own & (judged.grades > 0)
    other = ~own & (judged.grades > 0)
    first, rival = (np.where(side, judged.ranks, np.inf).min(1, initial=np.inf) for side in (own, other))
    compared = own.any(1) & other.any(1) & np.isfinite(np.minimum(first, rival))
    gained = compute(parse_measure(f"nDCG@{cutoff}"), RelevantRanks(judged.ranks, np.where(own, judged.grades, 0)))
    return np.where(compared, first < rival, np.nan), np.where(own.any(1), gained, np.nan)


def language_shares(languages: NDArray[np.int64], count: int) -> Floats:
    """The share of each of `count` languages among each query's documents, shape (queries, languages).

    Args:
        languages: Language numbers, shape (queries, documents); −1 where there is no document.
    """
    sizes = np.stack([(languages == number).sum(1) for number in range(count)], axis=1).astype(np.float64)
    return sizes / np.maximum(sizes.sum(1, keepdims=True), 1)


def peer(ranks: Floats, languages: NDArray[np.int64], count: int, *, repeated: bool = False) -> Floats:
    """PEER of one level of relevance, for each query, shape (queries,).

    1 where all documents are in one language, NaN where there are none.

    Args:
        ranks: Of the documents of that level, shape (queries, documents).
        languages: Their language numbers, −1 where there is no document; same shape.
        repeated: Whether to give NaN where no language has two or more documents: the statistic is a constant there.
    """
    groups = [languages == number for number in range(count)]
    sizes = np.stack([group.sum(1) for group in groups], axis=1)
    sums = np.stack([np.where(group, ranks, 0).sum(1) for group in groups], axis=1)
    total = sizes.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums.sum(1) / total
        between = (np.where(sizes > 0, sums / sizes - mean[:, None], 0) ** 2 * sizes).sum(1)
        within = (np.where(languages >= 0, ranks - mean[:, None], 0) ** 2).sum(1)
        present = (sizes > 0).sum(1)
        chance = stats.chi2.sf((total - 1) * between / within, np.maximum(present - 1, 1))
    values = np.where((present < 2) | (within == 0), 1.0, chance)
    return np.where((total == 0) | (repeated & (sizes.max(1, initial=0) < 2)), np.nan, values)


def tied_beyond(judged: RelevantRanks, cutoff: int) -> Floats:
    """Ranks of the relevant documents; those beyond the cutoff all get the mean of the ranks that follow it."""
    missing = (judged.grades > 0) & (judged.ranks > cutoff)
    tied = cutoff + (missing.sum(1, keepdims=True) + 1) / 2
    return np.where(missing, tied, np.where(judged.grades > 0, judged.ranks, 0))
