"""The report of a run: one self-contained page, tables as CSV and LaTeX, charts as SVG and PNG.

Shows what `xlreach.comparison` computed; no figure is computed here.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["render_report"]


def render_report(run: Path) -> Path:
    """Writes `report.html`, `tables/` and `charts/` of a run folder; see `xlreach.report.render`."""
    from xlreach.report.render import render_report as render  # here: charts take a while to import

    return render(run)
