"""Learning curves as charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from xlreach.comparison.protocols import Point
from xlreach.report.charts import SERIES, SHAPES, Chart, axis_of, domain_of, draw


def curve_charts(points: Sequence[Point], base: str | None, short: Callable[[str], str]) -> list[Chart]:
    """A chart a measure: what each recipe reaches from so many sentences, a panel a language.

    Args:
        points: Of `learning_curves`.
        base: Whose.
        short: Shortens the name of a recipe.
    """
    charts = []
    for measure in dict.fromkeys(point.measure for point in points if point.base == base):
        own = [point for point in points if (point.base, point.measure) == (base, measure)]
        rows: list[dict[str, Any]] = [
            {
                "panel": point.language,
                "recipe": short(point.recipe),
                "sentences": point.sentences,
                "mean": point.mean,
                "lower": point.mean - (point.sd or 0.0),
                "upper": point.mean + (point.sd or 0.0),
                "seeds": point.seeds,
            }
            for point in own
        ]
        recipes = list(dict.fromkeys(row["recipe"] for row in rows))
        domain = domain_of([row[name] for row in rows for name in ("lower", "upper")], 0.06)
        languages = ", ".join(dict.fromkeys(row["panel"] for row in rows))
        title = f"{measure} by number of training sentences, {base}"
        alt = f"Lines: {title}; {len(recipes)} recipes in {languages}. Every figure is in the tables below."
        panels = [
            _panel(str(panel), rows, recipes, measure, domain) for panel in dict.fromkeys(r["panel"] for r in rows)
        ]
        charts.append(draw(f"curve {measure} {base}", title, alt, panels, rows))
    return charts


def _panel(
    panel: str, rows: Sequence[dict[str, Any]], recipes: Sequence[str], measure: str, domain: Sequence[float]
) -> dict[str, Any]:
    own = [row for row in rows if row["panel"] == panel]
    sizes = sorted({row["sentences"] for row in rows})
    x = {
        "field": "sentences",
        "type": "quantitative",
        "scale": {"type": "log", "domain": [sizes[0] * 0.9, sizes[-1] * 1.1]},
        "axis": {**axis_of("training sentences"), "values": sorted({row["sentences"] for row in own})},
    }
    y = {"type": "quantitative", "scale": {"domain": list(domain)}, "axis": axis_of(measure)}
    legend = {"orient": "bottom", "title": None, "columns": 2 if len(recipes) > 2 else 0, "labelLimit": 190}
    who = {"field": "recipe", "type": "nominal", "sort": list(recipes), "legend": legend}
    colours = [SERIES[number % len(SERIES)] for number in range(len(recipes))]
    shapes = [SHAPES[number % len(SHAPES)] for number in range(len(recipes))]
    colour = {**who, "scale": {"domain": list(recipes), "range": colours}}
    shape = {**who, "scale": {"domain": list(recipes), "range": shapes}}
    layers = [
        {
            "mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.5},
            "encoding": {"x": x, "y": {"field": "lower", **y}, "y2": {"field": "upper"}, "color": colour},
        },
        {
            "mark": {"type": "line", "strokeWidth": 1.6},
            "encoding": {"x": x, "y": {"field": "mean", **y}, "color": colour},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 52, "opacity": 1},
            "encoding": {"x": x, "y": {"field": "mean", **y}, "color": colour, "shape": shape},
        },
    ]
    return {"title": panel, "data": {"values": own}, "layer": layers, "width": 212, "height": 170}
