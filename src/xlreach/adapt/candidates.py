"""Choosing new vocabulary: a second tokenizer, trained on the text, proposes pieces, and a rule ranks them.

The rules: `unk` counts the words with unknown pieces that a piece occurs in (Chau & Smith 2021); `fragmentation` counts
the base's pieces that it would save; `frequency` counts its occurrences. A Unigram choice is then tried out: Viterbi
may never use a piece, or may use it in text of other languages.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlreach.adapt.segmentation import Segmenter, count_words, ranked, text_lines
from xlreach.adapt.unigram import train_unigram, with_pieces
from xlreach.adapt.wordpiece import LongestMatch, train_wordpiece
from xlreach.errors import DataError

# The published settings of the paper's WordPiece that proposes pieces (select_wordpieces_for_injection).
_WORDPIECE_SIZE, _MIN_FREQUENCY, _ALPHABET = 5000, 5, 1000
_UNIGRAM_SIZE = 20_000
_OTHER_LINES = 5_000  # of each other language: enough to see that a piece is used
_ROUNDS = 8  # of replacing unwanted pieces; those that are left then are dropped

_Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Tokens:
    """Pretokens as tokens of a proposing tokenizer: `ids` into `pieces` (-1: unknown), and the pretoken of each."""

    pieces: list[str]
    ids: _Ints
    pretoken_ids: _Ints


_Propose = Callable[[list[str]], _Tokens]


@dataclass(frozen=True)
class Choice:
    """New pieces, the best first, and how many of them come from the rule (the rest are the most frequent others)."""

    pieces: tuple[str, ...]
    by_rule: int


def choose_pieces(base: Segmenter, files: Mapping[str, Path], others: Mapping[str, Path], n: int, rule: str) -> Choice:
    """Chooses the `n` best new pieces for a text by a rule, or fewer where the text does not give as many.

    With a Unigram tokenizer, text in `others` is tokenized as before.

    Raises:
        DataError: There is no text.
    """
    words = count_words(files[language] for language in sorted(files))
    if not words:
        raise DataError("There is no text to choose vocabulary from.", fix="Give text of the languages.")
    text = _Text(base, words)
    if base.kind == "WordPiece":
        propose = _propose_wordpiece(text)
    else:
        propose = _propose_unigram(base, [files[language] for language in sorted(files)])
    scores: Mapping[str, float]
    frequencies: Mapping[str, int] = {} if rule == "unk" else _frequencies(base, text, propose)
    if rule == "unk":
        scores = _words_made_known(base, text, propose)
    elif rule == "fragmentation":
        scores = {piece: count * (base.cost(piece) - 1) for piece, count in frequencies.items()}
    else:
        scores = frequencies
    new = [piece for piece in ranked(scores) if scores[piece] > 0]
    pool = [piece for piece in new if _may_be_added(piece, base)]
    if base.kind == "Unigram" or len(pool) < n:
        frequencies = frequencies or _frequencies(base, text, propose)
        padding = [piece for piece in ranked(frequencies) if piece not in scores or scores[piece] <= 0]
        pool += [piece for piece in padding if _may_be_added(piece, base)]
    if base.kind == "WordPiece":
        return Choice(tuple(pool[:n]), len(set(pool[:n]) & set(new)))
    missing = _missing_characters(base, text)[: n // 2]
    pool = [*missing, *(piece for piece in pool if piece not in set(missing))]
    chosen = _tried_out(base, pool, n, set(missing), text, others)
    return Choice(tuple(chosen), len(set(chosen) & {*new, *missing}))


class _Text:
    """The different words and pretokens of a text with their counts.

    `flat` and `word_ids` are parallel: the number of a pretoken, and of the word it stands in, in the order of words.
    """

    def __init__(self, base: Segmenter, words: Counter[str]) -> None:
        self.words = words
        by_word = base.pretokenize_all(list(words))
        number = {pretoken: i for i, pretoken in enumerate(dict.fromkeys(chain.from_iterable(by_word)))}
        lengths = list(map(len, by_word))
        self.flat = np.fromiter(map(number.__getitem__, chain.from_iterable(by_word)), np.int64, count=sum(lengths))
        self.word_ids = np.repeat(np.arange(len(words)), lengths)
        counts = np.fromiter(words.values(), np.int64, count=len(words))
        totals = np.bincount(self.flat, counts[self.word_ids], len(number)).astype(np.int64)
        self.pretokens: dict[str, int] = dict(zip(number, totals.tolist(), strict=True))


def _frequencies(base: Segmenter, text: _Text, propose: _Propose) -> dict[str, int]:
    """How often each proposed piece occurs that is not in the base's vocabulary."""
    tokens = propose(list(text.pretokens))
    known = tokens.ids >= 0
    counts = np.fromiter(text.pretokens.values(), np.int64, count=len(text.pretokens))
    totals = np.bincount(tokens.ids[known], counts[tokens.pretoken_ids[known]], len(tokens.pieces))
    by_piece = zip(tokens.pieces, totals.tolist(), strict=True)
    return {piece: int(total) for piece, total in by_piece if total > 0 and piece not in base.vocabulary}


def _words_made_known(base: Segmenter, text: _Text, propose: _Propose) -> Counter[str]:
    """How often each new piece occurs in a word that has fewer unknown pieces with the proposal than with the base.

    A piece that the base itself uses in the word does not count there (Chau & Smith 2021).
    """
    all_pretokens = list(text.pretokens)
    maybe_unknown = np.zeros(len(all_pretokens), dtype=bool)
    maybe_unknown[base.maybe_unknown(all_pretokens)] = True
    words = np.unique(text.word_ids[maybe_unknown[text.flat]])
    inside = np.isin(text.word_ids, words)
    used, flat = np.unique(text.flat[inside], return_inverse=True)
    word_ids = np.searchsorted(words, text.word_ids[inside])
    pretokens = [all_pretokens[i] for i in used]
    old, old_pretoken_ids = base.tokenize_all(pretokens)
    new = propose(pretokens)
    unknown_in = (old_pretoken_ids[old == base.unknown], new.pretoken_ids[new.ids < 0])
    old_unknown, new_unknown = (
        np.bincount(word_ids, np.bincount(unknown, minlength=len(pretokens))[flat], len(words))
        for unknown in unknown_in
    )
    scores: Counter[str] = Counter()
    all_words, bounds = list(text.words), np.searchsorted(word_ids, np.arange(len(words) + 1))
    before = _by_pretoken(old, old_pretoken_ids, len(pretokens))
    after = _by_pretoken(new.ids, new.pretoken_ids, len(pretokens))
    for i in np.flatnonzero(old_unknown > new_unknown):
        numbers = flat[bounds[i] : bounds[i + 1]].tolist()
        old_ids = {id_ for number in numbers for id_ in before(number) if id_ != base.unknown}
        old_pieces = {base.tokenizer.id_to_token(id_) for id_ in old_ids}
        for piece in (new.pieces[id_] for number in numbers for id_ in after(number) if id_ >= 0):
            if piece not in old_pieces and piece not in base.vocabulary:
                scores[piece] += text.words[all_words[words[i]]]
    return scores


def _by_pretoken(ids: _Ints, pretoken_ids: _Ints, count: int) -> Callable[[int], list[int]]:
    """A function that gives the ids of one pretoken, out of those of all."""
    flat, bounds = ids.tolist(), np.searchsorted(pretoken_ids, np.arange(count + 1)).tolist()
    return lambda number: flat[bounds[number] : bounds[number + 1]]


def _propose_wordpiece(text: _Text) -> _Propose:
    tokenize = LongestMatch(train_wordpiece(text.pretokens, _WORDPIECE_SIZE, _MIN_FREQUENCY, _ALPHABET))

    def propose(pretokens: list[str]) -> _Tokens:
        ids, pretoken_ids = tokenize(pretokens)
        return _Tokens(tokenize.pieces[1:], ids - 1, pretoken_ids)

    return propose


def _propose_unigram(base: Segmenter, files: list[Path]) -> _Propose:
    model = train_unigram((base.normalize(line) for line in text_lines(files)), _UNIGRAM_SIZE)

    def propose(pretokens: list[str]) -> _Tokens:
        encoded = model.encode([pretoken.removeprefix("▁") for pretoken in pretokens], out_type=str)
        number: dict[str, int] = {}
        ids = np.array([number.setdefault(piece, len(number)) for pieces in encoded for piece in pieces], np.int64)
        return _Tokens(list(number), ids, np.repeat(np.arange(len(pretokens)), list(map(len, encoded))))

    return propose


def _missing_characters(base: Segmenter, text: _Text) -> list[str]:
    """Characters of the text that a Unigram base does not know, the most frequent first.

    They precede all other pieces, up to half of the choice: without them, every word with such a character that is not
    itself a piece has an unknown piece and loses a letter.
    """
    counts: Counter[str] = Counter()
    for pretoken, count in text.pretokens.items():
        for character in pretoken:
            counts[character] += count
    unknown = {character for character in counts if base.unknown in base.old_ids(character)}
    return [character for character in ranked(counts) if character in unknown]


def _may_be_added(piece: str, base: Segmenter) -> bool:
    """Whether a piece is new, and has no punctuation inside a Unigram piece, which would join what taggers separate."""
    bare = piece.removeprefix("▁") if base.kind == "Unigram" else piece.removeprefix("##")
    if not bare or piece in base.vocabulary:
        return False
    return base.kind == "WordPiece" or len(bare) == 1 or not any(unicodedata.category(c)[0] in "PSZC" for c in bare)


def _tried_out(
    base: Segmenter,
    pool: list[str],
    n: int,
    missing: set[str],
    text: _Text,
    others: Mapping[str, Path],
) -> list[str]:
    """The first `n` of the pool that the augmented tokenizer uses on this text and not on text of other languages.

    Missing characters stay even where longer pieces cover them all: other text of the language needs them.
    """
    own = sorted(text.pretokens)
    foreign_words = set(count_words((others[language] for language in sorted(others)), _OTHER_LINES)) - set(text.words)
    foreign = sorted({pretoken for word in foreign_words for pretoken in base.pretokenize(word)})
    chosen, rejected = pool[:n], set()
    for _ in range(_ROUNDS):
        augmented = with_pieces(base, chosen)
        unwanted = _used(augmented, foreign) | (set(chosen) - _used(augmented, own) - missing)
        unwanted.intersection_update(chosen)
        if not unwanted:
            return chosen
        rejected |= unwanted
        kept = [piece for piece in chosen if piece not in unwanted]
        chosen = [piece for piece in pool if piece not in rejected][:n]
    return kept


def _used(segmenter: Segmenter, pretokens: Iterable[str]) -> set[str]:
    return {piece for pretoken in pretokens for piece, _ in segmenter.tokenize(pretoken)}
