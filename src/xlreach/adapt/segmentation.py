"""How a tokenizer splits words: the different words of a text with their counts, and their pieces.

Choosing new vocabulary works on different words with their counts, which is exact for tokenizers that split at white
space and many times faster than reading the text again for each choice.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from tokenizers import Tokenizer

from xlreach.adapt.wordpiece import PREFIX
from xlreach.errors import ModelError

_BLOCK = 1 << 20  # characters of text that are read together


class Segmenter:
    """One tokenizer, given as the content of its `tokenizer.json`.

    Raises:
        ModelError: The content is not a tokenizer, or neither WordPiece nor Unigram.
    """

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        try:
            self.tokenizer = Tokenizer.from_str(json.dumps(content))
        except Exception as error:  # the library raises plain exceptions
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

    def pretokenize(self, word: str) -> list[str]:
        """Splits a word into what the model tokenizes: normalized text, punctuation apart, `▁` first."""
        text = self.normalize(word)
        splitter = self.tokenizer.pre_tokenizer
        return [text] if splitter is None else [pretoken for pretoken, _ in splitter.pre_tokenize_str(text)]

    def tokenize(self, pretoken: str) -> list[tuple[str, int]]:
        """The pieces of one pretoken, with their ids."""
        return [(token.value, token.id) for token in self.tokenizer.model.tokenize(pretoken)] if pretoken else []

    def old_ids(self, piece: str) -> list[int]:
        """The ids that the string of a new piece is split into now; that of the unknown piece where it is not known."""
        if self.kind == "WordPiece" and piece.startswith(PREFIX):
            return self._inside(piece.removeprefix(PREFIX))
        return [id_ for _, id_ in self.tokenize(piece)]

    def cost(self, piece: str) -> int:
        """How many pieces a string is split into; its number of characters where the tokenizer does not know it."""
        ids = self.old_ids(piece)
        return max(2, len(piece.removeprefix(PREFIX))) if self.unknown in ids else len(ids)

    def _inside(self, text: str) -> list[int]:
        """WordPiece's ids of a text inside a word, by longest match first."""
        vocab, ids, start = self.content["model"]["vocab"], [], 0
        while start < len(text):
            for end in range(len(text), start, -1):
                if (id_ := vocab.get(PREFIX + text[start:end])) is not None:
                    ids.append(id_)
                    start = end
                    break
            else:
                return [vocab[self.content["model"]["unk_token"]]]
        return ids


def pieces_of_words(
    encode: Callable[[list[str]], Iterable[Any]], sentences: Sequence[Sequence[str]]
) -> list[list[list[int]]]:
    """The ids of each word's pieces in running text, the words of a sentence joined by blanks, as pretraining saw them.

    `encode` gives the encodings (of the library tokenizers) of texts, without special tokens.
    """
    result = []
    encodings = encode([" ".join(filter(None, words)) for words in sentences])
    for words, encoding in zip(sentences, encodings, strict=True):
        pieces: list[list[int]] = [[] for _ in words]
        ends, start = list[int](), 0
        for word in words:
            ends.append(start + len(word) if word else max(0, start - 1))
            start += len(word) + bool(word)
        for id_, (first, last) in zip(encoding.ids, encoding.offsets, strict=True):
            # A piece belongs to the word of its last character; a blank to the word behind it.
            pieces[min(bisect_right(ends, max(first, last - 1)), len(words) - 1)].append(id_)
        result.append(pieces)
    return result


def text_lines(files: Iterable[Path]) -> Iterator[str]:
    """Yields the lines of text files, stripped, without empty ones."""
    for path in files:
        with path.open(encoding="utf-8") as stream:
            yield from (stripped for line in stream if (stripped := line.strip()))


def count_words(files: Iterable[Path], most_lines: int | None = None) -> Counter[str]:
    """Counts the white-space words of text files, of each file the first `most_lines` lines."""
    words: Counter[str] = Counter()
    for path in files:
        with path.open(encoding="utf-8") as stream:
            blocks = _blocks(stream) if most_lines is None else islice(stream, most_lines)
            for block in blocks:
                words.update(block.split())
    return words


def ranked(counts: Mapping[str, float]) -> list[str]:
    """Keys with the largest value first; ties in code-point order, so that a choice never depends on hashing."""
    return sorted(counts, key=lambda key: (-counts[key], key))


def _blocks(stream: TextIO) -> Iterator[str]:
    while lines := stream.readlines(_BLOCK):
        yield "".join(lines)
