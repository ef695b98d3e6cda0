"""Rows for new pieces out of static vectors: FOCUS (Dobler and de Melo, EMNLP 2023).

fastText vectors are trained on the text as the new tokenizer cuts it. A new piece's row is a mixture of the rows of
pieces that the old vocabulary has too, weighted by the sparsemax of their cosines to it: most weights are zero.
Needs gensim (the extra `static`), which trains in one thread here, so that a seed gives the same vectors again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from xlreach.errors import MissingExtraError

Blend = tuple[list[int], list[float]]
# As published, but for the table of character n-grams: 2 million rows of it would take 800 MB for any text.
_SETTINGS: dict[str, Any] = {"vector_size": 100, "min_count": 10, "epochs": 3, "negative": 10, "bucket": 100_000}


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
