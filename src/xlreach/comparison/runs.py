"""Two runs beside each other: what got better, what got worse, for each measure, language and system, with its test.

A system of one run is compared with the system of the same name in the other. Where the runs have not one base (recipe,
alignment) in common but each has a single one, those two are compared: that is how two encoders are. Retrieval is
tested by query where both runs asked the same ones (paired, signs flipped over query groups); tagging by seed where
there are several (Welch). Holm over everything that was compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from xlreach.comparison.measures import lower_is_better
from xlreach.comparison.names import stands_for
from xlreach.comparison.permutation import holm, sign_flip
from xlreach.comparison.words import p_text, plain, signed
from xlreach.comparison.words import system as words_system
from xlreach.errors import DataError, nearest
from xlreach.measurement import Measurement, read_measurements
from xlreach.safe_io import read_yaml
from xlreach.system import UNTREATED as BASELINE

_SYSTEM = ("base", "recipe", "alignment")
_WHAT = ("kind", "dataset", "setting", "measure")
_ALPHA = 0.05
_Key = tuple[str | None, ...]


@dataclass(frozen=True)
class RunComparison:
    """What `compare_runs` found.

    Attributes:
        rows: `{base, recipe, alignment, kind, dataset, setting, measure, language, a, b, difference, interval, p,
            p_holm, test, units, verdict}`; the difference is b minus a; `verdict` is `better`, `worse` (of b) or
            `cannot tell`; `language` is `low` and `high` for the means of a side, `gap` for low minus high.
        lines: The same in words: what got better, what worse, and how much of it cannot be told.
    """

    rows: tuple[dict[str, Any], ...]
    lines: tuple[str, ...]


def compare_runs(
    a: Path,
    b: Path,
    *,
    systems: tuple[str | None, str | None] = (None, None),
    permutations: int = 10_000,
    seed: int = 0,
) -> RunComparison:
    """Compares run B with run A, or a system of B with one of A.

    Args:
        a: A run folder.
        b: Another, or the same one where two of its systems are compared.
        systems: `recipe`, or `recipe with alignment`, of A and of B, their parameters left out where that is clear; all
            where None.
        permutations: Sign patterns drawn for a test.
        seed: Of those.

    Raises:
        DataError: A file is missing or damaged, there is no such system, or the runs measured nothing in common.
    """
    runs = [_Run(a, systems[0]), _Run(b, systems[1])]
    match = _matching(*(run.systems for run in runs))
    values = [run.values(match, which) for which, run in enumerate(runs)]
    common = [key for key in values[0] if key in values[1]]
    if not common:
        raise DataError(
            f"{a} and {b} have no measurement in common.",
            expected="Expected the same data sets, measures and languages, and systems of the same names or one each.",
        )
    queries = [run.queries(match, which) for which, run in enumerate(runs)]
    same_questions = runs[0].data == runs[1].data or not any(run.data.startswith("artificial") for run in runs)
    rng = np.random.default_rng(seed)
    rows = []
    for key in _with_sides(common, runs):
        parts = [_parts(key, values[which], queries[which], runs) for which in (0, 1)]
        if any(part is None for part in parts):
            continue
        rows.append(_row(key, parts, same_questions, permutations, rng))
    for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = p
        row["verdict"] = _verdict(row)
    return RunComparison(tuple(rows), tuple(_lines(rows, runs)))


class _Run:
    def __init__(self, folder: Path, system: str | None) -> None:
        self.folder = folder
        self.results = [
            row for row in read_measurements(folder / "results.jsonl") if row.kind in ("retrieval", "tagging")
        ]
        self.system = None if system is None else self._only(system)
        config = read_yaml(folder / "config.yaml")
        config = config if isinstance(config, dict) else {}
        self.name = system or str(config.get("study") or folder.name)
        self.data = str(config.get("data") or "")
        levels = config.get("languages")
        self.levels: dict[str, list[str]] = levels if isinstance(levels, dict) else {}

    def _only(self, system: str) -> tuple[str, str]:
        """Leaves the rows of one system."""
        known = list(dict.fromkeys((str(row.recipe), row.alignment or BASELINE) for row in self.results))
        recipe, joined, alignment = system.strip().partition(" with ")
        wanted = (recipe.strip(), alignment.strip() if joined else BASELINE)
        named = [words_system({"recipe": one[0], "alignment": one[1]}) for one in known]
        fits = [one for one, name in zip(known, named, strict=True) if one == wanted or name == system.strip()] or [
            one for one in known if all(stands_for(brief, full) for brief, full in zip(wanted, one, strict=True))
        ]
        if len(fits) != 1:
            seen = "no" if not fits else f"{len(fits)}"
            raise DataError(
                f"{self.folder} has {seen} system{'s' if len(fits) > 1 else ''} {system!r}.", fix=nearest(system, named)
            )
        recipe, alignment = fits[0]
        # what is tagged has no alignment
        own = [row for row in self.results if str(row.recipe) == recipe]
        self.results = [row for row in own if row.alignment is None or row.alignment == alignment]
        return fits[0]

    @property
    def systems(self) -> list[tuple[str | None, ...]]:
        return list(dict.fromkeys((row.base, row.recipe, row.alignment) for row in self.results))

    def values(self, match: Mapping[int, Mapping[str | None, str | None]], which: int) -> dict[_Key, dict[Any, float]]:
        """By system, what and language: the mean of each seed; cross-lingual pairs averaged."""
        found: dict[_Key, dict[Any, list[float]]] = {}
        for row in self.results:
            language = row.query_language if row.kind == "retrieval" else row.language
            if row.setting == "cross" and row.query_language == row.document_language:
                continue
            key = (*_system(row, match, which), row.kind, row.dataset, row.setting, row.measure, language)
            found.setdefault(key, {}).setdefault(row.seed, []).append(row.value)
        return {key: {seed: float(np.mean(all_)) for seed, all_ in seeds.items()} for key, seeds in found.items()}

    def queries(self, match: Mapping[int, Mapping[str | None, str | None]], which: int) -> dict[_Key, pd.Series]:
        """By system, what and language: the value of each query group, seeds and document languages averaged."""
        path = self.folder / "queries.parquet"
        if not path.is_file():
            return {}
        frame = pd.read_parquet(path)
        frame = frame[~((frame["setting"] == "cross") & (frame["query_language"] == frame["document_language"]))]
        if self.system is not None:
            alignment = frame["alignment"].fillna(BASELINE)
            frame = frame[(frame["recipe"] == self.system[0]) & (alignment == self.system[1])]
        group = frame["group"].where(frame["group"].notna(), frame["query_id"])
        keys = [*_SYSTEM, "dataset", "setting", "measure", "query_language"]
        found = {}
        for key, part in frame.assign(unit=group).groupby(keys, dropna=False, sort=False):
            names = [None if pd.isna(one) else str(one) for one in key]
            system = [match[at].get(name, name) if which else name for at, name in enumerate(names[:3])]
            found[(*system, "retrieval", *names[3:])] = part.groupby("unit", sort=True)["value"].mean()
        return found


def _matching(
    a: Sequence[tuple[str | None, ...]], b: Sequence[tuple[str | None, ...]]
) -> dict[int, dict[str | None, str | None]]:
    """For base, recipe and alignment: the name in A of each name in B that is another."""
    match: dict[int, dict[str | None, str | None]] = {}
    for at in range(len(_SYSTEM)):
        ours, theirs = ({system[at] for system in side if system[at] is not None} for side in (a, b))
        match[at] = {theirs.pop(): ours.pop()} if not ours & theirs and len(ours) == len(theirs) == 1 else {}
    return match


def _system(
    row: Measurement, match: Mapping[int, Mapping[str | None, str | None]], which: int
) -> tuple[str | None, ...]:
    names = (row.base, row.recipe, row.alignment)
    return tuple(match[at].get(name, name) if which else name for at, name in enumerate(names))


def _with_sides(common: Sequence[_Key], runs: Sequence[_Run]) -> list[_Key]:
    """After the languages of a system and measure both sides' means and the gap, where the runs agree on the sides."""
    if runs[0].levels != runs[1].levels or not all(runs[0].levels.get(side) for side in ("low", "high")):
        return list(common)
    groups: dict[_Key, list[_Key]] = {}
    for key in common:
        # tagging data sets differ by language: a side's mean is over them
        about = (*key[:4], None if key[3] == "tagging" else key[4], *key[5:7])
        groups.setdefault(about, []).append(key)
    found: list[_Key] = []
    for about, members in groups.items():
        found += members
        here = {key[-1] for key in members}
        if all(here & set(runs[0].levels[side]) for side in ("low", "high")):
            found += [(*about, one) for one in ("low", "high", "gap")]
    return found


_Parts = tuple[dict[Any, float], pd.Series | None]


def _parts(
    key: _Key, values: Mapping[_Key, dict[Any, float]], queries: Mapping[_Key, pd.Series], runs: Sequence[_Run]
) -> _Parts | None:
    """Means by seed and values by query group of a language, of a side, or of the gap between them."""
    if key[-1] not in ("low", "high", "gap"):
        return (values[key], queries.get(key)) if key in values else None
    sides = []
    for side in ("low", "high"):
        members = [
            one
            for one in values
            if (*one[:4], *one[5:7]) == (*key[:4], *key[5:7])
            and one[4] in ((key[4],) if key[4] is not None else (one[4],))
            and one[-1] in runs[0].levels[side]
        ]
        seeds = set.intersection(*({*values[one]} for one in members)) if members else set()
        means = {seed: float(np.mean([values[one][seed] for one in members])) for seed in seeds}
        if not means:
            means = {None: float(np.mean([np.mean([*values[one].values()]) for one in members]))} if members else {}
        asked = [queries.get(one) for one in members]
        frame = pd.concat(asked, axis=1, sort=True) if asked and all(one is not None for one in asked) else None
        # parallel questions only: a group that is missing in a language has no place in the side's mean
        sides.append((means, None if frame is None or frame.isna().any(axis=None) else frame.mean(axis=1)))
    if not sides[0][0] or not sides[1][0]:
        return None
    if key[-1] in ("low", "high"):
        return sides[("low", "high").index(str(key[-1]))]
    (low, low_queries), (high, high_queries) = sides
    shared = set(low) & set(high)
    gap = {seed: low[seed] - high[seed] for seed in shared} or {
        None: float(np.mean([*low.values()]) - np.mean([*high.values()]))
    }
    if low_queries is None or high_queries is None or not low_queries.index.equals(high_queries.index):
        return gap, None
    return gap, low_queries - high_queries


def _row(
    key: _Key, parts: Sequence[_Parts | None], same_questions: bool, permutations: int, rng: np.random.Generator
) -> dict[str, Any]:
    row: dict[str, Any] = dict(zip((*_SYSTEM, *_WHAT, "language"), key, strict=True))
    (before, before_queries), (after, after_queries) = (part for part in parts if part is not None)
    means = [float(np.mean([*side.values()])) for side in (before, after)]
    row |= {"a": means[0], "b": means[1], "difference": means[1] - means[0]}
    row |= {"interval": None, "p": None, "test": None, "units": 0}
    if before_queries is not None and after_queries is not None:
        common = before_queries.index.intersection(after_queries.index) if same_questions else []
        if len(common) > 1:
            paired = (after_queries[common] - before_queries[common]).to_numpy(float)
            ends = _t_interval(paired.mean(), paired.std(ddof=1) / np.sqrt(len(paired)), len(paired) - 1)
            p = sign_flip(paired, permutations, rng)
            return row | {"interval": ends, "p": p, "test": "paired by query", "units": len(paired)}
        return row | _welch(before_queries.to_numpy(float), after_queries.to_numpy(float), "by query, unpaired")
    return row | _welch(np.array([*before.values()]), np.array([*after.values()]), "by seed")


def _welch(before: np.ndarray, after: np.ndarray, test: str) -> dict[str, Any]:
    if min(len(before), len(after)) < 2 or not (before.std() > 0 or after.std() > 0):
        return {}
    found = stats.ttest_ind(after, before, equal_var=False)
    ends = found.confidence_interval(0.95)
    units = len(before) + len(after)
    return {"interval": [float(ends.low), float(ends.high)], "p": float(found.pvalue), "test": test, "units": units}


def _t_interval(mean: float, se: float, df: int) -> list[float]:
    reach = float(stats.t.ppf(0.975, df)) * se
    return [float(mean - reach), float(mean + reach)]


def _verdict(row: Mapping[str, Any]) -> str:
    if row["p_holm"] is None or row["p_holm"] >= _ALPHA or row["difference"] == 0:
        return "cannot tell"
    if row["language"] == "gap":  # better where the low-resource side falls behind less
        behind = [-row[run] if not lower_is_better(row["measure"]) else row[run] for run in ("a", "b")]
        return "better" if behind[1] < behind[0] else "worse"
    return "better" if (row["difference"] > 0) != lower_is_better(row["measure"]) else "worse"


def _lines(rows: Sequence[Mapping[str, Any]], runs: Sequence[_Run]) -> list[str]:
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in ("better", "worse", "cannot tell")}
    lines = [
        f"{runs[1].name} against {runs[0].name}: {counts['better']} better, {counts['worse']} worse, "
        f"{counts['cannot tell']} of {len(rows)} cannot be told (p < .05 after Holm)."
    ]
    for verdict in ("better", "worse"):
        told = [row for row in rows if row["verdict"] == verdict]
        for row in sorted(told, key=lambda row: -abs(row["difference"])):
            points = max(abs(row["a"]), abs(row["b"])) > 1.5
            where = " ".join(str(part) for part in (row["measure"], row["setting"], row["dataset"]) if part)
            named = () if runs[1].system else ("recipe", "alignment")  # two systems stand in the first line
            system = ", " + " ".join(str(row[name]) for name in named if row[name]) if named else ""
            ends = row["interval"]
            lines.append(
                f"{verdict}: {row['language']}, {where}{system}: {plain(row['a'])} to {plain(row['b'])}, "
                f"{signed(row['difference'], points)} [{signed(ends[0], points)}, {signed(ends[1], points)}], "
                f"{p_text(row['p_holm'])} after Holm ({row['test']}, {row['units']})"
            )
    untested = sum(row["p"] is None for row in rows)
    if untested:
        lines.append(f"{untested} have no test: one seed and no per-query values.")
    return lines
