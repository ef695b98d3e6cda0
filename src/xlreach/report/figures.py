"""Which charts of gaps a report has, and the rows that they draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from xlreach.comparison.tables import Figure, Point, Table
from xlreach.gaps import FactorAnalysis, Gap, GapAnalysis
from xlreach.report.charts import Chart, unique
from xlreach.report.plots import course_lines, factor_lines, gap_charts, heat_map
from xlreach.report.selection import Topic, narrowest, retrieval_rows, setting_order, tagging_rows
from xlreach.report.wording import system_name
from xlreach.system import System


def retrieval_charts(analysis: GapAnalysis, topic: Topic) -> list[Chart]:
    """The gap of every system, and the two means it lies between; a panel for each setting."""
    rows = [(str(row.setting), row) for row in retrieval_rows(analysis, analysis.gaps, topic)]
    measure, name = analysis.headline or "", f"{topic.dataset} {topic.base}"
    return _gaps_and_levels(name, f"{measure} on {topic.dataset}, {topic.base}", rows, measure)


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
                "system": point.recipe,
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
            f"Lines: {title}; {len(unique(rows, 'system'))} recipes in {', '.join(unique(rows, 'panel'))}. "
            "Every figure is in the tables below."
        )
        x, y = ("sentences", "training sentences"), ("mean", measure)
        charts.append(course_lines(f"curve {measure} {base}", title, alt, rows, x, y, log=True))
    return charts


def language_map(
    name: str, title: str, where: str, tables: Sequence[Table], analysis: GapAnalysis, topic: Topic
) -> list[Chart]:
    """Query by document language, for the unchanged base and for the system with the smallest gap; `where` says where
    the figures are. None without a figure."""
    lines: dict[System, list[tuple[str, Mapping[str, Figure | None]]]] = {}
    for table in tables:
        for names, figures in table.rows:
            columns = {**table.about, **dict(zip(table.heads, names, strict=True))}
            parts = (columns.get(part) for part in ("recipe", "alignment", "retriever"))
            line = names[-1], dict(zip(table.columns, figures, strict=True))
            lines.setdefault(System.of(topic.base, *parts), []).append(line)
    best = narrowest(analysis, topic)
    wanted = dict.fromkeys([System(topic.base), *([best.system] if best else [])])
    cells = [
        {
            "panel": system_name(system),
            "query": query,
            "documents": document,
            "value": figure.mean,
            "shown": f"{figure.mean:.{2 if abs(figure.mean) <= 1.5 else 1}f}",
        }
        for system in [system for system in wanted if system in lines] or list(lines)[:1]
        for query, figures in lines[system]
        for document, figure in figures.items()
        if figure is not None
    ]
    if not cells:
        return []
    languages = [*analysis.split.high, *analysis.split.low]
    shown = {str(cell[side]) for cell in cells for side in ("query", "documents")}
    order = [code for code in languages if code in shown] + sorted(shown - set(languages))
    title = f"{title} by query and document language on {topic.dataset}, {topic.base}"
    alt = f"Heat map: {title}; {len(cells)} cells. Every figure is {where}."
    return [heat_map(f"{name} {topic.dataset} {topic.base}", title, alt, cells, order)]


def factor_charts(analysis: FactorAnalysis, kind: str, measure: str) -> list[Chart]:
    """The gap in retrieval or tagging over the values of a factor, a panel for each setting or measure."""
    rows = []
    for row in sorted(analysis.rows, key=lambda row: setting_order(row.setting)):
        if row.kind != kind:
            continue
        panel = str(row.setting) if kind == "retrieval" else row.measure
        lower, upper = row.interval or (None, None)
        ends = {"gap": row.gap, "lower": lower, "upper": upper}
        rows.append({"panel": panel, "system": system_name(row.system), "value": row.value, **ends})
    if not rows:
        return []
    title = f"Gap in {measure or kind} by {analysis.factor}"
    alt = f"Points with intervals: {title}, {len(analysis.values)} values. Every figure is in the table below."
    name = f"{kind} {analysis.experiment}"
    return [factor_lines(name, title, alt, rows, analysis.factor, measure)]


def _gaps_and_levels(name: str, subject: str, rows: Sequence[tuple[str, Gap]], measure: str) -> list[Chart]:
    if not rows:
        return []
    points = []
    for panel, row in rows:
        system = row.system
        point: dict[str, Any] = {"panel": panel, "low": row.low, "high": row.high, "gap": row.gap}
        point["lower"], point["upper"] = row.interval_these_languages or (None, None)
        point["like_lower"], point["like_upper"] = row.interval or (None, None)
        aligned = [system.alignment] if system.is_aligned or system.is_dense else []
        series = [*aligned, *([] if system.is_dense else [system.retriever])]
        points.append(point | asdict(system) | {"series": ", ".join(series)})
    gaps = [row.gap for _, row in rows]
    systems = f"{len({row.system for _, row in rows})} systems ({', '.join(unique(points, 'panel'))})"
    gap_alt = (
        f"Points with intervals: the gap in {subject}, for {systems}; from {min(gaps):.3f} to {max(gaps):.3f}. "
        "Every figure is in the table below."
    )
    level_alt = f"Pairs of points: means of the low- and the high-resource languages in {subject}, for {systems}."
    return gap_charts(name, subject, (gap_alt, level_alt), points, measure)
