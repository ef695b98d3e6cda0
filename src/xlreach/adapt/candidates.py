"""Choosing new vocabulary: a second tokenizer of the text proposes pieces, a rule ranks them.

The rules: `unk` counts a piece where it stands in a word in which the base loses information (Chau & Smith 2021);
`fragmentation` counts the base's pieces that it would save; `frequency` just counts. A Unigram choice is then tried
out, because Viterbi may never pick a piece, or may pick it in text of other languages.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlreach.adapt.segmentation import Segmenter, count_words, ranked
from xlreach.adapt.unigram import train_unigram, with_pieces
from xlreach.adapt.wordpiece import LongestMatch, train_wordpiece
from xlreach.errors import DataError

# What the paper trains its proposing WordPiece with (select_wordpieces_for_injection, its published settings).
_WORDPIECE_SIZE, _MIN_FREQUENCY, _ALPHABET = 5000, 5, 1000
_UNIGRAM_SIZE = 20_000
_OTHER_LINES = 5_000  # of each other language, enough to see a piece fire
_ROUNDS = 8  # of refilling; what is still unwanted after them is left out

_Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Proposal:
    """How a proposing tokenizer cuts parts.

    For all pieces in order which one it is, and of which part; and of each part, how often nothing was known.
    """

    pieces: list[str]
    ids: _Ints
    owners: _Ints
    missed: _Ints


_Propose = Callable[[list[str]], _Proposal]


@dataclass(frozen=True)
class Choice:
    """New pieces, best first, and how many of them the rule itself gave (the rest were padded by frequency)."""

    pieces: tuple[str, ...]
    by_rule: int


def choose(base: Segmenter, files: Mapping[str, Path], others: Mapping[str, Path], n: int, rule: str) -> Choice:
    """The `n` best new pieces for a text, or fewer where the text does not have as many.

    Args:
        base: The tokenizer to be augmented.
        files: Text by language.
        others: Text by language that the new pieces should not touch; heeded by Unigram tokenizers.
        n: How many.
        rule: `unk`, `fragmentation` or `frequency`.

    Raises:
        DataError: There is no text.
    """
    words = count_words(files[language] for language in sorted(files))
    if not words:
        raise DataError("There is no text to choose vocabulary from.", fix="Give text of the languages.")
    parts = dict(zip(words, base.all_parts(list(words)), strict=True))
    if base.kind == "WordPiece":
        propose = _propose_wordpiece(words, parts)
    else:
        propose = _propose_unigram(base, [files[language] for language in sorted(files)])
    scores, frequencies = _score(base, words, parts, propose, rule)
    new = [piece for piece in ranked(scores) if scores[piece] > 0]
    padding = [piece for piece in ranked(frequencies) if piece not in scores or scores[piece] <= 0]
    pool = [piece for piece in (*new, *padding) if _may_be_added(piece, base)]
    if base.kind == "WordPiece":
        return Choice(tuple(pool[:n]), len(set(pool[:n]) & set(new)))
    missing = _missing_characters(base, words, parts)[: n // 2]
    pool = [*missing, *(piece for piece in pool if piece not in set(missing))]
    chosen = _tried_out(base, pool, n, set(missing), words, parts, others)
    return Choice(tuple(chosen), len(set(chosen) & {*new, *missing}))


def _score(
    base: Segmenter, words: Counter[str], parts: Mapping[str, list[str]], propose: _Propose, rule: str
) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """By piece not in the base's vocabulary: the rule's score, and the plain frequency."""
    number = {part: i for i, part in enumerate(dict.fromkeys(part for word in words for part in parts[word]))}
    flat = np.array([number[part] for word in words for part in parts[word]], dtype=np.int64)
    word_of = np.repeat(np.arange(len(words)), [len(parts[word]) for word in words])
    counts = np.fromiter(words.values(), dtype=np.int64, count=len(words))
    part_counts = np.bincount(flat, counts[word_of], len(number))
    proposed = propose(list(number))
    pieces, ids, owners = proposed.pieces, proposed.ids, proposed.owners
    is_new = np.array([piece not in base.vocabulary for piece in pieces], dtype=bool)
    totals = np.bincount(ids, part_counts[owners], len(pieces))
    frequencies = {pieces[i]: int(totals[i]) for i in np.flatnonzero(is_new & (totals > 0))}
    if rule == "frequency":
        return frequencies, frequencies
    if rule == "fragmentation":
        return {piece: count * (base.cost(piece) - 1) for piece, count in frequencies.items()}, frequencies
    old, old_owners = base.cut_all(list(number))
    unknown_before = np.bincount(old_owners[old == base.unknown], minlength=len(number))
    lost, missed = (np.bincount(word_of, of_part[flat], len(words)) for of_part in (unknown_before, proposed.missed))
    scores: Counter[str] = Counter()
    all_words, cuts = list(words), (_Cuts(old, old_owners, len(number)), _Cuts(ids, owners, len(number)))
    for at in np.flatnonzero(lost > missed):
        word = all_words[at]
        before, after = ([id_ for part in parts[word] for id_ in cut.of(number[part])] for cut in cuts)
        strings = {base.tokenizer.id_to_token(id_) for id_ in before if id_ != base.unknown}
        for id_ in after:
            if is_new[id_] and pieces[id_] not in strings:
                scores[pieces[id_]] += words[word]
    return scores, frequencies


class _Cuts:
    """The ids of each part, out of those of all."""

    def __init__(self, ids: _Ints, owners: _Ints, count: int) -> None:
        self._ids, self._bounds = ids.tolist(), np.searchsorted(owners, np.arange(count + 1)).tolist()

    def of(self, part: int) -> list[int]:
        return self._ids[self._bounds[part] : self._bounds[part + 1]]


def _propose_wordpiece(words: Counter[str], parts: Mapping[str, list[str]]) -> _Propose:
    counted: Counter[str] = Counter()
    for word, count in words.items():
        for part in parts[word]:
            counted[part] += count
    cut = LongestMatch(train_wordpiece(counted, _WORDPIECE_SIZE, _MIN_FREQUENCY, _ALPHABET))

    def propose(every: list[str]) -> _Proposal:
        ids, owners = cut(every)
        missed = np.bincount(owners[ids == 0], minlength=len(every))
        return _Proposal(cut.pieces, ids[ids > 0], owners[ids > 0], missed)

    return propose


def _propose_unigram(base: Segmenter, files: list[Path]) -> _Propose:
    model = train_unigram((base.normalize(line) for line in _lines(files)), _UNIGRAM_SIZE)

    def propose(every: list[str]) -> _Proposal:
        cuts = model.encode([part.removeprefix("▁") for part in every], out_type=str)
        number: dict[str, int] = {}
        ids = np.array([number.setdefault(piece, len(number)) for cut in cuts for piece in cut], dtype=np.int64)
        owners = np.repeat(np.arange(len(every)), [len(cut) for cut in cuts])
        return _Proposal(list(number), ids, owners, np.zeros(len(every), dtype=np.int64))

    return propose


def _missing_characters(base: Segmenter, words: Counter[str], parts: Mapping[str, list[str]]) -> list[str]:
    """Characters of the text that a Unigram base does not know, most frequent first.

    They come before all other pieces, up to half of the choice: without them every word that holds one and is not
    itself a piece keeps an unknown, and loses a letter.
    """
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for part in parts[word]:
            for character in part:
                counts[character] += count
    unknown = {character for character in counts if base.unknown in base.recut(character)}
    return [character for character in ranked(counts) if character in unknown]


def _may_be_added(piece: str, base: Segmenter) -> bool:
    """A Unigram piece with punctuation inside it would join what taggers keep apart."""
    bare = piece.removeprefix("▁") if base.kind == "Unigram" else piece.removeprefix("##")
    if not bare or piece in base.vocabulary:
        return False
    return base.kind == "WordPiece" or len(bare) == 1 or not any(unicodedata.category(c)[0] in "PSZC" for c in bare)


def _tried_out(
    base: Segmenter,
    pool: list[str],
    n: int,
    missing: set[str],
    words: Counter[str],
    parts: Mapping[str, list[str]],
    others: Mapping[str, Path],
) -> list[str]:
    """The first `n` of the pool that the augmented tokenizer uses on this text and not on text of other languages.

    Missing characters stay even where longer pieces cover them all: other text of the language will need them.
    """
    own = sorted({part for word in words for part in parts[word]})
    foreign_words = set(count_words((others[language] for language in sorted(others)), _OTHER_LINES)) - set(words)
    foreign = sorted({part for word in foreign_words for part in base.parts(word)})
    chosen, rejected = pool[:n], set()
    for _ in range(_ROUNDS):
        augmented = with_pieces(base, chosen)
        unwanted = _used(augmented, foreign) | (set(chosen) - _used(augmented, own) - missing)
        bad = unwanted.intersection(chosen)
        if not bad:
            return chosen
        rejected |= bad
        kept = [piece for piece in chosen if piece not in bad]
        chosen = [piece for piece in pool if piece not in rejected][:n]
    return kept


def _used(segmenter: Segmenter, parts: Iterable[str]) -> set[str]:
    return {piece for part in parts for piece, _ in segmenter.cut(part)}


def _lines(files: Iterable[Path]) -> Iterator[str]:
    for path in files:
        with path.open(encoding="utf-8") as stream:
            for line in stream:
                if stripped := line.strip():
                    yield stripped
