from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest

from xlreach.adapt.wordpiece import train_wordpiece


def _counting_anew(words: Counter[str], size: int, least: int, alphabet: int) -> list[str]:
    """The same by the letter: all pairs counted again before each merge."""
    characters: Counter[str] = Counter()
    for word, count in words.items():
        for c in word:
            characters[c] += count
    kept = set(sorted(characters, key=lambda c: (-characters[c], c))[:alphabet])
    spelled = [
        ([c if i == 0 else "##" + c for i, c in enumerate(word) if c in kept], n)
        for word, n in words.items()
        if len(word) <= 100
    ]
    pieces = sorted({piece for one, _ in spelled for piece in one} | kept)
    room, merged = size - len(pieces), []
    while len(merged) < room:
        counts: Counter[tuple[str, str]] = Counter()
        for one, n in spelled:
            for pair in pairwise(one):
                counts[pair] += n
        best = min(counts, key=lambda pair: (-counts[pair], pair), default=None)
        if best is None or counts[best] < least:
            break
        piece = best[0] + best[1].removeprefix("##")
        if piece not in pieces and piece not in merged:
            merged.append(piece)
        for one, _ in spelled:
            i = 0
            while i + 1 < len(one):
                if (one[i], one[i + 1]) == best:
                    one[i : i + 2] = [piece]
                i += 1
    return pieces[:size] + merged


@pytest.mark.parametrize("seed", range(60))
def test_the_merges_are_those_of_counting_anew(seed: int) -> None:
    rng = random.Random(seed)
    letters = ("ab", "abcdé𝄞", "aoeuħż'")[seed % 3]
    longest = 12 if seed % 5 else 120
    words = Counter("".join(rng.choices(letters, k=rng.randint(1, longest))) for _ in range(rng.randint(1, 40)))
    options = rng.randint(3, 60), rng.randint(1, 5), rng.choice([2, 3, 100])
    assert train_wordpiece(words, *options) == _counting_anew(words, *options)


def test_no_words() -> None:
    assert train_wordpiece({}, 10, 1, 10) == [] == train_wordpiece({"": 3}, 10, 1, 10)
