"""Near-duplicates: texts that share most of their character n-grams with a reference text (Broder 1997).

Character n-grams of letters need no word boundaries, so text without spaces is treated like any other, and spacing,
punctuation and case make no difference. Memory is bounded: beyond a limit only n-grams whose hash is in a fixed
fraction of all hashes are kept, the same ones in every text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

_LETTERS = 5  # in an n-gram
_SHARED = 0.7  # of the n-grams of the shorter text
_LEAST = 16  # n-grams that a text must have to be compared; shorter ones often agree by chance
_MOST = 20_000_000  # n-grams kept: 240 MB
_COMPARED = 4_000_000  # matching n-grams that are handled together
_BLOCK = 2_000
_FACTOR, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


class NearDuplicates:
    """The n-grams of reference texts, streamed in their `clean_text.normal_form`; at most `most` of them are kept."""

    def __init__(self, forms: Iterable[str], most: int = _MOST) -> None:
        self._one_in = np.uint64(1)
        hashes: list[NDArray[np.uint64]] = []
        text_ids: list[NDArray[np.int64]] = []
        stream, count, held = iter(forms), 0, 0
        while part := list(islice(stream, _BLOCK)):
            hashed, text_id = self._ngrams(part)
            hashes.append(hashed)
            text_ids.append(text_id + count)
            count, held = count + len(part), held + len(hashed)
            while held > most:
                self._one_in *= np.uint64(2)
                kept = [block % self._one_in == 0 for block in hashes]
                hashes = [block[keep] for block, keep in zip(hashes, kept, strict=True)]
                text_ids = [block[keep] for block, keep in zip(text_ids, kept, strict=True)]
                held = sum(map(len, hashes))
        all_hashes = np.concatenate([np.empty(0, np.uint64), *hashes])
        all_text_ids = np.concatenate([np.empty(0, np.int64), *text_ids])
        order = np.argsort(all_hashes, kind="stable")
        self._hashes, self._text_ids = all_hashes[order], all_text_ids[order].astype(np.int32)
        self._sizes = np.bincount(all_text_ids, minlength=count)

    def near(self, forms: Sequence[str]) -> NDArray[np.bool_]:
        """Whether each text shares seven tenths of the n-grams of the shorter one with some reference text.

        Texts and reference texts of fewer than 20 letters are near nothing.
        """
        is_near = np.zeros(len(forms), dtype=np.bool_)
        if not len(self._hashes) or not forms:
            return is_near
        hashed, text_id = self._ngrams(forms)
        first = np.searchsorted(self._hashes, hashed, "left")
        times = np.searchsorted(self._hashes, hashed, "right") - first
        if times.sum() > _COMPARED and len(forms) > 1:
            half = len(forms) // 2
            return np.concatenate([self.near(forms[:half]), self.near(forms[half:])])
        behind = np.cumsum(times)
        where = np.arange(times.sum()) + np.repeat(first - behind + times, times)
        pairs, shared = np.unique(
            np.repeat(text_id, times) * len(self._sizes) + self._text_ids[where], return_counts=True
        )
        text, reference = np.divmod(pairs, len(self._sizes))
        shorter = np.minimum(np.bincount(text_id, minlength=len(forms))[text], self._sizes[reference])
        is_near[text[(shorter >= _LEAST) & (shared >= _SHARED * shorter)]] = True
        return is_near

    def _ngrams(self, forms: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Hashes of the different n-grams of each text, and the number of that text."""
        letters = np.frombuffer("".join(forms).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
        text_ids = np.repeat(np.arange(len(forms)), [len(form) for form in forms])
        count = max(0, len(letters) - _LETTERS + 1)
        hashed = np.zeros(count, dtype=np.uint64)
        for at in range(_LETTERS if count else 0):
            hashed = hashed * _FACTOR + letters[at : at + count]
        hashed ^= hashed >> np.uint64(31)
        hashed *= _MIX
        hashed ^= hashed >> np.uint64(29)
        within = text_ids[:count] == text_ids[len(letters) - count :]
        within &= hashed % self._one_in == 0
        hashed, text_ids = hashed[within], text_ids[:count][within]
        order = np.lexsort((hashed, text_ids))
        hashed, text_ids = hashed[order], text_ids[order]
        new = np.ones(len(hashed), dtype=np.bool_)
        new[1:] = (hashed[1:] != hashed[:-1]) | (text_ids[1:] != text_ids[:-1])
        return hashed[new], text_ids[new]
