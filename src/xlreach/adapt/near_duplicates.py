"""Near-duplicates: which texts share most of their character n-grams with one of a set of texts (Broder 1997).

Character n-grams of letters alone need no word boundaries, so text without spaces is treated like any other, and
spacing, punctuation and case hide nothing. Memory is bounded: beyond a limit only n-grams whose hash falls into a
fixed fraction of all hashes are kept, the same ones in every text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

_LETTERS = 5  # in an n-gram
_SHARED = 0.7  # of the n-grams of the shorter text
_LEAST = 16  # n-grams that a text must have to be compared: chance agreements are common among shorter ones
_MOST = 20_000_000  # n-grams kept: 240 MB
_COMPARED = 4_000_000  # agreements looked at in one go
_AT_ONCE = 2_000
_FACTOR, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


class NearDuplicates:
    """The n-grams of reference texts.

    Args:
        forms: The texts in their `clean_text.normal_form`, streamed; none should come twice.
        most: How many n-grams are kept.
    """

    def __init__(self, forms: Iterable[str], most: int = _MOST) -> None:
        self._one_in = np.uint64(1)
        hashes: list[NDArray[np.uint64]] = []
        owners: list[NDArray[np.int64]] = []
        stream, count, held = iter(forms), 0, 0
        while block := list(islice(stream, _AT_ONCE)):
            hashed, owner = self._ngrams(block)
            hashes.append(hashed)
            owners.append(owner + count)
            count, held = count + len(block), held + len(hashed)
            while held > most:
                self._one_in *= np.uint64(2)
                kept = [one % self._one_in == 0 for one in hashes]
                hashes = [one[keep] for one, keep in zip(hashes, kept, strict=True)]
                owners = [one[keep] for one, keep in zip(owners, kept, strict=True)]
                held = sum(map(len, hashes))
        all_hashes = np.concatenate([np.empty(0, np.uint64), *hashes])
        all_owners = np.concatenate([np.empty(0, np.int64), *owners])
        order = np.argsort(all_hashes, kind="stable")
        self._hashes, self._owners = all_hashes[order], all_owners[order].astype(np.int32)
        self._sizes = np.bincount(all_owners, minlength=count)

    def near(self, forms: Sequence[str]) -> NDArray[np.bool_]:
        """For each text, whether it and some reference text share seven tenths of the n-grams of the shorter one.

        Texts of fewer than 20 letters are near nothing, and no text is near a reference text of fewer.
        """
        found = np.zeros(len(forms), dtype=np.bool_)
        if not len(self._hashes) or not forms:
            return found
        hashed, owner = self._ngrams(forms)
        first = np.searchsorted(self._hashes, hashed, "left")
        times = np.searchsorted(self._hashes, hashed, "right") - first
        if times.sum() > _COMPARED and len(forms) > 1:
            half = len(forms) // 2
            return np.concatenate([self.near(forms[:half]), self.near(forms[half:])])
        behind = np.cumsum(times)
        where = np.arange(times.sum()) + np.repeat(first - behind + times, times)
        pairs, shared = np.unique(np.repeat(owner, times) * len(self._sizes) + self._owners[where], return_counts=True)
        text, reference = np.divmod(pairs, len(self._sizes))
        shorter = np.minimum(np.bincount(owner, minlength=len(forms))[text], self._sizes[reference])
        found[text[(shorter >= _LEAST) & (shared >= _SHARED * shorter)]] = True
        return found

    def _ngrams(self, forms: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Hashes of the different n-grams of each text, and the place of that text."""
        letters = np.frombuffer("".join(forms).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
        places = np.repeat(np.arange(len(forms)), [len(form) for form in forms])
        count = max(0, len(letters) - _LETTERS + 1)
        hashed = np.zeros(count, dtype=np.uint64)
        for at in range(_LETTERS if count else 0):
            hashed = hashed * _FACTOR + letters[at : at + count]
        hashed ^= hashed >> np.uint64(31)
        hashed *= _MIX
        hashed ^= hashed >> np.uint64(29)
        within = places[:count] == places[len(letters) - count :]
        within &= hashed % self._one_in == 0
        hashed, places = hashed[within], places[:count][within]
        order = np.lexsort((hashed, places))
        hashed, places = hashed[order], places[order]
        new = np.ones(len(hashed), dtype=np.bool_)
        new[1:] = (hashed[1:] != hashed[:-1]) | (places[1:] != places[:-1])
        return hashed[new], places[new]
