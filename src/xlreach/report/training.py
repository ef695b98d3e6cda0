"""How training went, as lines: held-out loss of masked language modelling by epoch, contrastive loss by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xlreach.comparison.tables import Figure, Table
from xlreach.report.charts import Chart
from xlreach.report.plots import curve_lines

_NAMED = {"masked lm": "held-out loss of masked language modelling", "alignment": "loss of the alignment's training"}


def training_figures(curves: Sequence[Mapping[str, Any]], short: Callable[[str], str]) -> list[Chart]:
    """A chart a kind of training and base, a line a system: the mean over languages and seeds."""
    charts = []
    for (of, base), rows in _grouped(curves).items():
        drawn: list[dict[str, Any]] = []
        for system, members in _systems(rows).items():
            for x, losses in _points(members).items():
                drawn.append({"panel": _NAMED[of], "system": system, "x": x, "loss": float(np.mean(losses))})
        title = f"Training: {_NAMED[of]}, {base}"
        alt = f"Lines: {title}, {len({row['system'] for row in drawn})} systems. Figures are in the table below."
        brief = [{**row, "system": short(row["system"])} for row in drawn]
        chart = curve_lines(f"training {of} {base}", short(title), alt, brief, rows[0]["unit"], "loss")
        charts.append(replace(chart, rows=tuple(drawn)))
    return charts


def training_tables(curves: Sequence[Mapping[str, Any]]) -> list[Table]:
    """First, best and last loss of every system; standard deviation over languages and seeds."""
    tables = []
    for (of, base), rows in _grouped(curves).items():
        lines = []
        for system, members in _systems(rows).items():
            losses = [[y for _, y in one["valid"] or one["train"]] for one in members]
            parts = ([one[0] for one in losses], [min(one) for one in losses], [one[-1] for one in losses])
            figures = tuple(
                Figure(float(np.mean(one)), float(np.std(one, ddof=1)) if len(one) > 1 else None, len(one))
                for one in parts
            )
            lines.append(((system,), figures))
        title = f"Training: {_NAMED[of]}, {base}"
        tables.append(Table(f"training {of} {base}", title, ("system",), ("first", "lowest", "last"), tuple(lines), {}))
    return tables


def _grouped(curves: Sequence[Mapping[str, Any]]) -> dict[tuple[str, Any], list[Mapping[str, Any]]]:
    groups: dict[tuple[str, Any], list[Mapping[str, Any]]] = {}
    for row in curves:
        if row.get("of") in _NAMED and (row.get("valid") or row.get("train")):
            groups.setdefault((row["of"], row.get("base")), []).append(row)
    return groups


def _systems(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """By what was trained: a recipe's own last training, or an alignment on a recipe."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        name = str(row["recipe"]) if row["of"] == "masked lm" else f"{row['recipe']} with {row['alignment']}"
        found.setdefault(name, []).append(row)
    # an encoder's folder remembers the training of its base too: the last is its own
    return {name: _last(members) for name, members in found.items()}


def _last(members: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    own: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in members:
        own[row.get("language"), row.get("seed")] = row
    return list(own.values())


def _points(members: Sequence[Mapping[str, Any]]) -> dict[float, list[float]]:
    points: dict[float, list[float]] = {}
    for one in members:
        for x, y in one["valid"] or one["train"]:
            points.setdefault(float(x), []).append(float(y))
    # only where every curve of the system is: a mean over others would jump
    return {x: losses for x, losses in sorted(points.items()) if len(losses) == len(members)}
