"""A measure of ir-measures is tried before anything is encoded, and computed on ids that all providers take."""

from __future__ import annotations

import contextlib
from pathlib import Path

import ir_measures
import pytest

import xlreach as xl
from xlreach.corpora.collection import Document, Query
from xlreach.corpora.sources.retrieval_folder import write_collection
from xlreach.errors import SpecError
from xlreach.scoring import measures


@pytest.fixture
def data(tmp_path) -> Path:
    """Four documents with grades, a negative one among them; the second query shares no word with any."""
    texts = ["the nile is long", "bread is baked", "the moon circles", "a long river"]
    write_collection(
        tmp_path / "data" / "small",
        [Document(f"d-{n}", "en", text) for n, text in enumerate(texts)],
        [Query("en/q:1", "en", "long nile", "1"), Query("en/q:2", "en", "zzz", "2")],
        {"en/q:1": {"d-0": 2, "d-3": 1, "d-1": -1}, "en/q:2": {"d-2": 1}},
    )
    return tmp_path / "data"


@pytest.mark.parametrize(
    "measure",
    [
        "ERR@10",
        'nDCG(dcg="exp-log2")@10',
        "Judged@10",
        "Accuracy",
        "Bpref",
        "infAP",
        "IPrec@0.1",
        "NumRet",
    ],
)
@pytest.mark.parametrize("retriever", ["bm25", "dense"])
def test_delegated_measures_are_those_of_the_written_run(tiny_encoder, data, tmp_path, measure, retriever):
    scores = xl.score(
        tiny_encoder, "folder:small", settings=["mono"], measures=[measure], retriever=retriever, data=data,
        out=tmp_path / "scores",
    )  # fmt: skip
    trec = tmp_path / "scores" / "trec"
    names: dict[str, str] = {}

    def plain(name: str) -> str:
        return names.setdefault(name, str(len(names) + 1))

    qrels = [
        ir_measures.Qrel(plain(row.query_id), plain(row.doc_id), row.relevance)
        for row in ir_measures.read_trec_qrels(str(next(trec.glob("*.qrels"))))
    ]
    run = [
        ir_measures.ScoredDoc(plain(row.query_id), plain(row.doc_id), row.score)
        for row in ir_measures.read_trec_run(str(next(trec.glob("*.run"))))
    ]
    asked = {row.query_id for row in run}
    qrels = [row for row in qrels if row.query_id in asked]
    parsed = ir_measures.parse_measure(measure)
    values = []
    for query in asked:
        with contextlib.suppress(ZeroDivisionError):  # a provider's own where the measure is not defined
            own = [row for row in qrels if row.query_id == query], [row for row in run if row.query_id == query]
            values += [metric.value for metric in ir_measures.iter_calc([parsed], *own)]
    (row,) = scores
    assert row.n == 2
    assert row.value == pytest.approx(sum(values) / 2)


def test_a_query_that_finds_nothing_counts_as_zero(tiny_encoder, data):
    rows = xl.score(
        tiny_encoder, "folder:small", settings=["mono"], measures=["Judged@10", "Accuracy"], retriever="bm25", data=data
    )
    assert [row.n for row in rows] == [2, 2]


@pytest.mark.parametrize("measure", ["INST", "ERR@10"])
def test_a_measure_that_fails_is_refused_before_encoding(tiny_encoder, data, monkeypatch, measure):
    def fail(*arguments: object) -> None:
        raise AssertionError("nothing may be encoded")

    monkeypatch.setattr("xlreach.retrieval.index.build_index", fail)
    if measure == "ERR@10":
        monkeypatch.setenv("PATH", "/nowhere")  # its provider is a program that needs perl
        measures.parse_measure.cache_clear()
    with pytest.raises(SpecError, match=measure):
        xl.score(tiny_encoder, "folder:small", settings=["mono"], measures=[measure], data=data)
    measures.parse_measure.cache_clear()
