"""A controlled experiment as a page: the gap over the values of its factor, what that shows, every figure and test."""

from __future__ import annotations

from pathlib import Path

from xlreach.gaps import FactorAnalysis, FactorGap
from xlreach.report.charts import Chart
from xlreach.report.narrative.contrasts import factor_sentences
from xlreach.report.pages import Pages
from xlreach.report.plots import factor_lines
from xlreach.report.selection import setting_order
from xlreach.report.wording import system_name


def render_factor(analysis: FactorAnalysis, path: Path) -> Path:
    """Writes the page of an experiment, one file that needs no network; beside it `tables/` and `charts/`."""
    rows = sorted(analysis.rows, key=lambda row: setting_order(row.setting))
    retrieval = [(str(row.setting), row) for row in rows if row.kind == "retrieval"]
    tagging = [(row.measure, row) for row in rows if row.kind == "tagging"]
    charts = [
        *_chart(analysis, "retrieval", retrieval, analysis.measure or ""),
        *_chart(analysis, "tagging", tagging, ""),
    ]
    pages = Pages()
    sentences = factor_sentences(analysis)
    pages.write(path, pages.render("factor.html.j2", analysis=analysis, sentences=sentences, charts=charts))
    return path


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
    return [factor_lines(name, title, alt, rows, analysis.factor, measure)]
