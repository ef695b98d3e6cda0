from __future__ import annotations

from dataclasses import replace

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlreach.errors import SpecError
from xlreach.scoring.bias import language_shares, rank_distance
from xlreach.scoring.measures import RelevantRanks, compute, parse_measure, parse_measures, ranked
from xlreach.scoring.ranks import key_places, key_scores, order_keys, ranks_among, tie_places, untie

MEASURES = [
    "AP", "AP@5", "AP(rel=2)", "AP(rel=2)@7", "RR", "RR(rel=2)", "P@1", "P@5", "P(rel=2)@500", "R@1", "R@5", "R@500",
    "R(rel=2)@5", "Success@1", "Success@5", "Success(rel=2)@5", "Rprec", "Rprec(rel=2)", "nDCG", "nDCG@1", "nDCG@5",
    "nDCG@500",
]  # fmt: skip

scores_of = st.lists(st.sampled_from([-1.0, -0.5, -0.0, 0.0, 1e-30, 0.25, 0.5, 1.0]), min_size=1, max_size=40)


def by_trec_eval(ids: list[str], scores: np.ndarray) -> list[int]:
    by_id = sorted(range(len(ids)), key=lambda at: ids[at], reverse=True)
    return sorted(by_id, key=lambda at: -scores[at])


@settings(deadline=None)
@given(scores_of, st.randoms(use_true_random=False))
def test_ranks_are_those_of_trec_eval(values, generator):
    scores = np.array([values, values[::-1]], np.float32)
    ids = [f"d{number}" for number in generator.sample(range(1000), len(values))]
    by_id = tie_places(ids)
    keys = order_keys(scores, by_id)
    rising = np.sort(keys, axis=1)
    ranks = ranks_among(keys, rising)
    places = np.argsort(by_id)
    for row in range(2):
        order = by_trec_eval(ids, scores[row])
        assert [ranks[row, at] for at in order] == list(range(1, len(ids) + 1))
        best = rising[row, ::-1]
        assert places[key_places(best)].tolist() == order
        assert key_scores(best).tolist() == scores[row][order].tolist()
    assert ranks_among(keys[:, :0], rising).shape == (2, 0)
    left_out = order_keys(np.float32([-np.inf]), by_id[:1])
    assert np.isneginf(key_scores(left_out)).all() and (left_out < rising).all()


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=60))
def test_unties_by_the_smallest_steps(values):
    scores = -np.sort(-np.array([values], np.float32))
    moved = untie(scores)
    assert (np.diff(moved) < 0).all() and (moved <= scores).all()
    assert np.abs(moved - scores).max() <= 60 * np.spacing(np.float32(1))
    if len(set(values)) == len(values) and 0 not in values:
        assert (moved == scores).all()


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_measures_equal_ir_measures_on_the_whole_run(seed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 60))
    ids = [f"d{number}" for number in rng.permutation(1000)[:size]]
    queries = [f"q{number}" for number in range(5)]
    scores = rng.integers(-3, 4, (5, size)).astype(np.float32) / 4
    qrels = {query: {} for query in queries}
    width = int(rng.integers(1, 8))
    columns, grades = np.full((5, width), -1), np.zeros((5, width), np.int64)
    for row, query in enumerate(queries):
        for at, column in enumerate(rng.permutation(size)[: int(rng.integers(0, width + 1))]):
            qrels[query][ids[column]] = grade = int(rng.integers(1, 4))
            columns[row, at], grades[row, at] = column, grade
        qrels[query]["somewhere else"] = 0
    if rng.random() < 0.5 and columns[0, -1] == -1:
        qrels["q0"]["not in the pool"], grades[0, -1] = 2, 2
    keys = order_keys(scores, tie_places(ids))
    ranks = ranks_among(np.take_along_axis(keys, np.maximum(columns, 0), axis=1), np.sort(keys, axis=1))
    judged = RelevantRanks(np.where(columns < 0, np.inf, ranks), grades)
    depth = int(rng.integers(1, size + 1))
    measures = parse_measures(MEASURES)
    run = {}
    for row, query in enumerate(queries):
        run[query] = {ids[at]: float(scores[row, at]) for at in by_trec_eval(ids, scores[row])[:depth]}
    theirs = {(str(one.measure), one.query_id): one.value for one in ir_measures.iter_calc(measures, qrels, run)}
    for measure in measures:
        ours = compute(measure, replace(judged, ranks=np.where(judged.ranks <= depth, judged.ranks, np.inf)))
        for row, query in enumerate(queries):
            assert ours[row] == pytest.approx(theirs[str(measure), query], abs=1e-9), (measure, query)


def test_average_precision_of_one_relevant_document_is_its_reciprocal_rank():
    judged = RelevantRanks(np.array([[3.0], [1.0], [np.inf]]), np.ones((3, 1), np.int64))
    for text in ("AP", "RR"):
        assert compute(parse_measure(text), judged).tolist() == [1 / 3, 1, 0]


def test_measure_strings():
    assert str(parse_measure("NDCG@10")) == "nDCG@10"
    assert [str(one) for one in parse_measures(["MAP", "AP", "R@5"])] == ["AP", "R@5"]
    assert ranked(parse_measure("nDCG@10")) and not ranked(parse_measure("Bpref"))
    assert not ranked(parse_measure("AP(judged_only=True)"))
    for text, expected in (
        ("nDGC@10", r"Did you mean 'nDCG'"),
        ("nDCG@", "no measure"),
        ("nDCG@ten", "no measure"),
        ("nDCG@0", "cutoff of 0"),
        ("R", "no measure.*cutoff"),
        ("AP(rel='high')", "no measure"),
        ("AP(k=3)", "no measure"),
        ("", "no measure"),
        ("a b", "no measure"),
    ):
        with pytest.raises(SpecError, match=expected):
            parse_measure(text)
    with pytest.raises(SpecError, match="No measure"):
        parse_measures([])


def test_rank_distance():
    ranks = np.array([[4.0, 1.0, 9.0], [5.0, 7.0, np.inf], [2.0, np.inf, np.inf], [np.inf] * 3])
    grades = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 1, 0]])
    assert rank_distance(RelevantRanks(ranks, grades))[:3].tolist() == [8, 2, 0]
    assert np.isnan(rank_distance(RelevantRanks(ranks, grades))[3])
    assert np.isnan(rank_distance(RelevantRanks(np.array([[1.0, np.inf]]), np.array([[1, 1]])))[0])


def test_shares():
    languages = np.array([[0, 0, 1, 2], [1, -1, -1, -1], [-1, -1, -1, -1]])
    assert language_shares(languages[:, :1], 3).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert language_shares(languages, 3).tolist() == [[0.5, 0.25, 0.25], [0, 1, 0], [0, 0, 0]]
    assert language_shares(np.zeros((2, 0), np.int64), 3).tolist() == [[0, 0, 0], [0, 0, 0]]
