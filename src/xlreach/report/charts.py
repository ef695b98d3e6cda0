"""Charts as Vega-Lite specifications, drawn without a browser to SVG and PNG; what each shows is in `plots.py`.

A figure is drawn twice from one specification: as panels for the page, whose colors follow its light or dark theme, and
as one picture for download. The page lays the panels out: side by side on a wide screen, one below the other on a
phone. Series differ by shape as well as by color. Data go in as data, never as expressions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import vl_convert

_VEGA_LITE = "6.1"
# vl-convert releases Python's lock; a second thread would only wait inside it.
_DRAWING = ThreadPoolExecutor(1, "chart")
INK, _MUTED, _GRID = "#1b2026", "#59636f", "#e2e6ea"
SERIES = ("#0063a5", "#c24e00", "#007d5b", "#a4508b", "#8a6d00", "#44535f")
_THEME = {
    INK: "var(--ink)",
    _MUTED: "var(--muted)",
    _GRID: "var(--grid)",
    **{color: f"var(--series-{number})" for number, color in enumerate(SERIES, 1)},
}
_CONFIG = {
    "aria": False,  # else every mark would carry its figures as a label; the page has them in a table
    "font": "Arial, 'Liberation Sans', Helvetica, sans-serif",  # the same widths on the page as when drawn
    "view": {"stroke": None},
    "title": {"color": INK, "fontSize": 13, "fontWeight": 600, "anchor": "start", "offset": 8},
    "axis": {
        "labelColor": _MUTED,
        "titleColor": _MUTED,
        "titleFontWeight": "normal",
        "titleFontSize": 11,
        "labelFontSize": 10.5,
        "gridColor": _GRID,
        "domainColor": _GRID,
    },
    "axisY": {"labelColor": INK},
    "legend": {"labelColor": INK, "labelFontSize": 11, "symbolSize": 70, "symbolOpacity": 1},
}
Rows = Sequence[Mapping[str, Any]]
Spec = dict[str, Any]


class Drawing(NamedTuple):
    """A drawn figure: its panels as SVG in the colors of the page, and all of them as one picture, SVG and PNG."""

    panels: tuple[str, ...]
    svg: str
    png: bytes


@dataclass(frozen=True)
class Chart:
    """A figure, drawn in another thread: the name of its files, its title, a text for readers who cannot see it, the
    data behind it, and the drawing to wait for."""

    name: str
    title: str
    alt: str
    rows: Rows
    drawing: Future[Drawing]


def draw_panels(name: str, title: str, alt: str, rows: Rows, panel: Callable[[Rows], Spec]) -> Chart:
    """Starts drawing a panel for each value of the field `panel`: the page shows each by itself, a file all as one.

    `panel` gives the specification of the rows with that value.
    """
    panels = []
    for value in unique(rows, "panel"):
        points = [row for row in rows if row["panel"] == value]
        panels.append({"title": value, "data": {"values": points}, **panel(points)})
    return Chart(name, title, alt, tuple(rows), _DRAWING.submit(_draw, name, title, panels))


def _draw(name: str, title: str, panels: Sequence[Spec]) -> Drawing:
    alone = {"background": "transparent", "padding": {"left": 8, "top": 4, "right": 8, "bottom": 4}}
    themed = tuple(_themed(_svg(panel | alone, f"{name}-{number}")) for number, panel in enumerate(panels))
    whole = {"hconcat": panels} if len(panels) < 4 else {"concat": panels, "columns": 3}
    head = {"title": {"text": title, "fontSize": 15, "color": INK}, "background": "white", "padding": 14}
    svg = _svg(whole | head, name)
    return Drawing(themed, svg, vl_convert.svg_to_png(svg, scale=2))


def _svg(spec: Spec, prefix: str) -> str:
    """The drawing, with ids that no other chart has. Vega numbers its ids over all that a process draws; here each
    drawing starts at one, so that the same chart is always the same bytes."""
    spec = {"$schema": "https://vega.github.io/schema/vega-lite/v6.json", **spec, "config": _CONFIG}
    svg = vl_convert.vegalite_to_svg(spec, vl_version=_VEGA_LITE)
    prefix = re.sub(r"[^\w-]", "-", prefix)
    ids = {old: f"{prefix}-{number}" for number, old in enumerate(re.findall(r'\bid="([^"]*)"', svg), 1)}
    return re.sub(r'(\bid="|url\(#)([^")]*)', lambda match: match[1] + ids[match[2]], svg)


def _themed(svg: str) -> str:
    """The SVG in colors of the page's style sheet."""
    return re.sub(
        r'(fill|stroke)="(#[0-9a-fA-F]{6})"',
        lambda match: f'{match[1]}="{_THEME.get(match[2].lower(), match[2])}"',
        svg,
    )


def unique(rows: Rows, field: str) -> list[Any]:
    """The values of a field, in the order in which they come."""
    return list(dict.fromkeys(row[field] for row in rows))
