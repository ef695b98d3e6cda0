from __future__ import annotations

import ir_measures
import numpy as np
import pyarrow.parquet as pq
import pytest

from xlreach.corpora.collection import Document
from xlreach.errors import DataError, SpecError
from xlreach.retrieval.index import build_index
from xlreach.scoring.evaluation import evaluate

LANGUAGES = ["en", "de", "mt"]
MEASURES = ["nDCG@10", "AP", "R@100", "RR"]


def run_of(path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        query, _, document, _, _, _ = line.split()
        found.setdefault(query, []).append(document)
    return found


@pytest.mark.parametrize("text", ["bm25", "random", "rrf(dense,bm25)", "blend(dense,bm25)", "rrf(bm25,random)"])
def test_baselines_are_scored_as_the_encoder_is(encoder, collection, indexes, tmp_path, text):
    dense = "dense" in text
    rows = evaluate(
        encoder if dense else None,
        collection,
        indexes if dense else LANGUAGES,
        measures=MEASURES,
        out=tmp_path / "out",
        retriever=text,
    )
    plain = evaluate(encoder, collection, indexes, measures=MEASURES, out=tmp_path / "dense", runs=False)
    wanted = {(one.setting, one.query_language, one.document_language, one.measure) for one in plain}
    missing = {"rank_distance", "rank_distance_normalised"} if text != "random" else set()
    found = {(one.setting, one.query_language, one.document_language, one.measure) for one in rows}
    assert found == {one for one in wanted if one[3] not in missing}
    values = pq.read_table(tmp_path / "out" / "queries.parquet").to_pylist()
    for name in ("mono.en", "cross.en-de", "multi.mt"):
        stem = next(path for path in (tmp_path / "out" / "trec").glob(f"*.{name}*.run"))
        qrels = list(ir_measures.read_trec_qrels(str(stem.with_suffix(".qrels"))))
        run = list(ir_measures.read_trec_run(str(stem)))
        theirs = ir_measures.calc_aggregate([ir_measures.parse_measure(one) for one in MEASURES], qrels, run)
        setting, _, pair = name.partition(".")
        a, _, b = pair.partition("-")
        ours = [one for one in values if (one["setting"], one["query_language"]) == (setting, a)]
        ours = [one for one in ours if setting == "multi" or one["document_language"] == (b or a)]
        for measure, value in theirs.items():
            mean = np.mean([one["value"] for one in ours if one["measure"] == str(measure)])
            assert mean == pytest.approx(value, abs=1e-9), (name, measure)


def test_reciprocal_ranks_are_those_of_the_two_runs(encoder, collection, indexes, tmp_path):
    runs = {}
    for text in ("dense", "bm25", "rrf(dense,bm25,k=5,depth=20)"):
        evaluate(
            encoder, collection, indexes, measures=["AP"], settings=["mono"], out=tmp_path / text[:4], retriever=text
        )
        path = next((tmp_path / text[:4] / "trec").glob("*.mono.en-en.run"))
        runs[text[:4]] = run_of(path)
    some = 0
    for query, fused in runs["rrf("].items():
        expected: dict[str, float] = {}
        for one in ("dens", "bm25"):
            for rank, document in enumerate(runs[one].get(query, [])[:20], 1):
                expected[document] = expected.get(document, 0) + 1 / (5 + rank)
        assert set(fused) == set(expected)
        scores = [expected[document] for document in fused]
        assert scores == pytest.approx(sorted(scores, reverse=True), abs=1e-6)
        some += len(runs["bm25"].get(query, [])) > 0
    assert some > 20


def test_what_shares_no_word_is_not_retrieved(collection, tmp_path):
    rows = evaluate(None, collection, LANGUAGES, measures=["R@100"], settings=["cross"], out=tmp_path, retriever="bm25")
    assert {one.value for one in rows} == {0.0}  # invented languages share nothing
    assert not run_of(next((tmp_path / "trec").glob("*.cross.en-de.run")))


def test_chance_is_the_floor(collection, tmp_path):
    texts = ["random", "random(seed=2)", "random"]
    found = [
        evaluate(None, collection, LANGUAGES, measures=["RR"], settings=["mono"], out=tmp_path / str(at), retriever=one)
        for at, one in enumerate(texts)
    ]
    assert found[0] == found[2] != found[1]
    assert all(0 < one.value < 0.2 for one in found[0])


def test_what_is_missing_is_said(encoder, collection, indexes, tmp_path):
    with pytest.raises(SpecError, match=r"rrf\(dense,bm25\) needs an encoder"):
        evaluate(None, collection, LANGUAGES, measures=["AP"], out=tmp_path, retriever="rrf(dense,bm25)")
    more = [*collection.documents("en"), Document("en-more", "en", "one more")]
    other = build_index(encoder, more, tmp_path / "en", language="en")
    with pytest.raises(DataError, match="do not hold the collection's documents"):
        evaluate(encoder, collection, {"en": other}, measures=["AP"], out=tmp_path / "out", retriever="rrf(dense,bm25)")
