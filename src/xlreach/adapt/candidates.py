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

from xlreach.adapt.segmentation import Segmenter, count_words, ranked
from xlreach.adapt.unigram import train_unigram, with_pieces
from xlreach.adapt.wordpiece import longest_match, train_wordpiece
from xlreach.errors import DataError

# What the paper trains its proposing WordPiece with (select_wordpieces_for_injection, its published settings).
_WORDPIECE_SIZE, _MIN_FREQUENCY, _ALPHABET = 5000, 5, 1000
_UNIGRAM_SIZE = 20_000
_OTHER_LINES = 5_000  # of each other language, enough to see a piece fire
_ROUNDS = 8  # of refilling; what is still unwanted after them is left out

Cut = Callable[[str], "list[str] | None"]


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
    parts = {word: base.parts(word) for word in words}
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
    base: Segmenter, words: Counter[str], parts: Mapping[str, list[str]], propose: Cut, rule: str
) -> tuple[dict[str, float], dict[str, float]]:
    """By piece not in the base's vocabulary: the rule's score, and the plain frequency."""
    scores: Counter[str] = Counter()
    frequencies: Counter[str] = Counter()
    unknown = base.unknown
    for word, count in words.items():
        old = [token for part in parts[word] for token in base.cut(part)]
        cuts = [propose(part) for part in parts[word]]
        new = [piece for cut in cuts if cut for piece in cut if piece not in base.vocabulary]
        for piece in new:
            frequencies[piece] += count
        if rule == "unk":
            lost = sum(id_ == unknown for _, id_ in old)
            if lost > sum(cut is None for cut in cuts):
                strings = {piece for piece, id_ in old if id_ != unknown}
                for piece in new:
                    if piece not in strings:
                        scores[piece] += count
    if rule == "frequency":
        scores = frequencies
    elif rule == "fragmentation":
        scores = Counter({piece: count * (base.cost(piece) - 1) for piece, count in frequencies.items()})
    return dict(scores), dict(frequencies)


def _propose_wordpiece(words: Counter[str], parts: Mapping[str, list[str]]) -> Cut:
    counted: Counter[str] = Counter()
    for word, count in words.items():
        for part in parts[word]:
            counted[part] += count
    vocabulary = set(train_wordpiece(counted, _WORDPIECE_SIZE, _MIN_FREQUENCY, _ALPHABET))
    return lambda part: longest_match(part, vocabulary)


def _propose_unigram(base: Segmenter, files: list[Path]) -> Cut:
    model = train_unigram((base.normalize(line) for line in _lines(files)), _UNIGRAM_SIZE)
    return lambda part: model.encode(part.removeprefix("▁"), out_type=str)


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
