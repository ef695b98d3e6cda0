"""Low versus high: every gap of a study, with its uncertainty, and every change that a recipe or alignment brings.

The result is `gaps.json`, plain JSON without NaN:

    schema, study, seed, resamples, permutations, confidence, headline      how it was computed; the first measure
    cuts        [{name, rule, base, low, high, left_out}]            the divisions; `config` is the study's own
    gaps        one row a cut × system × data set × setting × measure
        low, high, gap          means over languages of the per-language values, and low - high
        interval                95 % for languages like these (languages, queries and seeds drawn), or null
        interval_these_languages    95 % for these very languages (queries and seeds drawn), or null
        p, p_these_languages    of no gap, from the standard errors of the intervals; not corrected
        df, hedges_g            degrees of freedom of `interval`; standardised gap
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
    equal_pools     figures at one pool size, where ranks are known and pools differ (`pools.py`)
    profiles, correlations, models      what goes with retrieval (`why.py`)
    warnings    the study's, in words
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from xlreach.comparison.answer import answer
from xlreach.comparison.bootstrap import group_weights, multinomial, resampled_means, two_sided
from xlreach.comparison.change import Change, find_changes, query_contributions
from xlreach.comparison.division import Division
from xlreach.comparison.hypotheses import check_hypotheses
from xlreach.comparison.levels import Cut, cuts
from xlreach.comparison.measures import lower_is_better
from xlreach.comparison.panel import Cell, CellKey, Family, families
from xlreach.comparison.permutation import hedges_g, holm, relabel, sign_flip
from xlreach.comparison.pools import equal_pools
from xlreach.comparison.statistic import ByDirection, ByLanguage, over_seeds
from xlreach.comparison.why import explain
from xlreach.errors import DataError
from xlreach.measurement import Measurement
from xlreach.store import replacing

SCHEMA = 2
FEWEST_LANGUAGES = 5


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

    Returns:
        The content of `gaps.json`.

    Raises:
        ConfigError: The levels are wrong.
        SpecError: A hypothesis cannot be read.
        DataError: The per-query values do not fit the results.
    """
    measured = {row.query_language or row.language for row in results if row.kind in ("retrieval", "tagging")}
    named = {row.base: (bases or {}).get(row.base, row.base) for row in results if row.base is not None}
    divisions = cuts(levels, [code for code in measured if code is not None], named)
    found = _Found(seed, resamples, permutations)
    for family in tqdm(families(results, queries), desc="comparing", unit="family", disable=None):
        found.add(family, [cut for cut in divisions if cut.base in (None, family.key.base)])
    found.correct()
    retrieval = [row.measure for row in results if row.kind == "retrieval"]
    tagging = [row.measure for row in results if row.kind == "tagging"]
    headline = headline or next(iter([*retrieval, *tagging]), None)
    why = explain(results, headline, divisions[0], seed=seed, resamples=resamples, permutations=permutations)
    gaps = {
        "schema": SCHEMA,
        "study": next((row.study for row in results), None),
        "seed": seed,
        "resamples": resamples,
        "permutations": permutations,
        "confidence": 0.95,
        "headline": headline,
        "cuts": [_plain(asdict(cut)) for cut in divisions],
        "gaps": found.gaps,
        "directions": found.directions,
        "changes": found.changes,
        "hypotheses": check_hypotheses(hypotheses, results, queries, levels, seed=seed, resamples=resamples),
        "equal_pools": [] if ranks is None else _plain(equal_pools(ranks, list(dict.fromkeys(retrieval)), levels)),
        **_plain(why),
        "warnings": _study_warnings(found, divisions[0]),
    }
    said = answer(gaps, results, queries, levels, seed=seed, resamples=resamples)
    return {**gaps, "answer": _plain(said)}


def write_gaps(path: Path, gaps: Mapping[str, Any]) -> None:
    """Writes `gaps.json`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(gaps, indent=1, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def read_gaps(path: Path) -> dict[str, Any]:
    """Reads what `write_gaps` wrote.

    Raises:
        DataError: The file is missing, no JSON, or of another schema.
    """
    try:
        gaps = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"Cannot be read ({error.strerror}).", fix="Compare the run first.", path=path) from error
    except ValueError as error:
        raise DataError(f"Not JSON ({error}).", path=path) from error
    if not isinstance(gaps, dict) or gaps.get("schema") != SCHEMA:
        raise DataError("Of another schema.", expected=f"Expected schema {SCHEMA}.", path=path)
    return gaps


class _Found:
    """Collects rows, a family at a time."""

    def __init__(self, seed: int, resamples: int, permutations: int) -> None:
        self.seed, self.resamples, self.permutations = seed, resamples, permutations
        self.gaps: list[dict[str, Any]] = []
        self.directions: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []

    def add(self, family: Family, divisions: Sequence[Cut]) -> None:
        """Draws once for the whole family, then reads every statistic off the same draws."""
        key, cells, changes = family.key, family.cells, find_changes(family)
        by_language = ByLanguage(family.pairs, key.setting)
        groups = group_weights(family.strata, self.resamples, self._rng(key.dataset, key.setting, "queries"))
        seeds = [multinomial(len(c.seeds), self.resamples, self._rng(key.dataset, "seeds", c.seeds)) for c in cells]
        by_seed = [by_language.values(cell.means().T) for cell in cells]  # (seeds, languages)
        exact = [by_language.values(over_seeds(cell.means())[None])[0] for cell in cells]
        systems = [(number, None) for number in range(len(cells))] + [(c.cell, c.against) for c in changes]
        jobs = [self._division(family, by_language, cut, len(systems)) for cut in divisions]
        for chunk, means in resampled_means(cells, groups, seeds):
            for number, (cell, against) in enumerate(systems):
                values = by_language.values(means[cell])
                if against is not None:
                    values = values - by_language.values(means[against])
                for job in jobs:
                    job.draw(number, chunk, values, means[cell] if against is None else None)
        for job in jobs:
            for number, (cell, against) in enumerate(systems):
                if against is None:
                    self._gap(family, job, number, exact[cell], by_seed[cell])
                else:
                    paired = cells[cell].seeds == cells[against].seeds
                    per_seed = by_seed[cell] - (by_seed[against] if paired else exact[against])
                    change = changes[number - len(cells)]
                    self._change(family, job, number, change, exact[cell], exact[against], per_seed)

    def correct(self) -> None:
        """Holm over every family of changes: one cut, data set, setting and measure."""
        rows: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        for row in self.changes:
            rows.setdefault(tuple(row[name] for name in ("cut", "kind", "dataset", "setting", "measure")), []).append(
                row
            )
        for members in rows.values():
            for name in ("p_queries", "p_languages"):
                for row, p in zip(members, holm([row[name] for row in members]), strict=True):
                    row[f"{name}_holm"] = _round(p)
                    row["holm_family"] = len(members)

    def _division(self, family: Family, by_language: ByLanguage, cut: Cut, systems: int) -> Division:
        directions = ByDirection(family.pairs, cut) if family.key.setting == "cross" else None
        rng = self._rng(family.key.dataset, cut.name, "languages")
        return Division(cut, by_language, directions, systems, self.resamples, rng)

    def _gap(self, family: Family, job: Division, number: int, exact: np.ndarray, per_seed: np.ndarray) -> None:
        point = job.point(exact)
        if point is None:
            return
        cell = family.cells[number]
        row = _head(family, job.cut, cell.key)
        row |= {"low": point["low"], "high": point["high"], "gap": point["low"] - point["high"]}
        row |= job.intervals(number, row["gap"], exact, per_seed)
        row |= {
            "hedges_g": hedges_g(*point["sides"]),
            "values": point["values"],
            "languages_low": len(point["sides"][0]),
            "languages_high": len(point["sides"][1]),
            "seeds": len(cell.seeds),
            "query_groups": cell.sums.shape[0] if family.has_queries else 0,
            "warnings": _row_warnings(family, point, cell),
        }
        self.gaps.append(_plain(row))
        for name, value, pairs, whole, these in job.direction_rows(number, cell):
            row = _head(family, job.cut, cell.key)
            row |= {"direction": name, "value": value, "pairs": pairs}
            for suffix, found in (("", whole), ("_these_languages", these)):
                row[f"interval{suffix}"] = None if found is None else [found.low, found.high]
                row[f"p{suffix}"] = None if found is None else two_sided(value, found)
            self.directions.append(_plain(row))

    def _change(
        self,
        family: Family,
        job: Division,
        number: int,
        change: Change,
        after: np.ndarray,
        before: np.ndarray,
        per_seed: np.ndarray,
    ) -> None:
        common = np.isfinite(after) & np.isfinite(before)
        after, before = np.where(common, after, np.nan), np.where(common, before, np.nan)
        gain, then, now = job.point(after - before), job.point(before), job.point(after)
        if gain is None or then is None or now is None:
            return
        cell, against = family.cells[change.cell], family.cells[change.against]
        row = _head(family, job.cut, cell.key)
        row |= {
            "factor": change.factor,
            "against": {"recipe": against.key.recipe, "alignment": against.key.alignment},
            "change": gain["low"] - gain["high"],
            "low_gain": gain["low"],
            "high_gain": gain["high"],
            "gap_before": then["low"] - then["high"],
            "gap_after": now["low"] - now["high"],
        }
        row |= job.intervals(number, row["change"], after - before, per_seed)
        rng = self._rng(family.key, job.cut.name, change.factor, *cell.key, *against.key)
        parts = query_contributions(family, change, job.sides()) if family.has_queries else None
        row |= {
            "p_queries": None if parts is None else sign_flip(parts, self.permutations, rng),
            "p_languages": relabel(gain["sides"][0], gain["sides"][1], self.permutations, rng),
            "hedges_g": hedges_g(*gain["sides"]),
            "gains": gain["values"],
            "languages_low": len(gain["sides"][0]),
            "languages_high": len(gain["sides"][1]),
            "seeds": len(cell.seeds),
        }
        self.changes.append(_plain(row))

    def _rng(self, *parts: Any) -> np.random.Generator:
        key = hashlib.sha256(repr((self.seed, *parts)).encode("utf-8", "surrogatepass")).digest()
        return np.random.default_rng(np.frombuffer(key, np.uint32))


def _head(family: Family, cut: Cut, system: CellKey) -> dict[str, Any]:
    key = family.key
    return {
        "cut": cut.name,
        "kind": key.kind,
        "base": key.base,
        "recipe": system.recipe,
        "alignment": system.alignment,
        "dataset": key.dataset,
        "datasets": list(family.datasets),
        "setting": key.setting,
        "measure": key.measure,
        "lower_is_better": lower_is_better(key.measure),
    }


def _row_warnings(family: Family, point: Mapping[str, Any], cell: Cell) -> list[str]:
    warnings = []
    for level, side in zip(("low", "high"), point["sides"], strict=True):
        if len(side) < FEWEST_LANGUAGES:
            some = "1 language" if len(side) == 1 else f"{len(side)} languages"
            warnings.append(f"{some} on the {level}-resource side: too few for a claim about languages like these")
    if cell.borrowed:
        warnings.append(f"{', '.join(cell.borrowed)}: tagged with the unadapted base, not under the recipe")
    if len(cell.seeds) == 1:
        warnings.append("one seed: no interval covers the chance of training")
    if family.key.kind == "retrieval" and not family.has_queries:
        warnings.append("no per-query values: no interval covers the chance of the queries")
    return warnings


def _study_warnings(found: _Found, cut: Cut) -> list[str]:
    counted: dict[str, int] = {}
    own = [row for row in found.gaps if row["cut"] == cut.name]
    for row in own:
        for warning in row["warnings"]:
            counted[warning] = counted.get(warning, 0) + 1
    share = {count: f" ({count} of {len(own)} gaps)" if count < len(own) else "" for count in counted.values()}
    warnings = [f"{text[0].upper()}{text[1:]}{share[count]}." for text, count in counted.items()]
    if cut.left_out:
        warnings.append(f"On neither side, so in no gap: {', '.join(cut.left_out)}.")
    if not own:
        warnings.append("No gap could be computed: no measure covers both a low- and a high-resource language.")
    return warnings


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _plain(value: Any) -> Any:
    """JSON without NaN; six decimals."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, (float, np.floating)):
        return _round(float(value)) if np.isfinite(value) else None
    return value
