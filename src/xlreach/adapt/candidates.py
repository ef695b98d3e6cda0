"""Choosing new vocabulary: a second tokenizer, trained on the text, proposes pieces, and a rule ranks them.

The rules: `unk` counts the words with unknown pieces that a piece occurs in (Chau & Smith 2021); `fragmentation` counts
the base's pieces that it would save; `frequency` counts its occurrences. A Unigram choice is then tried out: Viterbi
may never use a piece, or may use it in text of other languages.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tokenizers.models import WordPiece

from xlreach.adapt.segmentation import Segmenter, count_words, ranked, text_lines
from xlreach.adapt.unigram import train_unigram, with_pieces
from xlreach.adapt.wordpiece import train_wordpiece
from xlreach.errors import DataError

# The published settings of the paper's WordPiece that proposes pieces (select_wordpieces_for_injection).
_WORDPIECE_SIZE, _MIN_FREQUENCY, _ALPHABET = 5000, 5, 1000
_UNIGRAM_SIZE = 20_000
_OTHER_LINES = 5_000  # of each other language: enough to see that a piece is used
_ROUNDS = 8  # of replacing unwanted pieces; those that are left then are dropped

_UNKNOWN = "[UNK]"  # of the proposing WordPiece

_Pieces = Mapping[str, list[str]]  # by pretoken: what the proposing tokenizer makes of it


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
        proposed = _propose_wordpiece(text)
    else:
        proposed = _propose_unigram(base, text, [files[language] for language in sorted(files)])
    scores: Mapping[str, float]
    frequencies = _frequencies(base, text, proposed)
    if rule == "unk":
        scores = _words_made_known(base, text, proposed)
    elif rule == "fragmentation":
        scores = {piece: count * (base.cost(piece) - 1) for piece, count in frequencies.items()}
    else:
        scores = frequencies
    new = [piece for piece in ranked(scores) if scores[piece] > 0]
    pool = [piece for piece in new if _may_be_added(piece, base)]
    if base.kind == "Unigram" or len(pool) < n:
        padding = [piece for piece in ranked(frequencies) if piece not in scores or scores[piece] <= 0]
        pool += [piece for piece in padding if _may_be_added(piece, base)]
    if base.kind == "WordPiece":
        return Choice(tuple(pool[:n]), len(set(pool[:n]) & set(new)))
    missing = _missing_characters(base, text)[: n // 2]
    pool = [*missing, *(piece for piece in pool if piece not in set(missing))]
    chosen = _tried_out(base, pool, n, set(missing), text, others)
    return Choice(tuple(chosen), len(set(chosen) & {*new, *missing}))


class _Text:
    """The different words of a text, and the pretokens that the base splits them into, with their counts."""

    def __init__(self, base: Segmenter, words: Counter[str]) -> None:
        self.words = words
        self.by_word = {word: base.pretokenize(word) for word in words}
        self.pretokens: Counter[str] = Counter()
        for word, pretokens in self.by_word.items():
            for pretoken in pretokens:
                self.pretokens[pretoken] += words[word]


def _frequencies(base: Segmenter, text: _Text, proposed: _Pieces) -> Counter[str]:
    """How often each proposed piece occurs that is not in the base's vocabulary."""
    counts: Counter[str] = Counter()
    for pretoken, pieces in proposed.items():
        for piece in pieces:
            counts[piece] += text.pretokens[pretoken]
    return Counter({p: count for p, count in counts.items() if p != _UNKNOWN and p not in base.vocabulary})


def _words_made_known(base: Segmenter, text: _Text, proposed: _Pieces) -> Counter[str]:
    """How often each new piece occurs in a word that has fewer unknown pieces with the proposal than with the base.

    A piece that the base itself uses in the word does not count there (Chau & Smith 2021).
    """
    scores: Counter[str] = Counter()
    tokens = {pretoken: base.tokenize(pretoken) for pretoken in text.pretokens}
    for word, pretokens in text.by_word.items():
        old = [token for pretoken in pretokens for token in tokens[pretoken]]
        new = [piece for pretoken in pretokens for piece in proposed[pretoken]]
        if sum(id_ == base.unknown for _, id_ in old) > new.count(_UNKNOWN):
            not_new = {_UNKNOWN, *(piece for piece, id_ in old if id_ != base.unknown)}
            for piece in new:
                if piece not in not_new and piece not in base.vocabulary:
                    scores[piece] += text.words[word]
    return scores


def _propose_wordpiece(text: _Text) -> _Pieces:
    vocabulary = train_wordpiece(text.pretokens, _WORDPIECE_SIZE, _MIN_FREQUENCY, _ALPHABET)
    ids = {piece: i for i, piece in enumerate(dict.fromkeys([_UNKNOWN, *vocabulary]))}
    model = WordPiece(ids, unk_token=_UNKNOWN, max_input_chars_per_word=1 << 30)
    return {pretoken: [token.value for token in model.tokenize(pretoken)] for pretoken in text.pretokens if pretoken}


def _propose_unigram(base: Segmenter, text: _Text, files: list[Path]) -> _Pieces:
    model = train_unigram((base.normalize(line) for line in text_lines(files)), _UNIGRAM_SIZE)
    encoded = model.encode([pretoken.removeprefix("▁") for pretoken in text.pretokens], out_type=str)
    return dict(zip(text.pretokens, encoded, strict=True))


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
    foreign_words = set(count_words((others[language] for language in sorted(others)), _OTHER_LINES)) - set(text.words)
    foreign = sorted({pretoken for word in foreign_words for pretoken in base.pretokenize(word)})
    chosen, rejected = pool[:n], set()
    for _ in range(_ROUNDS):
        augmented = with_pieces(base, chosen)
        unwanted = _used(augmented, foreign) | (set(chosen) - _used(augmented, text.pretokens) - missing)
        unwanted.intersection_update(chosen)
        if not unwanted:
            return chosen
        rejected |= unwanted
        kept = [piece for piece in chosen if piece not in unwanted]
        chosen = [piece for piece in pool if piece not in rejected][:n]
    return kept


def _used(segmenter: Segmenter, pretokens: Iterable[str]) -> set[str]:
    return {piece for pretoken in pretokens for piece, _ in segmenter.tokenize(pretoken)}
