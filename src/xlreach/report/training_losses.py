"""How training went: held-out loss of masked language modeling by epoch, contrastive loss by step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from xlreach.comparison.tables import Figure, Table
from xlreach.errors import DataError
from xlreach.report.charts import Chart
from xlreach.report.narrative import system_name
from xlreach.report.plots import loss_lines
from xlreach.system import UNTREATED, System

_TITLES = {"masked lm": "held-out loss of masked language modeling", "alignment": "loss of the alignment's training"}


@dataclass(frozen=True)
class LossCurve:
    """The loss of one training of an encoder (`of` is `masked lm` or `alignment`): (epoch or step, loss) by `unit`."""

    of: str
    system: System
    language: str | None
    seed: int | None
    unit: str
    points: tuple[tuple[float, float], ...]


def read_losses(path: Path) -> list[LossCurve]:
    """The losses that a run recorded in `curves.json`; none where there is no such file.

    Where an encoder was trained in several stages, the last one is given: the others belong to what it was made from.

    Raises:
        DataError: The file is no JSON.
    """
    if not path.is_file():
        return []
    try:
        rows = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise DataError(f"Not JSON ({error}).", path=path) from error
    curves = [_curve(row) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    last = {(curve.of, curve.system, curve.language, curve.seed): curve for curve in curves if curve is not None}
    return list(last.values())


def loss_charts(curves: Sequence[LossCurve]) -> list[Chart]:
    """A chart for each kind of training and base, a line for each system: the mean over languages and seeds."""
    charts = []
    for (of, base), systems in _grouped(curves).items():
        rows = [
            {"panel": _TITLES[of], "system": system_name(system), "x": x, "loss": fmean(losses)}
            for system, members in systems.items()
            for x, losses in _common_points(members).items()
        ]
        title = f"Training: {_TITLES[of]}, {base}"
        alt = f"Lines: {title}, {len(systems)} systems. Figures are in the table below."
        unit = next(iter(systems.values()))[0].unit
        charts.append(loss_lines(f"training {of} {base}", title, alt, rows, unit))
    return charts


def loss_tables(curves: Sequence[LossCurve]) -> list[Table]:
    """First, lowest and last loss of every system; standard deviations over languages and seeds."""
    tables = []
    for (of, base), systems in _grouped(curves).items():
        rows = []
        for system, members in systems.items():
            losses = [[loss for _, loss in curve.points] for curve in members]
            columns = ([one[0] for one in losses], [min(one) for one in losses], [one[-1] for one in losses])
            rows.append(((system_name(system),), tuple(_figure(column) for column in columns)))
        title = f"Training: {_TITLES[of]}, {base}"
        heads = ("first", "lowest", "last")
        tables.append(Table(f"training {of} {base}", title, ("system",), heads, tuple(rows), {}))
    return tables


def _curve(row: dict[str, Any]) -> LossCurve | None:
    of, points = row.get("of"), row.get("valid") or row.get("train")
    if of not in _TITLES or not points:
        return None
    alignment = str(row.get("alignment") or UNTREATED) if of == "alignment" else UNTREATED
    system = System(str(row.get("base") or ""), str(row.get("recipe") or UNTREATED), alignment)
    pairs = tuple((float(x), float(loss)) for x, loss in points)
    return LossCurve(of, system, row.get("language"), row.get("seed"), str(row.get("unit") or ""), pairs)


def _grouped(curves: Sequence[LossCurve]) -> dict[tuple[str, str], dict[System, list[LossCurve]]]:
    groups: dict[tuple[str, str], dict[System, list[LossCurve]]] = {}
    for curve in curves:
        groups.setdefault((curve.of, curve.system.base), {}).setdefault(curve.system, []).append(curve)
    return groups


def _common_points(curves: Sequence[LossCurve]) -> dict[float, list[float]]:
    """Losses where every curve of a system has a point: a mean over fewer would jump."""
    points: dict[float, list[float]] = {}
    for curve in curves:
        for x, loss in curve.points:
            points.setdefault(x, []).append(loss)
    return {x: losses for x, losses in sorted(points.items()) if len(losses) == len(curves)}


def _figure(values: Sequence[float]) -> Figure:
    return Figure(fmean(values), stdev(values) if len(values) > 1 else None, len(values))
