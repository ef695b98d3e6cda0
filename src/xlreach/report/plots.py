"""Scatter plots of what goes with retrieval, and lines: of a gap over a factor, of losses, of learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xlreach.report.charts import INK, SERIES, SHAPES, Chart, axis_of, domain_of, draw, legend, nominal, unique

_LEVELS = {"high": SERIES[0], "low": SERIES[1], "neither": SERIES[5]}
_MOST_LABELS = 14  # languages; more labels would hide the points
Rows = Sequence[Mapping[str, Any]]


def scatter(name: str, title: str, alt: str, rows: Rows, measure: str) -> Chart:
    """Retrieval over its possible explanations: a panel for each, a point for each language and recipe.

    Args:
        name: The name of its file.
        title: What it shows.
        alt: Alternative text.
        rows: `{panel, language, level, recipe, x, y, log}`; a language is labelled at its first recipe.
        measure: The title of the vertical axis.
    """
    y = _quantitative("y", measure, domain_of([row["y"] for row in rows], 0.08))
    levels = [level for level in _LEVELS if level != "neither" or any(row["level"] == level for row in rows)]
    color = {
        "field": "level",
        "type": "nominal",
        "scale": {"domain": levels, "range": [_LEVELS[level] for level in levels]},
        "legend": legend(),
    }
    shape = nominal(rows, "recipe", SHAPES, legend(1) if len(unique(rows, "recipe")) > 1 else None)
    panels = []
    for panel in unique(rows, "panel"):
        points = [row for row in rows if row["panel"] == panel]
        x = _explanation(points)
        layers: list[dict[str, Any]] = [
            {
                "mark": {"type": "point", "filled": False, "size": 46, "opacity": 0.95, "strokeWidth": 1.7},
                "encoding": {"x": x, "y": y, "color": color, "shape": shape},
            }
        ]
        if len(unique(rows, "language")) <= _MOST_LABELS:
            first = {row["language"]: row for row in reversed(points)}
            layers.append(
                {
                    "data": {"values": list(first.values())},
                    "mark": {"type": "text", "dx": 6, "dy": -6, "align": "left", "fontSize": 10, "color": INK},
                    "encoding": {"x": x, "y": y, "text": {"field": "language"}},
                }
            )
        panels.append(_panel(panel, points, layers, 212, 160))
    return draw(name, title, alt, panels, rows)


def factor_lines(name: str, title: str, alt: str, rows: Rows, factor: str, axis: str) -> Chart:
    """The gap over the values of a factor: a panel for each setting, a color for each system.

    Args:
        name: The name of its file.
        title: What it shows.
        alt: Alternative text.
        rows: `{panel, system, value, gap, lower, upper}` in the order of the values; the ends may be None.
        factor: The title of the horizontal axis.
        axis: The title of the vertical axis.
    """
    ends = [row[field] for row in rows for field in ("gap", "lower", "upper") if row[field] is not None]
    gap = _quantitative("gap", axis, domain_of([0.0, *ends], 0.06))
    axis_x = axis_of(factor) | {"labelAngle": 0}
    x = {"field": "value", "type": "nominal", "sort": unique(rows, "value"), "axis": axis_x}
    systems = unique(rows, "system")
    color, shape = _series(rows, "system")
    offset = {"field": "system", "type": "nominal", "sort": systems}
    position = {"x": x, "xOffset": offset, "color": color}
    layers = [
        {"mark": {"type": "rule", "strokeWidth": 2.5, "opacity": 0.9},
         "encoding": {**position, "y": {**gap, "field": "lower"}, "y2": {"field": "upper"}},
         "transform": [{"filter": {"field": "lower", "valid": True}}]},
        {"mark": {"type": "point", "filled": True, "size": 58, "opacity": 1},
         "encoding": {**position, "y": gap, "shape": shape}},
        {"data": {"values": [{"zero": 0}]}, "mark": {"type": "rule", "color": INK, "strokeWidth": 1},
         "encoding": {"y": {**gap, "field": "zero"}}},
    ]  # fmt: skip
    width = {"step": max(34, 13 * len(systems) + 12), "for": "position"}
    panels = [
        _panel(panel, [row for row in rows if row["panel"] == panel], layers, width, 210)
        for panel in unique(rows, "panel")
    ]
    return draw(name, title, alt, panels, rows)


def loss_lines(name: str, title: str, alt: str, rows: Rows, unit: str) -> Chart:
    """Losses over the course of training, a line for each system.

    Args:
        name: The name of its file.
        title: What it shows.
        alt: Alternative text.
        rows: `{panel, system, x, loss}`.
        unit: What `x` counts.
    """
    color, shape = _series(rows, "system")
    panels = []
    for panel in unique(rows, "panel"):
        points = [row for row in rows if row["panel"] == panel]
        x = {"field": "x", "type": "quantitative", "axis": axis_of(unit) | {"tickMinStep": 1}}
        y = _quantitative("loss", "loss", domain_of([row["loss"] for row in points], 0.06))
        y["scale"]["zero"] = False
        last = {row["system"]: row["x"] for row in sorted(points, key=lambda row: float(row["x"]))}
        ends = [row for row in points if row["x"] == last[row["system"]]]
        layers = [
            {"mark": {"type": "line", "strokeWidth": 1.8}, "encoding": {"x": x, "y": y, "color": color}},
            {"mark": {"type": "point", "filled": True, "size": 52, "opacity": 1}, "data": {"values": ends},
             "encoding": {"x": x, "y": y, "color": color, "shape": shape}},
        ]  # fmt: skip
        panels.append(_panel(panel, points, layers, 300, 200))
    return draw(name, title, alt, panels, rows)


def learning_lines(name: str, title: str, alt: str, rows: Rows, measure: str) -> Chart:
    """A measure over the number of training sentences: a panel for each language, a line for each recipe.

    Args:
        name: The name of its file.
        title: What it shows.
        alt: Alternative text.
        rows: `{panel, recipe, sentences, mean, lower, upper, seeds}`.
        measure: The title of the vertical axis.
    """
    mean = _quantitative("mean", measure, domain_of([row[end] for row in rows for end in ("lower", "upper")], 0.06))
    color, shape = _series(rows, "recipe", 2 if len(unique(rows, "recipe")) > 2 else 0, 190)
    sizes = [row["sentences"] for row in rows]
    scale = {"type": "log", "domain": [min(sizes) * 0.9, max(sizes) * 1.1]}
    panels = []
    for panel in unique(rows, "panel"):
        points = [row for row in rows if row["panel"] == panel]
        ticks = sorted({row["sentences"] for row in points})
        axis = axis_of("training sentences") | {"values": ticks}
        position = {"x": {"field": "sentences", "type": "quantitative", "scale": scale, "axis": axis}, "color": color}
        layers = [
            {"mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.5},
             "encoding": {**position, "y": {**mean, "field": "lower"}, "y2": {"field": "upper"}}},
            {"mark": {"type": "line", "strokeWidth": 1.6}, "encoding": {**position, "y": mean}},
            {"mark": {"type": "point", "filled": True, "size": 52, "opacity": 1},
             "encoding": {**position, "y": mean, "shape": shape}},
        ]  # fmt: skip
        panels.append(_panel(panel, points, layers, 212, 170))
    return draw(name, title, alt, panels, rows)


def _explanation(points: Rows) -> dict[str, Any]:
    """The horizontal axis of a scatter plot; on a logarithmic one, zero has a place too."""
    values = [row["x"] for row in points]
    axis = axis_of("")
    scale: dict[str, Any] = {"domain": domain_of(values, 0.08)}
    if max(map(abs, values)) >= 1000:
        axis["labelExpr"] = "format(datum.value, '~s')"
    if points[0]["log"]:
        scale = {"type": "symlog"}
        axis["values"] = [0, *(10**n for n in (1, 3, 6, 9) if 10**n <= max(values))]
    return {"field": "x", "type": "quantitative", "scale": scale, "axis": axis}


def _series(rows: Rows, field: str, columns: int = 1, label_limit: int = 210) -> tuple[dict[str, Any], dict[str, Any]]:
    """The channels of color and shape that tell the values of a field apart."""
    shown = legend(columns, label_limit)
    return nominal(rows, field, SERIES, shown), nominal(rows, field, SHAPES, shown)


def _quantitative(field: str, title: str, domain: Sequence[float]) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "scale": {"domain": list(domain)}, "axis": axis_of(title)}


def _panel(title: str, values: Rows, layers: Sequence[Any], width: Any, height: int) -> dict[str, Any]:
    return {
        "title": title,
        "data": {"values": list(values)},
        "layer": list(layers),
        "width": width,
        "height": height,
    }
