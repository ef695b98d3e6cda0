"""The sentences: each carries the figures of its row, and claims only what the row allows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from xlreach.comparison import compare
from xlreach.gaps import (
    Caution,
    Correlation,
    FactorAnalysis,
    FactorTest,
    GapAnalysis,
    Interval,
    LanguageSplit,
    PoolSizes,
    Regression,
    RunComparison,
    RunDifference,
)
from xlreach.measurement import Measurement
from xlreach.report.narrative.answer import answer_sentences
from xlreach.report.narrative.contrasts import factor_sentences, run_sentences
from xlreach.report.narrative.remarks import caution_text, pool_sentences, reason_text, verdict_sentences
from xlreach.report.narrative.summary import summary
from xlreach.system import System

FEW = {"resamples": 400, "permutations": 200}
BASE = ("FacebookAI/xlm-roberta-base",)
SPLIT = LanguageSplit(name="config", rule="as the study says", low=("mt",), high=("en",))
EMPTY = GapAnalysis(study="s", seed=0, resamples=100, permutations=100, headline="nDCG@10", splits=(SPLIT,))


@pytest.fixture(scope="module")
def analysis(made):
    return compare(made.results, made.queries, made.levels, sentences=made.sentences, **FEW)


def answer_text(analysis):
    (answer,) = analysis.answers
    sentences = answer_sentences(analysis, answer)
    return answer, sentences, " ".join(sentence.text for sentence in sentences)


def test_summary_is_a_few_lines_of_ascii(analysis, made):
    lines = summary(analysis)
    assert len(lines) == 7 and all(line.isascii() for line in lines)
    cross = [row for row in analysis.gaps if (row.split, row.setting, row.measure) == ("config", "cross", "nDCG@10")]
    (base,) = [row for row in cross if row.system.is_untreated]
    assert f"cross {base.gap:+.3f} [{base.interval_these_languages.low:+.3f}" in lines[1]
    assert "va(99)+lapt" in lines[3] and "LAS" in lines[5] and "too few" in lines[6]
    best = max(cross, key=lambda row: row.low)
    assert f"to {best.low:.3f}, high-resource" in lines[4] and f"to {best.high:.3f};" in lines[4]
    tagged = [row for row in made.results if row.kind == "tagging"]
    assert len(summary(compare(tagged, None, made.levels, **FEW))) == 6
    assert len(summary(compare([], None, made.levels, **FEW))) == 6


def test_every_claim_carries_its_figure_and_interval(make_study):
    study = make_study(
        bases=BASE, recipes=("none", "va(99)+lapt"), alignments=("none", "hybrid(alpha=0.5)"), measures=("nDCG@10",),
        queries=80, tagging=False,
    )  # fmt: skip
    answer, sentences, text = answer_text(compare(study.results, study.queries, study.levels, **FEW))
    claims = [sentence for sentence in sentences if sentence.kind == "claim"]
    for claim, sentence in zip(answer.claims, claims, strict=True):
        assert sentence.claimed == claim.claimed == bool(sentence.evidence)
        low, high = claim.interval
        assert sentence.figure == f"{claim.estimate:+.3f}" and f"[{low:+.3f}, {high:+.3f}]" in sentence.detail
    assert "expect poorer results" in text and "va(99)+lapt helps" in text and "too few to speak of others" in text


def test_without_a_test_nothing_is_claimed(make_study):
    """Trained once: the answer's comparisons of methods have figures, and no test."""
    study = make_study(bases=BASE, recipes=("none", "lapt"), alignments=("none",), seeds=(1,), tagging=False)
    answer, sentences, text = answer_text(compare(study.results, study.queries, study.levels, **FEW))
    methods = [claim for claim in answer.claims if claim.form]
    assert methods and all(claim.p is None and claim.interval is None and not claim.claimed for claim in methods)
    assert "cannot be told" in text and "helps" not in text
    assert all("no test: trained once" in s.detail for s in sentences if s.kind == "claim" and "than with" in s.text)


def test_the_first_sentence_names_what_was_computed(make_study):
    """The highest mean over low-resource languages, whatever the alignment is called, and that mean."""
    study = make_study(bases=BASE, recipes=("none",), alignments=("none", "hybrid(alpha=0.5)"), tagging=False)

    def half(values, alignment):
        return values * np.where(alignment == "none", 1.0, 0.5)

    rows = [dataclasses.replace(row, value=float(half(row.value, row.alignment))) for row in study.results]
    queries = study.queries.assign(value=half(study.queries["value"], study.queries["alignment"]))
    analysis = compare(rows, queries, study.levels, **FEW)
    answer, sentences, _ = answer_text(analysis)
    cross = [row for row in analysis.gaps if (row.split, row.setting, row.measure) == ("config", "cross", "nDCG@10")]
    best = max(cross, key=lambda row: row.low)
    assert answer.system == best.system == System(BASE[0])
    worse = {claim.setting for claim in answer.claims if claim.kind == "gap" and claim.claimed and claim.estimate < 0}
    assert worse == {"mono", "cross", "multi"} and sentences[0].text == (
        "Queries in low-resource languages do worse than in high-resource ones within one language, across languages "
        "and in one pool of all languages."
    )
    assert sentences[1].text == (
        "This answer is about the unchanged base, the encoder with the highest mean over low-resource languages across "
        f"languages (nDCG@10 {best.low:.3f})."
    )


def test_without_alignment_or_queries_it_still_answers(make_study):
    study = make_study(bases=BASE, recipes=("none",), alignments=("none",), queries=10, tagging=False)
    answer, _, text = answer_text(compare(study.results, None, study.levels, **FEW))
    assert answer.system.is_untreated and "Across languages" in text


def test_where_hardly_anything_is_found_the_gap_is_no_advice(make_study):
    study = make_study(bases=BASE, recipes=("none",), alignments=("hybrid(alpha=0.5)",), queries=80, tagging=False)
    low = [dataclasses.replace(row, value=row.value * 0.05) for row in study.results]
    queries = study.queries.assign(value=study.queries["value"] * 0.05)
    _, _, text = answer_text(compare(low, queries, study.levels, **FEW))
    assert text.count("Both values are so low that the gap says little.") == 3
    assert "For a user: hardly anything is found in any language, so look for another encoder first." in text
    assert "expect poorer results" not in text and "write the query in a high-resource language" not in text


def test_a_verdict_is_a_sentence(made):
    results = [row for row in made.results if row.kind == "tagging"]
    claims = ["lapt > none on parse:LAS for low"]
    (sentence,) = verdict_sentences(
        compare(results, None, made.levels, hypotheses=claims, sentences=made.sentences, **FEW)
    )
    assert sentence.startswith(f"{claims[0]} ({BASE[0]}): supported; left minus right +") and "after Holm" in sentence


def test_cautions_say_how_many_gaps_they_concern():
    few = Caution(kind="few_languages", side="low", languages=1, where=("a", "b", "a", "c", "d", "e"), rows=(6, 7))
    assert caution_text(few) == (
        "Only 1 language on the low-resource side: too few for a claim about languages like these "
        "(6 of 7 gaps: a, b, c and 2 others)."
    )
    assert caution_text(Caution(kind="left_out", codes=("fr", "it"))) == "On neither side, and so in no gap: fr, it."
    for kind in ("borrowed", "one_seed", "no_queries", "no_gap"):
        text = caution_text(Caution(kind=kind, rows=(2, 2)))
        assert text[0].isupper() and text.endswith(".") and "gaps:" not in text


def test_every_reason_has_words():
    same = {"base": "b", "dataset": "d", "setting": "mono", "measure": "m"}
    for reason in ("constant", "few_languages", "chance"):
        row = Correlation(
            **same, alignment="none", predictor="LAS", group="tagging", scope="across", reason=reason, languages=3
        )
        assert reason_text(row)
    counts = {"observations": 3, "languages": 3, "families": 2, "recipes": 4}
    for reason in ("few_languages", "few_recipes", "no_predictor"):
        assert reason_text(Regression(**same, fitted=False, reason=reason, **counts))
    assert "4" in reason_text(Regression(**same, fitted=False, reason="few_recipes", **counts))


def test_pools():
    def sentences(*sizes):
        rows = [
            PoolSizes(dataset="xquad-r", setting="mono", sizes=s, smallest=min(s.values()), largest=max(s.values()))
            for s in sizes
        ]
        return pool_sentences(dataclasses.replace(EMPTY, pools=tuple(rows)))

    assert sentences({"en": 900, "th": 400}) == [
        "xquad-r: the pools hold from 400 documents (th) to 900 (en); equal pools hold 400 documents in every language."
    ]
    assert sentences({"en": 100}, {"th": 100}) == ["xquad-r: the pools are equal, 100 documents in each language."]
    assert sentences({"en": 100}) == ["xquad-r: all queries search the same pool, 100 documents in en."]
    assert sentences() == []


def test_two_runs_in_sentences():
    same = {"system": System("x", "lapt"), "kind": "tagging", "dataset": "ud:mt", "setting": None, "measure": "LAS"}
    same |= {"lower_is_better": False, "scope": "language", "language": "mt"}
    better = RunDifference(**same, a=0.5, b=0.6, difference=0.1, interval=Interval(0.05, 0.15), p=0.001, p_holm=0.002,
                           test="unpaired_queries", units=6, verdict="better")  # fmt: skip
    unknown = RunDifference(**same, a=0.5, b=0.6, difference=0.1)
    lines = run_sentences(RunComparison(a="old", b="new", one_system=False, rows=(better, unknown)))
    assert lines == [
        "new compared with old: 1 better, 0 worse, 1 of 2 cannot be told (p < .05 after Holm).",
        "better: mt, LAS ud:mt, lapt: 0.500 to 0.600, +0.100 [+0.050, +0.150], p = .002 after Holm "
        "(queries or sentences, not paired; 6 units)",
        "1 have no test, because a system was trained once, or has no values by query or sentence.",
    ]


def test_an_experiment_in_sentences():
    same = {"kind": "retrieval", "system": System("x"), "dataset": "d", "setting": "cross", "measure": "nDCG@10"}
    same |= {"least": -0.2, "at_least": "Armenian", "most": -0.1, "at_most": "Latin", "df": 1}
    differs = FactorTest(**same, f=9.0, df_within=12.0, p=0.01, p_holm=0.02, verdict="differs")
    untested = FactorTest(**same)

    def sentences(*tests):
        whole = FactorAnalysis(experiment="e", factor="the script", about="", measure="nDCG@10",
                               values=("Latin", "Armenian"), rows=(), tests=tests)  # fmt: skip
        return factor_sentences(whole)

    assert sentences(differs, untested) == [
        "The gap in cross nDCG@10 of the unchanged base depends on the script: from -0.200 (Armenian) to -0.100 "
        "(Latin); F = 9.0 with 1 and 12.0 degrees of freedom, p = .020 after Holm.",
        "Of 2 gaps, 1 cannot be told to depend on the script; 1 have no interval, and so no test.",
    ]
    assert sentences(untested)[0].startswith("None of 1 gaps can be told to depend on the script")
    assert sentences() == ["The studies have no gap in common."]


def test_an_empty_study_has_sentences_too():
    assert summary(EMPTY)[1] == "Gap in retrieval: not measured in both low- and high-resource languages."
    row = Measurement(kind="tagging", base="b", recipe="none", language="en", measure="LAS", value=1.0, seed=1)
    assert summary(compare([row], None, {"high": ["en"], "low": ["mt"]}, **FEW))[-1].startswith("How certain: there is")
