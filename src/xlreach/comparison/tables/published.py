"""A study's figures beside those of Chau and Smith (2021), "Specializing Multilingual Language Models".

`chau_smith_2021.tsv` holds their means over five seeds (they published no standard deviations), per cent: parts of
speech and labelled attachment on UD 2.5, entities on WikiAnn. Their encoder is multilingual BERT, so only the order of
methods and the size of differences can be set beside a study with another one, and nothing is marked as best.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from xlreach.comparison.tables.results import Figure, Table, collect, figure_of, ordered
from xlreach.measurement import Measurement, is_whole

_WHO = "mBERT (Chau and Smith 2021)"
_DATA = {"accuracy": "UD 2.5", "LAS": "UD 2.5", "F1": "WikiAnn, other data than here"}
_SEEDS = 5


def published_tables(results: Sequence[Measurement], levels: Mapping[str, Sequence[str]]) -> list[Table]:
    """One table a base and task that has languages in common with theirs, in their layout: methods by languages.

    The last column is the mean over the languages that both have, where a method has all of them.
    """
    tables = []
    rows = [
        row
        for row in results
        if row.kind == "tagging" and is_whole(row) and row.sentences is None and row.language in levels["low"]
    ]
    for base, measure in dict.fromkeys((row.base, row.measure) for row in rows):
        theirs = _published().get(measure, {})
        members = [row for row in rows if (row.base, row.measure) == (base, measure)]
        cells = collect((str(row.recipe), str(row.language), row) for row in members)
        codes = ordered({code for values in cells.values() for code in values}, levels)
        shared = [code for code in codes if any(code in figures for figures in theirs.values())]
        if not shared:
            continue
        lines = []
        for recipe, values in cells.items():
            figures = {code: figure_of(of_seeds) for code, of_seeds in values.items()}
            lines.append(((str(base), recipe), _line(figures, codes, shared)))
        for method, figures in theirs.items():
            if set(figures) & set(codes):
                lines.append(((_WHO, method), _line(figures, codes, shared)))
        title = f"{measure}: {base} here, and mBERT as published ({_DATA[measure]}): another encoder"
        heads, about = ("encoder", "method"), {"base": base, "measure": measure}
        columns = (*codes, f"mean of {' '.join(shared)}")
        tables.append(Table(f"published {measure} {base}", title, heads, columns, tuple(lines), about))
    return tables


def _line(figures: Mapping[str, Figure], codes: Sequence[str], shared: Sequence[str]) -> tuple[Figure | None, ...]:
    whole = [figures[code] for code in shared if code in figures]
    complete = len(whole) == len(shared)
    mean = Figure(sum(figure.mean for figure in whole) / len(whole), None, whole[0].seeds) if complete else None
    return (*(figures.get(code) for code in codes), mean)


@cache
def _published() -> dict[str, dict[str, dict[str, Figure]]]:
    """Figures (0 to 1) by measure, method and language."""
    published: dict[str, dict[str, dict[str, Figure]]] = {}
    text = files("xlreach.comparison.tables").joinpath("chau_smith_2021.tsv").read_text("utf-8")
    for row in csv.DictReader(text.splitlines(), delimiter="\t"):
        figure = Figure(float(row["percent"]) / 100, None, _SEEDS)
        published.setdefault(row["measure"], {}).setdefault(row["method"], {})[row["language"]] = figure
    return published
