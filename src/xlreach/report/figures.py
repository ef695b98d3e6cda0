"""Which charts a report has, and the rows of gaps and tables that they draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from xlreach.comparison.tables import Table
from xlreach.comparison.words import SETTINGS, narrowest, own, system
from xlreach.report.charts import Chart, gap_chart, heat_map, level_chart

Short = Callable[[str], str]


def retrieval_figures(gaps: Mapping[str, Any], base: str | None, dataset: str | None, short: Short) -> list[Chart]:
    """The gap of every system by setting, and the two levels it lies between."""
    rows = own(gaps, "gaps", kind="retrieval", base=base, dataset=dataset, measure=gaps["headline"])
    rows = sorted(rows, key=lambda row: SETTINGS.index(row["setting"]) if row["setting"] in SETTINGS else 9)
    return _pair(
        f"{dataset} {base}", f"{gaps['headline']} on {dataset}, {base}", rows, "setting", gaps["headline"], short
    )


def tagging_figures(gaps: Mapping[str, Any], base: str | None, short: Short) -> list[Chart]:
    """The same for tagging, a panel a measure."""
    rows = own(gaps, "gaps", kind="tagging", base=base)
    return _pair(f"tagging {base}", f"tagging, {base}", rows, "measure", "", short)


def heat_maps(
    tables: Sequence[Table], gaps: Mapping[str, Any], base: str | None, dataset: str | None, short: Short
) -> list[Chart]:
    """Query by document language: the untreated system, and the one with the smallest gap."""
    own_tables = {
        (table.about["recipe"], table.about["alignment"]): table
        for table in tables
        if (table.about["base"], table.about["dataset"]) == (base, dataset)
    }
    best = narrowest(gaps, base, dataset)
    wanted = [("none", "none"), *([(best["recipe"], best["alignment"])] if best else [])]
    chosen = [own_tables[key] for key in dict.fromkeys(wanted) if key in own_tables] or list(own_tables.values())[:1]
    languages = [*gaps["cuts"][0]["high"], *gaps["cuts"][0]["low"]]
    rows: list[dict[str, Any]] = []
    for table in chosen:
        panel = short(system({"recipe": table.about["recipe"], "alignment": table.about["alignment"]}))
        for (asked,), figures in table.rows:
            for document, figure in zip(table.columns, figures, strict=True):
                if figure is not None:
                    digits = 2 if abs(figure.mean) <= 1.5 else 1
                    shown = f"{figure.mean:.{digits}f}"
                    rows.append(
                        {"panel": panel, "query": asked, "documents": document, "value": figure.mean, "shown": shown}
                    )
    if not rows:
        return []
    measure = chosen[0].about["measure"]
    seen = {row[side] for row in rows for side in ("query", "documents")}
    order = [code for code in languages if code in seen] + sorted(seen - set(languages))
    title = f"{measure} by query and document language on {dataset}, {base}"
    alt = f"Heat map: {title}; {len(rows)} cells, every figure in the table below."
    return [heat_map(f"pairs {dataset} {base}", title, alt, rows, order)]


def bias_maps(
    tables: Sequence[Table], gaps: Mapping[str, Any], base: str | None, dataset: str | None, short: Short
) -> list[Chart]:
    """Language of the query by language of what is ranked first in the pool of all: as in LAReQA.

    The untreated system, and the one with the smallest gap.
    """
    table = next(
        (
            one
            for one in tables
            if (one.about["base"], one.about["dataset"], one.about["measure"]) == (base, dataset, "share@1")
        ),
        None,
    )
    if table is None:
        return []
    systems = list(dict.fromkeys(names[:2] for names, _ in table.rows))
    best = narrowest(gaps, base, dataset)
    wanted = [("none", "none"), *([(str(best["recipe"]), str(best["alignment"]))] if best else [])]
    chosen = [key for key in dict.fromkeys(wanted) if key in systems] or systems[:1]
    rows: list[dict[str, Any]] = []
    for recipe, alignment in chosen:
        panel = short(system({"recipe": recipe, "alignment": alignment}))
        for names, figures in table.rows:
            if names[:2] == (recipe, alignment):
                for document, figure in zip(table.columns, figures, strict=True):
                    if figure is not None:
                        about = {"panel": panel, "query": names[2], "documents": document, "value": figure.mean}
                        rows.append(about | {"shown": f"{figure.mean:.2f}"})
    languages = [*gaps["cuts"][0]["high"], *gaps["cuts"][0]["low"]]
    seen = {row[side] for row in rows for side in ("query", "documents")}
    order = [code for code in languages if code in seen] + sorted(seen - set(languages))
    title = f"Language bias: share of first hits by query and document language on {dataset}, {base}"
    alt = f"Heat map: {title}; {len(rows)} cells, every figure under Diagnostics."
    return [heat_map(f"bias {dataset} {base}", title, alt, rows, order)]


def _pair(
    name: str, about: str, rows: Sequence[Mapping[str, Any]], panel: str, measure: str, short: Short
) -> list[Chart]:
    if not rows:
        return []
    drawn = []
    for row in rows:
        these, like = row["interval_these_languages"] or (None, None), row["interval"] or (None, None)
        drawn.append(
            {
                "panel": str(row[panel]),
                "recipe": str(row["recipe"]),
                "alignment": str(row["alignment"] or "none"),
                "low": row["low"],
                "high": row["high"],
                "gap": row["gap"],
                "lower": these[0],
                "upper": these[1],
                "like_lower": like[0],
                "like_upper": like[1],
            }
        )
    panels = ", ".join(dict.fromkeys(row["panel"] for row in drawn))
    low, high = min(row["gap"] for row in drawn), max(row["gap"] for row in drawn)
    systems = len({(row["recipe"], row["alignment"]) for row in drawn})
    alt = (
        f"Points with intervals: the gap in {about}, for {systems} systems ({panels}); from {low:.3f} to {high:.3f}. "
        "Every figure is in the table below."
    )
    other = f"Dumbbells: mean of the low- and the high-resource languages in {about}, for {systems} systems ({panels})."
    brief = [{**row, "recipe": short(row["recipe"]), "alignment": short(row["alignment"])} for row in drawn]
    charts = [
        gap_chart(f"gap {name}", f"Gap in {about}", alt, brief, measure),
        level_chart(f"levels {name}", f"Low- and high-resource means in {about}", other, brief, measure),
    ]
    return [replace(chart, rows=tuple(drawn)) for chart in charts]  # in full in what is downloaded
