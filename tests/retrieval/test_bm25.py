from __future__ import annotations

import math

import numpy as np
import pytest

from xlreach.errors import SpecError
from xlreach.retrieval.bm25 import BM25Index, tokenize
from xlreach.retrieval.retrievers import BM25, RETRIEVERS


def test_texts_are_cut_in_every_script():
    assert tokenize("Il-ħobż u l-ilma!") == ["il", "ħobż", "u", "l", "ilma"]
    assert tokenize("A to be or not") == ["a", "to", "be", "or", "not"]  # no stop words, no shortest length
    assert tokenize("हिन्दी में") == ["हिन्दी", "में"]  # marks belong to words
    assert tokenize("东京都 2024年") == ["东京", "京都", "2024", "年"]
    assert tokenize("ข้าว") == ["ข้", "้า", "าว"]
    assert tokenize("ﬁne Ⅳ ÉCOLE") == tokenize("fine iv école") == tokenize("fine iv e\u0301cole")
    assert tokenize("abc d", "bigrams") == ["ab", "bc", "d"] and tokenize("东京都", "words") == ["东京都"]
    assert tokenize("") == tokenize(" — … ") == []


def test_scores_are_bm25():
    texts = ["a b b c", "b", "", "c c c d", "x y z a"]
    index = BM25Index(texts, BM25(k1=0.9, b=0.4))
    units = [text.split() for text in texts]
    mean = sum(map(len, units)) / len(units)

    def expected(query: list[str], document: list[str]) -> float:
        total = 0.0
        for word in query:
            df = sum(word in one for one in units)
            tf = document.count(word)
            idf = math.log(1 + (len(units) - df + 0.5) / (df + 0.5))
            total += idf * tf / (tf + 0.9 * (1 - 0.4 + 0.4 * len(document) / mean))
        return total or -math.inf

    queries = ["b a", "c", "b b", "", "unknown", "unknown d"]
    found = index.scores(queries)
    for row, query in enumerate(queries):
        assert found[row] == pytest.approx([expected(query.split(), one) for one in units], abs=1e-5)
    assert (BM25Index(["", "…"], BM25()).scores(["a", ""]) == -np.inf).all()


def test_retriever_strings():
    for text in ("dense", "bm25", "bm25(k1=0.9,b=0.4)", "random(seed=3)", "rrf(dense,bm25)", "rrf(bm25,dense,k=10)"):
        assert str(RETRIEVERS.parse(text)) == text
    fused = RETRIEVERS.parse("blend(dense,bm25(k1=0.9),weight=0.7)")
    assert RETRIEVERS.parse(str(fused)) == fused and fused.uses_encoder
    assert not RETRIEVERS.parse("rrf(bm25,random)").uses_encoder
    for text, expected in (
        ("bm52", "Did you mean 'bm25'"),
        ("rrf(dense)", "needs 'second'"),
        ("rrf(dense,splade)", "Unknown retriever 'splade'"),
        ("rrf(dense,rrf(dense,bm25))", "fuses a fusion"),
        ("bm25(b=2)", "from 0 to 1"),
    ):
        with pytest.raises(SpecError, match=expected):
            RETRIEVERS.parse(text)
