"""The pages of a study and of a controlled experiment, each with its `tables/` and `charts/` beside it."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from xlreach.comparison import read_gaps, tables
from xlreach.errors import DataError
from xlreach.gaps import FactorAnalysis, GapAnalysis
from xlreach.measurement import Measurement, read_measurements
from xlreach.report.correlates import correlates
from xlreach.report.export import rows_csv
from xlreach.report.figures import factor_charts, language_map, learning_charts, retrieval_charts, tagging_charts
from xlreach.report.narrative import answer, remarks, summary
from xlreach.report.narrative.contrasts import factor_sentences
from xlreach.report.pages import Pages
from xlreach.report.selection import Topic, changes_of_base, retrieval_rows, tagging_rows, topics
from xlreach.report.training_losses import CURVES_FILE, LossCurve, loss_charts_and_tables, read_losses
from xlreach.report.wording import column_digits, cost_text, fixed, typeset
from xlreach.safe_io import read_yaml

_ROWS_SHOWN = 150  # of a table; all are in its CSV


def render_report(run: Path) -> Path:
    """Writes the report of a run folder with `config.yaml`, `results.jsonl` and `gaps.json`.

    Returns:
        The path of `report.html`: one file that needs no network, with every chart and table inside. Beside it
        `tables/` (CSV and LaTeX) and `charts/` (SVG and PNG).

    Raises:
        DataError: A file of the run is missing or damaged.
    """
    config = read_yaml(run / "config.yaml")
    if not isinstance(config, dict):
        raise DataError("Holds no settings.", expected="Expected a mapping.", path=run / "config.yaml")
    collects_garbage = gc.isenabled()
    gc.disable()  # rendering leaves no cycles behind, and looking for them takes a sixth of its time
    try:
        results, analysis = read_measurements(run / "results.jsonl"), read_gaps(run / "gaps.json")
        report = _content(results, analysis, read_losses(run / CURVES_FILE))
        _write(run / "report.html", analysis, report=report, config=config, sources=_sources(config, results))
    finally:
        if collects_garbage:
            gc.enable()
    return run / "report.html"


def render_factor(analysis: FactorAnalysis, path: Path) -> Path:
    """Writes the page of a controlled experiment, one file that needs no network; beside it `tables/`, `charts/`."""
    charts = [
        *factor_charts(analysis, "retrieval", analysis.measure or ""),
        *factor_charts(analysis, "tagging", ""),
    ]
    pages, sentences = Pages(), factor_sentences(analysis)
    pages.write(path, pages.render("factor.html.j2", analysis=analysis, sentences=sentences, charts=charts))
    return path


def _content(results: Sequence[Measurement], analysis: GapAnalysis, losses: Sequence[LossCurve]) -> dict[str, Any]:
    """Everything that the template shows, by name."""
    headline = analysis.headline or ""
    levels = {"high": analysis.split.high, "low": analysis.split.low}
    bases = list(dict.fromkeys(row.system.base for row in analysis.gaps))
    # Charts first: they are drawn while the rest is computed.
    pairs, preferences = tables.pair_tables(results, levels, headline), tables.preference_tables(results, levels)
    points = tables.learning_curves(results)
    training_charts, training_tables = loss_charts_and_tables(losses)
    return {
        "headline": headline,
        "bases": bases,
        "topics": [_topic(analysis, topic, pairs, preferences) for topic in topics(analysis) or [Topic("", None)]],
        "tagging_charts": [chart for base in bases for chart in tagging_charts(analysis, base)],
        "learning_charts": [chart for base in bases for chart in learning_charts(points, base)],
        "loss_charts": training_charts,
        "tagging_gaps": {base: tagging_rows(analysis, analysis.gaps, base) for base in bases},
        "tagging_changes": {base: tagging_rows(analysis, analysis.changes, base) for base in bases},
        "other_tagging_gaps": {base: tagging_rows(analysis, analysis.gaps, base, other_splits=True) for base in bases},
        "loss_tables": training_tables,
        "overview": tables.marked(tables.overview_tables(results, levels, headline), analysis),
        "tagging": tables.marked(tables.tagging_tables(results, levels), analysis),
        "transfer": tables.transfer_tables(results, levels),
        "published": tables.published_tables(results, levels),
        "parts": tables.part_tables(results),
        "retrieval": tables.marked(tables.retrieval_tables(results, levels), analysis),
        "pools": tables.pool_tables(analysis),
        "diagnostics": tables.diagnostic_tables(results, levels),
        "preferences": preferences,
        "cost": tables.cost_table(results),
    }


def _topic(
    analysis: GapAnalysis, topic: Topic, pairs: Sequence[tables.Table], preferences: Sequence[tables.Table]
) -> dict[str, Any]:
    """What the report shows of one base and retrieval data set, by name."""
    pairs = [table for table in pairs if (table.about["base"] or "", table.about["dataset"]) == topic]
    share = {"base": topic.base, "dataset": topic.dataset, "measure": "share@1"}
    shares = [table for table in preferences if share.items() <= table.about.items()]
    bias = "Language bias: share of first hits"  # as in LAReQA (Roy et al. 2020)
    return {
        "base": topic.base or "unnamed base",
        "dataset": topic.dataset,
        "gaps": retrieval_rows(analysis, analysis.gaps, topic),
        "other_gaps": retrieval_rows(analysis, analysis.gaps, topic, other_splits=True),
        "changes": retrieval_rows(analysis, analysis.changes, topic),
        "base_changes": changes_of_base(analysis, topic),
        "directions": retrieval_rows(analysis, analysis.directions, topic),
        "other_directions": retrieval_rows(analysis, analysis.directions, topic, other_splits=True),
        "sentences": summary.topic_sentences(analysis, topic),
        "pairs": pairs,
        "charts": retrieval_charts(analysis, topic),
        "heat_maps": language_map("pairs", str(analysis.headline), "in the table below", pairs, analysis, topic),
        "bias_maps": language_map("bias", bias, "under Diagnostics", shares, analysis, topic),
        "correlates": correlates(analysis, topic),
    }


def _write(page: Path, analysis: GapAnalysis, *, config: Mapping[str, Any], **shown: Any) -> None:
    """Writes the page, its tables and its charts."""
    pages = Pages()
    pages.environment.filters |= {
        "figure": lambda figure, digits: typeset(fixed(figure.mean, digits)),
        "cost": cost_text,
    }
    pages.environment.globals |= {
        "answers": answer,
        "remarks": remarks,
        "summary": summary,
        "fixed": fixed,
        "column_digits": column_digits,
        "rows_shown": _ROWS_SHOWN,
    }
    for name in ("gaps", "directions", "changes", "correlations"):  # beside the page only: they are long
        pages.files["tables"][f"{name}.csv"] = rows_csv(getattr(analysis, name)).encode("utf-8", "replace")
    text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=100)
    pages.write(page, pages.render("report.html.j2", analysis=analysis, config=text, **shown))


def _sources(config: Mapping[str, Any], results: Sequence[Measurement]) -> list[dict[str, str]]:
    """The data sets with what the config records of them."""
    provenance = config.get("provenance", {})
    records = provenance.get("data", []) if isinstance(provenance, Mapping) else []
    recorded = {str(record.get("name")): record for record in records if isinstance(record, Mapping)}
    names = sorted({row.dataset for row in results if row.dataset} | set(recorded))
    fields = ("license", "citation")
    return [{"name": name} | {f: str(recorded.get(name, {}).get(f) or "") for f in fields} for name in names]
