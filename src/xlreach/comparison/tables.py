"""The figures of every table: means over seeds with their standard deviation, best of a column marked.

Layout as in the papers: one row a recipe (and alignment), one column a language, then the means of each side. The
standard deviation is over seeds, with ddof = 1; a figure that does not depend on a seed has none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from xlreach.comparison.claims import SETTINGS
from xlreach.comparison.measures import lower_is_better
from xlreach.comparison.seeds import not_worse
from xlreach.measurement import Measurement, is_whole

_Values = dict[int | None, list[float]]  # by seed


@dataclass(frozen=True)
class Figure:
    """A number of a table: mean over seeds, their standard deviation if there are several, whether it is the best.

    Attributes:
        tied: Whether it is not significantly worse than the best of its column (`seeds.py`).
        values: The value of each seed.
        marks: Signs of what it differs from (`marks.py`).
    """

    mean: float
    sd: float | None
    seeds: int
    best: bool = False
    tied: bool = False
    values: tuple[tuple[int | None, float], ...] = ()
    marks: str = ""


@dataclass(frozen=True)
class Table:
    """Figures by row and column.

    Attributes:
        name: Its file's name, without ending.
        title: What it shows.
        heads: The heads of the columns that name a row.
        columns: The heads of the figures.
        rows: What names a row, and its figures; None where nothing was measured.
        about: What all its figures share (base, data set, setting, measure), for those who pick a table.
    """

    name: str
    title: str
    heads: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[Figure | None, ...]], ...]
    about: Mapping[str, str | None]


def tagging_tables(results: Sequence[Measurement], levels: Mapping[str, Sequence[str]]) -> list[Table]:
    """One table a base and measure: recipes by languages; several data sets of a language are averaged."""
    tables = []
    rows = [row for row in results if row.kind == "tagging" and is_whole(row)]
    for (base, measure), members in _grouped(rows, lambda row: (row.base, row.measure)).items():
        about = {"base": base, "measure": measure}
        title = f"{measure}, {base}"
        tables.append(_by_language(f"tagging {measure} {base}", title, members, levels, about, ("recipe",), "language"))
    return tables


def retrieval_tables(results: Sequence[Measurement], levels: Mapping[str, Sequence[str]]) -> list[Table]:
    """One table a base, data set, setting and measure: recipes and alignments by query languages."""
    tables = []
    rows = [row for row in results if row.kind == "retrieval"]
    keyed = _grouped(rows, lambda row: (row.base, row.dataset, row.setting, row.measure))
    order = {setting: place for place, setting in enumerate(SETTINGS)}
    for key, members in sorted(keyed.items(), key=lambda one: order.get(one[0][2] or "", 9)):
        about = dict(zip(("base", "dataset", "setting", "measure"), key, strict=True))
        base, dataset, setting, measure = key
        title = f"{measure}, {dataset}, {setting}, {base}"
        name = f"retrieval {dataset} {setting} {measure} {base}"
        tables.append(_by_language(name, title, members, levels, about, ("recipe", "alignment"), "query_language"))
    return tables


def diagnostic_tables(results: Sequence[Measurement], levels: Mapping[str, Sequence[str]]) -> list[Table]:
    """One table a base and diagnostic of a language's text: recipes by languages."""
    rows = [row for row in results if row.kind == "diagnostic" and row.query_language is None]
    return [
        _by_language(
            f"diagnostic {measure} {base}",
            f"{measure}, {base}",
            members,
            levels,
            {"base": base, "measure": measure},
            ("recipe",),
            "language",
        )
        for (base, measure), members in _grouped(rows, lambda row: (row.base, row.measure)).items()
    ]


def preference_tables(results: Sequence[Measurement], levels: Mapping[str, Sequence[str]]) -> list[Table]:
    """One table a base, data set and diagnostic of retrieval: systems and query languages by document languages.

    What is retrieved from the pool of all languages: a share has no best value, so none is marked.
    """
    rows = [row for row in results if row.kind == "diagnostic" and row.query_language is not None]
    tables = []
    for (base, dataset, measure), members in _grouped(rows, lambda row: (row.base, row.dataset, row.measure)).items():
        cells: dict[tuple[str, ...], dict[str, _Values]] = {}
        for row in members:
            system = (_text(row.recipe), _text(row.alignment), _text(row.query_language))
            values = cells.setdefault(system, {}).setdefault(_text(row.document_language), {})
            values.setdefault(row.seed, []).append(row.value)
        codes = ordered({code for languages in cells.values() for code in languages}, levels)
        lines = tuple(
            (system, tuple(figure_of(own[code]) if code in own else None for code in codes))
            for system, own in cells.items()
        )
        about = {"base": base, "dataset": dataset, "measure": measure}
        heads = ("recipe", "alignment", "query language")
        name, title = f"preference {dataset} {measure} {base}", f"{measure} by document language, {dataset}, {base}"
        tables.append(Table(name, title, heads, tuple(codes), lines, about))
    return tables


def overview_tables(results: Sequence[Measurement], levels: Mapping[str, Sequence[str]], headline: str) -> list[Table]:
    """One table a base: recipes and alignments by task, each the mean over the low-resource languages."""
    low = set(levels["low"])
    tables = []
    for base, rows in _grouped(filter(is_whole, results), lambda row: row.base).items():
        columns: dict[str, dict[tuple[str, str], dict[str, _Values]]] = {}
        for row in rows:
            language = row.language if row.kind == "tagging" else row.query_language
            if language not in low or not (row.kind == "tagging" or row.measure == headline):
                continue
            task = row.measure if row.kind == "tagging" else f"{row.dataset} {row.setting} {row.measure}"
            # what is tagged has no alignment: shown with alignment none
            languages = columns.setdefault(task, {}).setdefault((_text(row.recipe), row.alignment or "none"), {})
            languages.setdefault(str(language), {}).setdefault(row.seed, []).append(row.value)
        if not columns:
            continue
        systems = list(dict.fromkeys(system for cells in columns.values() for system in cells))
        recipes = list(dict.fromkeys(recipe for recipe, _ in systems))
        systems.sort(key=lambda system: recipes.index(system[0]))
        figures = {
            task: mark_best({s: _of_side(list(cells[s].values())) if s in cells else None for s in systems}, task)
            for task, cells in columns.items()
        }
        lines = tuple((system, tuple(figures[task][system] for task in columns)) for system in systems)
        title = f"Mean over the low-resource languages, {base}"
        tables.append(Table(f"overview {base}", title, ("recipe", "alignment"), tuple(columns), lines, {"base": base}))
    return tables


def pair_tables(results: Sequence[Measurement], levels: Mapping[str, Sequence[str]], headline: str) -> list[Table]:
    """One table a system and data set: query languages by document languages, mono on the diagonal."""
    rows = [
        row
        for row in results
        if row.kind == "retrieval" and row.measure == headline and row.document_language is not None
    ]
    tables = []
    for key, members in _grouped(rows, lambda row: (row.base, row.dataset, row.recipe, row.alignment)).items():
        if not any(row.setting == "cross" for row in members):
            continue
        codes = ordered({str(row.query_language) for row in members}, levels)
        documents = ordered({str(row.document_language) for row in members}, levels)
        cells: dict[tuple[str, str], _Values] = {}
        for row in members:
            values = cells.setdefault((str(row.query_language), str(row.document_language)), {})
            values.setdefault(row.seed, []).append(row.value)
        lines = tuple(
            ((asked,), tuple(figure_of(cells[asked, d]) if (asked, d) in cells else None for d in documents))
            for asked in codes
        )
        base, dataset, recipe, alignment = key
        about = {"base": base, "dataset": dataset, "recipe": recipe, "alignment": alignment, "measure": headline}
        title = f"{headline}, {dataset}, {recipe} · {alignment}, {base}"
        name = f"pairs {dataset} {headline} {base} {recipe} {alignment}"
        tables.append(Table(name, title, ("query language",), tuple(documents), lines, about))
    return tables


def cost_table(results: Sequence[Measurement]) -> Table | None:
    """What each system cost: seconds by stage, added up over languages and data sets; mean over seeds."""
    rows = [row for row in results if row.kind == "cost" and not row.measure.endswith(":examples")]
    if not rows:
        return None
    columns: dict[str, dict[tuple[str, ...], _Values]] = {}
    for row in rows:
        what, _, unit = row.measure.rpartition(":")
        system: tuple[str, ...] = (_text(row.base), _text(row.recipe), _text(row.alignment))
        column = f"{what.split(' ')[0] or what} {unit.replace('_', ' ')}"
        columns.setdefault(column, {}).setdefault(system, {}).setdefault(row.seed, []).append(row.value)
    systems = list(dict.fromkeys(system for cells in columns.values() for system in cells))
    lines = []
    for system in systems:
        figures: list[Figure | None] = []
        for column, cells in columns.items():
            combine = max if "memory" in column else sum
            values = {seed: [combine(all_)] for seed, all_ in cells.get(system, {}).items()}
            figures.append(figure_of(values) if values else None)
        lines.append((system, tuple(figures)))
    return Table("cost", "What each system cost", ("base", "recipe", "alignment"), tuple(columns), tuple(lines), {})


def _by_language(
    name: str,
    title: str,
    rows: Sequence[Measurement],
    levels: Mapping[str, Sequence[str]],
    about: Mapping[str, str | None],
    heads: tuple[str, ...],
    column: str,
) -> Table:
    cells: dict[tuple[str, ...], dict[str, _Values]] = {}
    for row in rows:
        system = tuple(_text(getattr(row, head)) for head in heads)
        values = cells.setdefault(system, {}).setdefault(_text(getattr(row, column)), {})
        values.setdefault(row.seed, []).append(row.value)
    codes = ordered({code for languages in cells.values() for code in languages}, levels)
    figures: dict[str, dict[tuple[str, ...], Figure | None]] = {
        code: {s: figure_of(own[code]) if code in own else None for s, own in cells.items()} for code in codes
    }
    for side in ("high", "low"):
        members = [code for code in codes if code in levels[side]]
        if len(members) > 1:
            figures[f"mean {side}"] = {
                s: _of_side([own[code] for code in members]) if set(members) <= set(own) else None
                for s, own in cells.items()
            }
    marked = {head: mark_best(column_, about["measure"] or "") for head, column_ in figures.items()}
    lines = tuple((system, tuple(marked[head][system] for head in figures)) for system in cells)
    return Table(name, title, heads, tuple(figures), lines, about)


def figure_of(values: Mapping[int | None, list[float]]) -> Figure:
    """Mean and standard deviation over seeds of the mean within a seed."""
    means = [fmean(one) for one in values.values()]
    mean = fmean(means)
    sd = math.sqrt(sum((one - mean) ** 2 for one in means) / (len(means) - 1)) if len(means) > 1 else None
    return Figure(mean, sd, len(means), values=tuple(zip(values, means, strict=True)))


def _of_side(languages: Sequence[_Values]) -> Figure:
    """The mean over languages; one without a seed of its own counts the same under every seed."""
    seeds = sorted({seed for values in languages for seed in values if seed is not None})
    by_seed: _Values = {}
    for seed in seeds:
        own = [values.get(seed, values.get(None)) for values in languages]
        if all(one is not None for one in own):
            by_seed[seed] = [fmean([fmean(one) for one in own if one is not None])]
    return figure_of(by_seed or {None: [fmean([fmean(v) for one in languages for v in one.values()])]})


def mark_best(column: dict[tuple[str, ...], Figure | None], measure: str) -> dict[tuple[str, ...], Figure | None]:
    """The figures of a column with the best marked, and those that are not significantly worse."""
    means = {key: one.mean for key, one in column.items() if one is not None}
    if len(set(means.values())) < 2:
        return column
    down = lower_is_better(measure)
    best = (min if down else max)(means, key=means.__getitem__)
    seeds = {key: dict(one.values) for key, one in column.items() if one is not None}
    tied = not_worse(seeds, best, lower_is_better=down)
    return {
        key: None if one is None else replace(one, best=one.mean == means[best], tied=key in tied)
        for key, one in column.items()
    }


def ordered(codes: Iterable[str], levels: Mapping[str, Sequence[str]]) -> list[str]:
    """High-resource languages first, then low, each as the config lists them, then the rest."""
    listed = [*levels["high"], *levels["low"]]
    known = set(codes)
    return [code for code in listed if code in known] + sorted(known - set(listed))


def _grouped(rows: Iterable[Measurement], key: Callable[[Measurement], object]) -> dict[Any, list[Measurement]]:
    groups: dict[Any, list[Measurement]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _text(value: object) -> str:
    return "–" if value is None else str(value)
