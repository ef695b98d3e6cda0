"""A controlled experiment as a page: the gap over the values of its factor, what that shows, every figure and test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from xlreach.comparison import words
from xlreach.comparison.names import shortener
from xlreach.report.charts import Chart
from xlreach.report.pages import Pages
from xlreach.report.plots import factor_lines
from xlreach.store import replacing


def render_factor(found: Mapping[str, Any], path: Path) -> Path:
    """Writes the page of an experiment, one file that needs no network; beside it `tables/` and `charts/`.

    Args:
        found: What `comparison.factor.compare_factor` found.
        path: The file to write.
    """
    short = shortener(name for row in found["rows"] for name in (row["recipe"], row["alignment"]) if name)
    pages = Pages(short)
    pages.environment.globals["rows_files"] = pages.rows_files
    content = pages.render("factor.html.j2", found=found, charts=_charts(found, short))
    pages.write_files(path.parent)
    with replacing(path) as temporary:
        temporary.write_text(content, "utf-8", errors="replace")
    return path


def _charts(found: Mapping[str, Any], short: Any) -> list[Chart]:
    charts = []
    for kind, panel, axis in (("retrieval", "setting", found["measure"]), ("tagging", "measure", "")):
        rows = [row for row in found["rows"] if row["kind"] == kind]
        rows = sorted(rows, key=lambda row: words.SETTINGS.index(row["setting"])) if kind == "retrieval" else rows
        drawn = [
            {
                "panel": str(row[panel]),
                "system": words.system(row),
                "value": row["value"],
                "gap": row["gap"],
                "lower": row["lower"],
                "upper": row["upper"],
            }
            for row in rows
        ]
        if drawn:
            title = f"Gap in {axis or kind} by {found['factor']}"
            alt = f"Points with intervals: {title}, {len(found['values'])} values. Every figure is in the table below."
            brief = [{**row, "system": short(row["system"])} for row in drawn]
            chart = factor_lines(
                f"{kind} {found['experiment']}", title, alt, brief, found["factor"], f"gap {axis}".strip()
            )
            charts.append(replace(chart, rows=tuple(drawn)))
    return charts
