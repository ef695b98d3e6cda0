"""A controlled experiment as a page: the gap over the values of its factor, what that shows, every figure and test."""

from __future__ import annotations

from pathlib import Path

from xlreach.gaps import FactorAnalysis, FactorGap
from xlreach.report.charts import Chart
from xlreach.report.narrative import factor_sentences, system_name
from xlreach.report.numbers import is_percentage
from xlreach.report.pages import Pages
from xlreach.report.plots import factor_lines
from xlreach.report.selection import SETTINGS


def render_factor(analysis: FactorAnalysis, path: Path) -> Path:
    """Writes the page of an experiment, one file that needs no network; beside it `tables/` and `charts/`.

    Args:
        analysis: The gaps over the values of the factor.
        path: The file to write.
    """
    pages = Pages()
    pages.environment.globals["percentage"] = is_percentage
    content = pages.render(
        "factor.html.j2", analysis=analysis, sentences=factor_sentences(analysis), charts=_charts(analysis)
    )
    pages.write(path, content)
    return path


def _charts(analysis: FactorAnalysis) -> list[Chart]:
    retrieval = [
        (setting, row)
        for setting in SETTINGS
        for row in analysis.rows
        if row.kind == "retrieval" and row.setting == setting
    ]
    tagging = [(row.measure, row) for row in analysis.rows if row.kind == "tagging"]
    return [
        *_chart(analysis, "retrieval", retrieval, analysis.measure or ""),
        *_chart(analysis, "tagging", tagging, ""),
    ]


def _chart(analysis: FactorAnalysis, kind: str, gaps: list[tuple[str, FactorGap]], measure: str) -> list[Chart]:
    rows = []
    for panel, row in gaps:
        lower, upper = row.interval or (None, None)
        ends = {"gap": row.gap, "lower": lower, "upper": upper}
        rows.append({"panel": panel, "system": system_name(row.system), "value": row.value, **ends})
    if not rows:
        return []
    title = f"Gap in {measure or kind} by {analysis.factor}"
    alt = f"Points with intervals: {title}, {len(analysis.values)} values. Every figure is in the table below."
    name = f"{kind} {analysis.experiment}"
    return [factor_lines(name, title, alt, rows, analysis.factor, f"gap in {measure}" if measure else "gap")]
