from __future__ import annotations

import io
import itertools
import subprocess
import sys
from contextlib import redirect_stdout

import ir_measures
import numpy as np
import pandas as pd
import pytest

from xlreach.corpora.parallel_text import AlignedFiles, ParallelText
from xlreach.errors import DataError, IndexFolderError, SpecError
from xlreach.measurement import read_measurements
from xlreach.retrieval.index import build_index
from xlreach.scoring.evaluation import evaluate

MEASURES = ["nDCG@10", "AP", "R@5", "R@100", "RR", "RR@10", "Success@1", "Bpref", "ERR@10", "P@3"]
USED = [one for one in MEASURES if one != "ERR@10"]  # gdeval needs perl


def score(encoder, collection, indexes, out, **kwargs):
    return evaluate(encoder, collection, indexes, **{"measures": USED, **kwargs}, out=out)


def by_cell(rows):
    return {(r.setting, r.query_language, r.document_language, r.measure): r for r in rows}


def command(qrels, run, measures) -> dict[str, float]:
    """What the `ir_measures` command prints."""
    from ir_measures.__main__ import main_cli

    printed, arguments = io.StringIO(), sys.argv
    sys.argv = ["ir_measures", str(qrels), str(run), *measures, "--places", "12"]
    try:
        with redirect_stdout(printed):
            main_cli()
    finally:
        sys.argv = arguments
    return {line.split("\t")[0]: float(line.split("\t")[1]) for line in printed.getvalue().splitlines()}


@pytest.mark.parametrize("factory", ["Flat", "HNSW16", "IVF4,Flat"])
@pytest.mark.parametrize("depth", [1000, 7])
def test_written_runs_give_the_same_figures(encoder, collection, indexes, tmp_path, factory, depth):
    if factory != "Flat":
        indexes = {
            code: build_index(encoder, collection.documents(code), tmp_path / code, factory=factory, language=code)
            for code in indexes
        }
    rows = score(encoder, collection, indexes, tmp_path / "out", depth=depth)
    cells = by_cell(rows)
    assert read_measurements(tmp_path / "out" / "measurements.jsonl") == rows
    runs = sorted((tmp_path / "out" / "trec").glob("*.run"))
    assert len(runs) == 3 + 4 + 3
    for run in runs:
        _, setting, where = run.stem.rsplit(".", 2)
        a, _, b = where.partition("-")
        theirs = command(run.with_suffix(".qrels"), run, USED)
        for measure in USED:
            uncut = measure in ("AP", "RR", "Bpref")
            name = f"{measure}@{max(depth, 100)}" if uncut and (factory != "Flat" or measure == "Bpref") else measure
            row = cells[setting, a, b or None, name]
            if not uncut or name != measure or depth == 1000:
                assert row.value == pytest.approx(theirs[measure], abs=1e-9), (run.name, measure)
            assert row.n == 50 - (a == "en" and setting == "cross")


def test_average_precision_is_over_whole_rankings_at_any_depth(encoder, collection, indexes, tmp_path):
    """Over an approximate index, its name says where the rankings end."""
    asked = {"measures": ["AP", "RR", "P@3"], "runs": False}
    few, every = (score(encoder, collection, indexes, tmp_path / str(d), depth=d, **asked) for d in (5, None))
    assert few == every and {row.measure for row in few} >= {"AP", "RR", "P@3"}
    approximate = {
        code: build_index(encoder, collection.documents(code), tmp_path / code, factory="IVF2,Flat", language=code)
        for code in indexes
    }
    measures = {row.measure for row in score(encoder, collection, approximate, tmp_path / "cut", depth=120, **asked)}
    assert {"AP@120", "RR@120", "P@3"} <= measures and not {"AP", "RR"} & measures


def test_the_command_itself_agrees(encoder, collection, indexes, tmp_path):
    rows = score(encoder, collection, indexes, tmp_path, settings=["multi"], measures=["nDCG@10", "AP"])
    run = next((tmp_path / "trec").glob("*multi.en.run"))
    done = subprocess.run(
        [sys.executable, "-m", "ir_measures", run.with_suffix(".qrels"), run, "nDCG@10", "AP", "--places", "12"],
        capture_output=True,
        text=True,
        check=True,
    )
    printed = dict(line.split("\t") for line in done.stdout.splitlines())
    for measure in ("nDCG@10", "AP"):
        assert by_cell(rows)["multi", "en", None, measure].value == pytest.approx(float(printed[measure]), abs=1e-9)


def test_settings_are_what_they_say(encoder, collection, indexes, tmp_path):
    rows = score(encoder, collection, indexes, tmp_path, measures=["AP"])
    cells = {(r.setting, r.query_language, r.document_language) for r in rows if r.measure == "AP"}
    languages = ["en", "de", "mt"]
    expected = {("mono", a, a) for a in languages} | {("multi", a, None) for a in languages}
    assert cells == expected | {("cross", *pair) for pair in (("en", "de"), ("de", "en"), ("en", "mt"), ("mt", "en"))}
    assert {r.kind for r in rows if r.measure == "AP"} == {"retrieval"}
    assert {r.dataset for r in rows} == {collection.name}
    # by hand: all documents of all languages, one ranking
    ids = [(one.id, code) for code in languages for one in collection.documents(code)]
    vectors = encoder.encode([one.text for code in languages for one in collection.documents(code)], "document")
    query = collection.queries("mt")[7]
    scores = encoder.encode([query.text], "query") @ vectors.T
    order = sorted(sorted(ids, reverse=True), key=lambda one: -scores[0, ids.index(one)])
    relevant = {"mt-7", "mt-16", "en-7", "en-16"}
    ranks = [rank for rank, (name, _) in enumerate(order, 1) if name in relevant]
    expected_ap = sum(at / rank for at, rank in enumerate(ranks, 1)) / 4
    queries = pd.read_parquet(tmp_path / "queries.parquet")
    mine = queries[(queries.setting == "multi") & (queries.query_id == query.id)].set_index("measure")
    assert mine.value["AP"] == pytest.approx(expected_ap)
    assert mine.value["rank_distance"] == max(ranks) - min(ranks)
    assert mine.value["rank_distance_normalised"] == pytest.approx((max(ranks) - min(ranks)) / 269)
    own = sum(code == "mt" for _, code in order[:10]) / 10
    assert mine.value["language_bias@10"] == pytest.approx(own - 0.5)
    assert mine.document_language.isna().all() and (mine.group == "7").all()


def test_per_query_values_average_to_the_measurements(encoder, collection, indexes, tmp_path):
    rows = score(encoder, collection, indexes, tmp_path)
    queries = pd.read_parquet(tmp_path / "queries.parquet")
    keys = ["setting", "query_language", "document_language", "measure"]
    means = queries.groupby(keys, dropna=False).value.agg(["mean", "size"])
    retrieval = [row for row in rows if row.kind == "retrieval"]
    assert len(means) == len(retrieval)
    for row in retrieval:
        place = (row.setting, row.query_language, row.document_language or np.nan, row.measure)
        assert (means.loc[[place], "mean"].item(), means.loc[[place], "size"].item()) == (
            pytest.approx(row.value),
            row.n,
        )
    unanswered = queries[(queries.query_id == "en-q49") & (queries.measure == "AP")]
    assert set(unanswered.setting) == {"mono", "multi"} and (unanswered.value == 0).all()


def test_shares_of_languages(encoder, collection, indexes, tmp_path):
    rows = score(encoder, collection, indexes, tmp_path, measures=["AP"])
    for a in ("en", "de", "mt"):
        for measure, total in (("share@1", 1), ("share@10", 1), ("excess_share@10", 0)):
            shares = [r for r in rows if (r.setting, r.query_language, r.measure) == ("multi", a, measure)]
            assert {r.document_language for r in shares} == {"en", "de", "mt"}
            assert {r.kind for r in shares} == {"diagnostic"}
            missing = 1 / 50 if a == "en" and total == 0 else 0  # the question without an answer expects nothing
            assert sum(r.value for r in shares) == pytest.approx(total + missing)


def test_full_rankings_and_runs_switched_off(encoder, collection, indexes, tmp_path):
    rows = score(encoder, collection, indexes, tmp_path, depth=None, runs=False)
    same = score(encoder, collection, indexes, tmp_path / "with", depth=None)
    assert not list((tmp_path / "trec").glob("*"))
    assert rows == same
    assert max(len(p.read_text().splitlines()) for p in (tmp_path / "with" / "trec").glob("*.run")) == 50 * 270


def test_a_sentence_is_not_its_own_answer(encoder, tmp_path):
    paths = {}
    for code in ("en", "de"):
        paths[code] = tmp_path / f"{code}.txt"
        paths[code].write_text("".join(f"{code}{at} {code}{at + 1}\n" for at in range(30)), "utf-8")
    bitext = ParallelText("pairs", [AlignedFiles("", paths)])
    for factory in ("Flat", "HNSW8"):
        folders = {
            code: build_index(
                encoder, bitext.documents(code), tmp_path / factory / code, factory=factory, language=code
            )
            for code in paths
        }
        rows = score(encoder, bitext, folders, tmp_path / f"{factory}-out", measures=["AP", "RR"])
        assert {row.setting for row in rows} == {"cross", "multi"}
        cells = by_cell(rows)
        ap, rr = ("AP", "RR") if factory == "Flat" else ("AP@1000", "RR@1000")
        assert cells["cross", "en", "de", ap].value == pytest.approx(cells["cross", "en", "de", rr].value)
        for run in (tmp_path / f"{factory}-out" / "trec").glob("*multi*.run"):
            lines = [line.split() for line in run.read_text().splitlines()]
            assert lines and all(line[0] != line[2] for line in lines)
            if factory == "Flat":
                assert len(lines) == 30 * 59


def test_ties_are_real_and_runs_carry_none(encoder, collection, indexes, tmp_path):
    score(encoder, collection, indexes, tmp_path, settings=["mono"], measures=["AP"])
    ties = 0
    for run in (tmp_path / "trec").glob("*.run"):
        scores: dict[str, list[tuple[float, str]]] = {}
        for query, _, document, rank, value, _ in (line.split() for line in run.read_text().splitlines()):
            scores.setdefault(query, []).append((float(value), document))
            assert int(rank) == len(scores[query])
        for found in scores.values():
            values = [value for value, _ in found]
            assert all(one > other for one, other in itertools.pairwise(values))
            assert all(np.float32(value) == value for value in values)
            unknown = [name for value, name in found if int(name.partition("-")[2]) % 9 == 0]
            assert unknown == sorted(unknown, reverse=True)
            ties += len(unknown) > 1
    assert ties == 150


def test_mistakes_are_named(encoder, collection, indexes, tmp_path):
    with pytest.raises(SpecError, match="Did you mean 'multi'"):
        score(encoder, collection, indexes, tmp_path, settings=["mult"])
    with pytest.raises(SpecError, match="Did you mean 'nDCG'"):
        score(encoder, collection, indexes, tmp_path, measures=["nDGC@3"])
    with pytest.raises(SpecError, match="depth of 0"):
        score(encoder, collection, indexes, tmp_path, depth=0)
    with pytest.raises(IndexFolderError, match="index of 'de', given as that of 'en'"):
        score(encoder, collection, {"en": indexes["de"]}, tmp_path)
    with pytest.raises(DataError, match="no judgements"):
        score(encoder, collection, {"de": indexes["de"]}, tmp_path, query_languages=["mt"])
    assert not (tmp_path / "queries.parquet").exists()


def test_importing_the_room_is_light():
    code = "import sys, xlreach.scoring.measures, xlreach.retrieval; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_default_providers_are_the_ones_compared_with():
    measures = [ir_measures.parse_measure(text) for text in USED]
    assert all(ir_measures.DefaultPipeline.supports(measure) for measure in measures)
