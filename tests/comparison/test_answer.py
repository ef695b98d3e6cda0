from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from xlreach.comparison import compare
from xlreach.system import StudyNames, System

FEW = {"resamples": 400, "permutations": 200}
BASE = ("FacebookAI/xlm-roberta-base",)
NAMES = StudyNames({"none": (), "lapt": ("lapt",), "va(99)+lapt": ("va(99)", "lapt")}, ("none", "hybrid(alpha=0.5)"))


def claims(analysis):
    (answer,) = analysis.answers
    return {(claim.kind, claim.setting, claim.against, claim.form): claim for claim in answer.claims}, answer


def test_every_claim_carries_figure_interval_and_test(make_study):
    study = make_study(
        bases=BASE, recipes=("none", "lapt", "va(99)+lapt", "translit(auto)+lapt"),
        alignments=("none", "hybrid(alpha=0.5)"), measures=("nDCG@10",), queries=80, tagging=False,
    )  # fmt: skip
    made, answer = claims(compare(study.results, study.queries, study.levels, **FEW, names=NAMES))
    best = System(BASE[0], "va(99)+lapt", "hybrid(alpha=0.5)")
    assert (answer.system, answer.setting) == (best, "cross")
    for claim in made.values():
        low, high = claim.interval
        assert low <= claim.estimate <= high and claim.claimed == (claim.p_holm < 0.05)
    gap = made["gap", "cross", None, None]
    assert gap.estimate == pytest.approx(-0.10, abs=0.03) and gap.claimed  # the documents cost nothing of it
    assert made["query side", "cross", None, None].estimate == pytest.approx(-0.10, abs=0.03)
    unaligned = dataclasses.replace(best, alignment="none")
    assert made["alignment", "cross", unaligned, "value"].p < 0.05
    assert not made["alignment", "cross", unaligned, "gap"].claimed  # the alignment lifts both sides alike
    # with the untreated base, and with the recipe that has fewer of its steps
    against = [System(BASE[0], recipe, "hybrid(alpha=0.5)") for recipe in ("none", "lapt")]
    assert [key[2] for key in made if key[0] == "recipe" and key[3] == "value"] == against
    assert all(made["recipe", "cross", other, "value"].p < 0.05 for other in against)


def test_the_best_dense_system_is_meant_trained_or_not(make_study):
    study = make_study(
        bases=BASE, recipes=("none",), alignments=("none", "hybrid(alpha=0.5)"), queries=40, tagging=False
    )
    harmed = [
        dataclasses.replace(row, value=row.value / 2) if row.alignment != "none" else row for row in study.results
    ]
    queries = study.queries.assign(
        value=study.queries["value"].where(study.queries["alignment"] == "none", study.queries["value"] / 2)
    )
    lexical = [
        dataclasses.replace(row, retriever="bm25", value=min(row.value * 1.3, 1))
        for row in harmed
        if row.alignment == "none"
    ]
    made, answer = claims(compare([*harmed, *lexical], queries, study.levels, **FEW))
    assert answer.system == System(BASE[0])
    assert {key[0] for key in made if key[3]} == {"alignment", "retriever"}


def test_claims_without_a_difference_are_rare(make_study):
    """Where nothing differs, one claim or more in at most as many of 30 studies as .05 gives in 999 of 1,000 runs."""
    study = make_study(
        bases=BASE, recipes=("none",), alignments=("hybrid(alpha=0.5)",), queries=30, query_cost=0.0, document_cost=0.0,
        high=("en", "de"), low=("qla", "qlb"), measures=("nDCG@10",), tagging=False, seed=5,
    )  # fmt: skip
    keys = ["seed", "setting", "query_language", "document_language"]
    studies = 0
    for number in range(30):
        queries = study.queries.assign(value=np.random.default_rng(number).normal(0.5, 0.1, len(study.queries)))
        means = {tuple(map(str, key)): part.mean() for key, part in queries.groupby(keys, dropna=False)["value"]}
        rows = [
            dataclasses.replace(
                row, value=float(means[tuple(str(getattr(row, k)).replace("None", "nan") for k in keys)])
            )
            for row in study.results
        ]
        made, _ = claims(compare(rows, queries, study.levels, resamples=20, permutations=20))
        assert len(made) == 5
        studies += any(claim.claimed for claim in made.values())
    assert studies <= 6


def test_without_queries_it_still_answers(make_study):
    study = make_study(bases=BASE, recipes=("none",), alignments=("none",), queries=10, tagging=False)
    made, answer = claims(compare(study.results, None, study.levels, **FEW))
    assert answer.system == System(BASE[0]) and ("gap", "cross", None, None) in made
    assert compare([], None, study.levels, **FEW).answers == ()
