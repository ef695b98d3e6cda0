"""Training a WordPiece vocabulary, deterministically.

The trainer of the `tokenizers` library gives other ids, and sometimes another order of ties, each time it runs. This
one makes the same merges (most frequent pair first, as in BPE; pieces inside a word marked `##`) and breaks ties by
code points. No dropout, no merges file: only the vocabulary is of use to WordPiece's longest-match-first.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise

PREFIX = "##"
_LONGEST_WORD = 100  # WordPiece itself calls longer ones unknown


def train_wordpiece(words: Mapping[str, int], size: int, min_frequency: int, alphabet: int) -> list[str]:
    """A vocabulary for words with their counts.

    Args:
        words: Already normalized and split off punctuation.
        size: Most pieces, characters included.
        min_frequency: A pair must occur this often to be merged.
        alphabet: Most characters; the rarest are left out.

    Returns:
        Characters in code-point order, then merges in order.
    """
    characters: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            characters[character] += count
    kept = set(sorted(characters, key=lambda c: (-characters[c], c))[:alphabet])
    spelled = [
        ([c if i == 0 else PREFIX + c for i, c in enumerate(word) if c in kept], count)
        for word, count in sorted(words.items())
        if len(word) <= _LONGEST_WORD
    ]
    pieces = sorted({piece for spelling, _ in spelled for piece in spelling} | kept)
    return pieces[:size] + _merges(spelled, size - len(pieces), min_frequency, set(pieces))


def longest_match(word: str, vocabulary: set[str]) -> list[str] | None:
    """WordPiece's segmentation, or None where it would be unknown."""
    pieces, start = [], 0
    while start < len(word):
        mark = PREFIX if start else ""
        for end in range(len(word), start, -1):
            if mark + word[start:end] in vocabulary:
                pieces.append(mark + word[start:end])
                start = end
                break
        else:
            return None
    return pieces


def _merges(spelled: list[tuple[list[str], int]], most: int, min_frequency: int, known: set[str]) -> list[str]:
    counts: Counter[tuple[str, str]] = Counter()
    where: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for index, (spelling, count) in enumerate(spelled):
        for pair in pairwise(spelling):
            counts[pair] += count
            where[pair].add(index)
    heap = [(-count, pair) for pair, count in counts.items() if count >= min_frequency]
    heapq.heapify(heap)
    merged: list[str] = []
    while heap and len(merged) < most:
        negative, pair = heapq.heappop(heap)
        if counts[pair] != -negative:  # outdated: it came back with its present count if that is large enough
            continue
        piece = pair[0] + pair[1].removeprefix(PREFIX)
        if piece not in known:
            known.add(piece)
            merged.append(piece)
        changed: set[tuple[str, str]] = set()
        for index in where.pop(pair):
            spelling, count = spelled[index]
            before = list(pairwise(spelling))
            spelling[:] = _join(spelling, pair, piece)
            after = list(pairwise(spelling))
            for old in before:
                counts[old] -= count
            for new in after:
                counts[new] += count
                where[new].add(index)
            changed.update(before, after)
        for one in changed:
            if counts[one] >= min_frequency and one != pair:
                heapq.heappush(heap, (-counts[one], one))
    return merged


def _join(spelling: list[str], pair: tuple[str, str], piece: str) -> list[str]:
    joined, i = [], 0
    while i < len(spelling):
        if i + 1 < len(spelling) and (spelling[i], spelling[i + 1]) == pair:
            joined.append(piece)
            i += 2
        else:
            joined.append(spelling[i])
            i += 1
    return joined
