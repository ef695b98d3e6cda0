"""The figures of every table: means over seeds with their standard deviation, best of a column marked.

Layout as in the papers: one row a recipe (and alignment), one column a language, then the means of each side. The
standard deviation is over seeds, with ddof = 1; a figure that does not depend on a seed has none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, TypeVar

from xlreach.comparison.claims import SETTINGS
from xlreach.comparison.groups.splits import config_split
from xlreach.comparison.resampling.language_means import balanced
from xlreach.comparison.tests.seed_tests import not_worse
from xlreach.measurement import Measurement, is_whole
from xlreach.scoring.measures import MeasureInfo
from xlreach.system import System

Key = TypeVar("Key", bound=Hashable)
Column = TypeVar("Column", bound=Hashable)
SeedValues = dict[int | None, list[float]]
HEADS = ("recipe", "alignment", "retriever")  # what names a system below its base


@dataclass(frozen=True)
class Figure:
    """A number of a table: mean over seeds, their standard deviation if there are several, whether it is the best."""

    mean: float
    sd: float | None
    seeds: int
    best: bool = False
    tied: bool = False  # not significantly worse than the best of its column (`seed_tests.py`)
    values: tuple[tuple[int | None, float], ...] = ()  # of each seed
    marks: str = ""  # signs of what it differs from (`significance_marks.py`)


@dataclass(frozen=True)
class Table:
    """Figures by row and column."""

    name: str  # of its file, without ending
    title: str
    heads: tuple[str, ...]  # of the columns that name a row
    columns: tuple[str, ...]  # the heads of the figures
    rows: tuple[tuple[tuple[str, ...], tuple[Figure | None, ...]], ...]  # None where nothing was measured
    about: Mapping[str, str | None]  # what all its figures share (base, data set, setting, measure)


def tagging_tables(results: Sequence[Measurement], levels: Mapping[str, Sequence[str]]) -> list[Table]:
    """One table a base and measure: recipes by languages; several data sets of a language are averaged."""
    return _by_measure("tagging", [row for row in results if row.kind == "tagging" and is_whole(row)], levels)


def retrieval_tables(results: Sequence[Measurement], levels: Mapping[str, Sequence[str]]) -> list[Table]:
    """One table a base, data set, setting and measure: systems by query languages."""
    rows = balanced([row for row in results if row.kind == "retrieval"], config_split(levels, []))
    keyed = _grouped(rows, lambda row: (row.base, row.dataset, row.setting, row.measure))
    order = {setting: number for number, setting in enumerate(SETTINGS)}
    tables = []
    for key, members in sorted(keyed.items(), key=lambda item: order.get(item[0][2] or "", len(order))):
        base, dataset, setting, measure = key
        name, title = f"retrieval {dataset} {setting} {measure} {base}", f"{measure}, {dataset}, {setting}, {base}"
        about = {"base": base, "dataset": dataset, "setting": setting, "measure": measure}
        tables.append(_by_language(name, title, members, levels, **about))
    return tables


def diagnostic_tables(results: Sequence[Measurement], levels: Mapping[str, Sequence[str]]) -> list[Table]:
    """One table a base and diagnostic of a language's text: recipes by languages."""
    rows = [row for row in results if row.kind == "diagnostic" and row.query_language is None]
    return _by_measure("diagnostic", rows, levels)


def preference_tables(results: Sequence[Measurement], levels: Mapping[str, Sequence[str]]) -> list[Table]:
    """One table a base, data set and diagnostic of retrieval: systems and query languages by document languages.

    What is retrieved from the pool of all languages: a share has no best value, so none is marked.
    """
    rows = [row for row in results if row.kind == "diagnostic" and row.query_language is not None]
    tables = []
    for (base, dataset, measure), members in _grouped(rows, lambda row: (row.base, row.dataset, row.measure)).items():
        heads = heads_of(row.system for row in members)
        cells = collect(
            ((*names_of(row.system, heads), _text(row.query_language)), _text(row.document_language), row)
            for row in members
        )
        codes = ordered({code for languages in cells.values() for code in languages}, levels)
        lines = tuple((names, _line(values, codes)) for names, values in cells.items())
        about = {"base": base, "dataset": dataset, "measure": measure}
        name, title = f"preference {dataset} {measure} {base}", f"{measure} by document language, {dataset}, {base}"
        tables.append(Table(name, title, (*heads, "query language"), tuple(codes), lines, about))
    return tables


def overview_tables(results: Sequence[Measurement], levels: Mapping[str, Sequence[str]], headline: str) -> list[Table]:
    """One table a base: systems by task, each the mean over the low-resource languages."""
    low = set(levels["low"])
    tables = []
    for base, rows in _grouped(
        balanced([*filter(is_whole, results)], config_split(levels, [])), lambda r: r.base
    ).items():
        shown = [
            row
            for row in rows
            if (row.language in low if row.kind == "tagging" else row.query_language in low and row.measure == headline)
        ]
        if not shown:
            continue
        tasks = _grouped(shown, lambda row: task_label(row.kind, row.label, row.dataset, row.setting))
        columns = {
            task: collect((row.system, str(row.query_language or row.language), row) for row in members)
            for task, members in tasks.items()
        }
        systems = list(dict.fromkeys(system for cells in columns.values() for system in cells))
        recipes = list(dict.fromkeys(system.recipe for system in systems))
        systems.sort(key=lambda system: recipes.index(system.recipe))
        figures = {}
        for task, cells in columns.items():
            means = {system: _of_side([*cells[system].values()]) if system in cells else None for system in systems}
            figures[task] = mark_best(means, tasks[task][0].measure)
        heads = heads_of(systems)
        lines = tuple((names_of(system, heads), tuple(figures[task][system] for task in columns)) for system in systems)
        title = f"Mean over the low-resource languages, {base}"
        tables.append(Table(f"overview {base}", title, heads, tuple(columns), lines, {"base": base}))
    return tables


def pair_tables(results: Sequence[Measurement], levels: Mapping[str, Sequence[str]], headline: str) -> list[Table]:
    """One table a system and data set: query languages by document languages, mono on the diagonal."""
    rows = [
        row
        for row in results
        if row.kind == "retrieval" and row.measure == headline and row.document_language is not None
    ]
    tables = []
    for (dataset, system), members in _grouped(rows, lambda row: (row.dataset, row.system)).items():
        if not any(row.setting == "cross" for row in members):
            continue
        cells = collect((str(row.query_language), str(row.document_language), row) for row in members)
        documents = ordered({code for languages in cells.values() for code in languages}, levels)
        lines = tuple(((code,), _line(cells[code], documents)) for code in ordered(cells, levels))
        about = {"base": system.base, "dataset": dataset, "recipe": system.recipe, "alignment": system.alignment}
        names = names_of(system, heads_of([system]))
        title = f"{headline}, {dataset}, {' · '.join(names)}, {system.base}"
        name = f"pairs {dataset} {headline} {system.base} {' '.join(names)}"
        about |= {"retriever": system.retriever, "measure": headline}
        tables.append(Table(name, title, ("query language",), tuple(documents), lines, about))
    return tables


def cost_table(results: Sequence[Measurement]) -> Table | None:
    """What each system cost: seconds by stage, added up over languages and data sets; mean over seeds."""
    rows = [row for row in results if row.kind == "cost" and row.measure != "examples"]
    if not rows:
        return None
    columns = collect(((row.stage, row.measure), row.system, row) for row in rows)
    systems = list(dict.fromkeys(system for by_system in columns.values() for system in by_system))
    lines = []
    for system in systems:
        figures: list[Figure | None] = []
        for (_, measure), by_system in columns.items():
            combine = max if measure == "peak_memory_mb" else sum
            values = {seed: [combine(of_seed)] for seed, of_seed in by_system.get(system, {}).items()}
            figures.append(figure_of(values) if values else None)
        lines.append(((system.base, system.recipe, system.alignment), tuple(figures)))
    heads = tuple(f"{stage} {measure.replace('_', ' ')}" for stage, measure in columns)
    return Table("cost", "What each system cost", ("base", "recipe", "alignment"), heads, tuple(lines), {})


def task_label(kind: str, measure: str, dataset: str | None, setting: str | None) -> str:
    """The column of an overview: a tagging measure, or data set, setting and measure of retrieval."""
    return measure if kind == "tagging" else f"{dataset} {setting} {measure}"


def names_of(system: System, heads: Sequence[str]) -> tuple[str, ...]:
    """What names a system in a table with such heads."""
    return tuple(getattr(system, head) for head in heads)


def heads_of(systems: Iterable[System]) -> tuple[str, ...]:
    """What tells retrieval systems apart: a retriever only where one is not dense."""
    return HEADS[:2] if all(system.is_dense for system in systems) else HEADS


def _by_measure(kind: str, rows: Sequence[Measurement], levels: Mapping[str, Sequence[str]]) -> list[Table]:
    return [
        _by_language(f"{kind} {measure} {base}", f"{measure}, {base}", members, levels, base=base, measure=measure)
        for (base, measure), members in _grouped(rows, lambda row: (row.base, row.label)).items()
    ]


def _by_language(
    name: str, title: str, rows: Sequence[Measurement], levels: Mapping[str, Sequence[str]], **about: str | None
) -> Table:
    heads = heads_of(row.system for row in rows) if rows[0].kind == "retrieval" else HEADS[:1]
    cells = collect((names_of(row.system, heads), _text(row.query_language or row.language), row) for row in rows)
    codes = ordered({code for languages in cells.values() for code in languages}, levels)
    figures: dict[str, dict[tuple[str, ...], Figure | None]] = {
        code: {s: figure_of(values[code]) if code in values else None for s, values in cells.items()} for code in codes
    }
    for side in ("high", "low"):
        members = [code for code in codes if code in levels[side]]
        if len(members) > 1:
            figures[f"mean {side}"] = {
                s: _of_side([values[code] for code in members]) if set(members) <= set(values) else None
                for s, values in cells.items()
            }
    marked = {head: mark_best(column, about["measure"] or "") for head, column in figures.items()}
    lines = tuple((system, tuple(marked[head][system] for head in figures)) for system in cells)
    return Table(name, title, heads, tuple(figures), lines, about)


def collect(rows: Iterable[tuple[Key, Column, Measurement]]) -> dict[Key, dict[Column, SeedValues]]:
    """The values of each row and column of a table, by seed."""
    cells: dict[Key, dict[Column, SeedValues]] = {}
    for key, column, row in rows:
        cells.setdefault(key, {}).setdefault(column, {}).setdefault(row.seed, []).append(row.value)
    return cells


def _line(values: Mapping[str, SeedValues], columns: Sequence[str]) -> tuple[Figure | None, ...]:
    return tuple(figure_of(values[column]) if column in values else None for column in columns)


def figure_of(values: Mapping[int | None, list[float]]) -> Figure:
    """Mean and standard deviation over seeds of the mean within a seed."""
    means = [fmean(of_seed) for of_seed in values.values()]
    mean = fmean(means)
    sd = math.sqrt(sum((value - mean) ** 2 for value in means) / (len(means) - 1)) if len(means) > 1 else None
    return Figure(mean, sd, len(means), values=tuple(zip(values, means, strict=True)))


def _of_side(languages: Sequence[SeedValues]) -> Figure:
    """The mean over languages; one without a seed of its own counts the same under every seed."""
    seeds = sorted({seed for values in languages for seed in values if seed is not None})
    by_seed: SeedValues = {}
    for seed in seeds:
        of_seed = [values.get(seed, values.get(None)) for values in languages]
        if all(of_seed):
            by_seed[seed] = [fmean([fmean(values) for values in of_seed if values])]
    return figure_of(by_seed or {None: [fmean([fmean(v) for values in languages for v in values.values()])]})


def mark_best(column: dict[Key, Figure | None], measure: str) -> dict[Key, Figure | None]:
    """The figures of a column with the best marked, and those that are not significantly worse."""
    means = {key: figure.mean for key, figure in column.items() if figure is not None}
    if len(set(means.values())) < 2:
        return column
    target = MeasureInfo.of(measure).best
    if target is None:
        return column
    distance = {key: _distance(mean, target) for key, mean in means.items()}
    best = min(distance, key=distance.__getitem__)
    seeds = {key: {s: _distance(v, target) for s, v in f.values} for key, f in column.items() if f is not None}
    tied = not_worse(seeds, best, lower_is_better=True)
    return {
        key: figure and replace(figure, best=figure.mean == means[best], tied=key in tied)
        for key, figure in column.items()
    }


def _distance(value: float, target: float) -> float:
    """How far a value is from the best one; from one at infinity, up to a constant."""
    return abs(value - target) if math.isfinite(target) else -math.copysign(1, target) * value


def ordered(codes: Iterable[str], levels: Mapping[str, Sequence[str]]) -> list[str]:
    """High-resource languages first, then low, each as the config lists them, then the rest."""
    listed = [*levels["high"], *levels["low"]]
    measured = set(codes)
    return [code for code in listed if code in measured] + sorted(measured - set(listed))


def _grouped(rows: Iterable[Measurement], key: Callable[[Measurement], object]) -> dict[Any, list[Measurement]]:
    groups: dict[Any, list[Measurement]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _text(value: object) -> str:
    return "–" if value is None else str(value)
