"""Finding translations: accuracy, as Tatoeba and NTREX are scored, is `Success@1` of the cross setting."""

from __future__ import annotations

import numpy as np
import pytest

from xlreach.corpora.parallel_text import AlignedFiles, ParallelText
from xlreach.corpora.registry import open_dataset
from xlreach.retrieval.index import build_index
from xlreach.scoring.evaluation import evaluate


def test_success_at_one_is_the_accuracy_of_the_nearest_neighbour(encoder, tmp_path):
    rng = np.random.default_rng(4)
    rows = [rng.integers(0, 40, rng.integers(2, 6)) for _ in range(80)]
    paths = {}
    for code in ("en", "de"):
        paths[code] = tmp_path / f"{code}.txt"
        paths[code].write_text("".join(" ".join(f"{code}{n}" for n in row) + "\n" for row in rows), "utf-8")
    data = ParallelText("toy", [AlignedFiles("", paths)])
    indexes = {
        code: build_index(encoder, data.documents(code), tmp_path / f"index-{code}", language=code) for code in paths
    }
    found = evaluate(encoder, data, indexes, measures=["Success@1"], settings=["cross"], out=tmp_path / "out")
    vectors = {code: encoder.encode(list(data.lines(code))) for code in paths}
    for one in found:
        a, b = one.query_language, one.document_language
        nearest = (vectors[a] @ vectors[b].T).argmax(1)
        assert one.value == pytest.approx((nearest == np.arange(80)).mean()) and one.n == 80
    assert {(one.query_language, one.document_language) for one in found} == {("en", "de"), ("de", "en")}


@pytest.mark.corpora
def test_words_in_common_find_translations_of_news(corpora_root, tmp_path):
    data = open_dataset("ntrex(half=first)", corpora_root)
    found = evaluate(
        None,
        data,
        ["en", "de"],
        measures=["Success@1"],
        settings=["cross"],
        out=tmp_path,
        runs=False,
        query_languages=["de"],
        retriever="bm25",
    )
    assert len(found) == 1 and found[0].n > 900
    assert all(0.2 < one.value < 0.9 for one in found)  # names and numbers
