"""Two runs beside each other: what got better, what got worse, for each measure, language and system, with its test.

A system of one run is compared with the system of the same names in the other. Where the runs have no base (recipe,
alignment, retriever) in common but each has a single one, those two are compared: this is how two encoders are
compared. What is tested is the chance of queries (of sentences, for tagging; paired where both runs have the same) and
of training: a system that was trained once has no test. Holm over everything that was compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from xlreach.comparison.claims import Selection, system_phrases
from xlreach.comparison.groups.families import Pair
from xlreach.comparison.resampling.language_means import Statistic, balanced, shown_values
from xlreach.comparison.resampling.variance import Trained, certainty
from xlreach.comparison.tests.correction import holm
from xlreach.errors import DataError, SpecError, nearest
from xlreach.gaps import LanguageSplit, Measured, RunComparison, RunDifference, Side
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
    """A value by seed, and how far each query group or sentence (rows) moves it under each seed (columns)."""

    seeds: _Seeds
    influence: pd.DataFrame | None

    @property
    def mean(self) -> float:
        return float(np.mean([*self.seeds.values()]))


def compare_runs(
    a: Path,
    b: Path,
    *,
    systems: tuple[str | None, str | None] = (None, None),
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
    rows = []
    for subject in _with_sides(common, runs):
        before, after = (_value(subject, of_run, runs[0].levels) for of_run in values)
        if before is not None and after is not None:
            rows.append(_difference(subject, before, after, same_queries))
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
        """The value of each language, with the systems renamed; cross-lingual pairs are averaged as in the gap."""
        sides = [self.levels.get(side, []) for side in ("low", "high")]
        split = LanguageSplit(name="", rule="", low=tuple(sides[0]), high=tuple(sides[1]))
        seeds: dict[_Subject, dict[int | None, list[float]]] = {}
        for row in balanced(self.results, split):
            kind: _Kind = "retrieval" if row.kind == "retrieval" else "tagging"
            dataset = row.dataset if row.trained_on is None else f"{row.trained_on}→{row.dataset}"
            language = row.query_language if kind == "retrieval" else row.language
            system = rename(row.system, kind)
            subject = _Subject(kind, system, dataset, row.setting, row.label, language=language)
            seeds.setdefault(subject, {}).setdefault(row.seed, []).append(row.value)
        moved = self._queries(rename, split) | self._sentences(rename)
        return {
            subject: _Value({seed: float(np.mean(v)) for seed, v in by_seed.items()}, moved.get(subject))
            for subject, by_seed in seeds.items()
        }

    def _queries(self, rename: _Rename, split: LanguageSplit) -> dict[_Subject, pd.DataFrame]:
        frame = self._frame("queries.parquet")
        if frame is None:
            return {}
        frame = frame.assign(unit=frame["group"].where(frame["group"].notna(), frame["query_id"]), weight=1.0)
        columns = ["base", "recipe", "alignment", "retriever", "dataset", "setting", "measure"]
        moved: dict[_Subject, pd.DataFrame] = {}
        for key, part in frame.groupby(columns, dropna=False, sort=False):
            *names, dataset, setting, measure = (None if pd.isna(text) else str(text) for text in key)
            system = System.of(*names)
            if self.selection is not None and not self.selection.includes(system):
                continue
            cells = dict(
                iter(part.groupby(["query_language", "document_language", "language"], dropna=False, sort=False))
            )
            pairs = [Pair(str(q), *(None if pd.isna(code) else str(code) for code in rest)) for q, *rest in cells]
            shares, influences = shown_values(pairs, setting, split), [_influence(cell) for cell in cells.values()]
            for column in shares.columns(shares.languages):
                renamed, language = rename(system, "retrieval"), shares.languages[column]
                subject = _Subject("retrieval", renamed, dataset, setting, str(measure), language=language)
                moved[subject] = _added(influences, shares.weights[:, column])
        return moved

    def _sentences(self, rename: _Rename) -> dict[_Subject, pd.DataFrame]:
        frame = self._frame("sentences.parquet")
        if frame is None:
            return {}
        frame = frame.rename(columns={"correct": "value", "total": "weight", "id": "unit"})
        frame = frame.assign(unit=frame["dataset"].astype(str) + " " + frame["unit"].astype(str))
        columns = ["base", "recipe", "dataset", "trained_on", "setting", "measure", "sentences", "language"]
        moved = {}
        for key, part in frame.groupby(columns, dropna=False, sort=False):
            base, recipe, dataset, trained_on, setting, measure, size, language = (
                None if pd.isna(v) else v for v in key
            )
            dataset = dataset if trained_on is None else f"{trained_on}→{dataset}"
            label = measure if size is None else f"{measure}@{int(size)}"
            system = rename(System.of(base, recipe, None, None), "tagging")
            moved[_Subject("tagging", system, dataset, setting, str(label), language=language)] = _influence(part)
        return moved

    def _frame(self, name: str) -> pd.DataFrame | None:
        return pd.read_parquet(self.folder / name) if (self.folder / name).is_file() else None


def _influence(cell: pd.DataFrame) -> pd.DataFrame:
    """How far each unit moves the ratio of `value` to `weight` under each seed."""
    cell = cell.assign(seed=cell["seed"].astype(float).fillna(-1))
    values, weights = (
        cell.pivot_table(index="unit", columns="seed", values=v, aggfunc="sum") for v in ("value", "weight")
    )
    moved = (values - weights * (values.sum() / weights.sum())) / weights.sum()
    return moved * np.sqrt(len(moved) / max(len(moved) - 1, 1))


def _added(influences: Sequence[pd.DataFrame], weights: Iterable[float]) -> pd.DataFrame:
    """A weighted sum of values: parallel units together, others apart."""
    frames = [share * frame for frame, share in zip(influences, weights, strict=True) if share]
    return pd.concat(frames).groupby(level=0).sum()


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
    if low.influence is None or high.influence is None:
        return _Value(seeds, None)
    return _Value(seeds, _added([low.influence, high.influence], [1, -1]))


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
    influences = [member.influence for member in members if member.influence is not None]
    complete = len(influences) == len(members)
    return _Value(seeds, _added(influences, [1 / len(members)] * len(members)) if complete else None)


def _difference(subject: _Subject, before: _Value, after: _Value, same_queries: bool) -> RunDifference:
    row = RunDifference(
        **vars(subject),
        lower_is_better=MeasureInfo.of(subject.measure).lower_is_better,
        a=before.mean,
        b=after.mean,
        difference=after.mean - before.mean,
    )
    if (
        before.influence is None
        or after.influence is None
        or any(len(v.seeds) < 2 and None not in v.seeds for v in (before, after))
    ):
        return row
    paired = same_queries and len(before.influence.index.intersection(after.influence.index)) > 1
    first = before.influence if paired else before.influence.rename(index=lambda unit: ("a", unit))
    units = first.index.union(after.influence.index, sort=False)
    blocks: dict[tuple[int | None, ...], Trained] = {}
    for value, frame, sign in ((before, first, -1.0), (after, after.influence, 1.0)):
        names = sorted(value.seeds, key=lambda seed: -1 if seed is None else seed)
        moved = frame.reindex(index=units, columns=[-1.0 if s is None else float(s) for s in names]).fillna(0.0)
        block = Trained(sign * np.array([[value.seeds[s] for s in names]]), sign * moved.to_numpy(float)[:, None, :])
        if (other := blocks.get(tuple(names))) is not None:
            block = Trained(other.means + block.means, other.influence + block.influence)
        blocks[tuple(names)] = block
    sure = certainty(Statistic(np.ones(1)), [*blocks.values()])
    test: Literal["paired_queries", "unpaired_queries"] = "paired_queries" if paired else "unpaired_queries"
    ends, p = sure.interval_these_languages, sure.p_these_languages
    return row if p is None else replace(row, interval=ends, p=p, test=test, units=len(units))


def _verdict(row: RunDifference, p: float | None) -> Literal["better", "worse", "cannot tell"]:
    if p is None or p >= _ALPHA or row.difference == 0:
        return "cannot tell"
    # holds for the gap (low minus high) as well: where more is better, so is a larger gap
    return "better" if (row.difference > 0) != row.lower_is_better else "worse"
