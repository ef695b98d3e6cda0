"""Trains a WordPiece vocabulary, deterministically.

The trainer of the `tokenizers` library gives other ids, and sometimes another order of ties, each time it runs. This
one makes the same merges (most frequent pair first, as in BPE; pieces inside a word marked `##`) and breaks ties by
code points. Merges are not kept: WordPiece splits words by longest match first, which needs the vocabulary only.

All words are in one array of symbols, linked to their neighbors. A merge changes all positions of its pair together,
and the counts of the pairs around them.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

PREFIX = "##"
_LONGEST_WORD = 100  # WordPiece itself calls longer ones unknown
_BASE = 1 << 24  # a pair of symbols as one number: first * _BASE + second
_GONE, _END = -2, -1  # symbols: merged into the previous one; the gap after a word

_Ints = NDArray[np.int64]
_NOWHERE: _Ints = np.zeros(0, dtype=np.int64)
_FIRST: _Ints = np.zeros(1, dtype=np.int64)


def train_wordpiece(words: Mapping[str, int], size: int, min_frequency: int, alphabet: int) -> list[str]:
    """Trains a vocabulary on normalized words without punctuation, with their counts.

    `size` is the largest number of pieces with the characters, of which the most frequent `alphabet` are kept; a pair
    must occur `min_frequency` times to be merged. Returns characters in code-point order, then merges in order.
    """
    if not any(words):
        return []
    codes, first, counts, short = _characters(words)
    kinds, kind = np.unique(codes, return_inverse=True)
    totals = np.bincount(kind, counts)
    kept = np.zeros(len(kinds), dtype=bool)
    kept[np.lexsort((kinds, -totals))[:alphabet]] = True
    use = kept[kind] & short
    pieces = [chr(code) for code in kinds]
    symbols = np.where(first, kind, kind + len(kinds))
    strings = [*pieces, *(PREFIX + piece for piece in pieces)]
    spelled = {strings[i] for i in np.unique(symbols[use])} | {pieces[i] for i in np.flatnonzero(kept)}
    start = sorted(spelled)
    merges = _Merges(symbols, use, np.cumsum(first) - 1, counts, strings)
    return start[:size] + merges.run(size - len(start), min_frequency, set(start))


def _characters(words: Mapping[str, int]) -> tuple[_Ints, NDArray[np.bool_], _Ints, NDArray[np.bool_]]:
    """For each character its code point, whether it begins a word, its word's count, and whether that word is short."""
    lengths = np.array([len(word) for word in words])
    codes = np.frombuffer("".join(words).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)
    first = np.zeros(len(codes), dtype=bool)
    first[np.cumsum(lengths[lengths > 0]) - lengths[lengths > 0]] = True
    counts = np.repeat(np.fromiter(words.values(), dtype=np.int64, count=len(words)), lengths)
    return codes, first, counts, np.repeat(lengths <= _LONGEST_WORD, lengths)


class _Merges:
    """The words as symbols, and the pairs in them with their positions.

    The positions of a pair may be out of date, and so may its count in the heap, which is then too large, never too
    small. So the first pair of the heap is counted again; if the count is that of the heap, it is the most frequent.
    Pairs too rare to be merged are not kept. They can become frequent only when another merge makes one of their
    symbols again (`abc` from `ab` + `##c`, after `a` + `##bc`), and then all pairs of that symbol are searched again.
    """

    def __init__(self, symbols: _Ints, use: NDArray[np.bool_], word: _Ints, counts: _Ints, strings: list[str]) -> None:
        position = np.cumsum(use) + word  # one gap before each word
        length = int(position[-1]) + 2
        self._symbol = np.full(length, _END)
        self._symbol[position[use]] = symbols[use]
        self._count = np.zeros(length, dtype=np.int64)
        self._count[position[use]] = counts[use]
        self._next, self._last = np.arange(1, length + 1), np.arange(-1, length - 1)
        self._strings = list(strings)
        self._ids = {string: i for i, string in enumerate(strings)}
        self._positions: dict[int, _Ints] = {}
        self._heap: list[tuple[int, str, str, int]] = []

    def run(self, most: int, min_frequency: int, vocabulary: set[str]) -> list[str]:
        """Merges until there are `most` new pieces or no pair is frequent enough; returns the new pieces."""
        left = np.flatnonzero((self._symbol[:-1] >= 0) & (self._symbol[1:] >= 0))
        self._add(left, min_frequency)
        merged: list[str] = []
        while self._heap and len(merged) < most:
            negative, a, b, pair = heapq.heappop(self._heap)
            at = self._positions_of(pair)
            count = int(self._count[at].sum())
            if count != -negative:
                if count >= min_frequency:
                    self._positions[pair] = at
                    heapq.heappush(self._heap, (-count, a, b, pair))
                continue
            piece = a + b.removeprefix(PREFIX)
            if piece not in vocabulary:
                vocabulary.add(piece)
                merged.append(piece)
            self._merge(pair, at, piece, min_frequency)
        return merged

    def _positions_of(self, pair: int) -> _Ints:
        """The present positions of a pair; in `aaa`, `a a` is at two."""
        at = self._positions.pop(pair, _NOWHERE)
        a, b = divmod(pair, _BASE)
        symbol = self._symbol
        return at[(symbol[at] == a) & (symbol[self._next[at]] == b)]

    def _merge(self, pair: int, at: _Ints, piece: str, min_frequency: int) -> None:
        a, b = divmod(pair, _BASE)
        new = self._ids.setdefault(piece, len(self._strings))
        symbol, after, before = self._symbol, self._next, self._last
        if a == b:
            at = self._apart(at)
        second = after[at]
        ahead = after[second]
        symbol[at], symbol[second] = new, _GONE
        after[at] = ahead
        before[ahead] = at
        if new == len(self._strings):
            self._strings.append(piece)
        else:
            at = np.flatnonzero(symbol == new)
        behind = before[at]
        # A position that is both before a new symbol and at one counts once.
        behind = behind[(symbol[behind] >= 0) & (symbol[behind] != new)]
        self._add(np.concatenate([behind, at[symbol[after[at]] >= 0]]), min_frequency)

    def _apart(self, at: _Ints) -> _Ints:
        """The positions at which a pair of a symbol with itself is merged, so that no two share a symbol."""
        chosen: list[int] = []
        for position in sorted(at.tolist()):
            if not chosen or self._next[chosen[-1]] != position:
                chosen.append(position)
        return np.array(chosen, dtype=np.int64)

    def _add(self, positions: _Ints, min_frequency: int) -> None:
        """Adds the pairs at these positions of their first symbols, which must be all positions of those pairs."""
        if not len(positions):
            return
        pairs = self._symbol[positions] * _BASE + self._symbol[self._next[positions]]
        order = pairs.argsort(kind="stable")
        pairs, positions = pairs[order], positions[order]
        bounds = np.concatenate([_FIRST, (pairs[1:] != pairs[:-1]).nonzero()[0] + 1, [len(pairs)]])
        sums = np.add.reduceat(self._count[positions], bounds[:-1])
        frequent = (sums >= min_frequency).nonzero()[0]
        starts = bounds[frequent]
        columns = (pairs[starts].tolist(), sums[frequent].tolist(), starts.tolist(), bounds[frequent + 1].tolist())
        for pair, count, start, end in zip(*columns, strict=True):
            self._positions[pair] = positions[start:end]
            heapq.heappush(self._heap, (-count, self._strings[pair // _BASE], self._strings[pair % _BASE], pair))
