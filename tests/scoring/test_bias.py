"""PEER against its authors' implementation, and the ranks that are kept of every query."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xlreach.scoring.bias import language_preference, peer, tied_beyond
from xlreach.scoring.evaluation import evaluate
from xlreach.scoring.measures import RelevantRanks, compute, parse_measure


def theirs(ranks, languages):
    """Of the package peer_measure; the rest of it does not run with today's ir-measures."""
    peer_measure = pytest.importorskip("peer_measure")
    return peer_measure.kruskal(*[[float(r) for r in ranks[languages == one]] for one in range(3)])[1]


@pytest.mark.parametrize("seed", range(20))
def test_peer_is_that_of_its_authors(seed):
    """Where all relevant documents are found: how theirs ranks those that are not depends on how many there are."""
    rng = np.random.default_rng(seed)
    size, cutoff = 60, 40
    of = rng.integers(0, 2 + seed % 2, size)  # with two of the three languages, and with all
    relevant = rng.choice(cutoff, 8, replace=False)
    judged = RelevantRanks((relevant + 1.0)[None], np.ones((1, 8), np.int64))
    found = peer(tied_beyond(judged, cutoff), of[relevant][None], 3)[0]
    assert found == pytest.approx(theirs(relevant + 1, of[relevant]), abs=1e-12)
    others = np.setdiff1d(np.arange(cutoff), relevant)
    assert peer(others[None] + 1.0, of[others][None], 3)[0] == pytest.approx(theirs(others + 1, of[others]), abs=1e-12)


def test_peer_says_what_is_fair():
    languages = np.array([[0, 1] * 10, [0] * 10 + [1] * 10, [0] * 20, [-1] * 20])
    fair, unfair, single, nothing = peer(np.tile(np.arange(1.0, 21), (4, 1)), languages, 2)
    assert fair > 0.6 and unfair < 0.001 and single == 1 and np.isnan(nothing)
    one_each = np.array([[0, 1]])
    assert np.isnan(peer(np.array([[1.0, 50.0]]), one_each, 2, repeated=True))
    assert peer(np.array([[1.0, 50.0]]), one_each, 2) == peer(np.array([[1.0, 2.0]]), one_each, 2)  # why


def test_preference_for_the_language_of_the_query():
    """Ranks 2 (own language), 1 and 5; the own one first; only own ones; no own one; none found; own one not found."""
    inf = np.inf
    ranks = np.array([[2.0, 1, 5], [1, 3, inf], [4, 12, inf], [1, 2, 3], [inf, inf, inf], [inf, 2, inf]])
    grades = np.array([[1, 1, 1], [2, 1, 0], [1, 1, 0], [1, 1, 1], [1, 1, 1], [1, 3, 0]])
    own = np.array([[1, 0, 0], [1, 0, 1], [1, 1, 0], [0, 0, 0], [1, 0, 0], [1, 0, 0]], bool)
    preferred, gained = language_preference(RelevantRanks(ranks, grades), own, 10)
    assert preferred == pytest.approx([0, 1, np.nan, np.nan, np.nan, 0], nan_ok=True)
    both = (1 / np.log2(5)) / (1 + 1 / np.log2(3))  # one at rank 4, one beyond the cutoff
    assert gained == pytest.approx([1 / np.log2(3), 1, both, np.nan, 0, 0], nan_ok=True)


def test_preference_is_that_of_the_ranking(encoder, collection, indexes, tmp_path):
    """TLR, LPR and Lang-nDCG again from the run that was written."""
    evaluate(encoder, collection, indexes, measures=["AP"], settings=["multi"], depth=None, out=tmp_path)
    queries = pd.read_parquet(tmp_path / "queries.parquet").set_index(["measure", "query_id"]).value
    language = {doc.id: code for code in indexes for doc in collection.documents(code)}
    rankings: dict[str, list[str]] = {}
    for line in next((tmp_path / "trec").glob("*.multi.mt.run")).read_text().splitlines():
        query, _, document, *_ = line.split()
        rankings.setdefault(query, []).append(document)
    for query, ranking in rankings.items():
        relevant: dict[str, int] = {}
        for code in indexes:
            grades = collection.qrels("mt", code).get(query, {})
            relevant |= {doc: grade for doc, grade in grades.items() if grade > 0}
        hits = [doc for doc in ranking if doc in relevant]
        assert queries["TLR@10", query] == sum(language[doc] == "mt" for doc in ranking[:10]) / 10
        assert queries["LPR", query] == (language[hits[0]] == "mt")
        own = {rank: relevant[doc] for rank, doc in enumerate(ranking, 1) if doc in relevant and language[doc] == "mt"}
        ideal = sum(grade / np.log2(at + 1) for at, grade in enumerate(sorted(own.values(), reverse=True), 1))
        gained = sum(grade / np.log2(rank + 1) for rank, grade in own.items() if rank <= 10)
        assert queries["Lang-nDCG@10", query] == pytest.approx(gained / ideal)


def test_a_pooled_collection_says_how_much_is_judged(encoder, collection, indexes, tmp_path, monkeypatch):
    rows = evaluate(encoder, collection, indexes, measures=["AP"], out=tmp_path / "all", depth=None)
    assert not {"Judged@10", "Bpref"} & {row.measure for row in rows}
    monkeypatch.setattr(collection, "pooled", True)
    rows = evaluate(encoder, collection, indexes, measures=["AP"], settings=["mono"], out=tmp_path, depth=None)
    judged = {row.query_language: row.value for row in rows if row.measure == "Judged@10"}
    assert set(judged) == {"en", "de", "mt"} == {row.query_language for row in rows if row.measure == "Bpref"}
    qrels, top = collection.qrels("mt", "mt"), []
    for line in next((tmp_path / "trec").glob("*.mono.mt-mt.run")).read_text().splitlines():
        query, _, document, rank, *_ = line.split()
        top += [document in qrels[query]] if int(rank) <= 10 else []
    assert judged["mt"] == pytest.approx(np.mean(top)) and 0 < judged["mt"] < 1


def test_what_is_not_found_is_tied_behind_the_cutoff():
    judged = RelevantRanks(np.array([[3.0, 101, np.inf, np.inf]]), np.array([[1, 2, 1, 0]]))
    assert tied_beyond(judged, 100).tolist() == [[3, 101.5, 101.5, 0]]


def test_peer_is_measured_of_relevant_and_other_documents(encoder, collection, indexes, tmp_path):
    rows = evaluate(encoder, collection, indexes, measures=["AP"], out=tmp_path, runs=False)
    found = {(r.query_language, r.measure): r for r in rows if r.measure.startswith("PEER")}
    assert set(found) == {(a, m) for a in ("en", "de", "mt") for m in ("PEER@100", "PEER_others@100")}
    assert all(0 < row.value < 1 for row in found.values())
    assert found["en", "PEER@100"].n == 49 and found["en", "PEER_others@100"].n == 50  # one has no answer


@pytest.mark.parametrize("retriever", ["dense", "bm25"])
def test_ranks_give_the_measures_again(encoder, collection, indexes, tmp_path, retriever):
    evaluate(encoder, collection, indexes, measures=["AP", "nDCG@10"], out=tmp_path, depth=None, retriever=retriever)
    ranks = pd.read_parquet(tmp_path / "ranks.parquet")
    queries = pd.read_parquet(tmp_path / "queries.parquet")
    where = ["setting", "query_language", "document_language", "query_id", "group", "dataset"]
    assert not ranks.duplicated(where).any()
    for row in ranks.itertuples():
        judged = RelevantRanks(np.where(row.ranks > 0, row.ranks, np.inf)[None], row.grades[None].astype(np.int64))
        own = queries[(queries.query_id == row.query_id) & (queries.setting == row.setting)]
        if row.setting != "multi":
            own = own[own.document_language == row.document_language]
        for measure in ("AP", "nDCG@10"):
            (value,) = own.value[own.measure == measure]
            assert compute(parse_measure(measure), judged)[0] == value
    assert set(ranks.pool[ranks.setting == "multi"]) == {270} and set(ranks.pool[ranks.setting != "multi"]) == {90}
    assert (ranks.ranks.map(len) == ranks.grades.map(len)).all() and ranks.ranks.map(len).isin([0, 2, 4, 6]).all()
