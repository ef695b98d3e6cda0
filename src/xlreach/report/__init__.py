"""The report of a study: sentences, tables and charts, as one self-contained page and as files.

Shows what `xlreach.comparison` computed, from the types of `xlreach.gaps`; computes no statistic.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["render_report"]


def render_report(run: Path) -> Path:
    """Writes `report.html`, `tables/` and `charts/` of a run folder; see `xlreach.report.render`."""
    from xlreach.report.render import render_report as render  # here, because charts take a while to import

    return render(run)
