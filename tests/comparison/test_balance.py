"""Means that low- and high-resource languages would compose differently, computed by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from xlreach.comparison.explain.equal_pools import equal_pools
from xlreach.comparison.gap_builder import GapBuilder
from xlreach.comparison.groups.families import families
from xlreach.comparison.groups.splits import config_split
from xlreach.comparison.resampling.language_means import balanced
from xlreach.measurement import Measurement

QUERY = {"mt": 0.05, "wo": 0.02, "en": 0.10, "de": 0.0, "tr": -0.04}


def rows_of(values, setting="cross", kind="retrieval", **fields):
    same = {"study": "s", "base": "b", "recipe": "none", "setting": setting, "dataset": "d"} | fields
    if kind == "tagging":
        return [
            Measurement(**same | {"dataset": dataset}, kind=kind, measure="UPOS", language=code, value=value, seed=1)
            for (code, dataset), value in values.items()
        ]
    return [
        Measurement(**same, kind=kind, alignment="none", retriever="dense", measure="RR", value=value, seed=1,
                    query_language=asked, document_language=answered)
        for (asked, answered), value in values.items()
    ]  # fmt: skip


def analysed(rows, low, high):
    builder = GapBuilder()
    (family,) = families(rows, None)
    builder.add(family, [config_split({"low": low, "high": high}, [])])
    return builder.gaps[0], {row.direction: row.value for row in builder.directions}


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (("mt",), ("en", "de")),
        (("mt",), ("en", "de", "tr")),
        (("mt", "wo"), ("en",)),
        (("mt", "wo"), ("en", "de", "tr")),
    ],
)
@pytest.mark.parametrize("cost", [0.0, -0.2])
def test_documents_are_no_part_of_the_cross_lingual_gap(low, high, cost):
    """Values are what the query's language gives plus what the documents' costs, so every part is known."""
    pairs = itertools.permutations((*low, *high), 2)
    values = {(a, d): 0.5 + QUERY[a] + cost * (d in low) for a, d in pairs}
    gap, sides = analysed(rows_of(values), low, high)
    asked = np.mean([QUERY[code] for code in low]) - np.mean([QUERY[code] for code in high])
    assert gap.gap == pytest.approx(asked, abs=1e-6) and sides.get("query side", asked) == pytest.approx(
        asked, abs=1e-6
    )
    if len(high) > 1:
        assert sides["document side"] == pytest.approx(cost, abs=1e-6)
    assert gap.documents == tuple(side for side, of in (("low", low), ("high", high)) if len(of) > 1)


def test_both_sides_of_documents_count_equally():
    """Of two low- and three high-resource languages: for en, mt and wo are a half, and de and tr are the other."""
    rng = np.random.default_rng(0)
    values = {pair: float(rng.random()) for pair in itertools.permutations(QUERY, 2)}
    gap, _ = analysed(rows_of(values), ("mt", "wo"), ("en", "de", "tr"))

    def mean(asked, *documents):
        return np.mean([values[asked, of] for of in documents])

    by_hand = {
        "mt": (mean("mt", "wo") + mean("mt", "en", "de", "tr")) / 2,
        "wo": (mean("wo", "mt") + mean("wo", "en", "de", "tr")) / 2,
        "en": (mean("en", "mt", "wo") + mean("en", "de", "tr")) / 2,
        "de": (mean("de", "mt", "wo") + mean("de", "en", "tr")) / 2,
        "tr": (mean("tr", "mt", "wo") + mean("tr", "en", "de")) / 2,
    }
    assert gap.values == pytest.approx(by_hand, abs=1e-6)
    rows = balanced(rows_of(values), config_split({"low": ["mt", "wo"], "high": ["en", "de", "tr"]}, []))
    assert {row.query_language: row.value for row in rows} == pytest.approx(by_hand)


def test_one_pool_for_all_languages_is_the_same_for_every_query():
    values = {(code, None): 0.5 + QUERY[code] for code in QUERY}
    gap, sides = analysed(rows_of(values, "multi"), ("mt", "wo"), ("en", "de", "tr"))
    assert gap.gap == pytest.approx((0.05 + 0.02) / 2 - (0.10 - 0.04) / 3, abs=1e-6) and not sides


def test_a_language_with_two_treebanks_counts_once():
    values = {("mt", "x"): 70.0, ("wo", "x"): 50.0, ("wo", "y"): 60.0, ("en", "x"): 90.0, ("en", "y"): 80.0}
    gap, _ = analysed(rows_of(values | {("de", "x"): 99.0}, None, "tagging"), ("mt", "wo"), ("en", "de"))
    assert gap.gap == pytest.approx((70 + 55) / 2 - (85 + 99) / 2, abs=1e-4)


def test_figures_at_equal_pools_compare_over_the_same_documents():
    """One low-resource language: no documents in it are searched by both sides, so en is compared over German alone."""
    ranks, pools = {("mt", "en"): 2, ("mt", "de"): 4, ("en", "de"): 5, ("de", "en"): 1}, {"mt": 10, "en": 20, "de": 40}
    ranks |= {("en", "mt"): 10, ("de", "mt"): 10}
    same = {"base": "b", "recipe": "none", "alignment": "none", "retriever": "dense", "language": None, "seed": 1}
    same |= {"dataset": "d", "setting": "cross", "query_id": "q", "group": "g"}
    frame = pd.DataFrame(
        same | {"query_language": asked, "document_language": of, "pool": pools[of], "ranks": [rank], "grades": [1]}
        for (asked, of), rank in ranks.items()
    )
    (row,) = equal_pools(frame, ["RR"], {"low": ["mt"], "high": ["en", "de"]})
    whole = {code: figure.whole for code, figure in row.languages.items()}
    assert whole == pytest.approx({"mt": (1 / 2 + 1 / 4) / 2, "en": 1 / 5, "de": 1.0})
    assert row.gap == pytest.approx(3 / 8 - (1 / 5 + 1) / 2) and row.size == 10
