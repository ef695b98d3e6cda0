"""Static vectors: of words, read back from their folder; and of pieces, to start new embedding rows from (FOCUS).

fastText vectors (Bojanowski et al. 2017) sum what is known of a word and of its character n-grams, so a word that
training never saw has one too. FOCUS (Dobler and de Melo, EMNLP 2023) trains them on the text as the new tokenizer
cuts it: a new piece's row is a mixture of the rows of pieces that the old vocabulary has too, weighted by the
sparsemax of their cosines to it, most of them zero. Training needs gensim (the extra `static`), which trains in one
thread here, so that a seed gives the same vectors again; reading needs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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

Blend = tuple[list[int], list[float]]
# As published, but for the table of character n-grams: 2 million rows of it would take 800 MB for any text.
_SETTINGS: dict[str, Any] = {"vector_size": 100, "min_count": 10, "epochs": 3, "negative": 10, "bucket": 100_000}


@dataclass(frozen=True, eq=False)
class StaticVectors:
    """Vectors of words, known or not, from a folder that the recipe step `fasttext` wrote.

    Attributes:
        dim: The width of a vector.
        known: The row of each word that training saw often enough.
    """

    dim: int
    known: Mapping[str, int]
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
            told = json.loads(path.read_text("utf-8"))
            tables = load_file(folder / _WEIGHTS)
            if told["format"] != _FORMAT:
                raise ModelError(f"Format {told['format']}.", expected=f"Expected format {_FORMAT}.", path=path)
            known = {str(word): row for row, word in enumerate(told["words"])}
            found = cls(
                int(told["dim"]), known, tables["words"], tables["ngrams"], (int(told["min_n"]), int(told["max_n"]))
            )
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ModelError(
                f"No static word vectors can be read ({type(error).__name__}: {error}).",
                expected=f"Expected {STATIC_FILE} and {_WEIGHTS}, as the recipe fasttext writes them.",
                path=folder,
            ) from error
        shapes = found._words.shape, found._ngrams.shape[1:]
        if shapes != ((len(known), found.dim), (found.dim,)):
            raise ModelError(f"{len(known)} words and {found.dim} dimensions, but a table of {shapes[0]}.", path=path)
        return found

    @classmethod
    def of(cls, model: Any) -> StaticVectors:
        """The vectors of a trained gensim `FastText` model."""
        found = model.wv
        return cls(
            found.vector_size, found.key_to_index, found.vectors, found.vectors_ngrams, (found.min_n, found.max_n)
        )

    def save(self, folder: Path) -> None:
        """Writes the vectors into an existing folder."""
        from safetensors.numpy import save_file

        tables = {"words": np.ascontiguousarray(self._words), "ngrams": np.ascontiguousarray(self._ngrams)}
        save_file(tables, folder / _WEIGHTS)
        words = sorted(self.known, key=self.known.__getitem__)
        least, most = self._lengths
        told = {"format": _FORMAT, "kind": "static", "dim": self.dim, "min_n": least, "max_n": most, "words": words}
        (folder / STATIC_FILE).write_text(json.dumps(told, ensure_ascii=False) + "\n", "utf-8")

    def vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """A row for each word, float32 (words, dim); of a word too short for any n-gram it is zero."""
        rows = np.zeros((len(words), self.dim), dtype=np.float32)
        for at, word in enumerate(words):
            if word in self.known:
                rows[at] = self._words[self.known[word]]
            elif buckets := self._buckets(word):
                for bucket in buckets:  # in this order, so that sums round as gensim's do
                    rows[at] += self._ngrams[bucket]
                rows[at] /= len(buckets)
        return rows

    def _buckets(self, word: str) -> list[int]:
        """fastText's hashes of the n-grams of `<word>`: FNV-1a over UTF-8, whose bytes it takes for signed numbers."""
        least, most = self._lengths
        letters = [letter.encode("utf-8", "surrogatepass") for letter in f"<{word}>"]
        found = []
        for start in range(len(letters)):
            hashed = _FNV_OFFSET
            for length, letter in enumerate(letters[start : start + most], 1):
                for byte in letter:
                    signed = byte if byte < 128 else byte | 0xFFFFFF00
                    hashed = (hashed ^ signed) * _FNV_PRIME & 0xFFFFFFFF
                if length >= least:
                    found.append(hashed % len(self._ngrams))
        return found


def focus(
    tokenizer: dict[str, Any], files: Sequence[Path], new: Iterable[str], overlap: Mapping[str, int], seed: int
) -> dict[str, Blend]:
    """For each new piece, old ids and their weights, which sum to 1; pieces too rare for a vector are left out.

    Args:
        tokenizer: The new `tokenizer.json`.
        files: The text.
        new: Pieces that need a row.
        overlap: Ids in the old vocabulary of pieces that both vocabularies have, special tokens left out.
        seed: Of the vectors.

    Raises:
        MissingExtraError: gensim is not installed.
    """
    try:
        from gensim.models import FastText
    except ImportError as error:
        raise MissingExtraError("gensim", "static", "init=focus") from error
    model = FastText(seed=seed, workers=1, sg=0, **_SETTINGS)
    lines = _Pieces(tokenizer, files)
    model.build_vocab(corpus_iterable=lines)
    known = model.wv.key_to_index
    anchors = sorted(piece for piece in overlap if piece in known)
    if not anchors:
        return {}
    model.train(corpus_iterable=lines, total_examples=model.corpus_count, epochs=model.epochs)
    table = np.stack([model.wv.get_vector(piece, norm=True) for piece in anchors])
    blends: dict[str, Blend] = {}
    for piece in new:
        if piece in known:
            weights = sparsemax(table @ model.wv.get_vector(piece, norm=True))
            kept = np.flatnonzero(weights)
            blends[piece] = ([overlap[anchors[i]] for i in kept], weights[kept].tolist())
    return blends


def sparsemax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """The point of the probability simplex that is nearest to `scores` (Martins and Astudillo 2016), shape (n,)."""
    ordered = -np.sort(-scores.astype(np.float64))
    sums = np.cumsum(ordered) - 1
    counts = np.arange(1, len(ordered) + 1)
    support = int(counts[ordered * counts > sums][-1])
    return np.maximum(scores.astype(np.float64) - sums[support - 1] / support, 0)


class _Pieces:
    """The text as lists of pieces, as often as it is gone through."""

    def __init__(self, tokenizer: dict[str, Any], files: Sequence[Path]) -> None:
        self._tokenizer, self._files = Tokenizer.from_str(json.dumps(tokenizer)), files

    def __iter__(self) -> Iterator[list[str]]:
        for path in self._files:
            with path.open(encoding="utf-8") as stream:
                while block := [line.strip() for line in islice(stream, 2000)]:
                    for encoding in self._tokenizer.encode_batch(block, add_special_tokens=False):
                        yield encoding.tokens
