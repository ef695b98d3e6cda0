"""Which charts of gaps a report has, and the rows that they draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xlreach.comparison.protocols import Point
from xlreach.comparison.tables import Table
from xlreach.gaps import Gap, GapAnalysis
from xlreach.report.charts import Chart, gap_chart, heat_map, level_chart, unique
from xlreach.report.narrative import system_name
from xlreach.report.plots import learning_lines
from xlreach.report.selection import Topic, gaps_of, narrowest, tagging_rows
from xlreach.system import System


def retrieval_charts(analysis: GapAnalysis, topic: Topic) -> list[Chart]:
    """The gap of every system, and the two means it lies between; a panel for each setting."""
    rows = [(str(row.setting), row) for row in gaps_of(analysis, topic)]
    measure = analysis.headline or ""
    return _gaps_and_levels(
        f"{topic.dataset} {topic.base}", f"{measure} on {topic.dataset}, {topic.base}", rows, measure
    )


def tagging_charts(analysis: GapAnalysis, base: str) -> list[Chart]:
    """The same for tagging, a panel for each measure."""
    rows = [(row.measure, row) for row in tagging_rows(analysis, analysis.gaps, base)]
    return _gaps_and_levels(f"tagging {base}", f"tagging, {base}", rows, "")


def learning_charts(points: Sequence[Point], base: str) -> list[Chart]:
    """What each recipe reaches with so many training sentences: a chart for each measure, a panel for each language."""
    charts = []
    for measure in dict.fromkeys(point.measure for point in points if point.base == base):
        rows = [
            {
                "panel": point.language,
                "recipe": point.recipe,
                "sentences": point.sentences,
                "mean": point.mean,
                "lower": point.mean - (point.sd or 0.0),
                "upper": point.mean + (point.sd or 0.0),
                "seeds": point.seeds,
            }
            for point in points
            if (point.base, point.measure) == (base, measure)
        ]
        title = f"{measure} by number of training sentences, {base}"
        alt = (
            f"Lines: {title}; {len(unique(rows, 'recipe'))} recipes in {', '.join(unique(rows, 'panel'))}. "
            "Every figure is in the tables below."
        )
        charts.append(learning_lines(f"curve {measure} {base}", title, alt, rows, measure))
    return charts


def pair_maps(tables: Mapping[System, Table], analysis: GapAnalysis, topic: Topic) -> list[Chart]:
    """Query language by document language, for the unchanged base and for the system with the smallest gap."""
    cells = [
        _cell(system, query, document, figure.mean, 2 if abs(figure.mean) <= 1.5 else 1)
        for system, table in _base_and_best(tables, analysis, topic)
        for (query,), figures in table.rows
        for document, figure in zip(table.columns, figures, strict=True)
        if figure is not None
    ]
    title = f"{analysis.headline} by query and document language on {topic.dataset}, {topic.base}"
    return _heat_map(f"pairs {topic.dataset} {topic.base}", title, "in the table below", cells, analysis)


def bias_maps(tables: Mapping[System, Table], analysis: GapAnalysis, topic: Topic) -> list[Chart]:
    """Query language by the language of the first hit in one pool of all languages, as in LAReQA (Roy et al. 2020)."""
    cells = [
        _cell(system, names[-1], document, figure.mean, 2)
        for system, table in _base_and_best(tables, analysis, topic)
        for names, figures in table.rows
        for document, figure in zip(table.columns, figures, strict=True)
        if figure is not None
    ]
    title = f"Language bias: share of first hits by query and document language on {topic.dataset}, {topic.base}"
    return _heat_map(f"bias {topic.dataset} {topic.base}", title, "under Diagnostics", cells, analysis)


def system_columns(system: System) -> dict[str, str]:
    """What tells the systems of one base apart, as columns; `series` is what a chart colors them by."""
    columns = {"recipe": system.recipe, "alignment": system.alignment, "retriever": system.retriever}
    parts = [
        *([system.alignment] if system.is_aligned or system.is_dense else []),
        *([] if system.is_dense else [system.retriever]),
    ]
    return columns | {"series": ", ".join(parts)}


def _base_and_best(tables: Mapping[System, Table], analysis: GapAnalysis, topic: Topic) -> list[tuple[System, Table]]:
    best = narrowest(analysis, topic)
    wanted = dict.fromkeys([System(topic.base), *([best.system] if best else [])])
    return [(system, tables[system]) for system in wanted if system in tables] or list(tables.items())[:1]


def _cell(system: System, query: str, document: str, value: float, digits: int) -> dict[str, Any]:
    panel = system_name(system)
    return {"panel": panel, "query": query, "documents": document, "value": value, "shown": f"{value:.{digits}f}"}


def _heat_map(
    name: str, title: str, where: str, cells: Sequence[Mapping[str, Any]], analysis: GapAnalysis
) -> list[Chart]:
    if not cells:
        return []
    languages = [*analysis.split.high, *analysis.split.low]
    shown = {cell[side] for cell in cells for side in ("query", "documents")}
    order = [code for code in languages if code in shown] + sorted(shown - set(languages))
    alt = f"Heat map: {title}; {len(cells)} cells. Every figure is {where}."
    return [heat_map(name, title, alt, cells, order)]


def _gaps_and_levels(name: str, subject: str, rows: Sequence[tuple[str, Gap]], measure: str) -> list[Chart]:
    if not rows:
        return []
    points = []
    for panel, row in rows:
        lower, upper = row.interval_these_languages or (None, None)
        like_lower, like_upper = row.interval or (None, None)
        points.append(
            {
                "panel": panel,
                **system_columns(row.system),
                "low": row.low,
                "high": row.high,
                "gap": row.gap,
                "lower": lower,
                "upper": upper,
                "like_lower": like_lower,
                "like_upper": like_upper,
            }
        )
    gaps = [row.gap for _, row in rows]
    systems = f"{len({row.system for _, row in rows})} systems ({', '.join(unique(points, 'panel'))})"
    gap_alt = (
        f"Points with intervals: the gap in {subject}, for {systems}; from {min(gaps):.3f} to {max(gaps):.3f}. "
        "Every figure is in the table below."
    )
    level_alt = f"Pairs of points: means of the low- and the high-resource languages in {subject}, for {systems}."
    return [
        gap_chart(f"gap {name}", f"Gap in {subject}", gap_alt, points, measure),
        level_chart(f"levels {name}", f"Low- and high-resource means in {subject}", level_alt, points, measure),
    ]
