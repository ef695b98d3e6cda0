from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from xlreach.comparison import compare

FEW = {"resamples": 400, "permutations": 200}
BASE = ("FacebookAI/xlm-roberta-base",)


def sentences(gaps):
    (one,) = gaps["answer"]
    return {said["about"]: said for said in one["sentences"]}, " ".join(said["text"] for said in one["sentences"]), one


def test_every_claim_carries_figure_interval_and_test(make_study):
    study = make_study(
        bases=BASE, recipes=("none", "va(99)+lapt"), alignments=("none", "hybrid(alpha=0.5)"), measures=("nDCG@10",),
        queries=80, tagging=False,
    )  # fmt: skip
    said, text, one = sentences(compare(study.results, study.queries, study.levels, **FEW))
    assert (one["recipe"], one["alignment"]) == ("va(99)+lapt", "hybrid(alpha=0.5)")
    for sentence in one["sentences"]:
        if sentence["claimed"]:
            assert sentence["p_holm"] < 0.05 and sentence["test"] and sentence["interval"]
            low, high = sentence["interval"]
            assert low <= sentence["estimate"] <= high and not low <= 0 <= high
            assert (
                sentence["about"] == "why"
                or f"{sentence['estimate']:+.3f} [{low:+.3f}, {high:+.3f}]" in sentence["text"]
            )
    assert said["gap cross"]["estimate"] == pytest.approx(-0.10 + 0.08 / 5, abs=0.03) and said["gap cross"]["claimed"]
    assert said["query side"]["estimate"] == pytest.approx(-0.10, abs=0.03)
    assert said["recipe value"]["claimed"] and said["alignment value"]["claimed"]
    assert not said["alignment gap"]["claimed"]  # the alignment lifts both sides alike
    assert "expect poorer hits" in text and "va(99)+lapt helps" in text and "too few to speak of others" in text


def test_no_claim_without_a_difference(make_study):
    study = make_study(
        bases=BASE, recipes=("none",), alignments=("hybrid(alpha=0.5)",), queries=30, query_cost=0.0, document_cost=0.0,
        high=("en", "de"), low=("qla", "qlb"), noise=0.3, tagging=False, seed=5,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    study.queries["value"] = 0.5 + rng.normal(0, 0.1, len(study.queries))  # the same everywhere
    means = study.queries.groupby(["seed", "setting", "query_language", "document_language", "measure"], dropna=False)
    from xlreach.measurement import Measurement

    rows = [
        Measurement(kind="retrieval", base=BASE[0], recipe="none", alignment="hybrid(alpha=0.5)", dataset="ntrex",
                    language=study.results[0].language, seed=int(key[0]), setting=key[1], query_language=key[2],
                    document_language=key[3] if isinstance(key[3], str) else None, measure=key[4],
                    value=float(part["value"].mean()), n=len(part))
        for key, part in means
    ]  # fmt: skip
    gaps = compare(rows, study.queries, study.levels, **FEW)
    said, text, _ = sentences(gaps)
    assert not any(one["claimed"] for one in said.values())
    assert "no difference between low- and high-resource queries can be told" in text
    assert "give no ground" in said["user"]["text"] or "give no ground" in text


def test_without_hybrid_or_queries_it_still_answers(make_study):
    study = make_study(bases=BASE, recipes=("none",), alignments=("none",), queries=10, tagging=False)
    _, text, one = sentences(compare(study.results, None, study.levels, **FEW))
    assert one["alignment"] == "none" and "Across languages" in text
    assert compare([], None, study.levels, **FEW)["answer"] == []


def test_where_hardly_anything_is_found_the_gap_is_no_advice(make_study):
    study = make_study(bases=BASE, recipes=("none",), alignments=("hybrid(alpha=0.5)",), queries=80, tagging=False)
    low = [dataclasses.replace(row, value=row.value * 0.05) for row in study.results]
    said, text, _ = sentences(
        compare(low, study.queries.assign(value=study.queries["value"] * 0.05), study.levels, **FEW)
    )
    assert said["gap cross"]["claimed"] and text.count("Both are so low that the gap says little.") == 3
    assert "For a user: hardly anything is found on either side: look for another encoder first." in text
    assert "expect poorer hits" not in text and "ask in a high-resource language" not in text
