from __future__ import annotations

import dataclasses
import json
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from xlreach.comparison import compare, read_gaps, write_gaps
from xlreach.comparison.groups.splits import config_split, splits
from xlreach.errors import ConfigError, DataError
from xlreach.gaps import Caution, GapAnalysis, json_schema
from xlreach.measurement import Measurement
from xlreach.system import System

FEW = {"resamples": 400, "permutations": 400}


def pick(analysis, part, **wanted):
    rows = [
        row
        for row in getattr(analysis, part)
        if all(_field(row, name) == value for name, value in ({"split": "config"} | wanted).items())
    ]
    assert len(rows) == 1, (wanted, len(rows))
    return rows[0]


def _field(row, name):
    return getattr(row.system if name in ("base", "recipe", "alignment", "retriever") else row, name)


XLMR = "FacebookAI/xlm-roberta-base"
PLAIN = {"base": XLMR, "recipe": "none", "alignment": "none", "measure": "nDCG@10"}


def test_gap_is_mean_low_minus_mean_high_of_the_results(study, gaps):
    for setting in ("mono", "cross", "multi"):
        row = pick(gaps, "gaps", **PLAIN, setting=setting)
        frame = pd.DataFrame([dataclasses.asdict(one) for one in study.results if one.kind == "retrieval"])
        frame = frame[(frame["setting"] == setting) & (frame[list(PLAIN)] == list(PLAIN.values())).all(axis=1)]
        if setting == "cross":  # low- and high-resource documents alike
            frame["side"] = frame["document_language"].isin(study.levels["low"])
            frame = frame.groupby(["query_language", "side"])["value"].mean().reset_index()
        values = frame.groupby("query_language")["value"].mean()
        for code, value in row.values.items():
            assert value == pytest.approx(values[code], abs=2e-6)
        assert row.gap == pytest.approx(values[["mt", "wo", "ug"]].mean() - values[["en", "de", "tr"]].mean(), abs=2e-6)


def test_known_effects_are_found(gaps):
    cross = pick(gaps, "gaps", **PLAIN, setting="cross")
    low, high = cross.interval_these_languages
    # what documents cost is no part of it, though a low-resource query has fewer low-resource documents to search
    assert low < cross.gap < high and cross.gap == pytest.approx(-0.20, abs=0.02)
    assert cross.interval[0] < low and high < cross.interval[1] and cross.documents == ("low", "high")
    change = pick(gaps, "changes", **(PLAIN | {"recipe": "va(99)+lapt"}), setting="cross", factor="recipe")
    assert change.change == pytest.approx(0.10, abs=0.03)
    assert change.gap_after - change.gap_before == pytest.approx(change.change, abs=2e-6)
    assert change.p_these_languages < 0.05 and change.p_narrower == change.p_these_languages
    assert change.against == System(XLMR)
    lift = pick(gaps, "changes", **(PLAIN | {"alignment": "mono"}), setting="cross", factor="alignment")
    assert lift.interval_these_languages[0] < 0 < lift.interval_these_languages[1]
    query = pick(gaps, "directions", **PLAIN, direction="query side")
    document = pick(gaps, "directions", **PLAIN, direction="document side")
    assert query.value == pytest.approx(-0.20, abs=0.03) and document.value == pytest.approx(-0.08, abs=0.03)
    assert pick(gaps, "directions", **PLAIN, direction="low→low").pairs == 6


def test_tagging_gap_spans_data_sets(gaps):
    row = pick(gaps, "gaps", kind="tagging", measure="LAS", base=XLMR, recipe="none")
    assert row.gap == pytest.approx(-30, abs=1.5) and row.dataset is None and len(row.datasets) == 6
    change = pick(gaps, "changes", kind="tagging", measure="LAS", base=XLMR, recipe="lapt")
    assert change.change == pytest.approx(4, abs=1.5) and change.p_these_languages is not None


def test_few_languages_are_warned_of(gaps):
    few = tuple(Caution(kind="few_languages", side=side, languages=3) for side in ("low", "high"))
    assert pick(gaps, "gaps", **PLAIN, setting="mono").cautions == few
    assert gaps.cautions == few  # without `rows`: of all gaps


def test_same_seed_same_bytes_and_plain_json(study, tmp_path):
    some = [row for row in study.results if row.base == XLMR and row.setting != "multi"]
    for name in ("one.json", "two.json"):
        write_gaps(tmp_path / name, compare(some, study.queries, study.levels, **FEW))
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    json.loads((tmp_path / "one.json").read_text("utf-8"), parse_constant=lambda name: pytest.fail(name))
    assert read_gaps(tmp_path / "one.json") == compare(some, study.queries, study.levels, **FEW)


def test_a_file_that_was_edited_is_refused(study, tmp_path):
    path = tmp_path / "gaps.json"
    write_gaps(path, GapAnalysis(study="s", seed=0, resamples=9, permutations=9, headline=None, splits=()))
    content = json.loads(path.read_text("utf-8"))
    for changed, says in (
        (content | {"seed": 1}, "damaged or edited"),
        (content | {"schema": 2}, "schema 2"),
        ([], "schema"),
    ):
        path.write_text(json.dumps(changed), "utf-8")
        with pytest.raises(DataError, match=says):
            read_gaps(path)
    path.unlink()
    with pytest.raises(DataError, match="no such file"):
        read_gaps(path)


def test_the_published_schema_is_that_of_the_types_and_holds(gaps, tmp_path):
    published = json.loads(files("xlreach.gaps").joinpath("gaps.schema.json").read_text("utf-8"))
    assert published == json_schema(), "write it again: see src/xlreach/gaps/file.py"
    jsonschema = pytest.importorskip("jsonschema")
    write_gaps(tmp_path / "gaps.json", gaps)
    content = json.loads((tmp_path / "gaps.json").read_text("utf-8"))
    jsonschema.validate(content, published)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content | {"seed": "x"}, published)


def test_a_file_gives_what_a_frame_gives(study, tmp_path):
    some = [row for row in study.results if row.base == XLMR and row.setting == "mono" and row.measure == "R@100"]
    study.queries.to_parquet(tmp_path / "queries.parquet")
    assert compare(some, tmp_path / "queries.parquet", study.levels, **FEW) == compare(
        some, study.queries, study.levels, **FEW
    )


def test_without_per_query_values_languages_and_seeds_remain(study):
    some = [row for row in study.results if row.base == XLMR and row.setting == "cross" and row.measure == "nDCG@10"]
    found = compare(some, None, study.levels, **FEW)
    row = pick(found, "gaps", **PLAIN, setting="cross")
    assert row.query_groups == 0 and row.interval and Caution(kind="no_queries") in row.cautions
    assert row.interval_these_languages is None
    assert pick(found, "changes", **(PLAIN | {"recipe": "lapt"}), factor="recipe").p_these_languages is None


def test_one_language_a_side_has_no_interval_over_languages(make_study):
    made = make_study(bases=("b",), recipes=("none",), alignments=("none",), high=("en",), low=("mt",), queries=20)
    row = pick(compare(made.results, made.queries, made.levels, **FEW), "gaps", setting="mono", measure="nDCG@10")
    assert row.interval is None and row.interval_these_languages is not None


def test_pairs_with_english_only_still_have_a_gap():
    rng, rows, frames = np.random.default_rng(0), [], []
    for asked, answered in [("mt", "en"), ("wo", "en"), ("de", "en"), ("en", "de"), ("en", "mt")]:
        values = rng.uniform(0.2, 0.4, 12) + (0.3 if asked in ("de", "en") else 0)
        same = {
            "study": "s",
            "base": "b",
            "recipe": "none",
            "alignment": "none",
            "retriever": "dense",
            "language": None,
            "seed": None,
        }
        same |= {"dataset": "tatoeba", "setting": "cross", "query_language": asked, "document_language": answered}
        rows.append(Measurement(**same, kind="retrieval", measure="RR", value=float(values.mean()), n=12))
        ids = [f"{asked}{answered}{number}" for number in range(12)]
        frames.append(pd.DataFrame(same | {"query_id": ids, "group": None, "measure": "RR", "value": values}))
    found = compare(rows, pd.concat(frames), {"high": ["en", "de"], "low": ["mt", "wo"]}, **FEW)
    row = pick(found, "gaps", setting="cross")
    assert row.gap == pytest.approx(-0.3, abs=0.06) and row.seeds == 1
    assert row.documents == ("high",) and set(row.values) == {"mt", "wo", "de"}  # over English documents
    assert {one.direction for one in found.directions} >= {"low→high", "high→low", "query side"}


def test_splits_by_public_facts(gaps):
    named = {(split.name, split.base): split for split in gaps.splits}
    assert set(named["script", None].low) == {"ug"}
    assert set(named["seen", XLMR].low) == {"mt", "wo"}  # Uyghur is in CC-100
    assert ("seen", "some/other") not in named
    rows = [row for row in gaps.gaps if row.split == "seen" and row.system.base == XLMR]
    assert {row.languages_low for row in rows} == {2}


def test_a_study_may_name_lists_of_its_own(study):
    rows = [row for row in study.results if row.kind == "tagging" and row.base == XLMR and row.measure == "LAS"]
    own = {"kin": {"high": ["en", "ug"], "low": ["mt", "xh"]}, "absent": {"high": ["en"], "low": ["xh"]}}
    found = compare(rows, None, study.levels, **FEW, divisions=own)
    assert [split.name for split in found.splits][:3] == ["config", "kin", "joshi"]
    row = pick(found, "gaps", split="kin", recipe="none")
    assert set(row.values) == {"en", "ug", "mt"} and row.languages_low == 1


def test_what_a_base_saw():
    codes = ["en", "de", "mt", "nqo", "am", "th"]
    bases = {"x": XLMR, "m": "google-bert/bert-base-multilingual-cased", "s": "scratch(languages=[en,th],layers=3)"}
    found = {
        (split.name, split.base): split.low for split in splits({"high": ["en", "de"], "low": ["mt"]}, codes, bases)
    }
    assert found["seen", "x"] == ("mt", "nqo") and found["seen script", "x"] == ("nqo",)
    assert found["seen", "m"] == ("am", "mt", "nqo") and found["seen script", "m"] == ("am", "nqo")
    assert found["seen", "s"] == ("am", "de", "mt", "nqo") and found["seen script", "s"] == ("am", "nqo")
    assert found["wikipedia", None] == ("am", "mt", "nqo")


def test_wrong_levels_are_refused():
    with pytest.raises(ConfigError, match="both sides"):
        config_split({"high": ["en", "mt"], "low": ["mt"]}, [])
    with pytest.raises(ConfigError, match="at least one"):
        config_split({"high": ["en"]}, [])
    assert splits({"high": ["en"], "low": ["qaa-unknown"]}, ["en", "qaa-unknown", "fr"])[0].left_out == ("fr",)


def test_files_of_two_runs_are_refused(study):
    some = [row for row in study.results if row.setting == "mono" and row.query_language != "ug"]
    with pytest.raises(DataError, match=r"ug → ug"):
        compare(some, study.queries, study.levels, **FEW)
    with pytest.raises(DataError, match="lack"):
        compare(some, study.queries.drop(columns="group"), study.levels, **FEW)


def test_intervals_cover_a_known_gap(make_study):
    """Languages, queries, seeds and noise drawn anew each time; the gap of the population is -.2."""
    rng = np.random.default_rng(12)
    names = [f"q{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(16)]
    levels = {"low": names[:8], "high": names[8:]}
    same = {
        "study": "s",
        "base": "b",
        "recipe": "none",
        "alignment": "none",
        "retriever": "dense",
        "language": None,
        "dataset": "d",
    }
    same |= {"setting": "mono", "measure": "RR"}
    index = pd.MultiIndex.from_product([(1, 2, 3), names, range(40)], names=["seed", "query_language", "group"])
    frame = index.to_frame(index=False).assign(**same)
    frame["document_language"] = frame["query_language"]
    frame["query_id"] = frame["query_language"] + frame["group"].astype(str)
    hits, times = 0, 60
    for time in range(times):
        effect = rng.normal(0, 0.06, 16) - 0.2 * (np.arange(16) < 8)
        values = 0.5 + effect[None, :, None] + rng.normal(0, 0.01, (3, 16, 1)) + rng.normal(0, 0.1, 40)
        values = values + rng.normal(0, 0.1, (3, 16, 40))
        rows = [
            Measurement(
                **same, kind="retrieval", seed=seed, query_language=code, document_language=code, value=mean, n=40
            )
            for seed, line in zip((1, 2, 3), values.mean(2).tolist(), strict=True)
            for code, mean in zip(names, line, strict=True)
        ]
        (row,) = compare(
            rows, frame.assign(value=values.ravel()), levels, seed=time, resamples=400, permutations=10
        ).gaps
        hits += row.interval[0] <= -0.2 <= row.interval[1]
    assert hits / times >= 0.87


def test_an_encoder_for_each_language_is_one_system(study):
    """Every low-resource language by its own encoder, the high-resource ones by all of them."""
    plain = {"base": XLMR, "recipe": "lapt", "alignment": "none", "measure": "nDCG@10", "setting": "cross"}
    rows, frames, high = [], [], set(study.levels["high"])
    one = study.queries[(study.queries[list(plain)] == list(plain.values())).all(axis=1)]
    for code in study.levels["low"]:
        pool = high | {code}
        mine = one[one.query_language.isin(pool) & one.document_language.isin(pool)].assign(language=code)
        frames.append(mine)
        rows += [
            dataclasses.replace(row, language=code)
            for row in study.results
            if all(getattr(row, name) == value for name, value in plain.items())
            and {row.query_language, row.document_language} <= pool
        ]
    row = pick(compare(rows, pd.concat(frames), study.levels, **FEW), "gaps", setting="cross")
    own = one[(one.query_language == "mt") & one.document_language.isin(high)]
    assert row.values["mt"] == pytest.approx(own["value"].mean(), abs=1e-5)
    assert row.languages_low == row.languages_high == 3
    english = [
        frame[(frame["query_language"] == "en") & frame["document_language"].isin(high - {"en"})] for frame in frames
    ]
    english = [frame["value"].mean() for frame in english]  # the documents that low-resource queries search as well
    assert row.values["en"] == pytest.approx(np.mean(english), abs=1e-5)


def test_high_resource_languages_tagged_with_the_base_only_still_count(study):
    high = study.levels["high"]
    rows = [
        row for row in study.results if row.kind == "tagging" and (row.recipe == "none" or row.language not in high)
    ]
    found = compare(rows, None, study.levels, **FEW)
    row = pick(found, "gaps", measure="LAS", base=XLMR, recipe="lapt")
    assert row.languages_high == 3 and Caution(kind="borrowed", codes=("de", "en", "tr")) in row.cautions
    assert pick(found, "changes", measure="LAS", base=XLMR, recipe="lapt").high_gain == 0


def test_the_name_of_a_base_may_hide_what_it_is(study):
    rows = [
        dataclasses.replace(row, base="mine") for row in study.results if row.kind == "tagging" and row.base == XLMR
    ]
    assert "seen" not in {split.name for split in compare(rows, None, study.levels, **FEW).splits}
    assert "seen" in {split.name for split in compare(rows, None, study.levels, **FEW, bases={"mine": XLMR}).splits}


def test_a_caution_says_which_gaps_it_concerns():
    """Each data set has one language a side, and a gap of its own."""
    pairs = {"tatoeba(uig)": "ug", "tatoeba(war)": "war", "ntrex": "ug", "xquad-r": "ug", "other": "ug", "last": "ug"}
    results = [
        Measurement(kind="retrieval", base="b", recipe="none", alignment="none", dataset=name, setting="mono",
                    query_language=code, document_language=code, measure="Success@1", value=0.5, n=10, seed=1)
        for name, other in pairs.items() for code in ("en", other)
    ]  # fmt: skip
    levels = {"high": ["en"], "low": ["ug", "war"]}
    few = [caution for caution in compare(results, None, levels, **FEW).cautions if caution.kind == "few_languages"]
    assert few == [Caution(kind="few_languages", side=side, languages=1) for side in ("low", "high")]
    more = [
        dataclasses.replace(one, query_language=code, document_language=code)
        for one in results if one.dataset == "last" and one.query_language == "ug" for code in ("mt", "wo", "so", "ha")
    ]  # fmt: skip
    levels["low"] += ["mt", "wo", "so", "ha"]
    gaps = compare([*results, *more], None, levels, **FEW)
    few = next(caution for caution in gaps.cautions if (caution.kind, caution.side) == ("few_languages", "low"))
    assert few.rows == (5, 6) and few.where == ("tatoeba(uig)", "tatoeba(war)", "ntrex", "xquad-r", "other")
