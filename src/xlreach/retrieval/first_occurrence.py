"""Finds the row at which each text of a stream occurred first, with 24 bytes of memory per text.

A Python set takes six times as much: too much memory for tens of millions of passages. Hashes of 128 bits are kept in
sorted runs, and runs are merged as they grow (the logarithmic method of Bentley & Saxe 1980).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_LONGEST_RUN = 2**22  # merging two takes as much memory again; more runs only cost time


class FirstOccurrence:
    """The texts of a stream so far."""

    def __init__(self) -> None:
        self.count = 0
        self._runs: list[tuple[NDArray[np.bytes_], NDArray[np.int64]]] = []

    def first_rows(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Adds the next texts of the stream; returns the first row of each, which is its own if the text is new."""
        hashes = b"".join(
            hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts
        )
        keys, at, back = np.unique(np.frombuffer(hashes, "S16"), return_index=True, return_inverse=True)
        first = self.count + at.astype(np.int64)
        for earlier, rows in self._runs:
            at_earlier = np.minimum(np.searchsorted(earlier, keys), len(earlier) - 1)
            is_known = earlier[at_earlier] == keys
            first[is_known] = rows[at_earlier[is_known]]
        new = first >= self.count
        if new.any():
            self._runs.append((keys[new], first[new]))
        self.count += len(texts)
        self._merge()
        return first[back]

    def _merge(self) -> None:
        while len(self._runs) > 1 and len(self._runs[-2][0]) <= 2 * len(self._runs[-1][0]) <= _LONGEST_RUN:
            (keys_before, rows_before), (keys_after, rows_after) = self._runs[-2:]
            keys = np.concatenate([keys_before, keys_after])
            order = np.argsort(keys, kind="stable")
            self._runs[-2:] = [(keys[order], np.concatenate([rows_before, rows_after])[order])]
