"""Static vectors: of words, read from their folder; and of pieces, from which new embedding rows start (FOCUS).

The fastText vector of a word (Bojanowski et al. 2017) sums vectors of the word and of its character n-grams, so a word
that did not occur in training has one too. FOCUS (Dobler and de Melo, EMNLP 2023) trains such vectors on the text as
the new tokenizer splits it. The row of a new piece is a mixture of the rows of pieces in both vocabularies, weighted by
the sparsemax of their cosines to it; most weights are zero. Training needs gensim (the extra `static`), and uses one
thread so that a seed always gives the same vectors. Reading needs no extra.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from xlreach.adapt.encoder import STATIC_FILE
from xlreach.errors import MissingExtraError, ModelError

_FORMAT, _WEIGHTS = 1, "static.safetensors"
_FNV_OFFSET, _FNV_PRIME = 2166136261, 16777619

Mixture = tuple[list[int], list[float]]
# As published, except the size of the n-gram table: 2 million rows would take 800 MB for any text.
_SETTINGS: dict[str, Any] = {"vector_size": 100, "min_count": 10, "epochs": 3, "negative": 10, "bucket": 100_000}


@dataclass(frozen=True, eq=False)
class StaticVectors:
    """Vectors of words, as the step `fasttext` writes them; `rows` has the row of each word in the vocabulary."""

    dim: int
    rows: Mapping[str, int]
    _words: NDArray[np.float32]
    _ngrams: NDArray[np.float32]
    _lengths: tuple[int, int]

    @classmethod
    def load(cls, folder: Path) -> StaticVectors:
        """The vectors of a folder.

        Raises:
            ModelError: The folder holds none, or its files do not belong together.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        path = folder / STATIC_FILE
        try:
            header = json.loads(path.read_text("utf-8"))
            tables = load_file(folder / _WEIGHTS)
            if header["format"] != _FORMAT:
                raise ModelError(f"The format is {header['format']}.", expected=f"Expected {_FORMAT}.", path=path)
            rows = {str(word): row for row, word in enumerate(header["words"])}
            lengths = (int(header["min_n"]), int(header["max_n"]))
            vectors = cls(int(header["dim"]), rows, tables["words"], tables["ngrams"], lengths)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ModelError(
                f"The static word vectors cannot be read ({type(error).__name__}: {error}).",
                expected=f"Expected {STATIC_FILE} and {_WEIGHTS}, as the recipe step fasttext writes them.",
                path=folder,
            ) from error
        shapes = vectors._words.shape, vectors._ngrams.shape[1:]
        if shapes != ((len(rows), vectors.dim), (vectors.dim,)):
            raise ModelError(
                f"{len(rows)} words and {vectors.dim} dimensions, but a table of {shapes[0]}.",
                expected="Expected a row for each word.",
                path=path,
            )
        return vectors

    @classmethod
    def of(cls, model: Any) -> StaticVectors:
        """The vectors of a trained gensim `FastText` model."""
        wv = model.wv
        return cls(wv.vector_size, wv.key_to_index, wv.vectors, wv.vectors_ngrams, (wv.min_n, wv.max_n))

    def save(self, folder: Path) -> None:
        """Writes the vectors into an existing folder."""
        from safetensors.numpy import save_file

        tables = {"words": np.ascontiguousarray(self._words), "ngrams": np.ascontiguousarray(self._ngrams)}
        save_file(tables, folder / _WEIGHTS)
        words = sorted(self.rows, key=self.rows.__getitem__)
        least, most = self._lengths
        header = {"format": _FORMAT, "kind": "static", "dim": self.dim, "min_n": least, "max_n": most, "words": words}
        (folder / STATIC_FILE).write_text(json.dumps(header, ensure_ascii=False) + "\n", "utf-8")

    def vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of words, float32, shape (words, dim); zero for a word without a vector or any n-gram."""
        vectors = np.zeros((len(words), self.dim), dtype=np.float32)
        for at, word in enumerate(words):
            if word in self.rows:
                vectors[at] = self._words[self.rows[word]]
            elif buckets := self._buckets(word):
                for bucket in buckets:  # in this order, so that sums are rounded as gensim's are
                    vectors[at] += self._ngrams[bucket]
                vectors[at] /= len(buckets)
        return vectors

    def _buckets(self, word: str) -> list[int]:
        """fastText's hashes of the n-grams of `<word>`: FNV-1a over the UTF-8 bytes as signed numbers."""
        least, most = self._lengths
        letters = [letter.encode("utf-8", "surrogatepass") for letter in f"<{word}>"]
        buckets = []
        for start in range(len(letters)):
            hashed = _FNV_OFFSET
            for length, letter in enumerate(letters[start : start + most], 1):
                for byte in letter:
                    signed = byte if byte < 128 else byte | 0xFFFFFF00
                    hashed = (hashed ^ signed) * _FNV_PRIME & 0xFFFFFFFF
                if length >= least:
                    buckets.append(hashed % len(self._ngrams))
        return buckets


def focus(
    tokenizer: dict[str, Any], files: Sequence[Path], new: Iterable[str], overlap: Mapping[str, int], seed: int
) -> dict[str, Mixture]:
    """FOCUS mixtures: for each new piece that is frequent enough for a vector, old ids and weights that sum to 1.

    `overlap` has the old ids of the pieces in both vocabularies, without special tokens.

    Raises:
        MissingExtraError: gensim is not installed.
    """
    try:
        from gensim.models import FastText
    except ImportError as error:
        raise MissingExtraError("gensim", "static", "init=focus") from error
    model = FastText(seed=seed, workers=1, sg=0, **_SETTINGS)
    encode = partial(Tokenizer.from_str(json.dumps(tokenizer)).encode_batch, add_special_tokens=False)
    lines = TokenizedText(files, lambda block: (encoding.tokens for encoding in encode(block)))
    model.build_vocab(corpus_iterable=lines)
    vocabulary = model.wv.key_to_index
    anchors = sorted(piece for piece in overlap if piece in vocabulary)
    if not anchors:
        return {}
    model.train(corpus_iterable=lines, total_examples=model.corpus_count, epochs=model.epochs)
    table = np.stack([model.wv.get_vector(piece, norm=True) for piece in anchors])
    mixtures: dict[str, Mixture] = {}
    for piece in new:
        if piece in vocabulary:
            weights = sparsemax(table @ model.wv.get_vector(piece, norm=True))
            kept = np.flatnonzero(weights)
            mixtures[piece] = ([overlap[anchors[i]] for i in kept], weights[kept].tolist())
    return mixtures


def sparsemax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """The point of the probability simplex nearest to `scores`, shape (n,) (Martins and Astudillo 2016)."""
    ordered = -np.sort(-scores.astype(np.float64))
    sums = np.cumsum(ordered) - 1
    counts = np.arange(1, len(ordered) + 1)
    support = int(counts[ordered * counts > sums][-1])
    return np.maximum(scores.astype(np.float64) - sums[support - 1] / support, 0)


class TokenizedText:
    """Text files as lists of tokens, a list per line; can be iterated over many times, as gensim does."""

    def __init__(self, files: Sequence[Path], tokenize: Callable[[list[str]], Iterable[list[str]]]) -> None:
        self._files, self._tokenize = files, tokenize

    def __iter__(self) -> Iterator[list[str]]:
        for path in self._files:
            with path.open(encoding="utf-8") as stream:
                while block := [line.strip() for line in islice(stream, 2000)]:
                    yield from self._tokenize(block)
