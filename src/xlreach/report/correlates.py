"""What goes with retrieval, for the report: its tests, scatter plots, and the profile of each language as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xlreach.comparison.tables import Figure, Table
from xlreach.gaps import Correlation, GapAnalysis, ProfilePoint
from xlreach.report.charts import Chart
from xlreach.report.plots import scatter
from xlreach.report.selection import Topic, answered_system, setting_order
from xlreach.report.wording import typeset
from xlreach.system import UNTREATED

_MOST_PANELS = 9
_GROUPS = ("tagging", "tokenizer", "pretraining", "adaptation")


def correlates(analysis: GapAnalysis, topic: Topic) -> dict[str, Any]:
    """What goes with retrieval, under the alignment that the study's answer is about; empty where nothing is known."""
    points = [row for row in analysis.profiles if (row.system.base, row.dataset) == topic]
    if not points:
        return {}
    answered = answered_system(analysis, topic)
    wanted = answered.alignment if answered else UNTREATED
    alignment = wanted if any(row.system.alignment == wanted for row in points) else points[0].system.alignment
    points = [row for row in points if row.system.alignment == alignment]
    rows = sorted(
        (row for row in analysis.correlations if (row.base or "", row.dataset) == topic),
        key=lambda row: (setting_order(row.setting), row.scope, _GROUPS.index(row.group)),
    )
    shown = [row for row in rows if row.alignment == alignment]
    return {
        "alignment": alignment,
        "correlations": shown,
        "all_correlations": rows,
        "models": [row for row in analysis.models if (row.base or "", row.dataset) == topic],
        "profile": _profile(points, alignment, topic),
        "charts": _scatter(points, shown, alignment, topic),
    }


def _scatter(
    points: Sequence[ProfilePoint], correlations: Sequence[Correlation], alignment: str, topic: Topic
) -> list[Chart]:
    """A panel for each thing that was correlated across languages: the strongest correlations, by group."""
    settings = {row.setting for row in points}
    setting = "cross" if "cross" in settings else min(settings, key=setting_order)
    tried = [row for row in correlations if (row.setting, row.scope) == (setting, "across") and row.rho is not None]
    tried = sorted(tried, key=lambda row: -abs(row.rho or 0.0))[:_MOST_PANELS]
    rows = [
        {
            "panel": f"{row.predictor}  (ρ {typeset(f'{row.rho:+.2f}')})",
            "language": point.language,
            "level": point.level or "neither",
            "recipe": point.system.recipe,
            "x": x,
            "y": point.value,
            "log": row.group in ("pretraining", "adaptation"),
        }
        for row in sorted(tried, key=lambda row: _GROUPS.index(row.group))
        for point in points
        if point.setting == setting and (x := point.known.get(row.predictor)) is not None
    ]
    if not rows:
        return []
    measure = points[0].measure
    title = f"{measure} and what may explain it: {topic.dataset}, {topic.base}, {setting}, alignment {alignment}"
    points_are = "a point for each language and recipe. Figures are in the table below."
    alt = f"Scatter plots, {len(tried)} panels: {title}; {points_are}"
    return [scatter(f"why {topic.dataset} {topic.base}", title, alt, rows, measure)]


def _profile(points: Sequence[ProfilePoint], alignment: str, topic: Topic) -> Table:
    """Each language under each recipe: tokenizer, tagging and retrieval side by side."""
    measure = points[0].measure
    predictors = list(dict.fromkeys(name for row in points for name in row.known))
    settings = sorted({row.setting for row in points}, key=setting_order)
    lines: dict[tuple[str, str, str], dict[str, float | None]] = {}
    for row in points:
        line = lines.setdefault((row.language, row.level or "neither", row.system.recipe), {})
        line |= row.known | {f"{measure} {row.setting}": row.value}
    columns = (*predictors, *(f"{measure} {setting}" for setting in settings))
    rows = tuple(
        (names, tuple(None if (value := line.get(column)) is None else Figure(value, None, 1) for column in columns))
        for names, line in lines.items()
    )
    return Table(
        f"profile {topic.dataset} {topic.base}",
        f"Every language side by side: {topic.dataset}, {topic.base}, alignment {alignment}",
        ("language", "level", "recipe"),
        columns,
        rows,
        {"base": topic.base, "dataset": topic.dataset},
    )
