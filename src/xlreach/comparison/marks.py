"""Which figures of a table differ from those of the system that they are to be compared with.

As in papers: `*` where the low-resource mean differs from that of the untreated base under the same alignment, `†`
from that of the same recipe without the alignment; p below .05 after Holm over all changes of one data set, setting and
measure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from xlreach.comparison.change import BASELINE
from xlreach.comparison.levels import CONFIG
from xlreach.comparison.tables import Figure, Table

_ALPHA = 0.05
_SIGNS = {"recipe": "*", "alignment": "†"}


def marked(tables: Sequence[Table], gaps: Mapping[str, Any]) -> list[Table]:
    """The tables with marks at their means of low-resource languages."""
    signs = _signs(gaps)
    return [_marked(table, signs) for table in tables]


def _signs(gaps: Mapping[str, Any]) -> dict[tuple[Any, ...], str]:
    found: dict[tuple[Any, ...], str] = {}
    for row in gaps["changes"]:
        p = row.get("p_low_holm")
        if row["cut"] == CONFIG and row["factor"] in _SIGNS and p is not None and p < _ALPHA:
            task = row["measure"] if row["kind"] == "tagging" else f"{row['dataset']} {row['setting']} {row['measure']}"
            key = (row["base"], task, row["recipe"], row["alignment"] or BASELINE)
            found[key] = found.get(key, "") + _SIGNS[row["factor"]]
    return found


def _marked(table: Table, signs: Mapping[tuple[Any, ...], str]) -> Table:
    about = table.about
    whole = " ".join(str(part) for part in (about.get("dataset"), about.get("setting"), about.get("measure")) if part)
    rows = []
    for names, figures in table.rows:
        recipe, alignment = names[0], names[1] if len(names) > 1 else BASELINE
        cells: list[Figure | None] = []
        for column, one in zip(table.columns, figures, strict=True):
            task = column if "measure" not in about else whole if column == "mean low" else None
            sign = signs.get((about.get("base"), task, recipe, alignment), "")
            cells.append(replace(one, marks=sign) if one is not None and sign else one)
        rows.append((names, tuple(cells)))
    return replace(table, rows=tuple(rows))
