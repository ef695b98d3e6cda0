"""Why retrieval differs: the scatter plots of a report, and the table of each language's profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from xlreach.comparison.tables import Figure, Table
from xlreach.comparison.words import SETTINGS, best_system
from xlreach.report.charts import Chart
from xlreach.report.figures import Short
from xlreach.report.plots import scatter

_MOST_PANELS = 9
_GROUPS = ("tagging", "tokenizer", "pretraining", "adaptation")


def reasons(gaps: Mapping[str, Any], base: str | None, dataset: str | None, short: Short) -> dict[str, Any] | None:
    """Everything about one base and data set: `correlations`, `models`, `profile` (a table), `charts`; or None."""
    about = {"base": base, "dataset": dataset}
    points = _own(gaps["profiles"], about)
    if not points:
        return None
    alignment = best_system(gaps, base, dataset)[1]
    shown = [row for row in points if (row["alignment"] or "none") == (alignment or "none")] or points
    setting = next(one for one in ("cross", *SETTINGS) if any(row["setting"] == one for row in shown))
    drawn = [row for row in shown if row["setting"] == setting]
    rows = sorted(
        _own(gaps["correlations"], about),
        key=lambda row: (SETTINGS.index(row["setting"]), row["scope"], _GROUPS.index(row["group"])),
    )
    return {
        "correlations": [row for row in rows if row["alignment"] == drawn[0]["alignment"]],
        "all_correlations": rows,
        "alignment": drawn[0]["alignment"] or "none",
        "models": _own(gaps["models"], about),
        "profile": _profile(shown, drawn[0]["alignment"] or "none", base, dataset),
        "charts": _scatter(drawn, rows, base, dataset, short),
    }


def _own(rows: Sequence[Mapping[str, Any]], about: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in rows if all(row[name] == value for name, value in about.items())]


def _scatter(
    points: Sequence[Mapping[str, Any]],
    correlations: Sequence[Mapping[str, Any]],
    base: str | None,
    dataset: str | None,
    short: Short,
) -> list[Chart]:
    """A panel for each thing that was correlated across languages, those of the strongest correlation first."""
    about = {name: points[0][name] for name in ("setting", "alignment")}
    tried = [row for row in _own(correlations, about) if row["scope"] == "across" and row["rho"] is not None]
    tried = sorted(tried, key=lambda row: -abs(row["rho"]))[:_MOST_PANELS]
    tried = sorted(tried, key=lambda row: _GROUPS.index(row["group"]))
    rows = []
    for one in tried:
        sign = "+" if one["rho"] > 0 else "−"
        panel = f"{one['predictor']}  (ρ {sign}{abs(one['rho']):.2f})"
        for point in points:
            x = point["known"].get(one["predictor"])
            if x is not None:
                rows.append(
                    {
                        "panel": panel,
                        "language": point["language"],
                        "level": point["level"] or "neither",
                        "recipe": point["recipe"],
                        "x": x,
                        "y": point["value"],
                        "log": one["group"] in ("pretraining", "adaptation"),
                    }
                )
    if not rows:
        return []
    measure, setting = points[0]["measure"], about["setting"]
    where = f"{dataset}, {base}, {setting}, alignment {about['alignment'] or 'none'}"
    title = f"{measure} beside what may explain it: {where}"
    alt = f"Scatter plots, {len(tried)} panels: {title}; a point a language and recipe. Figures are in the table below."
    brief = [{**row, "recipe": short(row["recipe"])} for row in rows]
    chart = scatter(f"why {dataset} {base}", short(title), short(alt), brief, measure)
    return [replace(chart, rows=tuple(rows))]


def _profile(points: Sequence[Mapping[str, Any]], alignment: str, base: str | None, dataset: str | None) -> Table:
    """Each language under each recipe: tokenizer, tagging and retrieval side by side."""
    measure = points[0]["measure"]
    settings = [one for one in SETTINGS if any(row["setting"] == one for row in points)]
    known = list(dict.fromkeys(name for row in points for name in row["known"]))
    lines: dict[tuple[str, str, str], dict[str, float | None]] = {}
    for row in points:
        line = lines.setdefault((row["language"], row["level"] or "neither", row["recipe"]), {})
        line |= row["known"]
        line[f"{measure} {row['setting']}"] = row["value"]
    columns = (*known, *(f"{measure} {setting}" for setting in settings))
    rows = tuple(
        (names, tuple(None if (value := line.get(name)) is None else Figure(value, None, 1) for name in columns))
        for names, line in lines.items()
    )
    title = f"Every language side by side: {dataset}, {base}, alignment {alignment}"
    about = {"base": base, "dataset": dataset}
    return Table(f"profile {dataset} {base}", title, ("language", "level", "recipe"), columns, rows, about)
