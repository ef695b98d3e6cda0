"""A document with a query's own id is left out only in collections where it is the query itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import xlreach as xl
from xlreach.corpora.collection import Document, Query
from xlreach.corpora.parallel_text import AlignedFiles, ParallelText
from xlreach.corpora.registry import open_dataset
from xlreach.corpora.sources.retrieval_folder import write_collection

PASSAGES = [
    ("12#0", "The Nile is the longest river of Africa."),
    ("13#0", "Bread is baked from flour and water."),
    ("14#0", "The Moon circles the Earth."),
]
TOPICS = [("12#0", "Which is the longest river of Africa?"), ("99#0", "What is bread baked from?")]


@pytest.fixture
def miracl(tmp_path) -> Path:
    """MIRACL's layout; ids of topics and passages have one shape, and one of them is both."""
    root = tmp_path / "data" / "qa" / "miracl"
    topics = root / "miracl-v1.0-sw" / "topics" / "topics.miracl-v1.0-sw-dev.tsv"
    qrels = root / "miracl-v1.0-sw" / "qrels" / "qrels.miracl-v1.0-sw-dev.tsv"
    corpus = root / "miracl-corpus-v1.0-sw" / "docs-0.jsonl"
    for path in (topics, qrels, corpus):
        path.parent.mkdir(parents=True)
    topics.write_text("".join(f"{name}\t{text}\n" for name, text in TOPICS), "utf-8")
    qrels.write_text("12#0\tQ0\t12#0\t1\n99#0\tQ0\t13#0\t1\n", "utf-8")
    rows = (json.dumps({"docid": name, "title": "", "text": text}) + "\n" for name, text in PASSAGES)
    corpus.write_text("".join(rows), "utf-8")
    return tmp_path / "data"


@pytest.mark.parametrize("retriever", ["dense", "bm25", "rrf(dense,bm25)", "random"])
@pytest.mark.parametrize("factory", ["Flat", "HNSW8"])
def test_the_passage_with_the_topics_id_is_ranked(tiny_encoder, miracl, tmp_path, retriever, factory):
    xl.score(
        tiny_encoder, "miracl", languages=["sw"], settings=["mono"], measures=["RR"], retriever=retriever,
        factory=factory, out=tmp_path / "scores", data=miracl,
    )  # fmt: skip
    (run,) = (tmp_path / "scores" / "trec").glob("*.run")
    ranked = {tuple(line.split()[:3:2]) for line in run.read_text("utf-8").splitlines()}
    if retriever in ("dense", "random"):
        assert ranked == {(f"sw/{topic}", f"sw/{passage}") for topic, _ in TOPICS for passage, _ in PASSAGES}
    assert ("sw/12#0", "sw/12#0") in ranked


def test_a_relevant_passage_with_the_topics_id_counts(miracl, tmp_path, tiny_encoder):
    scores = xl.score(
        tiny_encoder, "miracl", languages=["sw"], settings=["mono"], measures=["RR"], retriever="bm25", data=miracl
    )
    values = {row.measure: row.value for row in scores}
    assert values["RR"] == 1.0 and "Judged@10" in values  # MIRACL is pooled


def test_pools_are_as_large_as_what_is_ranked(tiny_encoder, miracl, tmp_path):
    import pandas as pd

    scores = xl.score(tiny_encoder, "miracl", languages=["sw"], settings=["mono"], measures=["RR"], data=miracl)
    assert pd.read_parquet(scores.folder / "ranks.parquet")["pool"].tolist() == [3, 3]


def test_a_run_of_a_search_holds_the_documents_with_the_queries_ids(tiny_encoder, tmp_path):
    documents = [{"_id": name, "text": text} for name, text in PASSAGES]
    index = xl.Index.build(tiny_encoder, {"en": documents}, out=tmp_path / "index")
    index.write_run(tmp_path / "run", dict(TOPICS), k=3)
    lines = [line.split() for line in (tmp_path / "run").read_text("utf-8").splitlines()]
    assert len(lines) == 6
    assert ["12#0", "12#0"] in [[line[0], line[2]] for line in lines]


def written(folder: Path) -> Path:
    texts = dict(PASSAGES)
    write_collection(
        folder,
        [Document(name, "en", text) for name, text in PASSAGES],
        [Query(name, "en", texts[name], name) for name in ("12#0", "13#0")],
        {"12#0": {"14#0": 1}, "13#0": {"14#0": 1}},
    )
    return folder


@pytest.mark.parametrize(
    ("name", "dataset", "left_out"),
    [
        ("arguana", "folder:arguana", True),
        ("quora", "folder:quora", True),
        ("cqadupstack-android", "folder:cqadupstack-android", True),
        ("mine", "folder:mine(self_retrieving=true)", True),
        ("mine", "folder:mine", False),
    ],
)
def test_collections_whose_queries_are_documents_leave_them_out(tiny_encoder, tmp_path, name, dataset, left_out):
    written(tmp_path / "data" / name)
    out = tmp_path / "scores"
    scores = xl.score(tiny_encoder, dataset, settings=["mono"], measures=["RR"], out=out, data=tmp_path / "data")
    (run,) = (out / "trec").glob("*.run")
    pairs = [line.split()[:3:2] for line in run.read_text("utf-8").splitlines()]
    assert (["12#0", "12#0"] in pairs) == (not left_out)
    assert any("own id" in note for note in scores.notes) == left_out


def test_parallel_text_is_self_retrieving(tmp_path):
    folder = tmp_path / "parallel" / "talks"
    folder.mkdir(parents=True)
    for code in ("en", "mt"):
        (folder / f"{code}.txt").write_text("one\ntwo\n", "utf-8")
    assert ParallelText(
        "talks", [AlignedFiles("", {code: folder / f"{code}.txt" for code in ("en", "mt")})]
    ).self_retrieving
    written(tmp_path / "plain")
    assert not open_dataset("folder:plain", tmp_path).self_retrieving
