"""How a tokenizer cuts words: the words of a text, counted once each, and their pieces before any special token.

Choosing new vocabulary works on word types with their counts, which is exact for tokenizers that cut at white space
and many times faster than going through the text again for each choice.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from xlreach.adapt.wordpiece import PREFIX, cut_words
from xlreach.errors import ModelError

_NEVER = r"\uffff"  # no character: a place holder, for brackets must not be empty
_READ_AT_ONCE = 1 << 20  # characters of text, more or less


class Segmenter:
    """One tokenizer, given as the content of its `tokenizer.json`.

    Raises:
        ModelError: It is none, or neither WordPiece nor Unigram.
    """

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        try:
            self.tokenizer = Tokenizer.from_str(json.dumps(content))
        except Exception as error:  # the library has no class of its own for it
            raise ModelError(f"The tokenizer cannot be read ({error}).") from error
        self.kind: str = content["model"]["type"]
        if self.kind not in ("WordPiece", "Unigram"):
            raise ModelError(
                f"The vocabulary of a {self.kind} tokenizer cannot be changed.",
                expected="Expected a WordPiece tokenizer (like BERT's) or a Unigram one (like XLM-R's).",
            )

    @cached_property
    def vocabulary(self) -> set[str]:
        return set(self.tokenizer.get_vocab(with_added_tokens=True))

    @cached_property
    def unknown(self) -> int | None:
        """The id of the unknown piece."""
        model = self.content["model"]
        return model["unk_id"] if self.kind == "Unigram" else model["vocab"].get(model["unk_token"])

    def normalize(self, text: str) -> str:
        return text if self.tokenizer.normalizer is None else self.tokenizer.normalizer.normalize_str(text)

    def parts(self, word: str) -> list[str]:
        """What the model gets to cut when it is given a white-space word: normalized, punctuation apart, `▁` before."""
        text = self.normalize(word)
        before = self.tokenizer.pre_tokenizer
        return [text] if before is None else [part for part, _ in before.pre_tokenize_str(text)]

    def all_parts(self, words: Sequence[str]) -> list[list[str]]:
        """`parts` of many words, at once where BERT's own normalizer and splitter would leave them as they are."""
        kinds = [(self.content.get(name) or {}).get("type") for name in ("normalizer", "pre_tokenizer")]
        if kinds != ["BertNormalizer", "BertPreTokenizer"]:
            return [self.parts(word) for word in words]
        joining, apart, other = self._characters(set().union(*words))
        cut = re.compile(f"[{_NEVER}{joining}]+|[{_NEVER}{apart}]").findall
        changed = re.compile(f"[{_NEVER}{other}]").search
        return [self.parts(word) if changed(word) else cut(word) for word in words]

    def _characters(self, characters: Iterable[str]) -> tuple[str, str, str]:
        """Characters for BERT's normalizer and splitter, which go by single ones, each as what a regular expression has
        in brackets: those that stay as they are with their neighbours, those that stay but are a part of their own,
        and those that change, or may change what is around them."""
        kinds: tuple[list[str], list[str], list[str]] = ([], [], [])
        for one in characters:
            stays = self.normalize(one) == one and not unicodedata.combining(one)
            found = self.parts(f"a{one}a") if stays else []
            kind = 0 if found == [f"a{one}a"] else 1 if found == ["a", one, "a"] else 2
            kinds[kind].append(one)
        joining, apart, other = map(_in_brackets, kinds)
        return joining, apart, other

    def cut_all(self, parts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The ids of many parts, one after the other, and of which part each is."""
        return cut_words(Tokenizer(self.tokenizer.model), list(parts))

    def doubtful(self, parts: Sequence[str]) -> list[int]:
        """Which parts may have an unknown piece; WordPiece knows all that it can spell with single characters."""
        if self.kind != "WordPiece":
            return list(range(len(parts)))
        vocab, most = self.content["model"]["vocab"], self.content["model"].get("max_input_chars_per_word", 100)
        spelled = (c for c in set().union(*parts) if c not in vocab or PREFIX + c not in vocab)
        found = re.compile(f"[{_NEVER}{_in_brackets(spelled)}]").search
        return [i for i, part in enumerate(parts) if len(part) > most or found(part)]

    def cut(self, part: str) -> list[tuple[str, int]]:
        """(piece, id) of one part."""
        return [(token.value, token.id) for token in self.tokenizer.model.tokenize(part)] if part else []

    def recut(self, piece: str) -> list[int]:
        """The ids that the string of a piece is cut into where it stands; the unknown piece's where it is not known."""
        if self.kind == "WordPiece" and piece.startswith(PREFIX):
            return self._inside(piece.removeprefix(PREFIX))
        return [id_ for _, id_ in self.cut(piece)]

    def cost(self, piece: str) -> int:
        """How many pieces a string takes; where the tokenizer does not know it, as many as it has characters."""
        ids = self.recut(piece)
        return max(2, len(piece.removeprefix(PREFIX))) if self.unknown in ids else len(ids)

    def _inside(self, text: str) -> list[int]:
        """WordPiece's longest-match-first where something stands before the text."""
        vocab, found, start = self.content["model"]["vocab"], [], 0
        while start < len(text):
            for end in range(len(text), start, -1):
                if (id_ := vocab.get(PREFIX + text[start:end])) is not None:
                    found.append(id_)
                    start = end
                    break
            else:
                return [vocab[self.content["model"]["unk_token"]]]
        return found


def count_words(files: Iterable[Path], most_lines: int | None = None) -> Counter[str]:
    """White-space words with how often each occurs; of each file the first `most_lines` lines."""
    words: Counter[str] = Counter()
    for path in files:
        with path.open(encoding="utf-8") as stream:
            blocks = _blocks(stream) if most_lines is None else islice(stream, most_lines)
            for block in blocks:
                words.update(block.split())
    return words


def ranked(counts: Mapping[str, float]) -> list[str]:
    """Keys, largest value first; ties in code-point order, so that a choice never depends on hashing."""
    return sorted(counts, key=lambda key: (-counts[key], key))


def _in_brackets(characters: Iterable[str]) -> str:
    """As they stand in a regular expression's brackets."""
    return "".join(rf"\U{ord(one):08x}" for one in sorted(characters))


def _blocks(stream: TextIO) -> Iterator[str]:
    while lines := stream.readlines(_READ_AT_ONCE):
        yield "".join(lines)
