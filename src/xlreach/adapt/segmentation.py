"""How a tokenizer cuts words: the words of a text, counted once each, and their pieces before any special token.

Choosing new vocabulary works on word types with their counts, which is exact for tokenizers that cut at white space
and many times faster than going through the text again for each choice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from xlreach.adapt.wordpiece import PREFIX, cut_words
from xlreach.errors import ModelError

_AT_ONCE = 1_000


class Segmenter:
    """One tokenizer, given as the content of its `tokenizer.json`."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        self.tokenizer = Tokenizer.from_str(json.dumps(content))
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
        """`parts` of many words. BERT's own normalizer and splitter go through many at once."""
        kinds = [(self.content.get(name) or {}).get("type") for name in ("normalizer", "pre_tokenizer")]
        if kinds != ["BertNormalizer", "BertPreTokenizer"]:
            return [self.parts(word) for word in words]
        found: list[list[str]] = []
        for start in range(0, len(words), _AT_ONCE):
            block = words[start : start + _AT_ONCE]
            normal = self.normalize(" ".join(block)).split(" ")
            if len(normal) != len(block):  # a normalizer that puts blanks into words, as round Chinese characters
                normal = [self.normalize(word) for word in block]
            ends = list(accumulate(len(word) + 1 for word in normal))
            mine: list[list[str]] = [[] for _ in block]
            place = 0
            for part, (begin, _) in self.tokenizer.pre_tokenizer.pre_tokenize_str(" ".join(normal)):
                while begin >= ends[place]:
                    place += 1
                mine[place].append(part)
            found += mine
        return found

    def cut_all(self, parts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The ids of many parts, one after the other, and of which part each is."""
        return cut_words(Tokenizer(self.tokenizer.model), list(parts))

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
            for number, line in enumerate(stream):
                if most_lines is not None and number >= most_lines:
                    break
                words.update(line.split())
    return words


def ranked(counts: Mapping[str, float]) -> list[str]:
    """Keys, largest value first; ties in code-point order, so that a choice never depends on hashing."""
    return sorted(counts, key=lambda key: (-counts[key], key))
