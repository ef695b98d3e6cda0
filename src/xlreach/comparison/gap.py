"""Low versus high: every gap of a study, with its uncertainty, and every change that a recipe or alignment brings.

The result is `gaps.json`, plain JSON without NaN:

    schema, study, seed, resamples, permutations, confidence, headline      how it was computed; the first measure
    cuts        [{name, rule, base, low, high, left_out}]            the divisions; `config` is the study's own
    gaps        one row a cut × system × data set × setting × measure
        low, high, gap          means over languages of the per-language values, and low - high
        interval                95 % for languages like these (languages, queries and seeds drawn), or null
        interval_these_languages    95 % for these very languages (queries and seeds drawn), or null
        p, p_these_languages    of no gap, from the standard errors of the intervals; not corrected
        df, df_these_languages  degrees of freedom of the intervals; None where they are not limited
        hedges_g                the standardised gap
        values                  {language: value}; languages_low, languages_high, seeds, query_groups: what it rests on
        warnings                what keeps it from being a claim
    directions  cross-lingual means by direction (`low→high` = low-resource query, high-resource documents), and what
                the weak side costs: `query side` = low→high - high→high, `document side` = high→low - high→high
    changes     difference in differences: how much more the low-resource languages gained than the high-resource ones
        factor, recipe, alignment, against      what was changed, and the system it is compared with
        change, low_gain, high_gain, gap_before, gap_after, gains, intervals as above
        p_queries, p_languages  paired permutation tests (`permutation.py`); *_holm corrected over `holm_family` rows:
                                all changes of one cut, data set, setting and measure
    hypotheses  [{claim, base, dataset, effect, interval, p, p_holm, languages, seeds, verdict, why}]
    answer      [{base, dataset, recipe, alignment, sentences}]: the study's question in words (`answer.py`)
    pools       [{dataset, setting, sizes, smallest, largest}]: how many documents each language's queries rank
    equal_pools     figures by language at one pool size, and the gap there, where pools differ (`pools.py`)
    profiles, correlations, models      what goes with retrieval (`why.py`)
    warnings    the study's, in words
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from xlreach.comparison.answer import answer
from xlreach.comparison.found import Found, plain
from xlreach.comparison.hypotheses import check_hypotheses
from xlreach.comparison.levels import Cut, cuts
from xlreach.comparison.panel import families
from xlreach.comparison.pools import equal_pools, pool_sizes
from xlreach.comparison.why import explain
from xlreach.comparison.words import listed
from xlreach.errors import DataError
from xlreach.measurement import Measurement
from xlreach.retrieval.retrievers import is_baseline
from xlreach.safe_io import read_json
from xlreach.store import digest, replacing

SCHEMA = 2


def compare(
    results: Sequence[Measurement],
    queries: pd.DataFrame | Path | None,
    levels: Mapping[str, Sequence[str]],
    *,
    seed: int = 0,
    resamples: int = 10_000,
    permutations: int = 10_000,
    headline: str | None = None,
    bases: Mapping[str, str] | None = None,
    hypotheses: Sequence[str] = (),
    ranks: pd.DataFrame | Path | None = None,
    divisions: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
) -> dict[str, Any]:
    """All gaps and changes of a study; deterministic for a seed.

    Args:
        results: The measurements of `results.jsonl`.
        queries: Per-query values (a frame, or the path of `queries.parquet`, read a family at a time), or None:
            then intervals rest on languages and seeds alone.
        levels: `{"high": [codes], "low": [codes]}`.
        seed: Of the resampling.
        resamples: Bootstrap resamples.
        permutations: Permutations drawn for a test, where there are too many for all.
        headline: The measure to show first; the first retrieval measure if None.
        bases: What each base's name stands for (`{"xlmr": "FacebookAI/xlm-roberta-base"}`), to know its pretraining.
        hypotheses: Claims to check (`hypotheses.py`).
        ranks: Ranks of the relevant documents, for figures at equal pools (`pools.py`).
        divisions: Other lists of languages to cut every gap by, `{name: {"high": [codes], "low": [codes]}}`.

    Returns:
        The content of `gaps.json`.

    Raises:
        ConfigError: The levels are wrong.
        SpecError: A hypothesis cannot be read.
        DataError: The per-query values do not fit the results.
    """
    measured = {row.query_language or row.language for row in results if row.kind in ("retrieval", "tagging")}
    named = {row.base: (bases or {}).get(row.base, row.base) for row in results if row.base is not None}
    lines = cuts(levels, [code for code in measured if code is not None], named, divisions)
    found = Found(seed, resamples, permutations)
    for family in tqdm(families(results, queries), desc="comparing", unit="family", disable=None):
        found.add(family, [cut for cut in lines if cut.base in (None, family.key.base)])
    found.correct()
    retrieval = [row.measure for row in results if row.kind == "retrieval"]
    tagging = [row.measure for row in results if row.kind == "tagging"]
    headline = headline or next(iter([*retrieval, *tagging]), None)
    encoders = [row for row in results if not is_baseline(row.alignment)]
    pools: dict[str, Any] = {"pools": [], "equal_pools": []}
    if ranks is not None:
        fresh = partial(Found, seed, resamples, permutations)
        gaps_of = partial(_gaps_of, fresh, lines[0])
        asked = list(dict.fromkeys(retrieval))
        pools["pools"] = pool_sizes(ranks)
        pools["equal_pools"] = equal_pools(ranks, asked, levels, headline=headline, gaps_of=gaps_of)
    why = explain(encoders, headline, lines[0], seed=seed, resamples=resamples, permutations=permutations)
    gaps = {
        "schema": SCHEMA,
        "study": next((row.study for row in results), None),
        "seed": seed,
        "resamples": resamples,
        "permutations": permutations,
        "confidence": 0.95,
        "headline": headline,
        "cuts": [plain(asdict(cut)) for cut in lines],
        "gaps": found.gaps,
        "directions": found.directions,
        "changes": found.changes,
        "hypotheses": check_hypotheses(hypotheses, results, queries, levels, seed=seed, resamples=resamples),
        **plain(pools),
        **plain(why),
        "warnings": _study_warnings(found, lines[0]),
    }
    said = answer(gaps, results, queries, levels, seed=seed, resamples=resamples)
    return {**gaps, "answer": plain(said)}


def write_gaps(path: Path, gaps: Mapping[str, Any]) -> None:
    """Writes `gaps.json`, whole or not at all, with a checksum of what it says."""
    with replacing(path) as temporary:
        # of the content as JSON gives it back: a report made from part of it would look whole
        gaps = {**gaps, "checksum": digest(json.loads(json.dumps(gaps, ensure_ascii=False)))}
        temporary.write_text(json.dumps(gaps, indent=1, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def read_gaps(path: Path) -> dict[str, Any]:
    """Reads what `write_gaps` wrote.

    Raises:
        DataError: The file is missing, no JSON, of another schema, or not as it was written.
    """
    if not path.is_file():
        raise DataError("There is no such file.", fix="Compare the run first.", path=path)
    gaps = read_json(path)
    if not isinstance(gaps, dict) or gaps.get("schema") != SCHEMA:
        raise DataError("Of another schema.", expected=f"Expected schema {SCHEMA}.", path=path)
    if gaps.pop("checksum", None) != digest(gaps):
        raise DataError("The file was damaged or edited.", fix="Compare the run again.", path=path)
    return gaps


def _gaps_of(
    fresh: Callable[[], Found], cut: Cut, results: list[Measurement], queries: pd.DataFrame
) -> list[dict[str, Any]]:
    found = fresh()
    for family in families(results, queries):
        found.add(family, [cut])
    return found.gaps


def _study_warnings(found: Found, cut: Cut) -> list[str]:
    own = [row for row in found.gaps if row["cut"] == cut.name]
    counted: dict[str, list[str]] = {}
    for row in own:
        for warning in row["warnings"]:
            counted.setdefault(warning, []).append(row["dataset"] or row["measure"])
    warnings = []
    for text, where in counted.items():
        share = f" ({len(where)} of {len(own)} gaps: {listed(where)})" if len(where) < len(own) else ""
        warnings.append(f"{text[0].upper()}{text[1:]}{share}.")
    if cut.left_out:
        warnings.append(f"On neither side, so in no gap: {', '.join(cut.left_out)}.")
    if not own:
        warnings.append("No gap could be computed: no measure covers both a low- and a high-resource language.")
    return warnings
