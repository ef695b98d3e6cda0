"""One run folder into one page: reads what the run left, writes `report.html`, `tables/` and `charts/`."""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from xlreach.comparison import read_gaps, words
from xlreach.comparison.as_dicts import as_dicts
from xlreach.comparison.levels import CONFIG
from xlreach.comparison.marks import marked
from xlreach.comparison.names import short_names, shortener
from xlreach.comparison.pools import pool_tables, said_of_pools
from xlreach.comparison.protocols import learning_curves, part_tables, transfer_tables
from xlreach.comparison.published import published_tables
from xlreach.comparison.tables import (
    Figure,
    cost_table,
    diagnostic_tables,
    overview_tables,
    pair_tables,
    preference_tables,
    retrieval_tables,
    tagging_tables,
)
from xlreach.errors import DataError
from xlreach.gaps import GapAnalysis
from xlreach.measurement import Measurement, read_measurements
from xlreach.report.curves import curve_charts
from xlreach.report.export import digits_of, rows_csv, shown, shown_minus
from xlreach.report.figures import bias_maps, heat_maps, retrieval_figures, tagging_figures
from xlreach.report.pages import Pages
from xlreach.report.reasons import reasons
from xlreach.report.training import training_figures, training_tables
from xlreach.safe_io import read_yaml
from xlreach.store import replacing

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
    config = _config(run / "config.yaml")
    with _uncollected():
        results, gaps = read_measurements(run / "results.jsonl"), read_gaps(run / "gaps.json")
        page = _Page(config, results, gaps, _curves(run / "curves.json"))
        content = page.html()
        page.pages.write_files(run)
        with replacing(run / "report.html") as path:
            path.write_text(content, "utf-8", errors="replace")
    return run / "report.html"


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without collecting garbage: there are no cycles, and looking for them takes a sixth of a large report's time."""
    there = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if there:
            gc.enable()


class _Page:
    """What the template shows."""

    def __init__(
        self,
        config: Mapping[str, Any],
        results: Sequence[Measurement],
        analysis: GapAnalysis,
        curves: Sequence[Mapping[str, Any]],
    ) -> None:
        gaps = as_dicts(analysis)
        self.config, self.results, self.gaps = config, results, gaps
        self.levels = {side: gaps["cuts"][0][side] for side in ("high", "low")}
        self.headline = gaps["headline"] or ""
        named = dict.fromkeys(name for row in results for name in (row.recipe, row.alignment) if name)
        self.shortened = [(full, brief) for full, brief in short_names(named).items() if full != brief]
        self.short = shortener(named)
        # Charts first: they are drawn while the rest is computed.
        self.pairs = pair_tables(results, self.levels, self.headline)
        self.preferences = preference_tables(results, self.levels)
        self.subjects = [self._subject(*one) for one in words.subjects(gaps)]
        self.bases = list(dict.fromkeys(row["base"] for row in gaps["gaps"]))
        self.closing = [words.tagging(gaps, words.subjects(gaps)[0][0]), words.how_sure(gaps)]
        self.tagging_charts = [chart for base in self.bases for chart in tagging_figures(gaps, base, self.short)]
        points = learning_curves(results)
        self.curves = [chart for base in self.bases for chart in curve_charts(points, base, self.short)]
        self.training_charts = training_figures(curves, self.short)
        self.training = training_tables(curves)
        self.overview = marked(overview_tables(results, self.levels, self.headline), analysis)
        self.tagging = marked(tagging_tables(results, self.levels), analysis)
        self.transfer = transfer_tables(results, self.levels)
        self.published = published_tables(results, self.levels)
        self.parts = part_tables(results)
        self.retrieval = marked(retrieval_tables(results, self.levels), analysis)
        self.pools, self.said_of_pools = pool_tables(analysis), said_of_pools(analysis)
        self.diagnostics = diagnostic_tables(results, self.levels)
        self.cost = cost_table(results)

    def html(self) -> str:
        pages = self.pages = Pages(self.short)
        pages.environment.filters |= {"figure": _figure, "cost": _cost}
        pages.environment.globals |= {
            "shortened": self.shortened,
            "shown": shown,
            "digits_of": lambda table, number: digits_of(figures[number] for _, figures in table.rows),
            "table_files": pages.table_files,
            "rows_files": pages.rows_files,
            "rows_shown": _ROWS_SHOWN,
            "scale": lambda row: any(
                abs(row.get(name) or 0) > 1.5 for name in ("low", "high", "gap_before", "gap_after")
            ),
        }
        for part in ("gaps", "directions", "changes", "correlations"):  # whole: beside the page only
            raw = rows_csv(self.gaps[part]).encode("utf-8", "replace")
            pages.files["tables"][f"{part}.csv"] = raw
        return pages.render(
            "report.html.j2",
            page=self,
            gaps=self.gaps,
            config=yaml.safe_dump(dict(self.config), sort_keys=False, allow_unicode=True, width=100),
            own=words.own,
            sources=self._sources(),
        )

    def _subject(self, base: str | None, dataset: str | None) -> dict[str, Any]:
        about = {"kind": "retrieval", "base": base, "dataset": dataset, "measure": self.headline}
        rows, changes = (words.own(self.gaps, part, **about) for part in ("gaps", "changes"))
        plain = [row for row in rows if row["recipe"] == "none" and row["alignment"] in (None, "none")]
        return {
            "base": base,
            "dataset": dataset,
            "tiles": sorted(plain, key=lambda row: (*words.SETTINGS, row["setting"]).index(row["setting"])),
            "sentences": [
                shown_minus(said)
                for said in (
                    words.where_lost(self.gaps, base, dataset),
                    words.best(self.gaps, base, dataset),
                    *words.helps(self.gaps, base, dataset),
                )
            ],
            "rows": rows,
            "changes": changes,
            "untreated_changes": [
                row
                for row in changes
                if row["against"]["recipe"] == "none" and row["against"]["alignment"] in (None, "none")
            ],
            "directions": words.own(self.gaps, "directions", **about),
            "pairs": [t for t in self.pairs if (t.about["base"], t.about["dataset"]) == (base, dataset)],
            "charts": retrieval_figures(self.gaps, base, dataset, self.short),
            "why": reasons(self.gaps, base, dataset, self.short),
            "heat": heat_maps(self.pairs, self.gaps, base, dataset, self.short),
            "bias": bias_maps(self.preferences, self.gaps, base, dataset, self.short),
            "other_directions": [
                row
                for row in self.gaps["directions"]
                if row["cut"] != CONFIG and all(row[name] == value for name, value in about.items())
            ],
        }

    def _sources(self) -> list[dict[str, str]]:
        """The data sets with what the config records of them."""
        known = self.config.get("provenance", {})
        known = known.get("data", []) if isinstance(known, Mapping) else []
        recorded = {str(one.get("name")): one for one in known if isinstance(one, Mapping)}
        names = sorted({row.dataset for row in self.results if row.dataset} | set(recorded))
        fields = ("licence", "citation")
        return [{"name": name} | {f: str(recorded.get(name, {}).get(f) or "") for f in fields} for name in names]


def _config(path: Path) -> dict[str, Any]:
    config = read_yaml(path)
    if not isinstance(config, dict):
        raise DataError("Holds no settings.", expected="Expected a mapping.", path=path)
    return config


def _curves(path: Path) -> list[dict[str, Any]]:
    """The losses of training; a run without the file has none."""
    try:
        found = json.loads(path.read_text("utf-8")) if path.is_file() else []
    except ValueError as error:
        raise DataError(f"Not JSON ({error}).", path=path) from error
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _cost(found: Mapping[str, float] | None) -> str:
    """Time, tokens and memory, as short as they can be read."""
    if not found:
        return "–"
    seconds = found.get("seconds", 0.0)
    time = (
        f"{seconds:.0f} s"
        if seconds < 300
        else f"{seconds / 60:.0f} min"
        if seconds < 18_000
        else f"{seconds / 3600:.1f} h"
    )
    tokens = found.get("tokens")
    parts = [time, *([f"{tokens / 1e6:.1f} M tokens"] if tokens else [])]
    memory = found.get("peak_memory_mb")
    return ", ".join([*parts, *([f"{memory / 1000:.1f} GB"] if memory else [])])


def _figure(one: Figure | None, digits: int) -> str:
    return "–" if one is None else shown_minus(shown(one.mean, digits))
