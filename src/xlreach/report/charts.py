"""Charts as Vega-Lite specifications, drawn without a browser to SVG and PNG.

A figure is drawn twice from one specification: as panels for the page, whose colors follow its light or dark theme, and
as one picture for download. The page lays the panels out: side by side on a wide screen, one below the other on a
phone. Series differ by shape as well as by color; the heat map's scale is cividis. Data go in as data, never as
expressions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import vl_convert

_VEGA_LITE = "6.1"
_DRAWING = ThreadPoolExecutor(
    1, "chart"
)  # vl-convert releases Python's lock; a second thread would only wait inside it
_MOST_LABELS = 16  # languages; with more, the numbers in the cells of a heat map cannot be read
INK, _MUTED, _GRID = "#1b2026", "#59636f", "#e2e6ea"
SERIES = ("#0063a5", "#c24e00", "#007d5b", "#a4508b", "#8a6d00", "#44535f")
SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")
_THEME = {
    INK: "var(--ink)",
    _MUTED: "var(--muted)",
    _GRID: "var(--grid)",
    **{color: f"var(--series-{number})" for number, color in enumerate(SERIES, 1)},
}
_FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"  # the same widths on the page as when drawn


@dataclass(frozen=True)
class Chart:
    """A figure, drawn in another thread.

    Attributes:
        name: The name of its file, without suffix.
        title: What it shows.
        alt: The same for readers who cannot see it, with its main figures.
        rows: The data behind it.
        drawing: Its panels, the whole as SVG, and the whole as PNG.
    """

    name: str
    title: str
    alt: str
    rows: tuple[Mapping[str, Any], ...]
    drawing: Future[tuple[tuple[str, ...], str, bytes]]

    @property
    def panels(self) -> tuple[str, ...]:
        """SVG for the page, one a panel, in the colors of its theme."""
        return self.drawing.result()[0]

    @property
    def svg(self) -> str:
        """All panels as one picture."""
        return self.drawing.result()[1]

    @property
    def png(self) -> bytes:
        """The same picture as PNG."""
        return self.drawing.result()[2]


def gap_chart(name: str, title: str, alt: str, rows: Sequence[Mapping[str, Any]], measure: str) -> Chart:
    """Gaps as points with intervals: a panel for each setting or measure, a line for each system.

    Args:
        name: The name of its file.
        title: What it shows.
        alt: Alternative text.
        rows: `{panel, recipe, series, gap, lower, upper, like_lower, like_upper}`; the last four may be None.
        measure: The axis's title; empty where each panel shows another measure.
    """
    ends = [row[field] for row in rows for field in ("gap", "lower", "upper") if row[field] is not None]
    domain = domain_of([0.0, *ends], 0.06)
    panels = []
    for panel in unique(rows, "panel"):
        x = {
            "type": "quantitative",
            "scale": {"domain": domain},
            "axis": axis_of(f"gap in {measure}" if measure else "gap"),
        }
        values = [_clipped(row, domain) for row in rows if row["panel"] == panel]
        layers = [
            _interval("like_lower", "like_upper", 1, 0.75, x, rows),
            _interval("lower", "upper", 3.5, 1, x, rows),
            {
                "mark": {"type": "point", "filled": True, "size": 62, "opacity": 1},
                "encoding": {"x": {"field": "gap", **x}, **_systems(rows), "shape": _shape(rows)},
            },
            {
                "data": {"values": [{"zero": 0}]},
                "mark": {"type": "rule", "color": INK, "strokeWidth": 1},
                "encoding": {"x": {"field": "zero", **x}},
            },
        ]
        panels.append(_panel(panel, values, layers, rows))
    return draw(name, title, alt, panels, rows)


def level_chart(name: str, title: str, alt: str, rows: Sequence[Mapping[str, Any]], measure: str) -> Chart:
    """The low- and the high-resource mean of each system, joined by a line; a panel for each setting or measure.

    Args:
        name: The name of its file.
        title: What it shows.
        alt: Alternative text.
        rows: `{panel, recipe, series, low, high}`.
        measure: The axis's title; empty where each panel shows another measure.
    """
    domain = domain_of([row[side] for row in rows for side in ("low", "high")], 0.08)
    panels = []
    for panel in unique(rows, "panel"):
        x = {"type": "quantitative", "scale": {"domain": domain}, "axis": axis_of(measure or "mean")}
        values = [row for row in rows if row["panel"] == panel]
        ends = {"mark": {"type": "point", "size": 58, "opacity": 1, "strokeWidth": 1.8}}
        layers = [
            _interval("low", "high", 2, 0.55, x, rows),
            ends | {"encoding": {"x": {"field": "low", **x}, **_systems(rows), "shape": _shape(rows)}},
            {
                "mark": {"type": "point", "filled": True, "size": 62, "opacity": 1},
                "encoding": {"x": {"field": "high", **x}, **_systems(rows), "shape": _shape(rows)},
            },
        ]
        panels.append(_panel(panel, values, layers, rows))
    return draw(name, title, alt, panels, rows)


def heat_map(name: str, title: str, alt: str, rows: Sequence[Mapping[str, Any]], order: Sequence[str]) -> Chart:
    """Values by query language and document language, a panel for each system.

    Args:
        name: The name of its file.
        title: What it shows.
        alt: Alternative text.
        rows: `{panel, query, documents, value, shown}`.
        order: The languages, in the order of both axes.
    """
    values = [row["value"] for row in rows]
    low, high = min(values), max(values)
    panels = []
    for panel in unique(rows, "panel"):
        cells = [{**row, "dark": row["value"] - low <= (high - low) / 2} for row in rows if row["panel"] == panel]
        axis = {"domain": False, "ticks": False, "labelAngle": 0, "labelFontSize": 11}
        position = {
            "x": {"field": "documents", "type": "nominal", "sort": list(order), "title": "documents", "axis": axis},
            "y": {"field": "query", "type": "nominal", "sort": list(order), "title": "query", "axis": axis},
        }
        position["x"]["axis"] = {**axis, "orient": "top"}
        color = {
            "field": "value",
            "type": "quantitative",
            "scale": {"scheme": "cividis", "domain": [low, high if high > low else low + 1]},
            "legend": None
            if len(order) <= _MOST_LABELS
            else {"title": None, "orient": "bottom", "gradientLength": 200},
        }
        ink = {"condition": {"test": "datum.dark", "value": "#fefefe"}, "value": "#101418"}
        layers = [{"mark": {"type": "rect", "cornerRadius": 2}, "encoding": {**position, "color": color}}]
        if len(order) <= _MOST_LABELS:
            text = {"text": {"field": "shown"}, "color": ink}
            layers.append({"mark": {"type": "text", "fontSize": 10.5}, "encoding": {**position, **text}})
        width, height = (40, 28) if len(order) <= 12 else (34, 28) if len(order) <= _MOST_LABELS else (20, 20)
        size = {"width": {"step": width}, "height": {"step": height}}
        panels.append({"title": panel, "data": {"values": cells}, "layer": layers, **size})
    return draw(name, title, alt, panels, rows)


def _panel(title: str, values: Sequence[Any], layers: list[Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    recipes, series = ({row[field] for row in rows} for field in ("recipe", "series"))
    height = len(recipes) * max(26, 15 * len(series) + 8)
    return {"title": title, "data": {"values": list(values)}, "layer": layers, "width": 212, "height": height}


def _systems(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    encoding: dict[str, Any] = {
        "y": {
            "field": "recipe",
            "type": "nominal",
            "sort": unique(rows, "recipe"),
            "title": None,
            "scale": {"paddingInner": 0.22},
            "axis": {"labelLimit": 150, "ticks": False, "domain": False, "labelPadding": 8, "labelFontSize": 11.5},
        },
        "color": nominal(rows, "series", SERIES, _legend(rows)),
    }
    if len(unique(rows, "series")) > 1:
        encoding["yOffset"] = {"field": "series", "type": "nominal", "sort": unique(rows, "series")}
    return encoding


def _shape(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return nominal(rows, "series", SHAPES, _legend(rows))


def _legend(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    series = len(unique(rows, "series"))
    return legend(columns=2 if series > 2 else 0, label_limit=150) if series > 1 else None


def _interval(low: str, high: str, width: float, opacity: float, x: Any, rows: Sequence[Any]) -> dict[str, Any]:
    return {
        "mark": {"type": "rule", "strokeWidth": width, "opacity": opacity, "strokeCap": "round"},
        "transform": [{"filter": {"field": low, "valid": True}}, {"filter": {"field": high, "valid": True}}],
        "encoding": {"x": {"field": low, **x}, "x2": {"field": high}, **_systems(rows)},
    }


def unique(rows: Sequence[Mapping[str, Any]], field: str) -> list[Any]:
    """The values of a field, in the order in which they come."""
    return list(dict.fromkeys(row[field] for row in rows))


def nominal(
    rows: Sequence[Mapping[str, Any]], field: str, values: Sequence[str], legend: Mapping[str, Any] | None
) -> dict[str, Any]:
    """A channel that tells the values of a field apart, by colors or by shapes."""
    domain = unique(rows, field)
    scale = {"domain": domain, "range": [values[number % len(values)] for number in range(len(domain))]}
    return {"field": field, "type": "nominal", "sort": domain, "scale": scale, "legend": legend}


def legend(columns: int = 0, label_limit: int = 210) -> dict[str, Any]:
    """A legend below the panel; 0 columns are as many as fit."""
    return {"orient": "bottom", "title": None, "columns": columns, "labelLimit": label_limit}


def axis_of(title: str) -> dict[str, Any]:
    """An axis without line and ticks."""
    return {"title": title, "tickCount": 4, "domain": False, "ticks": False}


def domain_of(values: Sequence[float], margin: float) -> list[float]:
    """The ends of an axis: the least and the largest value, and a margin as a share of their distance."""
    low, high = min(values), max(values)
    space = (high - low or 1) * margin
    return [low - space, high + space]


def _clipped(row: Mapping[str, Any], domain: Sequence[float]) -> dict[str, Any]:
    """Cuts the wide interval off at the frame: with few languages it would leave no space for anything else."""
    ends = [row["like_lower"], row["like_upper"]]
    low, high = (None if end is None else min(max(end, domain[0]), domain[1]) for end in ends)
    return {**row, "like_lower": low, "like_upper": high}


def draw(name: str, title: str, alt: str, panels: Sequence[dict[str, Any]], rows: Sequence[Mapping[str, Any]]) -> Chart:
    """Starts drawing panels, each by itself for the page and all as one picture; does not wait for them."""
    return Chart(name, title, alt, tuple(rows), _DRAWING.submit(_draw, name, title, panels))


def _draw(name: str, title: str, panels: Sequence[dict[str, Any]]) -> tuple[tuple[str, ...], str, bytes]:
    themed = tuple(
        _themed(vl_convert.vegalite_to_svg(_spec(panel, None), vl_version=_VEGA_LITE), f"{name}-{number}")
        for number, panel in enumerate(panels)
    )
    whole = _spec({"hconcat": list(panels)} if len(panels) < 4 else {"concat": list(panels), "columns": 3}, title)
    svg = vl_convert.vegalite_to_svg(whole, vl_version=_VEGA_LITE)
    return themed, svg, vl_convert.svg_to_png(svg, scale=2)


def _spec(body: Mapping[str, Any], title: str | None) -> dict[str, Any]:
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        **body,
        "background": "transparent" if title is None else "white",
        "padding": {"left": 8, "top": 4, "right": 8, "bottom": 4} if title is None else 14,
        "config": {
            "aria": False,  # else every mark would carry its figures as a label; the page has them in a table
            "font": _FONT,
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
        },
    }
    if title is not None:
        spec["title"] = {"text": title, "fontSize": 15, "color": INK}
    return spec


def _themed(svg: str, prefix: str) -> str:
    """The SVG for the page: colors of its style sheet, and ids that no other chart has."""
    svg = re.sub(
        r'(fill|stroke)="(#[0-9a-fA-F]{6})"',
        lambda match: f'{match[1]}="{_THEME.get(match[2].lower(), match[2])}"',
        svg,
    )
    prefix = re.sub(r"[^\w-]", "-", prefix)
    svg = re.sub(r'\bid="([^"]*)"', lambda match: f'id="{prefix}-{match[1]}"', svg)
    return re.sub(r"url\(#([^)]*)\)", lambda match: f"url(#{prefix}-{match[1]})", svg)
