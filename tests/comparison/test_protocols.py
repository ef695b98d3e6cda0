"""Learning curves, transfer, parts of measures, figures beside published ones, and what counts as no worse."""

from __future__ import annotations

import pytest
from scipy.stats import ttest_rel

from xlreach.comparison import compare
from xlreach.comparison.tables import (
    learning_curves,
    overview_tables,
    part_tables,
    published_tables,
    tagging_tables,
    transfer_tables,
)
from xlreach.comparison.tests.seed_tests import not_worse, paired_p
from xlreach.measurement import Measurement

LEVELS = {"high": ["en"], "low": ["mt", "wo"]}


def row(measure: str, value: float, **other) -> Measurement:
    about = {"base": "b", "recipe": "none", "language": "mt", "seed": 1, "kind": "tagging", "dataset": "ud:mt_mudt"}
    return Measurement(**{**about, "measure": measure, "value": value, **other})


def curve() -> list[Measurement]:
    rows = []
    for recipe, gain in (("none", 0.0), ("lapt", 0.1)):
        for limit, examples in ((50, 50), (2000, 1123), (None, 1123)):
            for seed in (1, 2, 3):
                same = {"recipe": recipe, "seed": seed, "task": "parse", "sentences": limit}
                rows.append(row("LAS", 0.3 + gain + examples / 5000 + seed / 100, **same))
                rows.append(row("examples", examples, **same, kind="cost", stage="tag"))
    return rows


def test_learning_curves_know_how_many_sentences_there_were():
    points = learning_curves([*curve(), row("accuracy", 0.5)])
    assert [(one.recipe, one.sentences, one.seeds) for one in points] == [
        ("none", 50, 3), ("none", 1123, 3), ("none", 1123, 3), ("lapt", 50, 3), ("lapt", 1123, 3), ("lapt", 1123, 3),
    ]  # fmt: skip
    assert points[0].mean == pytest.approx(0.33) and points[0].sd == pytest.approx(0.01)
    assert learning_curves([row("LAS", 0.5), row("accuracy", 0.5)]) == []


def test_transfer_is_kept_apart_from_what_was_learnt_in_the_language():
    rows = [row("LAS", 0.6), row("LAS", 0.7, recipe="lapt"), row("LAS", 0.4, part="nsubj")]
    moved = [
        row(
            "LAS",
            0.1 + gain,
            recipe=recipe,
            setting="transfer",
            trained_on="ud:en_ewt",
            dataset=f"ud:{code}_x",
            language=code,
        )
        for recipe, gain in (("none", 0.0), ("lapt", 0.1))
        for code in ("mt", "wo")
    ]
    (table,) = transfer_tables([*rows, *moved], LEVELS)
    assert table.columns == ("mt", "wo")
    shown = {names: [None if one is None else round(one.mean, 3) for one in figures] for names, figures in table.rows}
    assert shown == {
        ("ud:en_ewt", "none"): [0.1, 0.1],
        ("ud:en_ewt", "lapt"): [0.2, 0.2],
        ("the language itself", "none"): [0.6, None],
        ("the language itself", "lapt"): [0.7, None],
    }
    best = {names for names, figures in table.rows if figures[0].best}
    assert best == {("ud:en_ewt", "lapt"), ("the language itself", "lapt")}
    (main,) = tagging_tables([*rows, *moved], LEVELS)
    assert main.columns == ("mt",)
    assert [figures[0].mean for _, figures in main.rows] == [0.6, 0.7]
    (overview,) = overview_tables([*rows, *moved], LEVELS, "LAS")
    assert overview.columns == ("LAS",)
    (parts,) = part_tables([*rows, *moved])
    assert (parts.columns, parts.rows[0][0]) == (("nsubj",), ("mt", "none"))
    gaps = compare([*rows, *moved, row("LAS", 0.9, language="en")], None, LEVELS, resamples=20, permutations=20)
    assert {(gap.measure, gap.system.recipe, gap.low) for gap in gaps.gaps if gap.split == "config"} >= {
        ("LAS", "none", 0.6), ("LAS", "lapt", 0.7),
    }  # fmt: skip


def test_published_figures_stand_beside_in_one_unit():
    rows = [row("LAS", 0.5), row("LAS", 0.6, language="wo"), row("LAS", 0.9, language="en")]
    (table,) = published_tables(rows, LEVELS)
    assert table.columns == ("mt", "wo", "mean of mt wo")
    lines = dict(table.rows)
    assert [one.mean for one in lines["b", "none"]] == pytest.approx([0.5, 0.6, 0.55])
    theirs = lines["mBERT (Chau and Smith 2021)", "VA"]
    assert [one.mean for one in theirs] == pytest.approx([0.82, 0.8022, (0.82 + 0.8022) / 2])
    assert not any(one and (one.best or one.tied) for _, figures in table.rows for one in figures)
    assert published_tables([row("LAS", 0.5, language="yo")], {"high": [], "low": ["yo"]}) == []


def test_the_test_is_the_paired_one_sided_t_test():
    best, other = [0.80, 0.82, 0.81, 0.83, 0.79], [0.79, 0.80, 0.81, 0.80, 0.78]
    lead = [a - b for a, b in zip(best, other, strict=True)]
    assert paired_p(lead) == pytest.approx(ttest_rel(best, other, alternative="greater").pvalue)
    assert paired_p([0.1, 0.1]) == 1.0 and paired_p([0.0, 0.0]) == 1.0


def test_not_worse_divides_the_level_by_the_number_of_tests():
    def seeds(*values: float) -> dict[int | None, float]:
        return dict(enumerate(values, 1))

    best, close, far = seeds(0.9, 0.8, 0.85), seeds(0.85, 0.81, 0.84), seeds(0.5, 0.4, 0.44)
    assert not_worse({"best": best, "close": close, "far": far, "one": seeds(0.1)}, "best") == {"close"}
    assert not_worse({"best": far, "other": best}, "best", lower_is_better=True) == set()
    # p = .019: significant alone, not as one of three.
    values = {"best": seeds(0.9, 0.9, 0.9), "a": seeds(0.8, 0.85, 0.83)}
    assert not_worse(values, "best") == set()
    assert not_worse({**values, "b": far, "c": far}, "best") == {"a"}


def test_a_table_marks_the_best_and_what_is_no_worse():
    rows = [
        row("LAS", value, recipe=recipe, seed=seed)
        for recipe, values in (("none", (0.5, 0.4, 0.44)), ("lapt", (0.85, 0.81, 0.84)), ("va(9)", (0.9, 0.8, 0.85)))
        for seed, value in enumerate(values, 1)
    ]
    (table,) = tagging_tables(rows, LEVELS)
    assert [(figures[0].best, figures[0].tied) for _, figures in table.rows] == [
        (False, False), (False, True), (True, False),
    ]  # fmt: skip
