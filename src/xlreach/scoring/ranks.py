"""Exact ranks of the relevant documents, and the top of the ranking, from blocks of the score matrix.

A full ranking of LAReQA's pool is 13,090 × 13,014 rows. The measures need only the ranks of eleven relevant documents
per query, and the first few documents. Equal scores are ordered as trec_eval orders them: by document id, last first.
Score and id together are packed into one integer, the key, so that keys are distinct and sort as the ranking does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.int64]
Scores = NDArray[np.float32]

_LOW = np.int64(0xFFFFFFFF)


def tie_places(ids: list[str]) -> NDArray[np.int64]:
    """The position of each document among equal scores, from 0: ids in descending order of their characters."""
    places = np.empty(len(ids), np.int64)
    places[sorted(range(len(ids)), key=ids.__getitem__, reverse=True)] = np.arange(len(ids))
    return places


def order_keys(scores: Scores, places: NDArray[np.int64]) -> Keys:
    """Integers that sort as the ranking does, the best document's the largest.

    Args:
        scores: Any shape, without NaN.
        places: From `tie_places`, broadcast against `scores`.
    """
    return (_ordered(scores) << np.int64(32)) | (_LOW - places)


def key_places(keys: Keys) -> NDArray[np.int64]:
    """The `places` that went into the keys."""
    return _LOW - (keys & _LOW)


def key_scores(keys: Keys) -> Scores:
    """The scores that went into the keys; −0 comes back as 0."""
    return _unordered(keys >> np.int64(32))


def ranks_among(keys: Keys, rising: Keys) -> NDArray[np.float64]:
    """The rank, from 1, of each key among a row of keys that it is one of.

    Args:
        keys: Shape (queries, relevant).
        rising: The keys of all documents in ascending order, shape (queries, documents).
    """
    ranks = np.empty(keys.shape)
    for row, (wanted, in_order) in enumerate(zip(keys, rising, strict=True)):
        ranks[row] = len(in_order) - in_order.searchsorted(wanted)
    return ranks


def untie(scores: Scores) -> Scores:
    """Makes each row strictly descending: moves equal scores apart by the smallest steps of float32.

    Tools differ in how they order equal scores; without them, all tools see the same ranking.

    Args:
        scores: Shape (queries, depth), each row in descending order.
    """
    steps = np.arange(scores.shape[1], dtype=np.int64)
    return _unordered(np.minimum.accumulate(_ordered(scores) + steps, axis=1) - steps)


def _ordered(scores: Scores) -> Keys:
    """float32 as integers in the same order; neighboring floats differ by one, −0 is 0."""
    bits = np.asarray(scores, np.float32).view(np.int32)
    magnitude = (bits & np.int32(0x7FFFFFFF)).astype(np.int64)
    return np.where(bits < 0, -magnitude, magnitude)


def _unordered(values: Keys) -> Scores:
    return np.copysign(np.abs(values).astype(np.int32).view(np.float32), values.astype(np.float32))
