from __future__ import annotations

import pytest

from xlreach.comparison.claims import Selection, parse_hypothesis
from xlreach.comparison.hypotheses import check_hypotheses
from xlreach.errors import SpecError
from xlreach.gaps import Cost
from xlreach.measurement import Measurement
from xlreach.system import StudyNames

XLMR = "FacebookAI/xlm-roberta-base"
NAMES = StudyNames(
    recipes={
        "none": ("none",), "lapt": ("lapt",), "va(99)+lapt": ("va(99)", "lapt"),
        "translit(auto)+lapt": ("translit(auto)", "lapt"), "x, for y": ("replace(x,y)",), "a": ("a",), "b": ("b",),
    },
    alignments=("none", "mono", "hybrid(alpha=0.5)"),
    retrievers=("dense", "bm25", "rrf(dense,bm25)"),
)  # fmt: skip


def check(study, *claims):
    results = [row for row in study.results if row.base == XLMR]
    parsed = [parse_hypothesis(claim, NAMES) for claim in claims]
    return check_hypotheses(parsed, results, study.queries, study.levels, study.sentences)


@pytest.mark.parametrize(
    ("claim", "effect", "verdict"),
    [
        ("va(99)+lapt > lapt on parse:LAS for low", 6.0, "supported"),
        ("va(99)+lapt < lapt on parse:LAS for low", 6.0, "refuted"),
        ("va(99)+lapt > lapt on parse:LAS for en+de", 0.0, "cannot tell"),
        ("gap(hybrid(alpha=0.5)) < gap(none) on mono:nDCG@10", 0.0, "cannot tell"),
        ("gap(va(99)+lapt) < gap(none) on cross:nDCG@10", -0.10, "supported"),
        ("va(99)+lapt with mono > none on cross:nDCG@10 for low", 0.15, "supported"),
        ("unk_words(va(99)+lapt) < unk_words(none) for low", -0.12, "supported"),
        ("fertility(va(99)+lapt) > fertility(none) for low", -1.0, "refuted"),
        ("x, for y > none on cross:nDCG@10", None, "cannot tell"),
    ],
)
def test_known_effects(study, claim, effect, verdict):
    (row,) = check(study, claim)
    assert row.verdict == verdict, row
    if effect is not None:
        assert row.effect == pytest.approx(effect, abs=0.03 if abs(effect) <= 1 and "LAS" not in claim else 1.5)


def test_holm_is_over_all_claims(study):
    claims = ["lapt > none on cross:nDCG@10 for low", "lapt > none on cross:nDCG@10 for high"]
    rows = check(study, *claims)
    small = min(rows, key=lambda row: row.p)
    assert small.p_holm == pytest.approx(min(1, 2 * small.p), abs=1e-5)
    assert check(study, *claims) == rows


def test_interaction_is_what_both_give_beyond_the_sum(tallies):
    gains = {"lapt": 1.0, "a+lapt": 4.0, "b(2)+lapt": 6.0, "a+b(2)+lapt": 7.0}
    rows = [
        Measurement(kind="tagging", base="b", recipe=recipe, language=code, seed=seed, measure="accuracy",
                    value=80 + gain + seed * 0.1 * (recipe == "lapt"), dataset="d")
        for recipe, gain in gains.items() for code in ("mt", "en") for seed in (1, 2, 3)
    ]  # fmt: skip
    levels = {"high": ["en"], "low": ["mt"]}
    names = StudyNames(
        {
            "lapt": ("lapt",),
            "a+lapt": ("a", "lapt"),
            "b(2)+lapt": ("b(2,3)", "lapt"),
            "a+b(2)+lapt": ("a", "b(2,3)", "lapt"),
        },
        ("none",),
    )
    claim = parse_hypothesis("interaction(a, b(2,3)) < 0 on pos:accuracy", names)
    (row,) = check_hypotheses([claim], rows, None, levels, tallies(rows))
    assert row.effect == pytest.approx(7 - 4 - 6 + 1.2, rel=1e-4) and row.verdict == "supported"


@pytest.mark.parametrize(
    "claim",
    [
        "lapt on pos:accuracy",
        "lapt > none",
        "a > b on cooking:LAS",
        "gap(a) < b on cross:AP",
        "interaction(a) < 0 on pos:x",
        "fertility(a) < unk(b)",
        "",
    ],
)
def test_what_is_no_claim_is_refused_with_an_example(claim):
    with pytest.raises(SpecError, match="for example"):
        parse_hypothesis(claim, NAMES)


def test_one_seed_of_tagging_cannot_tell(study):
    results = [row for row in study.results if row.base == XLMR and row.seed == 1 and row.kind == "tagging"]
    claim = parse_hypothesis("lapt > none on parse:LAS for low", NAMES)
    (row,) = check_hypotheses([claim], results, None, study.levels, study.sentences[study.sentences["seed"] == 1])
    assert row.verdict == "cannot tell" and row.reason == "one_seed"


OWN = StudyNames({"lapt": ("lapt",), "va(9)+lapt": ("va(9)", "lapt")}, ("none",))


def adapted(gains, languages=("mt", "wo", "ug", "en")):
    """POS by recipe and language, and what each recipe cost."""
    rows = []
    for recipe, by_language in gains.items():
        for seed in (1, 2, 3):
            same = {"base": "b", "recipe": recipe, "seed": seed}
            for code in languages:
                value = 80 + by_language.get(code, 0.0) + 0.1 * seed * (len(recipe) % 3)
                rows.append(
                    Measurement(**same, kind="tagging", language=code, measure="accuracy", value=value, dataset="d")
                )
            for code in ("mt", "wo", "ug"):
                for measure, value in (("seconds", 100 + 10 * len(by_language) + seed), ("tokens", 5e6)):
                    rows.append(
                        Measurement(**same, kind="cost", stage="adapt", language=code, measure=measure, value=value)
                    )
    return rows


def test_a_difference_larger_in_some_languages(tallies):
    rows = adapted({"lapt": {}, "va(9)+lapt": {"mt": 1.0, "wo": 1.0, "ug": 5.0}})
    levels = {"high": ["en"], "low": ["mt", "wo", "ug"]}
    claims = ["va(9)+lapt > lapt on pos:accuracy for ug more than mt+wo", "va(9)+lapt > lapt on pos:accuracy for ug"]
    most, alone = check_hypotheses(
        [parse_hypothesis(claim, OWN) for claim in claims],
        rows,
        None,
        levels,
        tallies(rows),
    )
    assert most.effect == pytest.approx(4.0) and most.verdict == "supported" and most.languages == 3
    assert alone.effect == pytest.approx(5.0 + 0.2 * (len("va(9)+lapt") % 3 - len("lapt") % 3), abs=1e-6)
    assert str(parse_hypothesis(claims[0], OWN)) == claims[0]


def test_claims_about_cost_and_costs_beside_claims(tallies):
    rows = adapted({"lapt": {}, "va(9)+lapt": {"mt": 1.0}})
    levels = {"high": ["en"], "low": ["mt", "wo", "ug"]}
    claims = [
        "seconds(va(9)+lapt) < 1.2*seconds(lapt)", "seconds(va(9)+lapt) < seconds(lapt)",
        "va(9)+lapt > lapt on pos:accuracy for mt",
    ]  # fmt: skip
    cheap, cheaper, better = check_hypotheses(
        [parse_hypothesis(claim, OWN) for claim in claims],
        rows,
        None,
        levels,
        tallies(rows),
    )
    assert cheap.effect == pytest.approx(112 - 1.2 * 102) and cheap.verdict == "supported"
    assert cheaper.effect == pytest.approx(10) and cheaper.verdict == "refuted"
    assert better.cost_left == Cost(seconds=336.0, tokens=15e6) and better.cost_right.seconds == 306.0


def test_the_claims_of_the_papers_are_claims(monkeypatch, tmp_path):
    """Every claim of the shipped study `claims` is about its own systems, and is judged on figures of its shape."""
    from pathlib import Path

    from xlreach.study.config import load_config

    monkeypatch.setenv("XLREACH_DATA", str(tmp_path))
    config = load_config(Path("claims"))
    claims = [parse_hypothesis(text, config.names) for text in config.hypotheses]
    assert all(claim.step_pairs for claim in claims if claim.form == "interaction")
    assert {claim.form for claim in claims} == {"value", "gap", "interaction", "diagnostic"} and len(claims) == 25


@pytest.mark.parametrize(
    ("left", "right", "first", "second"),
    [
        ("lapt", "none", Selection(recipe="lapt"), Selection(recipe="none")),
        ("mono", "none", Selection(None, "mono", "dense"), Selection(None, "none", "dense")),
        ("rrf(dense,bm25)", "dense", Selection(retriever="rrf(dense,bm25)"), Selection(retriever="dense")),
        ("bm25", "none", Selection("none", "none", "bm25"), Selection("none", "none", "dense")),
        ("x, for y with mono", "lapt", Selection("x, for y", "mono", "dense"), Selection("lapt", "none", "dense")),
        ("lapt with mono with bm25", "mono", Selection("lapt", "mono", "bm25"), Selection("none", "mono", "dense")),
    ],
)  # fmt: skip
def test_systems_are_found_by_their_names(left, right, first, second):
    claim = parse_hypothesis(f"{left} > {right} on cross:AP for low", NAMES)
    assert (claim.left, claim.right, claim.languages) == (first, second, "low")


@pytest.mark.parametrize(
    ("claim", "known"),
    [("lapd > none on cross:AP", "lapt"), ("fertility(lapd) < fertility(none)", "lapt"),
     ("interaction(a, bb) < 0 on pos:accuracy", "'b'"), ("gap(hybrid) < gap(none) on mono:AP", "hybrid(alpha=0.5)")],
)  # fmt: skip
def test_an_unknown_name_is_refused_with_the_nearest(claim, known):
    with pytest.raises(SpecError, match="which the study does not have") as error:
        parse_hypothesis(claim, NAMES)
    assert "Did you mean" in str(error.value) and known in str(error.value)
