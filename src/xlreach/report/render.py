"""The report of a study: reads what a run left, writes `report.html`, `tables/` and `charts/`."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from xlreach.comparison import read_gaps
from xlreach.comparison.tables import (
    Figure,
    Table,
    cost_table,
    diagnostic_tables,
    learning_curves,
    marked,
    overview_tables,
    pair_tables,
    part_tables,
    pool_tables,
    preference_tables,
    published_tables,
    retrieval_tables,
    tagging_tables,
    transfer_tables,
)
from xlreach.errors import DataError
from xlreach.gaps import Change, Direction, Gap, GapAnalysis
from xlreach.measurement import Measurement, read_measurements
from xlreach.report import narrative
from xlreach.report.charts import Chart
from xlreach.report.correlates import Correlates, correlates
from xlreach.report.export import rows_csv
from xlreach.report.figures import bias_maps, learning_charts, pair_maps, retrieval_charts, tagging_charts
from xlreach.report.numbers import column_digits, cost_text, fixed, is_percentage, typeset
from xlreach.report.pages import Pages
from xlreach.report.selection import (
    Row,
    Topic,
    changes_of_base,
    directions_of,
    gaps_of,
    retrieval_rows,
    tagging_rows,
    topics,
)
from xlreach.report.training_losses import LossCurve, loss_charts, loss_tables, read_losses
from xlreach.safe_io import read_yaml
from xlreach.system import System

_ROWS_SHOWN = 150  # of a table; all are in its CSV


def render_report(run: Path) -> Path:
    """Writes the report of a run.

    Args:
        run: A run folder with `config.yaml`, `results.jsonl` and `gaps.json`.

    Returns:
        The path of `report.html`: one file that needs no network, with every chart and table inside. Beside it
        `tables/` (CSV and LaTeX) and `charts/` (SVG and PNG).

    Raises:
        DataError: A file of the run is missing or damaged.
    """
    config = read_yaml(run / "config.yaml")
    if not isinstance(config, dict):
        raise DataError("Holds no settings.", expected="Expected a mapping.", path=run / "config.yaml")
    with _without_garbage_collection():
        results, analysis = read_measurements(run / "results.jsonl"), read_gaps(run / "gaps.json")
        report = _Report(config, results, analysis, read_losses(run / "curves.json"))
        report.write(run / "report.html")
    return run / "report.html"


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Rendering leaves no cycles behind, and looking for them takes a sixth of the time of a large report."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@dataclass(frozen=True)
class _TopicPart:
    """What the report shows of one base and retrieval data set."""

    base: str
    dataset: str | None
    gaps: Sequence[Gap]
    other_gaps: Sequence[Gap]
    changes: Sequence[Change]
    base_changes: Sequence[Change]
    directions: Sequence[Direction]
    other_directions: Sequence[Direction]
    sentences: Sequence[str]
    pairs: Sequence[Table]
    charts: Sequence[Chart]
    heat_maps: Sequence[Chart]
    bias_maps: Sequence[Chart]
    correlates: Correlates | None


class _Report:
    """Everything that the template shows."""

    def __init__(
        self,
        config: Mapping[str, Any],
        results: Sequence[Measurement],
        analysis: GapAnalysis,
        losses: Sequence[LossCurve],
    ) -> None:
        self.config, self.results, self.analysis = config, results, analysis
        self.headline = analysis.headline or ""
        self.levels = {"high": analysis.split.high, "low": analysis.split.low}
        # Charts first: they are drawn while the rest is computed.
        pairs = pair_tables(results, self.levels, self.headline)
        self.preferences = preference_tables(results, self.levels)
        self.topics = [self._topic(topic, pairs) for topic in topics(analysis)] or [self._topic(Topic("", None), [])]
        self.bases = list(dict.fromkeys(row.system.base for row in analysis.gaps))
        self.tagging_charts = [chart for base in self.bases for chart in tagging_charts(analysis, base)]
        points = learning_curves(results)
        self.learning_charts = [chart for base in self.bases for chart in learning_charts(points, base)]
        self.loss_charts, self.loss_tables = loss_charts(losses), loss_tables(losses)
        self.overview = marked(overview_tables(results, self.levels, self.headline), analysis)
        self.tagging = marked(tagging_tables(results, self.levels), analysis)
        self.transfer = transfer_tables(results, self.levels)
        self.published = published_tables(results, self.levels)
        self.parts = part_tables(results)
        self.retrieval = marked(retrieval_tables(results, self.levels), analysis)
        self.pools = pool_tables(analysis)
        self.diagnostics = diagnostic_tables(results, self.levels)
        self.cost = cost_table(results)

    def write(self, path: Path) -> None:
        """Writes the page, its tables and its charts."""
        pages, analysis = Pages(), self.analysis
        pages.environment.filters |= {"figure": _figure, "cost": cost_text}
        pages.environment.globals |= {
            "narrative": narrative,
            "fixed": fixed,
            "column_digits": column_digits,
            "rows_shown": _ROWS_SHOWN,
            "percentage": is_percentage,
        }
        parts = {
            "gaps": analysis.gaps,
            "directions": analysis.directions,
            "changes": analysis.changes,
            "correlations": analysis.correlations,
        }
        for name, rows in parts.items():  # beside the page only: they are long
            pages.files["tables"][f"{name}.csv"] = rows_csv(rows).encode("utf-8", "replace")
        content = pages.render(
            "report.html.j2",
            report=self,
            analysis=analysis,
            config=yaml.safe_dump(dict(self.config), sort_keys=False, allow_unicode=True, width=100),
            sources=self._sources(),
        )
        pages.write(path, content)

    def tagging_gaps(self, base: str) -> list[Gap]:
        """The gaps in tagging of a base."""
        return tagging_rows(self.analysis, self.analysis.gaps, base)

    def tagging_changes(self, base: str) -> list[Change]:
        """What changes the gaps in tagging of a base."""
        return tagging_rows(self.analysis, self.analysis.changes, base)

    def other_tagging_gaps(self, base: str) -> dict[str, list[Gap]]:
        """The gaps in tagging of a base under other splits, by measure."""
        rows = [row for row in self._under_other_splits(self.analysis.gaps) if row.kind == "tagging"]
        rows = [row for row in rows if row.system.base == base]
        return {measure: [r for r in rows if r.measure == measure] for measure in sorted({r.measure for r in rows})}

    def _topic(self, topic: Topic, pairs: Sequence[Table]) -> _TopicPart:
        analysis = self.analysis
        pairs = [table for table in pairs if (table.about["base"] or "", table.about["dataset"]) == topic]
        sentences = [
            narrative.gap_sources(analysis, topic),
            narrative.narrowed(analysis, topic),
            *narrative.best_for_low(analysis, topic),
        ]
        return _TopicPart(
            base=topic.base or "unnamed base",
            dataset=topic.dataset,
            gaps=gaps_of(analysis, topic),
            other_gaps=self._of_topic(self._under_other_splits(analysis.gaps), topic),
            changes=retrieval_rows(analysis, analysis.changes, topic),
            base_changes=changes_of_base(analysis, topic),
            directions=directions_of(analysis, topic),
            other_directions=self._of_topic(self._under_other_splits(analysis.directions), topic),
            sentences=[typeset(sentence) for sentence in sentences],
            pairs=pairs,
            charts=retrieval_charts(analysis, topic),
            heat_maps=pair_maps(_by_system(pairs), analysis, topic),
            bias_maps=bias_maps(self._first_hits(topic), analysis, topic),
            correlates=correlates(analysis, topic),
        )

    def _under_other_splits(self, rows: Sequence[Row]) -> list[Row]:
        return [row for row in rows if row.split != self.analysis.split.name]

    def _of_topic(self, rows: Sequence[Row], topic: Topic) -> list[Row]:
        rows = [row for row in rows if row.measure == self.headline]
        return [row for row in rows if (row.system.base, row.dataset) == topic]

    def _first_hits(self, topic: Topic) -> dict[System, Table]:
        """For each system, the share of first hits by query and document language."""
        wanted = {"base": topic.base, "dataset": topic.dataset, "measure": "share@1"}
        tables = [table for table in self.preferences if wanted.items() <= table.about.items()]
        systems: dict[System, Table] = {}
        for table in tables:
            for names, figures in table.rows:
                system = System(topic.base, *names[:-1])
                rows = systems[system].rows if system in systems else ()
                systems[system] = replace(table, rows=(*rows, (names, figures)))
        return systems

    def _sources(self) -> list[dict[str, str]]:
        """The data sets with what the config records of them."""
        provenance = self.config.get("provenance", {})
        records = provenance.get("data", []) if isinstance(provenance, Mapping) else []
        recorded = {str(record.get("name")): record for record in records if isinstance(record, Mapping)}
        names = sorted({row.dataset for row in self.results if row.dataset} | set(recorded))
        fields = ("license", "citation")
        return [{"name": name} | {f: str(recorded.get(name, {}).get(f) or "") for f in fields} for name in names]


def _by_system(tables: Sequence[Table]) -> dict[System, Table]:
    fields = ("base", "recipe", "alignment", "retriever")
    return {System(**{f: name for f in fields if (name := table.about.get(f))}): table for table in tables}


def _figure(figure: Figure | None, digits: int) -> str:
    return "–" if figure is None else typeset(fixed(figure.mean, digits))
