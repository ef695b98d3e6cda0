"""Exact ranks of the relevant documents, and the top of the ranking, from blocks of the score matrix.

A full ranking of LAReQA's pool is 13,090 × 13,014 rows; what the measures need of it are the places of eleven
documents a query, and the first few. Equal scores are ordered as trec_eval orders them, by document id, last first; a
(score, document) that is to be kept becomes one integer, its key, that orders so.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.int64]
Scores = NDArray[np.float32]

_LOW = np.int64(0xFFFFFFFF)
NOTHING = np.iinfo(np.int64).min
"""The key of no document: below every other."""


def tie_places(ids: list[str]) -> NDArray[np.int64]:
    """For each document its place among equal scores, from 0: ids in descending order of their characters."""
    places = np.empty(len(ids), np.int64)
    places[sorted(range(len(ids)), key=ids.__getitem__, reverse=True)] = np.arange(len(ids))
    return places


def order_keys(scores: Scores, places: NDArray[np.int64]) -> Keys:
    """Integers that order as the ranking does, the best the largest.

    Args:
        scores: Any shape.
        places: Of `tie_places`, broadcast against `scores`.
    """
    return (_ordered(scores) << np.int64(32)) | (_LOW - places)


def key_places(keys: Keys) -> NDArray[np.int64]:
    """The places that went into keys."""
    return _LOW - (keys & _LOW)


def key_scores(keys: Keys) -> Scores:
    """The scores that went into keys."""
    return _unordered(keys >> np.int64(32))


def rank_columns(
    scores: Scores, rising: Scores, places: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The ranks of given documents in full rankings, looked up in sorted rows; only ties are counted by comparing.

    Args:
        scores: Shape (queries, documents), without NaN.
        places: Of `tie_places`, shape (documents,).
        columns: Shape (queries, relevant), −1 where there is none.

    Returns:
        Ranks from 1, infinite where there is none; the shape of `columns`.
    """
    ranks = np.full(columns.shape, np.inf)
    present = columns >= 0
    own_scores = np.take_along_axis(scores, np.maximum(columns, 0), axis=1)
    for row, in_order in enumerate(rising):
        wanted = np.flatnonzero(present[row])
        if len(wanted) == 0:
            continue
        below = in_order.searchsorted(own_scores[row, wanted], "left")
        not_above = in_order.searchsorted(own_scores[row, wanted], "right")
        ranks[row, wanted] = len(in_order) - not_above + 1
        tied = wanted[not_above - below > 1]
        for score in np.unique(own_scores[row, tied]):
            tied_here = tied[own_scores[row, tied] == score]
            by_place = np.sort(places[scores[row] == score])
            ranks[row, tied_here] += by_place.searchsorted(places[columns[row, tied_here]])
    return ranks


def best_keys(scores: Scores, rising: Scores, places: NDArray[np.int64], depth: int) -> Keys:
    """The keys of the `depth` best of each row, best first; `NOTHING` for documents of score −∞.

    Args:
        scores: Shape (queries, documents), without NaN.
        places: Of `tie_places`, shape (documents,).
        depth: How many; at most all there are.
    """
    width = scores.shape[1]
    depth = min(depth, width)
    if depth == 0:
        return np.zeros((len(scores), 0), np.int64)
    # With all that tie with the last: which of them it is is a matter of ids.
    rows, columns = np.nonzero(scores >= rising[:, width - depth, None])
    counts = np.bincount(rows, minlength=len(scores))
    keys = np.full((len(scores), int(counts.max(initial=0))), NOTHING)
    best = scores[rows, columns]
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    keys[rows, np.arange(len(rows)) - starts] = np.where(best == -np.inf, NOTHING, order_keys(best, places[columns]))
    return top_keys(keys, depth)


def top_keys(keys: Keys, depth: int) -> Keys:
    """The `depth` best keys of each row, best first."""
    width = keys.shape[1]
    if depth < width:
        keys = np.partition(keys, width - depth, axis=1)[:, width - depth :]
    return np.sort(keys, axis=1)[:, ::-1]


def untie(scores: Scores) -> Scores:
    """Scores that fall strictly along each row, by moving ties apart by the smallest steps that float32 has.

    Tools differ in how they order equal scores; a run without them is one ranking to all.

    Args:
        scores: Shape (queries, depth), each row falling.
    """
    steps = np.arange(scores.shape[1], dtype=np.int64)
    return _unordered(np.minimum.accumulate(_ordered(scores) + steps, axis=1) - steps)


def _ordered(scores: Scores) -> Keys:
    """float32 as integers of the same order, one apart for neighbours; −0 is 0."""
    bits = np.asarray(scores, np.float32).view(np.int32)
    magnitude = (bits & np.int32(0x7FFFFFFF)).astype(np.int64)
    return np.where(bits < 0, -magnitude, magnitude)


def _unordered(values: Keys) -> Scores:
    return np.copysign(np.abs(values).astype(np.int32).view(np.float32), values.astype(np.float32))
