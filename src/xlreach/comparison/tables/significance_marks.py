"""Which figures of a table differ from those of the system that they are to be compared with.

As in papers: `*` where the low-resource mean differs from that of the untreated base under the same alignment, `†`
from that of the same recipe without the alignment; p below .05 after Holm over all changes of one data set, setting and
measure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from xlreach.comparison.groups.splits import CONFIG
from xlreach.comparison.tables.results import Figure, Table, task_label
from xlreach.gaps import GapAnalysis
from xlreach.system import System

_ALPHA = 0.05
_SIGNS = {"recipe": "*", "alignment": "†", "retriever": "†"}
_Key = tuple[str | None, System]  # the task and the system


def marked(tables: Sequence[Table], analysis: GapAnalysis) -> list[Table]:
    """The tables with marks at their means of low-resource languages."""
    signs: dict[_Key, str] = {}
    for row in analysis.changes:
        if row.split == CONFIG and row.factor in _SIGNS and row.p_low_holm is not None and row.p_low_holm < _ALPHA:
            key = (task_label(row.kind, row.measure, row.dataset, row.setting), row.system)
            signs[key] = signs.get(key, "") + _SIGNS[row.factor]
    return [_marked(table, signs) for table in tables]


def _marked(table: Table, signs: Mapping[_Key, str]) -> Table:
    about = table.about
    whole = " ".join(str(part) for part in (about.get("dataset"), about.get("setting"), about.get("measure")) if part)
    rows = []
    for names, figures in table.rows:
        parts = dict(zip(table.heads, names, strict=True))
        system = System.of(about.get("base"), *(parts.get(head) for head in ("recipe", "alignment", "retriever")))
        cells: list[Figure | None] = []
        for column, figure in zip(table.columns, figures, strict=True):
            task = column if "measure" not in about else whole if column == "mean low" else None
            sign = signs.get((task, system), "")
            cells.append(replace(figure, marks=sign) if figure is not None and sign else figure)
        rows.append((names, tuple(cells)))
    return replace(table, rows=tuple(rows))
