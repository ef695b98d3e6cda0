"""Two runs beside each other: what got better, what got worse, for each measure, language and system, with its test.

A system of one run is compared with the system of the same names in the other. Where the runs have no base (recipe,
alignment, retriever) in common but each has a single one, those two are compared: this is how two encoders are
compared. Retrieval is tested by query where both runs have the same queries (paired, signs flipped over query groups);
tagging by seed where there are several (Welch). Holm over everything that was compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from xlreach.comparison.claims import Selection, system_phrases
from xlreach.comparison.tests.permutation import holm, sign_flip
from xlreach.errors import DataError, SpecError, nearest
from xlreach.gaps import Interval, Measured, RunComparison, RunDifference, Side
from xlreach.measurement import read_measurements
from xlreach.safe_io import read_yaml
from xlreach.scoring.measures import MeasureInfo
from xlreach.system import System

_ALPHA = 0.05
_Seeds = dict[int | None, float]
_Kind = Literal["retrieval", "tagging"]
_Rename = Callable[[System, _Kind], System]


@dataclass(frozen=True, kw_only=True)
class _Subject(Measured):
    """What has a value in both runs; `language` is None for a side or the gap."""

    scope: Literal["language", "low", "high", "gap"] = "language"
    language: str | None = None


@dataclass(frozen=True)
class _Value:
    """A value by seed, and by query group where that is known."""

    seeds: _Seeds
    queries: pd.Series | None

    @property
    def mean(self) -> float:
        return float(np.mean([*self.seeds.values()]))


def compare_runs(
    a: Path,
    b: Path,
    *,
    systems: tuple[str | None, str | None] = (None, None),
    permutations: int = 10_000,
    seed: int = 0,
) -> RunComparison:
    """Compares run B with run A, each a run folder, or a system of B with one of A (which may be the same run).

    `systems` are `recipe`, or `recipe with alignment`, of A and of B; all where None.

    Raises:
        DataError: A file is missing or damaged, there is no such system, or the runs measured nothing in common.
    """
    runs = _Run(a, systems[0]), _Run(b, systems[1])
    rename = _renaming(*runs)
    values = runs[0].values(lambda system, kind: system), runs[1].values(rename)
    common = [subject for subject in values[0] if subject in values[1]]
    if not common:
        raise DataError(
            f"{a} and {b} have no measurement in common.",
            expected="Expected the same data sets, measures and languages, and systems of the same names or one each.",
        )
    same_queries = runs[0].data == runs[1].data or not any(_is_artificial(run.data) for run in runs)
    rng = np.random.default_rng(seed)
    rows = []
    for subject in _with_sides(common, runs):
        before, after = (_value(subject, of_run, runs[0].levels) for of_run in values)
        if before is not None and after is not None:
            rows.append(_difference(subject, before, after, same_queries, permutations, rng))
    corrected = holm([row.p for row in rows])
    rows = [replace(row, p_holm=p, verdict=_verdict(row, p)) for row, p in zip(rows, corrected, strict=True)]
    return RunComparison(a=runs[0].name, b=runs[1].name, one_system=systems[1] is not None, rows=tuple(rows))


class _Run:
    """The measurements of a run."""

    def __init__(self, folder: Path, system: str | None) -> None:
        self.folder = folder
        self.results = [
            row for row in read_measurements(folder / "results.jsonl") if row.kind in ("retrieval", "tagging")
        ]
        self.selection = None if system is None else self._selection(system)
        if self.selection is not None:
            # what is tagged has no alignment, so its recipe decides
            of_tagging = Selection(recipe=self.selection.recipe)
            by_kind = {"retrieval": self.selection, "tagging": of_tagging}
            self.results = [row for row in self.results if by_kind[row.kind].includes(row.system)]
        config = read_yaml(folder / "config.yaml")
        config = config if isinstance(config, dict) else {}
        self.name = system or str(config.get("study") or folder.name)
        self.data = str(config.get("data") or "")
        levels = config.get("languages")
        self.levels: dict[str, list[str]] = levels if isinstance(levels, dict) else {}

    def _selection(self, name: str) -> Selection:
        phrases = {phrase: row.system for row in self.results for phrase in system_phrases(row.system)}
        if name.strip() not in phrases:
            raise DataError(f"{self.folder} has no system {name!r}.", fix=nearest(name, phrases))
        return Selection.only(phrases[name.strip()])

    def names(self, field: str) -> set[str]:
        """The names of its bases, recipes, alignments or retrievers; the last two are of retrieval only."""
        rows = self.results if field in ("base", "recipe") else [r for r in self.results if r.kind == "retrieval"]
        return {getattr(row.system, field) for row in rows}

    def values(self, rename: _Rename) -> dict[_Subject, _Value]:
        """The value of each language, cross-lingual pairs averaged, with the systems renamed."""
        seeds: dict[_Subject, dict[int | None, list[float]]] = {}
        for row in self.results:
            if row.setting == "cross" and row.query_language == row.document_language:
                continue
            kind: _Kind = "retrieval" if row.kind == "retrieval" else "tagging"
            dataset = row.dataset if row.trained_on is None else f"{row.trained_on}→{row.dataset}"
            language = row.query_language if kind == "retrieval" else row.language
            system = rename(row.system, kind)
            subject = _Subject(kind, system, dataset, row.setting, row.label, language=language)
            seeds.setdefault(subject, {}).setdefault(row.seed, []).append(row.value)
        queries = self._queries(rename)
        return {
            subject: _Value({seed: float(np.mean(v)) for seed, v in by_seed.items()}, queries.get(subject))
            for subject, by_seed in seeds.items()
        }

    def _queries(self, rename: _Rename) -> dict[_Subject, pd.Series]:
        """The value of each query group, seeds and document languages averaged."""
        path = self.folder / "queries.parquet"
        if not path.is_file():
            return {}
        frame = pd.read_parquet(path)
        frame = frame[~((frame["setting"] == "cross") & (frame["query_language"] == frame["document_language"]))]
        group = frame["group"].where(frame["group"].notna(), frame["query_id"])
        columns = ["base", "recipe", "alignment", "retriever", "dataset", "setting", "measure", "query_language"]
        by_subject = {}
        for key, part in frame.assign(unit=group).groupby(columns, dropna=False, sort=False):
            *names, dataset, setting, measure, language = (None if pd.isna(text) else str(text) for text in key)
            system = System.of(*names)
            if self.selection is None or self.selection.includes(system):
                system = rename(system, "retrieval")
                subject = _Subject("retrieval", system, dataset, setting, str(measure), language=language)
                by_subject[subject] = part.groupby("unit", sort=True)["value"].mean()
        return by_subject


def _renaming(a: _Run, b: _Run) -> _Rename:
    """Gives systems of B the base, recipe, alignment or retriever of A, where each run has a single one of its own."""
    renamed: dict[str, str] = {}
    for field in fields(System):
        ours, theirs = a.names(field.name), b.names(field.name)
        if not ours & theirs and len(ours) == len(theirs) == 1:
            renamed |= {field.name: ours.pop()}
    of_tagging = {field: name for field, name in renamed.items() if field in ("base", "recipe")}
    return lambda system, kind: replace(system, **(renamed if kind == "retrieval" else of_tagging))


def _is_artificial(data: str) -> bool:
    from xlreach.corpora.artificial import ARTIFICIAL  # only here, so that comparing needs no corpora

    try:
        ARTIFICIAL.parse(data)
    except SpecError:
        return False
    return True


def _with_sides(common: Sequence[_Subject], runs: Sequence[_Run]) -> list[_Subject]:
    """After the languages of a system and measure, both sides' means and the gap, where the runs agree on the sides."""
    levels = runs[0].levels
    if levels != runs[1].levels or not all(levels.get(side) for side in ("low", "high")):
        return list(common)
    groups: dict[_Subject, list[_Subject]] = {}
    for subject in common:
        # tagging data sets differ by language: a side's mean is over them
        dataset = None if subject.kind == "tagging" else subject.dataset
        groups.setdefault(replace(subject, dataset=dataset, language=None), []).append(subject)
    subjects: list[_Subject] = []
    for key, members in groups.items():
        subjects += members
        languages = {member.language for member in members}
        if all(languages & set(levels[side]) for side in ("low", "high")):
            subjects += [replace(key, scope="low"), replace(key, scope="high"), replace(key, scope="gap")]
    return subjects


def _value(subject: _Subject, values: dict[_Subject, _Value], levels: dict[str, list[str]]) -> _Value | None:
    """The value of a language, of a side, or of the gap between the sides; None where it was not measured."""
    if subject.scope == "language":
        return values.get(subject)
    if subject.scope != "gap":
        return _of_side(subject, subject.scope, values, levels)
    low, high = (_of_side(subject, side, values, levels) for side in ("low", "high"))
    if low is None or high is None:
        return None
    shared = set(low.seeds) & set(high.seeds)
    seeds: _Seeds = {seed: low.seeds[seed] - high.seeds[seed] for seed in shared} or {None: low.mean - high.mean}
    if low.queries is None or high.queries is None or not low.queries.index.equals(high.queries.index):
        return _Value(seeds, None)
    return _Value(seeds, low.queries - high.queries)


def _of_side(
    subject: _Subject, side: Side, values: dict[_Subject, _Value], levels: dict[str, list[str]]
) -> _Value | None:
    members = [
        value
        for other, value in values.items()
        if other.language in levels[side]
        and replace(other, dataset=subject.dataset, language=None, scope=subject.scope) == subject
        and subject.dataset in (None, other.dataset)
    ]
    if not members:
        return None
    shared = set.intersection(*(set(member.seeds) for member in members))
    seeds: _Seeds = {seed: float(np.mean([member.seeds[seed] for member in members])) for seed in shared}
    seeds = seeds or {None: float(np.mean([member.mean for member in members]))}
    columns = [member.queries for member in members if member.queries is not None]
    frame = pd.concat(columns, axis=1, sort=True) if len(columns) == len(members) else None
    # parallel queries only: a group that is missing in a language does not count in the side's mean
    return _Value(seeds, None if frame is None or frame.isna().any(axis=None) else frame.mean(axis=1))


def _difference(
    subject: _Subject,
    before: _Value,
    after: _Value,
    same_queries: bool,
    permutations: int,
    rng: np.random.Generator,
) -> RunDifference:
    row = RunDifference(
        **vars(subject),
        lower_is_better=MeasureInfo.of(subject.measure).lower_is_better,
        a=before.mean,
        b=after.mean,
        difference=after.mean - before.mean,
    )
    if before.queries is None or after.queries is None:
        return _welch(row, np.array([*before.seeds.values()]), np.array([*after.seeds.values()]), "seeds")
    common = before.queries.index.intersection(after.queries.index) if same_queries else []
    if len(common) < 2:
        return _welch(row, before.queries.to_numpy(float), after.queries.to_numpy(float), "unpaired_queries")
    paired = (after.queries[common] - before.queries[common]).to_numpy(float)
    reach = float(stats.t.ppf(0.975, len(paired) - 1)) * paired.std(ddof=1) / np.sqrt(len(paired))
    ends = Interval(float(paired.mean() - reach), float(paired.mean() + reach))
    p = sign_flip(paired, permutations, rng)
    return replace(row, interval=ends, p=p, test="paired_queries", units=len(paired))


def _welch(
    row: RunDifference, before: np.ndarray, after: np.ndarray, test: Literal["seeds", "unpaired_queries"]
) -> RunDifference:
    if min(len(before), len(after)) < 2 or not (before.std() > 0 or after.std() > 0):
        return row
    result = stats.ttest_ind(after, before, equal_var=False)
    ends = result.confidence_interval(0.95)
    interval = Interval(float(ends.low), float(ends.high))
    return replace(row, interval=interval, p=float(result.pvalue), test=test, units=len(before) + len(after))


def _verdict(row: RunDifference, p: float | None) -> Literal["better", "worse", "cannot tell"]:
    if p is None or p >= _ALPHA or row.difference == 0:
        return "cannot tell"
    # holds for the gap (low minus high) as well: where more is better, so is a larger gap
    return "better" if (row.difference > 0) != row.lower_is_better else "worse"
