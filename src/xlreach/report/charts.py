"""Charts as Vega-Lite specifications, drawn without a browser to SVG and PNG.

A figure is drawn twice from one specification: as panels that the page lays out (side by side on a desk, one below
the other on a phone), whose ink follows the page's light or dark theme, and as one picture for download. Colours are
Okabe and Ito's, told apart by shape as well; the heat map's scale is cividis. Data go in as data, never as
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
_PEN = ThreadPoolExecutor(1, "chart")  # vl-convert works outside of Python's lock; a second caller would wait inside
_FIGURED = 16  # languages; with more, the figures in the cells of a heat map are too many to read
INK, _MUTED, _GRID = "#1b2026", "#59636f", "#e2e6ea"
SERIES = ("#0063a5", "#c24e00", "#007d5b", "#a4508b", "#8a6d00", "#44535f")
SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")
_THEME = {
    INK: "var(--ink)",
    _MUTED: "var(--muted)",
    _GRID: "var(--grid)",
    **{colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, 1)},
}
_FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"  # the same widths on the page as when drawn


@dataclass(frozen=True)
class Chart:
    """A drawn figure.

    Attributes:
        name: Its file's name, without ending.
        title: What it shows.
        alt: The same for who cannot see it, with its main figures.
        rows: The data behind it.
        drawn: It, under way.
    """

    name: str
    title: str
    alt: str
    rows: tuple[Mapping[str, Any], ...]
    drawn: Future[tuple[tuple[str, ...], str, bytes]]

    @property
    def panels(self) -> tuple[str, ...]:
        """SVG for the page, themed."""
        return self.drawn.result()[0]

    @property
    def svg(self) -> str:
        """The whole as one picture."""
        return self.drawn.result()[1]

    @property
    def png(self) -> bytes:
        """The same in pixels."""
        return self.drawn.result()[2]


def gap_chart(name: str, title: str, alt: str, rows: Sequence[Mapping[str, Any]], measure: str) -> Chart:
    """Gaps as points with intervals, a panel each, a line a system.

    Args:
        name: Its file's name.
        title: What it shows.
        alt: Alternative text.
        rows: `{panel, recipe, alignment, gap, lower, upper, like_lower, like_upper}`; the last four may be None.
        measure: Named on the axis; empty where each panel has its own.
    """
    ends = [row[name] for row in rows for name in ("gap", "lower", "upper") if row[name] is not None]
    domain = domain_of([0.0, *ends], 0.06)
    panels = []
    for panel in dict.fromkeys(row["panel"] for row in rows):
        x = {
            "type": "quantitative",
            "scale": {"domain": domain},
            "axis": axis_of(f"gap in {measure}" if measure else "gap"),
        }
        own = [_clipped(row, domain) for row in rows if row["panel"] == panel]
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
        panels.append(_panel(panel, own, layers, rows))
    return draw(name, title, alt, panels, rows)


def level_chart(name: str, title: str, alt: str, rows: Sequence[Mapping[str, Any]], measure: str) -> Chart:
    """Dumbbells: the low- and the high-resource mean of each system, a panel each.

    Args:
        name: Its file's name.
        title: What it shows.
        alt: Alternative text.
        rows: `{panel, recipe, alignment, low, high}`.
        measure: Named on the axis; empty where each panel has its own.
    """
    domain = domain_of([row[side] for row in rows for side in ("low", "high")], 0.08)
    panels = []
    for panel in dict.fromkeys(row["panel"] for row in rows):
        x = {"type": "quantitative", "scale": {"domain": domain}, "axis": axis_of(measure or "mean")}
        own = [row for row in rows if row["panel"] == panel]
        ends = {"mark": {"type": "point", "size": 58, "opacity": 1, "strokeWidth": 1.8}}
        layers = [
            _interval("low", "high", 2, 0.55, x, rows),
            ends | {"encoding": {"x": {"field": "low", **x}, **_systems(rows), "shape": _shape(rows)}},
            {
                "mark": {"type": "point", "filled": True, "size": 62, "opacity": 1},
                "encoding": {"x": {"field": "high", **x}, **_systems(rows), "shape": _shape(rows)},
            },
        ]
        panels.append(_panel(panel, own, layers, rows))
    return draw(name, title, alt, panels, rows)


def heat_map(name: str, title: str, alt: str, rows: Sequence[Mapping[str, Any]], order: Sequence[str]) -> Chart:
    """Query languages by document languages.

    Args:
        name: Its file's name.
        title: What it shows.
        alt: Alternative text.
        rows: `{panel, query, documents, value, shown}`.
        order: The languages, in the order of both axes.
    """
    values = [row["value"] for row in rows]
    low, high = min(values), max(values)
    panels = []
    for panel in dict.fromkeys(row["panel"] for row in rows):
        own = [{**row, "dark": row["value"] - low <= (high - low) / 2} for row in rows if row["panel"] == panel]
        axis = {"domain": False, "ticks": False, "labelAngle": 0, "labelFontSize": 11}
        place = {
            "x": {"field": "documents", "type": "nominal", "sort": list(order), "title": "documents", "axis": axis},
            "y": {"field": "query", "type": "nominal", "sort": list(order), "title": "query", "axis": axis},
        }
        place["x"]["axis"] = {**axis, "orient": "top"}
        colour = {
            "field": "value",
            "type": "quantitative",
            "scale": {"scheme": "cividis", "domain": [low, high if high > low else low + 1]},
            "legend": None if len(order) <= _FIGURED else {"title": None, "orient": "bottom", "gradientLength": 200},
        }
        ink = {"condition": {"test": "datum.dark", "value": "#fefefe"}, "value": "#101418"}
        layers = [{"mark": {"type": "rect", "cornerRadius": 2}, "encoding": {**place, "color": colour}}]
        if len(order) <= _FIGURED:
            text = {"text": {"field": "shown"}, "color": ink}
            layers.append({"mark": {"type": "text", "fontSize": 10.5}, "encoding": {**place, **text}})
        width, height = (40, 28) if len(order) <= 12 else (34, 28) if len(order) <= _FIGURED else (20, 20)
        size = {"width": {"step": width}, "height": {"step": height}}
        panels.append({"title": panel, "data": {"values": own}, "layer": layers, **size})
    return draw(name, title, alt, panels, rows)


def _panel(title: str, own: Sequence[Any], layers: list[Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    lines = len({row["recipe"] for row in rows}), len({row["alignment"] for row in rows})
    height = lines[0] * max(26, 15 * lines[1] + 8)
    return {"title": title, "data": {"values": list(own)}, "layer": layers, "width": 212, "height": height}


def _systems(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    recipes = list(dict.fromkeys(row["recipe"] for row in rows))
    alignments = list(dict.fromkeys(row["alignment"] for row in rows))
    found = {
        "y": {
            "field": "recipe",
            "type": "nominal",
            "sort": recipes,
            "title": None,
            "scale": {"paddingInner": 0.22},
            "axis": {"labelLimit": 150, "ticks": False, "domain": False, "labelPadding": 8, "labelFontSize": 11.5},
        },
        "color": {
            "field": "alignment",
            "type": "nominal",
            "sort": alignments,
            "scale": {"domain": alignments, "range": [SERIES[n % len(SERIES)] for n in range(len(alignments))]},
            "legend": _legend(alignments),
        },
    }
    if len(alignments) > 1:
        found["yOffset"] = {"field": "alignment", "type": "nominal", "sort": alignments}
    return found


def _shape(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    alignments = list(dict.fromkeys(row["alignment"] for row in rows))
    shapes = [SHAPES[number % len(SHAPES)] for number in range(len(alignments))]
    return {
        "field": "alignment",
        "type": "nominal",
        "sort": alignments,
        "scale": {"domain": alignments, "range": shapes},
        "legend": _legend(alignments),
    }


def _legend(alignments: Sequence[str]) -> dict[str, Any] | None:
    if len(alignments) < 2:
        return None
    return {"orient": "bottom", "title": None, "columns": 2 if len(alignments) > 2 else 0, "labelLimit": 150}


def _interval(low: str, high: str, width: float, opacity: float, x: Any, rows: Sequence[Any]) -> dict[str, Any]:
    return {
        "mark": {"type": "rule", "strokeWidth": width, "opacity": opacity, "strokeCap": "round"},
        "transform": [{"filter": {"field": low, "valid": True}}, {"filter": {"field": high, "valid": True}}],
        "encoding": {"x": {"field": low, **x}, "x2": {"field": high}, **_systems(rows)},
    }


def axis_of(title: str) -> dict[str, Any]:
    """A quiet axis."""
    return {"title": title, "tickCount": 4, "domain": False, "ticks": False}


def domain_of(values: Sequence[float], margin: float) -> list[float]:
    """The ends of an axis: the values' own, with a margin as a share of their span."""
    low, high = min(values), max(values)
    room = (high - low or 1) * margin
    return [low - room, high + room]


def _clipped(row: Mapping[str, Any], domain: Sequence[float]) -> dict[str, Any]:
    """The wide interval ends at the frame: with few languages it would squeeze everything else."""
    found = dict(row)
    if row["like_lower"] is not None:
        found["like_lower"] = min(max(row["like_lower"], domain[0]), domain[1])
        found["like_upper"] = min(max(row["like_upper"], domain[0]), domain[1])
    return found


def draw(name: str, title: str, alt: str, panels: Sequence[dict[str, Any]], rows: Sequence[Mapping[str, Any]]) -> Chart:
    """Draws panels, each by itself for the page and all as one picture; beside whatever else is done meanwhile."""
    return Chart(name, title, alt, tuple(rows), _PEN.submit(_drawn, name, title, panels))


def _drawn(name: str, title: str, panels: Sequence[dict[str, Any]]) -> tuple[tuple[str, ...], str, bytes]:
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
            "aria": False,  # every mark would carry its figures as a label; the page has a table of them
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
    """For the page: ink from its style sheet, ids of its own."""
    svg = re.sub(
        r'(fill|stroke)="(#[0-9a-fA-F]{6})"',
        lambda found: f'{found[1]}="{_THEME.get(found[2].lower(), found[2])}"',
        svg,
    )
    unique = re.sub(r"[^\w-]", "-", prefix)
    svg = re.sub(r'\bid="([^"]*)"', lambda found: f'id="{unique}-{found[1]}"', svg)
    return re.sub(r"url\(#([^)]*)\)", lambda found: f"url(#{unique}-{found[1]})", svg)
