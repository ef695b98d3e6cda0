"""BM25 for any script, computed by bm25s.

Texts are tokenized here: bm25s's own tokenizer drops English stop words and one-letter words, and splits Indic words
at their vowel signs. A word is a run of letters, digits and marks, case folded after NFKC. Chinese, Japanese, Thai,
Lao, Khmer, Burmese and Tibetan runs become overlapping character bigrams. There is no stemming, as few languages have
a stemmer.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

import bm25s
import numpy as np
from numpy.typing import NDArray

from xlreach.retrieval.retrievers import BM25

_UNSPACED = (
    "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\u3040-\u30ff"  # kana
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai and Lao, Tibetan, Burmese, Khmer
)
_JOINERS = "\u200c\u200d"


class BM25Index:
    """BM25 over some documents."""

    def __init__(self, texts: Iterable[str], spec: BM25) -> None:
        self._spec = spec
        documents = [tokenize(text, spec.units) for text in texts]
        self.count = len(documents)
        self._engine = bm25s.BM25(k1=spec.k1, b=spec.b, method="lucene")
        vocabulary = dict.fromkeys(term for terms in documents for term in terms)
        self._numbers = {term: number for number, term in enumerate(vocabulary)}
        if vocabulary:
            numbers = [[self._numbers[term] for term in terms] for terms in documents]
            self._engine.index((numbers, self._numbers), show_progress=False)

    def scores(self, queries: Sequence[str]) -> NDArray[np.float32]:
        """The score of every document, shape (queries, documents); −∞ (not retrieved) if it shares no word."""
        scores = np.zeros((len(queries), self.count), np.float32)
        for row, query in enumerate(queries):
            terms = [self._numbers[term] for term in tokenize(query, self._spec.units) if term in self._numbers]
            if terms:
                scores[row] = self._engine.get_scores_from_ids(terms)
        return np.where(scores > 0, scores, -np.inf).astype(np.float32)


def tokenize(text: str, units: str = "auto") -> list[str]:
    """The terms of a text; `units` as in `BM25`: `auto`, `words`, or `bigrams` for every script.

    >>> tokenize("Il-ħobż u l-ilma")
    ['il', 'ħobż', 'u', 'l', 'ilma']
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    folded = folded.replace("i\u0307", "i").replace("ı", "i")  # so that Turkish words are one word in any case
    words: list[str] = _word_pattern().findall(folded)
    if units == "words":
        return words
    terms: list[str] = []
    for word in words:
        for run in _RUNS.findall(word) if units == "auto" else [word]:
            if units == "bigrams" or _RUNS_UNSPACED.match(run):
                terms += [run[at : at + 2] for at in range(max(1, len(run) - 1))]
            else:
                terms.append(run)
    return terms


_RUNS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_RUNS = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")


@cache
def _word_pattern() -> re.Pattern[str]:
    # \w does not match marks, and the vowel signs of Indic and Arabic scripts are marks.
    marks = "".join(chr(at) for at in range(sys.maxunicode + 1) if unicodedata.category(chr(at)).startswith("M"))
    return re.compile(rf"[^\W_](?:[^\W_]|[{marks}{_JOINERS}])*")
