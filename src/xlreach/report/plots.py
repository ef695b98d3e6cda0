"""Scatter plots of what goes with retrieval, and lines of a gap over a factor: as `charts`, in the same dress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xlreach.report.charts import INK, SERIES, SHAPES, Chart, axis_of, domain_of, draw

_LEVELS = ("high", "low", "neither")
_LEVEL_COLOURS = (SERIES[0], SERIES[1], SERIES[5])
_LABELLED = 14  # languages; more labels than these hide the points


def scatter(name: str, title: str, alt: str, rows: Sequence[Mapping[str, Any]], measure: str) -> Chart:
    """Retrieval over one thing a panel, a point a language and recipe.

    Args:
        name: Its file's name.
        title: What it shows.
        alt: Alternative text.
        rows: `{panel, language, level, recipe, x, y, log}`; languages are labelled at their first recipe.
        measure: The measure, on the upright axis.
    """
    recipes = list(dict.fromkeys(row["recipe"] for row in rows))
    languages = {row["language"] for row in rows}
    y = {
        "field": "y",
        "type": "quantitative",
        "scale": {"domain": domain_of([row["y"] for row in rows], 0.08)},
        "axis": axis_of(measure),
    }
    panels = []
    for panel in dict.fromkeys(row["panel"] for row in rows):
        own = [row for row in rows if row["panel"] == panel]
        logarithmic = own[0]["log"]
        x = {
            "field": "x",
            "type": "quantitative",
            "scale": {"type": "symlog"} if logarithmic else {"domain": domain_of([row["x"] for row in own], 0.08)},
            "axis": axis_of("") | {"format": "~s" if max(abs(row["x"]) for row in own) >= 1000 else "~g"},
        }
        colour = {
            "field": "level",
            "type": "nominal",
            "scale": {"domain": list(_LEVELS[:2]), "range": list(_LEVEL_COLOURS[:2])},
            "legend": _legend(),
        }
        shape = {
            "field": "recipe",
            "type": "nominal",
            "sort": recipes,
            "scale": {"domain": recipes, "range": [SHAPES[n % len(SHAPES)] for n in range(len(recipes))]},
            "legend": _legend(1) if len(recipes) > 1 else None,
        }
        if any(row["level"] == _LEVELS[2] for row in rows):
            colour["scale"] = {"domain": list(_LEVELS), "range": list(_LEVEL_COLOURS)}
        layers: list[dict[str, Any]] = [
            {
                "mark": {"type": "point", "filled": False, "size": 46, "opacity": 0.95, "strokeWidth": 1.7},
                "encoding": {"x": x, "y": y, "color": colour, "shape": shape},
            }
        ]
        if len(languages) <= _LABELLED:
            first = {row["language"]: row for row in reversed(own)}
            layers.append(
                {
                    "data": {"values": list(first.values())},
                    "mark": {"type": "text", "dx": 6, "dy": -6, "align": "left", "fontSize": 10, "color": INK},
                    "encoding": {"x": x, "y": y, "text": {"field": "language"}},
                }
            )
        panels.append({"title": panel, "data": {"values": own}, "layer": layers, "width": 212, "height": 160})
    return draw(name, title, alt, panels, rows)


def factor_lines(name: str, title: str, alt: str, rows: Sequence[Mapping[str, Any]], factor: str, axis: str) -> Chart:
    """The gap over the values of a factor, a panel a setting, a line a system.

    Args:
        name: Its file's name.
        title: What it shows.
        alt: Alternative text.
        rows: `{panel, system, value, gap, lower, upper}` in the order of the values; the ends may be None.
        factor: Named on the level axis.
        axis: Named on the upright one.
    """
    systems = list(dict.fromkeys(row["system"] for row in rows))
    order = list(dict.fromkeys(row["value"] for row in rows))
    ends = [row[one] for row in rows for one in ("gap", "lower", "upper") if row[one] is not None]
    y = {"type": "quantitative", "scale": {"domain": domain_of([0.0, *ends], 0.06)}, "axis": axis_of(axis)}
    x = {"field": "value", "type": "nominal", "sort": order, "axis": {**axis_of(factor), "labelAngle": 0}}
    scale = {"domain": systems, "range": [SERIES[n % len(SERIES)] for n in range(len(systems))]}
    colour = {"field": "system", "type": "nominal", "scale": scale, "legend": _legend(1)}
    shape = {
        "field": "system",
        "type": "nominal",
        "scale": {"domain": systems, "range": [SHAPES[n % len(SHAPES)] for n in range(len(systems))]},
        "legend": _legend(1),
    }
    beside = {"field": "system", "type": "nominal", "sort": systems}
    panels = []
    for panel in dict.fromkeys(row["panel"] for row in rows):
        own = [row for row in rows if row["panel"] == panel]
        spread = {"y": {"field": "lower", **y}, "y2": {"field": "upper"}, "x": x, "xOffset": beside, "color": colour}
        layers = [
            {"mark": {"type": "rule", "strokeWidth": 2.5, "opacity": 0.9}, "encoding": spread,
             "transform": [{"filter": {"field": "lower", "valid": True}}]},
            {"mark": {"type": "point", "filled": True, "size": 58, "opacity": 1},
             "encoding": {"x": x, "xOffset": beside, "y": {"field": "gap", **y}, "color": colour, "shape": shape}},
            {"data": {"values": [{"zero": 0}]}, "mark": {"type": "rule", "color": INK, "strokeWidth": 1},
             "encoding": {"y": {"field": "zero", **y}}},
        ]  # fmt: skip
        step = max(34, 13 * len(systems) + 12)
        panels.append(
            {"title": panel, "data": {"values": own}, "layer": layers, "width": {"step": step, "for": "position"},
             "height": 210}
        )  # fmt: skip
    return draw(name, title, alt, panels, rows)


def curve_lines(name: str, title: str, alt: str, rows: Sequence[Mapping[str, Any]], x_axis: str, y_axis: str) -> Chart:
    """Losses over the course of training, a line a system.

    Args:
        name: Its file's name.
        title: What it shows.
        alt: Alternative text.
        rows: `{panel, system, x, loss}`.
        x_axis: What is counted.
        y_axis: What is measured.
    """
    systems = list(dict.fromkeys(row["system"] for row in rows))
    names = {"field": "system", "type": "nominal", "sort": systems}
    colour = names | {
        "scale": {"domain": systems, "range": [SERIES[n % len(SERIES)] for n in range(len(systems))]},
        "legend": _legend(1),
    }
    shape = names | {
        "scale": {"domain": systems, "range": [SHAPES[n % len(SHAPES)] for n in range(len(systems))]},
        "legend": _legend(1),
    }
    panels = []
    for panel in dict.fromkeys(row["panel"] for row in rows):
        own = [row for row in rows if row["panel"] == panel]
        x = {"field": "x", "type": "quantitative", "axis": axis_of(x_axis) | {"tickMinStep": 1}}
        scale = {"domain": domain_of([row["loss"] for row in own], 0.06), "zero": False}
        y = {"field": "loss", "type": "quantitative", "scale": scale, "axis": axis_of(y_axis)}
        ends = {
            "data": {
                "values": [one for one in own if one["x"] == max(r["x"] for r in own if r["system"] == one["system"])]
            }
        }
        layers = [
            {"mark": {"type": "line", "strokeWidth": 1.8}, "encoding": {"x": x, "y": y, "color": colour}},
            ends | {"mark": {"type": "point", "filled": True, "size": 52, "opacity": 1},
                    "encoding": {"x": x, "y": y, "color": colour, "shape": shape}},
        ]  # fmt: skip
        panels.append({"title": panel, "data": {"values": own}, "layer": layers, "width": 300, "height": 200})
    return draw(name, title, alt, panels, rows)


def _legend(columns: int = 0) -> dict[str, Any]:
    return {"orient": "bottom", "title": None, "columns": columns, "labelLimit": 210}
