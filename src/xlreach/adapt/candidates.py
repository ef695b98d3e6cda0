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
from itertools import chain
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
class _Cuts:
    """Parts cut by a proposing tokenizer: for all pieces in order which one it is (-1: unknown), and of which part."""

    pieces: list[str]
    ids: _Ints
    owners: _Ints


_Propose = Callable[[list[str]], _Cuts]


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
    """The words of a text and their parts.

    Attributes:
        words: With how often each occurs.
        parts: Each different one, with how often it occurs.
        flat: For all parts of all words in order, which of `parts` it is.
        owners: Of which word.
    """

    def __init__(self, base: Segmenter, words: Counter[str]) -> None:
        self.words = words
        by_word = base.all_parts(list(words))
        number = {part: i for i, part in enumerate(dict.fromkeys(chain.from_iterable(by_word)))}
        lengths = [len(parts) for parts in by_word]
        self.flat = np.fromiter(map(number.__getitem__, chain.from_iterable(by_word)), np.int64, count=sum(lengths))
        self.owners = np.repeat(np.arange(len(words)), lengths)
        counts = np.fromiter(words.values(), np.int64, count=len(words))
        totals = np.bincount(self.flat, counts[self.owners], len(number)).astype(np.int64)
        self.parts: dict[str, int] = dict(zip(number, totals.tolist(), strict=True))


def _frequencies(base: Segmenter, text: _Text, propose: _Propose) -> dict[str, int]:
    """How often each proposed piece occurs that is not in the base's vocabulary."""
    cuts = propose(list(text.parts))
    known = cuts.ids >= 0
    counts = np.fromiter(text.parts.values(), np.int64, count=len(text.parts))
    totals = np.bincount(cuts.ids[known], counts[cuts.owners[known]], len(cuts.pieces))
    found = {piece: int(total) for piece, total in zip(cuts.pieces, totals.tolist(), strict=True) if total > 0}
    return {piece: total for piece, total in found.items() if piece not in base.vocabulary}


def _words_made_known(base: Segmenter, text: _Text, propose: _Propose) -> Counter[str]:
    """How often each new piece stands in a word that has fewer unknown pieces by the proposal than by the base.

    A piece that the base's own cut of the word holds does not count there (Chau & Smith 2021).
    """
    parts = list(text.parts)
    doubtful = np.zeros(len(parts), dtype=bool)
    doubtful[base.doubtful(parts)] = True
    words = np.unique(text.owners[doubtful[text.flat]])
    inside = np.isin(text.owners, words)
    used, flat = np.unique(text.flat[inside], return_inverse=True)
    owners = np.searchsorted(words, text.owners[inside])
    mine = [parts[i] for i in used]
    old, old_owners = base.cut_all(mine)
    new = propose(mine)
    of_parts = (old_owners[old == base.unknown], new.owners[new.ids < 0])
    lost, missed = (
        np.bincount(owners, np.bincount(unknown, minlength=len(mine))[flat], len(words)) for unknown in of_parts
    )
    scores: Counter[str] = Counter()
    all_words, at = list(text.words), np.searchsorted(owners, np.arange(len(words) + 1))
    before, after = (_Grouped(*cut, len(mine)) for cut in ((old, old_owners), (new.ids, new.owners)))
    for i in np.flatnonzero(lost > missed):
        here = flat[at[i] : at[i + 1]].tolist()
        strings = {base.tokenizer.id_to_token(id_) for part in here for id_ in before.of(part) if id_ != base.unknown}
        for piece in (new.pieces[id_] for part in here for id_ in after.of(part) if id_ >= 0):
            if piece not in strings and piece not in base.vocabulary:
                scores[piece] += text.words[all_words[words[i]]]
    return scores


class _Grouped:
    """The ids of each part, out of those of all."""

    def __init__(self, ids: _Ints, owners: _Ints, count: int) -> None:
        self._ids, self._bounds = ids.tolist(), np.searchsorted(owners, np.arange(count + 1)).tolist()

    def of(self, part: int) -> list[int]:
        return self._ids[self._bounds[part] : self._bounds[part + 1]]


def _propose_wordpiece(text: _Text) -> _Propose:
    cut = LongestMatch(train_wordpiece(text.parts, _WORDPIECE_SIZE, _MIN_FREQUENCY, _ALPHABET))

    def propose(parts: list[str]) -> _Cuts:
        ids, owners = cut(parts)
        return _Cuts(cut.pieces[1:], ids - 1, owners)

    return propose


def _propose_unigram(base: Segmenter, files: list[Path]) -> _Propose:
    model = train_unigram((base.normalize(line) for line in _lines(files)), _UNIGRAM_SIZE)

    def propose(parts: list[str]) -> _Cuts:
        cuts = model.encode([part.removeprefix("▁") for part in parts], out_type=str)
        number: dict[str, int] = {}
        ids = np.array([number.setdefault(piece, len(number)) for cut in cuts for piece in cut], dtype=np.int64)
        owners = np.repeat(np.arange(len(parts)), [len(cut) for cut in cuts])
        return _Cuts(list(number), ids, owners)

    return propose


def _missing_characters(base: Segmenter, text: _Text) -> list[str]:
    """Characters of the text that a Unigram base does not know, most frequent first.

    They come before all other pieces, up to half of the choice: without them every word that holds one and is not
    itself a piece keeps an unknown, and loses a letter.
    """
    counts: Counter[str] = Counter()
    for part, count in text.parts.items():
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
    text: _Text,
    others: Mapping[str, Path],
) -> list[str]:
    """The first `n` of the pool that the augmented tokenizer uses on this text and not on text of other languages.

    Missing characters stay even where longer pieces cover them all: other text of the language will need them.
    """
    own = sorted(text.parts)
    foreign_words = set(count_words((others[language] for language in sorted(others)), _OTHER_LINES)) - set(text.words)
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
