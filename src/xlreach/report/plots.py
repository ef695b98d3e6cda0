"""What every kind of chart shows: gaps, means, heat maps, scatter plots, and lines over a factor or a course.

Each function takes the name of the chart's files, its title, a text for readers who cannot see it, and rows; each value
of the field `panel` is a panel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xlreach.report.charts import INK, SERIES, Chart, Rows, Spec, draw_panels, unique

_SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")
_LEVELS = {"high": SERIES[0], "low": SERIES[1], "neither": SERIES[5]}
_MOST_NUMBERS = 16  # languages; with more, the numbers in the cells of a heat map cannot be read
_MOST_LABELS = 14  # languages; more labels would hide the points
_FULL: Spec = {"filled": True, "opacity": 1}


def gap_charts(name: str, subject: str, alts: tuple[str, str], rows: Rows, measure: str) -> list[Chart]:
    """Gaps as points with intervals, and the means that they lie between, joined by a line: a line for each system.

    Rows are `{panel, recipe, series, low, high, gap, lower, upper, like_lower, like_upper}`; the last four may be None.
    `measure` is empty where each panel shows another.
    """
    systems, shape = _systems(rows)
    recipes, series = (len(unique(rows, field)) for field in ("recipe", "series"))
    size = {"width": 212, "height": recipes * max(26, 15 * series + 8)}

    domain = _with_zero(rows)
    x = _quantitative("gap", _gap_in(measure), domain)
    gaps = [
        _interval("x", "like_lower", "like_upper", {"x": x, **systems}, strokeWidth=1, opacity=0.75, strokeCap="round"),
        _interval("x", "lower", "upper", {"x": x, **systems}, strokeWidth=3.5, opacity=1, strokeCap="round"),
        _layer("point", {"x": x, **systems, "shape": shape}, size=62, **_FULL),
        _zero_line("x", x),
    ]

    def gap_panel(points: Rows) -> Spec:
        return {"layer": gaps, "data": {"values": [_clipped(row, domain) for row in points]}, **size}

    ends = _domain_of([row[side] for row in rows for side in ("low", "high")], 0.08)
    encoding = {"x": _quantitative("high", measure or "mean", ends), **systems}
    low = {**encoding, "x": {**encoding["x"], "field": "low"}, "shape": shape}
    levels = [
        _interval("x", "low", "high", encoding, strokeWidth=2, opacity=0.55, strokeCap="round"),
        _layer("point", low, size=58, opacity=1, strokeWidth=1.8),
        _layer("point", {**encoding, "shape": shape}, size=62, **_FULL),
    ]
    title = f"Low- and high-resource means in {subject}"
    return [
        draw_panels(f"gap {name}", f"Gap in {subject}", alts[0], rows, gap_panel),
        draw_panels(f"levels {name}", title, alts[1], rows, lambda points: {"layer": levels, **size}),
    ]


def heat_map(name: str, title: str, alt: str, rows: Rows, order: Sequence[str]) -> Chart:
    """Values by query language and document language, a panel for each system; the scale is cividis.

    Rows are `{panel, query, documents, value, shown}`; `order` has the languages as on both axes.
    """
    values = [row["value"] for row in rows]
    low, high = min(values), max(values)
    with_numbers = len(order) <= _MOST_NUMBERS
    axis = {"domain": False, "ticks": False, "labelAngle": 0, "labelFontSize": 11}
    language = {"type": "nominal", "sort": list(order)}
    position = {
        "x": {"field": "documents", "title": "documents", "axis": {**axis, "orient": "top"}, **language},
        "y": {"field": "query", "title": "query", "axis": axis, **language},
    }
    scale = {"scheme": "cividis", "domain": [low, high if high > low else low + 1]}
    bar = None if with_numbers else {"title": None, "orient": "bottom", "gradientLength": 200}
    color = {"field": "value", "type": "quantitative", "scale": scale, "legend": bar}
    layers = [_layer("rect", {**position, "color": color}, cornerRadius=2)]
    if with_numbers:
        ink = {"condition": {"test": "datum.dark", "value": "#fefefe"}, "value": "#101418"}
        layers.append(_layer("text", {**position, "text": {"field": "shown"}, "color": ink}, fontSize=10.5))
    width, height = (40, 28) if len(order) <= 12 else (34, 28) if with_numbers else (20, 20)
    size = {"width": {"step": width}, "height": {"step": height}}

    def panel(cells: Rows) -> Spec:
        shaded = [{**row, "dark": row["value"] - low <= (high - low) / 2} for row in cells]
        return {"layer": layers, "data": {"values": shaded}, **size}

    return draw_panels(name, title, alt, rows, panel)


def scatter(name: str, title: str, alt: str, rows: Rows, measure: str) -> Chart:
    """Retrieval over its possible explanations: a panel for each, a point for each language and recipe.

    Rows are `{panel, language, level, recipe, x, y, log}`; a language is labelled at its first recipe.
    """
    y = _quantitative("y", measure, _domain_of([row["y"] for row in rows], 0.08))
    levels = [level for level in _LEVELS if level != "neither" or any(row["level"] == level for row in rows)]
    scale = {"domain": levels, "range": [_LEVELS[level] for level in levels]}
    color = {"field": "level", "type": "nominal", "scale": scale, "legend": _legend()}
    shape = _nominal(rows, "recipe", _SHAPES, _legend(1) if len(unique(rows, "recipe")) > 1 else None)

    def panel(points: Rows) -> Spec:
        position = {"x": _explanation(points), "y": y}
        marks = {"filled": False, "size": 46, "opacity": 0.95, "strokeWidth": 1.7}
        layers = [_layer("point", {**position, "color": color, "shape": shape}, **marks)]
        if len(unique(rows, "language")) <= _MOST_LABELS:
            first = {row["language"]: row for row in reversed(points)}
            beside = {"dx": 6, "dy": -6, "align": "left", "fontSize": 10, "color": INK}
            labels = _layer("text", {**position, "text": {"field": "language"}}, **beside)
            layers.append(labels | {"data": {"values": list(first.values())}})
        return {"layer": layers, "width": 212, "height": 160}

    return draw_panels(name, title, alt, rows, panel)


def factor_lines(name: str, title: str, alt: str, rows: Rows, factor: str, measure: str) -> Chart:
    """The gap over the values of a factor: a panel for each setting, a color for each system.

    Rows are `{panel, system, value, gap, lower, upper}` in the order of the values; the ends may be None.
    """
    systems = unique(rows, "system")
    color, shape = _series(rows, "system", _legend(1))
    y = _quantitative("gap", _gap_in(measure), _with_zero(rows))
    x = {
        "field": "value",
        "type": "nominal",
        "sort": unique(rows, "value"),
        "axis": _axis_of(factor) | {"labelAngle": 0},
    }
    encoding = {"x": x, "xOffset": {"field": "system", "type": "nominal", "sort": systems}, "color": color, "y": y}
    layers = [
        _interval("y", "lower", "upper", encoding, strokeWidth=2.5, opacity=0.9),
        _layer("point", {**encoding, "shape": shape}, size=58, **_FULL),
        _zero_line("y", y),
    ]
    size = {"width": {"step": max(34, 13 * len(systems) + 12), "for": "position"}, "height": 210}
    return draw_panels(name, title, alt, rows, lambda points: {"layer": layers, **size})


def course_lines(
    name: str, title: str, alt: str, rows: Rows, x: tuple[str, str], y: tuple[str, str], log: bool = False
) -> Chart:
    """A measure over the course of training or the size of the training data: a line for each system.

    `x` and `y` are a field and its title each. Rows are `{panel, system, <x>, <y>}`, with `lower` and `upper` for
    intervals. A logarithmic axis has a tick at each value; otherwise only the last point of a line has a mark.
    """
    color, shape = _series(rows, "system", _legend(2 if len(unique(rows, "system")) > 2 else 0))
    intervals = ("lower", "upper") if "lower" in rows[0] else ()
    vertical = _quantitative(*y, _domain_of([row[end] for row in rows for end in (y[0], *intervals)], 0.06))
    values = sorted(unique(rows, x[0]))
    axis = _axis_of(x[1]) | ({"values": values} if log else {"tickMinStep": 1})
    horizontal: Spec = {"field": x[0], "type": "quantitative", "axis": axis}
    if log:
        horizontal["scale"] = {"type": "log", "domain": [values[0] * 0.9, values[-1] * 1.1]}
    encoding = {"x": horizontal, "y": vertical, "color": color}

    def panel(points: Rows) -> Spec:
        last = {row["system"]: row for row in sorted(points, key=lambda row: float(row[x[0]]))}
        marks = _layer("point", {**encoding, "shape": shape}, size=52, **_FULL)
        layers = [
            *([_interval("y", *intervals, encoding, strokeWidth=2, opacity=0.5)] if intervals else []),
            _layer("line", encoding, strokeWidth=1.7),
            marks if log else marks | {"data": {"values": list(last.values())}},
        ]
        return {"layer": layers, "width": 212 if log else 300, "height": 170 if log else 200}

    return draw_panels(name, title, alt, rows, panel)


def _gap_in(measure: str) -> str:
    return f"gap in {measure}" if measure else "gap"


def _with_zero(rows: Rows) -> list[float]:
    """The ends of an axis of gaps; zero and the ends of all intervals are on it."""
    ends = [row[field] for row in rows for field in ("gap", "lower", "upper") if row[field] is not None]
    return _domain_of([0.0, *ends], 0.06)


def _clipped(row: Mapping[str, Any], domain: Sequence[float]) -> Spec:
    """Cuts the wide interval off at the frame: with few languages it would leave no space for anything else."""
    ends = [row["like_lower"], row["like_upper"]]
    low, high = (None if end is None else min(max(end, domain[0]), domain[1]) for end in ends)
    return {**row, "like_lower": low, "like_upper": high}


def _systems(rows: Rows) -> tuple[Spec, Spec]:
    """The channels of a line for each recipe and a color for what else tells systems apart; and one of shapes."""
    series = unique(rows, "series")
    legend = _legend(2 if len(series) > 2 else 0, 150) if len(series) > 1 else None
    color, shape = _series(rows, "series", legend)
    axis = {"labelLimit": 150, "ticks": False, "domain": False, "labelPadding": 8, "labelFontSize": 11.5}
    y = {"field": "recipe", "type": "nominal", "sort": unique(rows, "recipe"), "title": None, "axis": axis}
    encoding = {"y": {**y, "scale": {"paddingInner": 0.22}}, "color": color}
    if len(series) > 1:
        encoding["yOffset"] = {"field": "series", "type": "nominal", "sort": series}
    return encoding, shape


def _explanation(points: Rows) -> Spec:
    """The horizontal axis of a scatter plot; on a logarithmic one, zero has a place too."""
    values = [row["x"] for row in points]
    x = _quantitative("x", "", _domain_of(values, 0.08))
    if max(map(abs, values)) >= 1000:
        x["axis"]["labelExpr"] = "format(datum.value, '~s')"
    if points[0]["log"]:
        x["scale"] = {"type": "symlog"}
        x["axis"]["values"] = [0, *(10**n for n in (1, 3, 6, 9) if 10**n <= max(values))]
    return x


def _series(rows: Rows, field: str, legend: Spec | None) -> tuple[Spec, Spec]:
    """The channels of color and shape that tell the values of a field apart."""
    return _nominal(rows, field, SERIES, legend), _nominal(rows, field, _SHAPES, legend)


def _nominal(rows: Rows, field: str, values: Sequence[str], legend: Spec | None) -> Spec:
    """A channel that tells the values of a field apart, by colors or by shapes."""
    domain = unique(rows, field)
    scale = {"domain": domain, "range": [values[number % len(values)] for number in range(len(domain))]}
    return {"field": field, "type": "nominal", "sort": domain, "scale": scale, "legend": legend}


def _quantitative(field: str, title: str, domain: Sequence[float]) -> Spec:
    """A channel for numbers, its axis without line and ticks."""
    return {"field": field, "type": "quantitative", "scale": {"domain": domain}, "axis": _axis_of(title)}


def _axis_of(title: str) -> Spec:
    """An axis without line and ticks."""
    return {"title": title, "tickCount": 4, "domain": False, "ticks": False}


def _legend(columns: int = 0, label_limit: int = 210) -> Spec:
    """A legend below the panel; 0 columns are as many as fit."""
    return {"orient": "bottom", "title": None, "columns": columns, "labelLimit": label_limit}


def _domain_of(values: Sequence[float], margin: float) -> list[float]:
    """The ends of an axis: the least and the largest value, and a margin as a share of their distance."""
    low, high = min(values), max(values)
    space = (high - low or 1) * margin
    return [low - space, high + space]


def _layer(mark: str, encoding: Spec, **options: Any) -> Spec:
    """A layer of marks of one type."""
    return {"mark": {"type": mark, **options}, "encoding": encoding}


def _interval(channel: str, low: str, high: str, encoding: Spec, **options: Any) -> Spec:
    """A line along a channel from one field to another, where a row has both."""
    ends = {channel: {**encoding[channel], "field": low}, f"{channel}2": {"field": high}}
    valid = [{"filter": {"field": field, "valid": True}} for field in (low, high)]
    return _layer("rule", encoding | ends, **options) | {"transform": valid}


def _zero_line(channel: str, axis: Spec) -> Spec:
    """A line at zero of an axis."""
    line = _layer("rule", {channel: {**axis, "field": "zero"}}, color=INK, strokeWidth=1)
    return line | {"data": {"values": [{"zero": 0}]}}
