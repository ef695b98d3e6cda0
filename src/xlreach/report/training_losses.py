"""How training went: held-out loss of masked language modeling by epoch, contrastive loss by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Literal

from xlreach.comparison.tables import Figure, Table
from xlreach.report.charts import Chart
from xlreach.report.plots import course_lines
from xlreach.report.wording import system_name
from xlreach.safe_io import read_rows
from xlreach.system import System

CURVES_FILE = "curves.json"
_TITLES = {"masked lm": "held-out loss of masked language modeling", "alignment": "loss of the alignment's training"}


@dataclass(frozen=True)
class LossCurve:
    """The losses of one training of an encoder, a row of a run's `curves.json`: (epoch or step, loss) by `unit`.

    `valid` is measured on held-out lines, and empty where nothing was held out; `alignment` is None before alignment.
    """

    base: str
    recipe: str
    alignment: str | None
    language: str | None
    seed: int | None
    stage: str
    of: Literal["masked lm", "alignment"]
    unit: str
    train: Sequence[tuple[float, float]]
    valid: Sequence[tuple[float, float]] = ()

    @property
    def system(self) -> System:
        return System.of(self.base, self.recipe, self.alignment, None)

    @property
    def points(self) -> Sequence[tuple[float, float]]:
        """The held-out losses, where there are any."""
        return self.valid or self.train


def read_losses(path: Path) -> list[LossCurve]:
    """The losses that a run recorded in `curves.json`; none where there is no such file.

    Where an encoder was trained in several stages, the last one is given: the others belong to what it was made from.

    Raises:
        DataError: The file is not as a study writes it.
    """
    curves = [curve for curve in read_rows(path, LossCurve, "system, stage and losses") if curve.points]
    return list({(curve.of, curve.system, curve.language, curve.seed): curve for curve in curves}.values())


def loss_charts_and_tables(curves: Sequence[LossCurve]) -> tuple[list[Chart], list[Table]]:
    """For each kind of training and base, a line for each system (mean over languages and seeds), and a table of their
    first, lowest and last losses with standard deviations."""
    groups: dict[tuple[str, str], dict[System, list[LossCurve]]] = {}
    for curve in curves:
        groups.setdefault((curve.of, curve.system.base), {}).setdefault(curve.system, []).append(curve)
    charts, tables = [], []
    for (of, base), systems in groups.items():
        points, rows = [], []
        for system, members in systems.items():
            name = system_name(system)
            for x, shared in _common_points(members).items():
                points.append({"panel": _TITLES[of], "system": name, "x": x, "loss": fmean(shared)})
            losses = [[loss for _, loss in curve.points] for curve in members]
            columns = ([line[0] for line in losses], [min(line) for line in losses], [line[-1] for line in losses])
            rows.append(((name,), tuple(_figure(column) for column in columns)))
        name, title = f"training {of} {base}", f"Training: {_TITLES[of]}, {base}"
        alt = f"Lines: {title}, {len(systems)} systems. Figures are in the table below."
        unit = next(iter(systems.values()))[0].unit
        charts.append(course_lines(name, title, alt, points, ("x", unit), ("loss", "loss")))
        tables.append(Table(name, title, ("system",), ("first", "lowest", "last"), tuple(rows), {}))
    return charts, tables


def _common_points(curves: Sequence[LossCurve]) -> dict[float, list[float]]:
    """Losses where every curve of a system has a point: a mean over fewer would jump."""
    points: dict[float, list[float]] = {}
    for curve in curves:
        for x, loss in curve.points:
            points.setdefault(x, []).append(loss)
    return {x: losses for x, losses in sorted(points.items()) if len(losses) == len(curves)}


def _figure(values: Sequence[float]) -> Figure:
    return Figure(fmean(values), stdev(values) if len(values) > 1 else None, len(values))
