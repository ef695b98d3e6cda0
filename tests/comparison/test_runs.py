from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from xlreach.comparison import compare_runs
from xlreach.errors import DataError
from xlreach.measurement import write_measurements

SMALL = {
    "bases": ("x",), "recipes": ("none", "lapt"), "alignments": ("none",), "seeds": (1, 2, 3, 4, 5),
    "high": ("en", "de"), "low": ("mt", "wo"), "measures": ("nDCG@10",), "queries": 40,
}  # fmt: skip


def write(folder, made, data="ntrex", queries=True):
    folder.mkdir()
    write_measurements(folder / "results.jsonl", made.results)
    config = {"study": folder.name, "data": data, "languages": made.levels}
    (folder / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    if queries:
        made.queries.to_parquet(folder / "queries.parquet")
        made.sentences.to_parquet(folder / "sentences.parquet")
    return folder


@pytest.fixture(scope="module")
def made(make_study):
    return make_study(**SMALL)


def better(made, code="mt", by=0.1, recipe="lapt"):
    """The same run, one language of one recipe better at everything, by a little more or less in each query."""
    rng, keys = (
        np.random.default_rng(0),
        ["recipe", "seed", "setting", "query_language", "document_language", "measure"],
    )
    mine = (made.queries["query_language"] == code) & (made.queries["recipe"] == recipe)
    queries = made.queries.assign(value=made.queries["value"] + mine * rng.normal(by, by / 20, len(mine)))
    means = {tuple(map(str, key)): part.mean() for key, part in queries.groupby(keys, dropna=False)["value"]}
    mine = (made.sentences["language"] == code) & (made.sentences["recipe"] == recipe)
    more = mine * made.sentences["total"] * rng.normal(by, by / 20, len(mine))
    sentences = made.sentences.assign(correct=made.sentences["correct"] + more)
    results = []
    for row in made.results:
        if row.kind == "retrieval":
            key = tuple(
                str("nan" if row.document_language is None and k == "document_language" else getattr(row, k))
                for k in keys
            )
            row = dataclasses.replace(row, value=float(means[key]))
        elif row.kind == "tagging" and (row.recipe, row.language) == (recipe, code):
            mine = (sentences["language"] == code) & (sentences["recipe"] == recipe) & (sentences["seed"] == row.seed)
            tallies = sentences[mine & (sentences["measure"] == row.measure) & (sentences["dataset"] == row.dataset)]
            row = dataclasses.replace(row, value=float(100 * tallies["correct"].sum() / tallies["total"].sum()))
        results.append(row)
    return dataclasses.replace(made, results=results, queries=queries, sentences=sentences)


def test_a_run_with_itself_differs_in_nothing(made, tmp_path):
    a = write(tmp_path / "a", made)
    shutil.copytree(a, tmp_path / "b")
    found = compare_runs(a, tmp_path / "b")
    assert found.rows and all(row.difference == 0 and row.verdict == "cannot tell" for row in found.rows)


def test_what_is_better_is_found_with_scipys_figures(made, tmp_path):
    a, b = write(tmp_path / "a", made), write(tmp_path / "b", better(made))
    found = compare_runs(a, b)
    told = {
        (row.language or row.scope, row.system.recipe, row.setting, row.measure)
        for row in found.rows
        if row.verdict == "better"
    }
    retrieval = {("mt", "lapt", one, "nDCG@10") for one in ("mono", "cross", "multi")}
    assert retrieval <= told and ("mt", "lapt", None, "LAS") in told
    assert {("low", "lapt", "cross", "nDCG@10"), ("gap", "lapt", "cross", "nDCG@10")} <= told
    assert not any(row.verdict == "worse" for row in found.rows)
    assert all(code in ("mt", "low", "gap") and recipe == "lapt" for code, recipe, *_ in told)
    row = next(r for r in found.rows if (r.language, r.setting, r.system.recipe) == ("mt", "mono", "lapt"))
    assert row.difference == pytest.approx(0.1, abs=0.01) and row.units == 40 and row.test == "paired_queries"
    back = compare_runs(b, a)
    assert {row.verdict for row in back.rows} == {"worse", "cannot tell"}


def test_paired_interval_is_scipys_where_nothing_was_trained(made, make_study, tmp_path):
    other = make_study(**SMALL | {"seed": 3})
    runs = []
    for name, study in (("a", made), ("b", other)):
        kept = [dataclasses.replace(row, seed=None) for row in study.results if row.seed == 1]
        queries = study.queries[study.queries["seed"] == 1].assign(seed=None)
        runs.append(write(tmp_path / name, dataclasses.replace(study, results=kept, queries=queries)))
    found = compare_runs(*runs)
    row = next(r for r in found.rows if (r.language, r.setting, r.system.recipe) == ("wo", "mono", "none"))

    def per_group(frame):
        mine = frame[(frame["query_language"] == "wo") & (frame["setting"] == "mono") & (frame["recipe"] == "none")]
        return mine[mine["seed"] == 1].groupby("group")["value"].mean()

    theirs = stats.ttest_rel(per_group(other.queries), per_group(made.queries))
    ends = theirs.confidence_interval()
    assert row.interval == pytest.approx([ends.low, ends.high], rel=1e-4)
    assert row.p == pytest.approx(theirs.pvalue, rel=1e-3)


def test_other_data_is_not_paired(made, tmp_path):
    a, b = write(tmp_path / "a", made, "artificial(seed=1)"), write(tmp_path / "b", made, "artificial(seed=2)")
    tests = {row.test for row in compare_runs(a, b).rows if row.kind == "retrieval"}
    assert "unpaired_queries" in tests and "paired_queries" not in tests


def test_two_encoders_of_other_names_are_compared(made, tmp_path):
    keep = [row for row in made.results if row.recipe == "none"]
    one = dataclasses.replace(made, results=keep, queries=made.queries[made.queries["recipe"] == "none"])
    renamed = dataclasses.replace(
        one,
        results=[dataclasses.replace(row, base="y", recipe="va(99)") for row in keep],
        queries=one.queries.assign(base="y", recipe="va(99)"),
    )
    found = compare_runs(write(tmp_path / "a", one), write(tmp_path / "b", renamed))
    assert {row.test for row in found.rows} >= {"paired_queries"}
    assert all(row.difference == 0 for row in found.rows)


def test_without_values_by_query_or_with_one_seed_there_is_no_test(made, tmp_path):
    a = write(tmp_path / "a", made, queries=False)
    b = write(tmp_path / "b", better(made, by=0.2), queries=False)
    found = compare_runs(a, b)
    assert all(row.p is None and row.verdict == "cannot tell" for row in found.rows)
    runs = []
    for name, study in (("c", made), ("d", better(made, by=0.2))):
        single = [row for row in study.results if row.seed == 1]
        queries = study.queries[study.queries["seed"] == 1]
        sentences = study.sentences[study.sentences["seed"] == 1]
        alone = dataclasses.replace(study, results=single, queries=queries, sentences=sentences)
        runs.append(write(tmp_path / name, alone))
    assert all(row.p is None and row.verdict == "cannot tell" for row in compare_runs(*runs).rows)


def test_nothing_in_common_is_refused(made, tmp_path):
    other = dataclasses.replace(made, results=[dataclasses.replace(row, measure="AP") for row in made.results])
    a, b = write(tmp_path / "a", made), write(tmp_path / "b", other, queries=False)
    with pytest.raises(DataError, match="no measurement in common"):
        compare_runs(a, b)
    (b / "config.yaml").unlink()
    with pytest.raises(DataError, match="Cannot be read"):
        compare_runs(a, b)
    assert isinstance(made.queries, pd.DataFrame)


def test_two_systems_of_one_run(make_study, tmp_path):
    made = make_study(**SMALL)
    run = write(tmp_path / "a", made)
    found = compare_runs(run, run, systems=("none", "lapt"))
    assert (found.a, found.b, found.one_system) == ("none", "lapt", True)
    assert {row.system.recipe for row in found.rows} == {"none"}  # named as the first is
    (low,) = [r for r in found.rows if (r.setting, r.scope, r.measure) == ("mono", "low", "nDCG@10")]
    assert low.p < 0.05 and low.difference > 0
    means = {
        recipe: np.mean([row.value for row in made.results if (row.recipe, row.setting) == (recipe, "mono")
                         and row.query_language in SMALL["low"] and row.measure == "nDCG@10"])
        for recipe in SMALL["recipes"]
    }  # fmt: skip
    assert low.difference == pytest.approx(means["lapt"] - means["none"]) and low.test == "paired_queries"
    assert any(row.kind == "tagging" and row.language == "mt" and row.verdict == "better" for row in found.rows)
    with pytest.raises(DataError, match="no system 'lapd'"):
        compare_runs(run, run, systems=("none", "lapd"))


def test_systems_with_alignments_and_retrievers(make_study, tmp_path):
    """What is tagged has no alignment: it is compared, too, when two aligned systems are."""
    made = make_study(**SMALL | {"alignments": ("none", "mono")})
    lexical = (made.queries["recipe"] == "none") & (made.queries["alignment"] == "none")
    rows = [
        dataclasses.replace(row, retriever="bm25") for row in made.results
        if row.kind == "retrieval" and (row.recipe, row.alignment) == ("none", "none")
    ]  # fmt: skip
    queries = pd.concat([made.queries, made.queries[lexical].assign(retriever="bm25")])
    run = write(tmp_path / "a", dataclasses.replace(made, results=[*made.results, *rows], queries=queries))
    found = compare_runs(run, run, systems=("lapt", "lapt with mono"))
    assert {row.kind for row in found.rows} == {"retrieval", "tagging"}
    retrieval = [row for row in found.rows if row.kind == "retrieval"]
    assert {row.system.alignment for row in retrieval} == {"none"} and {row.test for row in retrieval} == {
        "paired_queries"
    }
    same = compare_runs(run, run, systems=("none", "bm25"))
    assert {row.kind for row in same.rows} == {"retrieval", "tagging"}
    assert all(row.difference == 0 for row in same.rows) and {row.system.retriever for row in same.rows} == {"dense"}
