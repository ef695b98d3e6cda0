"""The figures of every table, from measurements: means over seeds, and what is marked in them.

No layout here: `report` writes them as HTML, CSV and LaTeX.
"""

from __future__ import annotations

from xlreach.comparison.tables.pool_tables import pool_tables
from xlreach.comparison.tables.published import published_tables
from xlreach.comparison.tables.results import (
    Figure,
    Table,
    cost_table,
    diagnostic_tables,
    overview_tables,
    pair_tables,
    preference_tables,
    retrieval_tables,
    tagging_tables,
)
from xlreach.comparison.tables.significance_marks import marked
from xlreach.comparison.tables.tagging_protocols import Point, learning_curves, part_tables, transfer_tables

__all__ = [
    "Figure",
    "Point",
    "Table",
    "cost_table",
    "diagnostic_tables",
    "learning_curves",
    "marked",
    "overview_tables",
    "pair_tables",
    "part_tables",
    "pool_tables",
    "preference_tables",
    "published_tables",
    "retrieval_tables",
    "tagging_tables",
    "transfer_tables",
]
